package formats

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

func writeDOT(w io.Writer, p *draw.Picture, _ Options) error {
	b := bufio.NewWriter(w)
	g := p.Graph
	name, nodes := names(g), nodesOf(g)
	fmt.Fprintf(b, "digraph map {\n  graph [label=%s, labelloc=t, compound=true, fontname=\"Helvetica\", rankdir=TB];\n  node [fontname=\"Helvetica\", fontsize=11, style=filled];\n  edge [fontname=\"Helvetica\", fontsize=9];\n", dot(p.Headline()))
	for i, bd := range g.Bands {
		fmt.Fprintf(b, "  subgraph cluster_z%d {\n    label=%s; style=filled; fillcolor=\"%s\";\n", i+1, dot(bandText(bd)), classColor(bd))
		for _, f := range bd.Frames {
			fmt.Fprintf(b, "    subgraph cluster_%s {\n      label=%s; style=\"filled,rounded\"; fillcolor=\"#FFE1DC\";\n", name[f.ID], dot(draw.Safe(f.Title)))
			for _, id := range f.Nodes {
				b.WriteString("      ")
				dotNode(b, name[id], nodes[id])
			}
			b.WriteString("    }\n")
		}
		b.WriteString("  }\n")
	}
	for _, n := range homeless(g) {
		b.WriteString("  ")
		dotNode(b, name[n.ID], n)
	}
	for _, e := range edges(g) {
		attrs := []string{"label=" + dot(edgeText(e.wire)), dotStyle(e.wire)}
		from, to := first(g, e.from), first(g, e.to)
		if from != e.from {
			attrs = append(attrs, "ltail="+clusterName(g, name, e.from))
		}
		if to != e.to {
			attrs = append(attrs, "lhead="+clusterName(g, name, e.to))
		}
		fmt.Fprintf(b, "  %s -> %s [%s];\n", name[from], name[to], strings.Join(attrs, ", "))
	}
	for i, gr := range g.Groups {
		fmt.Fprintf(b, "  g%d [shape=note, fillcolor=\"#FFECA9\", label=%s];\n", i+1, dot(draw.Safe(groupLine(g, gr))))
	}
	b.WriteString("}\n")
	return b.Flush()
}

func clusterName(g *draw.Graph, name map[string]string, id string) string {
	for i, b := range g.Bands {
		if b.ID == id {
			return fmt.Sprintf("cluster_z%d", i+1)
		}
	}
	return "cluster_" + name[id]
}

// first is a node in a frame or band, as Graphviz draws no lines to those.
func first(g *draw.Graph, id string) string {
	for _, b := range g.Bands {
		if b.ID == id {
			return b.Frames[0].Nodes[0]
		}
		for _, f := range b.Frames {
			if f.ID == id {
				return f.Nodes[0]
			}
		}
	}
	return id
}

func dotNode(b *bufio.Writer, name string, n *draw.Node) {
	shape, color := looks(n)
	lines := caption(n)
	if len(n.Ports) > 0 {
		var ports []string
		for _, p := range n.Ports {
			ports = append(ports, draw.Safe(p.Text))
		}
		lines = append(lines, strings.Join(ports, ", "))
	}
	fmt.Fprintf(b, "%s [shape=%s, fillcolor=\"%s\", label=%s];\n", name, shape, color, dot(strings.Join(lines, "\n")))
}

// looks is the shape in Graphviz and the colour of a node.
func looks(n *draw.Node) (shape, color string) {
	switch n.Kind {
	case draw.Service, draw.Alias:
		return "ellipse", "#FFECA9"
	case draw.Entry:
		return "parallelogram", "#FFECA9"
	case draw.Storage:
		return "cylinder", "#99D2F2"
	case draw.Outside:
		return "egg", "#F6F8FA"
	case draw.Bundle:
		return "box3d", "#DDF1CC"
	case draw.Workload:
	}
	return "box", "#C7E8AC"
}

func dotStyle(w *draw.Wire) string {
	switch {
	case w.Change == "added":
		return `color="#0B5A2A", penwidth=2`
	case w.Change == "removed":
		return `color="#A40E26", style=dotted, arrowhead=tee`
	case w.Verdict == draw.Undecided:
		return `color="#7A4A00", style=dashed, arrowhead=empty`
	case w.Verdict == draw.Denied:
		return `color="#A40E26", arrowhead=tee`
	case w.Verdict == draw.Structure:
		return `color="#50575F", arrowhead=open`
	case w.Missing:
		return `color="#A40E26"`
	case w.Account:
		return `penwidth=3`
	}
	return `color="#1B1F24"`
}

// dot quotes a text for the DOT language, in which a backslash begins an escape of labels.
func dot(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"':
			b.WriteString(`\"`)
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ':
			b.WriteByte(' ')
		default:
			b.WriteString(draw.Safe(string(r)))
		}
	}
	b.WriteByte('"')
	return b.String()
}

func classColor(b *draw.Band) string {
	switch {
	case b.Class.InCDE():
		return "#F7C9D4"
	case b.Class == "connected-to":
		return "#FBE3C0"
	case b.Class == "security-impacting":
		return "#E3DAF3"
	}
	return "#E6E8EB"
}
