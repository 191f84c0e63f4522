package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var exp05 = pci.Check{
	ID: "EXP-05", Title: "no Service claims external addresses", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.4.2"}, Guidance: []string{"4.1"},
	Why: "With externalIPs a Service takes traffic for any address on every node, whatever its type: a ClusterIP Service is exposed by it. " +
		"Whoever may create Services can so also take over traffic meant for others.",
	Fix:      "Remove externalIPs, use a load balancer that is filtered, and refuse the field by admission (DenyServiceExternalIPs).",
	Evidence: "Each Service with externalIPs, the addresses, and whether the policies of the pods let clients in. Which addresses are routed to the nodes is not in the input.",
	Run:      runExp05,
}

func runExp05(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	holds := len(in.Cluster.Services)
	for _, w := range ways(in, exposure.ExternalIP) {
		if w.isDeclared(in) {
			continue
		}
		p := through(in, w, abroad(in))
		var f pci.Finding
		switch {
		case len(w.workloads()) == 0:
			f = w.finding(in, pci.Unknown, pci.High, "it claims external addresses, and the pods behind it are not in the input")
		case p.open == enforcer.No:
			continue
		case p.open == enforcer.Yes:
			f = w.finding(in, pci.Fail, pci.High, "it claims external addresses on every node, so whoever can route to them reaches %s", w.behind())
		default:
			f = w.finding(in, pci.Unknown, pci.High, "it claims external addresses, and whether policies let clients reach %s is not decided", w.behind())
		}
		f.Because = append(f.Because, p.because...)
		f.Witness = p.witness
		f.Fix = &pci.Fix{Text: "remove externalIPs from the Service"}
		found = append(found, f)
		holds--
	}
	return withSummary(found, len(in.Cluster.Services), holds, "Services", "claim no external addresses, or policies close the pods, or it is declared")
}
