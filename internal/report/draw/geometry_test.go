package draw_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/layout"
)

// geometry lists everything that is wrong with the places in a picture.
func geometry(p *draw.Picture) (bad []string) {
	say := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	byID := map[string]draw.Placed{}
	frames := map[string]bool{}
	for _, b := range p.Boxes {
		byID[b.ID] = b
		frames[b.In] = true
		if b.X < 0 || b.Y < 0 || b.X+b.W > p.Scene.Width || b.Y+b.H > p.Scene.Height {
			say("%s is cut off by the page", b.ID)
		}
	}
	edge := map[string]bool{}
	for _, n := range p.Graph.Nodes {
		edge[n.ID] = n.Edge != ""
	}
	within := func(a, b draw.Placed) bool {
		for in := a.In; in != ""; in = byID[in].In {
			if in == b.ID {
				return true
			}
		}
		return false
	}
	for i, a := range p.Boxes {
		if in, ok := byID[a.In]; ok && (a.X < in.X || a.Y < in.Y || a.X+a.W > in.X+in.W || a.Y+a.H > in.Y+in.H) {
			say("%s sticks out of %s", a.ID, a.In)
		}
		for _, b := range p.Boxes[i+1:] {
			if within(a, b) || within(b, a) || edge[a.ID] && b.ID == "cluster" || edge[b.ID] && a.ID == "cluster" {
				continue
			}
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				say("%s overlaps %s", a.ID, b.ID)
			}
		}
	}
	for i, a := range p.Labels {
		for _, b := range p.Labels[i+1:] {
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				say("the labels of %s and %s overlap", a.ID, b.ID)
			}
		}
		for _, b := range p.Boxes {
			if !frames[b.ID] && b.ID != "cluster" && a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				say("the label of %s overlaps %s", a.ID, b.ID)
			}
		}
	}
	return append(bad, wires(p, frames)...)
}

type piece struct {
	wire int
	a, b layout.Point
}

// wires checks that lines have right angles, cross no box, lie on no other line and end where they should.
func wires(p *draw.Picture, frames map[string]bool) (bad []string) {
	var pieces []piece
	for i, r := range p.Routes {
		w := p.Graph.Wires[i]
		if len(r.Paths) == 0 || len(r.Heads) != len(w.To) {
			bad = append(bad, fmt.Sprintf("%s has %d lines and %d heads", r.Wire, len(r.Paths), len(r.Heads)))
		}
		for _, path := range r.Paths {
			for k := 1; k < len(path); k++ {
				a, b := path[k-1], path[k]
				if a.X != b.X && a.Y != b.Y {
					bad = append(bad, fmt.Sprintf("%s has a slanted line", r.Wire))
				}
				if a.X > b.X || a.Y > b.Y {
					a, b = b, a
				}
				pieces = append(pieces, piece{i, a, b})
			}
		}
	}
	for _, s := range pieces {
		ends := slices.Concat(p.Graph.Wires[s.wire].From, p.Graph.Wires[s.wire].To)
		for _, b := range p.Boxes {
			if frames[b.ID] && !slices.Contains(ends, b.ID) || b.ID == "cluster" {
				continue // lines cross the borders of frames
			}
			if s.a.X < b.X+b.W && s.b.X > b.X && s.a.Y < b.Y+b.H && s.b.Y > b.Y && !frames[b.ID] {
				bad = append(bad, fmt.Sprintf("%s crosses %s", p.Routes[s.wire].Wire, b.ID))
			}
		}
		for _, l := range p.Labels {
			if s.a.X < l.X+l.W && s.b.X > l.X && s.a.Y < l.Y+l.H && s.b.Y > l.Y {
				bad = append(bad, fmt.Sprintf("%s crosses the label of %s", p.Routes[s.wire].Wire, l.ID))
			}
		}
	}
	return append(bad, alongside(p, pieces)...)
}

// alongside finds lines of two wires that lie on each other.
func alongside(p *draw.Picture, pieces []piece) (bad []string) {
	const least = 3
	flat := map[[2]int][]piece{} // by orientation and place
	for _, s := range pieces {
		k := [2]int{0, s.a.Y}
		if s.a.X == s.b.X {
			k = [2]int{1, s.a.X}
		}
		flat[k] = append(flat[k], s)
	}
	for k, list := range flat {
		for d := range least {
			for _, s := range list {
				for _, o := range flat[[2]int{k[0], k[1] + d}] {
					if s.wire == o.wire || d == 0 && s.wire > o.wire {
						continue
					}
					if k[0] == 0 && s.a.X < o.b.X && o.a.X < s.b.X || k[0] == 1 && s.a.Y < o.b.Y && o.a.Y < s.b.Y {
						bad = append(bad, fmt.Sprintf("%s lies on %s at %v-%v", p.Routes[s.wire].Wire, p.Routes[o.wire].Wire, s.a, s.b))
					}
				}
			}
		}
	}
	slices.Sort(bad)
	return bad
}

func check(t *testing.T, p *draw.Picture) {
	t.Helper()
	if bad := geometry(p); len(bad) > 0 {
		t.Errorf("%d faults, such as\n%s", len(bad), strings.Join(bad[:min(8, len(bad))], "\n"))
	}
}
