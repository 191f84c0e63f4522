package checks

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
)

var sco07 = pci.Check{
	ID: "SCO-07", Title: "shared services of the cardholder data environment are in scope", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"12.5.2"}, Guidance: []string{"16.1"}, NeedsScope: true,
	Why: "The cluster's DNS tells the cardholder data environment where to connect to, controllers of ways in see its traffic, a mesh configures its " +
		"proxies, and the network's own agents enforce what parts it. They serve everybody and are easily left out of the inventory.",
	Fix: "Declare them security-impacting, or connected-to.",
	Evidence: "The cluster's DNS as far as the cardholder data environment can ask it; the controllers that pass traffic from outside on to it; the " +
		"control plane of a mesh whose proxies its pods have; the parts of Kubernetes and the enforcing engine, as far as they are in the input. " +
		"Systems for logs and metrics are found by their connections (SCO-04), rights (SCO-06) and nodes (SCO-10).",
	Run: runSco07,
}

func runSco07(in *pci.Input) []pci.Finding {
	serves := func(r scope.Reason) bool {
		return slices.Contains([]string{scope.Names, scope.Entry, scope.Mesh, scope.Control, scope.Segmenting}, r.Code)
	}
	found, _, _ := impacts(in, serves)
	of := 0
	for i := range in.Computed.Workloads {
		if w := &in.Computed.Workloads[i]; !in.Scope.InCDE(w.Workload) && slices.ContainsFunc(w.Reasons, serves) {
			of++
		}
	}
	return withSummary(found, of, of-len(found), "shared services", "declared to be in scope")
}
