package checks

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var sco12 = pci.Check{
	ID: "SCO-12", Title: "where account data is kept is known", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"12.5.2"}, Guidance: []string{"16.1"}, NeedsScope: true,
	Why: "The scope begins with the places where account data is kept, handled and sent. All that is computed here follows from what is declared of " +
		"them; account data that nobody knows of makes it wrong.",
	Fix: "Search for account data with a tool made for it, in volumes, databases, logs and backups, and declare each place: cde-store where it is kept, cde " +
		"where it is handled.",
	Evidence: "None of its own: bulkhead reads no data. It lists the workloads that are declared to handle account data, and the claims they mount, as " +
		"the list to hold against the result of a search.",
	Run: runSco12,
}

func runSco12(in *pci.Input) []pci.Finding {
	stores, others := in.Scope.Of(pci.CDEStore), in.Scope.Of(pci.CDE)
	f := pci.Finding{Status: pci.Manual, Key: "where", Message: "Has account data been searched for everywhere, and is it only where the scope says? "}
	switch {
	case len(stores)+len(others) == 0:
		f.Message += "No workload is declared to handle any."
	case len(stores) == 0:
		f.Message += "Declared to handle it: " + listed(refs(others)) + ". None is declared to keep it."
	default:
		f.Message += "Declared to keep it: " + listed(refs(stores)) + "."
		if len(others) > 0 {
			f.Message += " Declared to handle it: " + listed(refs(others)) + "."
		}
	}
	for _, w := range slices.Concat(stores, others) {
		for _, p := range w.Pods {
			for _, v := range p.Spec.Get("volumes").List() {
				if claim := v.Get("persistentVolumeClaim", "claimName").Str(); claim != "" {
					f.Because = append(f.Because, pci.Because{Ref: w.Ref, Pos: p.Pos(), Msg: "mounts the claim " + claim})
				}
			}
		}
	}
	f.Because = tidy(f.Because)
	return []pci.Finding{f}
}
