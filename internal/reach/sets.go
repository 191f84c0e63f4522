package reach

import (
	"cmp"
	"math/bits"
	"slices"
	"sort"
)

// bitset is a set of points.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bitset) fill(lo, hi int) {
	for i := lo; i < hi; i++ {
		if i%64 == 0 && i+64 <= hi {
			b[i/64] = ^uint64(0)
			i += 63
			continue
		}
		b.set(i)
	}
}

func (b bitset) each(f func(int)) {
	for w, x := range b {
		for ; x != 0; x &= x - 1 {
			f(w*64 + bits.TrailingZeros64(x))
		}
	}
}

// or adds the points of another set, of which only as many count as b has room for.
func (b bitset) or(c bitset) {
	for w := range b {
		b[w] |= c[w]
	}
}

// until calls f for the points of [lo, hi) until f reports false, and reports what it did.
func (b bitset) until(lo, hi int, f func(int) bool) bool {
	for w := lo / 64; w*64 < hi; w++ {
		x := b[w]
		if w == lo/64 {
			x &= ^uint64(0) << (lo % 64)
		}
		for ; x != 0; x &= x - 1 {
			i := w*64 + bits.TrailingZeros64(x)
			if i >= hi {
				return true
			}
			if !f(i) {
				return false
			}
		}
	}
	return true
}

// run is the points from lo up to but not including hi.
type run struct{ lo, hi uint32 }

// pointSet is an immutable set of points. Runs are sorted and neither overlap nor touch. A set of many runs
// also has bits, and rows refer to it instead of holding its runs.
type pointSet struct {
	runs []run
	bits bitset
	id   int // among the wide sets
}

// wideRuns is how many runs make a set wide (performance notes: above it, sharing costs less than copies).
const wideRuns = 16

func (s *pointSet) empty() bool { return s == nil || len(s.runs) == 0 }

func (s *pointSet) wide() bool { return s != nil && s.bits != nil }

func (s *pointSet) has(i int) bool {
	switch {
	case s == nil:
		return false
	case s.bits != nil:
		return s.bits.has(i)
	}
	at := sort.Search(len(s.runs), func(k int) bool { return s.runs[k].hi > uint32(i) })
	return at < len(s.runs) && s.runs[at].lo <= uint32(i)
}

// below is the runs of the points up to but not including hi.
func (s *pointSet) below(hi int) []run {
	if s == nil {
		return nil
	}
	n, _ := slices.BinarySearchFunc(s.runs, uint32(hi), func(r run, hi uint32) int { return cmp.Compare(r.lo, hi) })
	runs := s.runs[:n]
	if n > 0 && runs[n-1].hi > uint32(hi) {
		runs = append(slices.Clone(runs[:n-1]), run{runs[n-1].lo, uint32(hi)})
	}
	return runs
}

// setBuilder gathers points in any order.
type setBuilder struct{ runs []run }

func (b *setBuilder) add(lo, hi int) {
	if lo >= hi {
		return
	}
	if n := len(b.runs); n > 0 && b.runs[n-1].hi == uint32(lo) {
		b.runs[n-1].hi = uint32(hi)
		return
	}
	b.runs = append(b.runs, run{uint32(lo), uint32(hi)})
}

func (b *setBuilder) addSet(s *pointSet) {
	if s != nil {
		b.runs = append(b.runs, s.runs...)
	}
}

// merged is the runs sorted and joined.
func (b *setBuilder) merged() []run {
	if !slices.IsSortedFunc(b.runs, func(x, y run) int { return int(x.lo) - int(y.lo) }) {
		slices.SortFunc(b.runs, func(x, y run) int { return int(x.lo) - int(y.lo) })
	}
	out := b.runs[:0]
	for _, r := range b.runs {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return slices.Clip(out)
}

// matched is the points that something matches, certainly and possibly. The two are the same set where
// nothing is open.
type matched struct{ certain, possible *pointSet }

// makeSet finishes a set. Equal sets that are wide are one.
func (m *Model) makeSet(b *setBuilder) *pointSet {
	runs := b.merged()
	if len(runs) == 0 {
		return nil
	}
	s := &pointSet{runs: runs}
	if len(runs) > wideRuns {
		s.bits = newBitset(len(m.points))
		for _, r := range runs {
			s.bits.fill(int(r.lo), int(r.hi))
		}
		s.id = len(m.wide)
		m.wide = append(m.wide, s)
	}
	return s
}

// makeMatched finishes both sets, as one where they are equal. Certain is a subset of possible.
func (m *Model) makeMatched(certain, possible *setBuilder) matched {
	p := m.makeSet(possible)
	runs := certain.merged()
	if p != nil && slices.Equal(runs, p.runs) {
		return matched{p, p}
	}
	return matched{m.makeSet(certain), p}
}
