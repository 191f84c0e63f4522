package reach

import "slices"

// composed writes the cells of tiers, of which all but the last are put together once for all profiles that begin with
// them. Wide sets of the last tier, the only one that can have any, add to the cells where the tiers before it leave
// everything; elsewhere the cells have it all. It gives up, with no cells, where a tier names ports.
func (x *lines) composed(tiers []*tier, f family) line {
	m := x.m
	if x.sides[f] == nil {
		x.sides[f] = m.newSides(f)
	}
	before, last := x.sides[f].none, tiers[len(tiers)-1]
	for _, t := range tiers {
		if len(m.row(t, f).named) > 0 {
			return line{}
		}
		if !m.row(t, f).adds {
			before = x.sides[f].then(before, t)
		}
	}
	out := line{first: uint32(len(x.cells)), wide: uint32(len(x.wides))}
	switch r := m.row(last, f); {
	case !r.adds:
		x.put(before.alone)
	case len(r.wide) == 0:
		x.put(x.sides[f].flatten(before, r))
	default:
		x.wideCells(x.takenBy(before), last, r)
		for _, w := range r.wide {
			x.wides = append(x.wides, wideRef{x.without(m.setAt(w.set), before), w.add})
			out.nWide++
		}
	}
	out.n = uint32(len(x.cells)) - out.first
	return out
}

// put writes a row of bounds.
func (x *lines) put(r *row) {
	for k, at := range r.starts {
		x.cells = append(x.cells, uint64(at)<<32|uint64(r.vals[k]))
	}
}

// taken is where some tiers do not leave everything to those after them.
type taken struct {
	runs []run
	does []effectID
	rest bitset // all other points
}

func (x *lines) takenBy(before *prefix) *taken {
	if t := x.taken[before]; t != nil {
		return t
	}
	end, e := len(x.m.points), before.effects
	t := &taken{rest: newBitset(end)}
	for k, lo := range e.starts {
		hi := uint32(end)
		if k+1 < len(e.starts) {
			hi = e.starts[k+1]
		}
		if e.vals[k] != passesID {
			t.runs, t.does = append(t.runs, run{lo, hi}), append(t.does, e.vals[k])
			t.rest.fill(int(lo), int(hi))
		}
	}
	t.rest.invert(end)
	if x.taken == nil {
		x.taken = map[*prefix]*taken{}
	}
	x.taken[before] = t
	return t
}

// wideCells writes the cells of a row with wide sets behind tiers that take some points.
func (x *lines) wideCells(before *taken, t *tier, r *row) {
	m, first := x.m, len(x.cells)
	push := func(at uint32, b boundsID) {
		if n := len(x.cells); n == first || boundsID(x.cells[n-1]) != b {
			x.cells = append(x.cells, uint64(at)<<32|uint64(b))
		}
	}
	own := func(lo, hi uint32) { // what the row itself says
		for k := r.find(lo); lo < hi && k < len(r.starts) && r.starts[k] < hi; k++ {
			push(max(lo, r.starts[k]), r.vals[k])
		}
	}
	at := uint32(0)
	for k, stretch := range before.runs {
		own(at, stretch.lo)
		at = stretch.hi
		e := before.does[k]
		if m.conns.effects[e].next == noneID {
			push(stretch.lo, m.conns.final(e))
			continue
		}
		for _, i := range x.insideOf(r, stretch.lo, stretch.hi) {
			push(i, m.conns.over(e, m.allowed(t, r, int(i))))
		}
	}
	own(at, uint32(len(m.points)))
}

// insideOf is where runs and wide sets of a row begin and end in [lo, hi), lo itself included, sorted. It holds until
// the next call.
func (x *lines) insideOf(r *row, lo, hi uint32) []uint32 {
	cuts := append(x.cuts[:0], lo)
	for k := r.find(lo) + 1; k < len(r.starts) && r.starts[k] < hi; k++ {
		cuts = append(cuts, r.starts[k])
	}
	for k := range r.wide {
		x.m.setAt(r.wide[k].set).within(lo, hi, func(from, to uint32) { cuts = append(cuts, from, min(to, hi-1)) })
	}
	if len(cuts) > 1 {
		slices.Sort(cuts)
	}
	x.cuts = slices.Compact(cuts)
	return x.cuts
}

// without is a wide set without the points that tiers before it take.
func (x *lines) without(set *pointSet, before *prefix) *pointSet {
	t := x.takenBy(before)
	if len(t.runs) == 0 {
		return set
	}
	return &pointSet{parts: append(slices.Clip(set.parts), t.rest)}
}
