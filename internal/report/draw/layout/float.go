package layout

import (
	"cmp"
	"slices"
)

// settling is how often floating boxes look where the others are: those that hang on others that float come last.
const settling = 3

// float finds the places of floating boxes, and orders them by these in their rows.
func (e *engine) float() {
	e.arrange()
	for range settling {
		e.goals()
	}
	for _, row := range e.root.Rows {
		slices.SortStableFunc(row, func(a, b *Box) int {
			if !a.Float || !b.Float {
				return 0
			}
			return cmp.Compare(a.goal, b.goal)
		})
	}
	e.hs, e.vs = nil, nil
	e.open(e.root, nil, 0, 0)
}

// goals sets the goal of each floating box to the middle of the other ends of its wires.
func (e *engine) goals() {
	sum, count := map[*Box]int{}, map[*Box]int{}
	for _, n := range e.nets {
		for i := range n.Pins {
			b := n.Pins[i].Box
			if !b.Float {
				continue
			}
			for j := range n.Pins {
				if o := n.Pins[j]; o.Box != b && o.Side != n.Pins[i].Side {
					sum[b] += o.middle()
					count[b]++
				}
			}
		}
	}
	for _, row := range e.root.Rows {
		for _, b := range row {
			if count[b] > 0 {
				b.goal = sum[b] / count[b]
			}
		}
	}
}

func (p Pin) middle() int {
	if p.Box.Float && p.Box.goal != 0 {
		return p.Box.goal
	}
	return p.Box.X + p.At
}
