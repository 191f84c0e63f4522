package knp

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/network-policy-api/apis/v1alpha1"
	"sigs.k8s.io/network-policy-api/apis/v1alpha2"

	"github.com/bulkhead-sec/bulkhead/oracle/world"
)

// draw is what differs between the two APIs of admin policies.
type draw struct {
	*world.Draw
	old bool // v1alpha1, drawn as v1alpha2 and written as what it was
}

// names are those that the resolver of the engine knows. Bulkhead knows none.
var names = map[string][]string{
	"example.com":   {"8.8.8.8", "10.1.2.3"},
	"*.example.org": {"192.168.7.7", "2001:db8::1"},
}

// policies draws some of both tiers. Priorities are few, so that some are equal.
func (d draw) policies(n int) {
	baseline := d.background()
	n = 1 + d.IntN(n) // often few, so that each decides
	for i := range 1 + d.IntN(n) {
		p := &v1alpha2.ClusterNetworkPolicy{}
		p.APIVersion, p.Kind, p.Name = "policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", fmt.Sprintf("p%d", i)
		p.Spec.Tier, p.Spec.Priority = v1alpha2.AdminTier, world.Pick[int32](d.Draw, 0, 5, 70)
		if d.Often(1, 2) && (!d.old || !baseline) {
			p.Spec.Tier, baseline = v1alpha2.BaselineTier, true
		}
		d.policy(p)
		d.add(p)
	}
}

func (d draw) add(p *v1alpha2.ClusterNetworkPolicy) {
	if d.old {
		d.World.Other = append(d.World.Other, older{p})
	} else {
		d.World.Other = append(d.World.Other, p)
	}
}

// background often denies everything in one direction at the last place of the Baseline tier, so that what
// comes before it decides. It reports whether it took that place.
func (d draw) background() bool {
	if d.Often(1, 2) {
		return false
	}
	p := &v1alpha2.ClusterNetworkPolicy{}
	p.APIVersion, p.Kind, p.Name = "policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", "background"
	p.Spec.Tier, p.Spec.Priority = v1alpha2.BaselineTier, 999
	everyone := &metav1.LabelSelector{}
	p.Spec.Subject.Namespaces = everyone
	if d.old {
		d.policy(p) // there is one object in this tier, so it has other rules, too; they come first
	}
	const deny = v1alpha2.ClusterNetworkPolicyRuleActionDeny
	p.Spec.Subject = v1alpha2.ClusterNetworkPolicySubject{Namespaces: everyone}
	if d.Often(1, 2) {
		p.Spec.Ingress = append(p.Spec.Ingress, v1alpha2.ClusterNetworkPolicyIngressRule{
			Action: deny, From: []v1alpha2.ClusterNetworkPolicyIngressPeer{{Namespaces: everyone}},
		})
	} else {
		p.Spec.Egress = append(p.Spec.Egress, v1alpha2.ClusterNetworkPolicyEgressRule{
			Action: deny, To: []v1alpha2.ClusterNetworkPolicyEgressPeer{{Namespaces: everyone}, {Networks: []v1alpha2.CIDR{"0.0.0.0/0", "::/0"}}},
		})
	}
	d.add(p)
	return true
}

