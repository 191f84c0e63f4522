package calico

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// rule compiles one entry. It reports false for one that decides nothing: Log goes on to the next rule.
func (c *compiler) rule(v *object.Value, d policy.Direction, path string) (policy.Rule, bool) {
	r := policy.Rule{Direction: d, Pos: c.Object.At(v), Path: path}
	doubts := c.Fields(v, path, "action", "ipVersion", "protocol", "notProtocol", "icmp", "notICMP", "source", "destination", "http", "metadata")
	switch a := v.Get("action"); a.Str() {
	case "Allow":
		r.Action = policy.Allow
	case "Deny":
		r.Action = policy.Deny
	case "Pass":
		r.Action = policy.Pass
	case "Log":
		return r, false
	default:
		c.Refused(v, "Calico refuses the object; write Allow, Deny, Pass or Log", "%s.action: want Allow, Deny, Pass or Log, got %+q", path, a.Str())
	}
	source, destination := v.Get("source"), v.Get("destination")
	doubts = append(doubts, c.protocol(v, &r)...)
	c.ports(destination.Get("ports"), &r)
	peer, self, peerName, selfName := source, destination, "source", "destination"
	if d == policy.Egress {
		peer, self, peerName, selfName = self, peer, selfName, peerName
	}
	peers, more := c.peers(peer, path+"."+peerName, r.Pos)
	doubts = append(doubts, more...)
	doubts = append(doubts, c.Fields(self, path+"."+selfName, entityFields...)...)
	// What a rule asks of the subject's own side narrows whom it binds.
	unused := []string{"nets", "selector", "namespaceSelector"}
	for _, name := range unused {
		if given(self.Get(name)) {
			doubts = append(doubts, c.Unclear(self.Get(name), "%s.%s.%s is not modelled yet", path, selfName, name))
		}
	}
	doubts = append(doubts, c.negated(self, path+"."+selfName)...)
	if given(source.Get("ports")) {
		doubts = append(doubts, c.Unclear(source.Get("ports"), "%s.source.ports is not modelled yet", path))
	}
	for _, name := range []string{"ipVersion", "icmp", "notICMP", "notProtocol", "http"} {
		if v.Get(name).IsSet() {
			doubts = append(doubts, c.Unclear(v.Get(name), "%s.%s is not modelled yet", path, name))
		}
	}
	r.Peers = peers
	if len(doubts) > 0 {
		// The doubt is of the peers, so that it stays within the protocol and ports that were understood.
		r.Peers = []policy.Peer{{Kind: policy.DoubtPeer, Pos: r.Pos, Doubt: &doubts[0]}}
	}
	return r, true
}

var entityFields = []string{
	"nets", "notNets", "selector", "notSelector", "namespaceSelector", "ports", "notPorts", "services", "serviceAccounts",
}

// given tells whether a field says anything: empty texts, lists and maps do not.
func given(v *object.Value) bool {
	return v.IsSet() && (v.Str() != "" || len(v.List()) > 0 || len(v.Map()) > 0)
}

// negated finds the matches of an entity that are not modelled.
func (c *compiler) negated(v *object.Value, path string) []policy.Doubt {
	var doubts []policy.Doubt
	for _, name := range []string{"notNets", "notSelector", "notPorts", "services", "serviceAccounts"} {
		if given(v.Get(name)) {
			doubts = append(doubts, c.Unclear(v.Get(name), "%s.%s is not modelled yet", path, name))
		}
	}
	return doubts
}

// protocol sets r.Conns to all of the rule's protocol.
func (c *compiler) protocol(v *object.Value, r *policy.Rule) []policy.Doubt {
	p := v.Get("protocol")
	if !p.IsSet() {
		r.Conns = netset.All()
		return nil
	}
	switch p.Str() {
	case "TCP", "6":
		r.Conns = netset.Of(netset.TCP)
	case "UDP", "17":
		r.Conns = netset.Of(netset.UDP)
	case "SCTP", "132":
		r.Conns = netset.Of(netset.SCTP)
	case "ICMP", "ICMPv6", "1", "58":
		// ICMP of one family only, which Conns cannot tell apart.
		r.Conns = netset.Of(netset.ICMP)
		return []policy.Doubt{c.Unclear(p, "%s.protocol: %s is not modelled yet", r.Path, p.Str())}
	default:
		r.Conns = netset.Of(netset.Other)
		if n, err := strconv.Atoi(p.Str()); p.Str() != "UDPLite" && (err != nil || p.Kind != object.Number || n < 1 || n > 255) {
			c.Refused(p, "Calico refuses the object; write TCP, UDP, SCTP, ICMP, ICMPv6, UDPLite or a number from 1 to 255", "%s.protocol: %+q is no protocol", r.Path, p.Str())
		}
		return []policy.Doubt{c.Unclear(p, "%s.protocol: %s is not modelled yet", r.Path, p.Str())}
	}
	if p.Kind == object.String && p.Str()[0] <= '9' {
		c.Refused(p, "Calico refuses the object; write the number without quotes", "%s.protocol: %+q is no protocol", r.Path, p.Str())
	}
	return nil
}

// ports narrows r.Conns to the destination ports listed.
func (c *compiler) ports(list *object.Value, r *policy.Rule) {
	path := r.Path + ".destination.ports"
	items := c.List(list, path)
	if len(items) == 0 {
		return
	}
	protos := r.Conns.Protocols()
	if len(protos) != 1 || !protos[0].HasPorts() {
		// Felix treats such a policy as missing, so what it isolates falls open.
		c.Refused(list, "Calico refuses the object; name the protocol TCP, UDP or SCTP", "%s: ports need a protocol that has ports", path)
		return
	}
	r.Conns = netset.None()
	for i, v := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		first, last, isRange := strings.Cut(v.Str(), ":")
		lo, err := strconv.Atoi(first)
		switch {
		case v.Kind == object.String && !isRange && err != nil && isPortName(v.Text):
			r.Named = append(r.Named, policy.NamedPort{Protocol: protos[0], Name: v.Text, Pos: c.Object.At(v)})
			continue
		case !isRange:
			last = first
		}
		hi, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || lo < 1 || hi > 65535 || lo > hi || v.Kind != object.Number && v.Kind != object.String {
			c.Refused(v, "Calico refuses the object", "%s: want a port, a range like 8000:8100 or a port name, got %+q", at, v.Str())
			continue
		}
		r.Conns = r.Conns.Union(netset.Ports(protos[0], lo, hi))
	}
}

// isPortName is Calico's own rule for names, wider than that of Kubernetes.
func isPortName(s string) bool {
	return s != "" && len(s) <= 128 && strings.IndexFunc(s, func(r rune) bool { return !inWord(r) || r == '/' }) < 0
}
