package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
)

var sco10 = pci.Check{
	ID: "SCO-10", Title: "nothing out of scope runs on the nodes of the cardholder data environment", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"2.2.3"}, Guidance: []string{"16.2", "16.3"}, NeedsScope: true,
	Why: "Pods of one node share its kernel, its disk and its agents. Who breaks out of a container rules all others of the node, and what is " +
		"privileged need not break out. Systems of different sensitivity belong on different nodes.",
	Fix: "Give the cardholder data environment nodes of its own: a label and a required node affinity for its pods, a taint against others, and an " +
		"admission rule for who may tolerate it.",
	Evidence: "For each workload that is not declared to be in scope, the nodes that its pods share with the cardholder data environment, and the nodes that " +
		"they might: by node selectors, required node affinity and taints. Preferences do not count. It does not show who may change the labels " +
		"and taints of nodes, or add tolerations to pods (SCO-06).",
	Run: runSco10,
}

func runSco10(in *pci.Input) []pci.Finding {
	near, of, holds := impacts(in, func(r scope.Reason) bool { return r.Code == scope.Node || r.Code == scope.Takeover })
	if in.Computed.None {
		return []pci.Finding{{Status: pci.Unknown, Key: "none", Message: "no workload is declared to handle account data: which nodes are its own cannot be told"}}
	}
	var found []pci.Finding
	var names []string
	var why []pci.Because
	for _, f := range near {
		if f.Status == pci.Fail {
			found = append(found, f)
			continue
		}
		names, why = append(names, f.Subject.String()), append(why, f.Because...)
	}
	if len(names) > 0 {
		f := pci.Finding{
			Status: pci.Unknown, Key: "may", Because: tidy(why),
			Message: fmt.Sprintf("no node is in the input: whether %s may run where the cardholder data environment does is not known", listed(names)),
			Fix:     &pci.Fix{Text: "add the nodes to the input: kubectl get nodes -o yaml"},
		}
		if len(in.Cluster.Nodes) > 0 {
			f.Status, f.Fix = pci.Manual, nil
			f.Message = fmt.Sprintf("What keeps these from the nodes of the cardholder data environment? No selector, affinity or taint does: %s.", listed(names))
		}
		found = append(found, f)
	}
	return withSummary(found, of, holds, "workloads", "in scope, or kept from the nodes of the cardholder data environment")
}
