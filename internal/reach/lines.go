package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// lines is the rows in a form that is quick to read: what a profile lets through at each point, tiers composed, as
// numbers in few long arrays. A look-up goes profile, line, cell, and follows no pointer. Lines are made on first use.
type lines struct {
	m *Model
	// of is, by layer, direction and family, the line of each profile.
	of [2][2][2][]line
	// cells are the runs of all lines: the first point in the high half, boundsID in the low.
	cells []uint64
	wides []wideRef
	none  []uint8 // by point: bit f says that it has no address in family f

	sides [2]*sides          // by family, made on first use
	taken map[*prefix]*taken // likewise
	cuts  []uint32           // scratch
}

// allLines is made on first use.
func (m *Model) allLines() *lines {
	if m.lined != nil {
		return m.lined
	}
	x := &lines{m: m, none: make([]uint8, m.atoms)}
	for _, l := range policy.Layers {
		for _, d := range policy.Directions {
			for _, f := range m.families {
				x.of[l][d][f] = make([]line, len(m.profiles[l][d]))
			}
		}
	}
	for i := range x.none {
		for _, f := range m.families {
			if m.points[i].addr[f].none {
				x.none[i] |= 1 << f
			}
		}
	}
	m.lined = x
	return x
}

// class is the line of a class, made if it is not there yet.
func (x *lines) class(l policy.Layer, d policy.Direction, f family, class int) *line {
	return x.profile(l, d, f, x.m.byClass[l][d][class])
}

func (x *lines) profile(l policy.Layer, d policy.Direction, f family, k int) *line {
	out := &x.of[l][d][f][k]
	if out.made {
		return out
	}
	m := x.m
	if first := m.families[0]; f != first && m.oneForFamilies(m.profiles[l][d][k]) {
		*out = *x.profile(l, d, first, k)
	} else {
		*out = x.write(m.profiles[l][d][k], f)
	}
	out.made, out.open, out.openWide = true, 0, 0
	x.runs(out, m.atoms, func(lo, hi int, _ boundsID) { out.open += hi - lo })
	for _, w := range x.wides[out.wide : out.wide+out.nWide] {
		out.openWide += w.set.size()
	}
	return out
}

// line is where the cells of a profile are, and the wide sets that add to them.
type line struct {
	first, n    uint32 // cells; n is 0 for what has to be asked of the profile
	wide, nWide uint32
	made        bool

	open, openWide int // how many points cells let something through to, and how many wide sets hold
}

// expandable is how many points of a set, or runs of a wide one, a line may have for its own; beyond that it is
// left to the profile.
const expandable = 256

// oneForFamilies tells whether a profile does the same in all families.
func (m *Model) oneForFamilies(p *profile) bool {
	for _, t := range slices.Concat(p.tiers, p.alt) {
		if m.row(t, v4) != m.row(t, v6) {
			return false
		}
	}
	return true
}

// write makes the line of a profile in one family. What names ports of many destinations, and wide sets below
// other tiers, stay with the profile.
func (x *lines) write(p *profile, f family) line {
	m, tiers := x.m, p.tiers
	if k := slices.IndexFunc(tiers, func(t *tier) bool { return m.row(t, f).adds }); k >= 0 {
		tiers = tiers[:k+1] // it leaves nothing to those after it
	}
	whole := p.alt == nil && !p.lost && !p.open
	plain := whole && len(tiers) == 1 && m.row(tiers[0], f).adds
	if whole && len(tiers) > 0 {
		if out := x.composed(tiers, f); out.n > 0 {
			return out
		}
	}
	var starts []uint32
	out := line{first: uint32(len(x.cells)), wide: uint32(len(x.wides))}
	for _, t := range slices.Concat(tiers, p.alt) {
		r := m.row(t, f)
		starts = append(starts, r.starts...)
		for k := range r.wide {
			if set := m.setAt(r.wide[k].set); !plain {
				runs := set.below(len(m.points))
				if len(runs) > expandable {
					return line{}
				}
				for _, r := range runs {
					starts = append(starts, r.lo, r.hi)
				}
			}
		}
		for k := range r.named {
			set := m.peer(r.named[k].peer).possible
			if set.empty() {
				continue
			}
			if set.size() > expandable {
				return line{}
			}
			set.each(func(lo, hi uint32) {
				for i := lo; i <= hi; i++ {
					starts = append(starts, i)
				}
			})
		}
	}
	starts = append(starts, 0)
	slices.Sort(starts)
	last := boundsID(0)
	for i, at := range starts {
		if i > 0 && at == starts[i-1] || int(at) >= len(m.points) {
			continue
		}
		var b boundsID
		if plain {
			b = m.narrow(p.tiers[0], m.row(p.tiers[0], f), int(at))
		} else {
			b = m.at(p, f, int(at))
		}
		if at == 0 || b != last {
			x.cells = append(x.cells, uint64(at)<<32|uint64(b))
		}
		last = b
	}
	out.n = uint32(len(x.cells)) - out.first
	if plain {
		for _, w := range m.row(p.tiers[0], f).wide {
			x.wides = append(x.wides, wideRef{m.setAt(w.set), w.add})
			out.nWide++
		}
	}
	return out
}

// find gives the bounds of a line at a point, without the wide sets.
func (x *lines) find(l *line, i uint32) boundsID {
	cells := x.cells[l.first : l.first+l.n]
	lo, n := 0, len(cells)
	for n > 1 {
		half := n / 2
		if cells[lo+half]>>32 <= uint64(i) {
			lo += half
		}
		n -= half
	}
	return boundsID(cells[lo])
}

// bounds is what a line that has cells lets through at a point.
func (x *lines) bounds(l *line, i int) boundsID {
	b := x.find(l, uint32(i))
	for k := range l.nWide {
		if w := &x.wides[l.wide+k]; w.set.has(i) {
			b = x.m.conns.or2(b, w.add)
		}
	}
	return b
}

// value is what the policies of a class let through at point i.
func (x *lines) value(l policy.Layer, d policy.Direction, f family, class, i int) boundsID {
	if line := x.class(l, d, f, class); line.n > 0 {
		return x.bounds(line, i)
	}
	return x.m.at(x.m.profileAt(l, d, class), f, i)
}

// runs calls f for the runs of a line's cells, up to a point, where something is let through.
func (x *lines) runs(l *line, end int, f func(lo, hi int, b boundsID)) {
	cells := x.cells[l.first : l.first+l.n]
	for k, c := range cells {
		if int(c>>32) >= end {
			return
		}
		b := boundsID(c)
		if b == noneID {
			continue
		}
		hi := end
		if k+1 < len(cells) {
			hi = min(end, int(cells[k+1]>>32))
		}
		f(int(c>>32), hi, b)
	}
}
