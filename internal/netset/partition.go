package netset

import (
	"math/bits"
	"net/netip"
	"slices"
)

// Partition splits all addresses of both families into the fewest pieces on which every set is constant:
// two addresses are in one piece exactly when the same sets hold them. Pieces are ordered by their lowest
// address, are never empty, and together hold everything; without sets there is one. The time is
// O(n log n) in the number of ranges.
func Partition(sets ...Addrs) []Addrs {
	type edge struct {
		at  netip.Addr
		set int
	}
	var edges []edge
	for i, set := range sets {
		for _, s := range set.spans {
			edges = append(edges, edge{s.lo, i})
			if end := s.hi.Next(); end.IsValid() {
				edges = append(edges, edge{end, i})
			}
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })

	members := memberships{height: bits.Len(uint(len(sets))), ids: map[[2]int32]int32{}}
	var pieces []Addrs
	index := map[int32]int{} // membership to piece
	add := func(member int32, s span[netip.Addr]) {
		i, ok := index[member]
		if !ok {
			i = len(pieces)
			index[member] = i
			pieces = append(pieces, Addrs{})
		}
		pieces[i].spans = append(pieces[i].spans, s)
	}
	for _, family := range wholeLine {
		// What reaches the end of a family has no closing edge, so each begins with no member.
		member, from := int32(0), family.lo
		for len(edges) > 0 && edges[0].at.BitLen() == family.lo.BitLen() {
			if here := edges[0].at; here != from {
				add(member, span[netip.Addr]{from, here.Prev()})
				from = here
			}
			member = members.toggle(member, members.height, edges[0].set)
			edges = edges[1:]
		}
		add(member, span[netip.Addr]{from, family.hi})
	}
	return pieces
}

// memberships numbers sets of small integers so that equal sets get equal numbers. A set is a binary tree
// over the bits of its members, and each different tree is kept once: changing one member makes at most
// height new nodes, however many members there are. Comparing hashes instead could be wrong, and comparing
// bit sets would take time in the square of the sets.
type memberships struct {
	height int
	ids    map[[2]int32]int32 // the two halves of a tree, to its number
	halves [][2]int32         // the other way round; numbers begin at 2
}

// toggle adds i to the set numbered id, or takes it out. The empty set of every height is 0; at height 0,
// 1 is "is a member".
func (m *memberships) toggle(id int32, height, i int) int32 {
	if height == 0 {
		return 1 - id
	}
	var t [2]int32
	if id != 0 {
		t = m.halves[id-2]
	}
	half := i >> (height - 1) & 1
	t[half] = m.toggle(t[half], height-1, i)
	if t == [2]int32{} {
		return 0
	}
	if id, ok := m.ids[t]; ok {
		return id
	}
	m.halves = append(m.halves, t)
	m.ids[t] = int32(len(m.halves) + 1)
	return m.ids[t]
}