func (d draw) policy(p *v1alpha2.ClusterNetworkPolicy) {
	where := string(p.Spec.Tier)
	s := &p.Spec.Subject
	none := world.Nothing()
	if d.Often(1, 2) {
		s.Namespaces = &metav1.LabelSelector{}
		d.NamespaceSelector("subject namespaces", s.Namespaces)
		world.Note(d.Draw, where+": subject namespaces", &s.Namespaces, &none)
	} else {
		s.Pods = &v1alpha2.NamespacedPod{}
		d.namespacedPod("subject", s.Pods)
		world.Note(d.Draw, where+": subject pods", &s.Pods.PodSelector, none)
	}
	if !d.old || p.Spec.Tier == v1alpha2.AdminTier {
		world.Note(d.Draw, where+": priority", &p.Spec.Priority, 70-p.Spec.Priority)
	}
	if d.Often(3, 4) {
		p.Spec.Ingress = make([]v1alpha2.ClusterNetworkPolicyIngressRule, 1+d.IntN(2), 3) // with room for one more
	}
	if d.Often(3, 4) {
		p.Spec.Egress = make([]v1alpha2.ClusterNetworkPolicyEgressRule, 1+d.IntN(2), 3)
	}
	for i := range p.Spec.Ingress {
		r := &p.Spec.Ingress[i]
		r.Action = d.action(p.Spec.Tier)
		r.From = make([]v1alpha2.ClusterNetworkPolicyIngressPeer, 1+d.IntN(2))
		for j := range r.From {
			r.From[j].Namespaces, r.From[j].Pods = d.pods("peer")
			world.Note(d.Draw, peerName(where+" from", r.From[j].Pods), &r.From[j], v1alpha2.ClusterNetworkPolicyIngressPeer{Namespaces: &none})
		}
		r.Protocols = d.protocols("ingress", true)
		instead := *r
		instead.From = []v1alpha2.ClusterNetworkPolicyIngressPeer{{Namespaces: &none}}
		world.Note(d.Draw, fmt.Sprintf("%s ingress: %s", where, r.Action), r, instead)
	}
	for i := range p.Spec.Egress {
		r := &p.Spec.Egress[i]
		r.Action = d.action(p.Spec.Tier)
		r.To = make([]v1alpha2.ClusterNetworkPolicyEgressPeer, 1+d.IntN(2))
		for j := range r.To {
			d.egressPeer(where, r.Action, p.Spec.Tier, &r.To[j])
		}
		r.Protocols = d.protocols("egress", !slices.ContainsFunc(r.To, notPods))
		instead := *r
		instead.To = []v1alpha2.ClusterNetworkPolicyEgressPeer{{Namespaces: &none}}
		world.Note(d.Draw, fmt.Sprintf("%s egress: %s", where, r.Action), r, instead)
	}
}

func (d draw) action(t v1alpha2.Tier) v1alpha2.ClusterNetworkPolicyRuleAction {
	const accept, deny, pass = v1alpha2.ClusterNetworkPolicyRuleActionAccept, v1alpha2.ClusterNetworkPolicyRuleActionDeny, v1alpha2.ClusterNetworkPolicyRuleActionPass
	if d.old && t == v1alpha2.BaselineTier {
		return world.Pick(d.Draw, accept, deny)
	}
	return world.Pick(d.Draw, accept, deny, deny, pass)
}

func peerName(where string, pods *v1alpha2.NamespacedPod) string {
	if pods != nil {
		return where + ": pods"
	}
	return where + ": namespaces"
}

func (d draw) pods(where string) (*metav1.LabelSelector, *v1alpha2.NamespacedPod) {
	if d.Often(1, 2) {
		s := &metav1.LabelSelector{}
		d.NamespaceSelector(where+" namespaces", s)
		return s, nil
	}
	p := &v1alpha2.NamespacedPod{}
	d.namespacedPod(where, p)
	return nil, p
}

func (d draw) namespacedPod(where string, p *v1alpha2.NamespacedPod) {
	d.NamespaceSelector(where+" namespaceSelector", &p.NamespaceSelector)
	d.Selector(where+" podSelector", &p.PodSelector)
}

func (d draw) egressPeer(where string, a v1alpha2.ClusterNetworkPolicyRuleAction, t v1alpha2.Tier, p *v1alpha2.ClusterNetworkPolicyEgressPeer) {
	none := world.Nothing()
	instead := v1alpha2.ClusterNetworkPolicyEgressPeer{Namespaces: &none}
	n := d.IntN(12)
	switch {
	case n < 4:
		cidr := d.CIDR()
		p.Networks = []v1alpha2.CIDR{v1alpha2.CIDR(cidr)}
		if other := d.CIDR(); other != cidr && d.Often(1, 3) {
			p.Networks = append(p.Networks, v1alpha2.CIDR(other))
		}
		world.Note(d.Draw, where+" to: networks", p, instead)
	case n < 6 && !d.old: // in v1alpha1 the engine takes the pods of a node for the node
		p.Nodes = &metav1.LabelSelector{}
		d.Selector("nodes", p.Nodes)
		world.Note(d.Draw, where+" to: nodes", p, instead)
	case n <= 7 && a == v1alpha2.ClusterNetworkPolicyRuleActionAccept && (!d.old || t == v1alpha2.AdminTier):
		p.DomainNames = []v1alpha2.DomainName{world.Pick[v1alpha2.DomainName](d.Draw, "example.com", "*.example.org")}
		world.Note(d.Draw, where+" to: domainNames", p, instead)
	default:
		p.Namespaces, p.Pods = d.pods("peer")
		world.Note(d.Draw, peerName(where+" to", p.Pods), p, instead)
	}
}

