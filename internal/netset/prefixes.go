package netset

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Prefixes is the shortest list of CIDRs that holds the same addresses, ascending, IPv4 before IPv6. It is
// nil if nothing is held. The IPv4-mapped block is never taken in just to save a prefix.
func (a Addrs) Prefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, s := range a.spans {
		out = appendPrefixes(out, untied(s))
	}
	return out
}

// appendPrefixes cuts s from the left, each time taking the largest aligned block that still fits.
func appendPrefixes(out []netip.Prefix, s span[netip.Addr]) []netip.Prefix {
	width := s.lo.BitLen()
	for lo, hi := toU128(s.lo), toU128(s.hi); ; {
		size := min(lo.trailingZeros(), hi.minus(lo).log2Next(), width)
		p := netip.PrefixFrom(lo.addr(width), width-size)
		// The IPv4-mapped block would be read back as IPv4. It comes out on its own only after the address
		// it is tied to, so leaving it out loses nothing.
		if !p.Addr().Is4In6() {
			out = append(out, p)
		}
		last := lo.plusBlock(size)
		if last == hi {
			return out
		}
		lo = last.next()
	}
}

// prefixSpan gives both ends of a valid prefix, read as IPv4 if it lies in the IPv4-mapped block.
func prefixSpan(p netip.Prefix) span[netip.Addr] {
	p = unmapPrefix(p)
	width := p.Addr().BitLen()
	lo := toU128(p.Masked().Addr())
	return span[netip.Addr]{lo.addr(width), lo.plusBlock(width - p.Bits()).addr(width)}
}

// unmapPrefix turns ::ffff:10.0.0.0/104 into 10.0.0.0/8. A prefix shorter than /96 stays what it is: it
// reaches beyond the mapped block.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// u128 is an address as a number; IPv4 uses the low 32 bits.
type u128 struct{ hi, lo uint64 }

func toU128(a netip.Addr) u128 {
	if a.Is4() {
		b := a.As4()
		return u128{0, uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return u128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (u u128) addr(width int) netip.Addr {
	if width == 32 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(u.lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], u.hi)
	binary.BigEndian.PutUint64(b[8:], u.lo)
	return netip.AddrFrom16(b)
}

func (u u128) trailingZeros() int {
	if u.lo == 0 {
		return 64 + bits.TrailingZeros64(u.hi)
	}
	return bits.TrailingZeros64(u.lo)
}

func (u u128) minus(v u128) u128 {
	lo, borrow := bits.Sub64(u.lo, v.lo, 0)
	hi, _ := bits.Sub64(u.hi, v.hi, borrow)
	return u128{hi, lo}
}

func (u u128) next() u128 {
	lo, carry := bits.Add64(u.lo, 1, 0)
	return u128{u.hi + carry, lo}
}

// log2Next is the whole part of log2(u + 1): how large a block fits when its last address is u away from the
// first. The sum is never formed, as it may not fit.
func (u u128) log2Next() int {
	if u == (u128{^uint64(0), ^uint64(0)}) {
		return 128
	}
	n := u.next()
	if n.hi != 0 {
		return 64 + bits.Len64(n.hi) - 1
	}
	return bits.Len64(n.lo) - 1
}

// plusBlock is the last number of the block of 2^size numbers that begins at u. u must be aligned to it.
func (u u128) plusBlock(size int) u128 {
	if size >= 64 {
		return u128{u.hi | ^uint64(0)>>(128-size), ^uint64(0)}
	}
	return u128{u.hi, u.lo | (1<<size - 1)}
}
