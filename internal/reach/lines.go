package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// lines is the read-only form of all rows for single packets: what a profile lets through at each point, tiers
// composed, as numbers in few long arrays. A look-up goes class, line, cell, ports, and follows no pointer.
type lines struct {
	// sides is, by layer, direction and family, the line of each class.
	sides [2][2][2][]line
	// cells are the runs of all lines: the first point in the high half, boundsID in the low.
	cells []uint64
	wides []wideRef
	ports []portBounds // by boundsID
	none  []uint8      // by point: bit f says that it has no address in family f

	along []cursor             // scratch
	taken []run                // scratch
	rests map[string]*pointSet // wide sets without what is taken
}

// allLines is made on first use.
func (m *Model) allLines() *lines {
	if m.lined == nil {
		m.Warm()
		m.lined = m.makeLines()
	}
	return m.lined
}

// line is where the cells of a profile are, and the wide sets that add to them.
type line struct {
	first, n    uint32 // cells; n is 0 for what has to be asked of the profile
	wide, nWide uint32
}

// portBounds is bounds as pieces of the line of protocols and ports. Most have one piece, the same for both.
type portBounds struct {
	lo, hi uint32
	more   *Bounds // for others; then lo and hi mean nothing
}

// placeOf is where a packet is on the line of protocols and ports.
func placeOf(proto netset.Protocol, port uint16) uint32 {
	if !proto.HasPorts() {
		port = 1
	}
	return uint32(proto)<<16 | uint32(port)
}

// expandable is how many points of a set, or runs of a wide one, a line may have for its own; beyond that it is
// left to the profile.
const expandable = 256

// makeLines reads every row.
func (m *Model) makeLines() *lines {
	x := &lines{}
	for _, l := range policy.Layers {
		if !m.layered[l] {
			continue
		}
		for _, d := range policy.Directions {
			for k, f := range m.families {
				of := make([]line, len(m.profiles[l][d]))
				for i, p := range m.profiles[l][d] {
					if k > 0 && m.oneForFamilies(p) {
						of[i] = line{}
						continue
					}
					of[i] = x.line(m, p, f)
				}
				side := make([]line, m.hosts)
				for c, i := range m.byClass[l][d] {
					if side[c] = of[i]; k > 0 && m.oneForFamilies(m.profiles[l][d][i]) {
						side[c] = x.sides[l][d][m.families[0]][c]
					}
				}
				x.sides[l][d][f] = side
			}
		}
	}
	x.none = make([]uint8, m.atoms)
	for i := range x.none {
		for _, f := range m.families {
			if m.points[i].addr[f].none {
				x.none[i] |= 1 << f
			}
		}
	}
	x.ports = make([]portBounds, len(m.conns.pairs))
	for i := range x.ports {
		x.ports[i] = m.portBounds(boundsID(i))
	}
	return x
}

// oneForFamilies tells whether a profile does the same in all families.
func (m *Model) oneForFamilies(p *profile) bool {
	for _, t := range slices.Concat(p.tiers, p.alt) {
		if t.rows[v4] != t.rows[v6] {
			return false
		}
	}
	return true
}

func (m *Model) portBounds(b boundsID) portBounds {
	ids := m.conns.pairs[b]
	if ids.must == ids.may {
		if ids.may == noConns {
			return portBounds{lo: 1}
		}
		if lo, hi, ok := onePiece(m.conns.sets[ids.may]); ok {
			return portBounds{lo: lo, hi: hi}
		}
	}
	bounds := m.conns.bounds(b)
	return portBounds{more: &bounds}
}

// onePiece gives the ends of a set that is one range of ports of one protocol.
func onePiece(c netset.Conns) (lo, hi uint32, ok bool) {
	ps := c.Protocols()
	if len(ps) != 1 {
		return 0, 0, false
	}
	if !ps[0].HasPorts() {
		at := placeOf(ps[0], 1)
		return at, at, true
	}
	rs := c.Ranges(ps[0])
	if len(rs) != 1 {
		return 0, 0, false
	}
	return placeOf(ps[0], rs[0].Lo), placeOf(ps[0], rs[0].Hi), true
}

