package netset

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// String lists Prefixes with commas between them, "none" when nothing is held. ParseAddrs reads it back.
func (a Addrs) String() string {
	if a.IsEmpty() {
		return "none"
	}
	var b []byte
	for i, p := range a.Prefixes() {
		if i > 0 {
			b = append(b, ',')
		}
		b = p.AppendTo(b)
	}
	return string(b)
}

// ParseAddrs reads prefixes, addresses and ranges like 10.0.0.5-10.0.0.9, with commas or spaces between
// them. Host bits in a prefix are an error here, because 10.0.0.5/24 may mean one address or 256. Empty
// text is an error: nothing is written "none".
func ParseAddrs(text string) (Addrs, error) {
	if len(text) > MaxText {
		return Addrs{}, fmt.Errorf("addresses %s: longer than %d bytes", quote(text), MaxText)
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' })
	if len(words) == 0 {
		return Addrs{}, errors.New(`no addresses given: write "none" or a list like "10.0.0.0/8,fd00::/8"`)
	}
	if len(words) == 1 && strings.EqualFold(words[0], "none") {
		return Addrs{}, nil
	}
	spans := make([]span[netip.Addr], 0, len(words))
	for _, word := range words {
		s, err := parseAddrSpan(word)
		if err != nil {
			return Addrs{}, err
		}
		spans = append(spans, tied(s))
	}
	return Addrs{canonical(spans)}, nil
}

func parseAddrSpan(word string) (span[netip.Addr], error) {
	none := span[netip.Addr]{}
	if strings.Contains(word, "/") {
		p, hostBits, err := PrefixFrom(word)
		if err != nil {
			return none, err
		}
		if hostBits {
			addr, _, _ := strings.Cut(word, "/")
			return none, fmt.Errorf("%s has bits set behind its prefix length: write %s, or %s for the one address", quote(word), p, addr)
		}
		return prefixSpan(p), nil
	}
	first, last, isRange := strings.Cut(word, "-")
	lo, err := parseAddr(first)
	if err != nil {
		return none, err
	}
	if !isRange {
		return span[netip.Addr]{lo, lo}, nil
	}
	hi, err := parseAddr(last)
	if err != nil {
		return none, err
	}
	if lo.BitLen() != hi.BitLen() {
		return none, fmt.Errorf("address range %s begins in IPv4 and ends in IPv6 or the other way round", quote(word))
	}
	if hi.Less(lo) {
		return none, fmt.Errorf("address range %s runs backwards: write %s-%s", quote(word), hi, lo)
	}
	return span[netip.Addr]{lo, hi}, nil
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return a, fmt.Errorf("%s is not an IP address or prefix", quote(s))
	case a.Zone() != "":
		return a, fmt.Errorf("%s has a zone, which means something on one machine only: leave it out", quote(s))
	}
	return a.Unmap(), nil
}

// PrefixFrom reads a CIDR. p comes without host bits, as IPv4 if it lies in the IPv4-mapped block; hostBits
// tells whether some were set, as in 10.0.0.5/24. An address without a prefix length is an error, and so are
// leading zeros, which some readers take as octal.
func PrefixFrom(s string) (p netip.Prefix, hostBits bool, err error) {
	p, err = netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false, fmt.Errorf("%s is not a prefix like 10.0.0.0/8 or fd00::/8", quote(s))
	}
	p = unmapPrefix(p)
	return p.Masked(), p != p.Masked(), nil
}

// MarshalText is String; it never fails.
func (a Addrs) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is ParseAddrs. On an error a is left as it was.
func (a *Addrs) UnmarshalText(text []byte) error {
	parsed, err := ParseAddrs(string(text))
	if err == nil {
		*a = parsed
	}
	return err
}
