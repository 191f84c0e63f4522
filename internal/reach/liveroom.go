package reach

import (
	"math/bits"
	"net/netip"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// withSpare adds numbers to the classes of a namespace, which end the list. Until they are taken they are like the
// last class, so that sets and rows go on over them.
func withSpare(points []point) []point {
	last := len(points) - 1
	n := 1
	for n <= last && points[last-n].pod.Namespace == points[last].pod.Namespace {
		n++
	}
	for range 4 + n/8 {
		points = append(points, spareLike(&points[last]))
	}
	return points
}

func spareLike(p *point) point {
	s := *p
	s.count = 0
	return s
}

// withReserve adds numbers for namespaces that have no classes yet. They are in a namespace of no name.
func withReserve(points []point) []point {
	if len(points) == 0 {
		return points
	}
	s := spareLike(&points[len(points)-1])
	pod := *s.pod
	pod.Namespace = &cluster.Namespace{Labels: map[string]string{}, Declared: true}
	s.pod = &pod
	for range 64 + len(points)/8 {
		points = append(points, s)
	}
	return points
}

// withRoom repeats starts of atoms, the more often the more addresses the atom holds.
func withRoom(starts []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for i, a := range starts {
		out = append(out, a)
		last := everyAddr(familyOf(a)).Ranges()[0].Hi
		if i+1 < len(starts) && familyOf(starts[i+1]) == familyOf(a) {
			last = starts[i+1].Prev()
		}
		for range roomFor(a, last) {
			out = append(out, a)
		}
	}
	return out
}

// roomFor is how many cuts to expect between two addresses of a family: none in small networks.
func roomFor(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			return min(max((15-i)*8+bits.Len8(d)-6, 0)/2, 16)
		}
	}
	return 0
}
