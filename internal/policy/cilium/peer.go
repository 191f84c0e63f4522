package cilium

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// peerFields is the fields that name peers. Only one of them may have entries (IngressCommonRule.sanitize and its twin).
func peerFields(s section) []string {
	if s.direction == policy.Ingress {
		return []string{"fromEndpoints", "fromCIDR", "fromCIDRSet", "fromEntities", "fromGroups", "fromNodes"}
	}
	fields := []string{"toEndpoints", "toCIDR", "toCIDRSet", "toEntities", "toGroups", "toNodes", "toServices"}
	if s.action == policy.Allow {
		fields = append(fields, "toFQDNs")
	}
	return fields
}

// peers compiles the peers of a rule. With none given at all, everyone is meant when the rule has ports, and
// nobody when it has none: then given is false.
func (c *compiler) peers(v *object.Value, path string, s section) (peers []policy.Peer, given bool) {
	var filled, empty []string
	for _, f := range peerFields(s) {
		switch items := c.list(v.Get(f), path+"."+f); {
		case len(items) > 0:
			filled = append(filled, f)
		case v.Get(f) != nil:
			empty = append(empty, f)
		}
	}
	if len(filled) > 1 {
		c.Refused(v, "Cilium refuses the object; make them rules of their own", "%s: %s together in one rule", path, strings.Join(filled, " and "))
	}
	for _, f := range empty {
		list, at := v.Get(f), path+"."+f
		switch strings.TrimPrefix(strings.TrimPrefix(f, "from"), "to") {
		case "Groups", "Services", "FQDNs":
			// Taken as not there by some versions, and as nobody by others (mergeEndpointSelectors).
			return []policy.Peer{c.anyone(list, c.Unclear(list, "%s is an empty list, which may mean nobody or everyone", at))}, true
		default:
			// Empty and there is not the same as not there (IngressCommonRule.FromEndpoints).
			c.Warn(list, "write "+f+": [{}] or remove the field when something else is meant", "%s is an empty list, which matches nobody", at)
			return nil, true
		}
	}
	for _, f := range filled {
		peers = append(peers, c.listed(v.Get(f), f, path+"."+f, s)...)
	}
	return peers, len(filled) > 0
}

// listed compiles one list of peers that has entries.
func (c *compiler) listed(list *object.Value, field, path string, s section) []policy.Peer {
	if field == "fromEntities" || field == "toEntities" {
		return c.entities(list, path)
	}
	var peers []policy.Peer
	for i, v := range list.List() {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch strings.TrimPrefix(strings.TrimPrefix(field, "from"), "to") {
		case "Endpoints":
			peers = append(peers, c.endpoints(v, at)...)
		case "CIDR":
			peers = append(peers, c.addrPeer(v, at))
		case "CIDRSet":
			peers = append(peers, c.cidrRule(v, at)...)
		case "Groups":
			peers = append(peers, c.group(v, at))
		case "Nodes":
			peers = append(peers, c.nodes(v, at))
		case "Services":
			peers = append(peers, c.services(v, at, s)...)
		case "FQDNs":
			peers = append(peers, c.fqdn(v, at))
		}
	}
	return peers
}

// anyone is a peer of which nothing is certain.
func (c *compiler) anyone(v *object.Value, d policy.Doubt) policy.Peer {
	return policy.Peer{Kind: policy.DoubtPeer, Pos: c.Object.At(v), Doubt: &d}
}

// outside is possibly every address outside of the cluster.
func (c *compiler) outside(v *object.Value, d policy.Doubt) policy.Peer {
	return policy.Peer{Kind: policy.AddrPeer, Addrs: netset.AllAddrs(), Reach: policy.OutsideOnly, Pos: c.Object.At(v), Doubt: &d}
}

