package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// manyPeers is how many workloads a matrix shows by name; above it they are joined by namespace.
const manyPeers = 30

// listMatrix draws who reaches whom: rows open connections to columns.
func listMatrix(w io.Writer, l *Listing, opt Options) error {
	var notes footnotes
	name := notes.short
	names := matrixPeers(l, name)
	if len(names) > manyPeers {
		name = func(p Peer) string {
			if p.Namespace != "" {
				return "namespace " + p.Namespace
			}
			return notes.short(p)
		}
		names = matrixPeers(l, name)
	}
	index := map[string]int{}
	for i, n := range names {
		index[n] = i
	}
	cells := make([][]byte, len(names))
	for i := range cells {
		cells[i] = []byte(strings.Repeat(".", len(names)))
	}
	for c := range l.all() {
		cell := &cells[index[name(c.Src)]][index[name(c.Dst)]]
		certain, open := c.certainAndOpen()
		switch {
		case !certain.IsEmpty():
			*cell = 'x'
		case !open.IsEmpty() && *cell == '.':
			*cell = '?'
		}
	}
	p := newPrinter(w, opt)
	rows := [][]string{{"", "FROM / TO"}}
	for i := range names {
		rows[0] = append(rows[0], fmt.Sprint(i+1))
	}
	for i, n := range names {
		row := []string{fmt.Sprint(i + 1), n}
		for _, c := range cells[i] {
			row = append(row, string(c))
		}
		rows = append(rows, row)
	}
	p.table(rows)
	p.footnotes(notes)
	p.line("")
	p.line("x some connection is allowed   ? undecided   . nothing is allowed")
	p.lost(l)
	return p.w.Flush()
}

// matrixPeers lists the names of all peers: workloads first, then the rest, each in order.
func matrixPeers(l *Listing, name func(Peer) string) []string {
	seen := map[string]bool{}
	var inside, outside []string
	for c := range l.all() {
		for _, p := range []Peer{c.Src, c.Dst} {
			n := name(p)
			if seen[n] {
				continue
			}
			seen[n] = true
			if p.Kind != "" {
				inside = append(inside, n)
			} else {
				outside = append(outside, n)
			}
		}
	}
	slices.Sort(inside)
	slices.Sort(outside)
	return append(inside, outside...)
}
