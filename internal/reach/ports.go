package reach

import "github.com/bulkhead-sec/bulkhead/internal/netset"

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

// holds tells whether bounds hold the packet at a place.
func (p *Packets) holds(b boundsID, at uint32) (must, may bool) {
	q := &p.ports[b]
	if q.more == nil {
		in := q.lo <= at && at <= q.hi
		return in, in
	}
	proto, port := netset.Protocol(at>>16), uint16(at)
	may = q.more.May.Contains(proto, port)
	return may && q.more.Must.Contains(proto, port), may
}

// lets tells whether a line lets the packet at a place through, with point i as the other end.
func (p *Packets) lets(l *line, i, at uint32) (must, may bool) {
	must, may = p.holds(p.lines.find(l, i), at)
	for k := range l.nWide {
		if must {
			break
		}
		if w := &p.lines.wides[l.wide+k]; w.set.has(int(i)) {
			a, b := p.holds(w.add, at)
			must, may = must || a, may || b
		}
	}
	return must, may
}
