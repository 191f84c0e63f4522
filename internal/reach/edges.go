package reach

import (
	"iter"
	"math/bits"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Outside gives the traffic of one workload with addresses outside, from them (Ingress) or to them
// (Egress), in the fewest groups of addresses that the policies treat alike. Groups with nothing allowed
// are left out.
func (m *Model) Outside(w *cluster.Workload, d policy.Direction) []Edge {
	classes := m.pointsOf(OfWorkload(w))
	// Between two cuts every row of these classes treats the addresses alike.
	cuts := []int{m.atoms}
	for _, c := range classes {
		cuts = m.cutsOf(cuts, d, c)
	}
	cuts = append(cuts, len(m.points))
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	groups := map[boundsID]netset.Addrs{}
	var order []boundsID
	for i := range len(cuts) - 1 {
		b := noneID
		for _, c := range classes {
			if d == policy.Ingress {
				b = m.conns.or2(b, m.pointPair(cuts[i], c))
			} else {
				b = m.conns.or2(b, m.pointPair(c, cuts[i]))
			}
		}
		if m.conns.pairs[b].may == noConns {
			continue
		}
		if _, ok := groups[b]; !ok {
			order = append(order, b)
		}
		groups[b] = groups[b].Union(m.line.between(cuts[i]-m.atoms, cuts[i+1]-m.atoms))
	}
	out := make([]Edge, 0, len(order))
	for _, b := range order {
		e := Edge{Bounds: m.conns.bounds(b)}
		if d == policy.Ingress {
			e.Src, e.Dst = OfAddrs(groups[b]), OfWorkload(w)
		} else {
			e.Src, e.Dst = OfWorkload(w), OfAddrs(groups[b])
		}
		out = append(out, e)
	}
	return out
}

// cutsOf adds the atoms at which some row of a class may change its value.
func (m *Model) cutsOf(cuts []int, d policy.Direction, class int) []int {
	if class >= m.hosts {
		return cuts
	}
	add := func(at uint32) {
		if int(at) > m.atoms && int(at) < len(m.points) {
			cuts = append(cuts, int(at))
		}
	}
	set := func(s *pointSet) {
		s.within(uint32(m.atoms), uint32(len(m.points)), func(lo, hi uint32) {
			add(lo)
			add(hi)
		})
	}
	for _, l := range policy.Layers {
		if !m.layered[l] {
			continue
		}
		p := m.profileAt(l, d, class)
		for _, t := range slices.Concat(p.tiers, p.alt) {
			for _, f := range m.families {
				r := m.row(t, f)
				for i := len(r.starts) - 1; i >= 0 && int(r.starts[i]) > m.atoms; i-- {
					add(r.starts[i])
				}
				for _, w := range r.wide {
					set(m.setAt(w.set))
				}
				for _, n := range r.named {
					peer := m.peer(n.peer)
					set(peer.certain)
					set(peer.possible)
				}
			}
		}
	}
	return cuts
}

// Edges gives every possible connection, sorted by source and destination: between workloads, then for each
// workload with the outside. A workload's traffic with itself is left out. The cost is about one step for each
// pair of classes that may talk.
func (m *Model) Edges() iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		ws := m.cluster.Workloads
		if !m.podPairs(func(i, j int, b boundsID) bool {
			return yield(Edge{OfWorkload(ws[i]), OfWorkload(ws[j]), m.conns.bounds(b)})
		}) {
			return
		}
		m.OutsideEdges()(yield)
	}
}

// OutsideEdges gives the second part of Edges, the connections of workloads with the outside. The first part is what
// Pairs.All gives.
func (m *Model) OutsideEdges() iter.Seq[Edge] {
	return func(yield func(Edge) bool) {
		for _, w := range m.cluster.Workloads {
			for _, d := range policy.Directions {
				for _, e := range m.Outside(w, d) {
					if !yield(e) {
						return
					}
				}
			}
		}
	}
}

// podPairs goes over the workloads as sources, a namespace at a time. It reports false when yield did.
func (m *Model) podPairs(yield func(i, j int, b boundsID) bool) bool {
	ws := m.cluster.Workloads
	at := m.places()
	x := edgeWalk{m: m, byPoint: at.at, at: at, found: newGather(len(ws))}
	columns := m.newAllPairs(policy.Egress)
	lo, hi := 0, 0
	var block [][]segment // by class of a namespace: what it may reach
	for i, src := range ws {
		for _, s := range m.pointsOf(OfWorkload(src)) {
			if s < m.hosts && (s < lo || s >= hi) {
				sp := m.terms.spaces[m.terms.byName[m.points[s].pod.Namespace.Name]]
				lo, hi = sp.lo, sp.hi
				block = block[:0]
				for c := lo; c < hi; c++ {
					if block = append(block, nil); len(at.at[c]) > 0 {
						block[c-lo] = slices.Clone(columns.column(c))
					}
				}
			}
			if s < m.hosts {
				x.fromClass(block[s-lo])
			} else {
				x.fromHost(s)
			}
		}
		if !x.emit(i, yield) {
			return false
		}
		x.found.reset()
	}
	return true
}

// edgeWalk is the state of podPairs.
type edgeWalk struct {
	m       *Model
	byPoint [][]int
	at      *places
	found   *gather
}

func (x *edgeWalk) fromClass(list []segment) {
	for _, r := range list {
		for _, js := range x.byPoint[r.lo:r.hi] {
			for _, j := range js {
				x.found.add(x.m.conns, j, r.val)
			}
		}
	}
}

func (x *edgeWalk) fromHost(s int) {
	for d, js := range x.byPoint {
		b := x.m.pointPair(s, d)
		for _, j := range js {
			x.found.add(x.m.conns, j, b)
		}
	}
}

func (x *edgeWalk) emit(i int, yield func(i, j int, b boundsID) bool) bool {
	m := x.m
	hosted := x.at.hosts.has(i)
	more := x.at.hosted // sharing a node may open what no row says
	if hosted {
		more = nil
		for j := range m.cluster.Workloads {
			x.found.add(m.conns, j, noneID)
		}
	}
	for _, j := range more {
		x.found.add(m.conns, j, noneID)
	}
	for word, bs := range x.found.seen {
		for ; bs != 0; bs &= bs - 1 {
			j := word*64 + bits.TrailingZeros64(bs)
			b := x.found.bounds[j]
			if !x.at.apart(i, j) {
				b = m.sameNode(b, x.at.where(i), x.at.where(j))
			}
			if i != j && m.conns.pairs[b].may != noConns && !yield(i, j, b) {
				return false
			}
		}
	}
	return true
}
