package draw

import (
	"fmt"
	"strings"
)

// node paints a node with its badges.
func (p *Picture) node(n *Node) {
	sh := p.shapes[n.ID]
	in := n.Zone
	for _, b := range p.Graph.Bands {
		for _, f := range b.Frames {
			for _, id := range f.Nodes {
				if id == n.ID && p.shapes[f.ID] != nil {
					in = f.ID
				}
			}
		}
	}
	p.placed(n.ID, in, sh.box)
	s := &p.Scene
	s.open(n.ID, string(n.Kind), p.spoken(n))
	x, y, w, h := p.at(sh.box)
	mid := int(x + w/2)
	line := Figure{Stroke: inkLine, Width: 1}
	net, _ := p.paper(inkNet)
	data, _ := p.paper(inkData)
	taken := 0 // by a badge within the box, on both sides as the name stands in the middle
	if p.icons() && len(sh.left) > 0 {
		taken = 2 * sh.left[0].w
	}
	switch n.Kind {
	case Workload:
		p.compute(n, sh)
	case Bundle:
		p.bundled(n, sh)
	case Service, Alias:
		line.Steps, line.Fill = rect(x, y, w, h, h/2), net
		s.figure(line)
		p.twoLines(mid, int(y), int(w)-36-taken, int(h), n)
	case Entry:
		line.Steps, line.Fill = slanted(x, y, w, h), net
		s.figure(line)
		p.twoLines(mid, int(y), int(w)-40-taken, int(h), n)
	case Storage:
		body, lid := cylinder(x, y, w, h)
		line.Steps, line.Fill = body, data
		s.figure(line)
		s.figure(Figure{Steps: lid, Stroke: inkLine, Width: 1})
		p.twoLines(mid, int(y)+4, int(w)-24, int(h), n)
	case Outside:
		line.Steps, line.Fill = cloud(x, y, w, h), inkCloud
		s.figure(line)
		s.text(mid, int(y)+int(h)/2, bold(sizeName), Middle, inkText, int(w)-40, Safe(n.Title))
		s.text(mid, int(y)+int(h)/2+14, plain(sizeSmall), Middle, inkFaint, int(w)-30, Safe(n.Sub))
	}
	p.spots(n, sh)
	s.close()
}

// spoken is what a node is in one sentence.
func (p *Picture) spoken(n *Node) string {
	parts := []string{n.Title}
	if n.Object != "" {
		parts[0] = n.Object
	}
	if n.Sub != "" {
		parts = append(parts, n.Sub)
	}
	if n.Shield != nil {
		parts = append(parts, n.Shield.words())
	}
	parts = append(parts, n.Detail...)
	if n.Pos != "" && n.Pos != ":0" {
		parts = append(parts, n.Pos)
	}
	for i := range parts {
		parts[i] = Safe(parts[i])
	}
	return strings.Join(parts, "\n")
}

func (s *Shield) words() string {
	return fmt.Sprintf("%s; isolated for ingress: %s, for egress: %s", plural(s.Policies, "isolating policy"), s.Ingress, s.Egress)
}

// twoLines is a name, and what is below it, in the middle of a box.
func (p *Picture) twoLines(mid, y, room, h int, n *Node) {
	_, ink := p.paper(inkNet)
	if n.Sub == "" {
		p.Scene.text(mid, y+h/2+4, bold(sizeName), Middle, ink, room, Safe(n.Title))
		return
	}
	p.Scene.text(mid, y+h/2, bold(sizeName), Middle, ink, room, Safe(n.Title))
	p.Scene.text(mid, y+h/2+13, plain(sizeSmall), Middle, ink, room, Safe(n.Sub))
}

// compute is a workload: its name, and its containers within.
func (p *Picture) compute(n *Node, sh *shape) {
	s := &p.Scene
	x, y, w, h := p.at(sh.box)
	pod, ink := p.paper(inkPod)
	s.figure(Figure{Steps: rect(x, y, w, h, 3), Fill: pod, Stroke: inkLine, Width: 1})
	s.text(int(x+w/2)-p.groupsW(n.Groups)/2, int(y)+22, bold(sizeName), Middle, ink, int(w)-20-p.groupsW(n.Groups), Safe(n.Title))
	right := int(x+w) - 6
	if len(sh.right) > 0 {
		right -= 8 // their badges begin within the box
	}
	p.groupMarks(right, int(y)+10, n.Groups)
	top := int(y) + titleH + 6
	if n.Sub != "" {
		s.text(int(x+w/2), top+8, plain(sizeSmall), Middle, ink, int(w)-16, Safe(n.Sub))
		top += 14
	}
	for i, c := range n.Parts {
		if i == manyParts-1 && len(n.Parts) > manyParts {
			s.text(int(x+w/2), top+12, plain(sizeSmall), Middle, ink, int(w)-32, "and "+plural(len(n.Parts)-i, "more container"))
			break
		}
		f := Figure{Steps: rect(x+14, float64(top), w-28, partH-4, 2), Fill: inkContainer, Stroke: inkLine, Width: 0.8}
		if c.Role != "" {
			f.Dash = []float64{3, 2}
		}
		s.figure(f)
		s.text(int(x+w/2), top+12, plain(sizeSmall), Middle, inkOnPaint, int(w)-32, Safe(partText(c)))
		top += partH
	}
	p.shieldMark(n, int(x+w)-14, int(y+h)-10)
}

