package formats

import (
	"bufio"
	_ "embed" // for the program and the style of the page
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

//go:embed map.js
var pageProgram string

//go:embed map.css
var pageStyle string

// writeHTML writes one file that asks for nothing else: the picture with both themes, a program for moving about in
// it, and the same facts as tables. The content security policy forbids every request.
func writeHTML(w io.Writer, p *draw.Picture, o Options) error {
	b := bufio.NewWriter(w)
	g := p.Graph
	fmt.Fprintf(b, "<!DOCTYPE html>\n<html lang=\"en\" data-theme=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n", xml(o.Theme))
	b.WriteString("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n")
	fmt.Fprintf(b, "<title>%s</title>\n<style>\n%s", xml(p.Headline()), baseStyle+pageStyle)
	for _, t := range draw.Themes() {
		scope := `html[data-theme="` + t.Name + `"] `
		b.WriteString(styleOf(t, scope))
		fmt.Fprintf(b, "%s{--page:%s;--text:%s;--faint:%s;--rule:%s;--mark:%s}\n", strings.TrimSpace(scope), t.Colors["page"], t.Colors["text"], t.Colors["faint"], t.Colors["rule"], t.Colors["open"])
	}
	b.WriteString("</style>\n</head>\n<body>\n")
	fmt.Fprintf(b, "<header><h1>%s</h1><label>Search <input id=\"search\" type=\"search\" autocomplete=\"off\" placeholder=\"name, namespace, port\"></label><span id=\"found\" role=\"status\"></span>"+
		"<span class=\"tools\"><button id=\"in\" title=\"zoom in (+)\">+</button><button id=\"out\" title=\"zoom out (-)\">-</button><button id=\"fit\" title=\"show all (0)\">Fit</button><button id=\"theme\" title=\"light or dark (t)\">Theme</button></span></header>\n", xml(p.Headline()))
	b.WriteString("<main><div id=\"stage\" tabindex=\"0\" aria-label=\"Diagram. Plus and minus zoom, arrow keys move, 0 shows all, Tab goes from one thing to the next.\">\n")
	svg(b, p, "group", "", Options{})
	b.WriteString("</div><aside id=\"side\" aria-live=\"polite\" hidden></aside></main>\n")
	tables(b, p)
	data, err := json.Marshal(details(g))
	if err != nil {
		return err
	}
	// json.Marshal escapes <, > and &, so nothing in it can end the element.
	fmt.Fprintf(b, "<script type=\"application/json\" id=\"data\">%s</script>\n<script>\n%s</script>\n</body>\n</html>\n", escaped(data), pageProgram)
	return b.Flush()
}

// detail is what the side panel tells of a thing.
type detail struct {
	Title string     `json:"title"`
	Lines []string   `json:"lines"`
	Trace []string   `json:"trace,omitempty"`
	Rows  [][]string `json:"rows,omitempty"`
}

func details(g *draw.Graph) map[string]detail {
	out := map[string]detail{}
	for _, n := range g.Nodes {
		d := detail{Title: orText(n.Object, n.Title), Lines: []string{}}
		for _, l := range append([]string{n.Sub}, n.Detail...) {
			if l != "" {
				d.Lines = append(d.Lines, l)
			}
		}
		if n.Shield != nil {
			d.Lines = append(d.Lines, fmt.Sprintf("isolating policies: %d; ingress isolated: %s; egress isolated: %s", n.Shield.Policies, n.Shield.Ingress, n.Shield.Egress))
		}
		if n.Pos != "" {
			d.Lines = append(d.Lines, n.Pos)
		}
		out[draw.Safe(n.ID)] = d
	}
	for _, w := range g.Wires {
		d := detail{Title: string(w.Verdict) + " " + w.Ports, Lines: []string{"from " + list(g, w.From), "to " + list(g, w.To)}, Trace: w.Because}
		if w.Verdict == draw.Structure {
			d.Title = orText(w.Label, "leads to")
		}
		if len(w.Needs) > 0 {
			d.Lines = append(d.Lines, "need "+strings.Join(w.Needs, ", "))
		}
		if w.Missing {
			d.Lines = append(d.Lines, "no declared need covers it")
		}
		out[draw.Safe(w.ID)] = d
	}
	return out
}

func orText(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func list(g *draw.Graph, ids []string) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = g.Name(id)
	}
	return strings.Join(out, ", ")
}

// tables are the same facts as text, for readers that do not see the picture.
func tables(b *bufio.Writer, p *draw.Picture) {
	g := p.Graph
	b.WriteString("<section id=\"text\" aria-labelledby=\"text-head\"><h2 id=\"text-head\">The same as a table</h2>\n<div id=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table>\n")
	for i, row := range rows(p) {
		open, end := "<td>", "</td>"
		if i == 0 {
			open, end = "<th scope=\"col\">", "</th>"
		}
		b.WriteString("<tr>")
		for _, s := range row {
			b.WriteString(open + xml(draw.Safe(s)) + end)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table></div>\n<ul>\n")
	for _, n := range g.Notes {
		fmt.Fprintf(b, "<li>%s</li>\n", xml(draw.Safe(n)))
	}
	b.WriteString("</ul></section>\n")
}
