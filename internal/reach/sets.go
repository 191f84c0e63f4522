package reach

import (
	"cmp"
	"iter"
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

// all is the points of b, in order.
func (b bitset) all() iter.Seq[int] {
	return func(yield func(int) bool) {
		for w, x := range b {
			for ; x != 0; x &= x - 1 {
				if !yield(w*64 + bits.TrailingZeros64(x)) {
					return
				}
			}
		}
	}
}

// invert makes b those of the first n points that were not in it.
func (b bitset) invert(n int) {
	for w := range b {
		b[w] = ^b[w]
		if lo := w * 64; lo+64 > n {
			b[w] &= 1<<max(n-lo, 0) - 1
		}
	}
}

// count is how many points are in the set.
func (b bitset) count() (n int) {
	for _, x := range b {
		n += bits.OnesCount64(x)
	}
	return n
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

// pointSet is an immutable set of points. One of few runs is these; they are sorted, and neither overlap nor touch. One of
// more is wide: it is the points that are in all its parts, and rows refer to it instead of holding its runs. Parts
// are shared, so that a wide set costs no more than its conditions.
type pointSet struct {
	runs  []run
	parts []bitset
}

// wideRuns is how many runs make a set wide (performance notes: above it, sharing costs less than copies).
const wideRuns = 16

func (s *pointSet) empty() bool { return s == nil || len(s.runs)+len(s.parts) == 0 }

func (s *pointSet) wide() bool { return s != nil && len(s.parts) > 0 }

func (s *pointSet) has(i int) bool {
	switch {
	case s == nil:
		return false
	case len(s.parts) > 0:
		return s.word(i/64)>>(i%64)&1 == 1
	}
	at := sort.Search(len(s.runs), func(k int) bool { return s.runs[k].hi > uint32(i) })
	return at < len(s.runs) && s.runs[at].lo <= uint32(i)
}

// word is 64 points of a wide set.
func (s *pointSet) word(w int) uint64 {
	x := s.parts[0][w]
	for _, p := range s.parts[1:] {
		x &= p[w]
	}
	return x
}

// words is a wide set in one piece, which is nobody else's.
func (s *pointSet) words() bitset {
	out := make(bitset, len(s.parts[0]))
	s.copyTo(out)
	return out
}

// copyTo writes the points of a wide set to b, as many as it has room for.
func (s *pointSet) copyTo(b bitset) {
	copy(b, s.parts[0])
	for _, p := range s.parts[1:] {
		for w := range b {
			b[w] &= p[w]
		}
	}
}

// addTo adds the points of a wide set to b, as many as it has room for.
func (s *pointSet) addTo(b bitset) {
	for w := range b {
		b[w] |= s.word(w)
	}
}

// size is how many points are in the set.
func (s *pointSet) size() int {
	n := 0
	if s.wide() {
		for w := range s.parts[0] {
			n += bits.OnesCount64(s.word(w))
		}
		return n
	}
	s.each(func(lo, hi uint32) { n += int(hi - lo) })
	return n
}

// within calls f for the runs of the points from lo up to but not including hi.
func (s *pointSet) within(lo, hi uint32, f func(lo, hi uint32)) {
	if s == nil || lo >= hi {
		return
	}
	if len(s.parts) == 0 {
		from, _ := slices.BinarySearchFunc(s.runs, lo, func(r run, lo uint32) int { return cmp.Compare(r.hi, lo+1) })
		for _, r := range s.runs[from:] {
			if r.lo >= hi {
				return
			}
			f(max(r.lo, lo), min(r.hi, hi))
		}
		return
	}
	from, to := uint32(0), uint32(0) // the run so far
	hi = min(hi, uint32(len(s.parts[0])*64))
	for w := lo / 64; w*64 < hi; w++ {
		x := s.word(int(w))
		if w == lo/64 {
			x &= ^uint64(0) << (lo % 64)
		}
		if hi-w*64 < 64 {
			x &= 1<<(hi-w*64) - 1
		}
		for x != 0 {
			first := uint32(bits.TrailingZeros64(x))
			n := uint32(bits.TrailingZeros64(^(x >> first)))
			if at := w*64 + first; at == to {
				to += n
			} else {
				if from < to {
					f(from, to)
				}
				from, to = at, at+n
			}
			x &= x + 1<<first // takes away the first run of bits
		}
	}
	if from < to {
		f(from, to)
	}
}

// each calls f for all runs.
func (s *pointSet) each(f func(lo, hi uint32)) { s.within(0, ^uint32(0), f) }

// equal tells whether two sets of one model hold the same points.
func (s *pointSet) equal(t *pointSet) bool {
	if s == t || !s.wide() || !t.wide() {
		return s == t || s != nil && t != nil && !s.wide() && !t.wide() && slices.Equal(s.runs, t.runs)
	}
	for w := range s.parts[0] {
		if s.word(w) != t.word(w) {
			return false
		}
	}
	return true
}

// below is the runs of the points up to but not including hi.
func (s *pointSet) below(hi int) []run {
	var out []run
	s.within(0, uint32(hi), func(lo, hi uint32) { out = append(out, run{lo, hi}) })
	return out
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
	s.each(func(lo, hi uint32) { b.runs = append(b.runs, run{lo, hi}) })
}

// merged is the runs sorted and joined, in the memory of the builder.
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
	return out
}

// matched is the points that something matches, certainly and possibly. The two are the same set where
// nothing is open.
type matched struct{ certain, possible *pointSet }

// makeSet finishes a set.
func (m *Model) makeSet(b *setBuilder) *pointSet { return m.setOf(b.merged()) }

// setOf copies the runs.
func (m *Model) setOf(runs []run) *pointSet {
	switch {
	case len(runs) == 0:
		return nil
	case len(runs) <= wideRuns:
		return &pointSet{runs: slices.Clone(runs)}
	}
	whole := newBitset(len(m.points))
	for _, r := range runs {
		whole.fill(int(r.lo), int(r.hi))
	}
	m.wide++
	return &pointSet{parts: []bitset{whole}}
}

// makeMatched finishes both sets, as one where they are equal. Certain is a subset of possible.
func (m *Model) makeMatched(certain, possible *setBuilder) matched {
	all, sure := possible.merged(), certain.merged()
	p := m.setOf(all)
	if slices.Equal(sure, all) {
		return matched{p, p}
	}
	return matched{m.setOf(sure), p}
}
