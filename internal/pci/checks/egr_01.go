package checks

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var egr01 = pci.Check{
	ID: "EGR-01", Title: "the cardholder data environment reaches the internet only where declared", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.3.2"}, Guidance: []string{"4.1"}, NeedsScope: true,
	Why: "Stolen card data leaves by an open way out, and malware is steered over it. Addresses are counted here: 0.0.0.0/1 and 128.0.0.0/1 " +
		"together are the internet, whatever the text looks like.",
	Fix:      "Isolate the workload for egress, and allow the addresses and ports it needs. Declare each as a need.",
	Evidence: "For each workload, how many public addresses it can send to on which ports, with a packet and the rules that let it through.",
	Run:      runEgr01,
}

func runEgr01(in *pci.Input) []pci.Finding {
	public := pci.PublicAddrs().Intersect(in.Foreign())
	return eachWayOut(in, "no way to the internet that is not declared", func(w *cluster.Workload) *pci.Finding {
		q := ask{severity: pci.High, likely: tcp(443), where: func(dst []reach.Peer) string {
			a := addrsOf(dst)
			var texts []string
			for _, t := range []string{howMany(a.V4(), public.V4(), "public IPv4"), howMany(a.V6(), public.V6(), "public IPv6")} {
				if t != "" {
					texts = append(texts, t)
				}
			}
			return "the internet (" + strings.Join(texts, " and ") + ")"
		}}
		return q.finding(in, w, leaving(in, w, public, netset.Transport()))
	})
}
