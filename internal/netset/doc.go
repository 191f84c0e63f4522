// Package netset is the algebra of connections and addresses: which protocols and ports (Conns), and which
// IPv4 and IPv6 addresses (Addrs).
//
// Both types are immutable and canonical: two values hold the same points exactly when their Key and String
// are the same. All operations are exact; nothing is sampled and nothing is rounded.
//
// # The line of connections
//
// A Conns is a sorted list of disjoint, non-touching spans on one line of numbers:
//
//	1 ... 65535            TCP ports 1 to 65535
//	65537 ... 131071       UDP ports 1 to 65535
//	131073 ... 196607      SCTP ports 1 to 65535
//	196609                 ICMP, as a whole (ICMPv6 too)
//	262145                 every other IP protocol, as a whole
//
// Port 0 cannot be a destination of a connection and is not on the line. Its place stays empty, so spans of
// two protocols never touch and every span belongs to one protocol.
//
// # The line of addresses
//
// An Addrs is a sorted list of disjoint, non-touching ranges, IPv4 before IPv6; no range crosses from one
// family to the other. The IPv4-mapped addresses (::ffff:0:0/96) are another spelling of IPv4, so they are
// read as IPv4 and are no members of the IPv6 half. To keep "::/0" one range all the same, their block is
// carried along as a tail of the address before it, ::fffe:ffff:ffff, and is left out of counts and texts.
package netset

// MaxText is the longest text, in bytes, that Parse and ParseAddrs read. Every Conns fits; an Addrs of
// tens of thousands of prefixes may not.
const MaxText = 1 << 20
