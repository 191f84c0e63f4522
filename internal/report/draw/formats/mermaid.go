package formats

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

func writeMermaid(w io.Writer, p *draw.Picture, _ Options) error {
	b := bufio.NewWriter(w)
	g := p.Graph
	name, nodes := names(g), nodesOf(g)
	b.WriteString("flowchart TB\n")
	fmt.Fprintf(b, "  accTitle: %s\n", strings.NewReplacer("\n", " ", ";", ",", "#", " ", "%", " ").Replace(p.Headline()))
	for _, bd := range g.Bands {
		fmt.Fprintf(b, "  subgraph %s[\"%s\"]\n", name[bd.ID], mermaid(bandText(bd)))
		for _, f := range bd.Frames {
			fmt.Fprintf(b, "    subgraph %s[\"%s\"]\n", name[f.ID], mermaid(draw.Safe(f.Title)))
			for _, id := range f.Nodes {
				b.WriteString("      ")
				mermaidNode(b, name[id], nodes[id])
			}
			b.WriteString("    end\n")
		}
		b.WriteString("  end\n")
	}
	for _, n := range homeless(g) {
		b.WriteString("  ")
		mermaidNode(b, name[n.ID], n)
	}
	for _, e := range edges(g) {
		fmt.Fprintf(b, "  %s %s %s\n", name[e.from], mermaidArrow(e.wire), name[e.to])
	}
	for i, gr := range g.Groups {
		fmt.Fprintf(b, "  g%d[\"%s\"]\n", i+1, mermaid(draw.Safe(groupLine(g, gr))))
	}
	b.WriteString("  classDef compute fill:#C7E8AC,stroke:#1B1F24,color:#14181D\n  classDef net fill:#FFECA9,stroke:#1B1F24,color:#14181D\n  classDef data fill:#99D2F2,stroke:#1B1F24,color:#14181D\n")
	return b.Flush()
}

func mermaidNode(b *bufio.Writer, name string, n *draw.Node) {
	lines := caption(n)
	for i := range lines {
		lines[i] = mermaid(lines[i])
	}
	text := strings.Join(lines, "<br/>")
	switch n.Kind {
	case draw.Service, draw.Alias:
		fmt.Fprintf(b, "%s([\"%s\"]):::net\n", name, text)
	case draw.Entry:
		fmt.Fprintf(b, "%s[/\"%s\"/]:::net\n", name, text)
	case draw.Storage:
		fmt.Fprintf(b, "%s[(\"%s\")]:::data\n", name, text)
	case draw.Outside:
		fmt.Fprintf(b, "%s((\"%s\"))\n", name, text)
	case draw.Bundle:
		fmt.Fprintf(b, "%s[[\"%s\"]]:::compute\n", name, text)
	default:
		fmt.Fprintf(b, "%s[\"%s\"]:::compute\n", name, text)
	}
}

func mermaidArrow(w *draw.Wire) string {
	text := edgeText(w)
	switch {
	case w.Verdict == draw.Structure && text == "":
		return "-->"
	case w.Verdict == draw.Undecided || w.Change == "removed":
		return `-. "` + mermaid(text) + `" .->`
	case w.Verdict == draw.Denied:
		return `-- "` + mermaid(text) + `" --x`
	case w.Account:
		return `== "` + mermaid(text) + `" ==>`
	}
	return `-- "` + mermaid(text) + `" -->`
}

// mermaid writes everything but plain letters as entity codes, which Mermaid reads in quoted texts.
func mermaid(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" ._,:/()+-", r):
			b.WriteRune(r)
		case r < ' ':
			b.WriteByte(' ')
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
