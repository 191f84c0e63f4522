package reach

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Reaches lists the pods' classes that may open a connection to a workload (Ingress), or to which it may open
// one (Egress), as edges with exact ports, sorted by the other workload. Its own pods, and hosts outside, are
// left out. The cost is one look-up for each class of pods.
func (m *Model) Reaches(w *cluster.Workload, d policy.Direction) []Edge {
	own, x := m.pointsOf(OfWorkload(w)), m.places()
	i := x.numbers[w]
	found := newGather(len(m.cluster.Workloads))
	for other, ws := range x.at {
		if len(ws) == 0 {
			continue
		}
		b := noneID
		for _, c := range own {
			if d == policy.Ingress {
				b = m.conns.or2(b, m.pointPair(other, c))
			} else {
				b = m.conns.or2(b, m.pointPair(c, other))
			}
		}
		if b != noneID || x.where[i].hosted() {
			for _, j := range ws {
				found.add(m.conns, j, b)
			}
		}
	}
	for _, j := range x.hosted { // sharing a node may open what no row says
		found.add(m.conns, j, noneID)
	}
	var out []Edge
	found.seen.each(func(j int) {
		if i == j {
			return
		}
		y := m.cluster.Workloads[j]
		src, dst, from, to := OfWorkload(y), OfWorkload(w), x.where[j], x.where[i]
		if d == policy.Egress {
			src, dst, from, to = dst, src, to, from
		}
		b := found.bounds[j]
		if from.hosted() || to.hosted() {
			b = m.sameNode(b, from, to)
		}
		if m.conns.pairs[b].may != noConns {
			out = append(out, Edge{src, dst, m.conns.bounds(b)})
		}
	})
	return out
}
