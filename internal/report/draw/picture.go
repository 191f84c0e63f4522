package draw

import (
	"errors"
	"math"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw/layout"
)

// Picture is a graph with the place of everything in it.
type Picture struct {
	Graph *Graph
	Scene Scene
	// Boxes is the places of all nodes, frames and bands; Routes are the ways of wires, in the order of the graph.
	Boxes  []Placed
	Routes []Route
	Labels []Placed

	in, out map[string][]*Wire
	ids     map[*layout.Box]string // of what stands in rows
	shapes  map[string]*shape
	order   []*shape
	dx, dy  int // of the layout in the page
	root    *layout.Box
	blank   *layout.Box    // where an empty picture says why
	edges   [2]*layout.Box // what stands on the upper and lower edge of the cluster
}

// Placed is a rectangle in the picture. In is the ID of the frame or band it has to lie in, "" for none.
type Placed struct {
	ID         string `json:"id"`
	X, Y, W, H int
	In         string `json:"in,omitempty"`
}

// Route is the way of a wire.
type Route struct {
	Wire   string           `json:"wire"`
	Paths  [][]layout.Point `json:"paths"`
	Joints []layout.Point   `json:"joints,omitempty"`
	Heads  []layout.Point   `json:"heads"`
}

// errLayout is a fault of this program: wires found no room.
var errLayout = errors.New("the diagram could not be laid out")

// Draw gives everything its place and paints it.
func Draw(g *Graph) (*Picture, error) {
	p := &Picture{Graph: g, ids: map[*layout.Box]string{}, in: map[string][]*Wire{}, out: map[string][]*Wire{}, shapes: map[string]*shape{}}
	for _, w := range g.Wires {
		for _, id := range w.From {
			p.out[id] = append(p.out[id], w)
		}
		for _, id := range w.To {
			p.in[id] = append(p.in[id], w)
		}
	}
	for _, n := range g.Nodes {
		p.keep(p.measure(n))
	}
	p.arrange()
	nets := p.nets()
	if !layout.Place(p.root, nets) {
		return nil, errLayout
	}
	p.paint(nets)
	return p, nil
}

func (p *Picture) keep(s *shape) {
	p.shapes[s.id] = s
	p.order = append(p.order, s)
}

// arrange makes the rows: who is outside, the edge of the cluster, its zones, its lower edge, and where traffic
// goes outside.
func (p *Picture) arrange() {
	g := p.Graph
	var above, top, bottom, below []*layout.Box
	title := &layout.Box{W: max(140, width(g.clusterName(), bold(sizeHead))+24), H: 46}
	p.edges[0], p.edges[1] = title, &layout.Box{W: 1, H: 24}
	top, bottom = append(top, title), append(bottom, p.edges[1])
	for _, n := range g.Nodes {
		box := p.shapes[n.ID].box
		box.Float = n.Edge != ""
		switch {
		case n.Kind == Outside && n.Edge == "top":
			above = append(above, box)
		case n.Kind == Outside:
			below = append(below, box)
		case n.Edge == "top":
			top = append(top, box)
		case n.Edge == "bottom":
			p.edges[1].H = 46
			bottom = append(bottom, box)
		}
	}
	var bands []*layout.Box
	for _, b := range g.Bands {
		bands = append(bands, p.band(b))
	}
	p.root = &layout.Box{}
	if len(g.Nodes) == 0 {
		p.blank = &layout.Box{W: width(g.emptiness(), plain(sizeText)) + 60, H: 40}
		bands = append(bands, p.blank)
	}
	rows := [][]*layout.Box{bands}
	if p.blank == nil {
		rows = p.bandRows(bands)
	}
	for _, r := range slices.Concat([][]*layout.Box{above, top}, rows, [][]*layout.Box{bottom, below}) {
		if len(r) > 0 {
			even(r)
			p.root.Rows = append(p.root.Rows, r)
		}
	}
}

// leastRow is the width up to which all zones stand side by side, whatever shape the page gets.
const leastRow = 1900

