package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var exp09 = pci.Check{
	ID: "EXP-09", Title: "stores of account data are not reached from untrusted networks directly", Since: "0.2.0", Severity: pci.Critical,
	Requirements: []string{"1.4.4"}, Guidance: []string{"4.1"}, NeedsScope: true,
	Why: "A database that takes connections from the internet is one password or one flaw away from being copied. No declaration makes that " +
		"right: something else has to stand in between.",
	Fix: "Close the way in, and let an application in a zone of its own ask the store.",
	Evidence: "For each workload of a zone with scope cde-store: the ways in that lead to it, declared or not, and whether policies let the internet use " +
		"them. Where none does, the shortest path over workloads that the internet reaches is named beside the result.",
	Run: runExp09,
}

// mostHops is how long a path may be; longer ones say little about a segmentation.
const mostHops = 3

func runExp09(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	stores := in.Scope.Of(pci.CDEStore)
	for _, w := range stores {
		if f := storeOpen(in, w); f != nil {
			found = append(found, *f)
		}
	}
	out := withSummary(found, len(stores), len(stores)-len(found), "workloads that store account data", "no connection leads there from untrusted networks directly")
	if len(found) == 0 && len(stores) > 0 {
		front := entered(in)
		for _, p := range in.Model.Paths(front, stores, func(*cluster.Workload) bool { return true }, mostHops) {
			last := p.Hops[len(p.Hops)-1]
			var text strings.Builder
			text.WriteString("the shortest path: the internet -> " + p.Hops[0].Src.String())
			for _, h := range p.Hops {
				fmt.Fprintf(&text, " -> %s", h.Dst)
			}
			out[0].Because = append(out[0].Because, pci.Because{Ref: last.Dst.Workload.Ref, Pos: last.Dst.Workload.Pos, Msg: text.String()})
		}
	}
	return out
}

// entered is the workloads that the internet certainly or possibly gets to, sorted.
func entered(in *pci.Input) []*cluster.Workload {
	seen := map[*cluster.Workload]bool{}
	for _, x := range ways(in) {
		if x.public() == enforcer.No {
			continue
		}
		for _, w := range x.workloads() {
			if !seen[w] && through(in, x.to(w), pci.PublicAddrs()).open != enforcer.No {
				seen[w] = true
			}
		}
	}
	var out []*cluster.Workload
	for _, w := range in.Cluster.Workloads {
		if seen[w] {
			out = append(out, w)
		}
	}
	return out
}

func storeOpen(in *pci.Input, w *cluster.Workload) *pci.Finding {
	sure := pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Fail, Key: "direct", Fix: &pci.Fix{Text: "close this way in, and let an application in between ask the store"}}
	maybe := pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Unknown, Key: "direct"}
	var sureWays, maybeWays []string
	for _, x := range ways(in) {
		for _, e := range x.entries {
			one := way{x.via, x.pos, []exposure.Entry{e}}.to(w)
			if e.Public == enforcer.No || len(one.entries) == 0 || len(passedOn(in.Cluster, e)) > 0 {
				continue // a controller that passes it on is a hop of its own
			}
			p := through(in, one, pci.PublicAddrs())
			f, name := &maybe, e.Kind+" of "+x.via.String()
			switch {
			case p.open == enforcer.No:
				continue
			case p.open == enforcer.Yes && e.Public == enforcer.Yes && e.Kind != exposure.Ingress && e.Kind != exposure.Route:
				f, sureWays = &sure, append(sureWays, name)
			default:
				maybeWays = append(maybeWays, name)
			}
			f.Because = append(append(f.Because, one.because()...), p.because...)
			if f.Witness == nil {
				f.Witness = p.witness
			}
		}
	}
	sure.Because, maybe.Because = tidy(sure.Because), tidy(maybe.Because)
	switch {
	case len(sureWays) > 0:
		sure.Message = fmt.Sprintf("it stores account data and the internet reaches it directly, through %s", listed(dedupe(sureWays)))
		return &sure
	case len(maybeWays) > 0:
		maybe.Message = fmt.Sprintf("it stores account data, and whether the internet reaches it through %s is not decided", listed(dedupe(maybeWays)))
		return &maybe
	}
	for _, e := range in.Model.Outside(w, policy.Ingress) { // pods with public addresses need no way in
		a := e.Src.Addrs.Intersect(pci.PublicAddrs())
		if may := e.May.Intersect(netset.Transport()); !a.IsEmpty() && !may.IsEmpty() && !privatePods(in) {
			maybe.Message = "it stores account data; policies do not certainly close it to the internet, and whether pod addresses are routed from outside is not in the input"
			maybe.Because = tidy(letThrough(in.Model, reach.OfAddrs(a), e.Dst, may))
			maybe.Fix = &pci.Fix{Text: "close it by policy, or state the pods' addresses with --pod-cidr when they are private"}
			return &maybe
		}
	}
	return nil
}

// privatePods tells whether all pods are known to have private addresses.
func privatePods(in *pci.Input) bool {
	c := in.Cluster
	return !c.PodCIDRs.IsEmpty() && !c.PodCIDRs.Overlaps(pci.PublicAddrs()) &&
		(!c.IPv4 || !c.PodCIDRs.V4().IsEmpty()) && (!c.IPv6 || !c.PodCIDRs.V6().IsEmpty())
}
