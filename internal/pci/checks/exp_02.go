package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var exp02 = pci.Check{
	ID: "EXP-02", Title: "each load balancer is known to be public or internal", Since: "0.1.0", Severity: pci.Info,
	Requirements: []string{"1.2.3"},
	Why: "Whether a load balancer gets a public address hangs on annotations, classes and the defaults of the cloud. The network diagram " +
		"needs the answer for each.",
	Fix:      "State it: the cloud's annotation, a loadBalancerClass, or a live read with the address in the Service's status.",
	Evidence: "For each Service of type LoadBalancer, what decides.",
	Run:      runExp02,
}

func runExp02(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	holds := 0
	for _, w := range ways(in, exposure.LoadBalancer) {
		var f pci.Finding
		switch w.public() {
		case enforcer.Yes:
			f = w.finding(in, pci.Pass, pci.Info, "public: %s leads to %s", w.text(), w.behind())
		case enforcer.No:
			f = w.finding(in, pci.Pass, pci.Info, "internal: %s leads to %s", w.text(), w.behind())
		case enforcer.Unknown:
			f = w.finding(in, pci.Unknown, pci.Info, "it is not known whether %s is public; it leads to %s", w.text(), w.behind())
		}
		if f.Status == pci.Pass {
			holds++
		}
		found = append(found, f)
	}
	return withSummary(found, len(found), holds, "load balancers", "known to be public or internal")
}
