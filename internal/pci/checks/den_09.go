package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
)

var den09 = pci.Check{
	ID: "DEN-09", Title: "the labels that let pods into the cardholder data environment are not for strangers to take", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"1.3.1", "7.2.5"}, Guidance: []string{"16.4"}, NeedsScope: true,
	Why: "A policy that lets in pods with a label trusts everybody who may create pods with that label, and one that goes by a label of namespaces " +
		"everybody who may label namespaces. An account outside of the environment with that right walks in without touching a policy.",
	Fix: "Let one deployment system alone create workloads in the namespaces that the policies name and label namespaces; select namespaces by " +
		"kubernetes.io/metadata.name, which nobody can set; refuse the labels to others by admission.",
	Evidence: "The rules that let pods into the cardholder data environment by labels, and each subject that RBAC lets create or change pods or " +
		"their controllers where such a pod would be let in, or change labels of namespaces. Accounts of workloads outside of it and groups that " +
		"hold everybody fail; people and systems are listed. What admission rules and webhooks refuse is not computed: where one may, it is undecided.",
	Run: runDen09,
}

// trusted is one way to be let in by labels.
type trusted struct {
	peer policy.Peer
	by   *policy.Policy
}

func runDen09(in *pci.Input) []pci.Finding {
	cde := in.Scope.Of(pci.CDE, pci.CDEStore)
	if len(cde) == 0 {
		return []pci.Finding{{Status: pci.NotApplicable, Key: "none", Message: "no workload of the input is in the cardholder data environment"}}
	}
	trusts := trustedPeers(in, cde)
	if len(trusts) == 0 {
		return []pci.Finding{{Status: pci.Pass, Key: "summary", Message: "no rule lets anybody into the cardholder data environment by labels"}}
	}
	access := rbac.Read(in.Cluster)
	if !access.Known {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: fmt.Sprintf("Who may create pods and label namespaces? %d rules trust labels. Add the roles and bindings of RBAC to the input: kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A -o yaml.", len(trusts))}}
	}
	where := podNamespaces(in, trusts)
	byLabel := namespaceLabels(trusts)
	guards := admissionRules(in, trusts)
	var people []string
	var because []pci.Because
	found := eachSubject(access, "none of them is outside of the cardholder data environment and can take a trusted label",
		func(g rbac.Grant) bool {
			return !ofAPIServer(g.Subject) && !ofController(g.Subject) && entersBy(g, where, byLabel) != ""
		},
		func(d rbac.Dangling) bool {
			return !ofAPIServer(d.Subject) && !ofController(d.Subject) && (d.Namespace == "" || where[d.Namespace] != nil)
		},
		func(s rbac.Subject, b []pci.Because) pci.Finding {
			f := pci.Finding{Status: pci.Manual, Message: s.String()}
			w := workloadOf(in, s)
			switch {
			case everybody(s):
				f.Status, f.Message = pci.Fail, fmt.Sprintf("%s can take a label that policies of the cardholder data environment trust, and that group holds every account of its kind", s)
			case w != nil && outside(in, w):
				f.Status, f.Message = pci.Fail, fmt.Sprintf("%s, with which %s runs outside of the cardholder data environment, can take a label that policies trust", s, w.Ref)
			}
			if f.Status == pci.Fail {
				f.Severity = pci.High.Up()
				f.Fix = &pci.Fix{Text: "take the right away, or let the rules name what the account cannot set"}
				if len(guards) > 0 {
					f.Status, f.Fix = pci.Unknown, nil
					f.Message += "; admission rules or webhooks may refuse such a label, which is not computed"
				}
			}
			return f
		})
	out := found[:0:0]
	var n pci.Population
	for _, f := range found {
		n = f.Population
		switch f.Status {
		case pci.Manual:
			people, because = append(people, f.Message), append(because, f.Because...)
			continue
		case pci.Unknown:
			f.Because = tidy(append(f.Because, guards...))
		default:
		}
		out = append(out, f)
	}
	if len(people) > 0 {
		for _, t := range trusts {
			because = append(because, pci.Because{Ref: t.by.Ref, Pos: t.peer.Pos, Msg: "lets in " + peerText(&t.peer)})
		}
		out = append(out, pci.Finding{Status: pci.Manual, Key: "people", Population: n, Because: tidy(because), Message: "Are all of these trusted with the labels that let pods into the cardholder data environment? " + listed(people) + "."})
	}
	return out
}

// trustedPeers is the selectors of rules that allow pods into the environment, each once.
func trustedPeers(in *pci.Input, cde []*cluster.Workload) []trusted {
	var out []trusted
	seen := map[*policy.Policy]bool{}
	for _, w := range cde {
		for _, p := range boundPods(w) {
			for _, q := range in.Model.Isolation(p, policy.Ingress).Policies {
				if seen[q] {
					continue
				}
				seen[q] = true
				for _, r := range q.Rules {
					for _, peer := range r.Peers {
						if r.Direction == policy.Ingress && r.Action == policy.Allow && peer.Kind == policy.PodPeer {
							out = append(out, trusted{peer, q})
						}
					}
				}
			}
		}
	}
	return out
}

