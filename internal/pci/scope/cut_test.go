package scope

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomGraph has up to nine vertices in three groups.
func randomGraph(r *rand.Rand) (*graph, []int) {
	n := 4 + r.IntN(6)
	g := &graph{in: make([][]hop, n), roles: make([]role, n), groups: make([]int32, n)}
	var targets []int
	for v := range n {
		g.groups[v] = r.Int32N(3)
		switch r.IntN(4) {
		case 0:
			g.roles[v] = source
		case 1:
			g.roles[v] = target
			targets = append(targets, v)
		}
	}
	density := 1 + r.IntN(3)
	for v := range n {
		for u := range n {
			direct := g.roles[u] == source && g.roles[v] == target // no such are asked for
			if u != v && !direct && r.IntN(5) < density {
				g.in[v] = append(g.in[v], hop{other: int32(u), sure: true})
			}
		}
	}
	if r.IntN(2) == 0 {
		odd := r.IntN(4)
		g.needed = func(src, dst int) bool { return (src*7+dst)%4 == odd }
	}
	g.feed()
	return g, targets
}

// leads looks for a way of two or three connections by trying all, with some gates closed. It knows nothing of
// layers.
func (g *graph) leads(targets []int, closed []gate) bool {
	open := func(u, v int) bool {
		return slices.ContainsFunc(g.in[v], func(h hop) bool { return int(h.other) == u }) &&
			!slices.Contains(closed, gate{g.groups[u], g.roles[u] == source, v})
	}
	n := len(g.in)
	for s := range n {
		if g.roles[s] != source {
			continue
		}
		for _, t := range targets {
			for x := range n {
				if g.roles[x] != middle || !open(s, x) {
					continue
				}
				if open(x, t) {
					return true
				}
				for y := range n {
					if g.roles[y] == middle && open(x, y) && open(y, t) {
						return true
					}
				}
			}
		}
	}
	return false
}

// gates lists every gate that a flow goes through, and whether a flow on some way is needed.
func (g *graph) gates(targets []int) (all []gate, needed []bool) {
	for v, row := range g.in {
		if g.roles[v] == source || g.roles[v] == target && !slices.Contains(targets, v) {
			continue
		}
		for _, h := range row {
			u := int(h.other)
			if g.roles[u] == target || g.roles[u] == middle && !g.fed[0][u] && (g.roles[v] != target || !g.fed[1][u]) {
				continue
			}
			k := gate{g.groups[u], g.roles[u] == source, v}
			at := slices.Index(all, k)
			if at < 0 {
				at = len(all)
				all, needed = append(all, k), append(needed, false)
			}
			needed[at] = needed[at] || g.needed != nil && g.needed(u, v)
		}
	}
	return all, needed
}

// TestCut: a cut cuts, and none with fewer needed gates, or with as many and fewer gates, does.
func TestCut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cuts, sizes := 0, map[int]int{}
	for range 4000 {
		g, targets := randomGraph(r)
		got, ok := g.cut(targets, 1<<20)
		if !ok {
			t.Fatal("a small graph is too big")
		}
		sizes[len(got)]++
		if g.leads(targets, got) {
			t.Fatalf("a way is left after the cut %v of %+v", got, g)
		}
		for i := range got {
			if !g.leads(targets, slices.Delete(slices.Clone(got), i, i+1)) {
				t.Fatalf("gate %v of %v closes nothing", got[i], got)
			}
		}
		all, needed := g.gates(targets)
		if len(all) > 12 {
			continue
		}
		cost := func(set []gate) int {
			sum := 0
			for _, k := range set {
				if sum++; needed[slices.Index(all, k)] {
					sum += 1000
				}
			}
			return sum
		}
		best := cost(got)
		for set := range uint(1) << len(all) {
			var some []gate
			for rest := set; rest != 0; rest &= rest - 1 {
				some = append(some, all[bits.TrailingZeros(rest)])
			}
			if cost(some) < best && !g.leads(targets, some) {
				t.Fatalf("%v costs %d, and %v is less", got, best, some)
			}
		}
		cuts++
	}
	if cuts < 500 || sizes[0] == 4000 || sizes[2]+sizes[3]+sizes[4] < 100 {
		t.Errorf("%d cuts compared, of sizes %v: the graphs are too simple", cuts, sizes)
	}
}

// TestCutTooBig: a graph beyond the limit has no answer.
func TestCutTooBig(t *testing.T) {
	g := &graph{
		in: [][]hop{nil, {{other: 0}}, {{other: 1}}}, roles: []role{source, middle, target}, groups: []int32{0, 0, 0},
	}
	g.feed()
	if gates, ok := g.cut([]int{2}, 1); ok {
		t.Errorf("got %v", gates)
	}
	if gates, ok := g.cut([]int{2}, 100); !ok || len(gates) != 1 {
		t.Errorf("got %v, %t", gates, ok)
	}
}
