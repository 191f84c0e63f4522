package draw

import (
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/layout"
)

// shape is a node, frame or band with its measures and the places of its wires.
type shape struct {
	id      string
	box     *layout.Box
	ports   []spot // badges on the top edge
	below   []spot // badges on the bottom edge
	left    []spot
	right   []spot
	labels  []label
	inAt    map[*Wire]int // where wires end at the top
	reach   map[*Wire]int
	lead    int // no wire ends left of it
	outFrom int // where wires may leave at the bottom
	outTo   int
	outAt   map[*Wire][2]int // of wires that leave at a place of their own: from a badge
}

// spot is a badge: its distance from the left of its box, and its width.
type spot struct {
	Badge
	x, w int
}

// label stands beside the head of a wire.
type label struct {
	wire *Wire
	x    int
	text string
}

// Measures, in pixels.
const (
	badgeH    = 16
	badgePad  = 4
	labelH    = 16 // above the badges
	pinGap    = 12 // between wires at a box
	titleH    = 24
	partH     = 20
	rowH      = 18
	roomLabel = 150 // the longest label
	roomTitle = 190
)

func badgeW(text string) int { return width(text, plain(sizeTiny)) + 2*badgePad }

// badges cuts a list of badges to those that are drawn one by one.
func badges(list []Badge, most int) []spot {
	var out []spot
	for i, b := range list {
		if i == most-1 && len(list) > most {
			rest := Badge{Text: "+" + more(len(list) - i)[2:]}
			return append(out, spot{Badge: rest, w: badgeW(rest.Text)})
		}
		b.Text = fit(b.Text, plain(sizeTiny), 110)
		out = append(out, spot{Badge: b, w: max(badgeW(b.Text), badgeH)})
	}
	return out
}

// tops lays out the top edge: the badges of ports with the wires that end there, then the wires that end at none.
// It gives the width that takes.
func (s *shape) tops(in []*Wire, portOf func(*Wire) int) int {
	s.inAt, s.reach = map[*Wire]int{}, map[*Wire]int{}
	x := max(s.lead, 10)
	place := func(ws []*Wire, half int) (end int) {
		at := x + half
		end = at
		for _, w := range ws {
			text := fit(w.Label, plain(sizeTiny), roomLabel)
			s.inAt[w] = at
			end = at
			if text != "" {
				gap := 5
				if lookOf(w).barred {
					gap = 10
				}
				s.labels = append(s.labels, label{w, at + gap, text})
				end = at + gap + width(text, plain(sizeTiny))
			}
			at = max(end+8, at+pinGap)
		}
		return end
	}
	for i := range s.ports {
		b := &s.ports[i]
		var mine []*Wire
		for _, w := range in {
			if b.Port != 0 && portOf(w) == i {
				mine = append(mine, w)
			}
		}
		end := place(mine, b.w/2)
		b.x = x
		if n := len(mine); n > 0 {
			b.w = max(b.w, s.inAt[mine[n-1]]+b.w/2-x)
			for _, w := range mine {
				s.reach[w] = badgeH / 2
			}
		}
		x = max(b.x+b.w, end) + 8
	}
	var bare []*Wire
	for _, w := range in {
		if _, done := s.inAt[w]; !done {
			bare = append(bare, w)
		}
	}
	if len(bare) > 0 {
		end := place(bare, 6)
		x = max(end+10, x)
	}
	return x + 2
}

// margins sets what is kept free around the box for badges and labels.
func (s *shape) margins() {
	m := &s.box.Margin
	if len(s.ports) > 0 {
		m.Top = badgeH/2 + 2
	}
	if len(s.inAt) > 0 {
		m.Top += 10 // for heads of arrows
	}
	if len(s.labels) > 0 {
		m.Top += labelH - 6
	}
	if len(s.below) > 0 {
		m.Bottom = badgeH/2 + 2
	}
	for _, b := range s.left {
		m.Left = max(m.Left, b.w-10)
	}
	for _, b := range s.right {
		m.Right = max(m.Right, b.w-10)
	}
}

// portFor is the index of the port badge at which a wire ends, -1 for none: that of the one port it opens.
func portFor(n *Node, w *Wire) int {
	if n == nil {
		return -1
	}
	for i, b := range n.Ports {
		if i >= manyBadges-1 && len(n.Ports) > manyBadges {
			break
		}
		if w.Verdict == Structure {
			if n.Kind == Workload && len(n.Ports) == 1 || n.Kind == Entry && len(n.Ports) == 1 {
				return i
			}
			continue
		}
		if opens(n, b, w.conns) {
			return i
		}
	}
	return -1
}

func opens(n *Node, b Badge, conns netset.Conns) bool {
	if n.Kind != Service {
		return conns.Equal(netset.Ports(b.Protocol, b.Port, b.Port))
	}
	for _, p := range n.service.Ports {
		if p.Port != b.Port || p.Protocol != b.Protocol {
			continue
		}
		var got netset.Conns
		for _, pod := range n.service.Pods {
			if t, ok := p.Target(pod); ok {
				got = got.Union(netset.Ports(p.Protocol, t, t))
			}
		}
		return got.Equal(conns)
	}
	return false
}
