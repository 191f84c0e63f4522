package formats

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

func writeD2(w io.Writer, p *draw.Picture, _ Options) error {
	b := bufio.NewWriter(w)
	g := p.Graph
	name, nodes := names(g), nodesOf(g)
	path := map[string]string{}
	fmt.Fprintf(b, "direction: down\ntitle: %s {shape: text; near: top-center}\ncluster: %s {\n", d2(p.Headline()), d2(draw.Safe("Cluster "+g.Title.Cluster)))
	for _, bd := range g.Bands {
		fmt.Fprintf(b, "  %s: %s {\n    style.fill: \"%s\"\n", name[bd.ID], d2(bandText(bd)), classColor(bd))
		path[bd.ID] = "cluster." + name[bd.ID]
		for _, f := range bd.Frames {
			path[f.ID] = path[bd.ID] + "." + name[f.ID]
			fmt.Fprintf(b, "    %s: %s {\n", name[f.ID], d2(draw.Safe(f.Title)))
			for _, id := range f.Nodes {
				path[id] = path[f.ID] + "." + name[id]
				b.WriteString("      ")
				d2Node(b, name[id], nodes[id])
			}
			b.WriteString("    }\n")
		}
		b.WriteString("  }\n")
	}
	b.WriteString("}\n")
	for _, n := range homeless(g) {
		path[n.ID] = name[n.ID]
		d2Node(b, name[n.ID], n)
	}
	for _, e := range edges(g) {
		fmt.Fprintf(b, "%s -> %s: %s%s\n", path[e.from], path[e.to], d2(edgeText(e.wire)), d2Style(e.wire))
	}
	for i, gr := range g.Groups {
		fmt.Fprintf(b, "g%d: %s {shape: page}\n", i+1, d2(draw.Safe(groupLine(g, gr))))
	}
	return b.Flush()
}

func d2Node(b *bufio.Writer, name string, n *draw.Node) {
	shape := "rectangle"
	_, color := looks(n)
	switch n.Kind {
	case draw.Service, draw.Alias:
		shape = "oval"
	case draw.Entry:
		shape = "parallelogram"
	case draw.Storage:
		shape = "cylinder"
	case draw.Outside:
		shape = "cloud"
	case draw.Bundle:
		shape = "package"
	case draw.Workload:
	}
	fmt.Fprintf(b, "%s: %s {shape: %s; style.fill: \"%s\"}\n", name, d2(strings.Join(caption(n), ", ")), shape, color)
}

func d2Style(w *draw.Wire) string {
	switch {
	case w.Change == "removed", w.Verdict == draw.Undecided:
		return " {style.stroke-dash: 4}"
	case w.Verdict == draw.Denied:
		return " {target-arrowhead.shape: cross}"
	case w.Verdict == draw.Structure:
		return " {style.stroke: \"#50575F\"}"
	case w.Account:
		return " {style.stroke-width: 4}"
	}
	return ""
}

// d2 quotes a text: in single quotes nothing has a meaning but the quote itself.
func d2(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch {
		case r == '\'':
			b.WriteString("''")
		case r < ' ':
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
