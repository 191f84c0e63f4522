package cilium

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// addrPeer compiles an entry of fromCIDR or toCIDR.
func (c *compiler) addrPeer(v *object.Value, path string) policy.Peer {
	addrs, doubts := c.cidr(c.Reader, v, path)
	p := policy.Peer{Kind: policy.AddrPeer, Addrs: addrs, Pos: c.Object.At(v)}
	if len(doubts) > 0 {
		p.Addrs, p.Doubt = netset.AllAddrs(), &doubts[0]
	}
	return p
}

// cidr reads one block. Host bits are ignored (labels.IPStringToLabel). A bare address is one that Cilium reads
// and that the schema of today refuses.
func (c *compiler) cidr(r *policy.Reader, v *object.Value, path string) (netset.Addrs, []policy.Doubt) {
	text, ok := r.Text(v, path)
	if !ok {
		if !v.IsSet() {
			r.Refused(v, refused, "%s is empty", path)
		}
		return netset.Addrs{}, nil
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		if !r.Stored() {
			r.Refused(v, refused+"; write "+netip.PrefixFrom(a, a.BitLen()).String(), "%s: %s has no prefix length", path, text)
		}
		return netset.OneAddr(a), nil
	}
	p, hostBits, err := netset.PrefixFrom(text)
	switch {
	case err != nil:
		r.Refused(v, refused+"; write a block like 10.0.0.0/8 or fd00::/8", "%s: %v", path, err)
		return netset.Addrs{}, nil
	case strings.Contains(text, ":") && p.Addr().Is4():
		return netset.Addrs{}, []policy.Doubt{r.Unclear(v, "%s: %s is IPv4 written as IPv6; write %s", path, text, p)}
	case hostBits:
		r.Warn(v, "write "+p.String()+", or the one address with its full length", "%s: %s has bits set behind its prefix length and is read as %s", path, text, p)
	}
	return netset.AddrsOf(p), nil
}

// cidrRule compiles an entry of fromCIDRSet or toCIDRSet (CIDRRule.sanitize).
func (c *compiler) cidrRule(v *object.Value, path string) []policy.Peer {
	if !c.isMap(v, path) {
		return nil
	}
	doubts := c.Fields(v, path, "cidr", "cidrGroupRef", "cidrGroupSelector", "except")
	block, ref, selector := v.Get("cidr"), v.Get("cidrGroupRef"), v.Get("cidrGroupSelector")
	n := 0
	for _, f := range []*object.Value{block, ref, selector} {
		if f != nil {
			n++
		}
	}
	if n != 1 {
		c.Refused(v, refused, "%s: want one of cidr, cidrGroupRef and cidrGroupSelector, got %d", path, n)
		return nil
	}
	p := policy.Peer{Kind: policy.AddrPeer, Pos: c.Object.At(v)}
	var more []policy.Doubt
	switch {
	case ref != nil:
		p.Addrs, more = c.groupRef(ref, path+".cidrGroupRef")
	case selector != nil:
		p.Addrs, more = c.groupSelector(selector, path+".cidrGroupSelector")
	default:
		p.Addrs, more = c.cidr(c.Reader, block, path+".cidr")
	}
	doubts = append(doubts, more...)
	if len(doubts) > 0 {
		p.Addrs, p.Doubt = netset.AllAddrs(), &doubts[0]
		return []policy.Peer{p}
	}
	all := p.Addrs
	for i, e := range c.list(v.Get("except"), path+".except") {
		at := fmt.Sprintf("%s.except[%d]", path, i)
		except, more := c.cidr(c.Reader, e, at)
		switch {
		case len(more) > 0:
			p.Doubt = &more[0]
		case block == nil: // "not supported yet" (CIDRRule.ExceptCIDRs), and done nevertheless by some versions
			d := c.Unclear(e, "%s: what except means together with a group depends on the version of Cilium", at)
			p.Doubt = &d
		case !except.IsEmpty() && !all.IsEmpty() && !all.Covers(except):
			c.Refused(e, "Cilium refuses the object; an except must be a block inside cidr", "%s: %s is no part of %s", at, except, all)
		default:
			p.Addrs = p.Addrs.Subtract(except)
		}
	}
	if p.Addrs.IsEmpty() && !all.IsEmpty() {
		c.Warn(v, "the entry matches nobody", "%s: except takes away all of %s", path, all)
	}
	return []policy.Peer{p}
}