// bandRows breaks the zones into rows where side by side they would be too wide to be read on a sheet. The CDE
// begins the first row, and no row holds zones of it and others.
func (p *Picture) bandRows(bands []*layout.Box) [][]*layout.Box {
	var frames []*layout.Box
	for _, b := range bands {
		frames = append(frames, b.Rows[0]...)
	}
	most := math.Max(leastRow, math.Sqrt(areaOf(frames)*pageRatio))
	p.balance(bands, math.Sqrt(areaOf(frames)*pageRatio))
	if rows := p.rowsBefore(bands); rows != nil {
		return rows
	}
	wide := 0.0
	for _, b := range bands {
		w, _ := guess(b)
		wide += w
	}
	if wide <= most {
		return [][]*layout.Box{bands}
	}
	cde := len(p.Graph.cdeBands())
	var rows [][]*layout.Box
	for _, part := range [][]*layout.Box{bands[:cde], bands[cde:]} {
		if len(part) > 0 {
			rows = append(rows, shelves(part, most)...)
		}
	}
	for _, r := range rows {
		for _, b := range r {
			b.Rows = [][]*layout.Box{slices.Concat(b.Rows...)}
		}
		p.balance(r, most)
	}
	return rows
}

// even gives the boxes of a row the same upper margin, so that they begin on one line.
func even(row []*layout.Box) {
	most := 0
	for _, b := range row {
		most = max(most, b.Margin.Top)
	}
	for _, b := range row {
		b.Margin.Top = most
	}
}

func (g *Graph) clusterName() string {
	if g.Title.Cluster == "" {
		return "Cluster"
	}
	return "Cluster " + g.Title.Cluster
}

const (
	pageRatio = 1.8
	bandHead  = 44
	frameHead = 26
)

func (p *Picture) band(b *Band) *layout.Box {
	lead := 0
	if b.Class.InCDE() {
		lead = width(boundaryText, bold(sizeSmall)) + 16
	}
	s := p.measureFrame(b.ID, b.Title, bandHead, lead)
	p.keep(s)
	s.box.Margin.Left, s.box.Margin.Right = 12, 12
	s.box.Margin.Top += 24
	s.box.Margin.Bottom = 12
	if !p.Graph.zoned {
		s.box.Pad, s.box.Margin = layout.Insets{}, layout.Insets{Left: 2, Right: 2}
	}
	var items []*layout.Box
	for _, f := range b.Frames {
		if n := p.Graph.byID[f.Nodes[0]]; len(f.Nodes) == 1 && n.Kind == Bundle {
			p.ids[p.shapes[n.ID].box] = n.ID
			items = append(items, p.shapes[n.ID].box)
			continue
		}
		items = append(items, p.frame(f))
	}
	p.ids[s.box] = b.ID
	s.box.Rows = [][]*layout.Box{items}
	return s.box
}

// balance breaks the frames of zones that stand side by side into rows, so that the zones become about as high as
// each other, and together about as wide as wanted.
func (p *Picture) balance(bands []*layout.Box, wide float64) {
	area, high := 0.0, 0.0
	for _, b := range bands {
		area += areaOf(b.Rows[0])
		for _, it := range b.Rows[0] {
			_, h := guess(it)
			high = math.Max(high, h)
		}
	}
	high = math.Max(high, area/wide)
	for _, b := range bands {
		b.Rows = p.rows(b.Rows[0], areaOf(b.Rows[0])/high)
		for _, r := range b.Rows {
			even(r)
		}
	}
}

func areaOf(items []*layout.Box) float64 {
	area := 0.0
	for _, b := range items {
		w, h := guess(b)
		area += w * h
	}
	return area
}

