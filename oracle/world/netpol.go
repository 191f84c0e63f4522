package world

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// blocks are the ranges that policies name, with ranges inside them.
var blocks = []struct {
	cidr   string
	inside []string
}{
	{"0.0.0.0/0", []string{"10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/16", "0.0.0.0/1", "172.18.0.0/24"}},
	{"0.0.0.0/1", []string{"10.0.0.0/8"}},
	{"128.0.0.0/1", []string{"192.168.0.0/16"}},
	{"10.0.0.0/8", []string{"10.1.0.0/16", "10.1.2.3/32"}},
	{"10.1.0.0/16", []string{"10.1.2.0/24", "10.1.2.4/31"}},
	{"10.1.2.0/24", []string{"10.1.2.3/32", "10.1.2.4/30"}},
	{"10.1.2.4/32", nil},
	{"172.18.0.0/16", []string{"172.18.0.2/32"}},
	{"192.168.0.0/16", []string{"192.168.7.0/24"}},
	{"::/0", []string{"fd00::/8", "2000::/3", "fd00:1::/32"}},
	{"fd00::/8", []string{"fd00:1::/32", "fd00:18::/32"}},
	{"fd00:1::/32", []string{"fd00:1::4/126"}},
	{"fd00:1::3/128", nil},
	{"2000::/3", []string{"2001:db8::/32"}},
}

// outside are addresses that no pod and no node has.
var outside = []string{"10.1.3.3", "10.9.9.9", "192.168.7.7", "192.168.8.8", "8.8.8.8", "200.1.1.1", "fd00:1::1:3", "fd00:2::1:1", "2001:db8::1", "2600::1"}

// CIDR is one of the vocabulary's ranges.
func (d *Draw) CIDR() string { return blocks[d.IntN(len(blocks))].cidr }

// Block is a range, and ranges inside it that are often none.
func (d *Draw) Block() (cidr string, except []string) {
	b := blocks[d.IntN(len(blocks))]
	for _, e := range b.inside {
		if d.Often(1, 3) {
			except = append(except, e)
		}
	}
	return b.cidr, except
}

// NetworkPolicies draws up to n of them.
func (d *Draw) NetworkPolicies(n int) {
	n = d.IntN(n + 1) // often few, so that each decides
	for i := range d.IntN(n + 1) {
		p := &networkingv1.NetworkPolicy{}
		p.TypeMeta, p.ObjectMeta = named("networking.k8s.io/v1", "NetworkPolicy", d.Namespace(), fmt.Sprintf("np%d", i))
		d.networkPolicy(p)
		at := len(d.World.Policies)
		d.World.Policies = append(d.World.Policies, p)
		d.World.Spelling = append(d.World.Spelling, Pick(d, Absent, Absent, Null, Brackets))
		if p.Spec.Ingress == nil && p.Spec.Egress == nil {
			Note(d, "policy without rules", &p.Spec.PodSelector, Nothing())
		}
		if s := d.World.Spelling[at]; s != Absent {
			// The spelling decides when the policy does: it must mean what the absent list means.
			Note(d, s.String(), &p.Spec.PodSelector, Nothing())
		}
	}
}

// Isolate often isolates every pod in one direction, so that what allows something decides.
func (d *Draw) Isolate() {
	types := [][]networkingv1.PolicyType{nil, {networkingv1.PolicyTypeIngress}, {networkingv1.PolicyTypeEgress}}[d.IntN(3)]
	if types == nil {
		return
	}
	for i := range namespaces {
		p := &networkingv1.NetworkPolicy{}
		p.TypeMeta, p.ObjectMeta = named("networking.k8s.io/v1", "NetworkPolicy", fmt.Sprintf("ns%d", i), "background")
		p.Spec.PolicyTypes = types
		d.World.Policies = append(d.World.Policies, p)
		d.World.Spelling = append(d.World.Spelling, Absent)
	}
}

