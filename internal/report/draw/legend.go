package draw

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// sample is an entry of the legend: a sign, painted at a place, and what it means.
type sample struct {
	text  string
	paint func(x, y int)
}

const (
	legendCol = 250
	legendRow = 24
	signW     = 46
)

// foot paints the legend, the groups, the notes and the last line, and sets the height of the page.
func (p *Picture) foot(y int) {
	s := &p.Scene
	inner := s.Width - 2*pageMargin
	samples := p.samples()
	if len(samples) == 0 {
		p.notes(y)
		return
	}
	s.open("legend", "legend", "Legend")
	y += 14
	s.text(pageMargin, y, bold(sizeText), Start, inkText, 0, "Legend")
	s.text(pageMargin+54, y, plain(sizeSmall), Start, inkFaint, 0, Notation)
	y += 10
	cols := max(1, inner/legendCol)
	rows := (len(samples) + cols - 1) / cols
	for i, sm := range samples {
		x, top := pageMargin+(i/rows)*legendCol, y+(i%rows)*legendRow
		sm.paint(x, top+legendRow/2)
		s.text(x+signW+8, top+legendRow/2+4, plain(sizeSmall), Start, inkText, legendCol-signW-20, sm.text)
	}
	y += rows*legendRow + 8
	s.close()
	for _, g := range p.Graph.Groups {
		line := p.Graph.SaidGroup(g)
		y += 8
		p.groupMarks(pageMargin+signW-8, y-2, []string{g.Name})
		for i, l := range limited(wrap(line, plain(sizeSmall), inner-signW-8), 3) {
			s.text(pageMargin+signW+8, y+10+i*13, plain(sizeSmall), Start, inkText, inner-signW-8, l)
			if i > 0 {
				y += 13
			}
		}
		y += 14
	}
	p.notes(y)
}

// notes paints what was left out, and ends the page.
func (p *Picture) notes(y int) {
	s := &p.Scene
	inner := s.Width - 2*pageMargin
	for _, n := range p.Graph.Notes {
		for _, l := range wrap(Safe(n), plain(sizeSmall), inner) {
			y += 14
			s.text(pageMargin, y, plain(sizeSmall), Start, inkFaint, inner, l)
		}
	}
	p.lastLine(y + 14)
}

// lastLine paints what the picture is of, and sets the height of the page.
func (p *Picture) lastLine(y int) {
	s := &p.Scene
	inner := s.Width - 2*pageMargin
	s.figure(Figure{Steps: []Step{{Op: 'M', X: pageMargin, Y: float64(y)}, {Op: 'L', X: float64(s.Width - pageMargin), Y: float64(y)}}, Stroke: inkRule, Width: 1})
	y += 16
	right := strings.TrimSpace(Notation + "  |  " + orElse(p.Graph.Title.Tool, "bulkhead"))
	s.text(pageMargin, y, plain(sizeSmall), Start, inkFaint, inner-width(right, plain(sizeSmall))-20, strings.Join(append([]string{Safe(p.Graph.clusterName())}, p.stamp()...), "  |  "))
	s.text(s.Width-pageMargin, y, plain(sizeSmall), End, inkFaint, 0, right)
	s.Height = y + 20
}

func limited(lines []string, most int) []string {
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1] += " ..."
	}
	return lines
}

func verdictPorts(v Verdict, ports string) string {
	if ports == "all" {
		ports = "all ports"
	}
	if v == Undecided {
		return "perhaps " + ports
	}
	return ports
}

