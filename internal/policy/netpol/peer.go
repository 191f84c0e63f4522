package netpol

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// peers reads from or to. Missing, null and empty all mean "not restricted by peer"
// (NetworkPolicyIngressRule.From).
func (c *compiler) peers(list *object.Value, path string, rule object.Pos) []policy.Peer {
	items := c.List(list, path)
	if len(items) == 0 {
		pos := rule
		if list != nil {
			pos = c.Object.At(list)
		}
		return []policy.Peer{{Kind: policy.AnyPeer, Pos: pos}}
	}
	peers := make([]policy.Peer, 0, len(items))
	for i, v := range items {
		peers = append(peers, c.peer(v, policy.Item(path, i)))
	}
	return peers
}

func (c *compiler) peer(v *object.Value, path string) policy.Peer {
	p := policy.Peer{Kind: policy.PodPeer, Pos: c.Object.At(v)}
	before := len(c.Doubts)
	doubts := c.Fields(v, path, "podSelector", "namespaceSelector", "ipBlock")
	pods, namespaces, block := v.Get("podSelector"), v.Get("namespaceSelector"), v.Get("ipBlock")
	add := func(more []policy.Doubt) { doubts = append(doubts, more...) }
	var more []policy.Doubt
	switch {
	case block.IsSet():
		if pods.IsSet() || namespaces.IsSet() {
			c.Refused(v, "the API server refuses the object; make them two entries of the list", "%s: ipBlock together with a selector", path)
		}
		p.Kind = policy.AddrPeer
		p.Addrs, more = c.ipBlock(block, path+".ipBlock")
		add(more)
	case !pods.IsSet() && !namespaces.IsSet():
		hint := "the API server refuses the object; write podSelector: {} for all pods of the namespace, or leave the list empty for everyone"
		if len(doubts) == 0 {
			c.Refused(v, hint, "%s: the peer is empty", path)
		}
	default:
		p.Pods, more = c.selector(pods, path+".podSelector")
		add(more)
		if namespaces.IsSet() {
			p.NamespaceSelector, more = c.selector(namespaces, path+".namespaceSelector")
			add(more)
			p.Namespace, p.NamespaceSelector = policy.OneNamespace(p.NamespaceSelector)
		} else {
			p.Namespace = c.namespace
		}
	}
	if len(doubts) == 0 && len(c.Doubts) > before {
		doubts = c.Doubts[before:] // refused: what can be read of it is not what was meant
	}
	if len(doubts) > 0 {
		d := doubts[0]
		return policy.Peer{Kind: policy.DoubtPeer, Pos: p.Pos, Doubt: &d}
	}
	return p
}

func (c *compiler) ipBlock(v *object.Value, path string) (netset.Addrs, []policy.Doubt) {
	doubts := c.Fields(v, path, "cidr", "except")
	if !v.Get("cidr").IsSet() || v.Get("cidr").Kind == object.String && v.Get("cidr").Text == "" {
		c.Refused(v, "the API server refuses the object", "%s.cidr is missing", path)
		return netset.Addrs{}, doubts
	}
	addrs, more := c.cidr(v.Get("cidr"), path+".cidr")
	doubts = append(doubts, more...)
	all := addrs
	for i, e := range c.List(v.Get("except"), path+".except") {
		at := fmt.Sprintf("%s.except[%d]", path, i)
		except, more := c.cidr(e, at)
		doubts = append(doubts, more...)
		if !except.IsEmpty() && !all.IsEmpty() && (!all.Covers(except) || except.Equal(all)) {
			c.Refused(e, "the API server refuses the object; an except must be a smaller block inside cidr",
				"%s: %s is not a strict part of %s", at, except, all)
		}
		addrs = addrs.Subtract(except)
	}
	if addrs.IsEmpty() && !all.IsEmpty() {
		c.Warn(v, "the entry matches nobody", "%s: except takes away all of %s", path, all)
	}
	return addrs, doubts
}

func (c *compiler) cidr(v *object.Value, path string) (netset.Addrs, []policy.Doubt) {
	text, ok := c.Text(v, path)
	if !ok {
		if !v.IsSet() {
			c.Refused(v, "the API server refuses the object", "%s is empty", path)
		}
		return netset.Addrs{}, nil
	}
	p, hostBits, err := netset.PrefixFrom(text)
	switch {
	case err != nil:
		c.Refused(v, "the API server refuses the object; write a block like 10.0.0.0/8 or fd00::/8, one address as 10.0.0.5/32", "%s: %v", path, err)
		return netset.Addrs{}, nil
	case strings.Contains(text, ":") && p.Addr().Is4():
		// API servers and engines differ in how they read it, and newer servers refuse it.
		return netset.Addrs{}, []policy.Doubt{c.Unclear(v, "%s: %s is IPv4 written as IPv6; write %s", path, text, p)}
	case hostBits:
		c.Warn(v, "write "+p.String()+", or the one address with its full length", "%s: %s has bits set behind its prefix length and is read as %s", path, text, p)
	}
	return netset.AddrsOf(p), nil
}
