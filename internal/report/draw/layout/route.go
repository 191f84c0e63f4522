package layout

import (
	"cmp"
	"container/heap"
	"slices"
)

// node is a place on a channel: where it crosses another one, or where the wire of a pin comes to it.
type node struct {
	on    *channel
	at    int // along the channel
	twin  *node
	pin   *Pin
	order int

	near []*node // the neighbours on the channel; their ways are used[i] times
	used []int

	cost    int
	from    *node
	round   int
	settled bool
}

const (
	bend   = 40 // what a corner costs, in pixels of way
	crowd  = 3  // what each wire that runs there already costs
	infant = -1
)

// link is one step of a net's tree.
type link struct{ a, b *node }

// route finds the ways of all nets through the channels, short nets first.
func (e *engine) route() {
	pins := e.graph()
	order := make([]int, len(e.nets))
	far := make([]int, len(e.nets))
	for i, n := range e.nets {
		order[i] = i
		for j := range n.Pins {
			p, q := PinAt(n.Pins[0]), PinAt(n.Pins[j])
			far[i] = max(far[i], abs(p.X-q.X)+abs(p.Y-q.Y))
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(far[a], far[b]) })
	s := search{}
	for _, i := range order {
		e.cut(i, s.tree(pins[i]))
	}
	slices.SortStableFunc(e.runs, func(a, b *run) int { return cmp.Compare(a.net, b.net) })
	e.untwist()
}

// untwist lets the wires that leave a box at its bottom do so in the order in which they go to the left and to the
// right, so that they need not cross at once.
func (e *engine) untwist() {
	type leaving struct {
		pin  *Pin
		goal int
	}
	byBox := map[*Box][]leaving{}
	var order []*Box
	for _, r := range e.runs {
		for _, p := range r.pins {
			if p.Side != Bottom || p.Hi <= p.Lo {
				continue
			}
			if byBox[p.Box] == nil {
				order = append(order, p.Box)
			}
			byBox[p.Box] = append(byBox[p.Box], leaving{p, r.middleWithout(p)})
		}
	}
	for _, b := range order {
		list := byBox[b]
		slices.SortStableFunc(list, func(x, y leaving) int { return cmp.Or(cmp.Compare(x.pin.Lo, y.pin.Lo), cmp.Compare(x.goal, y.goal)) })
		var wants []int
		for _, l := range list {
			wants = append(wants, l.pin.want)
		}
		slices.Sort(wants)
		for i, l := range list {
			if wants[i] >= l.pin.Lo && wants[i] <= l.pin.Hi {
				l.pin.want = wants[i]
			}
		}
	}
}

// middleWithout is the middle of all that a run meets but one pin.
func (r *run) middleWithout(p *Pin) int {
	sum, n := 0, 0
	for _, q := range r.pins {
		if q != p {
			sum, n = sum+PinAt(*q).X, n+1
		}
	}
	for _, c := range r.crosses {
		sum, n = sum+c.on.middle(), n+1
	}
	if n == 0 {
		return PinAt(*p).X
	}
	return sum / n
}

// graph makes the nodes, and gives those of each net's pins.
func (e *engine) graph() [][]*node {
	count := 0
	add := func(c *channel, at int) *node {
		n := &node{on: c, at: at, order: count}
		count++
		c.nodes = append(c.nodes, n)
		return n
	}
	for _, v := range e.vs {
		for _, h := range v.cross {
			a, b := add(v, h.middle()), add(h, v.middle())
			a.twin, b.twin = b, a
		}
	}
	pins := make([][]*node, len(e.nets))
	for i, n := range e.nets {
		for j := range n.Pins {
			p := &n.Pins[j]
			x := add(channelOf(*p), PinAt(*p).X)
			x.pin = p
			pins[i] = append(pins[i], x)
		}
	}
	for _, c := range slices.Concat(e.hs, e.vs) {
		slices.SortStableFunc(c.nodes, func(a, b *node) int { return cmp.Compare(a.at, b.at) })
		for i := 1; i < len(c.nodes); i++ {
			a, b := c.nodes[i-1], c.nodes[i]
			a.near, a.used = append(a.near, b), append(a.used, 0)
			b.near, b.used = append(b.near, a), append(b.used, 0)
		}
	}
	return pins
}

