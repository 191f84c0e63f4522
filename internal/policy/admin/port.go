package admin

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// ports reads the list of ports into r. Missing and null mean all traffic, also what has no ports ("If Ports
// is not set then the rule does not filter traffic via port").
func (c *compiler) ports(list *object.Value, path string, r *policy.Rule) {
	if !list.IsSet() {
		r.Conns = netset.All()
		return
	}
	var doubts []policy.Doubt
	for i, v := range c.entries(list, path, 1, c.most) {
		at := fmt.Sprintf("%s[%d]", path, i)
		if c.version == "v1alpha1" {
			doubts = append(doubts, c.port(v, at, r)...)
		} else {
			doubts = append(doubts, c.protocol(v, at, r)...)
		}
	}
	if len(doubts) > 0 {
		r.Conns = netset.All()
		r.Limits = append(r.Limits, doubts...)
	}
}

// one finds the only field of v that is set. It gives doubts when something else may be meant.
func (c *compiler) one(v *object.Value, path string, fields ...string) (string, []policy.Doubt) {
	doubts := c.Fields(v, path, fields...)
	var set []string
	for _, f := range fields {
		if v.Get(f).IsSet() {
			set = append(set, f)
		}
	}
	switch {
	case len(set) == 1:
		return set[0], doubts
	case len(set) > 1:
		c.Refused(v, "the API server refuses the object; make them entries of their own", "%s: want one field, got %s", path, strings.Join(set, " and "))
	case v.Kind != object.Map || len(doubts) > 0:
	case c.Stored():
		doubts = append(doubts, c.Unclear(v, "%s is empty, so the CRD lacks the field that was meant", path))
	default:
		c.Refused(v, "the API server refuses the object", "%s: want one of %s", path, strings.Join(fields, ", "))
	}
	return "", doubts
}

// port reads an AdminNetworkPolicyPort of v1alpha1.
func (c *compiler) port(v *object.Value, path string, r *policy.Rule) []policy.Doubt {
	field, doubts := c.one(v, path, "portNumber", "portRange", "namedPort")
	at, v := path+"."+field, v.Get(field)
	switch field {
	case "portNumber":
		doubts = append(doubts, c.Fields(v, at, "protocol", "port")...)
		c.span(v, at, c.protocolName(v.Get("protocol"), at+".protocol"), "port", "port", r)
	case "portRange":
		doubts = append(doubts, c.Fields(v, at, "protocol", "start", "end")...)
		c.span(v, at, c.protocolName(v.Get("protocol"), at+".protocol"), "start", "end", r)
	case "namedPort":
		c.served(v, r.Direction, path, "namedPort")
		c.named(v, at, r)
	}
	return doubts
}

// protocolName is TCP when not set (the schema's default).
func (c *compiler) protocolName(v *object.Value, path string) netset.Protocol {
	name, ok := c.Text(v, path)
	switch {
	case !ok || name == "TCP":
		return netset.TCP
	case name == "UDP":
		return netset.UDP
	case name == "SCTP":
		return netset.SCTP
	}
	// The schema takes any text, the words of the API these three.
	c.NotModelled(v, "%s: want TCP, UDP or SCTP, got %s", path, shown(v))
	return netset.TCP
}

// protocol reads a ClusterNetworkPolicyProtocol of v1alpha2.
func (c *compiler) protocol(v *object.Value, path string, r *policy.Rule) []policy.Doubt {
	field, doubts := c.one(v, path, "tcp", "udp", "sctp", "destinationNamedPort")
	proto := netset.TCP
	switch field {
	case "":
		return doubts
	case "destinationNamedPort":
		c.named(v.Get(field), path+"."+field, r)
		return doubts
	case "udp":
		proto = netset.UDP
	case "sctp":
		proto = netset.SCTP
	}
	at := path + "." + field
	inner, more := c.one(v.Get(field), at, "destinationPort")
	if doubts = append(doubts, more...); inner == "" {
		return doubts
	}
	at += ".destinationPort"
	port := v.Get(field, "destinationPort")
	form, more := c.one(port, at, "number", "range")
	doubts = append(doubts, more...)
	switch form {
	case "number":
		c.span(port, at, proto, "number", "number", r)
	case "range":
		doubts = append(doubts, c.Fields(port.Get("range"), at+".range", "start", "end")...)
		c.span(port.Get("range"), at+".range", proto, "start", "end", r)
	}
	return doubts
}

// span adds the ports from one field of v to another, which are the same for a single port.
func (c *compiler) span(v *object.Value, path string, proto netset.Protocol, first, last string, r *policy.Rule) {
	if v.Kind != object.Map {
		return // refused already
	}
	lo, ok := c.number(v, path, first)
	hi, both := lo, ok
	if first != last {
		hi, both = c.number(v, path, last)
	}
	switch {
	case !ok || !both:
		return
	case first != last && hi <= lo && c.version == "v1alpha1":
		// Against the words of the API ("the Start value must be less than End"), and the schema does not check it.
		c.NotModelled(v, "%s: start %d is not less than end %d", path, lo, hi)
		return
	case first != last && hi <= lo:
		c.Refused(v, "the API server refuses the object", "%s: start %d is not less than end %d", path, lo, hi)
		return
	}
	r.Conns = r.Conns.Union(netset.Ports(proto, lo, hi))
}

func (c *compiler) number(parent *object.Value, path, field string) (int, bool) {
	v := parent.Get(field)
	n, ok := v.Int()
	if !ok || v.Kind != object.Number || n < 1 || n > 65535 {
		c.Refused(there(v, parent), "the API server refuses the object", "%s.%s: want a number from 1 to 65535, got %s", path, field, shown(v))
		return 0, false
	}
	return n, true
}

// named adds a port by the name that containers of the destination give it, whatever their protocol. The
// schema takes any text; one that no container can have is for each engine to read, as a number even.
func (c *compiler) named(v *object.Value, path string, r *policy.Rule) {
	name, ok := c.Text(v, path)
	if !ok {
		return
	}
	if msgs := validation.IsValidPortName(name); len(msgs) > 0 {
		c.NotModelled(v, "%s: %s is no port name: %s", path, shown(v), strings.Join(msgs, "; "))
		return
	}
	r.Named = append(r.Named, policy.NamedPort{AnyProtocol: true, Name: name, Pos: c.Object.At(v)})
}
