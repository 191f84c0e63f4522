package cluster

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// isPod tells whether o is a pod that counts, and not one that is done and does not own its address any more.
func isPod(o *object.Object) bool {
	if o.Ref.Kind != "Pod" || o.Ref.Group != "" {
		return false
	}
	phase := o.Root.Get("status", "phase").Str()
	return phase != "Succeeded" && phase != "Failed"
}

// makes tells of which workload an object is a source, by the rules of readWorkloads.
func (l *Live) makes(o *object.Object) (object.Ref, bool) {
	if o.Ref.Kind == "Pod" && o.Ref.Group == "" {
		if !isPod(o) {
			return object.Ref{}, false
		}
		ref, _ := l.owners.top(o)
		return ref, true
	}
	if template(o) == nil || o.Ref.Kind == "PodTemplate" {
		return object.Ref{}, false
	}
	ref, owner := l.owners.top(o)
	switch {
	case ref != o.Ref && owner != nil && template(owner) != nil:
		return object.Ref{}, false
	case o.Ref.Kind == "ReplicaSet" && ref != o.Ref && replicas(o) == 0:
		return object.Ref{}, false
	}
	if ref.Namespace == "" {
		ref.Namespace = l.opt.DefaultNamespace
	}
	return ref, true
}

func (l *Live) addSource(o *object.Object) {
	for _, r := range l.climb(o) {
		l.climbed[r]++
		l.climbs[o.Ref] = append(l.climbs[o.Ref], r)
	}
	if ref, ok := l.makes(o); ok {
		l.top[o.Ref] = ref
		list := l.sources[ref]
		i, found := slices.BinarySearchFunc(list, o.Ref, hasRef)
		if found {
			list[i] = o
		} else {
			l.sources[ref] = slices.Insert(list, i, o)
		}
	}
}

func hasRef(o *object.Object, r object.Ref) int { return o.Ref.Compare(r) }

func (l *Live) dropSource(ref object.Ref) {
	for _, r := range l.climbs[ref] {
		if l.climbed[r]--; l.climbed[r] == 0 {
			delete(l.climbed, r)
		}
	}
	delete(l.climbs, ref)
	if top, ok := l.top[ref]; ok {
		delete(l.top, ref)
		list := l.sources[top]
		if i, found := slices.BinarySearchFunc(list, ref, hasRef); found {
			list = slices.Delete(list, i, i+1)
			l.sources[top] = list
		}
		if len(list) == 0 {
			delete(l.sources, top)
		}
	}
}

// climb is every name under which topOwner looks for an owner of o.
func (l *Live) climb(o *object.Object) []object.Ref {
	var out []object.Ref
	at := o
	for range 8 {
		own := controller(at.Root.Get("metadata", "ownerReferences"))
		if own == nil {
			break
		}
		group, _, ok := strings.Cut(own.Get("apiVersion").Str(), "/")
		if !ok {
			group = ""
		}
		up := ownerKey(object.Ref{Group: group, Kind: own.Get("kind").Str(), Namespace: o.Ref.Namespace, Name: own.Get("name").Str()})
		out = append(out, up)
		next := l.owners.byRef[up]
		hash := at.Root.Get("metadata", "labels", "pod-template-hash").Str()
		if base, ok := strings.CutSuffix(up.Name, "-"+hash); next == nil && ok && hash != "" && up.Kind == "ReplicaSet" {
			up.Kind, up.Name = "Deployment", base
			out = append(out, up)
			next = l.owners.byRef[up]
		}
		if next == nil {
			break
		}
		at = next
	}
	return out
}

// ownsAlike tells whether what others find when they climb to an object is the same before and after.
func ownsAlike(old, o *object.Object) bool {
	if old == nil || o == nil {
		return false
	}
	hash := []string{"metadata", "labels", "pod-template-hash"}
	return (template(old) == nil) == (template(o) == nil) && old.Root.Get(hash...).Str() == o.Root.Get(hash...).Str() &&
		same(old.Root.Get("metadata", "ownerReferences"), o.Root.Get("metadata", "ownerReferences"))
}

// source follows an object that workloads may be made of.
func (l *Live) source(ref object.Ref, old, o *object.Object) (Edit, bool) {
	owns := l.climbed[ownerKey(ref)] > 0
	if owns && !ownsAlike(old, o) {
		return Edit{}, false
	}
	touched := map[object.Ref]bool{}
	if top, ok := l.top[ref]; ok {
		touched[top] = true
	}
	l.dropSource(ref)
	if o != nil {
		l.addSource(o)
		if top, ok := l.top[ref]; ok {
			if s := l.reader.namespaces[top.Namespace]; s == nil || !s.Declared || top.Namespace != ref.Namespace {
				return Edit{}, false // of a kind that nobody listed
			}
			touched[top] = true
		}
	}
	if owns && l.workloads[ref] != nil {
		touched[ref] = true
	}
	if owns && len(touched) == 0 {
		for r := range l.inSpace[ref.Namespace] { // it may be the owner of a workload under another group
			if ownerKey(r) == ownerKey(ref) {
				touched[r] = true
			}
		}
	}
	var e Edit
	for r := range touched {
		e.Workloads = append(e.Workloads, l.renew(r))
	}
	slices.SortFunc(e.Workloads, func(a, b Replaced) int { return a.ref().Compare(b.ref()) })
	return e, l.sameFamilies()
}

