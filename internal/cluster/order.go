package cluster

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// byRef orders as Cluster.Objects promises.
func byRef(x, y *object.Object) int {
	if c := x.Ref.Compare(y.Ref); c != 0 {
		return c
	}
	return x.Pos.Compare(y.Pos)
}

// sortObjects fills Objects and byKind. Objects of one namespace and kind are nearly always in order already, so
// they are put together first, and sorted only where they are not.
func (b *builder) sortObjects(objects []*object.Object) {
	type bucket struct{ namespace, kind string }
	index := map[bucket]int{}
	var lists [][]*object.Object
	var last bucket
	var lastKind object.GroupKind
	at, lives := -1, scopeUnknown
	for _, o := range objects {
		if gk := o.Ref.GroupKind(); gk != lastKind {
			lastKind, lives = gk, scopeOf(gk)
		}
		o = b.placed(o, lives)
		if k := (bucket{o.Ref.Namespace, o.Ref.Kind}); at < 0 || k != last {
			var ok bool
			if at, ok = index[k]; !ok {
				at = len(lists)
				index[k] = at
				lists = append(lists, nil)
			}
			last = k
		}
		lists[at] = append(lists[at], o)
	}
	slices.SortFunc(lists, func(x, y []*object.Object) int { return x[0].Ref.Compare(y[0].Ref) })
	b.Objects = make([]*object.Object, 0, len(objects))
	for _, l := range lists {
		if !slices.IsSortedFunc(l, byRef) {
			slices.SortStableFunc(l, byRef)
		}
		b.Objects = append(b.Objects, l...)
		for from := 0; from < len(l); { // two groups may have kinds of one name
			gk, to := l[from].Ref.GroupKind(), from+1
			for to < len(l) && l[to].Ref.Group == gk.Group {
				to++
			}
			b.byKind[gk] = append(b.byKind[gk], l[from:to]...)
			from = to
		}
	}
}

// placed gives o the default namespace when its kind lives in one and it names none. The API server clears
// the namespace of kinds that live in none (apiserver rest.BeforeCreate), and charts often set one.
func (b *builder) placed(o *object.Object, s scope) *object.Object {
	namespace := o.Ref.Namespace
	switch {
	case s == scopeNamespace && namespace == "":
		namespace = b.opt.DefaultNamespace
	case s == scopeCluster && namespace != "":
		namespace = ""
	default:
		return o
	}
	c := *o
	c.Ref.Namespace = namespace
	return &c
}
