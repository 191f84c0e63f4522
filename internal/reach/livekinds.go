package reach

import (
	"maps"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

// maxReread is how many objects an event may have compiled again; above, the model is made anew.
const maxReread = 256

// liveKinds is the objects of kinds that tell what they read (policy.Kind.Reads).
type liveKinds struct {
	readers map[*policy.Kind]map[policy.Reading]map[object.Ref]*object.Object // by single readings
	some    map[*policy.Kind]int                                              // how many objects there are
	reads   map[object.Ref]policy.Reading
	begun   map[*policy.Kind]policy.Begun
}

func (l *Live) indexKinds(c *cluster.Cluster) {
	l.liveKinds = liveKinds{map[*policy.Kind]map[policy.Reading]map[object.Ref]*object.Object{}, map[*policy.Kind]int{}, map[object.Ref]policy.Reading{}, map[*policy.Kind]policy.Begun{}}
	for i := range kinds.All {
		k := &kinds.All[i]
		if k.Reads == nil {
			continue
		}
		l.readers[k] = map[policy.Reading]map[object.Ref]*object.Object{}
		for _, gk := range k.GVKs {
			for _, o := range c.Kind(gk.Group, gk.Kind) {
				l.note(k, o.Ref, o)
			}
		}
	}
}

// note writes down what an object reads; o is nil when it went.
func (l *Live) note(k *policy.Kind, ref object.Ref, o *object.Object) {
	was, had := l.reads[ref]
	var now policy.Reading
	if o != nil {
		now = k.Reads(o)
	}
	for bit := policy.Reading(1); bit != 0; bit <<= 1 {
		if was&bit != 0 {
			delete(l.readers[k][bit], ref)
		}
		if now&bit != 0 {
			if l.readers[k][bit] == nil {
				l.readers[k][bit] = map[object.Ref]*object.Object{}
			}
			l.readers[k][bit][ref] = o
		}
	}
	switch {
	case had && o == nil:
		l.some[k]--
		delete(l.reads, ref)
	case o != nil:
		if !had {
			l.some[k]++
		}
		l.reads[ref] = now
	}
}

// ofKind follows an event on an object of a kind that tells what it reads, apart from the object itself where k is
// nil: it compiles again what may mean something else now.
func (l *Live) ofKind(k *policy.Kind, ref object.Ref, edit *cluster.Edit) bool {
	change := policy.Change{Pods: changedPods(edit.Workloads)}
	for _, o := range [2]*object.Object{edit.Old, edit.New} {
		if o != nil {
			change.Objects = append(change.Objects, o)
		}
	}
	again := map[object.Ref]*object.Object{}
	if k != nil {
		l.note(k, ref, edit.New)
		again[ref] = edit.New
	}
	for i := range kinds.All {
		k := &kinds.All[i]
		if k.Reads == nil {
			continue
		}
		if l.some[k] == 0 { // changes are not looked at
			delete(l.begun, k)
			continue
		}
		bears := k.Bears(&change)
		if bears&policy.AllOfKind != 0 {
			return false
		}
		for bit := policy.Reading(1); bit != 0; bit <<= 1 {
			readers := l.readers[k][bit]
			if bears&bit == 0 || len(readers) == 0 {
				continue
			}
			for r, o := range readers {
				if l.reads[r]&policy.ForOthers != 0 {
					return false
				}
				ties := func(q *object.Object) bool { return k.Ties(o, q) }
				narrowed := k.Ties != nil && bit&policy.Siblings != 0
				if r != ref && (!narrowed || slices.ContainsFunc(change.Objects, ties)) {
					again[r] = o
				}
			}
			if len(again) > maxReread {
				return false
			}
		}
	}
	if len(again) == 0 {
		return true
	}
	if !l.reread(again) {
		return false
	}
	return l.m.fromOwnNode == l.m.ownNodeLetIn()
}

// reread compiles objects again, of which those that went are nil.
func (l *Live) reread(objects map[object.Ref]*object.Object) bool {
	l.m.cluster = l.pic.Cluster()
	begun := map[*policy.Kind]policy.Begun{} // by this event
	for _, ref := range slices.SortedFunc(maps.Keys(objects), object.Ref.Compare) {
		var now []policy.Policy
		if o := objects[ref]; o != nil {
			k := kinds.Of(ref.GroupKind())
			if _, ok := begun[k]; !ok {
				if before := l.begun[k]; before.Again != nil {
					begun[k] = before.Again(l.m.cluster)
				} else {
					begun[k] = k.For(l.m.cluster)
				}
				l.begun[k] = begun[k]
			}
			now, _ = begun[k].Compile(o)
			now = doubtUnread(&cluster.Cluster{Objects: []*object.Object{o}}, now, l.prof)
		}
		if !l.same(ref, now) && !l.exchange(ref, now) {
			return false
		}
	}
	return true
}

// changedPods is the pods that an edit took away and those that it brought. The pods of a workload are sorted by name.
func changedPods(edits []cluster.Replaced) []*cluster.Pod {
	var out []*cluster.Pod
	for _, e := range edits {
		var old, now []*cluster.Pod
		if e.Old != nil {
			old = e.Old.Pods
		}
		if e.New != nil {
			now = e.New.Pods
		}
		for len(old)+len(now) > 0 {
			switch {
			case len(now) == 0 || len(old) > 0 && old[0].Name < now[0].Name:
				out, old = append(out, old[0]), old[1:]
			case len(old) == 0 || now[0].Name < old[0].Name:
				out, now = append(out, now[0]), now[1:]
			default:
				if old[0].Object != now[0].Object {
					out = append(out, old[0], now[0])
				}
				old, now = old[1:], now[1:]
			}
		}
	}
	return out
}
