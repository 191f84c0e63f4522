package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var den01 = pci.Check{
	ID: "DEN-01", Title: "every pod is isolated for ingress", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.1", "1.3.1"}, Guidance: []string{"4.1"},
	Why: "A pod that no policy isolates for ingress accepts every connection from every pod and node, and from outside where a route exists. " +
		"That a NetworkPolicy exists somewhere in the namespace proves nothing: it must select the pod and act on ingress.",
	Fix:      "Add a policy with an empty podSelector and policyTypes: [Ingress] to the namespace, then allow what the workload needs.",
	Evidence: "For each pod, the policies that isolate it, with file and line, and the number of pods looked at: all of them.",
	Run:      func(in *pci.Input) []pci.Finding { return isolated(in, policy.Ingress) },
}

// isolated finds the workloads with pods that are not certainly isolated in a direction.
func isolated(in *pci.Input, d policy.Direction) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	for _, w := range in.Cluster.Workloads {
		var open, unsure int
		var because []pci.Because
		pods := boundPods(w)
		for _, p := range pods {
			iso := in.Model.Isolation(p, d)
			switch {
			case iso.Must:
				holds++
			case iso.May:
				unsure++
				if len(because) == 0 {
					because = pci.ReasonsOf(iso.Reasons)
				}
			default:
				open++
			}
		}
		of += len(pods)
		if open+unsure == 0 {
			continue
		}
		f := pci.Finding{Subject: w.Ref, Pos: w.Pos, Severity: in.SeverityFor(pci.High, w)}
		if open > 0 {
			f.Status = pci.Fail
			f.Message = fmt.Sprintf("%s not isolated for %s: no policy that is enforced selects them for it", some(open, len(pods)), d)
			f.Because = nearPolicies(in, w.Ref.Namespace, d)
			f.Witness = fromAnywhere(in.Model, w, d)
			f.Fix = isolateFix(in, w.Ref.Namespace, d)
		} else {
			f.Status = pci.Unknown
			f.Message = fmt.Sprintf("whether its pods are isolated for %s is not decided", d)
			f.Because = because
		}
		found = append(found, f)
	}
	return withSummary(found, of, holds, "pods", "isolated for "+d.String())
}

// some says how many of a workload's pods a statement is about: all of them, mostly.
func some(n, of int) string {
	if n == of {
		return "its pods are"
	}
	return fmt.Sprintf("%d of its %d pods are", n, of)
}

// nearPolicies names the namespace's policies, which exist and yet do not isolate.
func nearPolicies(in *pci.Input, namespace string, d policy.Direction) []pci.Because {
	var out []pci.Because
	for _, p := range in.PoliciesIn(namespace) {
		msg := "does not select these pods"
		switch {
		case in.Profile.Honours(p.Ref.GroupKind()) == enforcer.No:
			msg = "is not enforced by anything here"
		case !p.Isolates[d]:
			msg = "does not act on " + d.String()
		}
		out = append(out, pci.Because{Ref: p.Ref, Pos: p.Pos, Msg: msg})
	}
	return out
}
