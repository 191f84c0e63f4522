package draw

import (
	"math"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw/layout"
)

// look is how a wire is drawn.
type look struct {
	ink    Ink
	width  float64
	dash   []float64
	hollow bool // the head is a line, not a surface
	barred bool // something stops it
}

// lookOf is the grammar of wires. No two verdicts differ by colour alone.
func lookOf(w *Wire) look {
	l := look{ink: inkWire, width: 1.4}
	switch w.Verdict {
	case Allowed:
		if w.Missing {
			l.ink = inkBad
		}
	case Undecided:
		l.ink, l.dash, l.hollow = inkOpen, []float64{5, 3}, true
	case Denied:
		l.ink, l.barred = inkBad, true
	case Structure:
		l.ink, l.width, l.hollow = inkLoose, 1, true
	}
	if w.Account {
		l.width = 3
	}
	switch w.Change {
	case "added":
		l.ink, l.width = inkGood, 2.4
	case "removed":
		l.ink, l.dash, l.barred = inkBad, []float64{2, 3}, true
	}
	return l
}

// wire paints one wire. Lines of one wire that meet have a dot, lines that only cross have none.
func (p *Picture) wire(w *Wire, n *layout.Net) {
	move := func(q layout.Point) layout.Point { return layout.Point{X: q.X + p.dx, Y: q.Y + p.dy} }
	r := Route{Wire: w.ID}
	l := lookOf(w)
	s := &p.Scene
	s.open(w.ID, "wire "+string(w.Verdict), p.said(w), slices.Concat(w.From, w.To)...)
	for _, path := range n.Paths {
		moved := make([]layout.Point, len(path))
		for i, q := range path {
			moved[i] = move(q)
		}
		r.Paths = append(r.Paths, moved)
		s.figure(Figure{Steps: rounded(moved), Stroke: l.ink, Width: l.width, Dash: l.dash})
	}
	for _, j := range n.Joints {
		q := move(j)
		r.Joints = append(r.Joints, q)
		s.figure(Figure{Steps: rect(float64(q.X)-2.5, float64(q.Y)-2.5, 5, 5, 2.5), Fill: l.ink})
	}
	for _, pin := range n.Pins[len(w.From):] {
		q := move(layout.PinAt(pin))
		r.Heads = append(r.Heads, q)
		p.headAt(float64(q.X), float64(q.Y), l)
	}
	s.close()
	p.Routes = append(p.Routes, r)
}

// said is a wire in one sentence.
func (p *Picture) said(w *Wire) string {
	var b strings.Builder
	b.WriteString(Safe(p.names(w.From)) + " to " + Safe(p.names(w.To)))
	if w.Verdict == Structure {
		b.WriteString(": " + Safe(orElse(w.Label, "leads to")))
		return b.String()
	}
	b.WriteString(": " + string(w.Verdict) + " " + w.Ports)
	if len(w.Needs) > 0 {
		b.WriteString(", need " + Safe(strings.Join(w.Needs, ", ")))
	}
	if w.Missing {
		b.WriteString(", no need declares it")
	}
	if w.Change != "" {
		b.WriteString(", " + w.Change)
	}
	return b.String()
}

func orElse(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// names of ends, in words.
func (p *Picture) names(ids []string) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = p.Graph.Name(id)
	}
	return strings.Join(out, ", ")
}

// Name is what to call a node, frame or band.
func (g *Graph) Name(id string) string {
	if n := g.byID[id]; n != nil {
		switch {
		case n.Kind == Outside:
			return strings.TrimSpace(n.Title + " (" + n.Sub + ")")
		case n.Object != "":
			return n.Object
		}
		return n.Title
	}
	for _, b := range g.Bands {
		if b.ID == id {
			if g.hasBundle(b.Frames...) {
				return "each box of zone " + b.Title
			}
			return "all of zone " + b.Title
		}
		for _, f := range b.Frames {
			if f.ID == id {
				if b.Title != "" {
					return "all of namespace " + f.Title + " in zone " + b.Title
				}
				return "all of namespace " + f.Title
			}
		}
	}
	return id
}

// headAt is the head of an arrow that points down.
func (p *Picture) headAt(x, y float64, l look) {
	const w, h = 3.6, 7.5
	f := Figure{Steps: []Step{{Op: 'M', X: x - w, Y: y - h}, {Op: 'L', X: x, Y: y}, {Op: 'L', X: x + w, Y: y - h}}, Stroke: l.ink, Width: math.Min(l.width, 1.6)}
	if !l.hollow {
		f.Steps, f.Fill = append(f.Steps, Step{Op: 'Z'}), l.ink
	}
	p.Scene.figure(f)
	if l.barred {
		p.Scene.figure(Figure{Steps: []Step{{Op: 'M', X: x - 6, Y: y - h - 4}, {Op: 'L', X: x + 6, Y: y - h - 4}}, Stroke: l.ink, Width: 2.4})
	}
}

// rounded is a line with right angles whose corners are round.
func rounded(path []layout.Point) []Step {
	const r = 5
	out := []Step{{Op: 'M', X: float64(path[0].X), Y: float64(path[0].Y)}}
	for i := 1; i < len(path); i++ {
		x, y := float64(path[i].X), float64(path[i].Y)
		if i == len(path)-1 {
			out = append(out, Step{Op: 'L', X: x, Y: y})
			break
		}
		ax, ay := towards(path[i], path[i-1], r)
		bx, by := towards(path[i], path[i+1], r)
		out = append(out, Step{Op: 'L', X: ax, Y: ay}, Step{Op: 'C', X1: (ax + 2*x) / 3, Y1: (ay + 2*y) / 3, X2: (bx + 2*x) / 3, Y2: (by + 2*y) / 3, X: bx, Y: by})
	}
	return out
}

// towards is the point at some distance from a on the way to b, at most half of the way.
func towards(a, b layout.Point, r float64) (x, y float64) {
	dx, dy := float64(b.X-a.X), float64(b.Y-a.Y)
	n := math.Abs(dx) + math.Abs(dy)
	if n == 0 {
		return float64(a.X), float64(a.Y)
	}
	k := math.Min(r, n/2) / n
	return float64(a.X) + dx*k, float64(a.Y) + dy*k
}

// wireLabels paints what stands beside the heads of wires, in the strip that is kept free above the box.
func (p *Picture) wireLabels(sh *shape) {
	for _, l := range sh.labels {
		x, y := sh.box.X+l.x+p.dx, sh.box.Y-sh.reach[l.wire]-11+p.dy
		w := width(l.text, plain(sizeTiny))
		p.Scene.text(x, y, plain(sizeTiny), Start, labelInk(p, sh, l.wire), 0, Safe(l.text))
		p.Labels = append(p.Labels, Placed{ID: l.wire.ID, X: x, Y: y - 9, W: w, H: 11, In: sh.id})
	}
}

func labelInk(_ *Picture, _ *shape, w *Wire) Ink { return lookOf(w).ink }
