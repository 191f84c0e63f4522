package draw

import (
	"fmt"
	"strings"
)

// Headline is the picture in one line.
func (p *Picture) Headline() string {
	return p.title() + ": " + Safe(p.Graph.clusterName())
}

// Facts is the text alternative of the picture: everything that its lines say, one sentence each.
func (p *Picture) Facts() []string {
	g := p.Graph
	out := p.stamp()
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
		out = append(out, fmt.Sprintf("Group %s: each of %s may open %s to each other one: %s.", gr.Name, plural(gr.Count, "workload"), verdictPorts(gr.Verdict, gr.Ports), Safe(p.names(gr.Members))))
	}
	if g.Matrix != nil {
		for _, c := range g.Matrix.Cells {
			out = append(out, Safe(fmt.Sprintf("%s to %s: %s %s %s", c.From, c.To, c.Verdict, c.Certain, strings.Join(c.Needs, ", "))))
		}
	}
	return append(out, g.Notes...)
}
