package reach

import "github.com/bulkhead-sec/bulkhead/internal/policy"

// Points is how many classes there are of pods that policies bind, and of these with hosts.
func (m *Model) Points() (pods, all int) { return m.hosts, m.atoms }

// PointBounds is the bounds from one class to another, by itself.
func (m *Model) PointBounds(s, d int) Bounds { return m.conns.bounds(m.pointPair(s, d)) }

// EachColumn is Runs with columns of either kind: destinations (Ingress) or sources (Egress).
func (m *Model) EachColumn(dir policy.Direction, f func(column, from, to int, b Bounds)) {
	a := m.newAllPairs(dir)
	for c := range m.atoms {
		for _, g := range a.column(c) {
			f(c, int(g.lo), int(g.hi), m.conns.bounds(g.val))
		}
	}
}

// Alike tells whether two models can be compared row by row.
func Alike(old, new *Model) bool { return compare(old, new) != nil }

// DiffAll is Diff without comparing rows.
func DiffAll(old, new *Model) []Change { return append(diffPods(old, new), diffOutside(old, new)...) }
