package reach

import (
	"iter"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
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
	rows  [2][2][]int32        // by layer, direction and class: its profile, or itself where the reasons speak of the pod
	rules [2][2][2][]*doubtful // by layer, direction, family and profile, made on first use
	addrs []uint32             // by class: a number for what is known of its addresses
	parts [][]Reason
	sides map[sideKey]uint32
	texts map[string]uint32 // parts by what they say
	// What Why gave for others that are usual: by layer, direction, family and row, and where ports count by these too.
	said   [2][2][2][]bool
	saidOf map[saidKey]bool
	calm   [2][]calmSide // by direction and class
	plain  Why
	alike  bool // as much is known of the addresses of each class
}

// sideKey is what the reasons of one side of a pair depend on.
type sideKey struct {
	layer, dir, family uint8
	own                bool // sets is the other end itself
	row                int32
	addr, ports        uint32 // of the other end
	sets               uint64 // which of the sets of the rules in doubt hold the other end
}

// calmSide is what Said found of one side of pairs: that for other ends from lo to hi, not included, all was said that
// is in doubt there. The range grows no more once it is there; other ends have ranges of their own, found anew.
type calmSide struct {
	lo, hi uint32
	open   bool // something is in doubt
	whole  bool // doubts holds all that is, and it was said for usual others
	doubts []*doubtful
}

type saidKey struct {
	layer, dir, family uint8
	row                int32
	ports              uint32 // of the other end
}

// doubtful is the rules of a profile that may be in doubt of whom they match.
type doubtful struct {
	sets  []*pointSet // of all their peers
	terms []matched   // of those that match by what the pods are: the reasons speak of the pod
	ports bool        // they name ports, so what they allow depends on the other end
	none  bool        // nothing is in doubt of any pod
	apart []run       // classes that some of the sets tell from most others
	one   bool        // what is in doubt is the same for all others that have the same ports
}

