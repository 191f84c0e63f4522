package layout

import (
	"cmp"
	"slices"
)

// assign gives every run its line. Two runs of different nets that go the same way keep their distance wherever
// they might meet, whatever lines the runs that they meet are given. It reports false when a channel was too
// narrow, after asking for more.
func (e *engine) assign() bool {
	var hs, vs []*run
	for _, r := range e.runs {
		r.placed = false
		r.extent()
		if r.on.vertical {
			vs = append(vs, r)
		} else if !r.straight() {
			hs = append(hs, r)
		}
	}
	wanted := map[*channel]int{}
	e.lines(hs, nil, wanted)
	e.lines(vs, e.stubs(), wanted)
	ok := true
	for _, c := range slices.Concat(e.hs, e.vs) {
		if n := wanted[c]; n > 0 {
			c.need += n * pitch
			ok = false
		}
	}
	return ok
}

// widen gives each channel room for as many lines as its runs need side by side, as far as that can be told
// before they have their lines. It saves rounds.
func (e *engine) widen() {
	type step struct{ at, up int }
	by := map[*channel][]step{}
	for _, r := range e.runs {
		r.extent()
		if !r.straight() {
			by[r.on] = append(by[r.on], step{r.from, 1}, step{r.to, -1})
		}
	}
	for c, steps := range by {
		slices.SortFunc(steps, func(a, b step) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.up, a.up)) })
		high, most := 0, 0
		for _, s := range steps {
			high += s.up
			most = max(most, high)
		}
		c.need = max(c.need, 2*edge+pitch*(most-1))
	}
}

// straight tells whether a run is nothing but two pins that face each other.
func (r *run) straight() bool {
	return len(r.crosses) == 0 && len(r.pins) == 2 && r.pins[0].Side != r.pins[1].Side && PinAt(*r.pins[0]).X == PinAt(*r.pins[1]).X
}

// extent is how far a run may go at most.
func (r *run) extent() {
	r.from, r.to = 1<<30, -1<<30
	for _, c := range r.crosses {
		r.from, r.to = min(r.from, c.on.lo), max(r.to, c.on.hi)
	}
	for _, p := range r.pins {
		at := PinAt(*p).X
		r.from, r.to = min(r.from, at), max(r.to, at)
	}
}

// stubs are the vertical pieces between pins and their channels, as far as they may go.
func (e *engine) stubs() []*run {
	var out []*run
	for _, r := range e.runs {
		for _, p := range r.pins {
			at := PinAt(*p)
			s := &run{net: r.net, on: r.on, at: at.X, from: min(at.Y, r.on.lo), to: max(at.Y, r.on.hi), placed: true}
			out = append(out, s)
		}
	}
	return out
}

// lines places runs of one orientation. Those whose ends all lie on one side go next to it, short ones first.
func (e *engine) lines(runs, fixed []*run, wanted map[*channel]int) {
	taken := ledger{}
	for _, r := range fixed {
		taken.add(r)
	}
	order := slices.Clone(runs)
	slices.SortStableFunc(order, func(a, b *run) int {
		return cmp.Or(cmp.Compare(a.to-a.from, b.to-b.from), cmp.Compare(a.net, b.net))
	})
	for _, r := range order {
		r.placed = false
		for at := range r.candidates {
			r.at = at
			if taken.free(r) {
				r.placed = true
				taken.add(r)
				break
			}
		}
		if !r.placed {
			wanted[r.on]++
		}
	}
}

// candidates gives the lines of the channel, the best first.
func (r *run) candidates(yield func(at int) bool) {
	const step = pitch / 2
	lo, hi := r.on.lo+edge, r.on.hi-edge
	if hi < lo {
		return
	}
	hi = lo + (hi-lo)/step*step
	goal := lo
	switch lean := r.lean(); {
	case r.on.vertical && hi-lo > wide:
		goal = r.goal()
	case lean > 0:
		goal = hi
	case lean == 0:
		goal = (lo + hi) / 2
	}
	goal = lo + (max(lo, min(goal, hi))-lo)/step*step
	for d := 0; goal-d >= lo || goal+d <= hi; d += step {
		if goal-d >= lo && !yield(goal-d) || d > 0 && goal+d <= hi && !yield(goal+d) {
			return
		}
	}
}

// wide is the width above which it matters where in a channel a wire runs.
const wide = 64

// goal is the middle of what the runs that meet a vertical one lead to.
func (r *run) goal() int {
	sum, n := 0, 0
	for _, c := range r.crosses {
		for _, p := range c.pins {
			sum, n = sum+PinAt(*p).X, n+1
		}
		for _, o := range c.crosses {
			if o != r {
				sum, n = sum+o.on.middle(), n+1
			}
		}
	}
	if n == 0 {
		return r.on.middle()
	}
	return sum / n
}

// lean is -1 when all that the run meets lies before it (above, left), 1 when it lies behind, 0 for both.
func (r *run) lean() int {
	before, behind := false, false
	for _, p := range r.pins {
		if p.Side == Bottom {
			before = true // the box is above the channel
		} else {
			behind = true
		}
	}
	mid := r.on.middle()
	for _, c := range r.crosses {
		if c.on.vertical == r.on.vertical {
			continue
		}
		switch m := (c.on.from + c.on.to) / 2; {
		case m < mid:
			before = true
		case m > mid:
			behind = true
		}
	}
	switch {
	case before && !behind:
		return -1
	case behind && !before:
		return 1
	}
	return 0
}

// ledger knows the lines that are taken, by their place in steps of clear.
type ledger map[int][]*run

func (l ledger) add(r *run) { l[r.at/clear] = append(l[r.at/clear], r) }

func (l ledger) free(r *run) bool {
	for k := r.at/clear - 1; k <= r.at/clear+1; k++ {
		for _, o := range l[k] {
			if o.net != r.net && abs(o.at-r.at) < clear && o.from <= r.to && r.from <= o.to {
				return false
			}
		}
	}
	return true
}
