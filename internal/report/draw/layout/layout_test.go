package layout_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw/layout"
)

// A wire between two boxes that stand one above the other is one straight line.
func TestStraightWire(t *testing.T) {
	a, b := &layout.Box{W: 100, H: 30}, &layout.Box{W: 100, H: 30}
	n := &layout.Net{Pins: []layout.Pin{{Box: a, Side: layout.Bottom, At: 20, Lo: 10, Hi: 90}, {Box: b, Side: layout.Top, At: 50}}}
	root := &layout.Box{Rows: [][]*layout.Box{{a}, {b}}}
	if !layout.Place(root, []*layout.Net{n}) {
		t.Fatal("no room")
	}
	want := [][]layout.Point{{layout.PinAt(n.Pins[0]), layout.PinAt(n.Pins[1])}}
	if d := cmp.Diff(want, n.Paths); d != "" {
		t.Error(d)
	}
}

// Three ends of one wire meet at one joint.
func TestJoint(t *testing.T) {
	var top []*layout.Box
	for range 3 {
		top = append(top, &layout.Box{W: 80, H: 30})
	}
	low := &layout.Box{W: 80, H: 30}
	n := &layout.Net{}
	for _, b := range top {
		n.Pins = append(n.Pins, layout.Pin{Box: b, Side: layout.Bottom, At: 40})
	}
	n.Pins = append(n.Pins, layout.Pin{Box: low, Side: layout.Top, At: 44})
	if !layout.Place(&layout.Box{Rows: [][]*layout.Box{top, {low}}}, []*layout.Net{n}) {
		t.Fatal("no room")
	}
	if len(n.Joints) == 0 || len(n.Paths) < 4 {
		t.Errorf("joints %v, paths %v", n.Joints, n.Paths)
	}
}

// Whatever is asked for, boxes stay apart and inside, every wire gets its way, and it ends where it should.
func TestPlaceRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var leaves []*layout.Box
		var frame func(depth int) *layout.Box
		frame = func(depth int) *layout.Box {
			if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
				b := &layout.Box{W: rapid.IntRange(40, 160).Draw(t, "w"), H: rapid.IntRange(20, 80).Draw(t, "h"), Margin: layout.Insets{Top: rapid.IntRange(0, 30).Draw(t, "margin")}}
				leaves = append(leaves, b)
				return b
			}
			b := &layout.Box{Stretch: rapid.Bool().Draw(t, "stretch"), Center: rapid.Bool().Draw(t, "center"), Pad: layout.Insets{Top: 20}}
			for range rapid.IntRange(1, 3).Draw(t, "rows") {
				var row []*layout.Box
				for range rapid.IntRange(1, 3).Draw(t, "boxes") {
					row = append(row, frame(depth-1))
				}
				b.Rows = append(b.Rows, row)
			}
			return b
		}
		root := &layout.Box{Rows: [][]*layout.Box{{frame(2)}, {frame(2), frame(1)}}}
		var nets []*layout.Net
		at := map[*layout.Box]int{}
		for range rapid.IntRange(0, 12).Draw(t, "nets") {
			n := &layout.Net{}
			used := map[*layout.Box]bool{}
			for k := range rapid.IntRange(2, 4).Draw(t, "ends") {
				b := leaves[rapid.IntRange(0, len(leaves)-1).Draw(t, "end")]
				if used[b] || at[b] > 2 {
					continue
				}
				used[b] = true
				at[b]++
				if k == 0 {
					n.Pins = append(n.Pins, layout.Pin{Box: b, Side: layout.Bottom, At: 10 * at[b], Lo: 4, Hi: b.W - 4})
				} else {
					n.Pins = append(n.Pins, layout.Pin{Box: b, Side: layout.Top, At: 10 * at[b], Reach: min(b.Margin.Top, 8)})
				}
			}
			if len(n.Pins) > 1 {
				nets = append(nets, n)
			}
		}
		if !layout.Place(root, nets) {
			t.Fatal("wires found no room")
		}
		inside(t, root)
		for _, n := range nets {
			ends := map[layout.Point]bool{}
			for _, p := range n.Paths {
				ends[p[0]], ends[p[len(p)-1]] = true, true
				for i := 1; i < len(p); i++ {
					if p[i].X != p[i-1].X && p[i].Y != p[i-1].Y {
						t.Fatalf("a slanted line: %v", p)
					}
					for _, b := range leaves {
						if min(p[i].X, p[i-1].X) < b.X+b.W && max(p[i].X, p[i-1].X) > b.X && min(p[i].Y, p[i-1].Y) < b.Y+b.H && max(p[i].Y, p[i-1].Y) > b.Y {
							t.Fatalf("line %v crosses a box at %d,%d", p, b.X, b.Y)
						}
					}
				}
			}
			for _, pin := range n.Pins {
				if !ends[layout.PinAt(pin)] {
					t.Fatalf("nothing ends at %v: %v", layout.PinAt(pin), n.Paths)
				}
			}
		}
	})
}

func inside(t *rapid.T, b *layout.Box) {
	var all []*layout.Box
	for _, row := range b.Rows {
		all = append(all, row...)
	}
	for i, x := range all {
		if x.X < b.X || x.Y < b.Y || x.X+x.W > b.X+b.W || x.Y+x.H > b.Y+b.H {
			t.Fatalf("a box sticks out of its frame")
		}
		for _, y := range all[i+1:] {
			if x.X < y.X+y.W && y.X < x.X+x.W && x.Y < y.Y+y.H && y.Y < x.Y+x.H {
				t.Fatalf("two boxes overlap")
			}
		}
		inside(t, x)
	}
}
