package reach

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Pair is a connection between two workloads by numbers, for those who look at millions of them.
type Pair struct {
	Src, Dst int    // into Cluster().Workloads
	Bounds   uint32 // for Pairs.Bounds; equal bounds have equal numbers
}

// Why is why a pair is undecided, in parts: what each side of it says, and what is said of the pair as a whole. Parts
// are numbers for Pairs.Part, 0 for nothing. It can be compared; the zero value says that nothing is open.
type Why [8]uint32

// Pairs is the connections between workloads, and why those that are undecided are. What many pairs share is
// found once. It is for one goroutine.
type Pairs struct {
	m     *Model
	at    *places
	cells [2][]uint32   // by family and class: a number for all classes that no rule in doubt tells apart
	rows  [2][2][]int32 // by layer, direction and class: its profile, or itself where the reasons speak of the pod
	parts [][]Reason
	sides map[uint64]uint32 // parts by layer, direction, family, row and cell
	texts map[string]uint32 // parts by what they say
	plain Why
}

// Pairs costs one look at every point for each distinct set of points that some rule is in doubt of.
func (m *Model) Pairs() *Pairs {
	p := &Pairs{m: m, at: m.places(), parts: [][]Reason{nil}, sides: map[uint64]uint32{}, texts: map[string]uint32{}}
	if m.plainOff != nil {
		p.plain = Why{p.part(m.plainOff)}
		return p
	}
	for _, f := range m.families {
		p.cells[f] = m.alike(f)
	}
	for _, l := range policy.Layers {
		for _, d := range policy.Directions {
			p.rows[l][d] = m.alikeSubjects(l, d)
		}
	}
	return p
}

// All gives every possible connection but those of a workload with itself, in the order of Edges. It can be used
// several times.
func (p *Pairs) All() iter.Seq[Pair] {
	return func(yield func(Pair) bool) {
		p.m.podPairs(func(i, j int, b boundsID) bool { return yield(Pair{i, j, b}) })
	}
}

// Bounds is the bounds of a number.
func (p *Pairs) Bounds(n uint32) Bounds { return p.m.conns.bounds(n) }

// Part is one part of a Why. It must not be changed.
func (p *Pairs) Part(n uint32) []Reason { return p.parts[n] }

// Reasons is what Model.Reasons says of a pair with this Why.
func (p *Pairs) Reasons(w Why) []Reason {
	var out []Reason
	for _, n := range w {
		out = append(out, p.parts[n]...)
	}
	return sortReasons(out)
}

// WhyPeers is Why for any two peers.
func (p *Pairs) WhyPeers(src, dst Peer) Why {
	if list := p.m.Reasons(src, dst); len(list) > 0 {
		return Why{p.part(list)}
	}
	return Why{}
}

// Why is zero for a pair that is decided.
func (p *Pairs) Why(x Pair) Why {
	m := p.m
	if m.conns.decided(x.Bounds) {
		return Why{}
	}
	s, d := p.at.single[x.Src], p.at.single[x.Dst] // -1 for workloads with host-network pods, too
	switch {
	case p.plain != Why{} && !p.at.where[x.Src].hosted() && !p.at.where[x.Dst].hosted():
		return p.plain
	case s < 0 || d < 0 || m.tunnels || p.plain != Why{}:
		return p.WhyPeers(OfWorkload(m.cluster.Workloads[x.Src]), OfWorkload(m.cluster.Workloads[x.Dst]))
	}
	var out Why
	n := 0
	for _, f := range m.families {
		for _, l := range policy.Layers {
			if m.layered[l] {
				out[n], out[n+1] = p.side(l, policy.Egress, s, f, d), p.side(l, policy.Ingress, d, f, s)
			}
			n += 2
		}
	}
	if out == (Why{}) { // what is not known on one side leaves the whole open
		return p.WhyPeers(OfWorkload(m.cluster.Workloads[x.Src]), OfWorkload(m.cluster.Workloads[x.Dst]))
	}
	return out
}

// side is sideReasons as a part.
func (p *Pairs) side(l policy.Layer, d policy.Direction, end int, f family, other int) uint32 {
	m := p.m
	if m.conns.decided(m.side(l, d, end, f, other)) {
		return 0
	}
	key := uint64(p.rows[l][d][end])<<32 | uint64(p.cells[f][other])<<3 | uint64(l)<<2 | uint64(d)<<1 | uint64(f)
	n, ok := p.sides[key]
	if !ok {
		if len(p.sides) > manySides {
			clear(p.sides)
		}
		n = p.part(m.sideReasons(l, d, end, f, other))
		p.sides[key] = n
	}
	return n
}

// manySides is how many sides are remembered, in about 50 MB. Only clusters full of doubt have more.
const manySides = 1 << 20