// Pairs is ready at once; what it knows grows with use.
func (m *Model) Pairs() *Pairs {
	p := &Pairs{m: m, at: m.places(), parts: [][]Reason{nil}, saidOf: map[saidKey]bool{}, sides: map[sideKey]uint32{}, texts: map[string]uint32{}}
	if m.plainOff != nil {
		p.plain = Why{p.part(m.plainOff)}
		return p
	}
	for _, l := range policy.Layers {
		for _, d := range policy.Directions {
			p.rows[l][d] = m.alikeSubjects(l, d)
			for _, f := range m.families {
				p.rules[l][d][f] = make([]*doubtful, len(m.profiles[l][d]))
				p.said[l][d][f] = make([]bool, len(m.profiles[l][d])+m.hosts)
			}
		}
	}
	for dir := range p.calm {
		p.calm[dir] = make([]calmSide, m.hosts)
	}
	p.addrs = make([]uint32, m.hosts)
	for i := range m.addrGroups {
		for _, r := range m.addrGroups[i].runs.runs {
			for c := r.lo; c < r.hi; c++ {
				p.addrs[c] = uint32(i)
			}
		}
	}
	p.alike = !slices.ContainsFunc(p.addrs, func(n uint32) bool { return n != p.addrs[0] })
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
	case p.plain != Why{} && p.at.apart(x.Src, x.Dst):
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

// Said tells that Why(x) has no part which no earlier answer of Why had. It is much faster, and false when in doubt.
func (p *Pairs) Said(x Pair) bool {
	m := p.m
	s, d := p.at.single[x.Src], p.at.single[x.Dst]
	if s < 0 || d < 0 || m.tunnels || p.plain != (Why{}) || !p.alike {
		return false
	}
	in, ok := p.saidOfSide(policy.Ingress, d, s)
	if !ok {
		return false
	}
	out, ok := p.saidOfSide(policy.Egress, s, d)
	return ok && (in || out)
}

// saidOfSide tells of one side of a pair whether something is in doubt, and that all of it was said.
func (p *Pairs) saidOfSide(d policy.Direction, end, other int) (open, said bool) {
	c := &p.calm[d][end]
	if uint32(other)-c.lo < c.hi-c.lo {
		return c.open, true
	}
	if c.whole {
		lo, hi := 0, p.m.hosts
		for _, in := range c.doubts {
			from, to, usual := in.around(other, p.m.hosts)
			if !usual {
				return true, false
			}
			lo, hi = max(lo, from), min(hi, to)
		}
		c.lo, c.hi = uint32(lo), uint32(hi)
		return true, true
	}
	m := p.m
	ports := false
	c.doubts = c.doubts[:0]
	for _, f := range m.families {
		for _, l := range policy.Layers {
			if !m.layered[l] {
				continue
			}
			in := p.doubts(l, d, end, f)
			if in.none {
				continue
			}
			row := p.rows[l][d][end]
			if !in.usual(other) || !in.ports && !p.said[l][d][f][row] || in.ports && !p.saidOf[saidKey{uint8(l), uint8(d), uint8(f), row, m.points[other].ports}] {
				return true, false
			}
			ports = ports || in.ports
			c.doubts = append(c.doubts, in)
		}
	}
	c.open = len(c.doubts) > 0
	if c.whole = c.open && !ports; !c.open {
		c.lo, c.hi = 0, uint32(m.hosts)
	}
	return c.open, true
}

// side is sideReasons as a part.
func (p *Pairs) side(l policy.Layer, d policy.Direction, end int, f family, other int) uint32 {
	m := p.m
	in := p.doubts(l, d, end, f)
	if in.none || m.conns.decided(m.side(l, d, end, f, other)) {
		return 0
	}
	key := p.key(in, l, d, end, f, other)
	n, ok := p.sides[key]
	if !ok {
		if len(p.sides) > manySides {
			clear(p.sides)
		}
		n = p.part(m.sideReasons(l, d, end, f, other))
		p.sides[key] = n
	}
	switch {
	case n == 0 || !in.usual(other):
	case in.ports:
		p.saidOf[saidKey{key.layer, key.dir, key.family, key.row, key.ports}] = true
	default:
		p.said[l][d][f][key.row] = true
	}
	return n
}

// manySides is how many sides are remembered, in about 50 MB. Only clusters full of doubt have more.
const manySides = 1 << 20

// doubts is what is doubtful in the profile of a class.
func (p *Pairs) doubts(l policy.Layer, d policy.Direction, end int, f family) *doubtful {
	m := p.m
	i := m.byClass[l][d][end]
	in := p.rules[l][d][f][i]
	if in == nil {
		in = m.doubtful(m.profiles[l][d][i], d, f)
		p.rules[l][d][f][i] = in
	}
	return in
}

func (p *Pairs) key(in *doubtful, l policy.Layer, d policy.Direction, end int, f family, other int) sideKey {
	m := p.m
	key := sideKey{layer: uint8(l), dir: uint8(d), family: uint8(f), row: p.rows[l][d][end], addr: p.addrs[other]}
	if in.ports {
		key.ports = m.points[other].ports
	}
	for _, t := range in.terms {
		key.own = key.own || t.possible.has(other) && !t.certain.has(other)
	}
	if key.own = key.own || len(in.sets) > 64; key.own {
		key.sets = uint64(other)
		return key
	}
	for i, set := range in.sets {
		if set.has(other) {
			key.sets |= 1 << i
		}
	}
	return key
}

// doubtful finds the rules of a profile that may be in doubt of a pod.
func (m *Model) doubtful(pr *profile, d policy.Direction, f family) *doubtful {
	out := &doubtful{none: pr.alt == nil && !pr.lost && !pr.open && !m.maybeOff[d]}
	for at, k := range pr.picks {
		q := &m.policies[k.policy]
		out.none = out.none && k.sure && m.tied(pr.picks, at) == at+1
		for j := range q.Rules {
			r := &q.Rules[j]
			if r.Direction == d && len(r.Doubts) > 0 {
				out.none = false
			}
			if r.Direction != d || !m.mayDoubt(q, j, f, m.hosts) {
				continue
			}
			out.none = false
			out.ports = out.ports || len(r.Named)+len(r.NotNamed) > 0
			for n, ref := range q.rules[j].peers[f] {
				s := m.peer(ref)
				for _, set := range []*pointSet{s.certain, s.possible} {
					if set != nil && set != m.everything && !slices.Contains(out.sets, set) {
						out.sets = append(out.sets, set)
					}
				}
				if r.Peers[n].Kind == policy.PodPeer && r.Peers[n].Doubt == nil && s.certain != s.possible {
					out.terms = append(out.terms, s)
				}
			}
		}
	}
	if out.one = !out.none && len(out.terms) == 0; out.one {
		out.apart = m.apart(out.sets)
	}
	return out
}

// apart is the classes that are in a set which most are not in, or not in one that most are in.
func (m *Model) apart(sets []*pointSet) []run {
	var b setBuilder
	for _, s := range sets {
		runs := s.below(m.hosts)
		n, at := 0, 0
		for _, r := range runs {
			n += int(r.hi - r.lo)
		}
		if 2*n <= m.hosts {
			b.runs = append(b.runs, runs...)
			continue
		}
		for _, r := range append(runs, run{uint32(m.hosts), uint32(m.hosts)}) {
			if at < int(r.lo) {
				b.runs = append(b.runs, run{uint32(at), r.lo})
			}
			at = int(r.hi)
		}
	}
	return b.merged()
}

// usual tells whether all that is in doubt depends on is what is usual for the other class, but for its ports.
func (x *doubtful) usual(other int) bool {
	_, _, usual := x.around(other, 0)
	return usual
}

// around is usual, with the classes about other, of n, for which the answer is the same; only when it is true.
func (x *doubtful) around(other, n int) (from, to int, usual bool) {
	if !x.one {
		return 0, 0, false
	}
	at, end := 0, len(x.apart) // the first run that ends after it
	for at < end {
		if mid := (at + end) / 2; int(x.apart[mid].hi) > other {
			end = mid
		} else {
			at = mid + 1
		}
	}
	if at > 0 {
		from = int(x.apart[at-1].hi)
	}
	if to = n; at < len(x.apart) {
		to = int(x.apart[at].lo)
	}
	return from, to, at == len(x.apart) || to > other
}

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

// alikeSubjects gives classes of one profile one number, unless it is not certain, for what the pod is, that all
// its policies bind it: the reasons speak of the pod then.
func (m *Model) alikeSubjects(l policy.Layer, d policy.Direction) []int32 {
	if !m.layered[l] {
		return nil
	}
	out := make([]int32, m.hosts)
	for c := range out {
		i := m.byClass[l][d][c]
		out[c] = int32(i)
		for _, k := range m.profiles[l][d][i].picks {
			if !k.sure && (m.bare(m.points[c].pod) || m.subject(m.policies[k.policy].Policy, m.points[c].pod) == enforcer.Unknown) {
				out[c] = int32(len(m.profiles[l][d]) + c)
				break
			}
		}
	}
	return out
}

// mayDoubt tells whether there may be a point below hi of which it is not certain that rule j matches it, apart
// from doubts of the policy as a whole.
func (m *Model) mayDoubt(q *applied, j int, f family, hi int) bool {
	if len(q.Rules[j].Limits) > 0 {
		return true
	}
	for _, ref := range q.rules[j].peers[f] {
		if s := m.peer(ref); s.certain != s.possible && !slices.Equal(s.certain.below(hi), s.possible.below(hi)) {
			return true
		}
	}
	return false
}
