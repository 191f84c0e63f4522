package formats

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// rows are the facts of a picture as a table: the cells of a matrix, else the wires with a verdict and the groups.
func rows(p *draw.Picture) [][]string {
	g := p.Graph
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return ""
	}
	if g.Matrix != nil {
		out := [][]string{{"from", "to", "verdict", "certain", "undecided", "needs", "need missing", "requirements"}}
		for _, c := range g.Matrix.Cells {
			out = append(out, []string{c.From, c.To, c.Verdict, c.Certain, c.Undecided, strings.Join(c.Needs, " "), yes(c.Missing), strings.Join(c.Requirements, " ")})
		}
		return out
	}
	out := [][]string{{"from", "to", "verdict", "ports", "needs", "need missing", "change"}}
	for _, w := range g.Wires {
		if w.Verdict != draw.Structure {
			out = append(out, []string{list(g, w.From), list(g, w.To), string(w.Verdict), w.Ports, strings.Join(w.Needs, " "), yes(w.Missing), w.Change})
		}
	}
	for _, gr := range g.Groups {
		from, to := "each of "+list(g, gr.Members), "each other one"
		if gr.Some {
			from, to = "some of "+from, "some of "+to
		}
		out = append(out, []string{from, to, string(gr.Verdict), gr.Ports, "", "", gr.Change})
	}
	return out
}

// writeCSV writes the table. A spreadsheet takes what begins with some signs for a formula; such cells get a quote.
func writeCSV(w io.Writer, p *draw.Picture, _ Options) error {
	c := csv.NewWriter(w)
	for _, row := range rows(p) {
		for i, s := range row {
			s = draw.Safe(s)
			if first := strings.TrimLeft(s, " "); first != "" && strings.ContainsRune("=+-@\uff1d\uff0b\uff0d\uff20", []rune(first)[0]) {
				s = "'" + s // blanks in front do not help, spreadsheets may drop them
			}
			row[i] = s
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// writeText writes the matrix as a table for a terminal, and other views as their facts.
func writeText(w io.Writer, p *draw.Picture, _ Options) error {
	b := bufio.NewWriter(w)
	m := p.Graph.Matrix
	if m == nil {
		fmt.Fprintf(b, "%s\n\n", draw.Safe(p.Headline()))
		for _, f := range p.Facts() {
			fmt.Fprintf(b, "%s\n", draw.Safe(f))
		}
		return b.Flush()
	}
	grid := gridOf(m)
	wide := make([]int, len(grid[0]))
	for _, row := range grid {
		for i, s := range row {
			wide[i] = max(wide[i], utf8.RuneCountInString(s))
		}
	}
	for _, row := range grid {
		var line strings.Builder
		for i, s := range row {
			line.WriteString(s + strings.Repeat(" ", wide[i]-utf8.RuneCountInString(s)+2))
		}
		fmt.Fprintf(b, "%s\n", strings.TrimRight(line.String(), " "))
	}
	b.WriteString("\n-  nothing is allowed   ?  undecided   !  a part is declared by no need\n")
	return b.Flush()
}

// gridOf is the matrix with a row and a column for each zone.
func gridOf(m *draw.Matrix) [][]string {
	grid := [][]string{{"", "FROM / TO"}}
	for i, z := range m.Zones {
		grid[0] = append(grid[0], fmt.Sprint(i+1))
		name := z.Name
		if z.Outside {
			name = "outside: " + name
		} else if z.Class != "" {
			name += " (" + string(z.Class) + ")"
		}
		grid = append(grid, []string{fmt.Sprint(i + 1), draw.Safe(name)})
	}
	k := 0
	for i, from := range m.Zones {
		for _, to := range m.Zones {
			text := ""
			if !from.Outside || !to.Outside {
				text = cellText(m.Cells[k])
				k++
			}
			grid[i+1] = append(grid[i+1], draw.Safe(text))
		}
	}
	return grid
}

func cellText(c draw.Cell) string {
	text := "-"
	switch c.Verdict {
	case string(draw.Allowed):
		text = c.Certain
	case string(draw.Undecided):
		text = "?" + c.Undecided
	}
	if c.Missing {
		text += " !"
	}
	return text
}
