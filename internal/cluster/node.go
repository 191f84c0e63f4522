package cluster

import (
	"net/netip"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Node is one node. Internal and External are its addresses as its status states them.
type Node struct {
	Name               string
	Labels             map[string]string
	Annotations        map[string]string
	Internal, External []netip.Addr
	PodCIDRs           netset.Addrs
	OS                 string // "linux", "windows", "" when not stated
	Object             *object.Object
}

// Addrs is all addresses of the node.
func (n *Node) Addrs() netset.Addrs {
	var s netset.Addrs
	for _, a := range n.Internal {
		s = s.Union(netset.OneAddr(a))
	}
	for _, a := range n.External {
		s = s.Union(netset.OneAddr(a))
	}
	return s
}

func (b *builder) readNodes() {
	every := true
	for _, o := range b.Kind("", "Node") {
		n := &Node{
			Name: o.Ref.Name, Labels: o.Root.Get("metadata", "labels").Strings(),
			Annotations: o.Root.Get("metadata", "annotations").Strings(),
			OS:          o.Root.Get("status", "nodeInfo", "operatingSystem").Str(), Object: o,
		}
		for _, v := range o.Root.Get("status", "addresses").List() {
			a := addr(v.Get("address"))
			switch t := v.Get("type").Str(); {
			case !a.IsValid():
			case t == "ExternalIP":
				n.External = append(n.External, a)
			case t == "InternalIP":
				n.Internal = append(n.Internal, a)
			}
		}
		for _, v := range append([]*object.Value{o.Root.Get("spec", "podCIDR")}, o.Root.Get("spec", "podCIDRs").List()...) {
			if v.Str() == "" {
				continue
			}
			p, err := netip.ParsePrefix(v.Str())
			if err != nil {
				b.problem(o, v, object.Error, "podCIDR "+v.Str()+" is no CIDR", "")
				continue
			}
			n.PodCIDRs = n.PodCIDRs.Union(netset.AddrsOf(p.Masked()))
		}
		b.PodCIDRs = b.PodCIDRs.Union(n.PodCIDRs)
		b.NodeAddrs = b.NodeAddrs.Union(n.Addrs())
		every = every && len(n.Internal) > 0
		b.Nodes = append(b.Nodes, n)
	}
	// A node list that came without the rest of the cluster may be partial, but nodes that are there and
	// have addresses are all there are in a list that kubectl printed; anything less is "not known".
	b.NodesKnown = every && len(b.Nodes) > 0
	if !b.opt.NodeCIDRs.IsEmpty() {
		b.NodeAddrs, b.NodesKnown = b.NodeAddrs.Union(b.opt.NodeCIDRs), true
	}
}
