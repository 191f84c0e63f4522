package reach

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Packets answers for single packets between pods. It reads the model only, so that any number of goroutines
// may share it, and allocates nothing but where rules name ports or a mesh tunnels.
type Packets struct {
	m     *Model
	class []int // by number of the pod
	plain bool  // one family, one layer and no tunnels
}

// Packets prepares the model for single packets: it computes every row. Pods are told by their place in
// Cluster.Pods.
func (m *Model) Packets() *Packets {
	m.Warm()
	p := &Packets{m: m, class: make([]int, len(m.cluster.Pods)), plain: len(m.families) == 1 && !m.layered[policy.Mesh] && !m.tunnels}
	for i, pod := range m.cluster.Pods {
		p.class[i] = m.classOf[pod]
	}
	return p
}

// Allowed tells whether a packet from one pod to another is certainly and possibly allowed: what Between says
// of the two pods, for one port. The port is ignored where the protocol has none.
func (p *Packets) Allowed(src, dst int, proto netset.Protocol, port uint16) (must, may bool) {
	m := p.m
	s, d := p.class[src], p.class[dst]
	if s >= m.hosts || d >= m.hosts || src == dst || !p.plain {
		b := m.Between(OfPod(m.cluster.Pods[src]), OfPod(m.cluster.Pods[dst]))
		return b.Must.Contains(proto, port), b.May.Contains(proto, port)
	}
	f := m.families[0]
	if m.points[s].addr[f].none || m.points[d].addr[f].none {
		return false, false
	}
	must, may = m.lets(m.profileAt(policy.Network, policy.Egress, s), f, d, proto, port)
	if !may {
		return false, false
	}
	in, maybe := m.lets(m.profileAt(policy.Network, policy.Ingress, d), f, s, proto, port)
	return must && in, maybe
}

// lets tells whether a profile lets a packet through, with point i as the other end.
func (m *Model) lets(p *profile, f family, i int, proto netset.Protocol, port uint16) (must, may bool) {
	must, may = m.tiersLet(p.tiers, f, i, proto, port)
	if p.alt != nil {
		_, may = m.tiersLet(p.alt, f, i, proto, port)
	}
	return must && !p.lost, may || p.open
}

// tiersLet is effect composition for one packet: live is what still waits for a decision.
func (m *Model) tiersLet(tiers []*tier, f family, i int, proto netset.Protocol, port uint16) (must, may bool) {
	liveMust, liveMay := true, true
	for _, t := range tiers {
		r := t.rows[f]
		if !r.adds {
			e := m.conns.effects[r.at(i)]
			a, b := m.holds(e.allowed, proto, port)
			must, may = must || liveMust && a, may || liveMay && b
			a, b = m.holds(e.next, proto, port)
			liveMust, liveMay = liveMust && a, liveMay && b
			continue
		}
		a, b := m.holds(r.at(i), proto, port)
		for k := range r.wide {
			if w := &r.wide[k]; (!a || !b) && w.set.bits.has(i) {
				x, y := m.holds(w.add, proto, port)
				a, b = a || x, b || y
			}
		}
		for k := range r.named {
			if n := &r.named[k]; (!a || !b) && n.peer.possible.has(i) && m.ruleConns(t.binding, n.rule, i).Contains(proto, port) {
				a, b = a || n.peer.certain.has(i), true
			}
		}
		must, may = must || liveMust && a, may || liveMay && b
		liveMust, liveMay = false, false
	}
	return must || liveMust, may || liveMay
}

// holds tells whether bounds hold a packet.
func (m *Model) holds(b boundsID, proto netset.Protocol, port uint16) (must, may bool) {
	switch b {
	case noneID:
		return false, false
	case allID:
		return true, true
	}
	p := m.conns.pairs[b]
	may = m.conns.sets[p.may].Contains(proto, port)
	if p.must == p.may {
		return may, may
	}
	return m.conns.sets[p.must].Contains(proto, port), may
}

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
