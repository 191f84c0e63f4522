package reach

import (
	"math/bits"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// confined tells whether the network policies of a point let nothing through at most other points.
func (n *Neighbours) confined(c int, d policy.Direction) bool {
	m := n.m
	if c >= m.hosts {
		return false
	}
	for _, fam := range m.families {
		line := n.lines.class(policy.Network, d, fam, c)
		if line.n == 0 {
			return false
		}
		if (line.open+line.openWide)*8 > m.atoms {
			return false
		}
	}
	return true
}

// work is about how many pairs among would look at for all of some points, with a set. Of many points it asks some.
func (n *Neighbours) work(of bitset, d policy.Direction, set bitset) int {
	m := n.m
	const enough = 512
	every, next := max(1, of.count()/enough), 0
	below := make([]int, m.atoms+1) // how many of the set are below a point
	for i := range m.atoms {
		below[i+1] = below[i]
		if set.has(i) {
			below[i+1]++
		}
	}
	out := 0
	of.until(0, m.atoms, func(c int) bool {
		if next--; next >= 0 {
			return true
		}
		next = every - 1
		if c >= m.hosts {
			out += below[m.atoms]
			return true
		}
		for _, fam := range m.families {
			line := n.lines.class(policy.Network, d, fam, c)
			if line.n == 0 {
				out += below[m.atoms]
			}
			n.lines.runs(line, m.atoms, func(lo, hi int, _ boundsID) { out += below[hi] - below[lo] })
			out += line.openWide
		}
		return true
	})
	return out * every
}

// anyOf tells whether some point of a set may reach c (Ingress), or c some point of it (Egress).
func (n *Neighbours) anyOf(c int, d policy.Direction, set bitset) bool {
	hit := false
	n.among(c, d, set, func(int) bool {
		hit = true
		return false
	})
	return hit
}

// among calls f for the points of a set that may reach c (Ingress), or that c may reach (Egress), until f reports
// false. A point may come more than once.
func (n *Neighbours) among(c int, d policy.Direction, set bitset, f func(i int) bool) {
	m := n.m
	if c >= m.hosts || m.tunnels {
		set.until(0, m.atoms, func(i int) bool {
			s, to := i, c
			if d == policy.Egress {
				s, to = c, i
			}
			return m.conns.pairs[m.pointPair(s, to)].may == noConns || f(i)
		})
		return
	}
	for _, fam := range m.families {
		if !n.amongIn(c, d, fam, set, f) {
			return
		}
	}
}

// amongIn is among in one family. It reports false when f did.
func (n *Neighbours) amongIn(c int, d policy.Direction, fam family, set bitset, f func(i int) bool) bool {
	m := n.m
	bit := uint8(1) << fam
	if n.lines.none[c]&bit != 0 {
		return true
	}
	n.ask(fam)
	line := n.lines.class(policy.Network, d, fam, c)
	try := func(i int, b boundsID) bool {
		if n.lines.none[i]&bit != 0 || b == noneID {
			return true
		}
		b = m.conns.and2(b, n.other(policy.Network, d, fam, i, c))
		if b != noneID && m.layered[policy.Mesh] {
			b = m.conns.and2(b, n.lines.value(policy.Mesh, d, fam, c, i))
			b = m.conns.and2(b, n.other(policy.Mesh, d, fam, i, c))
		}
		return m.conns.pairs[b].may == noConns || f(i)
	}
	if line.n == 0 {
		p := m.profileAt(policy.Network, d, c)
		return set.until(0, m.atoms, func(i int) bool { return try(i, m.at(p, fam, i)) })
	}
	on := true
	n.lines.runs(line, m.atoms, func(lo, hi int, b boundsID) {
		if on {
			on = set.until(lo, hi, func(i int) bool {
				if line.nWide > 0 {
					b = n.lines.bounds(line, i)
				}
				return try(i, b)
			})
		}
	})
	for _, w := range n.lines.wides[line.wide : line.wide+line.nWide] {
		for k := 0; on && k < len(set); k++ {
			for x := set[k] & w.set.word(k); on && x != 0; x &= x - 1 {
				i := k*64 + bits.TrailingZeros64(x)
				on = try(i, n.lines.bounds(line, i))
			}
		}
	}
	return on
}
