package draw

import (
	"cmp"
	"slices"
)

// sheet is the ties of one key as a relation between nodes.
type sheet struct {
	nodes []*Node
	index map[*Node]int
	to    map[int][]int // sorted
	pairs map[[2]int]int
}

// block is every one of src to every one of dst.
type block struct {
	src, dst []*Node
	pairs    int
}

func newSheet(ties []*tie) *sheet {
	s := &sheet{index: map[*Node]int{}, to: map[int][]int{}, pairs: map[[2]int]int{}}
	for _, t := range ties {
		for _, n := range []*Node{t.src, t.dst} {
			if _, ok := s.index[n]; !ok {
				s.index[n] = 0
				s.nodes = append(s.nodes, n)
			}
		}
	}
	slices.SortFunc(s.nodes, func(a, b *Node) int { return cmp.Compare(a.ID, b.ID) })
	for i, n := range s.nodes {
		s.index[n] = i
	}
	for _, t := range ties {
		i, j := s.index[t.src], s.index[t.dst]
		s.to[i] = append(s.to[i], j)
		s.pairs[[2]int{i, j}] = t.pairs
	}
	for i := range s.to {
		slices.Sort(s.to[i])
	}
	return s
}

// leastMesh is how many nodes that all talk to each other are worth a group; two are worth two wires.
const leastMesh = 3

// meshes finds the sets of nodes in which everyone has ties to everyone and to the same others.
func (s *sheet) meshes() [][]*Node {
	byReach := map[string][]int{}
	var keys []string
	for i := range s.nodes {
		if len(s.to[i]) == 0 {
			continue
		}
		around := append(slices.Clone(s.to[i]), i)
		slices.Sort(around)
		k := keyOf(around)
		if byReach[k] == nil {
			keys = append(keys, k)
		}
		byReach[k] = append(byReach[k], i)
	}
	var out [][]*Node
	for _, k := range keys {
		set := byReach[k]
		if len(set) < leastMesh {
			continue
		}
		var members []*Node // all reach the same nodes and themselves, so each reaches the others
		for _, i := range set {
			members = append(members, s.nodes[i])
		}
		out = append(out, members)
	}
	return out
}

func keyOf(list []int) string {
	b := make([]byte, 0, 3*len(list))
	for _, i := range list {
		b = append(b, byte(i>>16), byte(i>>8), byte(i))
	}
	return string(b)
}

// blocks covers the ties that are left: by sources that reach the same, or by destinations that are reached by
// the same, whichever takes fewer ends.
func (s *sheet) blocks() []block {
	back := map[int][]int{}
	for i := range s.nodes {
		for _, j := range s.to[i] {
			back[j] = append(back[j], i)
		}
	}
	a, b := s.grouped(s.to, false), s.grouped(back, true)
	if size(b) < size(a) {
		return b
	}
	return a
}

func size(bs []block) int {
	n := 0
	for _, b := range bs {
		n += len(b.src) + len(b.dst)
	}
	return n
}

func (s *sheet) grouped(to map[int][]int, back bool) []block {
	at := map[string]int{}
	var out []block
	for i := range s.nodes {
		if len(to[i]) == 0 {
			continue
		}
		k := keyOf(to[i])
		n, ok := at[k]
		if !ok {
			n = len(out)
			at[k] = n
			var far []*Node
			for _, j := range to[i] {
				far = append(far, s.nodes[j])
			}
			out = append(out, block{dst: far})
		}
		out[n].src = append(out[n].src, s.nodes[i])
	}
	for i := range out {
		if back {
			out[i].src, out[i].dst = out[i].dst, out[i].src
		}
		for _, a := range out[i].src {
			for _, b := range out[i].dst {
				out[i].pairs += s.pairs[[2]int{s.index[a], s.index[b]}]
			}
		}
	}
	return out
}
