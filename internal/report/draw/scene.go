package draw

// Ink is the role of a colour; a Theme says which one it is.
type Ink string

// Step is one step of an outline: 'M' to a point, 'L' a line, 'C' a curve with two more points before its end, 'Z'
// back to the start.
type Step struct {
	Op     byte
	X, Y   float64
	X1, Y1 float64
	X2, Y2 float64
}

// Figure is an outline. An empty ink paints nothing.
type Figure struct {
	Steps        []Step
	Fill, Stroke Ink
	Width        float64
	Dash         []float64
}

// Anchor says which part of a text stands at its place.
type Anchor uint8

// Texts begin at, are centred on, or end at their place.
const (
	Start Anchor = iota
	Middle
	End
)

// Text is one line. X and Y are on its base line; Room is the width that is kept free for it.
type Text struct {
	X, Y float64
	Style
	Anchor Anchor
	Ink    Ink
	Text   string
	Room   int
}

// Mark is one thing of a scene: exactly one of its fields is set. Open begins a part that belongs together, and an
// empty Mark ends it.
type Mark struct {
	Figure *Figure
	Text   *Text
	Open   *Handle
}

// Handle is what belongs together in a scene, for readers that can point at things.
type Handle struct {
	ID, Class, Name string   // Name is read out, and shown when pointed at
	Ends            []string // of a wire: the IDs of everything at its ends
}

// Scene is a picture as marks, painted in order.
type Scene struct {
	Width, Height int
	Marks         []Mark
}

func (s *Scene) open(id, class, name string, ends ...string) {
	s.Marks = append(s.Marks, Mark{Open: &Handle{ID: id, Class: class, Name: name, Ends: ends}})
}

func (s *Scene) close() { s.Marks = append(s.Marks, Mark{}) }

func (s *Scene) figure(f Figure) { s.Marks = append(s.Marks, Mark{Figure: &f}) }

// text adds a line, cut to the room it has when that is more than nothing.
func (s *Scene) text(x, y int, st Style, a Anchor, ink Ink, room int, text string) {
	if room > 0 {
		text = fit(text, st, room)
	}
	if text == "" {
		return
	}
	s.Marks = append(s.Marks, Mark{Text: &Text{X: float64(x), Y: float64(y), Style: st, Anchor: a, Ink: ink, Text: text, Room: width(text, st)}})
}

// rect is a rectangle, with round corners when r is more than nothing.
func rect(x, y, w, h, r float64) []Step {
	if r <= 0 {
		return []Step{{Op: 'M', X: x, Y: y}, {Op: 'L', X: x + w, Y: y}, {Op: 'L', X: x + w, Y: y + h}, {Op: 'L', X: x, Y: y + h}, {Op: 'Z'}}
	}
	k := r * 0.4477 // a quarter of a circle as a curve
	return []Step{
		{Op: 'M', X: x + r, Y: y},
		{Op: 'L', X: x + w - r, Y: y},
		{Op: 'C', X1: x + w - k, Y1: y, X2: x + w, Y2: y + k, X: x + w, Y: y + r},
		{Op: 'L', X: x + w, Y: y + h - r},
		{Op: 'C', X1: x + w, Y1: y + h - k, X2: x + w - k, Y2: y + h, X: x + w - r, Y: y + h},
		{Op: 'L', X: x + r, Y: y + h},
		{Op: 'C', X1: x + k, Y1: y + h, X2: x, Y2: y + h - k, X: x, Y: y + h - r},
		{Op: 'L', X: x, Y: y + r},
		{Op: 'C', X1: x, Y1: y + k, X2: x + k, Y2: y, X: x + r, Y: y},
		{Op: 'Z'},
	}
}

func slanted(x, y, w, h float64) []Step {
	const s = 12
	return []Step{{Op: 'M', X: x + s, Y: y}, {Op: 'L', X: x + w, Y: y}, {Op: 'L', X: x + w - s, Y: y + h}, {Op: 'L', X: x, Y: y + h}, {Op: 'Z'}}
}

// cylinder is the body and its lid.
func cylinder(x, y, w, h float64) (body, lid []Step) {
	const e = 7
	k := w * 0.2239
	body = []Step{
		{Op: 'M', X: x, Y: y + e},
		{Op: 'C', X1: x, Y1: y, X2: x + k/2, Y2: y, X: x + w/2, Y: y},
		{Op: 'C', X1: x + w - k/2, Y1: y, X2: x + w, Y2: y, X: x + w, Y: y + e},
		{Op: 'L', X: x + w, Y: y + h - e},
		{Op: 'C', X1: x + w, Y1: y + h, X2: x + w - k/2, Y2: y + h, X: x + w/2, Y: y + h},
		{Op: 'C', X1: x + k/2, Y1: y + h, X2: x, Y2: y + h, X: x, Y: y + h - e},
		{Op: 'Z'},
	}
	lid = []Step{
		{Op: 'M', X: x, Y: y + e},
		{Op: 'C', X1: x, Y1: y + 2*e, X2: x + k/2, Y2: y + 2*e, X: x + w/2, Y: y + 2*e},
		{Op: 'C', X1: x + w - k/2, Y1: y + 2*e, X2: x + w, Y2: y + 2*e, X: x + w, Y: y + e},
	}
	return body, lid
}

// cloud is a closed line of bumps within a rectangle.
func cloud(x, y, w, h float64) []Step {
	at := func(fx, fy float64) (float64, float64) { return x + fx*w, y + fy*h }
	// Points on the outline, and how far the bump between two of them swells.
	pts := [][2]float64{{0.12, 0.86}, {0.07, 0.42}, {0.24, 0.16}, {0.52, 0.12}, {0.80, 0.16}, {0.94, 0.44}, {0.88, 0.86}}
	ctl := [][4]float64{
		{-0.02, 0.86, -0.03, 0.46},
		{0.03, 0.12, 0.16, 0.04},
		{0.30, -0.02, 0.44, -0.06},
		{0.60, -0.06, 0.74, -0.02},
		{0.88, 0.02, 0.97, 0.16},
		{1.03, 0.48, 1.02, 0.86},
		{0.70, 1.03, 0.30, 1.03},
	}
	px, py := at(pts[0][0], pts[0][1])
	out := []Step{{Op: 'M', X: px, Y: py}}
	for i, c := range ctl {
		next := pts[(i+1)%len(pts)]
		s := Step{Op: 'C'}
		s.X1, s.Y1 = at(c[0], c[1])
		s.X2, s.Y2 = at(c[2], c[3])
		s.X, s.Y = at(next[0], next[1])
		out = append(out, s)
	}
	return append(out, Step{Op: 'Z'})
}
