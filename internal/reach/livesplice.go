package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
)

// spliced is sets of which point c is, or no longer is, one.
func (m *Model) spliced(s matched, c int, a enforcer.Answer) (next matched, changed bool) {
	if s.possible.has(c) == (a != enforcer.No) && s.certain.has(c) == (a == enforcer.Yes) {
		return s, false
	}
	var certain, possible setBuilder
	addPoint(&certain, &possible, c, c+1, a)
	return m.splicedIn(s, c, c+1, certain.runs, possible.runs)
}

// splicedIn is sets with other points from lo up to but not including hi.
func (m *Model) splicedIn(s matched, lo, hi int, certain, possible []run) (next matched, changed bool) {
	next.possible = m.splicedSet(s.possible, lo, hi, possible)
	if s.certain == s.possible && slices.Equal(certain, possible) {
		next.certain = next.possible
	} else if next.certain = m.splicedSet(s.certain, lo, hi, certain); next.certain.equal(next.possible) {
		next.certain = next.possible
	}
	return next, next != s
}

func (m *Model) splicedSet(s *pointSet, lo, hi int, in []run) *pointSet {
	if s.wide() {
		next := s.words()
		for i := lo; i < hi; i++ {
			next[i/64] &^= 1 << (i % 64)
		}
		for _, r := range in {
			next.fill(int(r.lo), int(r.hi))
		}
		same := true
		for w := lo / 64; w*64 < hi; w++ {
			same = same && next[w] == s.word(w)
		}
		if same {
			return s
		}
		return m.setOfParts([]bitset{next})
	}
	var runs []run
	if s != nil {
		runs = s.runs
	}
	out := splicedRuns(runs, uint32(lo), uint32(hi), in)
	if slices.Equal(out, runs) {
		return s
	}
	return m.setOf(out)
}

// splicedRuns is runs with others from lo up to but not including hi. The runs given are left as they are.
func splicedRuns(runs []run, lo, hi uint32, in []run) []run {
	b := setBuilder{runs: make([]run, 0, len(runs)+len(in)+1)}
	put := func(lo, hi uint32) {
		if n := len(b.runs); lo < hi && n > 0 && b.runs[n-1].hi == lo {
			b.runs[n-1].hi = hi
		} else if lo < hi {
			b.runs = append(b.runs, run{lo, hi})
		}
	}
	i := 0
	for ; i < len(runs) && runs[i].lo < lo; i++ {
		put(runs[i].lo, min(runs[i].hi, lo))
		if runs[i].hi > hi {
			break
		}
	}
	for _, r := range in {
		put(r.lo, r.hi)
	}
	for ; i < len(runs); i++ {
		put(max(runs[i].lo, hi), runs[i].hi)
	}
	return b.runs
}