// groupRef is the addresses of the CiliumCIDRGroup of that name.
func (c *compiler) groupRef(v *object.Value, path string) (netset.Addrs, []policy.Doubt) {
	name, ok := c.Text(v, path)
	if !ok || name == "" {
		c.Refused(v, refused, "%s: want the name of a %s", path, cidrGroup)
		return netset.Addrs{}, nil
	}
	var found []*object.Object
	for _, o := range c.cluster.Kind(group, cidrGroup) {
		if o.Ref.Name == name {
			found = append(found, o)
		}
	}
	switch len(found) {
	case 0:
		return netset.Addrs{}, []policy.Doubt{c.Unclear(v, "%s: %s %s is not in the input", path, cidrGroup, name)}
	case 1:
		return c.groupsAddrs(found, v, path)
	}
	return netset.Addrs{}, []policy.Doubt{c.Unclear(v, "%s: %s %s is in the input %d times", path, cidrGroup, name, len(found))}
}

// groupSelector is the addresses of the groups whose labels match. Labels that Cilium itself puts on objects do
// not count (RemoveCiliumLabels).
func (c *compiler) groupSelector(v *object.Value, path string) (netset.Addrs, []policy.Doubt) {
	s, doubts := c.selector(v, path)
	for i, r := range s {
		source, key := splitKey(r.Key)
		if source != "any" && source != "cidrgroup" || strings.HasPrefix(key, labelPrefix) {
			doubts = append(doubts, c.Unclear(v, "%s: the label %s is not modelled", path, r.Key))
		}
		s[i].Key = key
	}
	if len(doubts) > 0 {
		return netset.Addrs{}, doubts
	}
	var found []*object.Object
	for _, o := range c.cluster.Kind(group, cidrGroup) {
		if s.Matches(o.Root.Get("metadata", "labels").Strings()) {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return netset.Addrs{}, []policy.Doubt{c.Unclear(v, "%s: no %s in the input matches", path, cidrGroup)}
	}
	return c.groupsAddrs(found, v, path)
}

// groupsAddrs is what the groups hold together. Their own problems are told where they are compiled.
func (c *compiler) groupsAddrs(groups []*object.Object, v *object.Value, path string) (netset.Addrs, []policy.Doubt) {
	var all netset.Addrs
	for _, o := range groups {
		r := policy.NewReader(o)
		addrs, doubts := c.groupAddrs(o, r)
		if len(doubts)+len(r.Doubts) > 0 {
			return netset.Addrs{}, []policy.Doubt{c.Unclear(v, "%s: %s is not understood", path, o.Ref)}
		}
		all = all.Union(addrs)
	}
	return all, nil
}

// groupAddrs reads a CiliumCIDRGroup.
func (c *compiler) groupAddrs(o *object.Object, r *policy.Reader) (netset.Addrs, []policy.Doubt) {
	spec := o.Root.Get("spec")
	if !spec.Get("externalCIDRs").IsSet() {
		r.Refused(spec, refused, "spec.externalCIDRs is missing")
	}
	doubts := r.Fields(spec, "spec", "externalCIDRs")
	var all netset.Addrs
	for i, v := range r.List(spec.Get("externalCIDRs"), "spec.externalCIDRs") {
		addrs, more := c.cidr(r, v, fmt.Sprintf("spec.externalCIDRs[%d]", i))
		doubts = append(doubts, more...)
		all = all.Union(addrs)
	}
	return all, doubts
}
