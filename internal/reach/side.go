package reach

import (
	"math/bits"
)

// side is a profile in one family, made ready to be read along the line of points. It stands on a stretch of points
// where no row has a new value; the wide sets that rows refer to are told apart by bits.
type side struct {
	p     *profile
	f     family
	rows  []*row
	at    []int32 // by row: the run that it stands in
	refs  []sideRef
	names []sideName
	one   bool // there is one row, and it adds
	slow  bool // it has to be asked point by point
}

// sideRef is a wide set of a row.
type sideRef struct {
	row  int
	bits bitset
	add  boundsID
}

// sideName is a rule of a row with ports by name.
type sideName struct {
	row int
	ref *namedRef
}

// maxRefs is how many wide sets a side can tell apart.
const maxRefs = 64

func (m *Model) newSide(p *profile, f family) *side {
	s := &side{p: p, f: f}
	for k, t := range p.tiers {
		r := m.row(t, f)
		s.rows = append(s.rows, r)
		for i := range r.wide {
			s.refs = append(s.refs, sideRef{k, r.wide[i].set.bits, r.wide[i].add})
		}
		for i := range r.named {
			s.names = append(s.names, sideName{k, &r.named[i]})
		}
	}
	s.at = make([]int32, len(s.rows))
	s.one = len(s.rows) == 1 && s.rows[0].adds
	s.slow = p.alt != nil || len(s.refs) > maxRefs
	return s
}

func (s *side) rewind() { clear(s.at) }

// seek goes on to the stretch that holds a point, and gives the point where it ends.
func (s *side) seek(i, end uint32) uint32 {
	for k, r := range s.rows {
		at := int(s.at[k]) + 1
		for at < len(r.starts) && r.starts[at] <= i {
			at++
		}
		if at < len(r.starts) {
			end = min(end, r.starts[at])
		}
		s.at[k] = int32(at - 1)
	}
	return end
}

// value is what the profile lets through on the stretch it stands on, for points in the wide sets of mask.
func (s *side) value(t *table, mask uint64) boundsID {
	if s.one {
		b := s.rows[0].vals[s.at[0]]
		for ; mask != 0; mask &= mask - 1 {
			b = t.or2(b, s.refs[bits.TrailingZeros64(mask)].add)
		}
		return s.after(t, b)
	}
	e := passesID
	for k, r := range s.rows {
		x := r.vals[s.at[k]]
		if r.adds {
			for rest := mask; rest != 0; rest &= rest - 1 {
				if ref := &s.refs[bits.TrailingZeros64(rest)]; ref.row == k {
					x = t.or2(x, ref.add)
				}
			}
			x = t.adds(x)
		}
		e = t.compose(e, x)
	}
	return s.after(t, t.final(e))
}

// after is what is left of a value when nothing is certain, or everything possible.
func (s *side) after(t *table, b boundsID) boundsID {
	if !s.p.lost && !s.p.open {
		return b
	}
	ids := t.pairs[b]
	if s.p.lost {
		ids.must = noConns
	}
	if s.p.open {
		ids.may = allConns
	}
	return t.pair(ids)
}

// inRefs is the points of word w that some wide set holds.
func (s *side) inRefs(w int) uint64 {
	x := uint64(0)
	for k := range s.refs {
		x |= s.refs[k].bits[w]
	}
	return x
}

// alike is the points of word w that are in the same wide sets as its point number i, with these sets.
func (s *side) alike(w, i int) (points, mask uint64) {
	points = ^uint64(0)
	for k := range s.refs {
		x := s.refs[k].bits[w]
		if x>>i&1 == 1 {
			points &= x
			mask |= 1 << k
		} else {
			points &^= x
		}
	}
	return points, mask
}

// inNames is the points of word w that rules with ports by name speak of, or all when each point must be asked.
func (s *side) inNames(w int) uint64 {
	if s.slow {
		return ^uint64(0)
	}
	x := uint64(0)
	for k := range s.names {
		if p := s.names[k].ref.peer.possible; p != nil {
			x |= p.word(w)
		}
	}
	return x
}

// word is the points of word w that the set holds.
func (s *pointSet) word(w int) uint64 {
	if s.bits != nil {
		return s.bits[w]
	}
	x := uint64(0)
	lo := uint32(w * 64)
	for _, r := range s.runs {
		if r.lo >= lo+64 {
			break
		}
		if r.hi > lo {
			x |= between(max(r.lo, lo)-lo, min(r.hi, lo+64)-lo)
		}
	}
	return x
}

// between is the bits from lo up to but not including hi, which is more than lo.
func between(lo, hi uint32) uint64 { return ^uint64(0) << lo & (^uint64(0) >> (64 - hi)) }

// transpose turns 64 words: bit j of word i becomes bit i of word j.
func transpose(a *[64]uint64) {
	mask := uint64(0x00000000FFFFFFFF)
	for j := 32; j != 0; j >>= 1 {
		for k := 0; k < 64; k = (k + j + 1) &^ j {
			t := (a[k]>>j ^ a[k+j]) & mask
			a[k] ^= t << j
			a[k+j] ^= t
		}
		mask ^= mask << (j >> 1)
	}
}