// part numbers a list of reasons by what it says.
func (p *Pairs) part(list []Reason) uint32 {
	if len(list) == 0 {
		return 0
	}
	var b strings.Builder
	for _, r := range list {
		b.WriteString(r.Code + "\x00" + r.Msg + "\x00" + r.Pos.String() + "\x00" + r.Ref.String() + "\x00" + r.Ref.Group + "\x01")
	}
	n, ok := p.texts[b.String()]
	if !ok {
		n = uint32(len(p.parts))
		p.parts, p.texts[b.String()] = append(p.parts, list), n
	}
	return n
}

// alikeSubjects gives classes of one profile one number, unless it is not certain that all its policies bind them:
// the reasons speak of the pod then.
func (m *Model) alikeSubjects(l policy.Layer, d policy.Direction) []int32 {
	if !m.layered[l] {
		return nil
	}
	out := make([]int32, m.hosts)
	for c := range out {
		i := m.byClass[l][d][c]
		out[c] = int32(i)
		for _, k := range m.profiles[l][d][i].picks {
			if !k.sure {
				out[c] = int32(len(m.profiles[l][d]) + c)
				break
			}
		}
	}
	return out
}

// alike numbers pod classes so that those of one number are in the same sets of every rule that may be in doubt
// of whom it matches, and that the same is known of their ports and addresses. Classes that such a rule may match by
// what its selectors say have a number of their own.
func (m *Model) alike(f family) []uint32 {
	type known struct {
		addr  *[2]addrKnown
		ports uint32
	}
	c := cells{of: make([]uint32, m.hosts)}
	first := map[known]uint32{}
	for i := range c.of {
		key := known{m.points[i].addr, m.points[i].ports}
		n, ok := first[key]
		if !ok {
			n = uint32(len(first))
			first[key] = n
			c.size = append(c.size, 0)
		}
		c.of[i] = n
		c.size[n]++
	}
	own := newBitset(m.hosts)
	done := map[string]bool{}
	for i := range m.policies {
		q := &m.policies[i]
		for j := range q.rules {
			peers := q.rules[j].peers[f]
			if !q.mayDoubt(j, f, m.hosts) {
				continue
			}
			for k, s := range peers {
				for _, set := range []*pointSet{s.certain, s.possible} {
					runs := set.below(m.hosts)
					if key := fmt.Sprint(runs); !done[key] {
						done[key] = true
						c.cut(runs)
					}
				}
				if peer := &q.Rules[j].Peers[k]; peer.Kind == policy.PodPeer && peer.Doubt == nil && s.certain != s.possible {
					for _, r := range s.possible.below(m.hosts) {
						for x := int(r.lo); x < int(r.hi); x++ {
							if !s.certain.has(x) {
								own.set(x)
							}
						}
					}
				}
			}
		}
	}
	own.each(func(x int) {
		if old := c.of[x]; c.size[old] > 1 {
			c.size[old]--
			c.of[x] = uint32(len(c.size))
			c.size = append(c.size, 1)
		}
	})
	return c.of
}

// cells is a partition of the pod classes.
type cells struct {
	of   []uint32 // by class
	size []uint32 // by cell
	in   []uint32 // by cell: how many of its classes are in the set at hand
	to   []uint32 // by cell: where those go
}

// cut parts the classes in a set from the others.
func (c *cells) cut(set []run) {
	for len(c.in) < len(c.size) {
		c.in, c.to = append(c.in, 0), append(c.to, 0)
	}
	each := func(f func(class int, cell uint32)) {
		for _, r := range set {
			for x := r.lo; x < r.hi; x++ {
				f(int(x), c.of[x])
			}
		}
	}
	var split []uint32
	each(func(_ int, cell uint32) { c.in[cell]++ })
	each(func(class int, cell uint32) {
		if c.in[cell] == 0 || c.in[cell] == c.size[cell] { // made just now, or in the set as a whole
			return
		}
		if c.to[cell] == 0 {
			split = append(split, cell)
			c.to[cell] = uint32(len(c.size))
			c.size = append(c.size, 0)
			c.in, c.to = append(c.in, 0), append(c.to, 0)
		}
		c.of[class] = c.to[cell]
		c.size[c.to[cell]]++
	})
	each(func(_ int, cell uint32) { c.in[cell] = 0 })
	for _, cell := range split {
		c.size[cell] -= c.in[cell]
		c.in[cell], c.to[cell] = 0, 0
	}
}

// mayDoubt tells whether there may be a point below hi of which it is not certain that rule j matches it, apart
// from doubts of the policy as a whole.
func (q *applied) mayDoubt(j int, f family, hi int) bool {
	if len(q.Rules[j].Limits) > 0 {
		return true
	}
	for _, s := range q.rules[j].peers[f] {
		if s.certain != s.possible && !slices.Equal(s.certain.below(hi), s.possible.below(hi)) {
			return true
		}
	}
	return false
}