// endpoints compiles a selector of peers (getEndpointSelector): in a namespaced policy it means pods of the
// policy's namespace, unless it speaks of namespaces itself.
func (c *compiler) endpoints(v *object.Value, path string) []policy.Peer {
	if !c.isMap(v, path) {
		return nil
	}
	p := c.pick(v, path)
	if len(p.doubts) > 0 {
		return []policy.Peer{c.anyone(v, p.doubts[0])}
	}
	if len(p.reserved) > 0 {
		return c.reserved(v, path, p)
	}
	pods := policy.Peer{Kind: policy.PodPeer, Pos: c.Object.At(v)}
	own := c.namespace != "" && !p.byNamespace && !p.byNamespaceLabels
	switch {
	case own:
		pods.Term = p.in(ownNamespace(c.namespace))
	default:
		pods.Term = p.in()
	}
	var peers []policy.Peer
	if p.none {
		c.Warn(v, "the entry lets nobody through", "%s matches no pod", path)
	} else {
		if len(p.narrow) > 0 {
			pods.Doubt = &p.narrow[0]
		}
		peers = append(peers, pods)
	}
	only := own || p.positive || c.namespace == "" && !p.byNamespace
	if !only && (p.clusters || !c.settings.on("policy-default-local-cluster")) {
		// Without a label that something must have, be it that of the own cluster, the selector also matches the identities that stand for all
		// addresses outside, all nodes and all pods together.
		peers = append(peers, c.anyone(v, c.Unclear(v, "%s only says what peers must not be, so it may match everything", path)))
	}
	if p.elsewhere || c.settings.mesh() && !p.clusters {
		d := c.Unclear(v, "%s may match pods of other clusters, which look like addresses outside", path)
		peers = append(peers, c.outside(v, d))
	}
	return peers
}

// reserved reads a selector of one identity that is no pod, which is another way to name an entity.
func (c *compiler) reserved(v *object.Value, path string, p picked) []policy.Peer {
	r := p.reserved[0]
	alone := len(p.reserved) == 1 && len(p.term.Pods)+len(p.term.ServiceAccounts)+len(p.spaces) == 0 && !p.none && !p.byNamespace && !p.clusters
	if alone && (r.Op == cluster.Exists || r.Op == cluster.In && slices.Equal(r.Values, []string{""})) {
		switch r.Key {
		case "all", "cluster", "cluster-mesh": // no labels, but lists of them
		case "world":
			return []policy.Peer{c.outside(v, c.Unclear(v, "%s: in clusters of two address families no address has the label reserved:world; use the entity world", path))}
		default:
			if peers, ok := c.entityPeers(r.Key, v, path); ok {
				return peers
			}
		}
	}
	return []policy.Peer{c.anyone(v, c.Unclear(v, "%s: a selector of reserved:%s like this is not modelled; use entities", path, r.Key))}
}

// nodes compiles a selector of nodes. It never means the node that the pod itself is on (ParseToCiliumRule adds
// reserved:remote-node), and which one that is the input does not tell for every pod.
func (c *compiler) nodes(v *object.Value, path string) policy.Peer {
	s, doubts := c.selector(v, path)
	if !c.settings.on("enable-node-selector-labels") {
		c.NotModelled(v, "%s: Cilium drops the whole policy unless enable-node-selector-labels is set, and ConfigMap cilium-config does not show that it is", path)
	}
	p := policy.Peer{Kind: policy.NodePeer, Pos: c.Object.At(v)}
	var reqs []cluster.Requirement
	for _, r := range s {
		source, key := splitKey(r.Key)
		switch {
		case source == "reserved" && key == "remote-node" && r.MatchesValue("", true):
			continue
		case source != "any" && source != "k8s" && source != "node":
			doubts = append(doubts, c.Unclear(v, "%s: labels of source %s are not modelled", path, source))
		}
		r.Key = key
		reqs = append(reqs, r)
	}
	if len(doubts) > 0 {
		return c.anyone(v, doubts[0])
	}
	p.Nodes = cluster.NewSelector(reqs...)
	d := c.Unclear(v, "%s means nodes other than the pod's own, and with the labels that Cilium is set to look at", path)
	p.Doubt = &d
	return p
}

// group is addresses that an operator of the cluster asks a cloud for.
func (c *compiler) group(v *object.Value, path string) policy.Peer {
	doubts := c.Fields(v, path, "aws")
	aws := v.Get("aws")
	doubts = append(doubts, c.Fields(aws, path+".aws", "labels", "region", "securityGroupsIds", "securityGroupsNames")...)
	if len(doubts) > 0 {
		return c.anyone(v, doubts[0])
	}
	return c.outside(v, c.Unclear(v, "%s: which addresses the group has only the cloud knows", path))
}

// fqdn is the addresses that names were last resolved to, which are none of pods or nodes (EgressRule.ToFQDNs).
func (c *compiler) fqdn(v *object.Value, path string) policy.Peer {
	name, doubts := c.dnsName(v, path)
	if len(doubts) > 0 {
		return c.anyone(v, doubts[0])
	}
	return c.outside(v, c.Unclear(v, "%s: which addresses have the name %s is told by DNS, at the time", path, name))
}
