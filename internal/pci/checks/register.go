package checks

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// registered is the needs of the flow register that hold by their last day, nil without a register.
func registered(in *pci.Input) []*pci.Need {
	if in.Intent == nil {
		return nil
	}
	var out []*pci.Need
	for i := range in.Intent.Needs {
		if n := &in.Intent.Needs[i]; n.HoldsOn(in.Today) {
			out = append(out, n)
		}
	}
	return out
}

// needSeverity is one step worse for a need with an end in the cardholder data environment.
func needSeverity(in *pci.Input, n *pci.Need, base pci.Severity) pci.Severity {
	if touches(in, n) {
		return base.Up()
	}
	return base
}

// touches tells whether one of a need's ends is in the cardholder data environment.
func touches(in *pci.Input, n *pci.Need) bool {
	from, to := in.Ends(n)
	return slices.ContainsFunc(from.Workloads, in.Scope.InCDE) || slices.ContainsFunc(to.Workloads, in.Scope.InCDE)
}

// eachNeed judges the needs that hold. judge gives nil for one that holds.
func eachNeed(in *pci.Input, base pci.Severity, sentence string, judge func(*pci.Need) *pci.Finding) []pci.Finding {
	needs := registered(in)
	var found []pci.Finding
	for _, n := range needs {
		f := judge(n)
		if f == nil {
			continue
		}
		f.Subject, f.Pos, f.Key = n.Ref, n.Pos, n.ID+" "+f.Key
		f.Message = "need " + n.ID + " " + f.Message
		if f.Severity == "" {
			f.Severity = needSeverity(in, n, base)
		}
		found = append(found, *f)
	}
	return withSummary(found, len(needs), len(needs)-len(found), "needs", sentence)
}

// needFlows is what policies allow between the ends of a need, of its ports. For each port Must says that some pair
// of its ends certainly has a connection.
func needFlows(in *pci.Input, n *pci.Need) (b reach.Bounds, from, to pci.End) {
	from, to = in.Ends(n)
	sources := map[*cluster.Workload]bool{}
	for _, w := range from.Workloads {
		sources[w] = true
	}
	add := func(x reach.Bounds) bool {
		b.Must, b.May = b.Must.Union(x.Must.Intersect(n.Conns)), b.May.Union(x.May.Intersect(n.Conns))
		return b.Must.Covers(n.Conns)
	}
	for _, w := range to.Workloads {
		for _, e := range in.Model.Reaches(w, policy.Ingress) {
			if sources[e.Src.Workload] && add(e.Bounds) {
				return b, from, to
			}
		}
		if sources[w] && add(in.Model.Between(reach.OfWorkload(w), reach.OfWorkload(w))) {
			return b, from, to
		}
		for _, e := range in.Model.Outside(w, policy.Ingress) {
			if e.Src.Addrs.Overlaps(from.Addrs) && add(e.Bounds) {
				return b, from, to
			}
		}
	}
	for _, w := range from.Workloads {
		for _, e := range in.Model.Outside(w, policy.Egress) {
			if e.Dst.Addrs.Overlaps(to.Addrs) && add(e.Bounds) {
				return b, from, to
			}
		}
	}
	return b, from, to
}

// transport is the part of the bounds that has ports.
func transport(b reach.Bounds) reach.Bounds { return within(b, netset.Transport()) }
