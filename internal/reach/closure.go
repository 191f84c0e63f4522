package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Closure is every workload that traffic from the given ones may reach over any number of hops, the given
// ones included, sorted. Each class of pods is looked at once, and only for what is not reached yet.
func (m *Model) Closure(from []*cluster.Workload) []*cluster.Workload {
	x := m.places()
	c := closure{m: m, byPoint: x.at, number: x.numbers, hosted: x.hosted, seen: newBitset(len(m.cluster.Workloads)), done: newBitset(m.atoms)}
	for _, f := range m.families {
		c.outlets = append(c.outlets, newOutlets(m, f))
	}
	c.left = make([]int, m.atoms)
	for p, ws := range c.byPoint {
		c.left[p] = len(ws)
	}
	for _, w := range from {
		c.reach(c.number[w])
	}
	for len(c.queue) > 0 {
		i := c.queue[0]
		c.queue = c.queue[1:]
		c.from(i)
	}
	var out []*cluster.Workload
	c.seen.each(func(i int) { out = append(out, m.cluster.Workloads[i]) })
	return out
}

type closure struct {
	m       *Model
	byPoint [][]int
	number  map[*cluster.Workload]int
	hosted  []int
	outlets []outlets
	left    []int  // by point: workloads there that are not reached yet
	seen    bitset // workloads
	done    bitset // points that were looked at as sources
	queue   []int
}

func (c *closure) reach(i int) {
	if c.seen.has(i) {
		return
	}
	c.seen.set(i)
	c.queue = append(c.queue, i)
	for _, p := range c.m.pointsOf(OfWorkload(c.m.cluster.Workloads[i])) {
		c.left[p]--
	}
}

// from reaches everything that a workload may reach in one hop.
func (c *closure) from(i int) {
	m := c.m
	w := m.cluster.Workloads[i]
	others := c.hosted // sharing a node may open what no row says
	if locate(OfWorkload(w)).hosted() {
		others = make([]int, len(m.cluster.Workloads))
		for j := range others {
			others[j] = j
		}
	}
	for _, j := range others {
		if !c.seen.has(j) && !m.Between(OfWorkload(w), OfWorkload(m.cluster.Workloads[j])).May.IsEmpty() {
			c.reach(j)
		}
	}
	for _, s := range m.pointsOf(OfWorkload(w)) {
		if s < m.hosts && !c.done.has(s) {
			c.done.set(s)
			c.fromClass(s)
		}
	}
}

func (c *closure) fromClass(s int) {
	m := c.m
	try := func(d int) {
		if m.conns.pairs[m.pointPair(s, d)].may == noConns {
			return
		}
		for _, j := range c.byPoint[d] {
			c.reach(j)
		}
	}
	for k := range c.outlets {
		if m.points[s].addr[c.outlets[k].f].none {
			continue
		}
		if out := c.outlets[k].outlet(s); out.few {
			for _, d := range out.open {
				if c.left[d] > 0 {
					try(int(d))
				}
			}
			continue
		}
		for d := range m.hosts {
			if c.left[d] > 0 {
				try(d)
			}
		}
	}
}

// OneHop is every workload that may open a connection to one of the given ones (Ingress), or to which one of
// them may (Egress), the given ones left out, sorted.
func (m *Model) OneHop(of []*cluster.Workload, d policy.Direction) []*cluster.Workload {
	var out []*cluster.Workload
	for _, w := range of {
		for _, e := range m.Reaches(w, d) {
			other := e.Src.Workload
			if d == policy.Egress {
				other = e.Dst.Workload
			}
			out = append(out, other)
		}
	}
	slices.SortFunc(out, func(a, b *cluster.Workload) int { return a.Ref.Compare(b.Ref) })
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(w *cluster.Workload) bool { return slices.Contains(of, w) })
}
