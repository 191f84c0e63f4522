package reach

import (
	"math/bits"
)

// side is a profile in one family, made ready to be read along the line of points. It stands on a stretch of points
// where no row has a new value; the wide sets that rows refer to are told apart by bits.
type side struct {
	p      *profile
	f      family
	tier   *tier        // the one that adds, when there is one
	rows   []*row       // of the tiers before it put together, and of it
	before *effectWords // the first of rows, where there are two
	at     [2]int32     // by row: the run that it stands in
	refs   []wideRef    // of the row that adds
	names  []sideName
	sites  nameSites
	flat   bool // all is in one row of bounds
	slow   bool // it has to be asked point by point
	doubt  bool // profile.after changes values
}

// wideRef is a wide set that a row refers to.
type wideRef struct {
	set *pointSet
	add boundsID
}

// sideName is a rule with ports by name that a row refers to.
type sideName struct {
	*namedRef
	peer matched
}

// maxRefs is how many wide sets a side can tell apart.
const maxRefs = 64

// prefix is tiers put together, those before the first one that adds, or all when none does.
type prefix struct {
	effects *row // what they do
	alone   *row // bounds: what they let through when nothing comes after them
	allowed *row // bounds: what they allow
	longer  map[*tier]*prefix
}

// sides makes sides of one family. Profiles share what their first tiers have in common.
type sides struct {
	m     *Model
	f     family
	none  *prefix
	words map[*row]*effectWords
}

func (m *Model) newSides(f family) *sides {
	none := &prefix{effects: &row{starts: []uint32{0}, vals: []uint32{passesID}}, longer: map[*tier]*prefix{}}
	x := &sides{m: m, f: f, none: none, words: map[*row]*effectWords{}}
	x.finish(none)
	return x
}

// effectWords is a row of effects by words of 64 points: those of word w are parts[ends[w]:ends[w+1]].
type effectWords struct {
	parts []effectWord
	ends  []uint32
}

type effectWord struct {
	points uint64
	does   effectID
}

func (x *sides) effectWords(r *row) *effectWords {
	if found := x.words[r]; found != nil {
		return found
	}
	out := &effectWords{ends: []uint32{0}}
	at, end := 0, uint32(x.m.atoms)
	for lo := uint32(0); lo < end; lo += 64 {
		first := len(out.parts)
		for i, hi := lo, min(lo+64, end); i < hi; {
			for at+1 < len(r.starts) && r.starts[at+1] <= i {
				at++
			}
			next := hi
			if at+1 < len(r.starts) {
				next = min(next, r.starts[at+1])
			}
			k := first
			for k < len(out.parts) && out.parts[k].does != r.vals[at] {
				k++
			}
			if k == len(out.parts) {
				out.parts = append(out.parts, effectWord{does: r.vals[at]})
			}
			out.parts[k].points |= between(i-lo, next-lo)
			i = next
		}
		out.ends = append(out.ends, uint32(len(out.parts)))
	}
	x.words[r] = out
	return out
}

// of is what is done at the points of word w.
func (e *effectWords) of(w int) []effectWord { return e.parts[e.ends[w]:e.ends[w+1]] }

// finish makes the rows of bounds from that of effects.
func (x *sides) finish(p *prefix) {
	t := x.m.conns
	p.alone, p.allowed = &row{adds: true}, &row{adds: true}
	for i, at := range p.effects.starts {
		e := p.effects.vals[i]
		p.alone.push(at, t.final(e))
		p.allowed.push(at, t.effects[e].allowed)
	}
}

// then is a prefix with one more tier, that does not add.
func (x *sides) then(p *prefix, t *tier) *prefix {
	if q := p.longer[t]; q != nil {
		return q
	}
	q := &prefix{effects: &row{}, longer: map[*tier]*prefix{}}
	a, b := p.effects, x.m.row(t, x.f)
	for i, j := 0, 0; i < len(a.starts) && j < len(b.starts); {
		q.effects.push(max(a.starts[i], b.starts[j]), x.m.conns.compose(a.vals[i], b.vals[j]))
		i, j = onward(a, b, i, j)
	}
	x.finish(q)
	p.longer[t] = q
	return q
}

