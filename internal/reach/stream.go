package reach

import (
	"math/bits"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// stream gives for each point, in order, what all other points may exchange with it in one layer and family: a
// column of the matrix of all pairs, as runs. The columns are destinations (Ingress) or sources (Egress).
//
// It goes over the columns 64 at a time. What a profile of the other ends lets through to 64 columns is a few words of
// bits, as wide sets have these words ready; turning blocks of 64 by 64 bits then gives, for each column, which other
// points it is open to. Only these are looked at, along the runs of the column's own profile.
type stream struct {
	m   *Model
	l   policy.Layer
	f   family
	dir policy.Direction // of the policies at the columns

	own, others []*side  // by number of the profile
	who         []uint32 // by point: its profile among others, or one of the constants behind them
	fixed       []bool   // by word of points: all are open to every column
	host        boundsID // what the policies at a host point let through

	block int
	blockSides
	opens   [][64]uint64 // by word of points, then by column of the block: who is open to it
	parts   []uint64     // by word of points: who is perhaps not open to all columns for all ports
	isAlike []bool       // by word of points: all columns of the block have the same in opens

	out   []segment
	refs  []uint64 // the wide sets of a side: all of them for each word of points
	inAny bitset   // what is in one of them
	refOf *side    // the side that they are of
	some  []refWord
	ands  [256]anded // what was put together last
}

// refWord is 64 points of a wide set, with its number.
type refWord struct {
	points uint64
	ref    int
}

// segment is points that exchange the same with a column.
type segment struct {
	lo, hi uint32
	val    boundsID
}

// What points have in place of a profile, counted from the last one: everything is let through, what the stream says
// of hosts, or nothing, as the point has no address in the family.
const (
	letsAll = iota
	letsHost
	letsNone
	constants
)

func (m *Model) newStream(l policy.Layer, f family, dir policy.Direction) *stream {
	s := &stream{m: m, l: l, f: f, dir: dir, block: -1, host: allID, blockSides: blockSides{named: map[nameKey]connID{}}}
	if l == policy.Network && len(m.hosted) > 0 {
		s.host = openID
	}
	x := m.newSides(f)
	for _, p := range m.profiles[l][dir] {
		s.own = append(s.own, x.side(p))
	}
	back := policy.Egress
	if dir == policy.Egress {
		back = policy.Ingress
	}
	for _, p := range m.profiles[l][back] {
		s.others = append(s.others, x.side(p))
	}
	s.number()
	n := uint32(len(s.others))
	words := (m.atoms + 63) / 64
	s.who = make([]uint32, words*64)
	for i := range s.who {
		switch {
		case i >= m.atoms || m.points[i].addr[f].none:
			s.who[i] = n + letsNone
		case i >= m.hosts:
			s.who[i] = n + letsHost
		default:
			k := m.byClass[l][back][i]
			s.who[i] = uint32(k)
			if x := s.others[k]; x.flat && len(x.rows[0].vals) == 1 && x.rows[0].vals[0] == allID {
				s.who[i] = n + letsAll
			}
		}
	}
	s.faces = make([]face, n+constants)
	s.settle(int(n+letsAll), allID)
	s.settle(int(n+letsHost), s.host)
	s.isAlike, s.inAny = make([]bool, words), make(bitset, words)
	s.opens, s.parts = make([][64]uint64, words), make([]uint64, words)
	s.fixed = make([]bool, words)
	for w := range s.fixed {
		s.fixed[w] = true
		for _, k := range s.who[w*64 : w*64+64] {
			s.fixed[w] = s.fixed[w] && k == n+letsAll
		}
		for j := range s.opens[w] {
			if s.fixed[w] {
				s.opens[w][j] = ^uint64(0)
			}
		}
	}
	return s
}

// column gives the segments of a point, up to point end, sorted; two that touch differ. They hold until the next
// call. It costs least where points come in order.
func (s *stream) column(c, end int) []segment {
	s.out = s.out[:0]
	m := s.m
	if m.points[c].addr[s.f].none {
		return nil
	}
	if c/64 != s.block {
		s.fill(c / 64)
	}
	if c >= m.hosts {
		s.words(c, 0, uint32(end), s.host)
		return s.out
	}
	x := s.own[m.byClass[s.l][s.dir][c]]
	x.rewind()
	if x.slow {
		s.each(x, c, uint32(end))
		return s.out
	}
	if !x.flat {
		s.spread(x)
	}
	for lo := uint32(0); lo < uint32(end); {
		hi := x.seekOwn(lo, uint32(end))
		if !x.flat {
			s.mixed(x, c, lo, hi)
		} else if b := x.value(m.conns, 0); b != noneID {
			s.words(c, lo, hi, b)
		}
		lo = hi
	}
	return s.out
}

// words emits the points of a stretch to which the column's own policies let b through.
func (s *stream) words(c int, lo, hi uint32, b boundsID) {
	first, last := int(lo/64), int((hi-1)/64)
	for w := first; w <= last; w++ {
		x := s.opens[w][c%64]
		if w == first {
			x &= ^uint64(0) << (lo % 64)
		}
		if w == last {
			x &= ^uint64(0) >> (63 - (hi-1)%64)
		}
		if x == 0 {
			continue
		}
		p := s.parts[w] & x
		if x == ^uint64(0) && p == 0 {
			s.emit(uint32(w*64), uint32(w*64+64), b)
			continue
		}
		s.bits(c, w, x, p, b)
	}
}

// bits emits points of one word.
func (s *stream) bits(c, w int, x, part uint64, b boundsID) {
	for x != 0 {
		k := bits.TrailingZeros64(x)
		i := uint32(w*64 + k)
		if part>>k&1 == 1 {
			s.emit(i, i+1, s.and(b, s.other(int(i), c)))
			x &= x - 1
			continue
		}
		n := bits.TrailingZeros64(^((x &^ part) >> k))
		s.emit(i, i+uint32(n), b)
		x &^= (uint64(1)<<n - 1) << k
	}
}

// mixed emits the points of a stretch where wide sets, ports by name, or tiers before tell points apart.
func (s *stream) mixed(x *side, c int, lo, hi uint32) {
	t := s.m.conns
	vals := sideVals{does: passesID}
	first, last := int(lo/64), int((hi-1)/64)
	for w := first; w <= last; w++ {
		here := s.opens[w][c%64]
		if w == first {
			here &= ^uint64(0) << (lo % 64)
		}
		if w == last {
			here &= ^uint64(0) >> (63 - (hi-1)%64)
		}
		if here == 0 {
			continue
		}
		in, special := s.inAny[w], uint64(0)
		if len(x.names) > 0 {
			special = x.inNames(w)
			in |= special
		}
		before, part := x.before.of(w), s.parts[w]
		for _, e := range before {
			if here&e.points&^in != 0 && vals.of(x, t, e.does, 0) == noneID {
				here &^= e.points &^ in
			}
		}
		some := s.some[:0] // the wide sets that hold one of the points
		if here&in&^special != 0 {
			n := len(x.refs)
			for i, y := range s.refs[w*n : w*n+n] {
				if y&here != 0 {
					some = append(some, refWord{y, i})
				}
			}
			s.some = some
		}
		for rest := here; rest != 0; {
			k := bits.TrailingZeros64(rest)
			e := 0
			for before[e].points>>k&1 == 0 {
				e++
			}
			if special>>k&1 == 1 {
				if b := x.over(t, before[e].does, s.single(x, w*64+k)); b != noneID {
					s.bits(c, w, 1<<k, part, b)
				}
				rest &= rest - 1
				continue
			}
			same, mask := rest&before[e].points&^special, uint64(0)
			if in>>k&1 == 1 {
				for _, y := range some {
					same, mask = narrowed(y.points, same, mask, k, y.ref)
				}
			} else {
				same &^= in
			}
			if same != rest { // there are others in between
				same &= 1<<(k+bits.TrailingZeros64(^(same>>k))) - 1
			}
			rest &^= same
			if b := vals.of(x, t, before[e].does, mask); b != noneID {
				s.bits(c, w, same, part, b)
			}
		}
	}
}

// sideVals is what a side lets through on the stretch it stands on, as far as it was asked.
type sideVals struct {
	does effectID               // of the tiers before
	vals [1 << maxMemo]boundsID // by the wide sets, one more than the value; 0 is not known yet
}

// of is what is let through to the points in the wide sets of mask, where the tiers before do e.
func (v *sideVals) of(x *side, t *table, e effectID, mask uint64) boundsID {
	if mask >= 1<<maxMemo {
		return x.over(t, e, x.bare(t, mask))
	}
	if v.does != e {
		*v = sideVals{does: e}
	}
	if v.vals[mask] == 0 {
		v.vals[mask] = x.over(t, e, x.bare(t, mask)) + 1
	}
	return v.vals[mask] - 1
}

// each emits points one by one, for a side that has to be asked so.
func (s *stream) each(x *side, c int, end uint32) {
	for w := range s.opens {
		for rest := s.opens[w][c%64]; rest != 0; rest &= rest - 1 {
			k := bits.TrailingZeros64(rest)
			if i := w*64 + k; i < int(end) {
				if b := s.m.at(x.p, s.f, i); b != noneID {
					s.bits(c, w, 1<<k, s.parts[w], b)
				}
			}
		}
	}
}

// spread makes the wide sets of a side ready to be read word by word.
func (s *stream) spread(x *side) {
	if s.refOf == x {
		return
	}
	s.refOf = x
	clear(s.inAny)
	n := len(x.refs)
	s.refs = slices.Grow(s.refs[:0], n*len(s.inAny))[:n*len(s.inAny)]
	for k := range x.refs {
		set := x.refs[k].set
		for w := range s.inAny {
			y := set.word(w)
			s.refs[w*n+k] = y
			s.inAny[w] |= y
		}
	}
}

// other is what the policies at point i let through to the column, which they are open to.
func (s *stream) other(i, c int) boundsID {
	f := &s.faces[s.who[i]]
	if f.just != noneID {
		return f.just
	}
	for _, g := range s.groups[f.first:f.end] {
		if g.mask>>(c%64)&1 == 1 {
			return g.val
		}
	}
	return noneID
}

// anded is two bounds with their intersection.
type anded struct{ a, b, both boundsID }

// and is the intersection of two bounds. A column puts together the same few again and again.
func (s *stream) and(a, b boundsID) boundsID {
	if a == allID || a == b {
		return b
	}
	p := &s.ands[(a*31+b)%uint32(len(s.ands))]
	if p.a != a || p.b != b {
		*p = anded{a, b, s.m.conns.and2(a, b)}
	}
	return p.both
}

func (s *stream) emit(lo, hi uint32, b boundsID) {
	if b == noneID {
		return
	}
	if n := len(s.out); n > 0 && s.out[n-1].hi == lo && s.out[n-1].val == b {
		s.out[n-1].hi = hi
		return
	}
	s.out = append(s.out, segment{lo, hi, b})
}
