package draw

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// wireEnds counts the ends of all wires: what the eye has to follow.
func (g *Graph) wireEnds() int {
	n := 0
	for _, w := range g.Wires {
		n += len(w.From) + len(w.To)
	}
	return n
}

// finish puts everything in order, names it and marks the members of groups.
func (g *Graph) finish() {
	for _, w := range g.Wires {
		if w.Verdict != Structure && w.Label == "" {
			w.Label = w.label()
		}
		w.ID = string(w.Verdict) + ":" + strings.Join(w.From, "+") + "->" + strings.Join(w.To, "+") + ":" + w.Ports + strings.Join(w.Needs, "+") + w.Change
		if w.Missing {
			w.ID += "!"
		}
	}
	slices.SortStableFunc(g.Wires, func(a, b *Wire) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortStableFunc(g.Nodes, func(a, b *Node) int { return cmp.Compare(a.ID, b.ID) })
	g.explain()
	for _, gr := range g.Groups {
		for _, id := range gr.Members {
			g.mark(id, gr.Name)
		}
	}
	for _, n := range g.Nodes {
		if n.Kind == Bundle && n.inner.pairs > 0 {
			n.Detail = append(n.Detail, "within: "+n.inner.text())
		}
	}
}

func (f *flow) text() string {
	var parts []string
	if !f.must.IsEmpty() {
		parts = append(parts, f.must.String())
	}
	if open := f.open(); !open.IsEmpty() {
		parts = append(parts, "undecided "+open.String())
	}
	return strings.Join(parts, ", ") + fmt.Sprintf(" (%s)", plural(f.pairs, "pair"))
}

func (g *Graph) mark(id, group string) {
	if n := g.byID[id]; n != nil {
		n.Groups = append(n.Groups, group)
		return
	}
	for _, b := range g.Bands {
		if b.ID == id {
			b.Groups = append(b.Groups, group)
		}
		for _, f := range b.Frames {
			if f.ID == id {
				f.Group = append(f.Group, group)
			}
		}
	}
}

// label is what stands beside the head of a wire.
func (w *Wire) label() string {
	parts := []string{shortConns(w.conns)}
	if w.Verdict == Undecided {
		parts[0] = "? " + parts[0]
	}
	switch w.Change {
	case "added":
		parts[0] = "+ " + parts[0]
	case "removed":
		parts[0] = "- " + parts[0]
	}
	switch len(w.Needs) {
	case 0:
	case 1, 2:
		parts = append(parts, strings.Join(w.Needs, ", "))
	default:
		parts = append(parts, plural(len(w.Needs), "need"))
	}
	if w.Missing {
		parts = append(parts, "no need")
	}
	return strings.Join(parts, " - ")
}

const fewPorts = 2

// shortConns is connections in few words: "tcp/80,443", "udp/53 tcp/53", "tcp/80 +3".
func shortConns(c netset.Conns) string {
	if c.IsAll() {
		return "all ports"
	}
	var words []string
	left := 0
	for _, p := range c.Protocols() {
		name := strings.ToLower(p.String())
		ports := strings.Split(c.PortsText(p), ",")
		switch {
		case !p.HasPorts(), ports[0] == "1-65535", ports[0] == "":
			words = append(words, name)
		case len(ports) > fewPorts:
			words = append(words, name+"/"+strings.Join(ports[:fewPorts], ","))
			left += len(ports) - fewPorts
		default:
			words = append(words, name+"/"+strings.Join(ports, ","))
		}
	}
	if len(words) > fewPorts+1 {
		left += len(words) - fewPorts - 1
		words = words[:fewPorts+1]
	}
	return strings.Join(words, " ") + more(left)
}

// explain adds to each wire the rules that decide between the first two of its ends that differ.
func (g *Graph) explain() {
	if g.opt.Explain == nil {
		return
	}
	for _, w := range g.Wires {
		if w.Verdict == Structure || w.Change == "removed" || w.conns.IsEmpty() {
			continue
		}
		if a, b, ok := g.firstPair(w); ok {
			w.Because = g.opt.Explain(a, b, w.conns)
		}
	}
}

func (g *Graph) firstPair(w *Wire) (a, b reach.Peer, ok bool) {
	for _, s := range g.standsFor(w.From) {
		for _, d := range g.standsFor(w.To) {
			a, aok := peer(s)
			b, bok := peer(d)
			if s != d && aok && bok {
				return a, b, true
			}
		}
	}
	return a, b, false
}
