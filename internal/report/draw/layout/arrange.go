package layout

// arrange sets sizes and places from what the channels need.
func (e *engine) arrange() {
	size(e.root)
	e.root.X, e.root.Y = 0, 0
	set(e.root)
	for _, v := range e.vs {
		for _, h := range v.cross {
			h.from, h.to = min(h.from, v.lo), max(h.to, v.hi)
		}
	}
}

// outer is the size with margins.
func (b *Box) outer() (w, h int) {
	return b.W + b.Margin.Left + b.Margin.Right, b.H + b.Margin.Top + b.Margin.Bottom
}

func rowSize(b *Box, r int) (w, h int) {
	for i, it := range b.Rows[r] {
		iw, ih := it.outer()
		w += b.vs[r][i].need + iw
		h = max(h, ih)
	}
	if b.rowH != nil {
		h = max(h, b.rowH[r])
	}
	return w + b.vs[r][len(b.Rows[r])].need, h
}

func size(b *Box) {
	if b.Rows == nil {
		return
	}
	if b.Aligned {
		align(b)
	}
	w, h := 0, b.hs[0].need
	for r, items := range b.Rows {
		for _, it := range items {
			if it.Rows != nil {
				it.W, it.H = it.leastW(), it.leastH()
			}
			size(it)
		}
		rw, rh := rowSize(b, r)
		w, h = max(w, rw), h+rh+b.hs[r+1].need
	}
	b.W = max(b.leastW(), w+b.Pad.Left+b.Pad.Right)
	b.H = max(b.leastH(), h+b.Pad.Top+b.Pad.Bottom)
}

// align gives the frames of each row the same heights of channels and rows, the highest of each.
func align(b *Box) {
	for _, items := range b.Rows {
		for _, it := range items {
			size(it)
		}
		var most *Box
		for _, it := range items {
			if most == nil || len(it.Rows) > len(most.Rows) {
				most = it
			}
		}
		if most == nil {
			continue
		}
		for k := range most.hs {
			need := 0
			for _, it := range items {
				if k < len(it.hs) {
					need = max(need, it.hs[k].need)
				}
			}
			for _, it := range items {
				if k < len(it.hs) {
					it.hs[k].need = need
				}
			}
		}
		for k := range most.Rows {
			high := 0
			for _, it := range items {
				if k < len(it.Rows) {
					_, h := rowSize(it, k)
					high = max(high, h)
				}
			}
			for _, it := range items {
				if it.rowH == nil {
					it.rowH = make([]int, len(it.Rows))
				}
				if k < len(it.Rows) {
					it.rowH[k] = high
				}
			}
		}
	}
}

// Frames remember the size they were given, because W and H become the size they got.
func (b *Box) leastW() int {
	if b.least == nil {
		b.least = &[2]int{b.W, b.H}
	}
	return b.least[0]
}

func (b *Box) leastH() int {
	b.leastW()
	return b.least[1]
}

// set places what is in b, whose own place and size are known.
func set(b *Box) {
	if b.Rows == nil {
		return
	}
	left, right := b.X+b.Pad.Left, b.X+b.W-b.Pad.Right
	y := b.Y + b.Pad.Top
	free := b.H - b.Pad.Top - b.Pad.Bottom
	heights := make([]int, len(b.Rows))
	for r := range b.Rows {
		_, heights[r] = rowSize(b, r)
		free -= heights[r] + b.hs[r].need
	}
	free -= b.hs[len(b.Rows)].need
	b.hs[0].across(y, y+b.hs[0].need, left, right)
	y += b.hs[0].need
	for r, items := range b.Rows {
		h := heights[r]
		if r == len(b.Rows)-1 && anyStretch(items) {
			h, free = h+free, 0 // the last row takes what is left over
		}
		setRow(b, r, y, h, left, right)
		y += h
		below := b.hs[r+1].need
		if r == len(b.Rows)-1 {
			below += free
		}
		b.hs[r+1].across(y, y+below, left, right)
		y += below
	}
}

