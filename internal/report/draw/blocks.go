package draw

import (
	"cmp"
	bitcount "math/bits"
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

// manyRows is how many sources are compared with each other for what they have in common. It bounds the cost.
const manyRows = 48

// blocks covers the ties that are left with few lines: again and again it takes the block that spares the most ends
// of lines, until single ties are left.
func (s *sheet) blocks() []block {
	c := cover{n: len(s.nodes)}
	c.to, c.from = c.rows(), c.rows()
	left := 0
	for i := range s.nodes {
		for _, j := range s.to[i] {
			c.to[i].set(j)
			c.from[j].set(i)
			left++
		}
	}
	var out []block
	for left > 0 {
		src, dst := c.best()
		b := block{}
		for i := range src.each {
			b.src = append(b.src, s.nodes[i])
		}
		for j := range dst.each {
			b.dst = append(b.dst, s.nodes[j])
		}
		for i := range src.each {
			for j := range dst.each {
				if i != j {
					c.to[i].drop(j)
					c.from[j].drop(i)
					b.pairs += s.pairs[[2]int{i, j}]
					left--
				}
			}
		}
		out = append(out, b)
	}
	return out
}

// cover is the ties that no block has yet, by source and by destination.
type cover struct {
	n        int
	to, from []bits
}

func (c *cover) rows() []bits {
	words := (c.n + 63) / 64
	all := make(bits, words*c.n)
	out := make([]bits, c.n)
	for i := range out {
		out[i] = all[i*words : (i+1)*words]
	}
	return out
}

// best is the block that spares the most. Every block begins with what one source reaches, or with what two of them
// have in common, or with one destination.
func (c *cover) best() (src, dst bits) {
	most := -1
	words := (c.n + 63) / 64
	try := func(start bits) {
		s, d := make(bits, words), make(bits, words)
		c.all(s, c.to, start)
		c.all(d, c.from, s)
		ties := s.count() * d.count()
		for i := range s.each {
			if d.has(i) {
				ties--
			}
		}
		if spared := 2*ties - s.count() - d.count(); ties > 0 && spared > most {
			most, src, dst = spared, s, d
		}
	}
	var rows []int
	one := make(bits, words)
	for i := range c.n {
		if !c.to[i].empty() {
			rows = append(rows, i)
			try(c.to[i])
		}
		if !c.from[i].empty() {
			one.set(i)
			try(one)
			one.drop(i)
		}
	}
	if len(rows) <= manyRows {
		for k, i := range rows {
			for _, j := range rows[:k] {
				if both := c.to[i].and(c.to[j]); both.count() > 1 {
					try(both)
				}
			}
		}
	}
	return src, dst
}

// all marks in out whose row holds everything in want. Nobody has a tie to itself, and none is wanted.
func (c *cover) all(out bits, rows []bits, want bits) {
	for i, row := range rows {
		if row.meets(want) && row.covers(want, i) {
			out.set(i)
		}
	}
}

// bits is a set of small numbers.
type bits []uint64

func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) drop(i int)     { b[i/64] &^= 1 << (i % 64) }
func (b bits) has(i int) bool { return b[i/64]>>(i%64)&1 == 1 }

func (b bits) empty() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

func (b bits) count() int {
	n := 0
	for _, w := range b {
		n += bitcount.OnesCount64(w)
	}
	return n
}

func (b bits) meets(o bits) bool {
	for i := range b {
		if b[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

func (b bits) and(o bits) bits {
	out := make(bits, len(b))
	for i := range b {
		out[i] = b[i] & o[i]
	}
	return out
}

// covers tells whether everything in o but one is in b.
func (b bits) covers(o bits, but int) bool {
	for i := range o {
		miss := o[i] &^ b[i]
		if but/64 == i {
			miss &^= 1 << (but % 64)
		}
		if miss != 0 {
			return false
		}
	}
	return true
}

func (b bits) each(yield func(int) bool) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			if !yield(64*i + bitcount.TrailingZeros64(w)) {
				return
			}
		}
	}
}
