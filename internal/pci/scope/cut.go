package scope

import (
	"cmp"
	"slices"
)

// role is what a vertex of a graph may be on a way in.
type role uint8

const (
	middle role = iota
	source
	target
)

// graph is who may connect to whom, as far as ways from sources to targets of two or three connections need it.
// A way begins at a source, ends at the first target it meets, and goes through vertices that are neither.
type graph struct {
	in    [][]hop // by destination; of vertices that no way needs it may be nil
	roles []role
	// fed tells of vertices in the middle whether a source leads there in one connection, and in two.
	fed    [2][]bool
	groups []int32 // of each vertex, its namespace
	needed func(src, dst int) bool
}

// gate is the unit that a cut closes: what the sources of a group, or its other members, may open to one
// destination. It is one peer of one rule at the destination, and no flow belongs to two gates.
type gate struct {
	group      int32
	fromSource bool
	to         int
}

func (a gate) compare(b gate) int {
	return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(a.group, b.group), sureFirst(a.fromSource, b.fromSource))
}

// feed computes fed.
func (g *graph) feed() {
	for k := range g.fed {
		g.fed[k] = make([]bool, len(g.in))
		for v, row := range g.in {
			g.fed[k][v] = g.roles[v] == middle && slices.ContainsFunc(row, func(h hop) bool {
				if k == 0 {
					return g.roles[h.other] == source
				}
				return g.roles[h.other] == middle && g.fed[0][h.other]
			})
		}
	}
}

// cut gives the fewest gates that close every way of two or three connections into the given targets, sorted:
// first as few as can be that hold a needed flow, then as few as can be at all. Of several such cuts it is the
// one nearest to the sources. ok is false when the graph needs more than most arcs; then there is no answer.
//
// Ways of at most three connections make a layered graph, in which each gate occurs once: gates of sources lead
// to the first layer, others into targets or from the first layer to the second. So a minimal cut of that graph,
// by a maximal flow, is exact; for longer ways the question is NP-hard. feed must have been called.
func (g *graph) cut(targets []int, most int) (gates []gate, ok bool) {
	n := len(g.in)
	f := flow{}
	// Vertices: the super source, the sink, each vertex in the first layer, each in the second, then gates.
	const start, sink = 0, 1
	f.grow(2 + 2*n)
	first, second := func(v int) int { return 2 + v }, func(v int) int { return 2 + n + v }
	number, list := map[gate]int{}, []gate{}
	needs := []bool{}
	open := func(k gate, into int) int {
		at, has := number[k]
		if !has {
			at = len(list)
			number[k], list, needs = at, append(list, k), append(needs, false)
			f.grow(1)
			f.arc(2+2*n+at, into, 1)
		}
		return at
	}
	done := map[[2]int]bool{} // gate, member
	add := func(src, dst, from, into int) {
		at := open(gate{g.groups[src], g.roles[src] == source, dst}, into)
		if g.needed != nil && !needs[at] {
			needs[at] = g.needed(src, dst)
		}
		if key := [2]int{from, at}; !done[key] {
			done[key] = true
			f.arc(from, 2+2*n+at, endless)
		}
	}
	layer2, layer1 := map[int]bool{}, map[int]bool{}
	var seconds, firsts []int
	see := func(m map[int]bool, l *[]int, v int) {
		if !m[v] {
			m[v] = true
			*l = append(*l, v)
		}
	}
	for _, t := range targets {
		for _, h := range g.in[t] {
			if v := int(h.other); g.roles[v] == middle && (g.fed[0][v] || g.fed[1][v]) {
				see(layer2, &seconds, v)
				add(v, t, second(v), sink)
			}
		}
	}
	for _, v := range seconds {
		see(layer1, &firsts, v)
		f.arc(first(v), second(v), endless)
		for _, h := range g.in[v] {
			if u := int(h.other); g.roles[u] == middle && g.fed[0][u] {
				see(layer1, &firsts, u)
				add(u, v, first(u), second(v))
			}
		}
		if f.size() > most {
			return nil, false
		}
	}
	for _, v := range firsts {
		for _, h := range g.in[v] {
			if u := int(h.other); g.roles[u] == source {
				add(u, v, start, first(v))
			}
		}
		if f.size() > most {
			return nil, false
		}
	}
	for at, need := range needs {
		if need {
			f.cap[f.first[2+2*n+at]] = int64(len(list)) + 1
		}
	}
	reached := f.maximal(start, sink)
	for at, k := range list {
		into := f.to[f.first[2+2*n+at]]
		if reached[2+2*n+at] && !reached[into] {
			gates = append(gates, k)
		}
	}
	slices.SortFunc(gates, gate.compare)
	return gates, true
}

// endless is more than all capacities together.
const endless = int64(1) << 60

// flow is a network for Dinic's algorithm. Arcs come in pairs; the reverse of arc a is a^1.
type flow struct {
	first []int // by vertex: its first arc made, -1 without one
	next  []int // by arc: the next one of the same vertex
	last  []int // by vertex
	to    []int
	cap   []int64
}

func (f *flow) grow(n int) {
	for range n {
		f.first, f.last = append(f.first, -1), append(f.last, -1)
	}
}

// size is the number of arcs, without reverse ones.
func (f *flow) size() int { return len(f.to) / 2 }

func (f *flow) arc(from, to int, capacity int64) {
	f.half(from, to, capacity)
	f.half(to, from, 0)
}

func (f *flow) half(from, to int, capacity int64) {
	a := len(f.to)
	f.to, f.cap, f.next = append(f.to, to), append(f.cap, capacity), append(f.next, -1)
	if f.first[from] < 0 {
		f.first[from] = a
	} else {
		f.next[f.last[from]] = a
	}
	f.last[from] = a
}

// maximal sends as much as can be from one vertex to another and gives the vertices that the first one still
// reaches then.
func (f *flow) maximal(from, to int) []bool {
	level := make([]int, len(f.first))
	at := make([]int, len(f.first))
	for f.levels(from, to, level) {
		copy(at, f.first)
		for f.push(from, to, level, at) {
		}
	}
	out := make([]bool, len(level))
	for v, l := range level {
		out[v] = l >= 0
	}
	return out
}

// levels measures how far each vertex is from the first over arcs that are not full; -1 is out of reach.
func (f *flow) levels(from, to int, level []int) bool {
	for i := range level {
		level[i] = -1
	}
	level[from] = 0
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		v := queue[0]
		for a := f.first[v]; a >= 0; a = f.next[a] {
			if w := f.to[a]; f.cap[a] > 0 && level[w] < 0 {
				level[w] = level[v] + 1
				queue = append(queue, w)
			}
		}
	}
	return level[to] >= 0
}

// push sends what fits on one way along the levels. Ways are kept on a stack, as they may be long.
func (f *flow) push(from, to int, level, at []int) bool {
	var way []int
	for v := from; v != to; {
		a := at[v]
		for a >= 0 && (f.cap[a] == 0 || level[f.to[a]] != level[v]+1) {
			a = f.next[a]
		}
		at[v] = a
		switch {
		case a >= 0:
			way = append(way, a)
			v = f.to[a]
		case len(way) == 0:
			return false
		default: // a dead end
			back := way[len(way)-1]
			way = way[:len(way)-1]
			v = f.to[back^1]
			at[v] = f.next[at[v]]
		}
	}
	least := endless
	for _, a := range way {
		least = min(least, f.cap[a])
	}
	for _, a := range way {
		f.cap[a] -= least
		f.cap[a^1] += least
	}
	return true
}
