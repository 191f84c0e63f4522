package reach

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Neighbours answers who may reach a workload, and whom it may reach, for many workloads of one model. It is for
// one goroutine.
type Neighbours struct {
	m     *Model
	x     *places
	lines *lines
	found *gather
	memo  [2][2]far // by layer and family
	some  bitset    // scratch: candidates, empty between questions
}

// far is what the other ends' profiles let through at one point, as far as they were asked.
type far struct {
	vals  []boundsID
	asked []uint32 // the question for which a value holds
	now   uint32
}

// Neighbours prepares the model: the rows that questions meet are written down in a form that is quick to read.
func (m *Model) Neighbours() *Neighbours {
	n := &Neighbours{m: m, x: m.places(), lines: m.allLines(), found: newGather(len(m.cluster.Workloads)), some: newBitset(m.atoms)}
	for l := range n.memo {
		size := max(len(m.profiles[l][policy.Ingress]), len(m.profiles[l][policy.Egress]))
		for f := range n.memo[l] {
			n.memo[l][f] = far{vals: make([]boundsID, size), asked: make([]uint32, size)}
		}
	}
	return n
}

// neighbours is one for the model's own questions, which do not begin before another has ended.
func (m *Model) neighbours() *Neighbours {
	if m.asking == nil {
		m.asking = m.Neighbours()
	}
	return m.asking
}

// Each calls f for every other workload that may open a connection to w (Ingress), or to which w may open one
// (Egress), sorted, until f reports false. The cost is a step for each class that w's own policies let through,
// and a look-up for each set of policies that those have at their end.
func (n *Neighbours) Each(w *cluster.Workload, d policy.Direction, f func(other *cluster.Workload, b Bounds) bool) {
	n.each(n.x.numbers[w], d, func(j int, b boundsID) bool { return f(n.m.cluster.Workloads[j], n.m.conns.bounds(b)) })
}

// each is Each by the numbers of workloads.
func (n *Neighbours) each(i int, d policy.Direction, f func(j int, b boundsID) bool) {
	m, x := n.m, n.x
	for _, c := range x.points[i] {
		n.points(c, d, func(other int, b boundsID) {
			for _, j := range x.at[other] {
				n.found.add(m.conns, j, b)
			}
		})
	}
	more := x.hosted // sharing a node may open what no row says
	if x.hosts.has(i) {
		for j := range x.points {
			n.found.add(m.conns, j, noneID)
		}
		more = nil
	}
	for _, j := range more {
		n.found.add(m.conns, j, noneID)
	}
	on := true
	n.found.seen.each(func(j int) {
		if i == j || !on {
			return
		}
		b := n.found.bounds[j]
		if x.hosts.has(i) || x.hosts.has(j) {
			from, to := x.where(j), x.where(i)
			if d == policy.Egress {
				from, to = to, from
			}
			b = m.sameNode(b, from, to)
		}
		if m.conns.pairs[b].may != noConns {
			on = f(j, b)
		}
	})
	n.found.reset()
}

// Reaches is Each as a list of edges.
func (n *Neighbours) Reaches(w *cluster.Workload, d policy.Direction) []Edge {
	var out []Edge
	n.Each(w, d, func(other *cluster.Workload, b Bounds) bool {
		if d == policy.Ingress {
			out = append(out, Edge{OfWorkload(other), OfWorkload(w), b})
		} else {
			out = append(out, Edge{OfWorkload(w), OfWorkload(other), b})
		}
		return true
	})
	return out
}

// Reaches lists the workloads that may open a connection to a workload (Ingress), or to which it may open one
// (Egress), as edges with exact ports, sorted by the other workload. Hosts outside are left out. For many workloads,
// ask Neighbours.
func (m *Model) Reaches(w *cluster.Workload, d policy.Direction) []Edge {
	return m.neighbours().Reaches(w, d)
}

// points calls f for every class and host point that may reach point c (Ingress), or that c may reach (Egress);
// perhaps once for each family.
func (n *Neighbours) points(c int, d policy.Direction, f func(other int, b boundsID)) {
	m := n.m
	if c >= m.hosts || m.tunnels {
		n.eachPair(c, d, f)
		return
	}
	for _, fam := range m.families {
		bit := uint8(1) << fam
		if n.lines.none[c]&bit != 0 {
			continue
		}
		n.ask(fam)
		step := func(i int, b boundsID) {
			if n.lines.none[i]&bit != 0 {
				return
			}
			if b = m.conns.and2(b, n.other(policy.Network, d, fam, i, c)); b == noneID {
				return
			}
			if m.layered[policy.Mesh] {
				b = m.conns.and2(b, n.lines.value(policy.Mesh, d, fam, c, i))
				b = m.conns.and2(b, n.other(policy.Mesh, d, fam, i, c))
			}
			if m.conns.pairs[b].may != noConns {
				f(i, b)
			}
		}
		n.near(c, d, fam, step)
	}
}

// ask forgets what other ends said at the point before.
func (n *Neighbours) ask(fam family) {
	for l := range n.memo {
		n.memo[l][fam].now++
	}
}

// near calls f for every point where the network policies of class c may let something through, with what.
func (n *Neighbours) near(c int, d policy.Direction, fam family, f func(i int, b boundsID)) {
	m := n.m
	line := n.lines.class(policy.Network, d, fam, c)
	switch {
	case line.n == 0:
		p := m.profileAt(policy.Network, d, c)
		for i := range m.atoms {
			if b := m.at(p, fam, i); b != noneID {
				f(i, b)
			}
		}
	case line.nWide == 0:
		n.lines.runs(line, m.atoms, func(lo, hi int, b boundsID) {
			for i := lo; i < hi; i++ {
				f(i, b)
			}
		})
	default:
		n.lines.runs(line, m.atoms, func(lo, hi int, _ boundsID) { n.some.fill(lo, hi) })
		for _, w := range n.lines.wides[line.wide : line.wide+line.nWide] {
			w.set.addTo(n.some)
		}
		n.some.each(func(i int) {
			if i < m.atoms {
				f(i, n.lines.bounds(line, i))
			}
		})
		clear(n.some)
	}
}

// other is what the policies of a layer at point i, the other end, let through at c.
func (n *Neighbours) other(l policy.Layer, d policy.Direction, fam family, i, c int) boundsID {
	m := n.m
	if i >= m.hosts {
		if l == policy.Network && len(m.hosted) > 0 {
			return openID
		}
		return allID
	}
	d = opposite(d)
	k := m.byClass[l][d][i]
	memo := &n.memo[l][fam]
	if memo.asked[k] != memo.now {
		memo.asked[k], memo.vals[k] = memo.now, n.lines.value(l, d, fam, i, c)
	}
	return memo.vals[k]
}

func opposite(d policy.Direction) policy.Direction {
	if d == policy.Ingress {
		return policy.Egress
	}
	return policy.Ingress
}

// eachPair asks every point, for those ends that are not classes, and in a mesh that tunnels.
func (n *Neighbours) eachPair(c int, d policy.Direction, f func(other int, b boundsID)) {
	for i := range n.x.at {
		if len(n.x.at[i]) == 0 {
			continue
		}
		s, to := i, c
		if d == policy.Egress {
			s, to = c, i
		}
		if b := n.m.pointPair(s, to); n.m.conns.pairs[b].may != noConns {
			f(i, b)
		}
	}
}