func (r Replaced) ref() object.Ref {
	if r.New != nil {
		return r.New.Ref
	}
	if r.Old != nil {
		return r.Old.Ref
	}
	return object.Ref{}
}

// renew makes a workload of its sources. Pods of objects that stayed are copies.
func (l *Live) renew(ref object.Ref) Replaced {
	r := Replaced{Old: l.workloads[ref], New: l.make(ref)}
	l.workloadsNew[ref], l.podsNew[ref.Namespace] = true, true
	if r.Old != nil {
		for _, p := range r.Old.Pods {
			l.seeAddrs(p, -1)
		}
	}
	if r.New == nil {
		delete(l.workloads, ref)
		delete(l.inSpace[ref.Namespace], ref)
		return r
	}
	for _, p := range r.New.Pods {
		l.seeAddrs(p, 1)
	}
	l.workloads[ref] = r.New
	l.addSpace(ref)
	return r
}

func (l *Live) make(ref object.Ref) *Workload {
	list := l.sources[ref]
	ofPod := func(o *object.Object) bool { return o.Ref.Kind == "Pod" && o.Ref.Group == "" }
	pods := slices.ContainsFunc(list, ofPod)
	if other := func(o *object.Object) bool { return !ofPod(o) }; pods && slices.ContainsFunc(list, other) {
		list = slices.DeleteFunc(slices.Clone(list), other)
	}
	var old []*Pod
	if was := l.workloads[ref]; was != nil {
		old = was.Pods
	}
	if len(list) == 0 {
		for _, p := range old {
			l.numbers = append(l.numbers, p.Number)
		}
		return nil
	}
	first := list[0]
	w := &Workload{Ref: ref, Pos: first.Pos, Replicas: 1, Pods: make([]*Pod, 0, len(list))}
	owner := first
	if pods {
		_, owner = l.owners.top(first)
	}
	if owner != nil {
		w.Pos, w.Replicas, w.Declared = owner.Pos, replicas(owner), true
	}
	kept := keptPods{of: w, in: l.reader.namespaces[ref.Namespace], old: old, taken: make([]bool, len(old)), made: make([]Pod, 0, len(old))}
	for _, o := range list {
		if !pods && len(w.Pods) > 0 && (ref == o.Ref || !w.Pods[0].Template) {
			continue
		}
		p := kept.pod(o)
		if p == nil {
			p = l.pod(w, o)
		}
		w.Pods = append(w.Pods, p)
	}
	for i, p := range old {
		if !kept.taken[i] {
			l.numbers = append(l.numbers, p.Number)
		}
	}
	byName := func(x, y *Pod) int { return strings.Compare(x.Name, y.Name) }
	if !slices.IsSortedFunc(w.Pods, byName) {
		slices.SortStableFunc(w.Pods, byName)
	}
	return w
}

// pod is the pod of a new source.
func (l *Live) pod(w *Workload, o *object.Object) *Pod {
	v, isTemplate := o.Root, false
	if !isPod(o) {
		v, isTemplate = template(o), true
	}
	t := newTree(v)
	p := l.reader.pod(o, w, &t, isTemplate)
	if n := len(l.numbers); n > 0 {
		p.Number, l.numbers = l.numbers[n-1], l.numbers[:n-1]
	} else {
		p.Number = l.reader.Numbers
		l.reader.Numbers++
	}
	return p
}

// keptPods finds the pods that a workload had by their objects, which are asked for in about the same order.
type keptPods struct {
	of    *Workload
	in    *Namespace
	old   []*Pod
	taken []bool // by place in old
	next  int    // the place behind the one that was found last
	made  []Pod
}

// pod is a copy of the pod of an object, nil when there was none.
func (k *keptPods) pod(o *object.Object) *Pod {
	for n := range k.old {
		i := (k.next + n) % len(k.old)
		if k.taken[i] || k.old[i].Object != o {
			continue
		}
		k.taken[i], k.next = true, i+1
		k.made = append(k.made, *k.old[i])
		c := &k.made[len(k.made)-1]
		c.Workload, c.Namespace = k.of, k.in
		return c
	}
	return nil
}
