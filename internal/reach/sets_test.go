package reach

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSetsAreTheirPoints: a set says the same of its points, its runs and any stretch of them, be it runs or parts.
func TestSetsAreTheirPoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const points = 200
		m := &Model{points: make([]point, points)}
		in := make([]bool, points)
		for i := range in {
			in[i] = true
		}
		var parts []bitset
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			part := newBitset(points)
			for lo := 0; lo < points; {
				n := rapid.IntRange(1, 90).Draw(t, "length")
				if rapid.IntRange(0, 3).Draw(t, "short") > 0 {
					n = 1 + n%4
				}
				if hi := min(lo+n, points); rapid.Bool().Draw(t, "in") {
					part.fill(lo, hi)
				}
				lo += n
			}
			if rapid.Bool().Draw(t, "others") {
				part.invert(points)
			}
			parts = append(parts, part)
			for i := range in {
				in[i] = in[i] && part.has(i)
			}
		}
		s := m.setOfParts(parts)
		var runs setBuilder
		size := 0
		for i, is := range in {
			if s.has(i) != is {
				t.Fatalf("point %d is %v, want %v", i, s.has(i), is)
			}
			if is {
				runs.add(i, i+1)
				size++
			}
		}
		if s.wide() != (len(runs.runs) > wideRuns) || s.empty() != (size == 0) || s != nil && s.size() != size {
			t.Fatalf("wide %v, empty %v with %d runs", s.wide(), s.empty(), len(runs.runs))
		}
		if !slices.Equal(s.below(points), runs.runs) || !s.equal(m.makeSet(&runs)) {
			t.Fatalf("%v, want %v", s.below(points), runs.runs)
		}
		lo := rapid.IntRange(0, points-1).Draw(t, "lo")
		hi := rapid.IntRange(lo, points).Draw(t, "hi")
		var want, got setBuilder
		for i := lo; i < hi; i++ {
			if in[i] {
				want.add(i, i+1)
			}
		}
		s.within(uint32(lo), uint32(hi), func(lo, hi uint32) { got.runs = append(got.runs, run{lo, hi}) })
		if !slices.Equal(got.runs, want.runs) {
			t.Fatalf("from %d to %d: %v, want %v", lo, hi, got.runs, want.runs)
		}
	})
}
