package reach

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// composed writes the cells of tiers by going along the runs of all of them at once. Wide sets of the last tier, the
// only one that can have any, add to the cells where the tiers before it leave everything; elsewhere the cells have it
// all. It gives up, with no cells, where a tier names ports.
func (x *lines) composed(tiers []*tier, f family) line {
	m := x.m
	x.along, x.taken = x.along[:0], x.taken[:0]
	for _, t := range tiers {
		r := m.row(t, f)
		if len(r.named) > 0 {
			return line{}
		}
		x.along = append(x.along, cursor{row: r})
	}
	out := line{first: uint32(len(x.cells)), wide: uint32(len(x.wides))}
	wide := m.row(tiers[len(tiers)-1], f).wide
	at, last := uint32(0), boundsID(0)
	push := func(at uint32, b boundsID) {
		if at == 0 || b != last {
			x.cells = append(x.cells, uint64(at)<<32|uint64(b))
			last = b
		}
	}
	for int(at) < len(m.points) {
		next, before, e := uint32(len(m.points)), passesID, passesID
		for k := range x.along {
			c := &x.along[k]
			c.to(at, m.conns)
			if c.next < len(c.row.starts) {
				next = min(next, c.row.starts[c.next])
			}
			before, e = e, m.conns.compose(e, c.val)
		}
		if len(wide) == 0 || before == passesID {
			push(at, m.conns.final(e))
		} else {
			x.taken = append(x.taken, run{at, next})
			for _, i := range insideOf(wide, at, next) {
				push(i, m.through(tiers, f, int(i)))
			}
		}
		at = next
	}
	out.n = uint32(len(x.cells)) - out.first
	for _, w := range wide {
		x.wides = append(x.wides, wideRef{x.without(w.set), w.add})
		out.nWide++
	}
	return out
}

// insideOf is where wide sets begin and end in [lo, hi), lo itself included, sorted.
func insideOf(wide []wideRef, lo, hi uint32) []uint32 {
	cuts := []uint32{lo}
	for k := range wide {
		runs := wide[k].set.runs
		from, _ := slices.BinarySearchFunc(runs, lo, func(r run, at uint32) int { return cmp.Compare(r.hi, at) })
		for _, r := range runs[from:] {
			if r.lo >= hi {
				break
			}
			cuts = append(cuts, max(r.lo, lo), min(r.hi, hi-1))
		}
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// without is a set without the points that are taken. Equal results are one.
func (x *lines) without(set *pointSet) *pointSet {
	if len(x.taken) == 0 {
		return set
	}
	key := make([]byte, 0, 8*len(x.taken)+8)
	key = binary.LittleEndian.AppendUint64(key, uint64(set.id))
	for _, r := range x.taken {
		key = binary.LittleEndian.AppendUint64(key, uint64(r.lo)<<32|uint64(r.hi))
	}
	if found, ok := x.rests[string(key)]; ok {
		return found
	}
	rest := &pointSet{bits: slices.Clone(set.bits)}
	at := 0
	for _, r := range set.runs {
		for at < len(x.taken) && x.taken[at].hi <= r.lo {
			at++
		}
		lo := r.lo
		for k := at; k < len(x.taken) && x.taken[k].lo < r.hi; k++ {
			if x.taken[k].lo > lo {
				rest.runs = append(rest.runs, run{lo, x.taken[k].lo})
			}
			lo = max(lo, x.taken[k].hi)
		}
		if lo < r.hi {
			rest.runs = append(rest.runs, run{lo, r.hi})
		}
	}
	clear(rest.bits)
	for _, r := range rest.runs {
		rest.bits.fill(int(r.lo), int(r.hi))
	}
	if x.rests == nil {
		x.rests = map[string]*pointSet{}
	}
	x.rests[string(key)] = rest
	return rest
}

// cursor is how far a row was gone along.
type cursor struct {
	row  *row
	next int // the first run that is still ahead
	val  effectID
}

// to goes on to a point.
func (c *cursor) to(at uint32, t *table) {
	for c.next < len(c.row.starts) && c.row.starts[c.next] <= at {
		c.val = c.row.vals[c.next]
		if c.next++; c.row.adds {
			c.val = t.adds(c.val)
		}
	}
}
