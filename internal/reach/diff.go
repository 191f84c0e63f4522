package reach

import (
	"cmp"
	"iter"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Change is how one connection differs between two models. Added and Removed are certain; the Maybe sets
// are those where at least one of the two answers is undecided.
type Change struct {
	Src, Dst                                 Peer
	Added, Removed, MaybeAdded, MaybeRemoved netset.Conns
}

// Diff compares what two models allow. Workloads are the same when their Ref is. Src and Dst belong to the
// new model, or to the old one when the workload is gone. Sorted like Edges; addresses are cut to the
// fewest groups that change alike. Where both models have the same pods in the same classes, rows are compared first,
// and only workloads are asked of which some row differs; else every connection of both is gone through.
func Diff(old, new *Model) []Change {
	var out []Change
	if l := compare(old, new); l != nil {
		out = l.changes()
	} else {
		out = append(diffPods(old, new), diffOutside(old, new)...)
	}
	slices.SortFunc(out, func(a, b Change) int {
		return cmp.Or(comparePeer(a.Src, b.Src), comparePeer(a.Dst, b.Dst))
	})
	return out
}

// diffPods goes along the connections between workloads of both models at once.
func diffPods(old, new *Model) []Change {
	pull := func(m *Model) (func() (Edge, bool), func()) {
		ws := m.cluster.Workloads
		return iter.Pull(func(yield func(Edge) bool) {
			m.podPairs(func(i, j int, b boundsID) bool {
				return yield(Edge{OfWorkload(ws[i]), OfWorkload(ws[j]), m.conns.bounds(b)})
			})
		})
	}
	nextOld, stopOld := pull(old)
	defer stopOld()
	nextNew, stopNew := pull(new)
	defer stopNew()
	var out []Change
	add := func(ends Edge, was, is Bounds) {
		if c := change(was, is); c != nil {
			c.Src, c.Dst = ends.Src, ends.Dst
			out = append(out, *c)
		}
	}
	a, moreOld := nextOld()
	b, moreNew := nextNew()
	for moreOld || moreNew {
		order := cmp.Compare(btoi(moreNew), btoi(moreOld)) // what has ended comes after everything
		if moreOld && moreNew {
			order = cmp.Or(a.Src.Workload.Ref.Compare(b.Src.Workload.Ref), a.Dst.Workload.Ref.Compare(b.Dst.Workload.Ref))
		}
		switch {
		case order < 0:
			add(a, a.Bounds, Bounds{})
			a, moreOld = nextOld()
		case order > 0:
			add(b, Bounds{}, b.Bounds)
			b, moreNew = nextNew()
		default:
			add(b, a.Bounds, b.Bounds)
			a, moreOld = nextOld()
			b, moreNew = nextNew()
		}
	}
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func comparePeer(a, b Peer) int {
	switch {
	case a.Workload != nil && b.Workload != nil:
		return a.Workload.Ref.Compare(b.Workload.Ref)
	case a.Workload != nil:
		return -1
	case b.Workload != nil:
		return 1
	}
	return cmpString(a.String(), b.String())
}

// change compares two bounds; nil when nothing changed.
func change(old, new Bounds) *Change {
	if old.Must.Equal(new.Must) && old.May.Equal(new.May) {
		return nil
	}
	c := &Change{Added: new.Must.Subtract(old.May), Removed: old.Must.Subtract(new.May)}
	still := old.May.Subtract(old.Must).Intersect(new.May.Subtract(new.Must))
	c.MaybeAdded = new.May.Subtract(old.Must).Subtract(c.Added).Subtract(still)
	c.MaybeRemoved = old.May.Subtract(new.Must).Subtract(c.Removed).Subtract(still)
	return c
}

func diffOutside(old, new *Model) []Change {
	type entry struct{ old, new *cluster.Workload }
	byRef := map[object.Ref]*entry{}
	var refs []object.Ref
	for i, m := range [2]*Model{old, new} {
		for _, w := range m.cluster.Workloads {
			e := byRef[w.Ref]
			if e == nil {
				e = &entry{}
				byRef[w.Ref] = e
				refs = append(refs, w.Ref)
			}
			if i == 0 {
				e.old = w
			} else {
				e.new = w
			}
		}
	}
	slices.SortFunc(refs, object.Ref.Compare)
	var out []Change
	for _, ref := range refs {
		e := byRef[ref]
		for _, d := range policy.Directions {
			out = append(out, diffWorkload(old, new, e.old, e.new, d)...)
		}
	}
	return out
}

func diffWorkload(old, new *Model, was, is *cluster.Workload, d policy.Direction) []Change {
	groups := func(m *Model, w *cluster.Workload) []Edge {
		if w == nil {
			return nil
		}
		return m.Outside(w, d)
	}
	addrs := func(e Edge) netset.Addrs {
		if d == policy.Ingress {
			return e.Src.Addrs
		}
		return e.Dst.Addrs
	}
	a, b := groups(old, was), groups(new, is)
	var cuts []netset.Addrs
	for _, e := range slices.Concat(a, b) {
		cuts = append(cuts, addrs(e))
	}
	find := func(es []Edge, piece netset.Addrs) Bounds {
		for _, e := range es {
			if addrs(e).Overlaps(piece) {
				return e.Bounds
			}
		}
		return Bounds{}
	}
	self := is
	if self == nil {
		self = was
	}
	var out []Change
	index := map[string]int{}
	for _, piece := range netset.Partition(cuts...) {
		c := change(find(a, piece), find(b, piece))
		if c == nil {
			continue
		}
		key := c.Added.Key() + "\x00" + c.Removed.Key() + "\x00" + c.MaybeAdded.Key() + "\x00" + c.MaybeRemoved.Key()
		i, ok := index[key]
		if !ok {
			i = len(out)
			index[key] = i
			out = append(out, *c)
		}
		if d == policy.Ingress {
			out[i].Src, out[i].Dst = OfAddrs(out[i].Src.Addrs.Union(piece)), OfWorkload(self)
		} else {
			out[i].Src, out[i].Dst = OfWorkload(self), OfAddrs(out[i].Dst.Addrs.Union(piece))
		}
	}
	return out
}
