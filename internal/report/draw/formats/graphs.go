package formats

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// names gives everything in a graph a short name that is safe in any language: n1, f2, z3.
func names(g *draw.Graph) map[string]string {
	out := map[string]string{}
	for i, n := range g.Nodes {
		out[n.ID] = fmt.Sprintf("n%d", i+1)
	}
	k := 0
	for i, b := range g.Bands {
		out[b.ID] = fmt.Sprintf("z%d", i+1)
		for _, f := range b.Frames {
			k++
			out[f.ID] = fmt.Sprintf("f%d", k)
		}
	}
	return out
}

// nodesOf gives the nodes by their ID.
func nodesOf(g *draw.Graph) map[string]*draw.Node {
	out := map[string]*draw.Node{}
	for _, n := range g.Nodes {
		out[n.ID] = n
	}
	return out
}

// homeless is the nodes that stand in no frame: on the edge of the cluster, or outside.
func homeless(g *draw.Graph) []*draw.Node {
	in := map[string]bool{}
	for _, b := range g.Bands {
		for _, f := range b.Frames {
			for _, id := range f.Nodes {
				in[id] = true
			}
		}
	}
	var out []*draw.Node
	for _, n := range g.Nodes {
		if !in[n.ID] {
			out = append(out, n)
		}
	}
	return out
}

// caption is the lines of a node's label.
func caption(n *draw.Node) []string {
	out := []string{n.Title}
	if n.Kind == draw.Workload && len(n.Left) > 1 {
		out[0] = n.Left[0].Text + " " + n.Title + " (" + n.Left[1].Text + ")"
	}
	if n.Sub != "" {
		out = append(out, n.Sub)
	}
	for _, g := range n.Groups {
		out = append(out, "group "+g)
	}
	for i := range out {
		out[i] = draw.Safe(out[i])
	}
	return out
}

// edge is one line between two ends, for languages that know no others.
type edge struct {
	from, to string
	wire     *draw.Wire
}

// edges splits wires with many ends.
func edges(g *draw.Graph) []edge {
	var out []edge
	for _, w := range g.Wires {
		for _, a := range w.From {
			for _, b := range w.To {
				if a != b {
					out = append(out, edge{a, b, w})
				}
			}
		}
	}
	return out
}

// groupLine says who is in a group.
func groupLine(g *draw.Graph, gr *draw.Group) string {
	return "group " + gr.Name + ": " + g.SaidGroup(gr)
}

// edgeText is the text at an edge.
func edgeText(w *draw.Wire) string {
	if w.Verdict == draw.Denied {
		return "stopped"
	}
	return w.Label
}

// bandText is the title of a zone, "" when nobody stated zones.
func bandText(b *draw.Band) string {
	if b.Title == "" {
		return ""
	}
	return draw.Safe(b.Title + " (" + string(b.Class) + ")")
}
