package draw

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/layout"
)

// The page around the layout.
const (
	pageMargin = 28
	leastPage  = 940
)

// paint makes the scene.
func (p *Picture) paint(nets []*layout.Net) {
	s := &p.Scene
	s.Width = max(leastPage, p.root.W+2*pageMargin)
	head := p.head()
	p.dx, p.dy = (s.Width-p.root.W)/2, head
	p.clusterFrame()
	if p.blank != nil {
		x, y, w, h := p.at(p.blank)
		s.text(int(x+w/2), int(y+h/2)+4, plain(sizeText), Middle, inkText, 0, p.Graph.emptiness())
	}
	p.bandFrames()
	for _, b := range p.Graph.Bands {
		for _, f := range b.Frames {
			if sh := p.shapes[f.ID]; sh != nil {
				p.framed(sh, f)
			}
		}
	}
	for i, w := range p.Graph.Wires {
		p.wire(w, nets[i])
	}
	for _, n := range p.Graph.Nodes {
		p.node(n)
	}
	for _, sh := range p.order {
		p.wireLabels(sh)
	}
	p.foot(p.dy + p.root.H + 20)
}

// at gives the place of a box in the page.
func (p *Picture) at(b *layout.Box) (x, y, w, h float64) {
	return float64(b.X + p.dx), float64(b.Y + p.dy), float64(b.W), float64(b.H)
}

// placed remembers where something stands.
func (p *Picture) placed(id, in string, b *layout.Box) {
	p.Boxes = append(p.Boxes, Placed{ID: id, X: b.X + p.dx, Y: b.Y + p.dy, W: b.W, H: b.H, In: in})
}

// ViewTitle is the heading of a view.
func ViewTitle(v View) string {
	switch v {
	case Dataflow:
		return "Data-flow diagram"
	case Exposure:
		return "Ways in from outside"
	case Path:
		return "Path"
	case Zones:
		return "Zone matrix"
	case Network:
	}
	return "Network diagram"
}

func (p *Picture) title() string {
	if p.Graph.opt.Before != nil {
		return ViewTitle(p.Graph.View) + ": what changed"
	}
	return ViewTitle(p.Graph.View)
}

// head paints the title block and gives the height that it takes.
func (p *Picture) head() int {
	s, t := &p.Scene, p.Graph.Title
	s.text(pageMargin, pageMargin+18, bold(sizeTitle), Start, inkText, 0, p.title())
	var about []string
	if p.Graph.zoned && len(p.Graph.Bands) > 0 {
		about = append(about, plural(len(p.Graph.Bands), "zone"))
	}
	about = append(about, plural(len(p.Graph.in.Cluster.Namespaces), "namespace"), plural(len(p.Graph.in.Cluster.Workloads), "workload"), "enforcer "+Safe(p.Graph.in.Profile.Name))
	if t.Filter != "" {
		about = append(about, Safe(t.Filter))
	}
	s.text(pageMargin, pageMargin+38, plain(sizeText), Start, inkFaint, s.Width-2*pageMargin-300, strings.Join(about, "  |  "))
	y := pageMargin + 10
	for _, l := range p.stamp() {
		s.text(s.Width-pageMargin, y, plain(sizeSmall), End, inkFaint, 290, l)
		y += 14
	}
	return max(y, pageMargin+48) + 8
}

