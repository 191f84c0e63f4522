package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
)

var sco02 = pci.Check{
	ID: "SCO-02", Title: "nobody out of scope can rewrite the labels that the scope goes by", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"7.2.1", "7.2.5"}, Guidance: []string{"16.4"}, NeedsScope: true,
	Why: "Where a label says what is in scope, whoever may write it may take a workload out of the inventory, and out of reach of the policies " +
		"that select by the same label. No packet and no review is needed for that.",
	Fix: "Let zones go by the names of namespaces, or take the right to write pods and namespaces of the cardholder data environment from " +
		"accounts out of scope, and name those who keep it as writers of a protected label.",
	Evidence: "Every subject to which RBAC grants writing the labels in question in a namespace of the cardholder data environment: on namespaces, or " +
		"on pods and what makes them. An account of a workload out of scope and a group that holds everybody fail; writers that the Segmentation " +
		"names for all the labels hold; others are listed for approval. Admission rules that protect labels are not evaluated.",
	Run: runSco02,
}

func runSco02(in *pci.Input) []pci.Finding {
	cde := in.Scope.Of(pci.CDE, pci.CDEStore)
	if len(cde) == 0 {
		return []pci.Finding{{Status: pci.NotApplicable, Key: "none", Message: "no workload of the input is in the cardholder data environment"}}
	}
	pods, namespaces := in.Scope.Labels()
	keys := slices.Concat(pods, namespaces)
	if len(keys) == 0 {
		return []pci.Finding{{
			Status: pci.Pass, Key: "summary", Population: pci.Population{Of: len(cde), Holds: len(cde), What: "workloads"},
			Message: fmt.Sprintf("%d of %d workloads: in the cardholder data environment by names that no label changes", len(cde), len(cde)),
		}}
	}
	access := rbac.Read(in.Cluster)
	if !access.Known {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: fmt.Sprintf(
			"Who may write the labels that the scope goes by (%s)? Add the roles and bindings of RBAC to the input: kubectl get clusterroles,clusterrolebindings,roles,rolebindings -A -o yaml.", listed(keys))}}
	}
	var names []string
	if len(pods) > 0 {
		names = append(names, "write-pods", "create-pods")
	}
	if len(namespaces) > 0 {
		names = append(names, "write-namespaces")
	}
	places := namespacesOf(cde)
	wrong := func(g rbac.Grant) bool {
		return !ofControlPlane(g.Subject) && !writerOf(in, g.Subject, keys) &&
			slices.ContainsFunc(g.Over(places), func(p rbac.Power) bool { return slices.Contains(names, p.Name) })
	}
	open := unsettled(access, places)
	return approved(eachSubject(access, "none may write the labels that the scope goes by", wrong, open,
		func(s rbac.Subject, _ []pci.Because) pci.Finding {
			return judged(in, s, "write the labels that the scope goes by ("+listed(keys)+")")
		}), "Are all of these meant to write the labels that the scope goes by ("+listed(keys)+")?")
}

// judged is the finding about a subject that may do something in the cardholder data environment: failed for
// a group that holds everybody and for the account of a workload out of scope, else to be approved.
func judged(in *pci.Input, s rbac.Subject, does string) pci.Finding {
	f := pci.Finding{Status: pci.Manual, Message: s.String()}
	if everybody(s) {
		f.Status, f.Message = pci.Fail, fmt.Sprintf("%s may %s, and that group holds every account of its kind", s, does)
	}
	if s.Kind == "ServiceAccount" {
		i := slices.IndexFunc(in.Cluster.Pods, func(p *cluster.Pod) bool {
			class := in.Scope.Class(p.Workload)
			return p.Namespace.Name == s.Namespace && p.ServiceAccount == s.Name && (class == pci.OutOfScope || class == pci.Unclassified)
		})
		if i >= 0 {
			w := in.Cluster.Pods[i].Workload
			f.Status, f.Message = pci.Fail, fmt.Sprintf("%s may %s, and %s, which is %s, runs with it", s, does, w.Ref, in.Scope.Class(w))
			if in.Scope.Unsure(w) {
				f.Status = pci.Unknown
			}
		}
	}
	if f.Status == pci.Fail {
		f.Fix = &pci.Fix{Text: "take the right away, or bring who has it into scope"}
	}
	return f
}

// approved makes one question of all findings that are to be approved.
func approved(found []pci.Finding, question string) []pci.Finding {
	out := found[:0:0]
	var names []string
	var where []pci.Because
	var n pci.Population
	for _, f := range found {
		n = f.Population
		if f.Status != pci.Manual || f.Key == "absent" {
			out = append(out, f)
			continue
		}
		names, where = append(names, f.Message), append(where, f.Because...)
	}
	if len(names) > 0 {
		out = append(out, pci.Finding{Status: pci.Manual, Key: "approve", Population: n, Because: tidy(where), Message: question + " " + listed(names) + "."})
	}
	return out
}

// writerOf tells whether the Segmentation names the subject as a writer of every one of the labels.
func writerOf(in *pci.Input, s rbac.Subject, keys []string) bool {
	return in.Intent != nil && !slices.ContainsFunc(keys, func(key string) bool {
		return !slices.ContainsFunc(in.Intent.ProtectedLabels, func(l pci.ProtectedLabel) bool {
			return l.Key == key && slices.Contains(l.Writers, s.String())
		})
	})
}

// ofControlPlane tells of subjects that are parts of Kubernetes: they rule every object by design.
func ofControlPlane(s rbac.Subject) bool {
	return ofAPIServer(s) || s.Kind == "User" && strings.HasPrefix(s.Name, "system:kube-") || s == rbac.Subject{Kind: "Group", Name: "system:nodes"}
}

// unsettled tells of bindings that may give a power over some namespaces, and whose role is not in the input.
func unsettled(access rbac.Access, namespaces []string) func(rbac.Dangling) bool {
	open := access.Unsettled(namespaces)
	return func(d rbac.Dangling) bool { return !ofControlPlane(d.Subject) && slices.Contains(open, d) }
}

// namespacesOf is the namespaces of workloads, sorted.
func namespacesOf(ws []*cluster.Workload) []string {
	var out []string
	for _, w := range ws {
		out = append(out, w.Ref.Namespace)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
