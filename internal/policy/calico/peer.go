package calico

import (
	"fmt"
	"maps"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// peers compiles the entity on the far side of a rule. With doubts the peers are not to be trusted.
func (c *compiler) peers(v *object.Value, path string, rule object.Pos) ([]policy.Peer, []policy.Doubt) {
	doubts := c.Fields(v, path, entityFields...)
	doubts = append(doubts, c.negated(v, path)...)
	nets, selector, namespaces := v.Get("nets"), v.Get("selector"), v.Get("namespaceSelector")
	pos := rule
	if v != nil {
		pos = c.Object.At(v)
	}
	switch {
	case given(nets) && (given(selector) || given(namespaces)):
		return nil, append(doubts, c.Unclear(nets, "%s.nets together with a selector is not modelled yet", path))
	case given(nets):
		addrs, more := c.nets(nets, path+".nets")
		return []policy.Peer{{Kind: policy.AddrPeer, Addrs: addrs, Pos: pos}}, append(doubts, more...)
	case !given(selector) && !given(namespaces):
		c.Text(selector, path+".selector")
		c.Text(namespaces, path+".namespaceSelector")
		return []policy.Peer{{Kind: policy.AnyPeer, Pos: pos}}, doubts
	}
	peers, more := c.bySelector(v, path, pos)
	return peers, append(doubts, more...)
}

// bySelector is pods by labels, and the network sets that carry such labels. A selector alone in a
// namespaced policy stays in the namespace (updateprocessors/rules.go in libcalico-go).
func (c *compiler) bySelector(v *object.Value, path string, pos object.Pos) ([]policy.Peer, []policy.Doubt) {
	selector, namespaces := v.Get("selector"), v.Get("namespaceSelector")
	var doubts []policy.Doubt
	keep := func(d *policy.Doubt) {
		if d != nil {
			doubts = append(doubts, *d)
		}
	}
	s, d := c.selector(selector, path+".selector")
	keep(d)
	n, d := c.selector(namespaces, path+".namespaceSelector")
	keep(d)
	p := policy.Peer{Kind: policy.PodPeer, Pos: pos}
	var byName cluster.Selector
	p.Pods, byName, d = onPods(c.Reader, selector, s)
	keep(d)
	p.NamespaceSelector, d = onNamespaces(c.Reader, namespaces, n)
	keep(d)
	p.NamespaceSelector = append(p.NamespaceSelector, byName...)
	if !given(namespaces) && c.namespace != "" {
		p.NamespaceSelector = append(p.NamespaceSelector, cluster.MatchLabels(map[string]string{cluster.NameLabel: c.namespace})...)
	}
	if len(doubts) > 0 {
		return nil, doubts
	}
	p.Namespace, p.NamespaceSelector = policy.OneNamespace(sorted(p.NamespaceSelector))
	return append([]policy.Peer{p}, c.sets(s, n, given(namespaces), pos)...), nil
}

// sets finds the endpoints besides pods that a selector also means: network sets, whose addresses become
// peers, and host endpoints, whose addresses are not known here.
func (c *compiler) sets(s, namespaces cluster.Selector, byNamespace bool, pos object.Pos) []policy.Peer {
	var peers []policy.Peer
	for _, g := range groups {
		for _, kind := range []string{"GlobalNetworkSet", "NetworkSet", "HostEndpoint"} {
			for _, o := range c.cluster.Kind(g, kind) {
				if !c.selects(o, s, namespaces, byNamespace) {
					continue
				}
				peer := policy.Peer{Kind: policy.AddrPeer, Pos: pos}
				var d policy.Doubt
				switch addrs, err := setAddrs(o); {
				case kind == "HostEndpoint":
					d = policy.Doubt{Pos: o.Pos, Ref: o.Ref, Msg: "the selector also means this host endpoint, which is not modelled yet"}
					peer.Kind, peer.Doubt = policy.DoubtPeer, &d
				case err != nil:
					d = policy.Doubt{Pos: o.Pos, Ref: o.Ref, Msg: err.Error()}
					peer.Kind, peer.Doubt = policy.DoubtPeer, &d
				default:
					peer.Addrs = addrs
				}
				peers = append(peers, peer)
			}
		}
	}
	return peers
}

// selects tells whether a selector of this policy means the network set or host endpoint o. Objects without
// a namespace have no namespace labels at all, so a negative namespaceSelector means them too, and all()
// does not.
func (c *compiler) selects(o *object.Object, s, namespaces cluster.Selector, byNamespace bool) bool {
	labels := maps.Clone(o.Root.Get("metadata", "labels").Strings())
	if labels == nil {
		labels = map[string]string{}
	}
	if o.Ref.Kind != "NetworkSet" {
		if c.namespace != "" && !byNamespace || byNamespace && (len(namespaces) == 0 || !namespaces.Matches(nil)) {
			return false
		}
		return s.Matches(labels)
	}
	labels[labelNamespace] = o.Ref.Namespace
	if !byNamespace {
		return (c.namespace == "" || c.namespace == o.Ref.Namespace) && s.Matches(labels)
	}
	of := map[string]string{cluster.NameLabel: o.Ref.Namespace}
	if ns := c.cluster.Namespace(o.Ref.Namespace); ns != nil {
		of = maps.Clone(ns.Labels)
	}
	of[labelName] = o.Ref.Namespace
	return namespaces.Matches(of) && s.Matches(labels)
}

func setAddrs(o *object.Object) (netset.Addrs, error) {
	var all netset.Addrs
	for _, f := range o.Root.Get("spec").Map() {
		if f.Name != "nets" {
			return all, fmt.Errorf("the network set has a field that is not modelled yet: spec.%s", f.Name)
		}
	}
	for _, v := range o.Root.Get("spec", "nets").List() {
		p, _, err := netset.PrefixFrom(v.Str())
		if err != nil {
			return all, fmt.Errorf("the network set is not understood: %w", err)
		}
		all = all.Union(netset.AddrsOf(p))
	}
	return all, nil
}

func (c *compiler) nets(list *object.Value, path string) (netset.Addrs, []policy.Doubt) {
	var all netset.Addrs
	var doubts []policy.Doubt
	for i, v := range c.List(list, path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		text, ok := c.Text(v, at)
		p, hostBits, err := netset.PrefixFrom(text)
		switch {
		case !ok:
			doubts = append(doubts, c.Unclear(v, "%s is no text", at))
		case err != nil:
			doubts = append(doubts, c.Unclear(v, "%s: %v", at, err))
		case hostBits:
			c.Warn(v, "write "+p.String(), "%s: %s has bits set behind its prefix length and is read as %s", at, text, p)
		}
		all = all.Union(netset.AddrsOf(p))
	}
	if !all.V4().IsEmpty() && !all.V6().IsEmpty() {
		c.Refused(list, "Calico refuses the object; write one rule per family", "%s: IPv4 and IPv6 in one list", path)
	}
	return all, doubts
}
