package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var exp01 = pci.Check{
	ID: "EXP-01", Title: "every way in from outside is declared", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.5", "1.4.2"}, Guidance: []string{"4.1"},
	Why: "Traffic from untrusted networks may only reach services that are meant to be public. A register of the ways in makes the ones " +
		"that nobody meant stand out.",
	Fix: "Declare the entry with its justification in the Segmentation, or close it: type ClusterIP, an internal load balancer, no hostPort.",
	Evidence: "Each Service, Ingress, host port and host-network pod that may be reached from the internet, with what stands behind it. " +
		"Ways in of kinds that are not modelled are named as undecided. Firewalls in front of the cluster are not in the input.",
	Run: runExp01,
}

func runExp01(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	all, holds := ways(in), 0
	for _, w := range all {
		public := w.public()
		if public == enforcer.No || w.isDeclared(in) {
			holds++
			continue
		}
		fix := &pci.Fix{Text: "declare it as an entry of the Segmentation with its justification, or close it"}
		var f pci.Finding
		switch {
		case !isRegister(in):
			f = w.finding(in, pci.Manual, pci.High, "What is this way in for? %s leads to %s, and nothing in the input declares it.", w.text(), w.behind())
		case public == enforcer.Yes:
			f = w.finding(in, pci.Fail, pci.High, "%s opens %s to the internet, and no entry declares it", w.text(), w.behind())
		default:
			f = w.finding(in, pci.Unknown, pci.High, "%s opens %s, no entry declares it, and whether the internet gets there is not in the input", w.text(), w.behind())
		}
		f.Fix = fix
		found = append(found, f)
	}
	return withSummary(found, len(all), holds, "ways in", "declared, or not public")
}