// frame is a namespace: each workload with the Services that lead to it first.
func (p *Picture) frame(f *Frame) *layout.Box {
	s := p.measureFrame(f.ID, f.Title, frameHead, 0)
	p.keep(s)
	s.box.Aligned = true
	var work, services []*Node
	for _, id := range f.Nodes {
		if n := p.Graph.byID[id]; n.Kind == Service {
			services = append(services, n)
		} else {
			work = append(work, n)
		}
	}
	var boxes, fronts []*layout.Box
	for _, n := range work {
		boxes = append(boxes, p.shapes[n.ID].box)
	}
	for _, n := range services {
		fronts = append(fronts, p.shapes[n.ID].box)
	}
	even(boxes)
	even(fronts)
	var units []*layout.Box
	for _, n := range work {
		u := &layout.Box{Center: true, Rows: [][]*layout.Box{{}, {p.shapes[n.ID].box}}}
		for _, v := range services {
			if p.Graph.leaf[v.workloads[0]] == n {
				u.Rows[0] = append(u.Rows[0], p.shapes[v.ID].box)
			}
		}
		if len(services) == 0 {
			u.Rows = u.Rows[1:]
		}
		p.ids[u] = n.ID
		units = append(units, u)
	}
	p.ids[s.box] = f.ID
	s.box.Rows = p.rows(units, math.Sqrt(areaOf(units)*2))
	return s.box
}

// shelves breaks boxes into rows of about some width.
func shelves(items []*layout.Box, most float64) [][]*layout.Box {
	sizes := make([]float64, len(items))
	for i, b := range items {
		sizes[i], _ = guess(b)
		most = math.Max(most, sizes[i])
	}
	most *= 1.05
	var rows [][]*layout.Box
	var row []*layout.Box
	x := 0.0
	for i, b := range items {
		if len(row) > 0 && x+sizes[i] > most {
			rows = append(rows, row)
			row, x = nil, 0
		}
		row = append(row, b)
		x += sizes[i]
	}
	return append(rows, row)
}

// guess is about how large a box will be.
func guess(b *layout.Box) (w, h float64) {
	w, h = float64(b.W), float64(b.H)
	inW, inH := 0.0, 0.0
	for _, r := range b.Rows {
		rw, rh := 20.0, 0.0
		for _, it := range r {
			iw, ih := guess(it)
			rw += iw
			rh = math.Max(rh, ih)
		}
		inW, inH = math.Max(inW, rw), inH+rh+24
	}
	w, h = math.Max(w, inW), math.Max(h, inH+float64(b.Pad.Top))
	return w + float64(b.Margin.Left+b.Margin.Right) + 20, h + float64(b.Margin.Top+b.Margin.Bottom)
}

// nets are the wires for the layout, in the order of the graph.
func (p *Picture) nets() []*layout.Net {
	taken := map[string]int{}
	nets := make([]*layout.Net, len(p.Graph.Wires))
	for i, w := range p.Graph.Wires {
		n := &layout.Net{}
		for _, id := range w.From {
			s := p.shapes[id]
			pin := layout.Pin{Box: s.box, Side: layout.Bottom, Lo: s.outFrom, Hi: s.outTo}
			if r, ok := s.outAt[w]; ok {
				pin.Lo, pin.Hi, pin.Reach = r[0], r[1], badgeH/2
				pin.At = (r[0] + r[1]) / 2
			} else {
				taken[id]++
				pin.At = s.outFrom + taken[id]*(s.outTo-s.outFrom)/(p.leaving(id)+1)
			}
			n.Pins = append(n.Pins, pin)
		}
		for _, id := range w.To {
			s := p.shapes[id]
			n.Pins = append(n.Pins, layout.Pin{Box: s.box, Side: layout.Top, At: s.inAt[w], Reach: s.reach[w]})
		}
		nets[i] = n
	}
	return nets
}

// leaving counts the wires that leave a shape at no badge.
func (p *Picture) leaving(id string) int {
	n := 0
	for _, w := range p.out[id] {
		if _, ok := p.shapes[id].outAt[w]; !ok {
			n++
		}
	}
	return n
}

// cdeBands lists the bands of the CDE, which stand side by side.
func (g *Graph) cdeBands() []string {
	var out []string
	for _, b := range g.Bands {
		if b.Class.InCDE() {
			out = append(out, b.ID)
		}
	}
	return out
}
