package pci

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// Stopped shows for a need that policies do not let through what stops it: a packet between the first two of its ends,
// and the policies that deny it or isolate and allow nothing of it. conns is what is closed. Both are nil when an end
// holds nothing.
func (in *Input) Stopped(n *Need, conns netset.Conns) (*Witness, []Because) {
	from, to := in.Ends(n)
	src, ok := from.first()
	dst, also := to.first()
	if !ok || !also || conns.IsEmpty() {
		return nil, nil
	}
	t := in.Model.Explain(onePod(in.Model, src, dst, conns, true), onePod(in.Model, dst, src, conns, false), conns)
	out := stopping(t.Egress, conns)
	out = append(out, stopping(t.Ingress, conns)...)
	for _, side := range t.Mesh {
		out = append(out, stopping(side, conns)...)
	}
	return WitnessOf(in.Model.Witness(src, dst, conns)), out
}

// first is the first workload of an end, else its addresses.
func (e End) first() (reach.Peer, bool) {
	switch {
	case len(e.Workloads) > 0:
		return reach.OfWorkload(e.Workloads[0]), true
	case !e.Addrs.IsEmpty():
		return reach.OfAddrs(e.Addrs), true
	}
	return reach.Peer{}, false
}

// stopping lists the policies of one side that let nothing of conns through; none when the side lets some of it through.
func stopping(side reach.Side, conns netset.Conns) []Because {
	if !side.Applies || side.May.Overlaps(conns) {
		return nil
	}
	var out []Because
	for _, p := range side.Policies {
		denies := false
		for _, r := range p.Rules {
			if hit := r.Certain.Intersect(conns); r.Rule.Action == policy.Deny && !hit.IsEmpty() {
				out = append(out, Because{Ref: p.Policy.Ref, Pos: r.Rule.Pos, Msg: fmt.Sprintf("%s denies %s", r.Rule.Path, hit)})
				denies = true
			}
		}
		if p.Isolates && !denies {
			out = append(out, Because{Ref: p.Policy.Ref, Pos: p.Policy.Pos, Msg: fmt.Sprintf("isolates for %s and does not allow %s", side.Direction, conns)})
		}
	}
	return out
}
