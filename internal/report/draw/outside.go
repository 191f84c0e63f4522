package draw

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// cloud is the node of addresses outside, named by what they are.
func (g *Graph) cloud(a netset.Addrs) *Node {
	n := &Node{Kind: Outside, addrs: a, Detail: prefixes(a)}
	n.Title, n.Sub = g.nameOf(a)
	return n
}

// nameOf gives a name and the addresses in few words.
func (g *Graph) nameOf(a netset.Addrs) (name, sub string) {
	sub = fewAddrs(a)
	if g.in.Intent != nil {
		for _, z := range g.in.Intent.Zones {
			if !z.Addrs.IsEmpty() && z.Addrs.Covers(a) {
				return z.Name, sub
			}
		}
	}
	public := pci.PublicAddrs()
	own := g.in.Cluster.PodCIDRs.Union(g.in.Cluster.NodeAddrs).Union(g.in.Cluster.ServiceCIDRs)
	internet, private := a.Overlaps(public), a.Overlaps(pci.PrivateAddrs().Subtract(own))
	whole := a.Covers(public.Subtract(own)) || a.Covers(public.Subtract(own).V4()) && a.V6().Intersect(public).IsEmpty() ||
		a.Covers(public.Subtract(own).V6()) && a.V4().Intersect(public).IsEmpty()
	switch {
	case a.IsAll():
		return "Any address outside", sub
	case internet && whole && private:
		return "Internet, private nets", sub
	case internet && whole:
		return "Internet", sub
	case internet:
		return "Public addresses", sub
	case g.in.Cluster.NodeAddrs.Covers(a):
		return "Nodes", sub
	}
	return "Private addresses", sub
}

const fewPrefixes = 2

// fewAddrs is addresses in few words.
func fewAddrs(a netset.Addrs) string {
	if a.IsAll() {
		return "0.0.0.0/0, ::/0"
	}
	var parts []string
	for _, f := range []struct {
		name     string
		all, has netset.Addrs
	}{{"0.0.0.0/0", netset.AllIPv4(), a.V4()}, {"::/0", netset.AllIPv6(), a.V6()}} {
		has, rest := prefixes(f.has), prefixes(f.all.Subtract(f.has))
		switch {
		case len(has) == 0:
		case len(rest) == 0:
			parts = append(parts, f.name)
		case len(has) <= fewPrefixes:
			parts = append(parts, strings.Join(has, ", "))
		case len(rest) < len(has):
			parts = append(parts, fmt.Sprintf("%s less %s", f.name, plural(len(rest), "range")))
		default:
			parts = append(parts, plural(len(has), "range"))
		}
	}
	return strings.Join(parts, ", ")
}

func prefixes(a netset.Addrs) []string {
	var out []string
	for _, p := range a.Prefixes() {
		out = append(out, p.String())
	}
	return out
}

// plural counts.
func plural(n int, one string) string {
	switch {
	case n == 1:
		return "1 " + one
	case strings.HasSuffix(one, "x"):
		return fmt.Sprintf("%d %ses", n, one)
	case strings.HasSuffix(one, "y") && !strings.HasSuffix(one, "ay"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(one, "y"))
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// manyClouds is how many sets of addresses are drawn one by one on each side of the cluster.
const manyClouds = 8

// gather draws sets of addresses as one where they are too many. What leads to the one leads to some of them.
func (g *Graph) gather(ties []*tie) []*tie {
	for _, side := range []string{"top", "bottom"} {
		var many []*Node
		for _, n := range g.Nodes {
			if n.Kind == Outside && n.Edge == side {
				many = append(many, n)
			}
		}
		if len(many) <= manyClouds {
			continue
		}
		one := &Node{ID: "outside:" + side + ":many", Kind: Outside, Title: fmt.Sprintf("%d sets of addresses", len(many)), Edge: side, merged: many}
		gone := map[*Node]bool{}
		for _, n := range many {
			gone[n] = true
			one.addrs = one.addrs.Union(n.addrs)
			one.Detail = append(one.Detail, n.Title+": "+n.Sub)
			delete(g.byID, n.ID)
		}
		one.Sub = fewAddrs(one.addrs)
		g.Nodes = slices.DeleteFunc(g.Nodes, func(n *Node) bool { return gone[n] })
		g.put(one)
		ties = joined(ties, gone, one)
	}
	return ties
}

// joined lets ties end at one node instead of those that are gone. What is certain for one of them is certain for
// some of them, and no longer undecided.
func joined(ties []*tie, gone map[*Node]bool, one *Node) []*tie {
	type key struct {
		src, dst *Node
		verdict  Verdict
	}
	at := map[key]*tie{}
	var out []*tie
	for _, t := range ties {
		switch {
		case gone[t.src]:
			t.src = one
		case gone[t.dst]:
			t.dst = one
		default:
			out = append(out, t)
			continue
		}
		k := key{t.src, t.dst, t.verdict}
		if o := at[k]; o != nil {
			o.conns, o.pairs = o.conns.Union(t.conns), o.pairs+t.pairs
			continue
		}
		at[k] = t
		out = append(out, t)
	}
	return slices.DeleteFunc(out, func(t *tie) bool {
		if sure := at[key{t.src, t.dst, Allowed}]; sure != nil && t.verdict == Undecided {
			t.conns = t.conns.Subtract(sure.conns)
		}
		return t.conns.IsEmpty()
	})
}
