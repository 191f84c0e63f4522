package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
)

var cp05 = pci.Check{
	ID: "CP-05", Title: "the API server does not serve strangers", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"2.2.6", "7.3.1"}, Guidance: []string{"1.1"},
	Why: "Anonymous requests are let in by default and count as the user system:anonymous. What RBAC grants to that user, or to the group " +
		"system:unauthenticated, is granted to everybody who reaches the API server.",
	Fix: "Start the API server with --anonymous-auth=false, or with an AuthenticationConfiguration that allows anonymous requests for the paths " +
		"of health checks only. Grant nothing to system:anonymous and system:unauthenticated.",
	Evidence: "The flags of each kube-apiserver in the input, the AuthenticationConfiguration, and RBAC. The API server's own grant of version and " +
		"health paths (system:public-info-viewer) and that of kubeadm for joining nodes are not counted. Source: Kubernetes documentation, " +
		"Authenticating, anonymous requests.",
	Run: runCp05,
}

func runCp05(in *pci.Input) []pci.Finding {
	found := eachAPIServer(in, "Does the API server take anonymous requests? Add the manifest of kube-apiserver to the input.",
		"no anonymous requests but for health", func(c component) *pci.Finding { return anonymous(in, c) })
	return append(found, strangersGrants(in)...)
}

// healthPaths may be asked without a name: probes of load balancers do.
var healthPaths = []string{"/livez", "/readyz", "/healthz"}

func anonymous(in *pci.Input, c component) *pci.Finding {
	const everybody = "takes anonymous requests for every path: --anonymous-auth is not false"
	config, has, _ := c.get("authentication-config")
	if f, set, _ := c.get("anonymous-auth"); set || !has {
		bad := c.boolFlag("anonymous-auth", false, true, everybody)
		if bad != nil && bad.Status == pci.Fail {
			bad.Fix = &pci.Fix{Text: "set --anonymous-auth=false, and give probes of its health another way in (an AuthenticationConfiguration with their paths)"}
			bad.Pos = f.pos
		}
		return bad
	}
	objects := in.Cluster.Kind("apiserver.config.k8s.io", "AuthenticationConfiguration")
	if len(objects) != 1 {
		return &pci.Finding{Status: pci.Unknown, Pos: config.pos, Key: "config", Message: fmt.Sprintf("its AuthenticationConfiguration %s is not in the input, or there are several", config.value)}
	}
	o := objects[0]
	a := o.Root.Get("anonymous")
	if !a.IsSet() {
		return &pci.Finding{Status: pci.Fail, Pos: o.Pos, Key: "config", Message: everybody + ", and its AuthenticationConfiguration does not speak of them"}
	}
	if !a.Get("enabled").True() {
		return nil
	}
	var open []string
	for _, v := range a.Get("conditions").List() {
		if p := v.Get("path").Str(); !slices.Contains(healthPaths, p) {
			open = append(open, p)
		}
	}
	if len(a.Get("conditions").List()) == 0 {
		open = append(open, "every path")
	}
	if len(open) > 0 {
		return &pci.Finding{Status: pci.Fail, Pos: o.At(a), Key: "paths", Message: "takes anonymous requests for " + listed(open)}
	}
	return nil
}

// strangersGrants finds what RBAC grants to callers without a name.
func strangersGrants(in *pci.Input) []pci.Finding {
	access := rbac.Read(in.Cluster)
	given := map[object.Ref]*pci.Finding{}
	var order []object.Ref
	add := func(s rbac.Subject, binding, role object.Ref, pos object.Pos, because pci.Because, unknown bool) {
		if s != (rbac.Subject{Kind: "User", Name: "system:anonymous"}) && s != (rbac.Subject{Kind: "Group", Name: "system:unauthenticated"}) || builtIn(binding) {
			return
		}
		f := given[binding]
		if f == nil {
			f = &pci.Finding{
				Subject: binding, Pos: pos, Status: pci.Fail, Key: s.String(), Message: fmt.Sprintf("grants %s to %s, which is everybody without a name", role, s),
				Fix: &pci.Fix{Text: "delete the binding, or give the rights to a named ServiceAccount"},
			}
			given[binding], order = f, append(order, binding)
		}
		if unknown {
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("grants %s, which is not in the input, to %s", role, s)
		}
		f.Because = append(f.Because, because)
	}
	for _, g := range access.Grants {
		add(g.Subject, g.Binding, g.Role, g.At, pci.Because{Ref: g.Role, Pos: g.Pos, Msg: ruleText(g.Rule)}, false)
	}
	for _, d := range access.Dangling {
		add(d.Subject, d.Binding, d.Role, d.Pos, pci.Because{Ref: d.Role, Msg: "is not in the input"}, true)
	}
	var found []pci.Finding
	for _, ref := range order {
		f := given[ref]
		f.Because = tidy(f.Because)
		found = append(found, *f)
	}
	return found
}

// builtIn tells of the two grants to strangers that come with a cluster.
func builtIn(binding object.Ref) bool {
	return binding.Kind == "ClusterRoleBinding" && binding.Name == "system:public-info-viewer" ||
		binding.Kind == "RoleBinding" && binding.Namespace == "kube-public" && binding.Name == "kubeadm:bootstrap-signer-clusterinfo"
}

// ruleText writes a rule: "may get, list pods, pods/log of group apps".
func ruleText(r rbac.Rule) string {
	out := "may " + strings.Join(r.Verbs, ", ") + " " + listed(r.Resources)
	if len(r.Resources) == 0 {
		out = "may " + strings.Join(r.Verbs, ", ") + " certain paths"
	}
	if len(r.Groups) > 1 || len(r.Groups) == 1 && r.Groups[0] != "" {
		out += " of " + listed(r.Groups)
	}
	if len(r.Names) > 0 {
		out += " named " + listed(r.Names)
	}
	return out
}
