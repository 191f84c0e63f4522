package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Closure is every workload that traffic from the given ones may reach over any number of hops, the given
// ones included, sorted. It goes hop by hop. Sources that egress policies bind are asked whom they may reach;
// for all others together, each set of ingress policies is asked once a hop whether it lets one of them in.
func (m *Model) Closure(from []*cluster.Workload) []*cluster.Workload {
	c := closure{n: m.neighbours(), m: m, seen: newBitset(len(m.cluster.Workloads)), done: newBitset(m.atoms), left: make([]int, m.atoms)}
	c.x = c.n.x
	for p, ws := range c.x.at {
		c.left[p] = len(ws)
	}
	c.members = m.membersOf(policy.Ingress)
	for _, w := range from {
		c.reach(c.x.numbers[w])
	}
	for len(c.fresh) > 0 {
		c.hop()
	}
	var out []*cluster.Workload
	c.seen.each(func(i int) { out = append(out, m.cluster.Workloads[i]) })
	return out
}

type closure struct {
	n       *Neighbours
	m       *Model
	x       *places
	members [][]int // by ingress profile of the network layer: the classes that have it
	left    []int   // by point: workloads there that are not reached yet
	seen    bitset  // workloads
	done    bitset  // points that were looked at as sources
	fresh   []int   // workloads that the last hop reached
}

func (c *closure) reach(i int) {
	if c.seen.has(i) {
		return
	}
	c.seen.set(i)
	c.fresh = append(c.fresh, i)
	for _, p := range c.x.points[i] {
		c.left[p]--
	}
}

func (c *closure) reachPoint(d int) {
	for _, j := range c.x.at[d] {
		c.reach(j)
	}
}

// hop reaches everything that is one hop from what the last one reached.
func (c *closure) hop() {
	fresh := c.fresh
	c.fresh = nil
	open := newBitset(c.m.atoms) // sources that may reach much
	for _, i := range fresh {
		c.overNodes(i)
		for _, s := range c.x.points[i] {
			if c.done.has(s) {
				continue
			}
			c.done.set(s)
			if c.n.confined(s, policy.Egress) {
				c.n.points(s, policy.Egress, func(d int, _ boundsID) {
					if c.left[d] > 0 {
						c.reachPoint(d)
					}
				})
			} else {
				open.set(s)
			}
		}
	}
	for _, ds := range c.members {
		c.letIn(ds, open)
	}
	for d := c.m.hosts; d < c.m.atoms; d++ {
		if c.left[d] > 0 {
			c.letIn([]int{d}, open)
		}
	}
}

// overNodes reaches what sharing a node opens, which no row says.
func (c *closure) overNodes(i int) {
	others, m := c.x.hosted, c.m
	try := func(j int) {
		if !c.seen.has(j) && !c.x.apart(i, j) && m.conns.pairs[m.sameNode(noneID, c.x.where(i), c.x.where(j))].may != noConns {
			c.reach(j)
		}
	}
	if !c.x.hosts.has(i) {
		for _, j := range others {
			try(j)
		}
		return
	}
	for j := range c.x.points {
		try(j)
	}
}

// letIn reaches those of some points, which have the same ingress policies, that let a source in.
func (c *closure) letIn(ds []int, from bitset) {
	for _, d := range ds {
		if c.left[d] == 0 {
			continue
		}
		if c.n.anyOf(d, policy.Ingress, from) {
			c.reachPoint(d)
		}
	}
}

// OneHop is every workload that may open a connection to one of the given ones (Ingress), or to which one of
// them may (Egress), the given ones left out, sorted.
func (m *Model) OneHop(of []*cluster.Workload, d policy.Direction) []*cluster.Workload {
	n := m.neighbours()
	h := oneHop{n: n, ends: newBitset(m.atoms), open: newBitset(m.atoms), found: newBitset(m.atoms)}
	given, seen := newBitset(len(m.cluster.Workloads)), newBitset(len(m.cluster.Workloads))
	for _, w := range of {
		i := n.x.numbers[w]
		given.set(i)
		for _, c := range n.x.points[i] {
			h.ends.set(c)
		}
	}
	h.search(d)
	h.found.each(func(p int) {
		for _, j := range n.x.at[p] {
			seen.set(j)
		}
	})
	given.each(func(i int) {
		others := n.x.hosted
		if n.x.hosts.has(i) {
			others = make([]int, len(n.x.points))
			for j := range others {
				others[j] = j
			}
		}
		for _, j := range others {
			if seen.has(j) {
				continue
			}
			from, to := n.x.where(j), n.x.where(i)
			if d == policy.Egress {
				from, to = to, from
			}
			if m.conns.pairs[m.sameNode(noneID, from, to)].may != noConns {
				seen.set(j)
			}
		}
	})
	var out []*cluster.Workload
	seen.each(func(j int) {
		if !given.has(j) {
			out = append(out, m.cluster.Workloads[j])
		}
	})
	return out
}

// oneHop finds the points one hop from some ends.
type oneHop struct {
	n     *Neighbours
	ends  bitset
	open  bitset // the other points whose own policies may let much through
	found bitset
}

// first is how many ends look for others before it is asked who should go on.
const first = 32

// search goes from the side that lets less through: points that their policies confine look for an end
// themselves. For the rest a few ends find nearly all that can be found; then that side goes on that has less to do.
func (h *oneHop) search(d policy.Direction) {
	n, m := h.n, h.n.m
	away := opposite(d)
	for i := range m.atoms {
		switch {
		case len(n.x.at[i]) == 0:
		case !n.confined(i, away):
			h.open.set(i)
		case n.anyOf(i, away, h.ends):
			h.found.set(i)
		}
	}
	left := slices.Clone(h.open)
	look := func(c int) {
		n.among(c, d, left, func(i int) bool {
			h.found.set(i)
			return true
		})
		for w := range left {
			left[w] &^= h.found[w]
		}
	}
	rest := slices.Clone(h.ends)
	asked := 0
	rest.until(0, m.atoms, func(c int) bool {
		look(c)
		rest[c/64] &^= 1 << (c % 64)
		asked++
		return asked < first
	})
	if 4*n.work(rest, d, left) <= n.work(left, away, h.ends) { // the other way ends with the first that is found
		rest.each(look)
		return
	}
	left.each(func(i int) {
		if n.anyOf(i, away, h.ends) {
			h.found.set(i)
		}
	})
}
