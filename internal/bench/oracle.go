package bench

import (
	"cmp"
	"net/netip"
	"slices"
)

// Oracle decides packets of a world one at a time, from the words that the world was drawn in: it compares
// strings and addresses, looks at every policy that may bind an end, and remembers nothing. It knows nothing
// of the API objects, nor of the engine.
type Oracle struct {
	world *World
	// bound are the policies that can bind pods of a namespace, by tier and in order.
	bound map[string]*[tiers][]*Policy
	// podsByAddr says whether a network as a peer is also the pods with addresses in it.
	podsByAddr bool
}

// NewOracle is the oracle of w.
func NewOracle(w *World) *Oracle {
	o := &Oracle{world: w, bound: map[string]*[tiers][]*Policy{}, podsByAddr: w.Shape != Cilium}
	for _, ns := range w.Namespaces {
		var by [tiers][]*Policy
		for _, p := range w.Policies {
			if p.Subject.Namespace == "" && matches(p.Subject.Namespaces, ns.Labels) {
				by[p.Tier] = append(by[p.Tier], p)
			}
		}
		o.bound[ns.Name] = &by
	}
	for _, p := range w.Policies {
		if p.Subject.Namespace != "" {
			by := o.bound[p.Subject.Namespace]
			by[p.Tier] = append(by[p.Tier], p)
		}
	}
	for _, by := range o.bound {
		for _, list := range by {
			slices.SortStableFunc(list, func(p, q *Policy) int {
				return cmp.Or(cmp.Compare(p.Priority, q.Priority), cmp.Compare(p.Name, q.Name))
			})
		}
	}
	return o
}

// End is pod number Index of a workload, or an address outside when Workload is nil.
type End struct {
	Workload *Workload
	Index    int
	Addr     netip.Addr
}

// PodEnd is a pod as an end of a packet.
func (w *World) PodEnd(x *Workload, i int) End {
	if x.Host {
		return End{x, i, NodeAddr(x.Node(w, i))}
	}
	return End{x, i, Addr(x.First + i)}
}

// Packet is the first packet of a connection.
type Packet struct {
	Src, Dst End
	Protocol string
	Port     int
}

// Allowed decides p.
func (o *Oracle) Allowed(p Packet) bool {
	s, d := p.Src.Workload, p.Dst.Workload
	if s != nil && d != nil && s.Host && !d.Host && s.Node(o.world, p.Src.Index) == d.Node(o.world, p.Dst.Index) {
		return true // a node reaches its pods
	}
	return o.side(Egress, p.Src, p.Dst, p) && o.side(Ingress, p.Dst, p.Src, p) && o.mesh(p)
}

// side is the network's part at one end.
func (o *Oracle) side(d Direction, subject, peer End, p Packet) bool {
	if subject.Workload == nil || subject.Workload.Host {
		return true
	}
	by := o.bound[subject.Workload.Namespace.Name]
	for tier := range MeshTier {
		switch o.tier(by[tier], d, subject, peer, p) {
		case Allow:
			return true
		case Deny:
			return false
		case Pass:
		}
	}
	return true
}

// tier is what a tier says: Pass when nothing of it decides.
func (o *Oracle) tier(policies []*Policy, d Direction, subject, peer End, p Packet) Action {
	isolated := false
	for _, q := range policies {
		if !o.inGroup(q.Subject, subject) {
			continue
		}
		isolated = isolated || q.Isolates[d]
		for i := range q.Rules {
			if r := &q.Rules[i]; r.Direction == d && o.peers(r.Peers, peer) && o.ports(r.Ports, p) {
				return r.Action
			}
		}
	}
	if isolated {
		return Deny
	}
	return Pass
}

func (o *Oracle) peers(peers []Peer, end End) bool {
	if len(peers) == 0 {
		return true
	}
	for _, x := range peers {
		if x.CIDR == "" {
			if end.Workload != nil && !end.Workload.Host && o.inGroup(x.Group, end) {
				return true
			}
			continue
		}
		if (end.Workload == nil || o.podsByAddr) && netip.MustParsePrefix(x.CIDR).Contains(end.Addr) &&
			!slices.ContainsFunc(x.Except, func(e string) bool { return netip.MustParsePrefix(e).Contains(end.Addr) }) {
			return true
		}
	}
	return false
}

func (o *Oracle) ports(ports []PortRange, p Packet) bool {
	if len(ports) == 0 {
		return true
	}
	for _, x := range ports {
		switch {
		case x.Protocol != p.Protocol:
		case x.Name == "":
			if x.Lo <= p.Port && p.Port <= x.Hi {
				return true
			}
		case p.Dst.Workload != nil && !p.Dst.Workload.Host && slices.Contains(p.Dst.Workload.Ports, Port{x.Name, p.Protocol, p.Port}):
			return true
		}
	}
	return false
}

// inGroup tells whether a pod is meant; no address outside ever is.
func (o *Oracle) inGroup(g Group, end End) bool {
	x := end.Workload
	if x == nil || g.Namespace != "" && g.Namespace != x.Namespace.Name {
		return false
	}
	return (g.Namespace != "" || matches(g.Namespaces, x.Namespace.Labels)) && matches(g.Pods, x.PodLabels(end.Index))
}

func matches(s Selector, labels map[string]string) bool {
	for _, r := range s {
		v, has := labels[r.Key]
		ok := false
		switch r.Op {
		case "In":
			ok = has && slices.Contains(r.Values, v)
		case "NotIn":
			ok = !has || !slices.Contains(r.Values, v)
		case "Exists":
			ok = has
		case "DoesNotExist":
			ok = !has
		}
		if !ok {
			return false
		}
	}
	return true
}

// mesh is what the destination's sidecar says, if it has one: it takes TCP from the mesh only, and then as its
// AuthorizationPolicies allow. UDP and SCTP go around it.
func (o *Oracle) mesh(p Packet) bool {
	d := p.Dst.Workload
	if d == nil || d.Host || !d.Namespace.Mesh || p.Protocol != "TCP" {
		return true
	}
	if s := p.Src.Workload; s == nil || s.Host || !s.Namespace.Mesh {
		return false
	}
	return o.tier(o.bound[d.Namespace.Name][MeshTier], Ingress, p.Dst, p.Src, p) != Deny
}
