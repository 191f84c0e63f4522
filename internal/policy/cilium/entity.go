package cilium

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// entities compiles fromEntities or toEntities (pkg/policy/api/entity.go). The own node and the other nodes are
// each in doubt alone, and together they are all nodes.
func (c *compiler) entities(list *object.Value, path string) []policy.Peer {
	var host, remote bool
	for _, v := range list.List() {
		host, remote = host || v.Str() == "host", remote || v.Str() == "remote-node"
	}
	var peers []policy.Peer
	for i, v := range list.List() {
		if host && remote && (v.Str() == "host" || v.Str() == "remote-node") {
			peers = append(peers, policy.Peer{Kind: policy.NodePeer, Pos: c.Object.At(v)})
			continue
		}
		peers = append(peers, c.entity(v, fmt.Sprintf("%s[%d]", path, i))...)
	}
	return peers
}

// entity compiles one entry.
func (c *compiler) entity(v *object.Value, path string) []policy.Peer {
	name, ok := c.Text(v, path)
	if !ok {
		if !v.IsSet() {
			c.Refused(v, refused, "%s: want a name, got null", path)
		}
		return nil
	}
	peers, ok := c.entityPeers(name, v, path)
	switch {
	case !ok:
		c.Refused(v, refused, "%s: there is no entity %+q", path, name)
	case name == "world-ipv4" || name == "world-ipv6":
		// Cilium knows it, and the schema of its resource does not list it.
		c.Refused(v, refused+"; write world, or a CIDR", "%s: %s is no entity that the API server takes", path, name)
	}
	return peers
}

// entityPeers gives the peers of an entity, or false for an unknown one. Health endpoints and "none" are nothing
// that is modelled.
func (c *compiler) entityPeers(name string, v *object.Value, path string) ([]policy.Peer, bool) {
	at := c.Object.At(v)
	nodes := policy.Peer{Kind: policy.NodePeer, Pos: at}
	pods := policy.Peer{Kind: policy.PodPeer, Pos: at}
	world := policy.Peer{Kind: policy.AddrPeer, Addrs: netset.AllAddrs(), Reach: policy.OutsideOnly, Pos: at}
	unclear := func(p policy.Peer, format string) policy.Peer {
		d := c.Unclear(v, format, path)
		p.Doubt = &d
		return p
	}
	switch name {
	case "all":
		return []policy.Peer{{Kind: policy.AnyPeer, Pos: at}}, true
	case "world":
		return []policy.Peer{world}, true
	case "world-ipv4", "world-ipv6":
		world.Addrs = netset.AllIPv4()
		if name == "world-ipv6" {
			world.Addrs = netset.AllIPv6()
		}
		return []policy.Peer{unclear(world, "%s matches nothing in clusters of one address family")}, true
	case "cluster", "cluster-mesh":
		peers := []policy.Peer{pods, nodes}
		if outside, known := c.apiServer(); !known {
			d := c.Note(v, "add the Service kubernetes of namespace default and its EndpointSlice to the input",
				"%s also means the API server, and its addresses are not in the input", path)
			world.Doubt = &d
			peers = append(peers, world)
		} else if !outside.IsEmpty() {
			world.Addrs = outside
			peers = append(peers, world)
		}
		if name == "cluster-mesh" {
			peers = append(peers, c.outside(v, c.Unclear(v, "%s also means pods of other clusters, which look like addresses outside", path)))
		}
		return peers, true
	case "host":
		return []policy.Peer{unclear(nodes, "%s means the node that the pod is on, and no other")}, true
	case "remote-node":
		return []policy.Peer{unclear(nodes, "%s means nodes other than the one that the pod is on")}, true
	case "kube-apiserver":
		outside, known := c.apiServer()
		switch {
		case !known:
			return []policy.Peer{
				unclear(nodes, "%s: where the API server runs is not in the input; add the Service kubernetes of namespace default and its EndpointSlice"),
				unclear(world, "%s: the addresses of the API server are not in the input; add the Service kubernetes of namespace default and its EndpointSlice"),
			}, true
		case c.cluster.NodesKnown && !outside.IsEmpty() && outside.Equal(c.apiAddrs()):
			world.Addrs = outside
			return []policy.Peer{world}, true
		}
		world.Addrs = outside
		return []policy.Peer{world, unclear(nodes, "%s may mean a node, the one on which the API server runs")}, true
	case "unmanaged":
		return []policy.Peer{unclear(pods, "%s means pods that Cilium does not manage, which the input does not tell")}, true
	case "init":
		return []policy.Peer{unclear(pods, "%s means pods for the moment before Cilium knows them")}, true
	case "ingress":
		return []policy.Peer{unclear(nodes, "%s means the proxies of Cilium's ingress, which run on the nodes")}, true
	case "health":
		c.Note(v, "", "%s means Cilium's own health checks, which are no endpoint here", path)
		return nil, true
	case "none":
		return nil, true
	}
	return nil, false
}

// apiAddrs is the addresses behind the Service kubernetes, by which Cilium knows the API server.
func (c *compiler) apiAddrs() netset.Addrs {
	for _, s := range c.cluster.Services {
		if s.Ref.Namespace == "default" && s.Ref.Name == "kubernetes" && s.Selector == nil {
			return s.Foreign
		}
	}
	return netset.Addrs{}
}

// apiServer gives the addresses of the API server that are none of nodes. known is false when the input does not
// show any of its addresses.
func (c *compiler) apiServer() (outside netset.Addrs, known bool) {
	all := c.apiAddrs()
	return all.Subtract(c.cluster.NodeAddrs), !all.IsEmpty()
}
