package checks

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tel05 = pci.Check{
	ID: "TEL-05", Title: "changes of network controls are in the audit log, and it travels over TLS", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"10.2.1", "10.3.3"}, Guidance: []string{"7.1"},
	Why: "The API server's audit log is the only place that tells who changed a network policy, and to what. It is off by default, and what its " +
		"policy leaves out never comes back.",
	Fix: "Give the API server an audit policy that keeps writes to network policies, namespaces and RBAC at RequestResponse, and a place to send " +
		"the log to over https.",
	Evidence: "The audit flags of each kube-apiserver; of an audit Policy, the first rule that takes a change of a NetworkPolicy by a person; of Amazon " +
		"EKS, the log types that are switched on. The kubeconfig of an audit webhook is not read. Source: Kubernetes documentation, auditing.",
	Run: runTel05,
}

func runTel05(in *pci.Input) []pci.Finding {
	found := auditPolicies(in)
	if eks := in.Cluster.Kind(imports, "EKSCluster"); len(eks) > 0 {
		return append(found, described(in, providers()[0], "send the audit log to CloudWatch", eksAudit)...)
	}
	return append(found, eachAPIServer(in, "Is the API server's audit log on, and who gets it? Add the manifest of kube-apiserver to the input.",
		"keep an audit log", auditFlags)...)
}

func eksAudit(o *object.Object) *pci.Finding {
	logging := o.Root.Get("spec", "logging", "clusterLogging")
	for _, l := range logging.List() {
		has := slices.ContainsFunc(l.Get("types").List(), func(v *object.Value) bool { return v.Str() == "audit" })
		if has && l.Get("enabled").True() {
			return nil
		}
	}
	if logging == nil {
		return &pci.Finding{Status: pci.Unknown, Key: "logging", Message: "the output does not say which logs are on (logging.clusterLogging)"}
	}
	return &pci.Finding{
		Status: pci.Fail, Pos: o.At(logging), Key: "logging", Message: "the audit log is not switched on (logging.clusterLogging)",
		Fix: &pci.Fix{Text: "switch the log type audit on"},
	}
}

func auditFlags(c component) *pci.Finding {
	_, policy, sure := c.get("audit-policy-file")
	log, hasLog, sureLog := c.get("audit-log-path")
	hook, hasHook, sureHook := c.get("audit-webhook-config-file")
	switch {
	case policy && hasHook:
		return &pci.Finding{Status: pci.Manual, Pos: hook.pos, Key: "hook", Message: fmt.Sprintf("sends its audit log as %s says. Is the server in that file an https address, with its authority?", hook.value)}
	case policy && hasLog && log.value == "-":
		return &pci.Finding{Status: pci.Manual, Pos: log.pos, Key: "out", Message: "writes its audit log to standard output. Does the shipper of the node's logs take it, over TLS?"}
	case policy && hasLog:
		return nil
	case !sure || !sureLog || !sureHook:
		return &pci.Finding{Status: pci.Unknown, Key: "audit", Message: "whether it keeps an audit log is not known"}
	case !policy:
		return &pci.Finding{Status: pci.Fail, Key: "policy", Message: "keeps no audit log: --audit-policy-file is not set", Fix: &pci.Fix{Text: "set --audit-policy-file, and --audit-log-path or --audit-webhook-config-file"}}
	}
	return &pci.Finding{Status: pci.Fail, Key: "nowhere", Message: "has an audit policy and nowhere to write to: neither --audit-log-path nor --audit-webhook-config-file is set"}
}

// auditPolicies judges what an audit policy keeps of a change to a NetworkPolicy by a person.
func auditPolicies(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	all := in.Cluster.Kind("audit.k8s.io", "Policy")
	for _, o := range all {
		level, rule := auditLevel(o)
		f := pci.Finding{Subject: o.Ref, Pos: o.At(rule), Key: "level", Severity: pci.Medium}
		switch level {
		case "RequestResponse", "Request":
			continue
		case "Metadata":
			f.Status = pci.Manual
			f.Message = "keeps who changed a network policy and when, and not what was changed. Is the content of changes kept elsewhere, for those past Git too?"
		case "None", "":
			f.Status = pci.Fail
			f.Message = "keeps nothing of a change to a network policy"
			f.Fix = &pci.Fix{Text: "add, as the first rule, one with level RequestResponse for the verbs create, update, patch and delete of networking.k8s.io"}
		default:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("the level %q is not known", level)
		}
		found = append(found, f)
	}
	if len(all) == 0 {
		return nil
	}
	return withSummary(found, len(all), len(all)-len(found), "audit policies", "keep changes of network policies with their content")
}

// auditLevel gives the level of the first rule that takes the request; "" when none does, which is not kept.
func auditLevel(o *object.Object) (string, *object.Value) {
	for _, r := range o.Root.Get("rules").List() {
		if anyOf(r.Get("nonResourceURLs")) || !holds(r.Get("verbs"), "patch", "update", "*") || len(r.Get("users").List()) > 0 || len(r.Get("namespaces").List()) > 0 {
			continue // rules for certain users and namespaces do not take everybody's
		}
		if groups := r.Get("userGroups"); len(groups.List()) > 0 && !holds(groups, "system:authenticated") {
			continue
		}
		resources := r.Get("resources").List()
		takes := len(resources) == 0
		for _, g := range resources {
			if g.Get("group").Str() == "networking.k8s.io" && len(g.Get("resourceNames").List()) == 0 && holds(g.Get("resources"), "networkpolicies", "*") {
				takes = true
			}
		}
		if takes {
			return r.Get("level").Str(), r
		}
	}
	return "", nil
}

// holds tells whether a list has one of the values; a list that is not there has all of them.
func holds(list *object.Value, values ...string) bool {
	return len(list.List()) == 0 || slices.ContainsFunc(list.List(), func(v *object.Value) bool { return slices.Contains(values, v.Str()) })
}