// onward goes to where the next run of either row begins.
func onward(a, b *row, i, j int) (int, int) {
	switch {
	case i+1 == len(a.starts):
		return i, j + 1
	case j+1 == len(b.starts):
		return i + 1, j
	case a.starts[i+1] < b.starts[j+1]:
		return i + 1, j
	case a.starts[i+1] > b.starts[j+1]:
		return i, j + 1
	}
	return i + 1, j + 1
}

func (x *sides) side(p *profile) *side {
	s := &side{p: p, f: x.f, doubt: p.lost || p.open}
	if p.alt != nil {
		s.slow = true
		s.rows = []*row{x.none.effects}
		return s
	}
	before := x.none
	for _, t := range p.tiers {
		if x.m.row(t, x.f).adds {
			s.tier = t // and leaves nothing
			break
		}
		before = x.then(before, t)
	}
	if s.tier == nil {
		s.rows, s.flat = []*row{x.after(p, before.alone)}, true
		return s
	}
	r := x.m.row(s.tier, x.f)
	for i := range r.wide {
		s.refs = append(s.refs, wideRef{x.m.setAt(r.wide[i].set), r.wide[i].add})
	}
	for i := range r.named {
		s.names = append(s.names, sideName{&r.named[i], x.m.peer(r.named[i].peer)})
	}
	if len(s.refs)+len(s.names) > 0 {
		s.rows, s.before = []*row{before.effects, r}, x.effectWords(before.effects)
		s.slow = len(s.refs) > maxRefs
		s.siteNames()
		return s
	}
	s.rows, s.flat = []*row{x.after(p, x.flatten(before, r))}, true
	return s
}

// flatten is a prefix followed by a row that adds. Where that one adds nothing, which is nearly everywhere, only what
// the prefix allows counts.
func (x *sides) flatten(before *prefix, r *row) *row {
	if before == x.none {
		return r
	}
	t, end := x.m.conns, uint32(len(x.m.points))
	out := &row{adds: true}
	for i, lo := range r.starts {
		hi, of := end, before.effects
		if i+1 < len(r.starts) {
			hi = r.starts[i+1]
		}
		if r.vals[i] == noneID {
			of = before.allowed
		}
		for k := of.find(lo); k < len(of.starts) && of.starts[k] < hi; k++ {
			v := of.vals[k]
			if r.vals[i] != noneID {
				v = t.over(v, r.vals[i])
			}
			out.push(max(lo, of.starts[k]), v)
		}
	}
	return out
}

// after is a row of what is left of the values when nothing is certain, or everything possible.
func (x *sides) after(p *profile, r *row) *row {
	if !p.lost && !p.open {
		return r
	}
	out := &row{adds: true}
	for i, at := range r.starts {
		out.push(at, p.after(x.m.conns, r.vals[i]))
	}
	return out
}

func (s *side) rewind() { s.at, s.sites.at = [2]int32{}, 0 }

// seek goes on to the stretch that holds a point, and gives the point where it ends.
func (s *side) seek(i, end uint32) uint32 {
	for k := range s.rows {
		end = s.seekRow(k, i, end)
	}
	return end
}

// seekRow is seek in one row alone.
func (s *side) seekRow(k int, i, end uint32) uint32 {
	r, at := s.rows[k], int(s.at[k])+1
	for at < len(r.starts) && r.starts[at] <= i {
		at++
	}
	if at < len(r.starts) {
		end = min(end, r.starts[at])
	}
	s.at[k] = int32(at - 1)
	return end
}

// seekOwn is seek in the row that says what the side's own tier does.
func (s *side) seekOwn(i, end uint32) uint32 { return s.seekRow(len(s.rows)-1, i, end) }

// value is what the profile lets through on the stretch it stands on, for points in the wide sets of mask.
func (s *side) value(t *table, mask uint64) boundsID {
	if s.flat {
		return s.rows[0].vals[s.at[0]]
	}
	return s.with(t, s.bare(t, mask))
}

// bare is what the row that adds allows on the stretch, ports by name aside.
func (s *side) bare(t *table, mask uint64) boundsID {
	b := s.rows[1].vals[s.at[1]]
	for ; mask != 0; mask &= mask - 1 {
		b = t.or2(b, s.refs[bits.TrailingZeros64(mask)].add)
	}
	return b
}

