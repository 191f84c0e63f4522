package reach

import (
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
			for _, i := range m.insideOf(wide, at, next) {
				push(i, m.through(tiers, f, int(i)))
			}
		}
		at = next
	}
	out.n = uint32(len(x.cells)) - out.first
	for _, w := range wide {
		x.wides = append(x.wides, wideRef{x.without(m.setAt(w.set)), w.add})
		out.nWide++
	}
	return out
}

// insideOf is where wide sets begin and end in [lo, hi), lo itself included, sorted.
func (m *Model) insideOf(wide []rowRef, lo, hi uint32) []uint32 {
	cuts := []uint32{lo}
	for k := range wide {
		m.setAt(wide[k].set).within(lo, hi, func(from, to uint32) { cuts = append(cuts, from, min(to, hi-1)) })
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// without is a set without the points that are taken. Nearly all profiles have the same taken from them.
func (x *lines) without(set *pointSet) *pointSet {
	if len(x.taken) == 0 {
		return set
	}
	var key []byte
	for _, r := range x.taken {
		key = binary.LittleEndian.AppendUint64(key, uint64(r.lo)<<32|uint64(r.hi))
	}
	rest, ok := x.rests[string(key)]
	if !ok {
		rest = newBitset(len(x.m.points))
		for _, r := range x.taken {
			rest.fill(int(r.lo), int(r.hi))
		}
		rest.invert(len(x.m.points))
		if x.rests == nil {
			x.rests = map[string]bitset{}
		}
		x.rests[string(key)] = rest
	}
	return &pointSet{parts: append(slices.Clip(set.parts), rest)}
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
