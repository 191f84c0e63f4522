package checks

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var den05 = pci.Check{
	ID: "DEN-05", Title: "pods that do not exist yet will be isolated", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.1"}, Guidance: []string{"4.1"},
	Why: "Policies that select pods by label isolate the pods of today. A pod deployed tomorrow with other labels, or none, starts open. " +
		"This is proved over every label set there can be, not tried on samples.",
	Fix:      "Isolate the whole namespace with an empty podSelector.",
	Evidence: "For each namespace and direction: the policies that isolate every label set, or an example of labels that escapes them.",
	Run:      runDen05,
}

func runDen05(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	for _, ns := range in.Cluster.Namespaces {
		if in.Cluster.Complete || ns.Declared || hasPods(in, ns.Name) {
			of++
		} else {
			continue
		}
		ok := true
		for _, d := range policy.Directions {
			e := in.Model.Escape(ns, d)
			if e.Found == enforcer.No {
				continue
			}
			ok = false
			f := pci.Finding{Subject: namespaceRef(ns), Pos: ns.Pos, Key: d.String(), Severity: namespaceSeverity(in, ns.Name)}
			if e.Found == enforcer.Yes {
				f.Status = pci.Fail
				f.Message = fmt.Sprintf("%s in namespace %s would not be isolated for %s", e.Text(), ns.Name, d)
				f.Because = policiesBecause(e.Policies, "isolates only some label sets")
				f.Fix = isolateFix(in, ns.Name, d)
			} else {
				f.Status = pci.Unknown
				f.Message = fmt.Sprintf("whether a new pod in namespace %s would be isolated for %s is not decided", ns.Name, d)
				f.Because = pci.ReasonsOf(e.Reasons)
			}
			found = append(found, f)
		}
		if ok {
			holds++
		}
	}
	return withSummary(found, of, holds, "namespaces", "every new pod is isolated in both directions")
}

func hasPods(in *pci.Input, namespace string) bool {
	return len(in.Cluster.WorkloadsIn(namespace)) > 0
}

// namespaceSeverity is one step up when the namespace holds a CDE workload.
func namespaceSeverity(in *pci.Input, namespace string) pci.Severity {
	if in.Scope != nil && slices.ContainsFunc(in.Cluster.WorkloadsIn(namespace), in.Scope.InCDE) {
		return pci.High.Up()
	}
	return pci.High
}
