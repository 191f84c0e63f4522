package draw

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// link is a connection between two nodes in one verdict. A bundle has links to itself.
type link struct {
	src, dst *Node
	verdict  Verdict
}

// Check holds the picture against the model, both ways: every connection of the model between what is drawn must be
// in a wire or a group, and every wire and group must be in the model. It reads the wires as a reader does, with
// frames, bands and Services taken for the workloads that they stand for, and shares nothing with the code that
// made them. It gives the differences, none when the two agree. View Exposure is held against the ways in that were
// found, as the model does not list them.
func Check(g *Graph) []string {
	if g.View == Exposure {
		out := append(g.unseen(), checkWays(g)...)
		slices.Sort(out)
		return out
	}
	want, got := g.fromModel(), g.fromWires()
	keys := map[link]bool{}
	for k := range want {
		keys[k] = true
	}
	for k := range got {
		keys[k] = true
	}
	out := g.unseen()
	for k := range keys {
		if lost := want[k].Subtract(got[k]); !lost.IsEmpty() {
			out = append(out, fmt.Sprintf("not drawn: %s to %s: %s %s", g.Name(k.src.ID), g.Name(k.dst.ID), k.verdict, lost))
		}
		if made := got[k].Subtract(want[k]); !made.IsEmpty() {
			out = append(out, fmt.Sprintf("drawn and not in the model: %s to %s: %s %s", g.Name(k.src.ID), g.Name(k.dst.ID), k.verdict, made))
		}
	}
	slices.Sort(out)
	return out
}

// fromModel is what the model says of the nodes.
func (g *Graph) fromModel() map[link]netset.Conns {
	must, may := map[link]netset.Conns{}, map[link]netset.Conns{}
	for e := range g.in.Model.Edges() {
		if !g.wanted(g.in, e.Src.Workload, e.Dst.Workload) {
			continue
		}
		k := link{verdict: Allowed}
		if e.Src.IsOutside() {
			k.src = g.cloudOf(e.Src.Addrs, policy.Ingress)
		} else {
			k.src = g.leaf[e.Src.Workload]
		}
		if e.Dst.IsOutside() {
			k.dst = g.cloudOf(e.Dst.Addrs, policy.Egress)
		} else {
			k.dst = g.leaf[e.Dst.Workload]
		}
		if k.src == nil || k.dst == nil {
			if g.lost(e.Src.Workload) || g.lost(e.Dst.Workload) {
				continue // left out by the reader's wish, which the notes tell
			}
			k.src, k.dst = orNowhere(k.src), orNowhere(k.dst)
		}
		if k.src == k.dst && k.src.Kind != Bundle {
			continue
		}
		must[k], may[k] = must[k].Union(e.Must), may[k].Union(e.May)
	}
	out := map[link]netset.Conns{}
	for k, all := range may {
		if !must[k].IsEmpty() {
			out[k] = must[k]
		}
		if open := all.Subtract(must[k]); !open.IsEmpty() {
			out[link{k.src, k.dst, Undecided}] = open
		}
	}
	return out
}

// unseen lists the workloads that should be drawn and stand in no box, in more than one, or in the box of a zone
// that is not theirs. Boxes are looked for in frames, as a reader does.
func (g *Graph) unseen() []string {
	boxes := map[*cluster.Workload]int{}
	var out []string
	for _, b := range g.Bands {
		for _, f := range b.Frames {
			for _, id := range f.Nodes {
				n := g.byID[id]
				if n == nil || !slices.Contains(g.Nodes, n) {
					out = append(out, fmt.Sprintf("not drawn: %s", id))
					continue
				}
				if n.Kind != Workload && n.Kind != Bundle {
					continue
				}
				for _, w := range n.workloads {
					boxes[w]++
					if home := g.bandOf(w); home.ID != b.ID && b.ID != "class:"+string(home.Class) {
						out = append(out, fmt.Sprintf("drawn in another zone: %s in %s", w.Ref, b.Title))
					}
				}
			}
		}
	}
	for _, w := range g.in.Cluster.Workloads {
		if n := boxes[w]; n != 1 && (g.keep == nil || g.keep[w]) {
			out = append(out, fmt.Sprintf("drawn %d times: %s", n, w.Ref))
		}
	}
	return out
}

