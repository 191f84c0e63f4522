package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// likeness compares two models whose pods are the same and in the same classes. What it takes for different may be
// the same; what it takes for the same is.
type likeness struct {
	old, new *Model
	conns    []connID // the old numbers in the new model; missing where it has no such set
	profiles [2][2]map[[2]int]sameness
	rows     map[[2]*row]sameness
	sets     map[[2]*pointSet]sameness
}

const missing = ^connID(0)

// sameness tells whether two rows, or sets, are the same among pods and nodes, and outside.
type sameness struct{ pods, outside bool }

func (s sameness) and(t sameness) sameness { return sameness{s.pods && t.pods, s.outside && t.outside} }

// compare is nil when the models cannot be compared row by row.
func compare(old, new *Model) *likeness {
	if !samePods(old, new) || !sameSettings(old, new) {
		return nil
	}
	l := &likeness{old: old, new: new, conns: make([]connID, len(old.conns.sets)), rows: map[[2]*row]sameness{}, sets: map[[2]*pointSet]sameness{}}
	for i, c := range old.conns.sets {
		id, ok := new.conns.setIDs[c.Key()]
		if !ok {
			id = missing
		}
		l.conns[i] = id
	}
	for x := range l.profiles {
		for d := range l.profiles[x] {
			l.profiles[x][d] = map[[2]int]sameness{}
		}
	}
	return l
}

// sameSettings tells whether both models answer alike wherever their rows are alike.
func sameSettings(a, b *Model) bool {
	p, q := a.profile, b.profile
	return slices.Equal(a.families, b.families) && !a.tunnels && !b.tunnels && a.layered == b.layered &&
		len(a.hosted)+len(b.hosted) == 0 && a.fromOwnNode == b.fromOwnNode &&
		p.ToOwnNode == q.ToOwnNode && p.DropsToOwnNode == q.DropsToOwnNode
}

// samePods tells whether both models have the same pods on the same nodes, in classes of the same numbers, with ports
// and families alike.
func samePods(a, b *Model) bool {
	if a.hosts != b.hosts || a.atoms != b.atoms || a.nodesAny != b.nodesAny || len(a.cluster.Pods) != len(b.cluster.Pods) {
		return false
	}
	same := slices.EqualFunc(a.cluster.Workloads, b.cluster.Workloads, func(v, w *cluster.Workload) bool {
		return v.Ref == w.Ref && slices.EqualFunc(v.Pods, w.Pods, func(p, q *cluster.Pod) bool {
			return p.Name == q.Name && p.Template == q.Template && p.HostNetwork == q.HostNetwork && p.NodeName == q.NodeName &&
				a.classOf(p) == b.classOf(q)
		})
	})
	if !same {
		return false
	}
	for i := range a.atoms {
		p, q := &a.points[i], &b.points[i]
		if p.kind != q.kind || (p.pod == nil) != (q.pod == nil) {
			return false
		}
		for _, f := range a.families {
			if p.addr[f].none != q.addr[f].none {
				return false
			}
		}
		if p.kind == podPoint && (p.pod.Namespace.Name != q.pod.Namespace.Name || !samePorts(p.pod.Ports, q.pod.Ports)) {
			return false
		}
	}
	return true
}

// class compares what a class does in one direction, in all layers and families.
func (l *likeness) class(d policy.Direction, c int) sameness {
	out := sameness{true, true}
	if c >= l.old.hosts {
		return out
	}
	for _, layer := range policy.Layers {
		if !l.old.layered[layer] {
			continue
		}
		key := [2]int{l.old.byClass[layer][d][c], l.new.byClass[layer][d][c]}
		s, ok := l.profiles[layer][d][key]
		if !ok {
			s = l.profile(l.old.profiles[layer][d][key[0]], l.new.profiles[layer][d][key[1]])
			l.profiles[layer][d][key] = s
		}
		out = out.and(s)
	}
	return out
}