// with is what the profile lets through where its row that adds allows b.
func (s *side) with(t *table, b boundsID) boundsID { return s.over(t, s.rows[0].vals[s.at[0]], b) }

// over is with where the tiers before do e.
func (s *side) over(t *table, e effectID, b boundsID) boundsID {
	if b = t.over(e, b); s.doubt {
		b = s.p.after(t, b)
	}
	return b
}

// after is what is left of a value when nothing is certain, or everything possible.
func (p *profile) after(t *table, b boundsID) boundsID {
	if !p.lost && !p.open {
		return b
	}
	ids := t.pairs[b]
	if p.lost {
		ids.must = noConns
	}
	if p.open {
		ids.may = allConns
	}
	return t.pair(ids)
}

// narrowed is points without those that are not in wide set number k just as point i is.
func narrowed(x, points, mask uint64, i, k int) (uint64, uint64) {
	if x>>i&1 == 1 {
		return points & x, mask | 1<<k
	}
	return points &^ x, mask
}

// nameSites is the points that rules with ports by name speak of: the sets of few runs put together, and the others.
type nameSites struct {
	runs []run
	at   int // all runs before it end before the word that was asked for last
	wide []*pointSet
	by   []*namedRef // of wide
	odd  bool        // it is not certain of some point of wide whether it is one
}

func (s *side) siteNames() {
	var b setBuilder
	for _, n := range s.names {
		switch p := n.peer.possible; {
		case p.empty():
		case p.wide():
			s.sites.wide, s.sites.by = append(s.sites.wide, p), append(s.sites.by, n.namedRef)
			s.sites.odd = s.sites.odd || n.peer.certain != p
		default:
			b.addSet(p)
		}
	}
	s.sites.runs = b.merged()
}

// next is the first point not before i that a set of few runs holds, or a point behind all.
func (x *nameSites) next(i uint32) uint32 {
	for x.at < len(x.runs) && x.runs[x.at].hi <= i {
		x.at++
	}
	if x.at == len(x.runs) {
		return ^uint32(0)
	}
	return max(i, x.runs[x.at].lo)
}

// inNames is the points of word w that rules with ports by name speak of.
// Words must come in order.
func (s *side) inNames(w int) uint64 {
	x, lo := uint64(0), uint32(w*64)
	for _, p := range s.sites.wide {
		x |= p.word(w)
	}
	if s.sites.next(lo) < lo+64 {
		for _, r := range s.sites.runs[s.sites.at:] {
			if r.lo >= lo+64 {
				break
			}
			x |= between(max(r.lo, lo)-lo, min(r.hi, lo+64)-lo)
		}
	}
	return x
}

// between is the bits from lo up to but not including hi, which is more than lo.
func between(lo, hi uint32) uint64 { return ^uint64(0) << lo & (^uint64(0) >> (64 - hi)) }

// transpose turns 64 words: bit j of word i becomes bit i of word j.
func transpose(a *[64]uint64) {
	turnFour(a, 32, 0x00000000FFFFFFFF, 0x0000FFFF0000FFFF)
	turnFour(a, 8, 0x00FF00FF00FF00FF, 0x0F0F0F0F0F0F0F0F)
	turnFour(a, 2, 0x3333333333333333, 0x5555555555555555)
}

// turnFour exchanges the halves of squares of 2j bits, then those of squares of j, which takes four words at a time.
func turnFour(a *[64]uint64, j uint, halves, quarters uint64) {
	h := j / 2
	for first := uint(0); first < 64; first += 2 * j {
		for k := first; k < first+h; k++ {
			a0, a1, a2, a3 := &a[k&63], &a[(k+h)&63], &a[(k+j)&63], &a[(k+j+h)&63] // all below 64; saying so saves checks
			x0, x1, x2, x3 := *a0, *a1, *a2, *a3
			t := (x0>>(j&63) ^ x2) & halves
			u := (x1>>(j&63) ^ x3) & halves
			x0, x1, x2, x3 = x0^t<<(j&63), x1^u<<(j&63), x2^t, x3^u
			t = (x0>>(h&63) ^ x1) & quarters
			u = (x2>>(h&63) ^ x3) & quarters
			*a0, *a1, *a2, *a3 = x0^t<<(h&63), x1^t, x2^u<<(h&63), x3^u
		}
	}
}