func anyStretch(items []*Box) bool {
	for _, it := range items {
		if it.Stretch {
			return true
		}
	}
	return false
}

func (c *channel) across(lo, hi, from, to int) { c.lo, c.hi, c.from, c.to = lo, hi, from, to }

func setRow(b *Box, r, y, h, left, right int) {
	items, gaps := b.Rows[r], b.vs[r]
	w, _ := rowSize(b, r)
	spare := right - left - w
	x := left
	if b.Center {
		x += spare / 2
	}
	gaps[0].across(left, x+gaps[0].need, y, y+h)
	x += gaps[0].need
	for i, it := range items {
		if it.Float { // as far to the right as is good, and as there is room
			iw, _ := it.outer()
			if move := min(spare, it.goal-x-iw/2); move > 0 {
				x, spare = x+move, spare-move
				gaps[i].hi += move
			}
		}
		if it.Stretch {
			it.H = h - it.Margin.Top - it.Margin.Bottom
			if len(items) == 1 && !b.Center {
				it.W += spare
			}
		}
		iw, _ := it.outer()
		it.X, it.Y = x+it.Margin.Left, y+it.Margin.Top
		set(it)
		x += iw
		gaps[i+1].across(x, x+gaps[i+1].need, y, y+h)
		x += gaps[i+1].need
	}
	end := gaps[len(items)]
	end.hi = max(end.hi, right)
}

// slide moves the pins that may: to make wires straight between two pins at one channel, and away from others that
// would share a line with them.
func (e *engine) slide() {
	at := map[*channel][]placedPin{}
	var loose []placedPin
	for i, n := range e.nets {
		for j := range n.Pins {
			p := &n.Pins[j]
			pp := placedPin{p, i}
			if p.Hi > p.Lo {
				loose = append(loose, pp)
			} else {
				at[channelOf(*p)] = append(at[channelOf(*p)], pp)
			}
		}
	}
	for _, straight := range []bool{true, false} {
		for _, pp := range loose {
			p := pp.pin
			goal, ok := e.facing(pp)
			if ok != straight {
				continue
			}
			c := channelOf(*p)
			p.At = p.want
			if ok {
				p.At = goal
			}
			p.At = nearest(p, at[c], pp.net)
			at[c] = append(at[c], pp)
		}
	}
}

type placedPin struct {
	pin *Pin
	net int
}

// facing is where a pin has to be for a straight wire, when it can be there.
func (e *engine) facing(pp placedPin) (int, bool) {
	n := e.nets[pp.net]
	if len(n.Pins) != 2 {
		return 0, false
	}
	q := &n.Pins[0]
	if q == pp.pin {
		q = &n.Pins[1]
	}
	if q.Hi > q.Lo || q.Side == pp.pin.Side || channelOf(*q) != channelOf(*pp.pin) {
		return 0, false
	}
	at := q.Box.X + q.At - pp.pin.Box.X
	return at, at >= pp.pin.Lo && at <= pp.pin.Hi
}

// nearest is the free place for a pin that is nearest to where it is now; that place when none is free.
func nearest(p *Pin, others []placedPin, net int) int {
	free := func(at int) bool {
		for _, o := range others {
			if o.net == net && o.pin.Side != p.Side {
				continue
			}
			if d := abs(o.pin.Box.X + o.pin.At - p.Box.X - at); d < clear {
				return false
			}
		}
		return true
	}
	for d := 0; d <= p.Hi-p.Lo; d++ {
		for _, at := range []int{p.At + d, p.At - d} {
			if at >= p.Lo && at <= p.Hi && free(at) {
				return at
			}
		}
	}
	return p.At
}

// channelOf is the channel that a pin's wire comes to.
func channelOf(p Pin) *channel {
	if p.Side == Top {
		return p.Box.parent.hs[p.Box.row]
	}
	return p.Box.parent.hs[p.Box.row+1]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
