package netset

import (
	"math/big"
	"net/netip"
)

// Addrs is an immutable set of IPv4 and IPv6 addresses. The zero value holds nothing. IPv4-mapped IPv6
// addresses are IPv4 addresses everywhere; addresses with a zone are members of no set. Compare with Equal
// or by Key, not with ==.
type Addrs struct{ spans []span[netip.Addr] }

// AddrSpan is the addresses from Lo to Hi, both included, of one family.
type AddrSpan struct{ Lo, Hi netip.Addr }

// wholeLine is never written to; the All functions hand out parts of it.
var wholeLine = []span[netip.Addr]{
	{netip.IPv4Unspecified(), netip.AddrFrom4([4]byte{255, 255, 255, 255})},
	{netip.IPv6Unspecified(), netip.AddrFrom16([16]byte{
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	})},
}

// The IPv4-mapped block and the address it is tied to; see the package comment. As every set is made with
// the block tied, and set operations decide point by point, no operation can part them.
var (
	beforeMapped = netip.AddrFrom16([16]byte{10: 255, 254, 255, 255, 255, 255})
	lastMapped   = netip.AddrFrom16([16]byte{10: 255, 255, 255, 255, 255, 255})
)

// AllAddrs holds every address of both families.
func AllAddrs() Addrs { return Addrs{wholeLine} }

// AllIPv4 holds 0.0.0.0/0 and nothing of IPv6.
func AllIPv4() Addrs { return Addrs{wholeLine[:1:1]} }

// AllIPv6 holds ::/0 and nothing of IPv4.
func AllIPv6() Addrs { return Addrs{wholeLine[1:2:2]} }

// AddrsOf holds the addresses of all the prefixes. Host bits are ignored. Invalid prefixes are skipped, so
// callers that read foreign text use ParseAddrs or PrefixFrom.
func AddrsOf(prefixes ...netip.Prefix) Addrs {
	spans := make([]span[netip.Addr], 0, len(prefixes))
	for _, p := range prefixes {
		if p.IsValid() {
			spans = append(spans, tied(prefixSpan(p)))
		}
	}
	return Addrs{canonical(spans)}
}

// AddrRange holds the addresses from lo to hi, both included. It holds nothing if lo is above hi, the two
// are of different families, or one is invalid or has a zone.
func AddrRange(lo, hi netip.Addr) Addrs {
	lo, hi = lo.Unmap(), hi.Unmap()
	if !lo.IsValid() || lo.BitLen() != hi.BitLen() || lo.Zone() != "" || hi.Zone() != "" || hi.Less(lo) {
		return Addrs{}
	}
	return Addrs{[]span[netip.Addr]{tied(span[netip.Addr]{lo, hi})}}
}

// OneAddr holds a alone, or nothing if a is invalid or has a zone.
func OneAddr(a netip.Addr) Addrs { return AddrRange(a, a) }

func tied(s span[netip.Addr]) span[netip.Addr] {
	if s.hi == beforeMapped {
		s.hi = lastMapped
	}
	return s
}

func untied(s span[netip.Addr]) span[netip.Addr] {
	if s.hi == lastMapped {
		s.hi = beforeMapped
	}
	return s
}

// Union holds what a or b holds. The result is a or b itself where that is possible.
func (a Addrs) Union(b Addrs) Addrs { return Addrs{union(a.spans, b.spans)} }

// Intersect holds what both a and b hold. The result is a or b itself where that is possible.
func (a Addrs) Intersect(b Addrs) Addrs { return Addrs{intersect(a.spans, b.spans)} }

// Subtract holds what a holds and b does not. The result is a itself where that is possible.
func (a Addrs) Subtract(b Addrs) Addrs { return Addrs{subtract(a.spans, b.spans)} }

// Contains tells whether addr is held. It is false for an invalid address and for one with a zone.
func (a Addrs) Contains(addr netip.Addr) bool {
	return addr.IsValid() && addr.Zone() == "" && contains(a.spans, addr.Unmap())
}

// Covers tells whether a holds everything b holds. Every set covers the empty one.
func (a Addrs) Covers(b Addrs) bool { return covers(a.spans, b.spans) }

// Overlaps tells whether some address is held by both.
func (a Addrs) Overlaps(b Addrs) bool { return overlaps(a.spans, b.spans) }

// Equal tells whether a and b hold the same addresses.
func (a Addrs) Equal(b Addrs) bool { return equal(a.spans, b.spans) }

// IsEmpty tells whether nothing is held.
func (a Addrs) IsEmpty() bool { return len(a.spans) == 0 }

// IsAll tells whether every address of both families is held. All of IPv4 alone is not all.
func (a Addrs) IsAll() bool { return equal(a.spans, wholeLine) }

// V4 is the IPv4 part of a. It shares memory with a.
func (a Addrs) V4() Addrs { return a.part(0, a.firstV6()) }

// V6 is the IPv6 part of a. It shares memory with a.
func (a Addrs) V6() Addrs { return a.part(a.firstV6(), len(a.spans)) }

func (a Addrs) firstV6() int {
	for i, s := range a.spans {
		if s.lo.Is6() {
			return i
		}
	}
	return len(a.spans)
}

func (a Addrs) part(i, j int) Addrs {
	if i == j {
		return Addrs{}
	}
	return Addrs{a.spans[i:j:j]}
}

// First is the lowest address held, IPv4 before IPv6, to serve as a witness. It reports false if nothing is
// held.
func (a Addrs) First() (netip.Addr, bool) {
	if len(a.spans) == 0 {
		return netip.Addr{}, false
	}
	return a.spans[0].lo, true
}

// Ranges lists the addresses held, ascending and not touching, IPv4 before IPv6. A range of IPv6 may run
// across the IPv4-mapped block, of which it holds nothing.
func (a Addrs) Ranges() []AddrSpan {
	var out []AddrSpan
	for _, s := range a.spans {
		s = untied(s)
		out = append(out, AddrSpan{s.lo, s.hi})
	}
	return out
}

// Count is the number of addresses held. IPv4-mapped addresses are counted once, as IPv4, so AllIPv6 has
// 2^128 - 2^32 and AllAddrs has 2^128. The caller owns the result.
func (a Addrs) Count() *big.Int {
	n, mapped := new(big.Int), new(big.Int).Lsh(big.NewInt(1), 32)
	for _, s := range a.spans {
		s = untied(s)
		n.Add(n, big.NewInt(1))
		n.Add(n, number(s.hi))
		n.Sub(n, number(s.lo))
		if s.lo.Is6() && s.lo.Compare(beforeMapped) <= 0 && s.hi.Compare(lastMapped) > 0 {
			n.Sub(n, mapped)
		}
	}
	return n
}

func number(a netip.Addr) *big.Int { return new(big.Int).SetBytes(a.AsSlice()) }

// Key is a short binary text, the same for two sets exactly when they are equal. It is meant for maps and
// is neither readable nor kept the same between versions.
func (a Addrs) Key() string {
	b := make([]byte, 0, 33*len(a.spans))
	for _, s := range a.spans {
		b = append(b, byte(s.lo.BitLen()))
		b = append(b, s.lo.AsSlice()...)
		b = append(b, s.hi.AsSlice()...)
	}
	return string(b)
}