// samples are the signs that the picture uses, in the order of the notation.
func (p *Picture) samples() []sample {
	g, s := p.Graph, &p.Scene
	var out []sample
	has := func(k Kind) bool { return slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Kind == k }) }
	box := func(text string, steps func(x, y float64) []Step, fill Ink) {
		out = append(out, sample{text, func(x, y int) {
			s.figure(Figure{Steps: steps(float64(x)+4, float64(y)), Fill: fill, Stroke: inkLine, Width: 1})
		}})
	}
	if p.icons() {
		out = append(out, p.iconSamples()...)
	} else if has(Workload) {
		box("workload (pods), containers within", func(x, y float64) []Step { return rect(x, y-8, 38, 16, 3) }, inkPod)
	}
	if has(Bundle) && !p.icons() {
		box("many workloads in one box", func(x, y float64) []Step { return rect(x, y-8, 38, 16, 4) }, inkBundle)
	}
	if has(Service) && !p.icons() {
		box("Service; ports on its top edge", func(x, y float64) []Step { return rect(x, y-8, 38, 16, 8) }, inkNet)
	}
	if has(Entry) && !p.icons() {
		box("Ingress or route", func(x, y float64) []Step { return slanted(x, y-8, 38, 16) }, inkNet)
	}
	if has(Storage) && !p.icons() {
		box("claim for a volume", func(x, y float64) []Step { b, _ := cylinder(x, y-9, 38, 18); return b }, inkData)
	}
	if has(Outside) {
		box("addresses outside the cluster", func(x, y float64) []Step { return cloud(x, y-9, 38, 20) }, inkCloud)
	}
	var classes []pci.Class
	for _, b := range g.Bands {
		if g.zoned && !slices.Contains(classes, b.Class) {
			classes = append(classes, b.Class)
			box("zone: "+className(b.Class), func(x, y float64) []Step { return rect(x, y-8, 38, 16, 3) }, classInk(b.Class))
		}
	}
	if len(g.cdeBands()) > 0 {
		out = append(out, sample{"boundary of the CDE", func(x, y int) {
			s.figure(Figure{Steps: []Step{{Op: 'M', X: float64(x) + 4, Y: float64(y)}, {Op: 'L', X: float64(x) + 42, Y: float64(y)}}, Stroke: inkBorder, Width: 2, Dash: []float64{9, 4}})
		}})
	}
	out = append(out, p.wireSamples()...)
	if has(Workload) || has(Bundle) {
		for _, sh := range []struct {
			text string
			Shield
		}{{"isolated both ways, by 1 policy", Shield{1, "yes", "yes"}}, {"isolated one way", Shield{1, "yes", "no"}}, {"not isolated", Shield{0, "no", "no"}}} {
			out = append(out, sample{sh.text, func(x, y int) { p.shieldMark(&Node{Shield: &sh.Shield}, x+23, y) }})
		}
	}
	if len(g.Groups) > 0 {
		out = append(out, sample{"member of a group, see below", func(x, y int) { p.groupMarks(x+38, y-8, []string{"A"}) }})
	}
	return out
}

// iconSamples are the signs on boxes, in the order of the boxes.
func (p *Picture) iconSamples() []sample {
	var out []sample
	seen := map[string]bool{"": true}
	for _, n := range p.Graph.Nodes {
		icon := iconOf(n)
		name := ""
		if icon != "" {
			name = iconName(icon)
		}
		if n.Kind == Bundle {
			name = "many workloads in one box"
		}
		if !seen[name] {
			seen[name] = true
			out = append(out, sample{name, func(x, y int) { p.iconMark(icon, float64(x)+23, float64(y)) }})
		}
	}
	return out
}

// wireSamples are those of the wires that the picture has.
func (p *Picture) wireSamples() []sample {
	var out []sample
	for _, k := range []struct {
		text string
		is   func(*Wire) bool
		like Wire
	}{
		{"allowed: ports - need", func(w *Wire) bool { return w.Verdict == Allowed && !w.Missing && w.Change == "" }, Wire{Verdict: Allowed}},
		{"allowed, carries account data", func(w *Wire) bool { return w.Account && w.Verdict == Allowed && w.Change == "" }, Wire{Verdict: Allowed, Account: true}},
		{"allowed at the CDE, not declared", func(w *Wire) bool { return w.Missing && w.Verdict == Allowed }, Wire{Verdict: Allowed, Missing: true}},
		{"undecided: the input does not tell", func(w *Wire) bool { return w.Verdict == Undecided }, Wire{Verdict: Undecided}},
		{"way in that policies stop", func(w *Wire) bool { return w.Verdict == Denied }, Wire{Verdict: Denied}},
		{"leads to (no verdict)", func(w *Wire) bool { return w.Verdict == Structure }, Wire{Verdict: Structure}},
		{"newly allowed", func(w *Wire) bool { return w.Change == "added" }, Wire{Verdict: Allowed, Change: "added"}},
		{"no longer allowed", func(w *Wire) bool { return w.Change == "removed" }, Wire{Verdict: Allowed, Change: "removed"}},
	} {
		if !slices.ContainsFunc(p.Graph.Wires, k.is) {
			continue
		}
		out = append(out, sample{k.text, func(x, y int) {
			l := lookOf(&k.like)
			p.Scene.figure(Figure{Steps: []Step{{Op: 'M', X: float64(x) + 4, Y: float64(y) - 4}, {Op: 'L', X: float64(x) + 34, Y: float64(y) - 4}, {Op: 'L', X: float64(x) + 34, Y: float64(y) + 7}}, Stroke: l.ink, Width: l.width, Dash: l.dash})
			p.headAt(float64(x)+34, float64(y)+9, l)
		}})
	}
	return out
}
