package draw

import (
	"cmp"
	"math"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw/layout"
)

// rows breaks boxes into rows of about some width, or leaves them in those of the picture before.
func (p *Picture) rows(items []*layout.Box, most float64) [][]*layout.Box {
	rows := p.rowsBefore(items)
	if rows == nil {
		return shelves(items, most)
	}
	const tooWide = 1.6 // times the width that is best
	for _, r := range rows {
		w := 0.0
		for _, b := range r {
			one, _ := guess(b)
			w += one
		}
		if len(r) > 1 && w > tooWide*math.Max(most, leastRow) {
			return shelves(items, most)
		}
	}
	return rows
}

// rowsBefore is the rows that boxes stood in before. What is new stands behind what it follows by name. It is nil
// when less than half of the boxes stood there.
func (p *Picture) rowsBefore(items []*layout.Box) [][]*layout.Box {
	old := p.Graph.opt.Previous
	var known []*layout.Box
	for _, b := range items {
		if _, ok := old[Safe(p.ids[b])]; ok {
			known = append(known, b)
		}
	}
	if len(known) == 0 || 2*len(known) < len(items) {
		return nil
	}
	at := func(b *layout.Box) Placed { return old[Safe(p.ids[b])] }
	slices.SortStableFunc(known, func(a, b *layout.Box) int { return cmp.Compare(at(a).Y, at(b).Y) })
	var rows [][]*layout.Box
	bottom := 0
	for _, b := range known {
		if len(rows) == 0 || at(b).Y >= bottom {
			rows = append(rows, nil)
			bottom = at(b).Y + at(b).H
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], b)
		bottom = min(bottom, at(b).Y+at(b).H) // boxes of one row begin at about one height
	}
	for _, r := range rows {
		slices.SortStableFunc(r, func(a, b *layout.Box) int { return cmp.Compare(at(a).X, at(b).X) })
	}
	row := 0
	var last *layout.Box
	for _, b := range items {
		if !slices.Contains(known, b) {
			i := slices.Index(rows[row], last) + 1
			rows[row] = slices.Insert(rows[row], i, b)
		} else {
			row = slices.IndexFunc(rows, func(r []*layout.Box) bool { return slices.Contains(r, b) })
		}
		last = b
	}
	return rows
}
