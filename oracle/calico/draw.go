package calico

import (
	"fmt"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-sec/bulkhead/oracle/world"
)

// Draw adds network sets and policies, up to n of those.
func Draw(d *world.Draw, n int) {
	c := draw{d}
	c.sets()
	for i := range 1 + d.IntN(n) {
		c.policy(fmt.Sprintf("p%d", i))
	}
}

func meta(kind, namespace, name string) (metav1.TypeMeta, metav1.ObjectMeta) {
	return metav1.TypeMeta{APIVersion: "projectcalico.org/v3", Kind: kind}, metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func (d draw) sets() {
	for i := range d.IntN(3) {
		nets := []string{d.CIDR(), d.CIDR()}
		if d.Often(1, 2) {
			s := &v3.GlobalNetworkSet{}
			s.TypeMeta, s.ObjectMeta = meta(v3.KindGlobalNetworkSet, "", fmt.Sprintf("set%d", i))
			s.Labels, s.Spec.Nets = d.Labels(), nets
			world.Note(d.Draw, "GlobalNetworkSet", &s.Spec.Nets, nil)
			d.World.Other = append(d.World.Other, s)
			continue
		}
		s := &v3.NetworkSet{}
		s.TypeMeta, s.ObjectMeta = meta(v3.KindNetworkSet, d.Namespace(), fmt.Sprintf("set%d", i))
		s.Labels, s.Spec.Nets = d.Labels(), nets
		world.Note(d.Draw, "NetworkSet", &s.Spec.Nets, nil)
		d.World.Other = append(d.World.Other, s)
	}
}

func (d draw) policy(name string) {
	if d.Often(1, 2) {
		p := &v3.NetworkPolicy{}
		p.TypeMeta, p.ObjectMeta = meta(v3.KindNetworkPolicy, d.Namespace(), name)
		s := &p.Spec
		d.order("NetworkPolicy", &s.Order)
		d.subject("NetworkPolicy", &s.Selector, &s.ServiceAccountSelector)
		d.directions("NetworkPolicy", &s.Ingress, &s.Egress, &s.Types)
		d.World.Other = append(d.World.Other, p)
		return
	}
	p := &v3.GlobalNetworkPolicy{}
	p.TypeMeta, p.ObjectMeta = meta(v3.KindGlobalNetworkPolicy, "", name)
	s := &p.Spec
	d.order("GlobalNetworkPolicy", &s.Order)
	d.subject("GlobalNetworkPolicy", &s.Selector, &s.ServiceAccountSelector)
	if d.Often(1, 3) {
		d.labelSelector("GlobalNetworkPolicy namespaceSelector", &s.NamespaceSelector)
	}
	d.directions("GlobalNetworkPolicy", &s.Ingress, &s.Egress, &s.Types)
	s.ApplyOnForward = d.Often(1, 10)
	d.World.Other = append(d.World.Other, p)
}

// order is before, at, or after that of a Kubernetes NetworkPolicy, or last.
func (d draw) order(kind string, o **float64) {
	const kubernetes = 1000
	if d.Often(1, 6) {
		first := 1.0
		world.Note(d.Draw, kind+" without order", o, &first)
		return
	}
	n := world.Pick(d.Draw, 10, 20.5, 300, kubernetes, 2000)
	*o = &n
	world.Note(d.Draw, kind+" with order", o, nil)
}

func (d draw) subject(kind string, selector, account *string) {
	if d.Often(2, 3) {
		d.selector(kind+" selector", selector)
	}
	if d.Often(1, 5) {
		d.labelSelector(kind+" serviceAccountSelector", account)
	}
}

func (d draw) directions(kind string, in, out *[]v3.Rule, types *[]v3.PolicyType) {
	const i, e = v3.PolicyTypeIngress, v3.PolicyTypeEgress
	if d.Often(2, 3) {
		*in = d.rules("ingress")
	}
	if d.Often(2, 3) {
		*out = d.rules("egress")
	}
	switch d.IntN(5) {
	case 0:
		*types = []v3.PolicyType{i}
		world.Note(d.Draw, kind+" types [Ingress]", types, []v3.PolicyType{i, e})
	case 1:
		*types = []v3.PolicyType{e}
		world.Note(d.Draw, kind+" types [Egress]", types, []v3.PolicyType{i, e})
	case 2:
		*types = []v3.PolicyType{i, e}
		world.Note(d.Draw, kind+" types [Ingress, Egress]", types, []v3.PolicyType{i})
	default:
		switch {
		case *in == nil && *out == nil:
			world.Note(d.Draw, kind+" types absent, no rules", types, []v3.PolicyType{i, e})
		case *in == nil:
			world.Note(d.Draw, kind+" types absent, egress rules only", types, []v3.PolicyType{i, e})
		case *out == nil:
			world.Note(d.Draw, kind+" types absent, ingress rules only", types, []v3.PolicyType{i, e})
		default:
			world.Note(d.Draw, kind+" types absent, both rules", types, []v3.PolicyType{i})
		}
	}
}

func (d draw) rules(where string) []v3.Rule {
	out := make([]v3.Rule, 1+d.IntN(3))
	for i := range out {
		d.rule(where, &out[i])
	}
	return out
}

func (d draw) rule(where string, r *v3.Rule) {
	r.Action = world.Pick(d.Draw, v3.Allow, v3.Allow, v3.Deny, v3.Deny, v3.Pass, v3.Log)
	if r.Action == v3.Log {
		world.Note(d.Draw, where+" Log", &r.Action, v3.Deny)
	} else {
		world.Note(d.Draw, where+" "+string(r.Action), r, v3.Rule{Action: r.Action, Source: v3.EntityRule{Selector: nobody}})
	}
	family := d.IntN(3) // nets are of one family in a rule; 2: of none
	if d.Often(1, 8) && family < 2 {
		v := [2]int{4, 6}[family]
		r.IPVersion = &v
		world.Note(d.Draw, where+" ipVersion", &r.IPVersion, nil)
	}
	hasPorts := d.protocols(where, r)
	peer, own := &r.Source, &r.Destination
	if where == "egress" {
		peer, own = own, peer
	}
	if d.Often(4, 5) {
		d.entity(where+" peer", peer, family)
	}
	if d.Often(1, 8) {
		d.entity("own side", own, family)
	}
	if hasPorts {
		if d.Often(2, 3) {
			d.ports(where+" ports", &r.Destination.Ports)
		}
		if d.Often(1, 4) {
			d.ports(where+" notPorts", &r.Destination.NotPorts)
		}
		if d.Often(1, 15) { // no packet comes from a port that is drawn
			r.Source.Ports = []numorstring.Port{numorstring.SinglePort(uint16(d.Port())), numorstring.NamedPort(d.PortName())}
			world.Note(d.Draw, where+" ports of the source", &r.Source.Ports, nil)
		}
	}
}

// protocols tells whether the rule may have ports.
func (d draw) protocols(where string, r *v3.Rule) bool {
	protocol := func(p numorstring.Protocol) *numorstring.Protocol { return &p }
	name := numorstring.ProtocolFromString
	udp := protocol(name("UDP"))
	switch d.IntN(12) {
	case 0, 1, 2:
		r.Protocol = protocol(name("TCP"))
		world.Note(d.Draw, where+" protocol by name", &r.Protocol, udp)
	case 3:
		r.Protocol = protocol(name(world.Pick(d.Draw, "UDP", "SCTP")))
		world.Note(d.Draw, where+" protocol by name", &r.Protocol, protocol(name("TCP")))
	case 4:
		r.Protocol = protocol(numorstring.ProtocolFromInt(world.Pick[uint8](d.Draw, 6, 17)))
		world.Note(d.Draw, where+" protocol by number", &r.Protocol, protocol(name("SCTP")))
	case 5:
		if r.IPVersion != nil {
			return false
		}
		r.Protocol = protocol(name(world.Pick(d.Draw, "ICMP", "ICMPv6")))
		if d.Often(1, 3) {
			kind := world.Pick(d.Draw, 8, 128, 3)
			r.ICMP = &v3.ICMPFields{Type: &kind}
			world.Note(d.Draw, where+" icmp type", &r.ICMP, nil)
		} else {
			world.Note(d.Draw, where+" protocol ICMP", &r.Protocol, udp)
		}
		return false
	case 6:
		r.Protocol = protocol(numorstring.ProtocolFromInt(world.Pick[uint8](d.Draw, 47, 50)))
		world.Note(d.Draw, where+" protocol by rare number", &r.Protocol, udp)
		return false
	case 7:
		p := name(world.Pick(d.Draw, "TCP", "UDP", "SCTP", "ICMP", "ICMPv6"))
		if r.IPVersion != nil && strings.HasPrefix(p.String(), "ICMP") {
			return false
		}
		r.NotProtocol = &p
		world.Note(d.Draw, where+" notProtocol", &r.NotProtocol, nil)
		return false
	case 8:
		r.NotProtocol = protocol(numorstring.ProtocolFromInt(world.Pick[uint8](d.Draw, 6, 47)))
		world.Note(d.Draw, where+" notProtocol by number", &r.NotProtocol, nil)
		return false
	default:
		world.Note(d.Draw, where+" rule of any protocol", &r.Protocol, udp)
		return false
	}
	return true
}

func (d draw) entity(where string, e *v3.EntityRule, family int) {
	if d.Often(1, 2) {
		d.selector(where+" selector", &e.Selector)
	}
	if d.Often(1, 5) {
		d.selector(where+" notSelector", &e.NotSelector)
	}
	if d.Often(1, 4) {
		d.namespaceSelector(where+" namespaceSelector", &e.NamespaceSelector)
	}
	if d.Often(1, 6) {
		e.ServiceAccounts = &v3.ServiceAccountMatch{}
		if d.Often(1, 2) {
			e.ServiceAccounts.Names = []string{fmt.Sprintf("sa%d", d.IntN(2))}
			world.Note(d.Draw, where+" serviceAccounts names", &e.ServiceAccounts, nil)
		} else {
			d.labelSelector(where+" serviceAccounts selector", &e.ServiceAccounts.Selector)
		}
	}
	if family == 2 {
		return
	}
	if d.Often(1, 3) {
		e.Nets = d.nets(family)
		world.Note(d.Draw, where+" nets", &e.Nets, []string{[]string{"192.0.2.1/32", "2001:db8:1::1/128"}[family]})
	}
	if d.Often(1, 4) {
		e.NotNets = d.nets(family)
		world.Note(d.Draw, where+" notNets", &e.NotNets, nil)
	}
}

func (d draw) nets(family int) []string {
	var out []string
	for len(out) < 1+d.IntN(2) {
		if n := d.CIDR(); strings.Contains(n, ":") == (family == 1) {
			out = append(out, n)
		}
	}
	return out
}

func (d draw) ports(where string, list *[]numorstring.Port) {
	out := make([]numorstring.Port, 1+d.IntN(2))
	*list = out
	for i := range out {
		nine := numorstring.SinglePort(9)
		switch d.IntN(3) {
		case 0:
			out[i] = numorstring.NamedPort(d.PortName())
			world.Note(d.Draw, where+": named", &out[i], nine)
		case 1:
			a, b := uint16(d.Port()), uint16(d.Port())
			p, err := numorstring.PortFromRange(min(a, b), max(a, b))
			if err != nil {
				p = nine
			}
			out[i] = p
			world.Note(d.Draw, where+": range", &out[i], nine)
		default:
			out[i] = numorstring.SinglePort(uint16(d.Port()))
			world.Note(d.Draw, where+": number", &out[i], nine)
		}
	}
}
