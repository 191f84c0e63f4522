package draw

import (
	"fmt"
	"strings"
)

// Headline is the picture in one line.
func (p *Picture) Headline() string {
	return p.title() + ": " + Safe(p.Graph.clusterName())
}

// SaidGroup is what a group means, in one sentence. Boxes that stand for many workloads have some that may, and some
// that may be reached.
func (g *Graph) SaidGroup(gr *Group) string {
	names := make([]string, len(gr.Members))
	for i, id := range gr.Members {
		names[i] = Safe(g.Name(id))
	}
	ports := verdictPorts(gr.Verdict, gr.Ports)
	line := fmt.Sprintf("%s: each of these may open %s to each other one: %s", plural(gr.Count, "workload"), ports, strings.Join(names, ", "))
	if gr.Some {
		line = fmt.Sprintf("boxes of which each has workloads that may open %s to workloads of each other one: %s", ports, strings.Join(names, ", "))
	}
	if gr.Crosses {
		line += "; the boundary of the CDE runs through this group"
	}
	if gr.Change != "" {
		line = gr.Change + ": " + line
	}
	return line
}

// emptiness says why nothing is drawn. It speaks of the input: what is missing in it may well be there.
func (g *Graph) emptiness() string {
	switch {
	case len(g.in.Cluster.Workloads) == 0:
		return "The input has no workloads."
	case g.View == Exposure:
		return "The input shows no way in from outside to any workload."
	case g.View == Dataflow:
		return "No workload of the input is in the cardholder data environment."
	case g.View == Network, g.View == Path, g.View == Zones:
	}
	return "No workload of the input is part of this view."
}

// Facts is the text alternative of the picture: everything that its lines say, one sentence each.
func (p *Picture) Facts() []string {
	g := p.Graph
	out := p.stamp()
	if len(g.Nodes) == 0 && g.Matrix == nil || g.Matrix != nil && len(g.Matrix.Zones) == 0 {
		out = append(out, g.emptiness())
	}
	for _, b := range g.Bands {
		var names []string
		for _, f := range b.Frames {
			names = append(names, Safe(f.Title))
		}
		if g.zoned {
			out = append(out, fmt.Sprintf("Zone %s (%s): %s.", Safe(b.Title), className(b.Class), strings.Join(names, ", ")))
		}
	}
	for _, w := range g.Wires {
		out = append(out, p.said(w)+".")
	}
	for _, gr := range g.Groups {
		out = append(out, "Group "+gr.Name+": "+g.SaidGroup(gr)+".")
	}
	if g.Matrix != nil {
		for _, c := range g.Matrix.Cells {
			out = append(out, Safe(fmt.Sprintf("%s to %s: %s %s %s", c.From, c.To, c.Verdict, c.Certain, strings.Join(c.Needs, ", "))))
		}
	}
	return append(out, g.Notes...)
}
