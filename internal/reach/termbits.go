package reach

import (
	"math/bits"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
)

// termWords is what terms are found with by words of 64 classes. It is kept while a model is compiled only: what
// follows changes looks at few classes at a time.
type termWords struct {
	values map[*column]map[uint32]bitset // places by value, for values that many things have; 0 is any value
	spaces map[*enforcer.Answer]spaceWords
}

// spaceWords is the classes in the namespaces that a selector certainly and possibly matches: one set when that is
// the same, and then certain is nil.
type spaceWords struct{ certain, possible bitset }

func newTermWords() *termWords {
	return &termWords{map[*column]map[uint32]bitset{}, map[*enforcer.Answer]spaceWords{}}
}

// termBits finds the classes of a term by words of 64, for terms that many classes may meet. It reports false when a
// condition is not certain of some class.
func (m *Model) termBits(in spacesMatch, cs []condition) (matched, bool) {
	x := m.terms.words
	for i := range cs {
		if cs[i].unseen || cs[i].col != nil && len(cs[i].col.later) > 0 {
			return matched{}, false
		}
	}
	spaces := m.spaceWords(in)
	possible := newBitset(len(m.points))
	copy(possible, spaces.possible)
	for i := range cs {
		x.narrow(possible, &cs[i], m.hosts)
	}
	p := m.setOfBits(possible)
	if spaces.certain == nil {
		return matched{p, p}, true
	}
	certain := newBitset(len(m.points))
	for w, b := range spaces.certain {
		certain[w] = possible[w] & b
	}
	if slices.Equal(certain, possible) {
		return matched{p, p}, true
	}
	return matched{m.setOfBits(certain), p}, true
}

// narrow takes away what does not meet the condition.
func (t *termWords) narrow(x bitset, c *condition, things int) {
	if c.col == nil {
		if !c.absent {
			clear(x)
		}
		return
	}
	var held bitset
	switch {
	case len(c.ids) == len(c.col.values)-1:
		held = t.any(c.col, things)
	case len(c.ids) == 1:
		held = t.of(c.col, c.ids[0], things)
	default:
		held = newBitset(things)
		for _, id := range c.ids {
			for w, b := range t.of(c.col, id, things) {
				held[w] |= b
			}
		}
	}
	for w, b := range held {
		if c.not {
			b = ^b
		}
		x[w] &= b
	}
}

// of is the things that have a value.
func (t *termWords) of(c *column, id uint32, things int) bitset {
	if b, ok := t.values[c][id]; ok {
		return b
	}
	b := newBitset(things)
	for _, i := range c.places[id] {
		b.set(int(i))
	}
	if len(c.places[id])*256 > things {
		t.keep(c, id, b)
	}
	return b
}

// any is the things that have a value at all.
func (t *termWords) any(c *column, things int) bitset {
	if b, ok := t.values[c][0]; ok {
		return b
	}
	b := newBitset(things)
	for _, places := range c.places[1:] {
		for _, i := range places {
			b.set(int(i))
		}
	}
	t.keep(c, 0, b)
	return b
}

func (t *termWords) keep(c *column, id uint32, b bitset) {
	if t.values[c] == nil {
		t.values[c] = map[uint32]bitset{}
	}
	t.values[c][id] = b
}

// spaceWords is by the answers of a selector, of which there is one list for each. Certain is nil when it is the same
// as possible.
func (m *Model) spaceWords(in spacesMatch) spaceWords {
	if len(in.answers) == 0 {
		return spaceWords{}
	}
	t := m.terms.words
	if s, ok := t.spaces[&in.answers[0]]; ok {
		return s
	}
	s := spaceWords{possible: newBitset(m.hosts)}
	certain, unknown := newBitset(m.hosts), false
	for i, sp := range m.terms.spaces {
		switch in.answers[i] {
		case enforcer.Yes:
			certain.fill(sp.lo, sp.hi)
			s.possible.fill(sp.lo, sp.hi)
		case enforcer.Unknown:
			s.possible.fill(sp.lo, sp.hi)
			unknown = true
		case enforcer.No:
		}
	}
	if unknown {
		s.certain = certain
	}
	t.spaces[&in.answers[0]] = s
	return s
}

// setOfBits is makeSet for points that are there as bits; it keeps b when the set is wide.
func (m *Model) setOfBits(b bitset) *pointSet {
	n, before := 0, uint64(0)
	for _, x := range b {
		n += bits.OnesCount64(x &^ (x<<1 | before))
		before = x >> 63
	}
	if n == 0 {
		return nil
	}
	s := &pointSet{runs: make([]run, 0, n)}
	for w, x := range b {
		for x != 0 {
			lo := bits.TrailingZeros64(x)
			length := bits.TrailingZeros64(^(x >> lo))
			from, to := uint32(w*64+lo), uint32(w*64+lo+length)
			if k := len(s.runs); k > 0 && s.runs[k-1].hi == from {
				s.runs[k-1].hi = to
			} else {
				s.runs = append(s.runs, run{from, to})
			}
			if lo+length == 64 {
				break
			}
			x &= ^uint64(0) << (lo + length)
		}
	}
	if n > wideRuns {
		s.bits, s.id = b, len(m.wide)
		m.wide = append(m.wide, s)
	}
	return s
}