func (l *likeness) profile(a, b *profile) sameness {
	if a.lost != b.lost || a.open != b.open || len(a.tiers) != len(b.tiers) || len(a.alt) != len(b.alt) {
		return sameness{}
	}
	out := sameness{true, true}
	for i, t := range a.tiers {
		out = out.and(l.tier(t, b.tiers[i]))
	}
	for i, t := range a.alt {
		out = out.and(l.tier(t, b.alt[i]))
	}
	return out
}

func (l *likeness) tier(a, b *tier) sameness {
	out := sameness{true, true}
	for _, f := range l.old.families {
		key := [2]*row{l.old.row(a, f), l.new.row(b, f)}
		s, ok := l.rows[key]
		if !ok {
			s = l.row(key[0], key[1])
			l.rows[key] = s
		}
		out = out.and(s)
	}
	return out
}

func (l *likeness) row(a, b *row) sameness {
	if a.adds != b.adds || len(a.wide) != len(b.wide) || len(a.named) != len(b.named) {
		return sameness{}
	}
	out := l.runs(a, b)
	for i := range a.wide {
		if !l.sameBounds(a.wide[i].add, b.wide[i].add) {
			return sameness{}
		}
		out = out.and(l.set(l.old.setAt(a.wide[i].set), l.new.setAt(b.wide[i].set)))
	}
	for i := range a.named {
		p, q := a.named[i].rule, b.named[i].rule
		if !p.Conns.Equal(q.Conns) || !p.Never.Equal(q.Never) || !sameNames(p.Named, q.Named) || !sameNames(p.NotNamed, q.NotNamed) {
			return sameness{}
		}
		was, is := l.old.peer(a.named[i].peer), l.new.peer(b.named[i].peer)
		out = out.and(l.set(was.certain, is.certain)).and(l.set(was.possible, is.possible))
	}
	return out
}

func sameNames(a, b []policy.NamedPort) bool {
	return slices.EqualFunc(a, b, func(p, q policy.NamedPort) bool {
		return p.Name == q.Name && p.Protocol == q.Protocol && p.AnyProtocol == q.AnyProtocol
	})
}

// runs compares the runs of two rows. Runs next to each other have different values, so equal rows have equal runs.
func (l *likeness) runs(a, b *row) sameness {
	end := uint32(l.old.atoms)
	i, j := 0, 0
	for i < len(a.starts) && a.starts[i] < end && j < len(b.starts) && b.starts[j] < end {
		if a.starts[i] != b.starts[j] || !l.sameValue(a, a.vals[i], b.vals[j]) {
			return sameness{outside: l.outside(a, b)}
		}
		i, j = i+1, j+1
	}
	done := func(r *row, k int) bool { return k == len(r.starts) || r.starts[k] >= end }
	return sameness{done(a, i) && done(b, j), l.outside(a, b)}
}

// outside compares the parts of two rows that are about addresses.
func (l *likeness) outside(a, b *row) bool {
	i, j := lastAt(a, l.old.atoms), lastAt(b, l.new.atoms)
	for first := true; ; first = false {
		if !l.sameValue(a, a.vals[i], b.vals[j]) {
			return false
		}
		if !first && l.old.line.starts[int(a.starts[i])-l.old.atoms] != l.new.line.starts[int(b.starts[j])-l.new.atoms] {
			return false
		}
		i, j = i+1, j+1
		if i == len(a.starts) || j == len(b.starts) {
			return i == len(a.starts) && j == len(b.starts)
		}
	}
}

// lastAt is the run of a row that holds a point.
func lastAt(r *row, point int) int {
	i, ok := slices.BinarySearch(r.starts, uint32(point))
	if !ok {
		i--
	}
	return i
}

func (l *likeness) sameValue(r *row, a, b uint32) bool {
	if r.adds {
		return l.sameBounds(a, b)
	}
	x, y := l.old.conns.effects[a], l.new.conns.effects[b]
	return l.sameBounds(x.allowed, y.allowed) && l.sameBounds(x.next, y.next)
}

