package cluster

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Cluster is the picture of now. The cost is about one step for each object, pod and workload when something
// changed since it was asked last, and nothing otherwise.
func (l *Live) Cluster() *Cluster {
	if len(l.objectsNew)+len(l.workloadsNew)+len(l.spacesNew) == 0 {
		return l.shown
	}
	c := *l.shown
	c.Numbers = l.reader.Numbers
	refs := map[object.Ref]bool{}
	for _, of := range l.objectsNew {
		maps.Copy(refs, of)
	}
	c.Objects = patched(c.Objects, refs, l.objects)
	l.list(&c, slices.Collect(maps.Keys(l.objectsNew)))
	if len(l.workloadsNew) > 0 {
		c.Workloads = l.patchedWorkloads(c.Workloads)
		c.Pods = make([]*Pod, 0, len(c.Pods)+8)
		for _, w := range c.Workloads {
			c.Pods = append(c.Pods, w.Pods...)
		}
	}
	if l.nodesNew {
		b := builder{Cluster: &c, opt: l.opt}
		c.Nodes = nil
		b.readNodes()
	}
	l.showServices(&c)
	l.shown = &c
	l.forget()
	return l.shown
}

// Listed is the picture with namespaces and the objects of some kinds as they are now, and all else as it was when Cluster
// was called last. What it costs does not hang on how many pods there are.
func (l *Live) Listed(kinds ...object.GroupKind) *Cluster {
	c := *l.shown
	l.list(&c, kinds)
	return &c
}

// list brings namespaces and the objects of some kinds up to date.
func (l *Live) list(c *Cluster, kinds []object.GroupKind) {
	c.byKind = maps.Clone(c.byKind)
	for _, gk := range kinds {
		if len(l.objectsNew[gk]) == 0 {
			continue
		}
		if c.byKind[gk] = patched(c.byKind[gk], l.objectsNew[gk], l.objects); len(c.byKind[gk]) == 0 {
			delete(c.byKind, gk)
		}
	}
	if len(l.spacesNew) > 0 {
		c.namespaces = maps.Clone(l.reader.namespaces)
		c.Namespaces = slices.SortedFunc(maps.Values(c.namespaces), func(x, y *Namespace) int { return cmp.Compare(x.Name, y.Name) })
	}
}

// patched is a sorted list with the objects that refs name as they are now.
func patched(list []*object.Object, refs map[object.Ref]bool, now map[object.Ref]*object.Object) []*object.Object {
	var more []*object.Object
	out := slices.Clone(list)
	gone := false
	for ref := range refs {
		o := now[ref]
		i, found := slices.BinarySearchFunc(list, ref, func(x *object.Object, r object.Ref) int { return x.Ref.Compare(r) })
		switch {
		case found:
			out[i] = o
			gone = gone || o == nil
		case o != nil:
			more = append(more, o)
		}
	}
	if gone {
		out = slices.DeleteFunc(out, func(o *object.Object) bool { return o == nil })
	}
	slices.SortFunc(more, func(x, y *object.Object) int { return x.Ref.Compare(y.Ref) })
	return merged(out, more, func(x, y *object.Object) int { return x.Ref.Compare(y.Ref) })
}

// merged joins two sorted lists.
func merged[T any](a, b []T, compare func(x, y T) int) []T {
	if len(b) == 0 {
		return a
	}
	out := make([]T, 0, len(a)+len(b))
	for _, y := range b {
		i, _ := slices.BinarySearchFunc(a, y, compare)
		out = append(append(out, a[:i]...), y)
		a = a[i:]
	}
	return append(out, a...)
}

func (l *Live) patchedWorkloads(list []*Workload) []*Workload {
	byRef := func(x, y *Workload) int { return x.Ref.Compare(y.Ref) }
	var more []*Workload
	out := slices.Clone(list)
	for ref := range l.workloadsNew {
		w := l.workloads[ref]
		i, found := slices.BinarySearchFunc(list, ref, func(x *Workload, r object.Ref) int { return x.Ref.Compare(r) })
		switch {
		case found:
			out[i] = w
		case w != nil:
			more = append(more, w)
		}
	}
	out = slices.DeleteFunc(out, func(w *Workload) bool { return w == nil })
	slices.SortFunc(more, byRef)
	return merged(out, more, byRef)
}

// showServices reads the services of namespaces where pods or services changed. Those that have no selector go by
// addresses: they are read again when any pod changed.
func (l *Live) showServices(c *Cluster) {
	if len(l.podsNew) == 0 && !l.endpointsNew {
		return
	}
	all := l.endpointsNew
	for _, s := range c.Services {
		all = all || s.Selector == nil && s.Type != "ExternalName"
	}
	b := builder{Cluster: c, opt: l.opt}
	if !all {
		for _, o := range c.Kind("", "Service") {
			all = all || l.objectsNew[o.Ref.GroupKind()][o.Ref] && len(o.Root.Get("spec", "selector").Map()) == 0
		}
	}
	if all {
		c.Services = nil
		b.readServices()
		return
	}
	var kept []*Service
	for _, s := range c.Services {
		if !l.podsNew[s.Ref.Namespace] {
			kept = append(kept, s)
		}
	}
	services := c.Kind("", "Service")
	var read []*Service
	for _, ns := range slices.Sorted(maps.Keys(l.podsNew)) {
		pods := c.podsIn(ns)
		from, _ := slices.BinarySearchFunc(services, ns, func(o *object.Object, ns string) int { return strings.Compare(o.Ref.Namespace, ns) })
		for _, o := range services[from:] {
			if o.Ref.Namespace != ns {
				break
			}
			s := b.service(o)
			if sel := MatchLabels(s.Selector); s.Type != "ExternalName" {
				for _, p := range pods {
					if sel.Matches(p.Labels) {
						s.Pods = append(s.Pods, p)
					}
				}
			}
			read = append(read, s)
		}
	}
	c.Services = merged(kept, read, func(x, y *Service) int { return x.Ref.Compare(y.Ref) })
}

// podsIn is the pods of a namespace, in order.
func (c *Cluster) podsIn(ns string) []*Pod {
	var out []*Pod
	for _, w := range c.WorkloadsIn(ns) {
		out = append(out, w.Pods...)
	}
	return out
}
