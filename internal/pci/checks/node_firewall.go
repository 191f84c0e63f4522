package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/settings"
)

// nodeFirewall is what the packet filter of one node lets in to the node itself.
type nodeFirewall struct {
	object   *object.Object
	chains   []string // names of all chains
	openings []opening
	err      string // what cannot be read; openings are then empty and say nothing
}

// mostBoxes bounds the work for one node.
const mostBoxes = 4000

// nodeFirewalls reads the packet filters in the input (iptables-save, nft -j list ruleset). What is passed on to
// pods, such as node ports, does not come to the chains that are read.
func nodeFirewalls(in *pci.Input) []nodeFirewall {
	var out []nodeFirewall
	for _, o := range in.Cluster.Kind(imports, "NodeFirewall") {
		n := nodeFirewall{object: o}
		spec := o.Root.Get("spec")
		var f *settings.PacketFilter
		var err error
		inner := spec.Get("iptables")
		if inner.IsSet() {
			f, err = settings.IPTables(inner.Str(), strings.Contains(o.Ref.Name, "ip6"))
		} else {
			f, err = settings.NFTables(spec.Get("nftables").List())
		}
		if err != nil {
			n.err = err.Error()
			out = append(out, n)
			continue
		}
		n.chains = f.Names
		w := filterWalk{filter: f}
		bases := 0
		for _, c := range f.Chains {
			if c.Input {
				bases++
				w.base(c)
			}
		}
		switch {
		case w.err != "":
			n.err = w.err
		case bases == 0:
			n.err = "it has no chain for what comes in to the node"
		}
		for _, p := range w.found {
			if p.pos.File = o.Pos.File; inner.IsSet() { // lines of the text, which begins where the object does
				p.pos.Line += o.Pos.Line - 1
			}
			p.object, p.node = o, true
			p.after = p.after || w.more // what one chain accepts the next may still drop
			n.openings = append(n.openings, p)
		}
		out = append(out, n)
	}
	return out
}

// filterWalk follows the chains of one packet filter.
type filterWalk struct {
	filter *settings.PacketFilter
	tables []string // of the chains begun with
	more   bool     // a packet comes to more than one of them
	found  []opening
	boxes  int
	err    string
}

// box is connections from addresses; doubt says that a rule that is not understood may have taken some of it.
type box struct {
	conns netset.Conns
	addrs netset.Addrs
	doubt bool
}

func (w *filterWalk) base(c settings.FilterChain) {
	for _, t := range w.tables { // one of IPv4 and one of IPv6 meet no packet together
		w.more = w.more || strings.HasPrefix(t, "inet") || strings.HasPrefix(c.Table, "inet") || strings.Fields(t)[0] == strings.Fields(c.Table)[0]
	}
	w.tables = append(w.tables, c.Table)
	all := box{conns: netset.Transport(), addrs: netset.AllAddrs()}
	switch family, _, _ := strings.Cut(c.Table, " "); family {
	case "ip":
		all.addrs = netset.AllIPv4()
	case "ip6":
		all.addrs = netset.AllIPv6()
	}
	rest, returned := w.chain(c, []box{all}, 0)
	if c.Policy == settings.Drop {
		return
	}
	for _, b := range append(rest, returned...) {
		w.accept(c, 0, b)
	}
}

func (w *filterWalk) accept(c settings.FilterChain, line int, b box) {
	name := fmt.Sprintf("chain %s", c.Name)
	if line == 0 {
		name = fmt.Sprintf("chain %s, by its policy,", c.Name)
	}
	w.found = append(w.found, opening{pos: object.Pos{Line: max(line, 1)}, name: name, conns: b.conns, addrs: b.addrs, after: b.doubt})
}

// chain gives what its rules leave over, and what they return.
func (w *filterWalk) chain(c settings.FilterChain, in []box, depth int) (rest, returned []box) {
	if depth > 20 {
		w.err = "its chains are nested too deep"
		return nil, nil
	}
	for _, r := range c.Rules {
		if r.Replies || r.Action == settings.Other {
			continue
		}
		var next []box
		for _, b := range in {
			hit := box{b.conns.Intersect(r.Conns), b.addrs.Intersect(r.Addrs), b.doubt || !r.Exact}
			if hit.conns.IsEmpty() || hit.addrs.IsEmpty() {
				next = append(next, b)
				continue
			}
			if r.Exact {
				next = append(next, without(b, hit)...)
			}
			switch r.Action {
			case settings.Accept:
				w.accept(c, r.Line, hit)
			case settings.Return:
				returned = append(returned, hit)
			case settings.Jump, settings.Goto:
				to, ok := w.filter.Chain(c.Table, r.To)
				if !ok { // a target of the kernel's that is not known
					next = append(next, box{hit.conns, hit.addrs, true})
					continue
				}
				left, back := w.chain(to, []box{hit}, depth+1)
				if r.Action == settings.Jump {
					next = append(append(next, left...), back...)
				} else {
					returned = append(append(returned, left...), back...)
				}
			}
			if !r.Exact {
				b.doubt = b.doubt || r.Action != settings.Accept
				next = append(next, b)
			}
		}
		in = next
		if w.boxes += len(in); w.boxes > 50*mostBoxes || len(in) > mostBoxes || len(w.found) > mostBoxes {
			w.err = "its rules are too many to follow"
			return nil, nil
		}
	}
	return in, returned
}

// without is b without what hit holds of it.
func without(b, hit box) []box {
	var out []box
	if c := b.conns.Subtract(hit.conns); !c.IsEmpty() {
		out = append(out, box{c, b.addrs, b.doubt})
	}
	if a := b.addrs.Subtract(hit.addrs); !a.IsEmpty() {
		out = append(out, box{hit.conns, a, b.doubt})
	}
	return out
}