// notPods tells whether a peer is one that the API forbids together with named ports.
func notPods(p v1alpha2.ClusterNetworkPolicyEgressPeer) bool {
	return p.Namespaces == nil && p.Pods == nil
}

func (d draw) protocols(where string, named bool) []v1alpha2.ClusterNetworkPolicyProtocol {
	if d.Often(1, 3) {
		return nil
	}
	out := make([]v1alpha2.ClusterNetworkPolicyProtocol, 1+d.IntN(2))
	for i := range out {
		p := &out[i]
		never := v1alpha2.ClusterNetworkPolicyProtocol{TCP: &v1alpha2.ClusterNetworkPolicyProtocolTCP{DestinationPort: &v1alpha2.Port{Number: 9}}}
		if named && !d.old && d.Often(1, 3) { // in v1alpha1 the engine asks for the name only, not for the port
			p.DestinationNamedPort = d.PortName()
			world.Note(d.Draw, where+": named port", p, never)
			continue
		}
		port, what := &v1alpha2.Port{Number: d.Port()}, "number"
		if d.Often(1, 2) {
			a, b := d.Port(), d.Port()
			if a != b {
				port, what = &v1alpha2.Port{Range: &v1alpha2.PortRange{Start: min(a, b), End: max(a, b)}}, "range"
			}
		}
		switch d.IntN(4) {
		case 0:
			p.UDP = &v1alpha2.ClusterNetworkPolicyProtocolUDP{DestinationPort: port}
		case 1:
			p.SCTP = &v1alpha2.ClusterNetworkPolicyProtocolSCTP{DestinationPort: port}
		default:
			p.TCP = &v1alpha2.ClusterNetworkPolicyProtocolTCP{DestinationPort: port}
		}
		world.Note(d.Draw, where+": port "+what, p, never)
	}
	return out
}

// older is a policy of v1alpha1.
type older struct{ *v1alpha2.ClusterNetworkPolicy }

// Object is the AdminNetworkPolicy or BaselineAdminNetworkPolicy that says the same.
func (o older) Object() any {
	if o.Spec.Tier == v1alpha2.BaselineTier {
		return o.baseline()
	}
	return o.admin()
}

func (o older) admin() *v1alpha1.AdminNetworkPolicy {
	out := &v1alpha1.AdminNetworkPolicy{}
	out.APIVersion, out.Kind, out.Name = "policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy", o.Name
	out.Spec.Priority = o.Spec.Priority
	out.Spec.Subject = v1alpha1.AdminNetworkPolicySubject{Namespaces: o.Spec.Subject.Namespaces, Pods: (*v1alpha1.NamespacedPod)(o.Spec.Subject.Pods)}
	for _, r := range o.Spec.Ingress {
		n := v1alpha1.AdminNetworkPolicyIngressRule{Action: v1alpha1.AdminNetworkPolicyRuleAction(oldAction(r.Action)), Ports: oldPorts(r.Protocols)}
		for _, p := range r.From {
			n.From = append(n.From, v1alpha1.AdminNetworkPolicyIngressPeer{Namespaces: p.Namespaces, Pods: (*v1alpha1.NamespacedPod)(p.Pods)})
		}
		out.Spec.Ingress = append(out.Spec.Ingress, n)
	}
	for _, r := range o.Spec.Egress {
		n := v1alpha1.AdminNetworkPolicyEgressRule{Action: v1alpha1.AdminNetworkPolicyRuleAction(oldAction(r.Action)), Ports: oldPorts(r.Protocols)}
		for _, p := range r.To {
			peer := v1alpha1.AdminNetworkPolicyEgressPeer{Namespaces: p.Namespaces, Pods: (*v1alpha1.NamespacedPod)(p.Pods), Networks: oldNetworks(p.Networks)}
			for _, name := range p.DomainNames {
				peer.DomainNames = append(peer.DomainNames, v1alpha1.DomainName(name))
			}
			n.To = append(n.To, peer)
		}
		out.Spec.Egress = append(out.Spec.Egress, n)
	}
	return out
}