func (d *Draw) networkPolicy(p *networkingv1.NetworkPolicy) {
	const in, out = networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress
	d.Selector("subject", &p.Spec.PodSelector)
	if d.Often(2, 3) {
		p.Spec.Ingress = make([]networkingv1.NetworkPolicyIngressRule, 1+d.IntN(2))
	}
	if d.Often(2, 3) {
		p.Spec.Egress = make([]networkingv1.NetworkPolicyEgressRule, 1+d.IntN(2))
	}
	for i := range p.Spec.Ingress {
		r := &p.Spec.Ingress[i]
		r.From, r.Ports = d.peers("from"), d.ports("ingress")
		Note(d, emptiness("ingress", len(r.From), len(r.Ports)), r, networkingv1.NetworkPolicyIngressRule{From: nobody()})
	}
	for i := range p.Spec.Egress {
		r := &p.Spec.Egress[i]
		r.To, r.Ports = d.peers("to"), d.ports("egress")
		Note(d, emptiness("egress", len(r.To), len(r.Ports)), r, networkingv1.NetworkPolicyEgressRule{To: nobody()})
	}
	both := []networkingv1.PolicyType{in, out}
	switch d.IntN(5) {
	case 0:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{in}
		Note(d, "policyTypes [Ingress]", &p.Spec.PolicyTypes, both)
		if p.Spec.Egress != nil {
			Note(d, "egress rules without the type Egress", &p.Spec.PolicyTypes, both)
		}
	case 1:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{out}
		Note(d, "policyTypes [Egress]", &p.Spec.PolicyTypes, both)
		if p.Spec.Ingress != nil {
			Note(d, "ingress rules without the type Ingress", &p.Spec.PolicyTypes, both)
		}
	case 2:
		p.Spec.PolicyTypes = both
		Note(d, "policyTypes [Ingress, Egress]", &p.Spec.PolicyTypes, []networkingv1.PolicyType{in})
	default:
		if p.Spec.Egress == nil {
			Note(d, "policyTypes absent, no egress rules", &p.Spec.PolicyTypes, both)
		} else {
			Note(d, "policyTypes absent, egress rules", &p.Spec.PolicyTypes, []networkingv1.PolicyType{in})
		}
	}
}

// emptiness names what a rule leaves out.
func emptiness(where string, peers, ports int) string {
	switch {
	case peers == 0 && ports == 0:
		return where + ": rule {}"
	case peers == 0:
		return where + ": rule without peers"
	case ports == 0:
		return where + ": rule without ports"
	}
	return where + ": rule with peers and ports"
}

// nobody is a peer list that no packet matches.
func nobody() []networkingv1.NetworkPolicyPeer {
	s := Nothing()
	return []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &s}}
}

func (d *Draw) peers(where string) []networkingv1.NetworkPolicyPeer {
	if d.Often(1, 6) {
		return nil
	}
	out := make([]networkingv1.NetworkPolicyPeer, 1+d.IntN(2))
	for i := range out {
		d.peer(where, &out[i])
	}
	return out
}

func (d *Draw) peer(where string, p *networkingv1.NetworkPolicyPeer) {
	nothing := nobody()[0]
	switch d.IntN(4) {
	case 0:
		b := &networkingv1.IPBlock{}
		b.CIDR, b.Except = d.Block()
		p.IPBlock = b
		Note(d, where+": ipBlock", p, nothing)
		if b.Except != nil {
			Note(d, where+": ipBlock except", &b.Except, nil)
		}
	case 1:
		p.PodSelector = &metav1.LabelSelector{}
		d.Selector(where+" podSelector", p.PodSelector)
		Note(d, where+": podSelector alone", p, nothing)
	case 2:
		p.NamespaceSelector = &metav1.LabelSelector{}
		d.NamespaceSelector(where+" namespaceSelector", p.NamespaceSelector)
		Note(d, where+": namespaceSelector alone", p, nothing)
	default:
		p.PodSelector, p.NamespaceSelector = &metav1.LabelSelector{}, &metav1.LabelSelector{}
		d.Selector(where+" podSelector", p.PodSelector)
		d.NamespaceSelector(where+" namespaceSelector", p.NamespaceSelector)
		Note(d, where+": podSelector and namespaceSelector", p, nothing)
	}
}

func (d *Draw) ports(where string) []networkingv1.NetworkPolicyPort {
	if d.Often(1, 4) {
		return nil
	}
	out := make([]networkingv1.NetworkPolicyPort, 1+d.IntN(2))
	for i := range out {
		d.port(where, &out[i])
	}
	return out
}

func (d *Draw) port(where string, p *networkingv1.NetworkPolicyPort) {
	// Something else that matches nothing: no packet has port 9.
	nine, tcp := intstr.FromInt32(9), corev1.ProtocolTCP
	never := networkingv1.NetworkPolicyPort{Protocol: &tcp, Port: &nine}
	if d.Often(1, 2) {
		proto := Pick(d, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
		p.Protocol = &proto
		if proto == corev1.ProtocolSCTP {
			Note(d, where+": SCTP", p, never)
		}
	} else {
		udp := corev1.ProtocolUDP
		Note(d, where+": port without protocol", &p.Protocol, &udp)
	}
	switch d.IntN(4) {
	case 0:
		what := ": protocol without port"
		if p.Protocol == nil {
			what = ": ports [{}]"
		}
		Note(d, where+what, p, never)
	case 1:
		n := intstr.FromString(d.PortName())
		p.Port = &n
		Note(d, where+": named port", p, never)
	case 2:
		lo, hi := d.Port(), d.Port()
		n, end := intstr.FromInt32(min(lo, hi)), max(lo, hi)
		p.Port, p.EndPort = &n, &end
		what := ": endPort"
		if lo == hi {
			what = ": endPort equal to port"
			Note(d, where+what, p, never)
			return
		}
		Note(d, where+what, &p.EndPort, nil)
	default:
		n := intstr.FromInt32(d.Port())
		p.Port = &n
		Note(d, where+": port number", p, never)
	}
}