// search is Dijkstra's, from a tree that is there already to the nearest pin that is not.
type search struct {
	round int
	queue queue
}

func (s *search) tree(pins []*node) []link {
	var links []link
	inTree := map[*node]bool{pins[0]: true}
	tree := []*node{pins[0]}
	waiting := map[*node]bool{}
	for _, p := range pins[1:] {
		waiting[p] = true
	}
	for len(waiting) > 0 {
		end := s.nearest(tree, waiting)
		if end == nil {
			return links
		}
		delete(waiting, end)
		for n := end; !inTree[n]; n = n.from {
			inTree[n] = true
			tree = append(tree, n)
			if n.from.on == n.on {
				n.mark(n.from)
			}
			links = append(links, link{n.from, n})
		}
	}
	return links
}

func (n *node) mark(m *node) {
	for i := range n.near {
		if n.near[i] == m {
			n.used[i]++
		}
	}
	for i := range m.near {
		if m.near[i] == n {
			m.used[i]++
		}
	}
}

func (s *search) nearest(tree []*node, waiting map[*node]bool) *node {
	s.round++
	s.queue = s.queue[:0]
	for _, n := range tree {
		s.reach(n, nil, 0)
	}
	for len(s.queue) > 0 {
		at := heap.Pop(&s.queue).(step)
		n := at.node
		if n.settled {
			continue
		}
		n.settled = true
		if waiting[n] {
			return n
		}
		for i, m := range n.near {
			s.reach(m, n, n.cost+abs(m.at-n.at)+crowd*n.used[i])
		}
		if n.twin != nil {
			s.reach(n.twin, n, n.cost+bend)
		}
	}
	return nil
}

func (s *search) reach(n, from *node, cost int) {
	if n.round != s.round {
		n.round, n.cost, n.settled = s.round, infant, false
	}
	if n.settled || n.cost != infant && n.cost <= cost {
		return
	}
	n.cost, n.from = cost, from
	heap.Push(&s.queue, step{n, cost})
}

type step struct {
	node *node
	cost int
}

type queue []step

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].cost < q[j].cost || q[i].cost == q[j].cost && q[i].node.order < q[j].node.order
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push and Pop make queue a heap.
func (q *queue) Push(x any) { *q = append(*q, x.(step)) }

// Pop gives the last one.
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// run is a straight piece of a net in one channel, with the runs of other channels and the pins that meet it.
type run struct {
	net     int
	on      *channel
	crosses []*run
	pins    []*Pin
	at      int // across the channel, set by assign
	placed  bool
	merged  *run
	from    int // along, what it may take at most
	to      int
}

// cut makes the tree of a net into runs.
func (e *engine) cut(net int, links []link) {
	of := map[*node]*run{}
	var runs []*run
	find := func(n *node) *run {
		r := of[n]
		if r == nil {
			r = &run{net: net, on: n.on}
			of[n] = r
			runs = append(runs, r)
		}
		for r.into() != r {
			r = r.into()
		}
		return r
	}
	for _, l := range links {
		a, b := find(l.a), find(l.b)
		if l.a.on == l.b.on && a != b {
			b.merged = a
		}
	}
	for _, l := range links {
		a, b := find(l.a), find(l.b)
		if a != b {
			a.crosses, b.crosses = append(a.crosses, b), append(b.crosses, a)
		}
	}
	for i := range e.nets[net].Pins {
		p := &e.nets[net].Pins[i]
		for _, n := range channelOf(*p).nodes {
			if n.pin == p && of[n] != nil {
				r := find(n)
				r.pins = append(r.pins, p)
			}
		}
	}
	for _, r := range runs {
		if r.into() == r && len(r.crosses)+len(r.pins) > 1 {
			e.runs = append(e.runs, r)
		}
	}
}

func (r *run) into() *run {
	if r.merged == nil {
		return r
	}
	return r.merged
}
