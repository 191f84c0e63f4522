package reach

import "github.com/bulkhead-sec/bulkhead/internal/cluster"

// places is where workloads are, by their number.
type places struct {
	at      [][]int    // by point: the workloads that have pods there
	points  [][]int    // by workload: the points where it has pods, sorted
	single  []int      // by workload: the class of all its pods; -1 when they have several, or are host-network pods
	where   []location // by workload
	hosted  []int      // workloads with host-network pods
	numbers map[*cluster.Workload]int
}

// places is made on first use.
func (m *Model) places() *places {
	if m.placed != nil {
		return m.placed
	}
	n := len(m.cluster.Workloads)
	x := &places{at: make([][]int, m.atoms), points: make([][]int, n), single: make([]int, n), where: make([]location, n), numbers: map[*cluster.Workload]int{}}
	for i, w := range m.cluster.Workloads {
		x.numbers[w] = i
		points := m.pointsOf(OfWorkload(w))
		x.points[i] = points
		for _, c := range points {
			x.at[c] = append(x.at[c], i)
		}
		if x.single[i] = points[0]; len(points) > 1 || points[0] >= m.hosts {
			x.single[i] = -1
		}
		if x.where[i] = locate(OfWorkload(w)); x.where[i].hosted() {
			x.hosted = append(x.hosted, i)
		}
	}
	m.placed = x
	return x
}

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