func (l *likeness) sameBounds(a, b boundsID) bool {
	x, y := l.old.conns.pairs[a], l.new.conns.pairs[b]
	return l.sameConns(x.must, y.must) && l.sameConns(x.may, y.may)
}

func (l *likeness) sameConns(a, b connID) bool {
	if int(a) < len(l.conns) {
		return l.conns[a] == b
	}
	return l.old.conns.sets[a].Equal(l.new.conns.sets[b]) // made since the comparison began
}

func (l *likeness) set(a, b *pointSet) sameness {
	if a == nil || b == nil {
		same := a.empty() && b.empty()
		return sameness{same, same}
	}
	key := [2]*pointSet{a, b}
	if s, ok := l.sets[key]; ok {
		return s
	}
	s := sameness{slices.Equal(a.below(l.old.atoms), b.below(l.new.atoms)), addrsOf(l.old, a).Equal(addrsOf(l.new, b))}
	l.sets[key] = s
	return s
}

// addrsOf is the addresses outside that a set holds.
func addrsOf(m *Model, s *pointSet) netset.Addrs {
	var out netset.Addrs
	s.within(uint32(m.atoms), uint32(len(m.points)), func(lo, hi uint32) {
		out = out.Union(m.line.between(int(lo)-m.atoms, int(hi)-m.atoms))
	})
	return out
}

// changes asks the workloads of which something differs.
func (l *likeness) changes() []Change {
	n := len(l.new.cluster.Workloads)
	differs, outside := [2]bitset{newBitset(n), newBitset(n)}, [2]bitset{newBitset(n), newBitset(n)}
	x := l.new.places()
	for i := range n {
		for _, c := range x.points[i] {
			for _, d := range policy.Directions {
				s := l.class(d, c)
				if !s.pods {
					differs[d].set(i)
				}
				if !s.outside {
					outside[d].set(i)
				}
			}
		}
	}
	var out []Change
	was, is := l.old.Neighbours(), l.new.Neighbours()
	for _, d := range policy.Directions {
		differs[d].each(func(i int) {
			for _, c := range l.workload(was, is, i, d) {
				if d == policy.Egress || !differs[policy.Egress].has(x.numbers[c.Src.Workload]) { // else the source tells
					out = append(out, c)
				}
			}
		})
		outside[d].each(func(i int) {
			out = append(out, diffWorkload(l.old, l.new, l.old.cluster.Workloads[i], l.new.cluster.Workloads[i], d)...)
		})
	}
	return out
}

// workload compares whom one workload may reach, or who may reach it.
func (l *likeness) workload(was, is *Neighbours, i int, d policy.Direction) []Change {
	var out []Change
	ws := l.new.cluster.Workloads
	add := func(j int, a, b boundsID) {
		if l.sameBounds(a, b) {
			return
		}
		if c := change(l.old.conns.bounds(a), l.new.conns.bounds(b)); c != nil {
			c.Src, c.Dst = OfWorkload(ws[j]), OfWorkload(ws[i])
			if d == policy.Egress {
				c.Src, c.Dst = c.Dst, c.Src
			}
			out = append(out, *c)
		}
	}
	type neighbour struct {
		j int
		b boundsID
	}
	var before []neighbour
	was.each(i, d, func(j int, b boundsID) bool {
		before = append(before, neighbour{j, b})
		return true
	})
	is.each(i, d, func(j int, b boundsID) bool {
		for ; len(before) > 0 && before[0].j < j; before = before[1:] {
			add(before[0].j, before[0].b, noneID)
		}
		if len(before) > 0 && before[0].j == j {
			add(j, before[0].b, b)
			before = before[1:]
		} else {
			add(j, noneID, b)
		}
		return true
	})
	for _, n := range before {
		add(n.j, n.b, noneID)
	}
	return out
}
