package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
)

var cp11 = pci.Check{
	ID: "CP-11", Title: "only those meant to may change network controls", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"1.2.2", "1.2.8", "7.2.1"}, Guidance: []string{"2.1", "16.4"},
	Why: "A policy binds a workload only as long as the workload cannot change it. An account that may write policies, or the labels policies go " +
		"by, opens the network without touching it, past every review.",
	Fix: "Let one deployment system write network policies and the labels of namespaces, and give applications and all-embracing groups no such right.",
	Evidence: "Every subject to which RBAC grants writing to a kind of network control: policies of Kubernetes, Calico, Cilium, Antrea and meshes, " +
		"and namespaces, whose labels policies select by. A workload of the cardholder data environment, and a group that holds everybody, fail. " +
		"The rest is listed for approval.",
	Run: runCp11,
}

// controls is the kinds that segment, by API group.
func controls() map[string][]string {
	return map[string][]string{
		"":                         {"namespaces"},
		"networking.k8s.io":        {"networkpolicies"},
		"policy.networking.k8s.io": {"adminnetworkpolicies", "baselineadminnetworkpolicies", "clusternetworkpolicies"},
		"crd.projectcalico.org":    {"networkpolicies", "globalnetworkpolicies", "tiers", "felixconfigurations"},
		"projectcalico.org":        {"networkpolicies", "globalnetworkpolicies", "tiers", "felixconfigurations"},
		"cilium.io":                {"ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"},
		"crd.antrea.io":            {"networkpolicies", "clusternetworkpolicies", "tiers"},
		"security.istio.io":        {"authorizationpolicies", "peerauthentications"},
		"policy.linkerd.io":        {"authorizationpolicies", "servers"},
	}
}

func writesControls(r rbac.Rule) bool {
	for group, resources := range controls() {
		if r.Allows(group, resources, []string{"create", "update", "patch", "delete", "deletecollection"}) {
			return true
		}
	}
	return false
}

func runCp11(in *pci.Input) []pci.Finding {
	access := rbac.Read(in.Cluster)
	if !access.Known {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: "Who may change network policies and the labels of namespaces? Add the roles and bindings of RBAC to the input: kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A -o yaml."}}
	}
	var listing []string
	var where []pci.Because
	found := eachSubject(access, "none may change network controls",
		func(g rbac.Grant) bool { return !ofAPIServer(g.Subject) && writesControls(g.Rule) },
		func(d rbac.Dangling) bool { return !ofAPIServer(d.Subject) },
		func(s rbac.Subject, because []pci.Because) pci.Finding {
			f := pci.Finding{Status: pci.Manual, Message: s.String()}
			switch w := workloadOf(in, s); {
			case everybody(s):
				f.Status, f.Message = pci.Fail, fmt.Sprintf("%s may change network controls, and that group holds every account of its kind", s)
				f.Severity = pci.High
			case w != nil && in.Scope.InCDE(w):
				f.Status, f.Severity = pci.Fail, pci.Medium.Up()
				f.Message = fmt.Sprintf("%s may change network controls, and %s runs with it: whoever takes over its pods can open its network", s, w.Ref)
			}
			if f.Status == pci.Fail {
				f.Fix = &pci.Fix{Text: "take the right away, or give it to an account that no workload of the cardholder data environment runs with"}
			}
			return f
		})
	out := found[:0:0]
	var n pci.Population
	for _, f := range found { // those to be approved make one question
		n = f.Population
		if f.Status != pci.Manual {
			out = append(out, f)
			continue
		}
		listing = append(listing, f.Message)
		where = append(where, f.Because...)
	}
	if len(listing) > 0 {
		out = append(out, pci.Finding{
			Status: pci.Manual, Key: "approve", Population: n, Because: tidy(where),
			Message: "Are all of these approved to change network controls, and reviewed every six months? " + listed(listing) + ".",
		})
	}
	return out
}

// everybody tells of groups that hold whole populations (Kubernetes documentation, authenticating).
func everybody(s rbac.Subject) bool {
	return s.Kind == "Group" && (slices.Contains([]string{"system:authenticated", "system:unauthenticated", "system:serviceaccounts"}, s.Name) ||
		strings.HasPrefix(s.Name, "system:serviceaccounts:")) || s == rbac.Subject{Kind: "User", Name: "system:anonymous"}
}

// workloadOf finds a workload that runs with the account; one of the cardholder data environment first.
func workloadOf(in *pci.Input, s rbac.Subject) *cluster.Workload {
	var some *cluster.Workload
	if s.Kind != "ServiceAccount" {
		return nil
	}
	for _, p := range in.Cluster.Pods {
		if p.Namespace.Name != s.Namespace || p.ServiceAccount != s.Name {
			continue
		}
		if in.Scope.InCDE(p.Workload) {
			return p.Workload
		}
		if some == nil {
			some = p.Workload
		}
	}
	return some
}
