package netset

import "slices"

// point is a place on a line. Next of the last place of a line must not be the first of any span.
type point[P any] interface {
	comparable
	Compare(P) int
	Next() P
	Prev() P
}

// span holds both its ends.
type span[P point[P]] struct{ lo, hi P }

// The functions below take and give canonical lists: sorted, disjoint, not touching, nil when empty. They
// never write to their arguments, which may therefore share memory with other sets.

// canonical sorts and joins spans in place. Each must have lo <= hi.
func canonical[P point[P]](s []span[P]) []span[P] {
	if len(s) == 0 {
		return nil
	}
	slices.SortFunc(s, func(a, b span[P]) int { return a.lo.Compare(b.lo) })
	out := s[:1]
	for _, n := range s[1:] {
		out = push(out, n)
	}
	return slices.Clip(out)
}

// push appends n, which must not begin before the last span of s, and joins the two if they meet.
func push[P point[P]](s []span[P], n span[P]) []span[P] {
	if len(s) > 0 {
		last := &s[len(s)-1]
		if n.lo.Compare(last.hi) <= 0 || last.hi.Next() == n.lo {
			if n.hi.Compare(last.hi) > 0 {
				last.hi = n.hi
			}
			return s
		}
	}
	return append(s, n)
}

// same tells whether a and b are one list in memory; it never looks at the spans.
func same[P point[P]](a, b []span[P]) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func equal[P point[P]](a, b []span[P]) bool { return same(a, b) || slices.Equal(a, b) }

func contains[P point[P]](s []span[P], p P) bool {
	i, j := 0, len(s)
	for i < j {
		m := int(uint(i+j) >> 1)
		if s[m].hi.Compare(p) < 0 {
			i = m + 1
		} else {
			j = m
		}
	}
	return i < len(s) && s[i].lo.Compare(p) <= 0
}

// covers tells whether every point of b is in a.
func covers[P point[P]](a, b []span[P]) bool {
	if same(a, b) {
		return true
	}
	i := 0
	for _, n := range b {
		for i < len(a) && a[i].hi.Compare(n.lo) < 0 {
			i++
		}
		if i == len(a) || a[i].lo.Compare(n.lo) > 0 || a[i].hi.Compare(n.hi) < 0 {
			return false
		}
	}
	return true
}

func overlaps[P point[P]](a, b []span[P]) bool {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].hi.Compare(b[j].lo) < 0:
			i++
		case b[j].hi.Compare(a[i].lo) < 0:
			j++
		default:
			return true
		}
	}
	return false
}

func union[P point[P]](a, b []span[P]) []span[P] {
	if covers(a, b) {
		return a
	}
	if covers(b, a) {
		return b
	}
	out := make([]span[P], 0, len(a)+len(b))
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		if j == len(b) || i < len(a) && a[i].lo.Compare(b[j].lo) <= 0 {
			out = push(out, a[i])
			i++
		} else {
			out = push(out, b[j])
			j++
		}
	}
	return out
}

func intersect[P point[P]](a, b []span[P]) []span[P] {
	if covers(a, b) {
		return b
	}
	if covers(b, a) {
		return a
	}
	var out []span[P]
	for i, j := 0, 0; i < len(a) && j < len(b); {
		n := a[i]
		if b[j].lo.Compare(n.lo) > 0 {
			n.lo = b[j].lo
		}
		aEndsFirst := a[i].hi.Compare(b[j].hi) <= 0
		if aEndsFirst {
			i++
		} else {
			n.hi = b[j].hi
			j++
		}
		if n.lo.Compare(n.hi) <= 0 {
			out = append(out, n)
		}
	}
	return out
}

// subtract gives the points of a that are not in b.
func subtract[P point[P]](a, b []span[P]) []span[P] {
	if !overlaps(a, b) {
		return a
	}
	var out []span[P]
	j := 0
	for _, rest := range a {
		for j < len(b) && b[j].hi.Compare(rest.lo) < 0 {
			j++
		}
		// b[k] may reach into the next span of a, so j stays behind.
		gone := false
		for k := j; k < len(b) && b[k].lo.Compare(rest.hi) <= 0; k++ {
			j = k
			if b[k].lo.Compare(rest.lo) > 0 {
				out = append(out, span[P]{rest.lo, b[k].lo.Prev()})
			}
			if b[k].hi.Compare(rest.hi) >= 0 {
				gone = true
				break
			}
			rest.lo = b[k].hi.Next()
		}
		if !gone {
			out = append(out, rest)
		}
	}
	return out
}
