package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var den02 = pci.Check{
	ID: "DEN-02", Title: "every pod is isolated for egress", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.1", "1.3.2"}, Guidance: []string{"4.1"},
	Why: "A pod that no policy isolates for egress may connect to everything: other zones, the metadata service, the internet. " +
		"A default deny that names only Ingress leaves this wide open.",
	Fix:      "Add a policy with an empty podSelector and policyTypes: [Egress] to the namespace, then allow DNS and what the workload needs.",
	Evidence: "For each pod, the policies that isolate it, with file and line, and the number of pods looked at: all of them.",
	Run:      func(in *pci.Input) []pci.Finding { return isolated(in, policy.Egress) },
}
