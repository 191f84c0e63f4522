// Package layout is the geometry of a diagram: where boxes stand and how wires run between them. Boxes stand in
// rows, frames hold rows of boxes, and wires run only in the channels between them, so that no wire can cross a
// box. A channel is as wide as its wires need. It knows nothing of clusters.
//
// The same input gives the same numbers: nothing depends on the order of maps.
package layout

// Insets are distances in pixels from the four edges of a rectangle.
type Insets struct{ Top, Right, Bottom, Left int }

// Box is a rectangle: a leaf, or a frame when it has Rows. All measures are pixels.
type Box struct {
	// W and H are the size. Of a frame they are the least that it gets, and what it got after Place.
	W, H int
	// Margin is kept free around the box; only wires that end at the box enter it. Pad is kept free inside of
	// a frame.
	Margin, Pad Insets
	Rows        [][]*Box // from top to bottom, each from left to right
	Center      bool     // rows stand in the middle of the frame, not at its left
	Aligned     bool     // the frames of a row have rows and channels of the same heights
	Stretch     bool     // a frame takes the height of its row, and all of its width when it is alone in it
	Float       bool     // stands near the other ends of its wires, in an order of its own; for boxes in rows of the root
	X, Y        int      // the upper left corner, set by Place

	least    *[2]int
	goal     int // where the middle of a floating box is best
	parent   *Box
	row, col int
	rowH     []int        // the least heights of rows
	hs       []*channel   // above, between and below the rows
	vs       [][]*channel // of each row: before, between and behind the boxes
}

// Side is an edge of a box.
type Side uint8

// Wires leave and enter boxes vertically.
const (
	Top Side = iota
	Bottom
)

// Pin is where a wire ends at a box: At is the distance from the box's left, Reach how far outside of the edge it
// ends, within the margin. A pin with Hi > Lo may slide between these distances, to make its wire straight or to
// keep away from others; pins that face each other need one that may.
type Pin struct {
	Box    *Box
	Side   Side
	At     int
	Reach  int
	Lo, Hi int

	want int // where the caller had it
}

// Point is a place in the picture.
type Point struct{ X, Y int }

// Net is a wire with two or more ends. Paths and Joints are set by Place.
type Net struct {
	Pins []Pin
	// Paths are lines with right angles only. Each runs between pins and joints; those that end at a pin end
	// exactly at PinAt of it.
	Paths  [][]Point
	Joints []Point // where three or more lines of the net meet
}

// PinAt is the place of a pin.
func PinAt(p Pin) Point {
	if p.Side == Top {
		return Point{p.Box.X + p.At, p.Box.Y - p.Reach}
	}
	return Point{p.Box.X + p.At, p.Box.Y + p.Box.H + p.Reach}
}

const (
	pitch  = 8  // between wires side by side
	clear  = 6  // the least distance of two wires that run side by side
	edge   = 8  // between a box and a wire that passes it
	gapH   = 16 // the least height of a channel
	gapV   = 20 // the least width of a channel
	rounds = 80 // of widening channels; far more than were ever needed
)

// Place sets the places of all boxes in root and the ways of all nets. Every pin's box must be in root and not be
// root. It reports false when wires found no room, which is an error of this package: the wires that are left
// over have no Paths.
func Place(root *Box, nets []*Net) bool {
	e := &engine{root: root, nets: nets}
	e.open(root, nil, 0, 0)
	e.float()
	for _, n := range nets {
		for i := range n.Pins {
			n.Pins[i].want = n.Pins[i].At
		}
	}
	e.arrange()
	e.slide()
	e.route()
	e.widen()
	for range rounds {
		e.arrange()
		e.slide()
		if e.assign() {
			e.draw()
			return true
		}
	}
	e.draw()
	return false
}

type engine struct {
	root *Box
	nets []*Net
	hs   []*channel // all horizontal channels, then all vertical ones in vs
	vs   []*channel
	runs []*run
}

// channel is a strip between boxes in which wires run: horizontal ones across their frame and as far beside it as
// nothing else stands there, vertical ones as high as their row.
type channel struct {
	vertical bool
	need     int // what its wires take
	lo, hi   int // across: y of a horizontal one, x of a vertical one
	from, to int // along
	cross    []*channel
	nodes    []*node
}

func (c *channel) middle() int { return (c.lo + c.hi) / 2 }

// open makes the channels of a frame and of all within.
func (e *engine) open(b, parent *Box, row, col int) {
	b.parent, b.row, b.col = parent, row, col
	if b.Rows == nil {
		return
	}
	h := func() *channel {
		c := &channel{need: gapH}
		b.hs = append(b.hs, c)
		e.hs = append(e.hs, c)
		return c
	}
	b.hs, b.vs = nil, nil
	above := h()
	for r, items := range b.Rows {
		below := h()
		var gaps []*channel
		for range len(items) + 1 {
			v := &channel{vertical: true, need: gapV, cross: []*channel{above, below}}
			gaps = append(gaps, v)
			e.vs = append(e.vs, v)
		}
		b.vs = append(b.vs, gaps)
		for i, it := range items {
			e.open(it, b, r, i)
			join(it, gaps[i], first)
			join(it, gaps[i+1], last)
		}
		above = below
	}
}

const (
	first = iota
	last
)

// join lets the horizontal channels of b, and of what stands at its end, reach the vertical channel beside it.
func join(b *Box, v *channel, end int) {
	v.cross = append(v.cross, b.hs...)
	for _, items := range b.Rows {
		if len(items) == 0 {
			continue
		}
		at := 0
		if end == last {
			at = len(items) - 1
		}
		join(items[at], v, end)
	}
}
