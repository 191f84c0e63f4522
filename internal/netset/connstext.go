package netset

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// String gives the text used in all reports: "tcp/80,443,8000-8100 udp/53". A protocol held as a whole is
// its name alone, everything is "all", nothing is "none". Parse reads it back.
func (c Conns) String() string {
	switch {
	case c.IsEmpty():
		return "none"
	case c.IsAll():
		return "all"
	}
	var b strings.Builder
	for _, p := range c.Protocols() {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.ToLower(p.String()))
		if part := c.Only(p); !part.Equal(Of(p)) {
			b.WriteByte('/')
			b.WriteString(part.PortsText(p))
		}
	}
	return b.String()
}

// PortsText lists the ports held of p: "80,443,8000-8100", or "1-65535" for all of them. It is "" if none is
// held and for a protocol without ports.
func (c Conns) PortsText(p Protocol) string {
	var b []byte
	for i, r := range c.Ranges(p) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r.String()...)
	}
	return string(b)
}

// String gives "8000-8100", or "80" for a single port.
func (r PortRange) String() string {
	lo := strconv.Itoa(int(r.Lo))
	if r.Lo == r.Hi {
		return lo
	}
	return lo + "-" + strconv.Itoa(int(r.Hi))
}

// Parse reads what String gives, in any case, and looser forms of it: "tcp 80" is tcp/80, ports without a
// protocol are TCP, "tcp/80, udp/53" may have commas between protocols. After a comma a port belongs to the
// protocol before it. Text that two people could read in two ways is an error, and so is empty text: nothing
// is written "none".
func Parse(text string) (Conns, error) {
	if len(text) > MaxText {
		return Conns{}, fmt.Errorf("ports %s: longer than %d bytes", quote(text), MaxText)
	}
	switch t := strings.TrimSpace(text); {
	case t == "":
		return Conns{}, errors.New(`no ports given: write "none", "all" or a list like "tcp/80,443 udp/53"`)
	case strings.EqualFold(t, "none"):
		return Conns{}, nil
	case strings.EqualFold(t, "all"):
		return All(), nil
	}
	var r connsReader
	for i, item := range strings.Split(text, ",") {
		words := strings.Fields(item)
		if len(words) == 0 {
			return Conns{}, fmt.Errorf("ports %s: a comma with nothing beside it", quote(text))
		}
		for j, word := range words {
			if err := r.word(word, i > 0 && j == 0); err != nil {
				return Conns{}, fmt.Errorf("ports %s: %w", quote(text), err)
			}
		}
	}
	r.close()
	return Conns{canonical(r.spans)}, nil
}

// connsReader is the state of Parse between two words.
type connsReader struct {
	spans   []span[place]
	current Protocol
	// open: the last word was a protocol alone, whose ports may follow.
	open bool
	// paired: that word followed another such word, so ports after it ("tcp udp 53") might have been meant
	// for both.
	paired bool
}

func (r *connsReader) word(word string, afterComma bool) error {
	name, ports, slash := strings.Cut(word, "/")
	if !slash && isDigit(word[0]) {
		return r.barePorts(word, afterComma)
	}
	if name != "" && isDigit(name[0]) {
		return fmt.Errorf("%s: write the protocol first, like tcp/80", quote(word))
	}
	p, err := ParseProtocol(name)
	if err != nil {
		return err
	}
	wasOpen := r.close()
	r.current = p
	if slash {
		return r.add(ports)
	}
	r.open, r.paired = true, wasOpen
	return nil
}

func (r *connsReader) barePorts(ports string, afterComma bool) error {
	name := strings.ToLower(r.current.String())
	switch {
	case r.open && (afterComma || r.paired):
		return fmt.Errorf("unclear which protocol %s belongs to: write it like %s/%s", quote(ports), name, ports)
	case r.open:
		r.open = false
	case !afterComma && r.current != TCP:
		return fmt.Errorf("unclear which protocol %s belongs to: write %s/%s or tcp/%s", quote(ports), name, ports, ports)
	}
	return r.add(ports)
}

// close takes a protocol that stayed without ports as a whole, and tells whether there was one.
func (r *connsReader) close() bool {
	if !r.open {
		return false
	}
	r.spans = append(r.spans, everything[r.current])
	r.open = false
	return true
}

func (r *connsReader) add(ports string) error {
	if !r.current.HasPorts() {
		return fmt.Errorf("%s has no ports", strings.ToLower(r.current.String()))
	}
	first, last, isRange := strings.Cut(ports, "-")
	lo, err := parsePort(first)
	if err != nil {
		return err
	}
	hi := lo
	if isRange {
		if hi, err = parsePort(last); err != nil {
			return err
		}
	}
	if lo > hi {
		return fmt.Errorf("port range %s runs backwards: write %d-%d", quote(ports), hi, lo)
	}
	r.spans = append(r.spans, span[place]{at(r.current, lo), at(r.current, hi)})
	return nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s is not a port: want a number from 1 to 65535", quote(s))
	}
	return uint16(n), nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// MarshalText is String; it never fails.
func (c Conns) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is Parse. On an error c is left as it was.
func (c *Conns) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err == nil {
		*c = parsed
	}
	return err
}
