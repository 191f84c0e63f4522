package netset

import (
	"fmt"
	"strings"
)

// Protocol is one of the five kinds of traffic that policies tell apart. The zero value is TCP, as it is
// the protocol of a Kubernetes port that names none.
type Protocol uint8

// TCP, UDP and SCTP have ports 1 to 65535. ICMP (with ICMPv6) and Other (every other IP protocol) have no
// ports and are held or not held as a whole.
const (
	TCP Protocol = iota
	UDP
	SCTP
	ICMP
	Other
)

const protocolCount = 5

// String gives "TCP", "UDP", "SCTP", "ICMP" or "other", the spelling used in JSON records.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "TCP"
	case UDP:
		return "UDP"
	case SCTP:
		return "SCTP"
	case ICMP:
		return "ICMP"
	case Other:
		return "other"
	}
	return fmt.Sprintf("protocol(%d)", uint8(p))
}

// HasPorts tells whether connections of p are told apart by destination port.
func (p Protocol) HasPorts() bool { return p <= SCTP }

// ParseProtocol reads what String gives, in any case. An empty name is an error, not TCP.
func ParseProtocol(name string) (Protocol, error) {
	for p := range Protocol(protocolCount) {
		if strings.EqualFold(name, p.String()) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("unknown protocol %s: want tcp, udp, sctp, icmp or other", quote(name))
}

// quote shows foreign text in an error: ASCII only, and not all of a long one.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		return fmt.Sprintf("%+q...", s[:most])
	}
	return fmt.Sprintf("%+q", s)
}
