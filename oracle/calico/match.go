package calico

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/projectcalico/calico/felix/proto"
	corev1 "k8s.io/api/core/v1"

	"github.com/bulkhead-sec/bulkhead/oracle/world"
)

// Allows runs the rules of both ends, as the kernel would.
func (e *engine) Allows(f world.Flow) (bool, error) {
	p := newPacket(f)
	if ep := e.endpoints[f.SrcAddr]; ep != nil && f.Src.Pod != nil {
		if ok, err := e.side(ep, p, true); !ok || err != nil {
			return false, err
		}
	}
	if ep := e.endpoints[f.DstAddr]; ep != nil && f.Dst.Pod != nil {
		return e.side(ep, p, false)
	}
	return true, nil
}

// side runs the tiers of an endpoint and then its profiles (felix/rules/endpoints.go): a tier without policies
// for the direction is left out; what a tier leaves over is dropped; and so is what the profiles leave over.
func (e *engine) side(ep *proto.WorkloadEndpoint, p packet, egress bool) (bool, error) {
	for _, tier := range ep.Tiers {
		names := tier.IngressPolicies
		if egress {
			names = tier.EgressPolicies
		}
		if len(names) == 0 {
			continue
		}
		action, err := e.first(e.policies, names, p, egress)
		switch {
		case err != nil:
			return false, err
		case action != "pass":
			return action == "allow", nil
		}
	}
	action, err := e.first(e.profiles, ep.ProfileIds, p, egress)
	return action == "allow", err
}

// first is the action of the first rule that matches, "" when none does.
func (e *engine) first(all map[string]*rules, names []string, p packet, egress bool) (string, error) {
	for _, n := range names {
		rs := all[n]
		if rs == nil {
			return "", fmt.Errorf("%s is not active", n)
		}
		list := rs.in
		if egress {
			list = rs.out
		}
		for _, r := range list {
			if !e.matches(r, p) {
				continue
			}
			switch r.Action {
			case "allow", "deny":
				return r.Action, nil
			case "pass", "next-tier":
				return "pass", nil
			case "log":
			default:
				return "", fmt.Errorf("action %q", r.Action)
			}
		}
	}
	return "", nil
}

// packet is what the kernel sees of a flow.
type packet struct {
	src, dst         netip.Addr
	proto            int
	name             string // of a protocol with ports, as members of IP sets spell it
	srcPort, dstPort int32
	icmpType         int32
}

func newPacket(f world.Flow) packet {
	p := packet{src: f.SrcAddr, dst: f.DstAddr, srcPort: int32(f.SrcPort), dstPort: f.Port}
	switch f.Proto {
	case corev1.ProtocolTCP:
		p.proto, p.name = 6, "tcp"
	case corev1.ProtocolUDP:
		p.proto, p.name = 17, "udp"
	case corev1.ProtocolSCTP:
		p.proto, p.name = 132, "sctp"
	case world.GRE:
		p.proto = 47
	case world.ICMP: // an echo request
		p.proto, p.icmpType = 1, 8
		if f.SrcAddr.Is6() {
			p.proto, p.icmpType = 58, 128
		}
	}
	return p
}

// matches asks for everything that a rule holds (felix/rules/policy.go).
func (e *engine) matches(r *proto.Rule, p packet) bool {
	version := proto.IPVersion_IPV6
	if p.src.Is4() {
		version = proto.IPVersion_IPV4
	}
	if r.IpVersion != proto.IPVersion_ANY && r.IpVersion != version {
		return false
	}
	// A rule with nets of the other family only is not made for this one, negated nets included (FilterRuleToIPVersion).
	for _, nets := range [][]string{r.SrcNet, r.NotSrcNet, r.DstNet, r.NotDstNet} {
		if len(nets) > 0 && !slices.ContainsFunc(nets, func(n string) bool { return strings.Contains(n, ":") == p.src.Is6() }) {
			return false
		}
	}
	src, dst := setMember{addr: p.src, proto: p.name, port: p.srcPort}, setMember{addr: p.dst, proto: p.name, port: p.dstPort}
	return (r.Protocol == nil || sameProtocol(r.Protocol, p)) && !(r.NotProtocol != nil && sameProtocol(r.NotProtocol, p)) &&
		icmpMatches(r, p) &&
		(len(r.SrcNet) == 0 || inNets(r.SrcNet, p.src)) && !inNets(r.NotSrcNet, p.src) &&
		(len(r.DstNet) == 0 || inNets(r.DstNet, p.dst)) && !inNets(r.NotDstNet, p.dst) &&
		e.inAll(r.SrcIpSetIds, p.src) && !e.inAny(r.NotSrcIpSetIds, p.src) &&
		e.inAll(r.DstIpSetIds, p.dst) && !e.inAny(r.NotDstIpSetIds, p.dst) &&
		!slices.ContainsFunc(r.DstIpPortSetIds, func(id string) bool { return !e.sets[id].ports[dst] }) &&
		e.portMatches(r.SrcPorts, r.SrcNamedPortIpSetIds, src) && e.portMatches(r.DstPorts, r.DstNamedPortIpSetIds, dst) &&
		!e.onPort(r.NotSrcPorts, r.NotSrcNamedPortIpSetIds, src) && !e.onPort(r.NotDstPorts, r.NotDstNamedPortIpSetIds, dst)
}

