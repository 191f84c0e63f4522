package checks

import (
	"fmt"
	"math/big"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var egr08 = pci.Check{
	ID: "EGR-08", Title: "services outside are named, and not only by an address", Since: "0.2.0", Severity: pci.Low,
	Requirements: []string{"1.2.5"}, Guidance: []string{"4.1"}, NeedsScope: true,
	Why: "A provider moves its service to another address, and the old one goes to somebody else: the rule then lets data out to a stranger. " +
		"An address does not say whose it is.",
	Fix: "Allow the provider by name (FQDN rules of Cilium, Calico or an egress gateway), or declare the need with its owner and have it reviewed.",
	Evidence: "Public addresses that rules of the cardholder data environment allow in small ranges, and whether a need declares them. Whose they are, " +
		"and as whom the cluster appears there, a person has to tell.",
	Run: runEgr08,
}

// fewAddrs is up to how many addresses a range of IPv4 looks like one service; a /64 of IPv6 does.
const fewAddrs = 4096

func runEgr08(in *pci.Input) []pci.Finding {
	public := pci.PublicAddrs().Intersect(in.Foreign())
	return eachWayOut(in, "no service outside is allowed by its address alone", func(w *cluster.Workload) *pci.Finding {
		o := leaving(in, w, public, netset.Transport())
		f := &pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Manual, Severity: in.SeverityFor(pci.Low, w), Key: "addresses"}
		var to netset.Addrs
		for _, e := range append(o.sure, o.maybe...) {
			if isFew(e.Dst.Addrs) {
				to = to.Union(e.Dst.Addrs)
				f.Because = append(f.Because, letThrough(in.Model, e.Src, e.Dst, e.May)...)
			}
		}
		if to.IsEmpty() {
			return nil
		}
		f.Because = tidy(f.Because)
		f.Message = fmt.Sprintf("Whose are the public addresses that it may send to (%s), and who learns when they change?", someAddrs(to))
		f.Fix = &pci.Fix{Text: "allow it by name, or declare a need with an owner"}
		return f
	})
}

func isFew(a netset.Addrs) bool {
	v6 := new(big.Int).Lsh(big.NewInt(1), 64)
	return a.V4().Count().Cmp(big.NewInt(fewAddrs)) <= 0 && a.V6().Count().Cmp(v6) <= 0
}
