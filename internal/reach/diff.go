package reach

import (
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
// fewest groups that change alike.
func Diff(old, new *Model) []Change {
	type pairKey struct{ src, dst object.Ref }
	type both struct {
		src, dst Peer
		old, new Bounds
	}
	pairs := map[pairKey]*both{}
	collect := func(m *Model, isNew bool) {
		for e := range m.Edges() {
			if e.Src.IsOutside() || e.Dst.IsOutside() {
				continue
			}
			k := pairKey{e.Src.Workload.Ref, e.Dst.Workload.Ref}
			b := pairs[k]
			if b == nil {
				b = &both{src: e.Src, dst: e.Dst}
				pairs[k] = b
			}
			if isNew {
				b.src, b.dst, b.new = e.Src, e.Dst, e.Bounds
			} else {
				b.old = e.Bounds
			}
		}
	}
	collect(old, false)
	collect(new, true)
	var out []Change
	for _, b := range pairs {
		if c := change(b.old, b.new); c != nil {
			c.Src, c.Dst = b.src, b.dst
			out = append(out, *c)
		}
	}
	out = append(out, diffOutside(old, new)...)
	slices.SortFunc(out, func(a, b Change) int {
		if c := comparePeer(a.Src, b.Src); c != 0 {
			return c
		}
		return comparePeer(a.Dst, b.Dst)
	})
	return out
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