// line writes the cells of a profile in one family. What names ports of many destinations, and wide sets below
// other tiers, stay with the profile.
func (x *lines) line(m *Model, p *profile, f family) line {
	tiers := p.tiers
	if k := slices.IndexFunc(tiers, func(t *tier) bool { return t.rows[f].adds }); k >= 0 {
		tiers = tiers[:k+1] // it leaves nothing to those after it
	}
	whole := p.alt == nil && !p.lost && !p.open
	plain := whole && len(tiers) == 1 && tiers[0].rows[f].adds
	if whole && len(tiers) > 0 {
		if out := x.composed(m, tiers, f); out.n > 0 {
			return out
		}
	}
	var starts []uint32
	out := line{first: uint32(len(x.cells)), wide: uint32(len(x.wides))}
	for _, t := range slices.Concat(tiers, p.alt) {
		r := t.rows[f]
		starts = append(starts, r.starts...)
		for k := range r.wide {
			if set := r.wide[k].set; !plain {
				if len(set.runs) > expandable {
					return line{}
				}
				starts = appendRuns(starts, set.runs)
			}
		}
		for k := range r.named {
			n := &r.named[k]
			if n.peer.possible.empty() {
				continue
			}
			if size(n.peer.possible.runs) > expandable {
				return line{}
			}
			for _, span := range n.peer.possible.runs {
				for i := span.lo; i <= span.hi; i++ {
					starts = append(starts, i)
				}
			}
		}
	}
	starts = append(starts, 0)
	slices.Sort(starts)
	last := boundsID(0)
	for i, at := range starts {
		if i > 0 && at == starts[i-1] || int(at) >= m.atoms {
			continue
		}
		var b boundsID
		if plain {
			b = m.narrow(p.tiers[0], p.tiers[0].rows[f], int(at))
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
		for _, w := range p.tiers[0].rows[f].wide {
			x.wides = append(x.wides, w)
			out.nWide++
		}
	}
	return out
}

func appendRuns(starts []uint32, runs []run) []uint32 {
	for _, r := range runs {
		starts = append(starts, r.lo, r.hi)
	}
	return starts
}

func size(runs []run) int {
	n := 0
	for _, r := range runs {
		n += int(r.hi - r.lo)
	}
	return n
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

// holds tells whether bounds hold the packet at a place.
func (x *lines) holds(b boundsID, at uint32) (must, may bool) {
	p := &x.ports[b]
	if p.more == nil {
		in := p.lo <= at && at <= p.hi
		return in, in
	}
	proto, port := netset.Protocol(at>>16), uint16(at)
	may = p.more.May.Contains(proto, port)
	return may && p.more.Must.Contains(proto, port), may
}

// lets tells whether a line lets the packet at a place through, with point i as the other end.
func (x *lines) lets(l *line, i, at uint32) (must, may bool) {
	must, may = x.holds(x.find(l, i), at)
	for k := range l.nWide {
		if must {
			break
		}
		if w := &x.wides[l.wide+k]; w.set.bits.has(int(i)) {
			a, b := x.holds(w.add, at)
			must, may = must || a, may || b
		}
	}
	return must, may
}

// bounds is what a line that has cells lets through at a point.
func (x *lines) bounds(m *Model, l *line, i int) boundsID {
	b := x.find(l, uint32(i))
	for k := range l.nWide {
		if w := &x.wides[l.wide+k]; w.set.bits.has(i) {
			b = m.conns.or2(b, w.add)
		}
	}
	return b
}

// value is what the policies of a class let through at point i.
func (x *lines) value(m *Model, l policy.Layer, d policy.Direction, f family, class, i int) boundsID {
	if line := &x.sides[l][d][f][class]; line.n > 0 {
		return x.bounds(m, line, i)
	}
	return m.at(m.profileAt(l, d, class), f, i)
}

// runs calls f for the runs of a line's cells, up to a point, where something is let through.
func (x *lines) runs(l *line, end int, f func(lo, hi int, b boundsID)) {
	cells := x.cells[l.first : l.first+l.n]
	for k, c := range cells {
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
