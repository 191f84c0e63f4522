package calico

import (
	"net/netip"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// target is peers with the ports that a services match gives them.
type target struct {
	peers  []policy.Peer
	conns  netset.Conns
	named  []policy.NamedPort
	doubts []policy.Doubt // of the ports
}

// services is the endpoints of a Service: with their ports in an egress rule, and without in an ingress rule.
// Felix reads them from EndpointSlices (felix/serviceindex), whether ready or not.
func (c *compiler) services(e *entity, d policy.Direction) []target {
	doubtful := func(doubt policy.Doubt) []target {
		return []target{{peers: []policy.Peer{{Kind: policy.DoubtPeer, Pos: e.pos, Doubt: &doubt}}, conns: netset.All()}}
	}
	path := e.path + ".services"
	name, _ := c.Text(e.services.Get("name"), path+".name")
	namespace, _ := c.Text(e.services.Get("namespace"), path+".namespace")
	if name == "" {
		c.Refused(e.services, "Calico refuses the object", "%s.name is missing", path)
	}
	if d == policy.Egress && (given(e.value.Get("ports")) || given(e.value.Get("notPorts"))) {
		c.Refused(e.services, "Calico refuses the object; the ports of the Service count", "%s together with ports", path)
	}
	if namespace == "" {
		if namespace = c.namespace; namespace == "" {
			c.Refused(e.services, "Calico refuses the object", "%s.namespace is missing in a global policy", path)
		}
	}
	if len(e.doubts) > 0 {
		return doubtful(e.doubts[0])
	}
	var out []target
	found := false
	for _, s := range c.cluster.Services {
		if s.Ref.Name != name || s.Ref.Namespace != namespace {
			continue
		}
		if found = true; s.Selector != nil && s.Type != "ExternalName" {
			out = append(out, c.bySelector(s, e, d))
		}
	}
	bySlices, any := c.bySlices(namespace, name, e, d, found)
	out = append(out, bySlices...)
	switch {
	case found || any:
		return out
	case c.cluster.Complete:
		c.Warn(e.services, "correct the name, or add the Service", "%s: there is no Service %s/%s, so the rule matches nothing", path, namespace, name)
		return nil
	}
	return doubtful(c.Unclear(e.services, "%s: Service %s/%s is not in the input", path, namespace, name))
}

// bySelector is the pods that a Service selects. Nodes speak for their host-network pods.
func (c *compiler) bySelector(s *cluster.Service, e *entity, d policy.Direction) target {
	t := target{conns: netset.All()}
	t.peers = append(t.peers, policy.Peer{Kind: policy.PodPeer, Term: policy.Term{Namespace: s.Ref.Namespace, Pods: cluster.MatchLabels(s.Selector)}, Pos: e.pos})
	var hosts netset.Addrs
	for _, p := range s.Pods {
		switch {
		case !p.HostNetwork:
		case len(p.IPs) == 0:
			d := policy.Doubt{Pos: e.pos, Ref: c.Object.Ref, Msg: "behind " + s.Ref.String() + " are host-network pods of nodes that are not known"}
			t.peers = append(t.peers, policy.Peer{Kind: policy.NodePeer, Pos: e.pos, Doubt: &d})
		default:
			for _, a := range p.IPs {
				hosts = hosts.Union(netset.OneAddr(a))
			}
		}
	}
	if !hosts.IsEmpty() {
		t.peers = append(t.peers, policy.Peer{Kind: policy.AddrPeer, Addrs: hosts, Reach: policy.Everywhere, Pos: e.pos})
	}
	if d == policy.Ingress {
		return t
	}
	t.conns = netset.None()
	for _, p := range s.Ports {
		if p.TargetName == "" {
			t.conns = t.conns.Union(netset.Ports(p.Protocol, p.TargetNumber, p.TargetNumber))
			continue
		}
		t.named = append(t.named, policy.NamedPort{Protocol: p.Protocol, Name: p.TargetName, Pos: e.pos})
		if !hosts.IsEmpty() {
			t.doubts = append(t.doubts, policy.Doubt{Pos: e.pos, Ref: c.Object.Ref, Msg: "behind " + s.Ref.String() + " are host-network pods, whose ports are not resolved by name"})
		}
	}
	if len(s.Ports) != len(s.Object.Root.Get("spec", "ports").List()) {
		t.doubts = append(t.doubts, policy.Doubt{Pos: s.Object.Pos, Ref: s.Ref, Msg: "a port of the Service is not understood"})
	}
	return t
}

// bySlices is the endpoints that EndpointSlices list, apart from those that Kubernetes keeps for a selector, and
// those that Endpoints list for a Service without one.
func (c *compiler) bySlices(namespace, name string, e *entity, d policy.Direction, hasService bool) (out []target, found bool) {
	bySelector := false
	for _, s := range c.cluster.Services {
		bySelector = bySelector || s.Ref.Name == name && s.Ref.Namespace == namespace && s.Selector != nil
	}
	add := func(addrs netset.Addrs, ports []*object.Value) {
		t := target{conns: netset.All(), peers: []policy.Peer{{Kind: policy.AddrPeer, Addrs: addrs, Reach: policy.Everywhere, Pos: e.pos}}}
		if d == policy.Egress {
			t.conns = slicePorts(ports)
		}
		if found = true; !addrs.IsEmpty() {
			out = append(out, t)
		}
	}
	for _, o := range c.cluster.Kind("discovery.k8s.io", "EndpointSlice") {
		meta := o.Root.Get("metadata", "labels").Strings()
		if o.Ref.Namespace != namespace || meta["kubernetes.io/service-name"] != name ||
			bySelector && meta["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io" {
			continue
		}
		var addrs netset.Addrs
		for _, ep := range o.Root.Get("endpoints").List() {
			for _, a := range ep.Get("addresses").List() {
				addrs = addrs.Union(oneAddr(a))
			}
		}
		add(addrs, o.Root.Get("ports").List())
	}
	for _, o := range c.cluster.Kind("", "Endpoints") {
		if o.Ref.Namespace != namespace || o.Ref.Name != name || bySelector || !hasService {
			continue
		}
		for _, sub := range o.Root.Get("subsets").List() {
			var addrs netset.Addrs
			for _, list := range [...]string{"addresses", "notReadyAddresses"} {
				for _, a := range sub.Get(list).List() {
					addrs = addrs.Union(oneAddr(a.Get("ip")))
				}
			}
			add(addrs, sub.Get("ports").List())
		}
	}
	return out, found
}

func oneAddr(v *object.Value) netset.Addrs {
	a, err := netip.ParseAddr(v.Str())
	if err != nil {
		return netset.Addrs{}
	}
	return netset.OneAddr(a.Unmap())
}

// slicePorts is the ports of an EndpointSlice. One without a number means none to Felix.
func slicePorts(ports []*object.Value) netset.Conns {
	var all netset.Conns
	for _, p := range ports {
		n, _ := p.Get("port").Int()
		proto := netset.TCP
		switch p.Get("protocol").Str() {
		case "UDP":
			proto = netset.UDP
		case "SCTP":
			proto = netset.SCTP
		}
		all = all.Union(netset.Ports(proto, n, n))
	}
	return all
}

// narrowed keeps peers to addresses of within.
func narrowed(peers []policy.Peer, within netset.Addrs) []policy.Peer {
	if within.IsAll() {
		return peers
	}
	out := make([]policy.Peer, 0, len(peers))
	for _, p := range peers {
		switch p.Kind {
		case policy.PodPeer:
			p.Within = &within
		case policy.AddrPeer:
			p.Addrs = p.Addrs.Intersect(within)
		case policy.AnyPeer, policy.NodePeer, policy.DoubtPeer:
		}
		out = append(out, p)
	}
	return out
}
