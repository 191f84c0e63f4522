package reach

import (
	"math/bits"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// walker goes over the pod classes as sources, in order, and gives for each the points it may reach. What it
// keeps between two sources is what every ingress tier does at the point it stands on; it changes at the
// ends of runs only. Of the destinations it looks at those alone whose ingress may let something in.
type walker struct {
	outlets

	// The ingress tiers of the network layer, each with its row and what it does here.
	tiers   []*tier
	rows    []*row
	index   map[*tier]int
	cur     []uint32 // boundsID for rows that add, effectID otherwise
	wideNow []boundsID
	stamped []int // the last source for which wideNow was written
	changes [][]turn
	stacks  [][]int // by tier: the profiles it is part of
	byWide  map[*pointSet][]tierAdd
	wide    []*pointSet // the keys of byWide, in order
	block   int         // the 64 points that here is about
	here    [64][]int32 // by point: the wide sets that hold it

	// Active are the tiers that allow something here; place is where in it a tier stands, -1 for nowhere.
	active []int
	place  []int

	profiles []*profile
	single   []int   // by profile: its only tier, when that one adds; else -1
	parts    [][]int // by profile: its tiers
	always   []int   // profiles that may let in what no rule allows
	members  [][]int // by profile: the classes that have it
	touched  []int
	mark     []int // the last source that touched a profile

	at int // the next source
}

// turn is a new value of a tier at the start of a run.
type turn struct {
	tier int32
	val  uint32
}

type tierAdd struct {
	tier int
	add  boundsID
}

func (m *Model) newWalker(f family) *walker {
	w := &walker{
		outlets: newOutlets(m, f), block: -1, index: map[*tier]int{}, byWide: map[*pointSet][]tierAdd{},
		profiles: m.profiles[policy.Network][policy.Ingress], changes: make([][]turn, m.hosts+1),
	}
	n := len(w.profiles)
	w.single, w.parts, w.members, w.mark = make([]int, n), make([][]int, n), make([][]int, n), make([]int, n)
	for c := range m.hosts {
		p := m.byClass[policy.Network][policy.Ingress][c]
		w.members[p] = append(w.members[p], c)
	}
	for i, p := range w.profiles {
		w.mark[i], w.single[i] = -1, -1
		closes := false
		for _, t := range p.tiers {
			k := w.addTier(t)
			w.stacks[k] = append(w.stacks[k], i)
			w.parts[i] = append(w.parts[i], k)
			closes = closes || w.rows[k].adds
		}
		if !closes || p.alt != nil || p.lost || p.open {
			w.always = append(w.always, i)
		} else if len(p.tiers) == 1 {
			w.single[i] = w.parts[i][0]
		}
	}
	return w
}

func (w *walker) addTier(t *tier) int {
	if k, ok := w.index[t]; ok {
		return k
	}
	k := len(w.tiers)
	r := w.m.row(t, w.f)
	w.index[t] = k
	w.tiers, w.rows, w.cur, w.stacks = append(w.tiers, t), append(w.rows, r), append(w.cur, 0), append(w.stacks, nil)
	w.wideNow, w.stamped, w.place = append(w.wideNow, noneID), append(w.stamped, -1), append(w.place, -1)
	for i, at := range r.starts {
		if int(at) < w.m.hosts {
			w.changes[at] = append(w.changes[at], turn{int32(k), r.vals[i]})
		}
	}
	for _, x := range r.wide {
		if _, ok := w.byWide[x.set]; !ok {
			w.wide = append(w.wide, x.set)
		}
		w.byWide[x.set] = append(w.byWide[x.set], tierAdd{k, x.add})
	}
	return k
}

// step moves to the next source.
func (w *walker) step() {
	for _, c := range w.changes[w.at] {
		k := int(c.tier)
		w.cur[k] = c.val
		allows := c.val != noneID
		if !w.rows[k].adds {
			allows = w.m.conns.effects[c.val].allowed != noneID
		}
		switch {
		case allows && w.place[k] < 0:
			w.place[k] = len(w.active)
			w.active = append(w.active, k)
		case !allows && w.place[k] >= 0:
			last := w.active[len(w.active)-1]
			w.active[w.place[k]] = last
			w.place[last] = w.place[k]
			w.active = w.active[:len(w.active)-1]
			w.place[k] = -1
		}
	}
	w.at++
}

// touch finds the profiles that may let something in from the source s.
func (w *walker) touch(s int) {
	w.touched = w.touched[:0]
	touch := func(k int) {
		for _, p := range w.stacks[k] {
			if w.mark[p] != s {
				w.mark[p] = s
				w.touched = append(w.touched, p)
			}
		}
	}
	for _, p := range w.always {
		w.mark[p] = s
		w.touched = append(w.touched, p)
	}
	for _, k := range w.active {
		touch(k)
	}
	if s/64 != w.block {
		w.transpose(s / 64)
	}
	for _, i := range w.here[s%64] {
		for _, x := range w.byWide[w.wide[i]] {
			if w.stamped[x.tier] != s {
				w.stamped[x.tier], w.wideNow[x.tier] = s, noneID
			}
			w.wideNow[x.tier] = w.m.conns.or2(w.wideNow[x.tier], x.add)
			touch(x.tier)
		}
	}
}

// transpose lists the wide sets that hold each point of a block of 64.
func (w *walker) transpose(block int) {
	w.block = block
	for i := range w.here {
		w.here[i] = w.here[i][:0]
	}
	for i, set := range w.wide {
		for x := set.bits[block]; x != 0; x &= x - 1 {
			k := bits.TrailingZeros64(x)
			w.here[k] = append(w.here[k], int32(i))
		}
	}
}

// ingress is what a touched profile lets in from the source the walker stands on.
func (w *walker) ingress(p, s int) boundsID {
	if k := w.single[p]; k >= 0 {
		return w.allowed(k, s)
	}
	pr := w.profiles[p]
	if pr.alt != nil || pr.lost || pr.open {
		return w.m.at(pr, w.f, s)
	}
	e := passesID
	for _, k := range w.parts[p] {
		x := w.cur[k]
		if w.rows[k].adds {
			x = w.m.conns.adds(w.allowed(k, s))
		}
		e = w.m.conns.compose(e, x)
	}
	return w.m.conns.final(e)
}

func (w *walker) allowed(k, s int) boundsID {
	if w.stamped[k] == s {
		return w.m.conns.or2(w.cur[k], w.wideNow[k])
	}
	return w.cur[k]
}

// walk calls f for every source class of [lo, hi) and every point, pods and nodes, it may reach in the network
// layer and this family, with what it may. It must be called with growing ranges. It goes over the side that
// lets less through: the egress of a source that may reach few, else the ingress of all that let it in.
func (w *walker) walk(lo, hi int, f func(s, d int, b boundsID)) {
	m := w.m
	for w.at < hi {
		s := w.at
		w.step()
		if s < lo || m.points[s].addr[w.f].none {
			continue
		}
		out := w.outlet(s)
		if out.few {
			for _, d := range out.open {
				in := allID
				if int(d) < m.hosts {
					in = m.at(m.profileAt(policy.Network, policy.Ingress, int(d)), w.f, s)
				}
				w.pair(s, int(d), in, out.at, f)
			}
			continue
		}
		w.touch(s)
		for _, p := range w.touched {
			if in := w.ingress(p, s); m.conns.pairs[in].may != noConns {
				for _, d := range w.members[p] {
					w.pair(s, d, in, out.at, f)
				}
			}
		}
		for d := m.hosts; d < m.atoms; d++ {
			w.pair(s, d, allID, out.at, f)
		}
	}
}

// pair calls f when what d lets in and what s lets out meet.
func (w *walker) pair(s, d int, in boundsID, egress func(int) boundsID, f func(s, d int, b boundsID)) {
	m := w.m
	if m.points[d].addr[w.f].none {
		return
	}
	if d >= m.hosts && len(m.hosted) > 0 {
		in = openID
	}
	if b := m.conns.and2(in, egress(d)); m.conns.pairs[b].may != noConns {
		f(s, d, b)
	}
}

// places is where workloads are, by their number.
type places struct {
	at      [][]int    // by point: the workloads that have pods there
	points  [][]int    // by workload: the points where it has pods, sorted
	single  []int      // by workload: the class of all its pods; -1 when they have several, or are host-network pods
	where   []location // by workload
	hosted  []int      // workloads with host-network pods
	numbers map[*cluster.Workload]int
}

// places is made on first use.
func (m *Model) places() *places {
	if m.placed != nil {
		return m.placed
	}
	n := len(m.cluster.Workloads)
	x := &places{at: make([][]int, m.atoms), points: make([][]int, n), single: make([]int, n), where: make([]location, n), numbers: map[*cluster.Workload]int{}}
	for i, w := range m.cluster.Workloads {
		x.numbers[w] = i
		points := m.pointsOf(OfWorkload(w))
		x.points[i] = points
		for _, c := range points {
			x.at[c] = append(x.at[c], i)
		}
		if x.single[i] = points[0]; len(points) > 1 || points[0] >= m.hosts {
			x.single[i] = -1
		}
		if x.where[i] = locate(OfWorkload(w)); x.where[i].hosted() {
			x.hosted = append(x.hosted, i)
		}
	}
	m.placed = x
	return x
}

// gather is what one workload may reach: bounds by the number of the other workload.
type gather struct {
	bounds []boundsID
	seen   bitset
}

func newGather(n int) *gather { return &gather{make([]boundsID, n), newBitset(n)} }

func (g *gather) add(t *table, j int, b boundsID) {
	if !g.seen.has(j) {
		g.seen.set(j)
		g.bounds[j] = b
		return
	}
	g.bounds[j] = t.or2(g.bounds[j], b)
}

func (g *gather) reset() { clear(g.seen) }

// reached is one entry of what a class may reach.
type reached struct {
	point int
	b     boundsID
}

// blockReach gives, for each source class of [lo, hi), the points it may reach, through all layers and families.
func (m *Model) blockReach(walkers []*walker, lo, hi int) [][]reached {
	out := make([][]reached, hi-lo)
	for _, w := range walkers {
		w.walk(lo, hi, func(s, d int, b boundsID) { out[s-lo] = append(out[s-lo], reached{d, b}) })
	}
	if len(walkers) == 1 && !m.layered[policy.Mesh] && !m.tunnels {
		return out
	}
	for s := range out {
		list := out[s]
		slices.SortFunc(list, func(a, b reached) int { return a.point - b.point })
		list = slices.CompactFunc(list, func(a, b reached) bool { return a.point == b.point })
		for i := range list {
			list[i].b = m.pointPair(lo+s, list[i].point)
		}
		out[s] = list
	}
	return out
}
