package cilium

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// maxPorts is how many ports an entry of toPorts may have.
const maxPorts = 40

// ports compiles toPorts, each entry to a rule: it may have conditions of its own on what goes through.
func (c *compiler) ports(list *object.Value, base policy.Rule, s section) []policy.Rule {
	items := list.List()
	var rules []policy.Rule
	for i, v := range items {
		r := base
		r.Doubts, r.Limits = slices.Clone(base.Doubts), slices.Clone(base.Limits)
		path := fmt.Sprintf("%s.toPorts[%d]", base.Path, i)
		if len(items) > 1 {
			r.Path, r.Pos = path, c.Object.At(v)
		}
		if !c.isMap(v, path) {
			continue
		}
		fields := []string{"ports"}
		if s.action == policy.Allow {
			fields = append(fields, "rules", "terminatingTLS", "originatingTLS", "serverNames", "listener")
		}
		r.Doubts = append(r.Doubts, c.Fields(v, path, fields...)...)
		entries := c.list(v.Get("ports"), path+".ports")
		switch {
		case len(entries) > maxPorts:
			c.Refused(v.Get("ports"), refused, "%s.ports has more than %d entries", path, maxPorts)
		case len(entries) == 0: // not the same as all ports (mergeL4Filter)
			c.Warn(v, `write port: "0" for all ports`, "%s names no ports, which matches nothing", path)
		}
		tcp, zero := true, false
		for j, e := range entries {
			protocol, port := c.port(e, fmt.Sprintf("%s.ports[%d]", path, j), &r)
			tcp, zero = tcp && protocol == "TCP", zero || port == "0"
		}
		if s.action == policy.Allow {
			c.conditions(v, path, s, tcp, zero, &r)
		}
		rules = append(rules, r)
	}
	return rules
}

// protocols is what a protocol means; ANY is all that have ports (PortProtocol.Protocol).
func protocols(name string) ([]netset.Protocol, bool) {
	switch name {
	case "TCP":
		return []netset.Protocol{netset.TCP}, true
	case "UDP":
		return []netset.Protocol{netset.UDP}, true
	case "SCTP":
		return []netset.Protocol{netset.SCTP}, true
	case "", "ANY":
		return []netset.Protocol{netset.TCP, netset.UDP, netset.SCTP}, true
	case "VRRP", "IGMP", "GRE", "IPIP", "IPV6", "ESP", "AH":
		return nil, true
	}
	return nil, false
}

// serviceName is the form of a port name (pkg/iana).
var serviceName = regexp.MustCompile(`^([a-zA-Z0-9]-?)*[a-zA-Z](-?[a-zA-Z0-9])*$`)

// port adds one entry of ports to r, and gives its protocol and port as they are written.
func (c *compiler) port(v *object.Value, path string, r *policy.Rule) (protocol, port string) {
	if !c.isMap(v, path) {
		return "", ""
	}
	r.Doubts = append(r.Doubts, c.Fields(v, path, "port", "endPort", "protocol")...)
	protocol, _ = c.Text(v.Get("protocol"), path+".protocol")
	port, _ = c.Text(v.Get("port"), path+".port")
	ps, ok := protocols(protocol)
	end, hasEnd := c.endPort(v.Get("endPort"), path+".endPort")
	switch {
	case !ok:
		c.Refused(v.Get("protocol"), refused, "%s.protocol: there is no protocol %+q here; ICMP has a field of its own, icmps", path, protocol)
	case ps == nil:
		r.Conns = r.Conns.Union(netset.Of(netset.Other))
		r.Limits = append(r.Limits, c.Unclear(v, "%s is about protocol %s, and protocols without ports are not told apart", path, protocol))
	case port == "":
		c.Refused(v, "Cilium refuses the object", "%s has no port", path)
	case len(port) <= 15 && serviceName.MatchString(port):
		if hasEnd {
			r.Doubts = append(r.Doubts, c.Unclear(v, "%s: endPort together with the name of a port", path))
		}
		c.named(port, ps, r, v)
	default:
		n, err := strconv.ParseUint(port, 10, 16)
		switch {
		case err != nil || strings.Trim(port, "0123456789") != "":
			c.Refused(v.Get("port"), "Cilium refuses the object", "%s.port: %+q is neither a number up to 65535 nor the name of a port", path, port)
		case port != "0" && port[0] == '0':
			r.Doubts = append(r.Doubts, c.Unclear(v.Get("port"), "%s.port: %s may be read as an octal number", path, port))
		case hasEnd && (end < int(n) || n == 0):
			r.Doubts = append(r.Doubts, c.Unclear(v.Get("endPort"), "%s: a range from %d to %d", path, n, end))
		default:
			lo, hi := int(n), int(n)
			if hasEnd {
				hi = end
			}
			if n == 0 { // every port
				lo, hi = 1, 65535
			}
			for _, p := range ps {
				r.Conns = r.Conns.Union(netset.Ports(p, lo, hi))
			}
		}
	}
	return protocol, port
}

// endPort is the last port of a range; 0 is as good as none.
func (c *compiler) endPort(v *object.Value, path string) (int, bool) {
	if v == nil {
		return 0, false
	}
	n, ok := v.Int()
	if !ok || v.Kind != object.Number || n < 0 || n > 65535 {
		c.Refused(v, refused, "%s: want a number from 0 to 65535, got %+q", path, v.Str())
		return 0, false
	}
	return n, n > 0
}

// named adds a port by name, which Cilium compares without regard to case. It is resolved on the subject for
// ingress and on each destination for egress.
func (c *compiler) named(name string, ps []netset.Protocol, r *policy.Rule, v *object.Value) {
	n := policy.NamedPort{Name: strings.ToLower(name), Protocol: ps[0], AnyProtocol: len(ps) > 1, Pos: c.Object.At(v)}
	r.Named = append(r.Named, n)
}
