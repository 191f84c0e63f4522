package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// places is where workloads are, by their number.
type places struct {
	m       *Model
	at      [][]int // by point: the workloads that have pods there
	points  [][]int // by workload: the points where it has pods, sorted
	single  []int   // by workload: the class of all its pods; -1 when they have several, or are host-network pods
	hosted  []int   // workloads with host-network pods
	hosts   bitset  // the same as a set
	numbers map[*cluster.Workload]int
	nodes   []*location // of workloads that somebody asked for
}

// places is made on first use.
func (m *Model) places() *places {
	if m.placed != nil {
		return m.placed
	}
	n := len(m.cluster.Workloads)
	x := &places{
		m: m, at: make([][]int, m.atoms), points: make([][]int, n), single: make([]int, n), hosts: newBitset(n),
		numbers: make(map[*cluster.Workload]int, n), nodes: make([]*location, n),
	}
	all := make([]int, 0, n) // the points of the workloads, one after the other
	counts := make([]int, m.atoms)
	for i, w := range m.cluster.Workloads {
		x.numbers[w] = i
		first := len(all)
		for _, p := range w.Pods {
			if c := m.classOf(p); len(all) == first || all[len(all)-1] != c {
				all = append(all, c)
			}
		}
		if len(all)-first > 1 {
			slices.Sort(all[first:])
			all = all[:first+len(slices.Compact(all[first:]))]
		}
		points := all[first:len(all):len(all)]
		x.points[i] = points
		for _, c := range points {
			counts[c]++
		}
		if x.single[i] = points[0]; len(points) > 1 || points[0] >= m.hosts {
			x.single[i] = -1
		}
		if points[len(points)-1] >= m.hosts {
			x.hosted = append(x.hosted, i)
			x.hosts.set(i)
		}
	}
	workloads := make([]int, len(all))
	for c, n := range counts {
		x.at[c], workloads = workloads[:0:n], workloads[n:]
	}
	for i, points := range x.points {
		for _, c := range points {
			x.at[c] = append(x.at[c], i)
		}
	}
	m.placed = x
	return x
}

// where is the nodes that the pods of a workload run on.
func (x *places) where(i int) location {
	if x.nodes[i] == nil {
		l := locate(OfWorkload(x.m.cluster.Workloads[i]))
		x.nodes[i] = &l
	}
	return *x.nodes[i]
}

// apart tells whether two workloads share no node in a way that matters, because neither has host-network pods.
func (x *places) apart(i, j int) bool { return !x.hosts.has(i) && !x.hosts.has(j) }

// gather is what one workload may reach: bounds by the number of the other workload.
type gather struct {
	bounds []boundsID
	seen   bitset
}

func newGather(n int) *gather { return &gather{make([]boundsID, n), newBitset(n)} }

func (g *gather) add(t *table, j int, b boundsID) {
	if !g.seen.has(j) {
		g.seen.set(j)
		g.bounds[j] = b
		return
	}
	g.bounds[j] = t.or2(g.bounds[j], b)
}

func (g *gather) reset() { clear(g.seen) }