func (o older) baseline() *v1alpha1.BaselineAdminNetworkPolicy {
	out := &v1alpha1.BaselineAdminNetworkPolicy{}
	out.APIVersion, out.Kind, out.Name = "policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy", "default"
	out.Spec.Subject = v1alpha1.AdminNetworkPolicySubject{Namespaces: o.Spec.Subject.Namespaces, Pods: (*v1alpha1.NamespacedPod)(o.Spec.Subject.Pods)}
	for _, r := range o.Spec.Ingress {
		n := v1alpha1.BaselineAdminNetworkPolicyIngressRule{Action: v1alpha1.BaselineAdminNetworkPolicyRuleAction(oldAction(r.Action)), Ports: oldPorts(r.Protocols)}
		for _, p := range r.From {
			n.From = append(n.From, v1alpha1.AdminNetworkPolicyIngressPeer{Namespaces: p.Namespaces, Pods: (*v1alpha1.NamespacedPod)(p.Pods)})
		}
		out.Spec.Ingress = append(out.Spec.Ingress, n)
	}
	for _, r := range o.Spec.Egress {
		n := v1alpha1.BaselineAdminNetworkPolicyEgressRule{Action: v1alpha1.BaselineAdminNetworkPolicyRuleAction(oldAction(r.Action)), Ports: oldPorts(r.Protocols)}
		for _, p := range r.To {
			n.To = append(n.To, v1alpha1.BaselineAdminNetworkPolicyEgressPeer{Namespaces: p.Namespaces, Pods: (*v1alpha1.NamespacedPod)(p.Pods), Networks: oldNetworks(p.Networks)})
		}
		out.Spec.Egress = append(out.Spec.Egress, n)
	}
	return out
}

func oldAction(a v1alpha2.ClusterNetworkPolicyRuleAction) string {
	if a == v1alpha2.ClusterNetworkPolicyRuleActionAccept {
		return "Allow"
	}
	return string(a)
}

func oldNetworks(in []v1alpha2.CIDR) []v1alpha1.CIDR {
	var out []v1alpha1.CIDR
	for _, c := range in {
		out = append(out, v1alpha1.CIDR(c))
	}
	return out
}

func oldPorts(in []v1alpha2.ClusterNetworkPolicyProtocol) *[]v1alpha1.AdminNetworkPolicyPort {
	if in == nil {
		return nil
	}
	out := []v1alpha1.AdminNetworkPolicyPort{}
	add := func(proto corev1.Protocol, p *v1alpha2.Port) {
		if p.Range != nil {
			out = append(out, v1alpha1.AdminNetworkPolicyPort{PortRange: &v1alpha1.PortRange{Protocol: proto, Start: p.Range.Start, End: p.Range.End}})
			return
		}
		out = append(out, v1alpha1.AdminNetworkPolicyPort{PortNumber: &v1alpha1.Port{Protocol: proto, Port: p.Number}})
	}
	for _, p := range in {
		switch {
		case p.TCP != nil:
			add(corev1.ProtocolTCP, p.TCP.DestinationPort)
		case p.UDP != nil:
			add(corev1.ProtocolUDP, p.UDP.DestinationPort)
		case p.SCTP != nil:
			add(corev1.ProtocolSCTP, p.SCTP.DestinationPort)
		}
	}
	return &out
}

// DrawClusterNetworkPolicies adds policies of v1alpha2, some of which tie.
func DrawClusterNetworkPolicies(d *world.Draw) { draw{d, false}.policies(5) }

// DrawAdminNetworkPolicies adds policies of v1alpha1, without the node peers and named ports that the engine
// misreads there.
func DrawAdminNetworkPolicies(d *world.Draw) { draw{d, true}.policies(5) }