func sameProtocol(want *proto.Protocol, p packet) bool {
	if n, ok := want.NumberOrName.(*proto.Protocol_Number); ok {
		return int(n.Number) == p.proto
	}
	return map[string]int{"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132, "udplite": 136}[strings.ToLower(want.GetName())] == p.proto
}

func icmpMatches(r *proto.Rule, p packet) bool {
	icmp := p.proto == 1 || p.proto == 58
	switch want := r.Icmp.(type) {
	case *proto.Rule_IcmpType:
		if !icmp || want.IcmpType != p.icmpType {
			return false
		}
	case *proto.Rule_IcmpTypeCode:
		if !icmp || want.IcmpTypeCode.Type != p.icmpType || want.IcmpTypeCode.Code != 0 {
			return false
		}
	}
	switch not := r.NotIcmp.(type) {
	case *proto.Rule_NotIcmpType:
		return !icmp || not.NotIcmpType != p.icmpType
	case *proto.Rule_NotIcmpTypeCode:
		return !icmp || not.NotIcmpTypeCode.Type != p.icmpType || not.NotIcmpTypeCode.Code != 0
	}
	return true
}

func inNets(nets []string, a netip.Addr) bool {
	return slices.ContainsFunc(nets, func(n string) bool {
		p, err := netip.ParsePrefix(n)
		return err == nil && p.Contains(a)
	})
}

func (e *engine) inAll(ids []string, a netip.Addr) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return !e.sets[id].has(a) })
}

func (e *engine) inAny(ids []string, a netip.Addr) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return e.sets[id].has(a) })
}

func (e *engine) portMatches(ranges []*proto.PortRange, named []string, m setMember) bool {
	return len(ranges) == 0 && len(named) == 0 || e.onPort(ranges, named, m)
}

func (e *engine) onPort(ranges []*proto.PortRange, named []string, m setMember) bool {
	return slices.ContainsFunc(ranges, func(r *proto.PortRange) bool { return r.First <= m.port && m.port <= r.Last }) ||
		slices.ContainsFunc(named, func(id string) bool { return e.sets[id].ports[m] })
}

// members is an IP set: of ranges, or of ports of addresses.
type members struct {
	nets  []netip.Prefix
	ports map[setMember]bool
}

// setMember is a port of an address.
type setMember struct {
	addr  netip.Addr
	proto string
	port  int32
}

func newMembers(list []string) (members, error) {
	m := members{ports: map[setMember]bool{}}
	for _, s := range list {
		addr, port, isPort := strings.Cut(s, ",")
		if !isPort {
			p, err := netip.ParsePrefix(s)
			if err != nil {
				return m, err
			}
			m.nets = append(m.nets, p)
			continue
		}
		name, number, _ := strings.Cut(port, ":")
		a, err := netip.ParseAddr(addr)
		if err != nil {
			return m, err
		}
		n, err := strconv.Atoi(number)
		if err != nil {
			return m, err
		}
		m.ports[setMember{a, name, int32(n)}] = true
	}
	return m, nil
}

func (m members) has(a netip.Addr) bool {
	return slices.ContainsFunc(m.nets, func(p netip.Prefix) bool { return p.Contains(a) })
}