// podNamespaces is the namespaces in which a new pod would be let in by its labels or its place.
func podNamespaces(in *pci.Input, trusts []trusted) map[string]*trusted {
	out := map[string]*trusted{}
	for i := range trusts {
		t := &trusts[i]
		for _, ns := range in.Cluster.Namespaces {
			named := t.peer.Namespace == ns.Name || t.peer.Namespace == "" && t.peer.NamespaceSelector.Matches(ns.Labels)
			if named && out[ns.Name] == nil && len(t.peer.ServiceAccounts)+len(t.peer.Facts) == 0 {
				out[ns.Name] = t
			}
		}
	}
	return out
}

// namespaceLabels tells whether some peer goes by a label of namespaces that can be set.
func namespaceLabels(trusts []trusted) bool {
	return slices.ContainsFunc(trusts, func(t trusted) bool {
		return t.peer.Namespace == "" && slices.ContainsFunc(t.peer.NamespaceSelector, func(r cluster.Requirement) bool { return r.Key != cluster.NameLabel })
	})
}

// entersBy says how a grant leads in: by making pods, or by labelling namespaces; "" when it does not.
func entersBy(g rbac.Grant, where map[string]*trusted, byLabel bool) string {
	write := []string{"create", "update", "patch"}
	pods := g.Rule.Allows("", []string{"pods", "replicationcontrollers"}, write) ||
		g.Rule.Allows("apps", []string{"deployments", "daemonsets", "statefulsets", "replicasets"}, write) || g.Rule.Allows("batch", []string{"jobs", "cronjobs"}, write)
	switch {
	case pods && (g.Namespace == "" && len(where) > 0 || where[g.Namespace] != nil):
		return "pods"
	case byLabel && g.Namespace == "" && g.Rule.Allows("", []string{"namespaces"}, write):
		return "namespaces"
	}
	return ""
}

// outside tells of workloads that are neither in the environment nor declared to affect it.
func outside(in *pci.Input, w *cluster.Workload) bool {
	c := in.Scope.Class(w)
	return c == pci.OutOfScope || c == pci.Unclassified
}

// ofController tells of the accounts that the control plane's own controllers run with (Kubernetes documentation, RBAC,
// controller roles). They act for whoever made the object that they act on.
func ofController(s rbac.Subject) bool {
	return s.Kind == "User" && slices.Contains([]string{"system:kube-controller-manager", "system:kube-scheduler"}, s.Name) ||
		s.Kind == "Group" && s.Name == "system:nodes" || s.Kind == "ServiceAccount" && s.Namespace == "kube-system" && strings.HasSuffix(s.Name, "-controller")
}

// admissionRules is objects of admission controllers that name a trusted label.
func admissionRules(in *pci.Input, trusts []trusted) []pci.Because {
	keys := map[string]bool{}
	for _, t := range trusts {
		for _, r := range slices.Concat(t.peer.Pods, t.peer.NamespaceSelector) {
			if r.Key != cluster.NameLabel {
				keys[r.Key] = true
			}
		}
	}
	var out []pci.Because
	for _, o := range in.Cluster.Objects {
		switch {
		case o.Ref.Group == "kyverno.io" || o.Ref.Group == "policies.kyverno.io":
		case o.Ref.Group == "constraints.gatekeeper.sh":
		case o.Ref.Group == "admissionregistration.k8s.io" && o.Ref.Kind == "ValidatingAdmissionPolicy":
		case o.Ref.Group == "admissionregistration.k8s.io" && o.Ref.Kind == "ValidatingWebhookConfiguration":
			if at := asksAboutPods(o); at != nil { // Gatekeeper's constraints and others are behind it
				out = append(out, pci.Because{Ref: o.Ref, Pos: o.At(at), Msg: "is asked about pods and may refuse them"})
			}
			continue
		default:
			continue
		}
		if at := mentions(o.Root.Get("spec"), keys); at != nil {
			out = append(out, pci.Because{Ref: o.Ref, Pos: o.At(at), Msg: "speaks of a trusted label"})
		}
	}
	return out
}

// asksAboutPods finds a rule of a webhook about pods, what makes them, or namespaces.
func asksAboutPods(o *object.Object) *object.Value {
	for _, w := range o.Root.Get("webhooks").List() {
		for _, r := range w.Get("rules").List() {
			for _, v := range r.Get("resources").List() {
				group := r.Get("apiGroups").List()
				core := slices.ContainsFunc(group, func(g *object.Value) bool { return g.Str() == "" || g.Str() == "*" || g.Str() == "apps" })
				if core && slices.Contains([]string{"*", "*/*", "pods", "deployments", "namespaces"}, v.Str()) {
					return r
				}
			}
		}
	}
	return nil
}

// mentions finds a value or the value of a field whose text names one of the keys.
func mentions(v *object.Value, keys map[string]bool) *object.Value {
	named := func(s string) bool {
		for k := range keys {
			if strings.Contains(s, k) {
				return true
			}
		}
		return false
	}
	for _, f := range v.Map() {
		if named(f.Name) && f.Value != nil {
			return f.Value
		}
		if at := mentions(f.Value, keys); at != nil {
			return at
		}
	}
	for _, it := range v.List() {
		if at := mentions(it, keys); at != nil {
			return at
		}
	}
	if named(v.Str()) {
		return v
	}
	return nil
}
