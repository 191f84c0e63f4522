package layout

import (
	"cmp"
	"slices"
)

// draw makes the runs of each net into paths and joints.
func (e *engine) draw() {
	byNet := make([][]*run, len(e.nets))
	for _, r := range e.runs {
		byNet[r.net] = append(byNet[r.net], r)
	}
	for i, n := range e.nets {
		n.Paths, n.Joints = nil, nil
		ok := len(byNet[i]) > 0
		for _, r := range byNet[i] {
			ok = ok && (r.placed || r.straight())
		}
		if ok {
			w := web{at: map[Point]int{}}
			for _, r := range byNet[i] {
				w.run(r)
			}
			n.Paths, n.Joints = w.paths(n)
		}
	}
}

// web is the points of a net and the straight pieces between them.
type web struct {
	at    map[Point]int
	pts   []Point
	links [][]int
}

func (w *web) point(p Point) int {
	i, ok := w.at[p]
	if !ok {
		i = len(w.pts)
		w.at[p] = i
		w.pts = append(w.pts, p)
		w.links = append(w.links, nil)
	}
	return i
}

func (w *web) link(a, b int) {
	if a != b && !slices.Contains(w.links[a], b) {
		w.links[a], w.links[b] = append(w.links[a], b), append(w.links[b], a)
	}
}

// run adds the points of a run in their order, and the pieces to its pins.
func (w *web) run(r *run) {
	if r.straight() {
		w.link(w.point(PinAt(*r.pins[0])), w.point(PinAt(*r.pins[1])))
		return
	}
	var on []Point
	for _, c := range r.crosses {
		if r.on.vertical {
			on = append(on, Point{r.at, c.at})
		} else {
			on = append(on, Point{c.at, r.at})
		}
	}
	for _, p := range r.pins {
		at := PinAt(*p)
		foot := Point{at.X, r.at}
		on = append(on, foot)
		w.link(w.point(at), w.point(foot))
	}
	slices.SortFunc(on, func(a, b Point) int { return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y)) })
	on = slices.Compact(on)
	for i := 1; i < len(on); i++ {
		w.link(w.point(on[i-1]), w.point(on[i]))
	}
}

// paths walks the web from pins and joints along points that only lead on.
func (w *web) paths(n *Net) (paths [][]Point, joints []Point) {
	stop := make([]bool, len(w.pts))
	for _, p := range n.Pins {
		stop[w.point(PinAt(p))] = true
	}
	for i := range w.pts {
		if len(w.links[i]) > 2 {
			stop[i] = true
			joints = append(joints, w.pts[i])
		}
	}
	for i := range w.pts {
		if !stop[i] {
			continue
		}
		for _, j := range w.links[i] {
			path, prev, at := []Point{w.pts[i]}, i, j
			for !stop[at] && len(w.links[at]) == 2 {
				path = append(path, w.pts[at])
				next := w.links[at][0]
				if next == prev {
					next = w.links[at][1]
				}
				prev, at = at, next
			}
			path = append(path, w.pts[at])
			if first, last := w.at[path[0]], w.at[path[len(path)-1]]; first < last || first == last && j < prev {
				paths = append(paths, simple(path))
			}
		}
	}
	return paths, joints
}

// simple drops points in the middle of straight lines.
func simple(path []Point) []Point {
	out := path[:1:1]
	for i := 1; i < len(path); i++ {
		if n := len(out); n > 1 && i < len(path) {
			a, b, c := out[n-2], out[n-1], path[i]
			if a.X == b.X && b.X == c.X || a.Y == b.Y && b.Y == c.Y {
				out[n-1] = c
				continue
			}
		}
		out = append(out, path[i])
	}
	return out
}