// stamp is the lines that tell of which cluster, when and from what the picture is.
func (p *Picture) stamp() []string {
	t := p.Graph.Title
	var out []string
	if t.Source != "" {
		out = append(out, "Source "+Safe(t.Source))
	}
	if !t.Time.IsZero() {
		out = append(out, "As of "+t.Time.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if t.Digest != "" {
		out = append(out, "Input "+Safe(shortDigest(t.Digest)))
	}
	if t.Reviewer != "" {
		out = append(out, "Reviewed by "+Safe(t.Reviewer))
	}
	return out
}

// shortDigest is what of a digest fits a line; the record has all of it.
func shortDigest(d string) string {
	const most = len("sha256:") + 16
	if len(d) > most {
		return d[:most] + "..."
	}
	return d
}

// clusterFrame is the rectangle of the cluster: its upper and lower edges run through the rows that stand on them.
func (p *Picture) clusterFrame() {
	top := p.edges[0].Y + p.edges[0].H/2
	bottom := p.edges[1].Y + p.edges[1].H/2
	x, y, w, h := float64(p.dx), float64(top+p.dy), float64(p.root.W), float64(bottom-top)
	p.Scene.open("cluster", "cluster", Safe(p.Graph.clusterName()))
	p.Scene.figure(Figure{Steps: rect(x, y, w, h, 0), Fill: inkCluster, Stroke: inkLine, Width: 2})
	p.Scene.text(int(x)+16, int(y)+19, bold(sizeHead), Start, inkText, p.edges[0].W, Safe(p.Graph.clusterName()))
	p.Scene.close()
	p.Boxes = append(p.Boxes, Placed{ID: "cluster", X: int(x), Y: int(y), W: int(w), H: int(h)})
}

func classInk(c pci.Class) Ink {
	switch c {
	case pci.CDE, pci.CDEStore:
		return inkCDE
	case pci.ConnectedTo:
		return inkConnected
	case pci.SecurityImpacting:
		return inkImpacting
	case pci.OutOfScope:
		return inkOut
	case pci.Unclassified:
	}
	return inkNone
}

func className(c pci.Class) string {
	switch c {
	case pci.CDE:
		return "CDE"
	case pci.CDEStore:
		return "CDE, stores account data"
	case pci.ConnectedTo:
		return "connected to the CDE"
	case pci.SecurityImpacting:
		return "security-impacting"
	case pci.OutOfScope:
		return "out of scope"
	case pci.Unclassified:
	}
	return "scope not stated"
}

// bandFrames paints the zones, and the boundary of the CDE around those of it, which stand side by side.
func (p *Picture) bandFrames() {
	s := &p.Scene
	for _, b := range p.Graph.Bands {
		sh := p.shapes[b.ID]
		p.placed(b.ID, "cluster", sh.box)
		if !p.Graph.zoned {
			continue
		}
		x, y, w, h := p.at(sh.box)
		what := className(b.Class)
		if b.Role != "" {
			what += ", " + b.Role
		}
		s.open(b.ID, "zone", "Zone "+Safe(b.Title)+": "+Safe(what))
		s.figure(Figure{Steps: rect(x, y, w, h, 6), Fill: classInk(b.Class), Stroke: inkLine, Width: 1})
		s.text(int(x)+14, int(y)+19, bold(sizeHead), Start, inkText, int(w)-28-p.groupsW(b.Groups), Safe(b.Title))
		s.text(int(x)+14, int(y)+35, plain(sizeSmall), Start, inkText, int(w)-28, Safe(what))
		p.groupMarks(int(x+w)-10, int(y)+8, b.Groups)
		s.close()
	}
	cde := p.Graph.cdeBands()
	if len(cde) == 0 || !p.Graph.zoned {
		return
	}
	for len(cde) > 0 { // a boundary for each row of zones
		n := 1
		for n < len(cde) && p.shapes[cde[n]].box.Y == p.shapes[cde[0]].box.Y {
			n++
		}
		p.boundary(p.shapes[cde[0]].box, p.shapes[cde[n-1]].box)
		cde = cde[n:]
	}
}

const boundaryText = "CDE boundary"

// boundary is the line around the zones of the CDE in one row.
func (p *Picture) boundary(first, last *layout.Box) {
	s := &p.Scene
	top := first.Margin.Top
	x, y := float64(first.X-7+p.dx), float64(first.Y-top+p.dy)
	w, h := float64(last.X+last.W+7+p.dx)-x, float64(max(first.H, last.H)+top+7)
	s.open("cde-boundary", "boundary", "Boundary of the cardholder data environment")
	s.figure(Figure{Steps: rect(x, y, w, h, 8), Stroke: inkBorder, Width: 2, Dash: []float64{9, 4}})
	s.text(int(x)+10, int(y)+15, bold(sizeSmall), Start, inkBorder, int(w)-20, boundaryText)
	p.Labels = append(p.Labels, Placed{ID: "cde-boundary", X: int(x) + 10, Y: int(y) + 6, W: width(boundaryText, bold(sizeSmall)), H: 11, In: "cluster"})
	s.close()
}

func (p *Picture) framed(sh *shape, f *Frame) {
	s := &p.Scene
	p.placed(f.ID, f.Zone, sh.box)
	x, y, w, h := p.at(sh.box)
	tab := min(width(f.Title, bold(sizeText))+20, int(w)-10)
	s.open(f.ID, "namespace", "Namespace "+Safe(f.Title))
	s.figure(Figure{Steps: rect(x, y, w, h, 8), Fill: inkNamespace, Stroke: inkLine, Width: 1})
	s.figure(Figure{Steps: tabSteps(x, y, float64(tab), 20), Fill: inkCluster, Stroke: inkLine, Width: 1})
	s.text(int(x)+10, int(y)+14, bold(sizeText), Start, inkText, tab-14, Safe(f.Title))
	p.groupMarks(int(x+w)-8, int(y)+4, f.Group)
	s.close()
}

// tabSteps is the tab of a frame: round where the frame is, and at its lower right.
func tabSteps(x, y, w, h float64) []Step {
	const r, k = 8, 3.6
	return []Step{
		{Op: 'M', X: x, Y: y + h},
		{Op: 'L', X: x, Y: y + r},
		{Op: 'C', X1: x, Y1: y + k, X2: x + k, Y2: y, X: x + r, Y: y},
		{Op: 'L', X: x + w, Y: y},
		{Op: 'L', X: x + w, Y: y + h - r},
		{Op: 'C', X1: x + w, Y1: y + h - k, X2: x + w - k, Y2: y + h, X: x + w - r, Y: y + h},
		{Op: 'Z'},
	}
}

const manyGroups = 3

func (p *Picture) groupsW(names []string) int {
	w := 0
	for _, n := range p.groupTexts(names) {
		w += badgeW(n) + 16
	}
	return w
}

func (p *Picture) groupTexts(names []string) []string {
	if len(names) > manyGroups {
		return append(append([]string{}, names[:manyGroups-1]...), "+"+more(len(names) - manyGroups + 1)[2:])
	}
	return names
}

// groupMarks paints the loops of groups, from the right to the left.
func (p *Picture) groupMarks(right, y int, names []string) {
	x := right
	for _, n := range p.groupTexts(names) {
		w := badgeW(n) + 12
		x -= w
		p.Scene.figure(Figure{Steps: rect(float64(x), float64(y), float64(w), badgeH, 8), Fill: inkNet, Stroke: inkLine, Width: 1})
		p.Scene.figure(loop(float64(x)+9, float64(y)+8, 3.6))
		p.Scene.text(x+15, y+12, bold(sizeTiny), Start, inkOnPaint, 0, n)
		x -= 4
	}
}

// loop is a circle with a gap, and the head of an arrow at its end.
func loop(x, y, r float64) Figure {
	k := r * 0.5523
	return Figure{Stroke: inkOnPaint, Width: 1.2, Steps: []Step{
		{Op: 'M', X: x + r, Y: y},
		{Op: 'C', X1: x + r, Y1: y + k, X2: x + k, Y2: y + r, X: x, Y: y + r},
		{Op: 'C', X1: x - k, Y1: y + r, X2: x - r, Y2: y + k, X: x - r, Y: y},
		{Op: 'C', X1: x - r, Y1: y - k, X2: x - k, Y2: y - r, X: x, Y: y - r},
		{Op: 'L', X: x - 2.4, Y: y - r - 2.2},
		{Op: 'M', X: x, Y: y - r},
		{Op: 'L', X: x - 2.4, Y: y - r + 2.2},
	}}
}
