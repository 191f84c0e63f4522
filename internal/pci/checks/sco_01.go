package checks

import "github.com/bulkhead-sec/bulkhead/internal/pci"

var sco01 = pci.Check{
	ID: "SCO-01", Title: "every workload has a scope class", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"12.5.1", "12.5.2"}, Guidance: []string{"16.1"}, NeedsScope: true,
	Why: "Everything is in scope until it is shown to be apart. A workload that nobody classed is in the inventory of no one, " +
		"and whether its connections to the cardholder data environment are wanted cannot be told.",
	Fix:      "Put the workload into a zone of the Segmentation, or give its pods or namespace the scope label.",
	Evidence: "The workloads without a class, and the number of workloads looked at: all of them. It does not show that a stated class is right.",
	Run:      runSco01,
}

func runSco01(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	holds := 0
	for _, w := range in.Cluster.Workloads {
		if in.Scope.Class(w) != pci.Unclassified {
			holds++
			continue
		}
		f := pci.Finding{
			Subject: w.Ref, Pos: w.Pos, Status: pci.Fail, Message: "no zone and no label gives it a scope class: it counts as in scope, and as a stranger to the cardholder data environment",
			Fix: &pci.Fix{Text: "add it to a zone: cde, cde-store, connected-to, security-impacting or out-of-scope"},
		}
		if in.Scope.Unsure(w) {
			f.Status, f.Message = pci.Unknown, "its scope class goes by labels of its namespace, which are not in the input"
			f.Because = []pci.Because{{Ref: w.Ref, Pos: w.Pos, Msg: "namespace " + w.Ref.Namespace + " is not declared in the input"}}
			f.Fix = &pci.Fix{Text: "add the Namespace object to the input"}
		}
		found = append(found, f)
	}
	return withSummary(found, len(in.Cluster.Workloads), holds, "workloads", "classed by "+in.Scope.Source())
}