// bundled is a namespace or zone in one box: a pile of sheets.
func (p *Picture) bundled(n *Node, sh *shape) {
	s := &p.Scene
	x, y, w, h := p.at(sh.box)
	s.figure(Figure{Steps: rect(x, y, w, h, 6), Fill: inkNamespace, Stroke: inkLine, Width: 1})
	sheet, ink := p.paper(inkBundle)
	s.figure(Figure{Steps: rect(x+4, y+4, w-8, h-8, 4), Fill: sheet, Stroke: inkLine, Width: 1})
	s.text(int(x+w/2)-p.groupsW(n.Groups)/2, int(y)+24, bold(sizeName), Middle, ink, int(w)-24-p.groupsW(n.Groups), Safe(n.Title))
	p.groupMarks(int(x+w)-9, int(y)+12, n.Groups)
	s.text(int(x+w/2), int(y)+39, plain(sizeSmall), Middle, ink, int(w)-24, Safe(n.Sub))
	p.shieldMark(n, int(x+w)-18, int(y+h)-12)
}

// spots paints the badges at the edges of a node.
func (p *Picture) spots(n *Node, sh *shape) {
	x, y, w, h := p.at(sh.box)
	ink := inkKind
	if n.Kind != Workload && n.Kind != Bundle {
		ink = inkNet
	}
	icon := ""
	if p.icons() {
		icon = iconOf(n)
	}
	for i, b := range sh.left {
		if icon != "" && n.Kind == Workload && i == 0 {
			continue // the sign says it
		}
		if icon != "" && (n.Kind == Service || n.Kind == Alias || n.Kind == Entry) {
			p.badge(b, x+iconR+2, y+h/2-badgeH/2+2, ink)
			continue
		}
		if icon != "" && n.Kind == Bundle {
			i++
		}
		by := y + 6 + float64(i*rowH)
		if n.Kind != Workload && n.Kind != Bundle {
			by = y + h/2 - badgeH/2
		}
		p.badge(b, x+10-float64(b.w), by, ink)
	}
	switch {
	case icon == "":
	case n.Kind == Workload || n.Kind == Bundle:
		p.iconMark(icon, x, y+6+badgeH/2)
	default:
		p.iconMark(icon, x, y+h/2)
	}
	for _, b := range sh.ports {
		p.badge(b, x+float64(b.x), y-badgeH/2, inkNet)
	}
	for i, b := range sh.right {
		p.badge(b, x+w-10, y+6+float64(i*rowH), inkData)
	}
	for _, b := range sh.below {
		p.badge(b, x+float64(b.x), y+h-badgeH/2, inkData)
	}
}

func (p *Picture) badge(b spot, x, y float64, ink Ink) {
	p.Scene.figure(Figure{Steps: rect(x, y, float64(b.w), badgeH, 2), Fill: ink, Stroke: inkLine, Width: 0.8})
	p.Scene.text(int(x)+b.w/2, int(y)+11, plain(sizeTiny), Middle, inkOnPaint, b.w, Safe(b.Text))
}

// shieldMark paints how the pods are isolated: filled for both directions, half for one, empty for none, and a
// question mark where it is not known.
func (p *Picture) shieldMark(n *Node, x, y int) {
	if n.Shield == nil {
		return
	}
	s := &p.Scene
	fx, fy := float64(x), float64(y)
	shape := []Step{
		{Op: 'M', X: fx - 7, Y: fy - 8},
		{Op: 'L', X: fx + 7, Y: fy - 8},
		{Op: 'L', X: fx + 7, Y: fy},
		{Op: 'C', X1: fx + 7, Y1: fy + 4, X2: fx + 3, Y2: fy + 7, X: fx, Y: fy + 8},
		{Op: 'C', X1: fx - 3, Y1: fy + 7, X2: fx - 7, Y2: fy + 4, X: fx - 7, Y: fy},
		{Op: 'Z'},
	}
	half := []Step{
		{Op: 'M', X: fx - 7, Y: fy - 8},
		{Op: 'L', X: fx, Y: fy - 8},
		{Op: 'L', X: fx, Y: fy + 8},
		{Op: 'C', X1: fx - 3, Y1: fy + 7, X2: fx - 7, Y2: fy + 4, X: fx - 7, Y: fy},
		{Op: 'Z'},
	}
	in, out := n.Shield.Ingress, n.Shield.Egress
	text, ink := fmt.Sprint(n.Shield.Policies), inkOnPaint
	if n.Shield.Policies > 99 {
		text = "99"
	}
	base := Figure{Steps: shape, Stroke: inkLine, Width: 1, Fill: inkPod}
	switch {
	case in == "unknown" || out == "unknown":
		text = "?"
	case in == "yes" && out == "yes":
		base.Fill = inkNet
	}
	s.figure(base)
	if (in == "yes") != (out == "yes") && text != "?" {
		s.figure(Figure{Steps: half, Fill: inkNet, Stroke: inkLine, Width: 0.8})
	}
	s.text(x, y+3, bold(sizeTiny), Middle, ink, 0, text)
}
