package reach

import (
	"encoding/binary"
	"math/bits"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
)

// termWords is what sets of many classes are made of: bits for each condition and for each namespace selector. It is
// kept while a model is compiled only: what follows changes looks at few classes at a time.
type termWords struct {
	conditions map[*column]map[string]bitset // by the values that they name, and by whether it is these or the others
	spaces     map[*enforcer.Answer]spaceWords
	buf        []byte
}

// spaceWords is the classes in the namespaces that a selector certainly and possibly matches: one set when that is
// the same, and then certain is nil.
type spaceWords struct{ certain, possible bitset }

func newTermWords() *termWords {
	return &termWords{conditions: map[*column]map[string]bitset{}, spaces: map[*enforcer.Answer]spaceWords{}}
}

// termBits finds the classes of a term by words of 64, for terms that many classes may meet. It reports false when a
// condition is not certain of some class.
func (m *Model) termBits(in spacesMatch, cs []condition) (s matched, ok bool) {
	for i := range cs {
		if cs[i].unseen || cs[i].col != nil && len(cs[i].col.later) > 0 {
			return matched{}, false
		}
	}
	spaces := m.spaceWords(in)
	parts := make([]bitset, 1, len(cs)+1)
	parts[0] = spaces.possible
	for i := range cs {
		part, all := m.terms.words.of(&cs[i], len(m.points), m.hosts)
		switch {
		case all:
		case part == nil:
			return matched{}, true
		case spaces.certain == nil && in.classes == m.hosts && &parts[0][0] == &spaces.possible[0]:
			parts[0] = part // every namespace counts
		default:
			parts = append(parts, part)
		}
	}
	p := m.setOfParts(parts)
	if spaces.certain == nil {
		return matched{p, p}, true
	}
	parts = append([]bitset{spaces.certain}, parts[1:]...)
	if c := m.setOfParts(parts); !c.equal(p) {
		return matched{c, p}, true
	}
	return matched{p, p}, true
}

// of is the classes that meet a condition; nil stands for none, unless it is all. There is room for points.
func (t *termWords) of(c *condition, points, classes int) (b bitset, all bool) {
	switch {
	case c.col == nil || len(c.ids) == 0:
		return nil, c.not
	case t.conditions[c.col] == nil:
		t.conditions[c.col] = map[string]bitset{}
	}
	t.buf = t.buf[:0]
	if c.not {
		t.buf = append(t.buf, 1)
	}
	for _, id := range c.ids {
		t.buf = binary.LittleEndian.AppendUint32(t.buf, id)
	}
	if b, ok := t.conditions[c.col][string(t.buf)]; ok {
		return b, false
	}
	b = newBitset(points)
	for _, id := range c.ids {
		for _, i := range c.col.places[id] {
			b.set(int(i))
		}
	}
	if c.not {
		b.invert(classes)
	}
	t.conditions[c.col][string(t.buf)] = b
	return b, false
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
	s := spaceWords{possible: newBitset(len(m.points))}
	certain, unknown := newBitset(len(m.points)), false
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

// setOfParts is the points that all parts hold. The parts are kept when that makes a wide set.
func (m *Model) setOfParts(parts []bitset) *pointSet {
	s := &pointSet{parts: parts}
	n, before := 0, uint64(0)
	for w := range parts[0] {
		x := s.word(w)
		n += bits.OnesCount64(x &^ (x<<1 | before))
		if before = x >> 63; n > wideRuns {
			m.wide++
			return s
		}
	}
	return m.setOf(s.below(len(m.points)))
}
