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

// BetweenAtoms is Between of addresses and a pod, one atom after the other.
func (m *Model) BetweenAtoms(src, dst Peer) Bounds {
	out, first := noneID, true
	for _, s := range m.pointsOf(src) {
		for _, d := range m.pointsOf(dst) {
			b := m.pointPair(s, d)
			if !first {
				x, y := m.conns.pairs[out], m.conns.pairs[b]
				b = m.conns.pair(ids2{m.conns.intersect(x.must, y.must), m.conns.union(x.may, y.may)})
			}
			out, first = b, false
		}
	}
	return m.conns.bounds(out)
}

// TwinsFrom is how many profiles a tier has at least that may have the policies of another one.
func TwinsFrom(l *Live, n int) { l.twinFrom = n }
