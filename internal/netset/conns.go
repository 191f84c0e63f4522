package netset

import (
	"cmp"
	"encoding/binary"
)

// Conns is an immutable set of connections, each a protocol and, where the protocol has them, a destination
// port. The zero value holds nothing. Compare with Equal or by Key, not with ==.
type Conns struct{ spans []span[place] }

// PortRange is the ports from Lo to Hi, both included.
type PortRange struct{ Lo, Hi uint16 }

// place is a connection on the line that the package comment draws: the protocol in the high 16 bits, the
// port in the low; protocols without ports use 1.
type place uint32

func (p place) Compare(q place) int { return cmp.Compare(p, q) }
func (p place) Next() place         { return p + 1 }
func (p place) Prev() place         { return p - 1 }
func (p place) protocol() Protocol  { return Protocol(p >> 16) }
func (p place) port() uint16        { return uint16(p) }

func at(p Protocol, port uint16) place { return place(p)<<16 | place(port) }

// everything is never written to: All, Transport and Of hand out parts of it, so they cost nothing.
var everything = []span[place]{
	{at(TCP, 1), at(TCP, 65535)},
	{at(UDP, 1), at(UDP, 65535)},
	{at(SCTP, 1), at(SCTP, 65535)},
	{at(ICMP, 1), at(ICMP, 1)},
	{at(Other, 1), at(Other, 1)},
}

// None holds nothing; it is the zero value with a name.
func None() Conns { return Conns{} }

// All holds every connection of every protocol.
func All() Conns { return Conns{everything} }

// Transport holds all ports of TCP, UDP and SCTP, which is all that a NetworkPolicy can speak of.
func Transport() Conns { return Conns{everything[:ICMP:ICMP]} }

// Of holds all of one protocol; nothing if p is not one of the five.
func Of(p Protocol) Conns {
	if p >= protocolCount {
		return Conns{}
	}
	return Conns{everything[p : p+1 : p+1]}
}

// Ports holds the ports lo to hi of p, both included. Numbers outside 1 to 65535 are cut off, and nothing is
// left if lo > hi. It is empty for a protocol without ports: use Of for those.
func Ports(p Protocol, lo, hi int) Conns {
	lo, hi = max(lo, 1), min(hi, 65535)
	if lo > hi || !p.HasPorts() {
		return Conns{}
	}
	if lo == 1 && hi == 65535 {
		return Of(p)
	}
	return Conns{[]span[place]{{at(p, uint16(lo)), at(p, uint16(hi))}}}
}

// Union holds what c or d holds. The result is c or d itself where that is possible.
func (c Conns) Union(d Conns) Conns { return Conns{union(c.spans, d.spans)} }

// Intersect holds what both c and d hold. The result is c or d itself where that is possible.
func (c Conns) Intersect(d Conns) Conns { return Conns{intersect(c.spans, d.spans)} }

// Subtract holds what c holds and d does not. The result is c itself where that is possible.
func (c Conns) Subtract(d Conns) Conns { return Conns{subtract(c.spans, d.spans)} }

// Contains tells whether a connection of p to port is held. The port is ignored if p has none; port 0 of a
// protocol with ports is never held.
func (c Conns) Contains(p Protocol, port uint16) bool {
	if !p.HasPorts() {
		port = 1
	}
	return contains(c.spans, at(p, port))
}

// Covers tells whether c holds everything d holds. Every set covers the empty one.
func (c Conns) Covers(d Conns) bool { return covers(c.spans, d.spans) }

// Overlaps tells whether some connection is held by both.
func (c Conns) Overlaps(d Conns) bool { return overlaps(c.spans, d.spans) }

// Equal tells whether c and d hold the same connections.
func (c Conns) Equal(d Conns) bool { return equal(c.spans, d.spans) }

// IsEmpty tells whether nothing is held.
func (c Conns) IsEmpty() bool { return len(c.spans) == 0 }

// IsAll tells whether every connection of every protocol is held, ICMP and Other among them.
func (c Conns) IsAll() bool { return equal(c.spans, everything) }

// Count is the number of connections held: one for each port, one for ICMP and one for Other.
func (c Conns) Count() int {
	n := 0
	for _, s := range c.spans {
		n += int(s.hi-s.lo) + 1
	}
	return n
}

// Only is the part of c in one protocol. It shares memory with c.
func (c Conns) Only(p Protocol) Conns {
	i := 0
	for i < len(c.spans) && c.spans[i].lo.protocol() < p {
		i++
	}
	j := i
	for j < len(c.spans) && c.spans[j].lo.protocol() == p {
		j++
	}
	if i == j {
		return Conns{}
	}
	return Conns{c.spans[i:j:j]}
}

// Ranges lists the ports held of p, ascending and not touching. It is nil for a protocol without ports, held
// or not: ask Contains for those.
func (c Conns) Ranges(p Protocol) []PortRange {
	if !p.HasPorts() {
		return nil
	}
	var out []PortRange
	for _, s := range c.Only(p).spans {
		out = append(out, PortRange{s.lo.port(), s.hi.port()})
	}
	return out
}

// Protocols lists the protocols of which anything is held, in the order of the constants.
func (c Conns) Protocols() []Protocol {
	var out []Protocol
	for _, s := range c.spans {
		if p := s.lo.protocol(); len(out) == 0 || out[len(out)-1] != p {
			out = append(out, p)
		}
	}
	return out
}

// First is the smallest connection held, to serve as a witness: the lowest port of the first protocol. The
// port is 0 for a protocol without ports. It reports false if nothing is held.
func (c Conns) First() (Protocol, uint16, bool) {
	if len(c.spans) == 0 {
		return 0, 0, false
	}
	p, port := c.spans[0].lo.protocol(), c.spans[0].lo.port()
	if !p.HasPorts() {
		port = 0
	}
	return p, port, true
}

// Key is a short binary text, the same for two sets exactly when they are equal. It is meant for maps and
// is neither readable nor kept the same between versions.
func (c Conns) Key() string { return string(c.AppendKey(make([]byte, 0, 5*len(c.spans)))) }

// AppendKey appends Key to b.
func (c Conns) AppendKey(b []byte) []byte {
	for _, s := range c.spans {
		b = append(b, byte(s.lo>>16))
		b = binary.BigEndian.AppendUint16(b, s.lo.port())
		b = binary.BigEndian.AppendUint16(b, s.hi.port())
	}
	return b
}
