package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
)

var cp09 = pci.Check{
	ID: "CP-09", Title: "nobody has the kubelet's whole interface", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"7.2.5"}, Guidance: []string{"2.1", "4.2"},
	Why: "The right to nodes/proxy is the right to run commands in every container of the node: the kubelet serves exec under it, past " +
		"admission and past most audit rules, and reading is enough, because exec over a web socket is a read. Agents that only collect metrics ask for it.",
	Fix: "Grant nodes/metrics, nodes/stats, nodes/log, and since Kubernetes 1.33 nodes/pods, nodes/healthz and nodes/configz, instead of nodes/proxy.",
	Evidence: "Every subject to which RBAC grants nodes/proxy everywhere, also by a wildcard. Group system:masters and the API server's own " +
		"client are left out. Source: Kubernetes documentation, kubelet authentication/authorization; KEP-2862.",
	Run: runCp09,
}

func runCp09(in *pci.Input) []pci.Finding {
	access := rbac.Read(in.Cluster)
	if !access.Known {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: "Who has the right to nodes/proxy? Add the roles and bindings of RBAC to the input: kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A -o yaml."}}
	}
	return eachSubject(access, "none has nodes/proxy",
		func(g rbac.Grant) bool { // nodes have no namespace: a grant in one reaches none
			return g.Namespace == "" && !ofAPIServer(g.Subject) && g.Rule.Allows("", []string{"nodes/proxy"}, []string{"get", "create", "update", "patch", "delete"})
		},
		func(d rbac.Dangling) bool { return d.Namespace == "" && !ofAPIServer(d.Subject) },
		func(s rbac.Subject, because []pci.Because) pci.Finding {
			return pci.Finding{
				Status: pci.Fail, Message: fmt.Sprintf("%s has nodes/proxy: it may run commands in every container of every node", s),
				Fix: &pci.Fix{Text: "replace nodes/proxy by the subresources that are used (nodes/metrics, nodes/stats, nodes/pods)"},
			}
		})
}

// ofAPIServer tells of the subjects that have everything by design: the group of the administrator's
// certificate, and the users kubeadm and others give the API server towards kubelets.
func ofAPIServer(s rbac.Subject) bool {
	return s == rbac.Subject{Kind: "Group", Name: "system:masters"} ||
		s.Kind == "User" && slices.Contains([]string{"kube-apiserver", "kube-apiserver-kubelet-client", "system:kube-apiserver", "kubernetes"}, s.Name) ||
		s == rbac.Subject{Kind: "Group", Name: "kubeadm:cluster-admins"}
}

// eachSubject gathers grants by subject: a finding for each that has one that is wrong, and one undecided for
// each binding in question whose role is not in the input. Roles that come with every API server are known not
// to be wrong here and are passed over.
func eachSubject(access rbac.Access, sentence string, wrong func(rbac.Grant) bool, open func(rbac.Dangling) bool, say func(rbac.Subject, []pci.Because) pci.Finding) []pci.Finding {
	because := map[rbac.Subject][]pci.Because{}
	seen, bad := map[rbac.Subject]bool{}, map[rbac.Subject]bool{}
	var order []rbac.Subject
	for _, g := range access.Grants {
		seen[g.Subject] = true
		if !wrong(g) {
			continue
		}
		bad[g.Subject] = true
		if because[g.Subject] == nil {
			order = append(order, g.Subject)
		}
		because[g.Subject] = append(because[g.Subject], pci.Because{Ref: g.Role, Pos: g.Pos, Msg: ruleText(g.Rule)}, pci.Because{Ref: g.Binding, Pos: g.At, Msg: "gives it to " + g.Subject.String()})
	}
	var found []pci.Finding
	for _, s := range order {
		f := say(s, because[s])
		f.Because, f.Key = tidy(because[s]), s.String()
		f.Pos = f.Because[0].Pos
		for _, b := range f.Because {
			if strings.HasSuffix(b.Ref.Kind, "Binding") {
				f.Subject, f.Pos = b.Ref, b.Pos
				break
			}
		}
		found = append(found, f)
	}
	for _, d := range access.Dangling {
		if !open(d) || harmless(d) {
			continue
		}
		seen[d.Subject], bad[d.Subject] = true, true
		found = append(found, pci.Finding{
			Status: pci.Unknown, Subject: d.Binding, Pos: d.Pos, Key: d.Subject.String(),
			Message: fmt.Sprintf("what %s may do is not known: %s is not in the input", d.Subject, d.Role),
		})
	}
	return withSummary(found, len(seen), len(seen)-len(bad), "subjects of bindings", sentence)
}

// harmless tells of bindings to roles that the API server creates itself and that give neither nodes/proxy nor
// writing to policies (Kubernetes documentation, default roles).
func harmless(d rbac.Dangling) bool {
	return d.Role.Kind == "ClusterRole" && slices.Contains([]string{
		"view", "system:basic-user", "system:discovery", "system:public-info-viewer", "system:monitoring", "system:heapster",
		"system:auth-delegator", "system:node-bootstrapper", "system:node-proxier", "system:kube-scheduler", "system:kube-dns",
		"system:service-account-issuer-discovery", "system:volume-scheduler", "system:persistent-volume-provisioner", "system:node",
		"system:certificates.k8s.io:certificatesigningrequests:nodeclient", "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
	}, d.Role.Name)
}
