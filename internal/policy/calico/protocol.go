package calico

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// variant is one of the rules that a rule comes to, as a protocol may hold in one address family only, or be
// one of those that are not told apart.
type variant struct {
	family netset.Addrs
	conns  netset.Conns
	limits []policy.Doubt
}

// protocols of the Internet that Calico has names for (IANA "Protocol Numbers").
var protocolNumbers = map[string]int{"ICMP": 1, "TCP": 6, "UDP": 17, "ICMPv6": 58, "SCTP": 132, "UDPLite": 136}

// protocol reads a protocol by name or number; 0 when it is not set or refused.
func (c *compiler) protocol(v *object.Value, path string) int {
	if !v.IsSet() {
		return 0
	}
	n, named := protocolNumbers[v.Str()]
	if !named {
		n, _ = strconv.Atoi(v.Str())
	}
	if n < 1 || n > 255 || v.Kind != object.Number && v.Kind != object.String {
		c.Refused(v, "Calico refuses the object; write TCP, UDP, SCTP, ICMP, ICMPv6, UDPLite or a number from 1 to 255", "%s: %+q is no protocol", path, v.Str())
		return 0
	}
	return n
}

// protocolOf is the set that a protocol number lies in, and the only family that has it.
func protocolOf(n int) (netset.Protocol, netset.Addrs) {
	switch n {
	case 1:
		return netset.ICMP, netset.AllIPv4()
	case 6:
		return netset.TCP, netset.AllAddrs()
	case 17:
		return netset.UDP, netset.AllAddrs()
	case 58:
		return netset.ICMP, netset.AllIPv6()
	case 132:
		return netset.SCTP, netset.AllAddrs()
	}
	return netset.Other, netset.AllAddrs()
}

// variants reads protocol, notProtocol, icmp, notICMP and ipVersion of a rule. proto is the protocol that ports
// belong to, when hasPorts.
func (c *compiler) variants(v *object.Value, path string) (vs []variant, proto netset.Protocol, hasPorts bool) {
	first := variant{family: netset.AllAddrs(), conns: netset.All()}
	switch ver := v.Get("ipVersion"); {
	case !ver.IsSet():
	case ver.Kind == object.Number && ver.Text == "4":
		first.family = netset.AllIPv4()
	case ver.Kind == object.Number && ver.Text == "6":
		first.family = netset.AllIPv6()
	default:
		c.Refused(ver, "Calico refuses the object; write 4 or 6", "%s.ipVersion: want 4 or 6, got %+q", path, ver.Str())
	}
	n := c.protocol(v.Get("protocol"), path+".protocol")
	no := c.protocol(v.Get("notProtocol"), path+".notProtocol")
	if n != 0 {
		var family netset.Addrs
		proto, family = protocolOf(n)
		hasPorts = proto.HasPorts()
		first.conns = netset.Of(proto)
		if proto == netset.Other {
			first.limits = append(first.limits, c.Unclear(v.Get("protocol"), "%s.protocol: protocol %d is not told apart from others", path, n))
		}
		if first.family = first.family.Intersect(family); first.family.IsEmpty() {
			c.Refused(v.Get("ipVersion"), "Calico refuses the object", "%s.ipVersion: the protocol is of the other family", path)
		}
	}
	first.limits = append(first.limits, c.icmp(v.Get("icmp"), path+".icmp", n)...)
	first.limits = append(first.limits, c.icmp(v.Get("notICMP"), path+".notICMP", 1)...)
	if no == 0 {
		return []variant{first}, proto, hasPorts
	}
	return c.without(first, no, n, v.Get("notProtocol"), path), proto, hasPorts
}

// without takes protocol no away from a variant that has been narrowed to protocol n, or 0 for any.
func (c *compiler) without(first variant, no, n int, at *object.Value, path string) []variant {
	if no == n {
		c.Warn(at, "remove one of them", "%s: protocol and notProtocol are the same, so the rule matches nothing", path)
		return nil
	}
	proto, family := protocolOf(no)
	second := first
	first.conns = first.conns.Subtract(netset.Of(proto))
	switch {
	case n != 0: // another protocol, which it leaves alone
		return []variant{second}
	case proto == netset.Other:
		second.conns = second.conns.Only(proto)
		second.limits = append(slices.Clip(second.limits),
			c.Unclear(at, "%s.notProtocol: protocol %d is not told apart from others", path, no))
		return []variant{first, second}
	case !family.IsAll(): // the other family has no such protocol
		first.family = first.family.Intersect(family)
		second.family = second.family.Subtract(family)
		return []variant{first, second}
	}
	return []variant{first}
}

// icmp reads a match of ICMP types, which are not told apart. n is the rule's protocol.
func (c *compiler) icmp(v *object.Value, path string, n int) []policy.Doubt {
	if !v.IsSet() {
		return nil
	}
	doubts := c.Fields(v, path, "type", "code")
	if n != 1 && n != 58 {
		c.Refused(v, "Calico refuses the object; write protocol: ICMP or ICMPv6", "%s: types need the protocol ICMP or ICMPv6", path)
	}
	if v.Get("code").IsSet() && !v.Get("type").IsSet() {
		c.Refused(v, "Calico refuses the object", "%s.code without a type", path)
	}
	for _, f := range [...]struct {
		name string
		most int
	}{{"type", 254}, {"code", 255}} {
		if w := v.Get(f.name); w.IsSet() {
			if k, ok := w.Int(); !ok || w.Kind != object.Number || k < 0 || k > f.most {
				c.Refused(w, "Calico refuses the object", "%s.%s: want a number from 0 to %d, got %+q", path, f.name, f.most, w.Str())
			}
		}
	}
	return append(doubts, c.Unclear(v, "%s: types of ICMP are not told apart", path))
}

// ports reads a list of ports: numbers, ranges like 8000:8100, and names. given is false for no list at all.
func (c *compiler) ports(list *object.Value, path string, proto netset.Protocol, hasPorts bool) (conns netset.Conns, names []policy.NamedPort, given bool) {
	items := c.List(list, path)
	if len(items) == 0 {
		return netset.All(), nil, false
	}
	if !hasPorts {
		// Felix treats such a policy as missing, so that what it isolates falls open.
		c.Refused(list, "Calico refuses the object, or ignores the whole policy; name the protocol TCP, UDP or SCTP",
			"%s: ports need a protocol that has ports, and without one the policy has no effect", path)
		return netset.All(), nil, false
	}
	for i, v := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		first, last, isRange := strings.Cut(v.Str(), ":")
		if !isRange {
			last = first
		}
		if v.Kind == object.String && !isRange && !digits(first) {
			if msgs := validation.IsValidPortName(v.Text); len(msgs) > 0 {
				c.Refused(v, "Calico refuses the object", "%s: want a port, a range like 8000:8100 or a port name, got %+q", at, v.Text)
			}
			names = append(names, policy.NamedPort{Protocol: proto, Name: v.Text, Pos: c.Object.At(v)})
			continue
		}
		lo, err := strconv.Atoi(first)
		hi, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || !digits(first) || !digits(last) || lo < 1 || hi > 65535 || lo > hi ||
			v.Kind != object.Number && v.Kind != object.String {
			c.Refused(v, "Calico refuses the object", "%s: want a port, a range like 8000:8100 or a port name, got %+q", at, v.Str())
			continue
		}
		conns = conns.Union(netset.Ports(proto, lo, hi))
	}
	return conns, names, true
}

func digits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
