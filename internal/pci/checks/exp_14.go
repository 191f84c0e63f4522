package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var exp14 = pci.Check{
	ID: "EXP-14", Title: "every way in leads somewhere", Since: "0.2.0", Severity: pci.Low,
	Requirements: []string{"1.2.7"}, Guidance: []string{"4.1"},
	Why: "A way in without anything behind it is forgotten, and waits for the next pod with the right labels, which is then public. One that " +
		"policies close is either a mistake of the policies or of no use.",
	Fix: "Remove the Service, the Ingress rule or the port, or mend its selector; allow its clients where it is meant to be used.",
	Evidence: "Ways in with no pods behind them in the input, and those whose clients no policy lets in. Where the input does not claim to be the " +
		"whole cluster, and has no pods of that namespace, the pods may be elsewhere.",
	Run: runExp14,
}

func runExp14(in *pci.Input) []pci.Finding {
	all := ways(in, exposure.LoadBalancer, exposure.NodePort, exposure.ExternalIP, exposure.Ingress, exposure.Route, exposure.HostPort)
	var found []pci.Finding
	for _, w := range all {
		dangling := true
		for i := range w.entries {
			dangling = dangling && w.entries[i].Dangling()
		}
		var f pci.Finding
		switch {
		case dangling && (in.Cluster.Complete || hasPods(in, w.via.Namespace)):
			f = w.finding(in, pci.Fail, pci.Low, "%s leads to nothing in the input", w.text())
			f.Fix = &pci.Fix{Text: "remove it, or mend its selector"}
		case dangling:
			f = w.finding(in, pci.Unknown, pci.Low, "%s leads to nothing in the input, which holds no pods of its namespace", w.text())
		case len(w.workloads()) == 0:
			continue // endpoints outside of the cluster
		default:
			p := through(in, w, abroad(in))
			if p.open != enforcer.No {
				continue
			}
			f = w.finding(in, pci.Manual, pci.Low, "policies let none of its clients in to %s. Is %s still needed, or is an allowing rule missing?", w.behind(), w.text())
			f.Because = append(f.Because, p.because...)
		}
		found = append(found, f)
	}
	return withSummary(found, len(all), len(all)-len(found), "ways in", "something is behind them that policies do not close")
}
