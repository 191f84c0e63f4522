package netpol

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// ports reads the ports of a rule into r. Missing, null and empty all mean "not restricted by port"; an
// entry without a port means every port of its protocol, which is TCP when not named (NetworkPolicyPort).
func (c *compiler) ports(list *object.Value, r *policy.Rule) {
	items := c.List(list, r.Path+".ports")
	if len(items) == 0 {
		r.Conns = netset.All()
		return
	}
	for i, v := range items {
		path := policy.Item(r.Path+".ports", i)
		before := len(c.Doubts)
		doubts := c.Fields(v, path, "protocol", "port", "endPort")
		conns, name := c.port(v, path)
		if len(doubts) == 0 && len(c.Doubts) > before {
			doubts = c.Doubts[before:]
		}
		switch {
		case len(doubts) > 0:
			r.Doubts = append(r.Doubts, doubts...)
		case name != nil:
			r.Named = append(r.Named, *name)
		default:
			r.Conns = r.Conns.Union(conns)
		}
	}
}

// port reads one entry: a set of ports, or a port by name.
func (c *compiler) port(v *object.Value, path string) (netset.Conns, *policy.NamedPort) {
	proto := netset.TCP
	if s, ok := c.Text(v.Get("protocol"), path+".protocol"); ok {
		switch s {
		case "TCP":
		case "UDP":
			proto = netset.UDP
		case "SCTP":
			proto = netset.SCTP
		default:
			c.Refused(v.Get("protocol"), "the API server refuses the object; write TCP, UDP or SCTP", "%s.protocol: want TCP, UDP or SCTP, got %+q", path, s)
		}
	}
	port, end := v.Get("port"), v.Get("endPort")
	switch {
	case !port.IsSet():
		if end.IsSet() {
			c.Refused(end, "the API server refuses the object", "%s: endPort without port", path)
		}
		return netset.Of(proto), nil
	case port.Kind == object.String:
		if end.IsSet() {
			c.Refused(end, "the API server refuses the object; a range needs numbers", "%s: endPort together with a named port", path)
		}
		if _, err := strconv.Atoi(port.Text); err == nil {
			c.Refused(port, "the API server refuses the object; write the number without quotes", "%s.port: %+q is a name made of digits", path, port.Text)
		} else if msgs := validation.IsValidPortName(port.Text); len(msgs) > 0 {
			c.Refused(port, "the API server refuses the object", "%s.port: %+q is no port name: %s", path, port.Text, strings.Join(msgs, "; "))
		}
		return netset.None(), &policy.NamedPort{Protocol: proto, Name: port.Text, Pos: c.Object.At(port)}
	}
	lo, ok := c.number(port, path+".port")
	if !ok {
		return netset.None(), nil
	}
	hi := lo
	if end.IsSet() {
		if hi, ok = c.number(end, path+".endPort"); !ok {
			return netset.None(), nil
		}
		if hi < lo {
			c.Refused(end, "the API server refuses the object", "%s: endPort %d is below port %d", path, hi, lo)
		}
	}
	return netset.Ports(proto, lo, hi), nil
}

func (c *compiler) number(v *object.Value, path string) (int, bool) {
	n, ok := v.Int()
	if !ok || v.Kind != object.Number || n < 1 || n > 65535 {
		c.Refused(v, "the API server refuses the object", "%s: want a number from 1 to 65535, got %s", path, shown(v))
		return 0, false
	}
	return n, true
}