// lost holds for workloads that are not drawn at all, by the reader's wish.
func (g *Graph) lost(w *cluster.Workload) bool { return w != nil && g.keep != nil && !g.keep[w] }

func orNowhere(n *Node) *Node {
	if n == nil {
		return &Node{ID: "nowhere"}
	}
	return n
}

// cloudOf finds the node of addresses, or of several sets that have them among others.
func (g *Graph) cloudOf(a netset.Addrs, as policy.Direction) *Node {
	edge := "top"
	if as == policy.Egress {
		edge = "bottom"
	}
	for _, n := range g.Nodes {
		if n.Kind == Outside && n.Edge == edge && n.addrs.Equal(a) && len(n.merged) == 0 {
			return n
		}
	}
	for _, n := range g.Nodes {
		if n.Kind == Outside && n.Edge == edge && slices.ContainsFunc(n.merged, func(m *Node) bool { return m.addrs.Equal(a) }) {
			return n
		}
	}
	return nil
}

// fromWires is what the picture says.
func (g *Graph) fromWires() map[link]netset.Conns {
	out := map[link]netset.Conns{}
	add := func(src, dst *Node, v Verdict, c netset.Conns) {
		if src != dst && !c.IsEmpty() {
			k := link{src, dst, v}
			out[k] = out[k].Union(c)
		}
	}
	for _, w := range g.Wires {
		if w.Verdict == Structure || w.Change == "removed" {
			continue
		}
		for _, s := range g.standsFor(w.From) {
			for _, d := range g.standsFor(w.To) {
				add(s, d, w.Verdict, w.conns)
			}
		}
	}
	for _, gr := range g.Groups {
		if gr.Change == "removed" {
			continue
		}
		all := g.standsFor(gr.Members)
		for _, s := range all {
			for _, d := range all {
				add(s, d, gr.Verdict, gr.conns)
			}
		}
	}
	for _, n := range g.Nodes {
		if n.Kind == Bundle && !n.inner.may.IsEmpty() {
			if !n.inner.must.IsEmpty() {
				out[link{n, n, Allowed}] = n.inner.must
			}
			if open := n.inner.open(); !open.IsEmpty() {
				out[link{n, n, Undecided}] = open
			}
		}
	}
	return out
}

// standsFor is the nodes that ends mean.
func (g *Graph) standsFor(ids []string) []*Node {
	var out []*Node
	add := func(n *Node) {
		if n != nil && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	frame := func(f *Frame) {
		for _, id := range f.Nodes {
			if n := g.byID[id]; n.Kind == Workload || n.Kind == Bundle {
				add(n)
			}
		}
	}
	for _, id := range ids {
		if n := g.byID[id]; n != nil {
			if n.Kind != Service {
				add(n)
				continue
			}
			for _, w := range g.Wires { // as its own wires show
				if w.Verdict == Structure && slices.Equal(w.From, []string{id}) {
					for _, x := range g.standsFor(w.To) {
						add(x)
					}
				}
			}
			continue
		}
		for _, b := range g.Bands {
			for _, f := range b.Frames {
				if b.ID == id || f.ID == id {
					frame(f)
				}
			}
		}
	}
	return out
}

// hasBundle tells whether a box in these frames stands for many workloads.
func (g *Graph) hasBundle(frames ...*Frame) bool {
	return slices.ContainsFunc(frames, func(f *Frame) bool {
		return slices.ContainsFunc(f.Nodes, func(id string) bool { return g.byID[id].Kind == Bundle })
	})
}

// Shows tells whether the workload is drawn, as a box or in one.
func (g *Graph) Shows(w *cluster.Workload) bool { return g.leaf[w] != nil }

// HasBundles tells whether some boxes stand for whole namespaces or zones.
func (g *Graph) HasBundles() bool {
	return slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Kind == Bundle })
}
