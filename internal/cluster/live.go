package cluster

import (
	"bytes"
	"maps"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Live is a picture that follows a cluster whose objects change. Objects of one Ref are one. What it gives out is
// never changed afterwards: a workload of which something changes becomes a new one, with new pods.
type Live struct {
	opt     Options
	shown   *Cluster // the picture given out last
	reader  builder
	objects map[object.Ref]*object.Object
	owners  owners
	used    map[string]int // objects by namespace
	// What workloads are made of: their objects (pods and templates) by workload, sorted, and the workload of each.
	sources map[object.Ref][]*object.Object
	top     map[object.Ref]object.Ref
	// climbed counts the objects whose owner was looked for under a name; climbs is those names by object.
	climbed   map[object.Ref]int
	climbs    map[object.Ref][]object.Ref
	workloads map[object.Ref]*Workload
	inSpace   map[string]map[object.Ref]bool // workloads by namespace
	numbers   []int                          // of pods, that are free
	families  [2]int                         // what says that there is IPv4 and IPv6: pods and services

	// What the picture given out does not have yet.
	objectsNew   map[object.GroupKind]map[object.Ref]bool
	workloadsNew map[object.Ref]bool
	spacesNew    map[string]bool
	nodesNew     bool
	podsNew      map[string]bool // by namespace
	endpointsNew bool
}

// Replaced is a workload that changed: Old is nil when it came, New when it went.
type Replaced struct{ Old, New *Workload }

// Edit is what an event changed. Of the workloads of a namespace that changed all are new.
type Edit struct {
	Old, New  *object.Object // with the namespace they live in; both nil when nothing changed
	Workloads []Replaced
	Namespace *Namespace // the new one; nil when none changed
}

// NewLive follows on from a picture, made with the same options.
func NewLive(c *Cluster, opt Options) *Live {
	if opt.DefaultNamespace == "" {
		opt.DefaultNamespace = "default"
	}
	l := &Live{
		opt: opt, shown: c, objects: make(map[object.Ref]*object.Object, len(c.Objects)), used: map[string]int{},
		owners:  owners{byRef: make(map[object.Ref]*object.Object, len(c.Objects))},
		sources: map[object.Ref][]*object.Object{}, top: map[object.Ref]object.Ref{},
		climbed: map[object.Ref]int{}, climbs: map[object.Ref][]object.Ref{},
		workloads: make(map[object.Ref]*Workload, len(c.Workloads)), inSpace: map[string]map[object.Ref]bool{},
	}
	picture := *c
	picture.namespaces = maps.Clone(c.namespaces)
	l.reader = builder{Cluster: &picture, opt: opt}
	for _, o := range c.Objects {
		l.objects[o.Ref] = o
		l.owners.byRef[ownerKey(o.Ref)] = o
		l.used[o.Ref.Namespace]++
	}
	for _, o := range c.Objects {
		l.addSource(o)
		if o.Ref.Kind == "Service" && o.Ref.Group == "" {
			l.seeFamilies(o, 1)
		}
	}
	for _, w := range c.Workloads {
		l.workloads[w.Ref] = w
		l.addSpace(w.Ref)
		for _, p := range w.Pods {
			l.seeAddrs(p, 1)
		}
	}
	l.forget()
	return l
}

// forget says that the picture given out has everything.
func (l *Live) forget() {
	l.objectsNew, l.workloadsNew, l.spacesNew, l.podsNew = map[object.GroupKind]map[object.Ref]bool{}, map[object.Ref]bool{}, map[string]bool{}, map[string]bool{}
	l.nodesNew, l.endpointsNew = false, false
}

func (l *Live) addSpace(ref object.Ref) {
	if l.inSpace[ref.Namespace] == nil {
		l.inSpace[ref.Namespace] = map[object.Ref]bool{}
	}
	l.inSpace[ref.Namespace][ref] = true
}

func (l *Live) seeAddrs(p *Pod, n int) {
	for _, a := range p.IPs {
		if a.Is4() {
			l.families[0] += n
		} else {
			l.families[1] += n
		}
	}
}

func (l *Live) seeFamilies(o *object.Object, n int) {
	for _, f := range texts(o.Root.Get("spec", "ipFamilies")) {
		switch f {
		case "IPv4":
			l.families[0] += n
		case "IPv6":
			l.families[1] += n
		}
	}
}

// Apply follows one event; o is nil for an object that went. It reports false when the event changes more than Edit
// can say: then a new picture has to be made of all objects (Objects).
func (l *Live) Apply(ref object.Ref, o *object.Object) (Edit, bool) {
	if o != nil {
		o = l.reader.placed(o, scopeOf(o.Ref.GroupKind()))
		ref = o.Ref
	}
	old := l.objects[ref]
	if old == o {
		return Edit{}, true
	}
	e, ok := l.apply(ref, old, o)
	e.Old, e.New = old, o
	return e, ok
}

func (l *Live) apply(ref object.Ref, old, o *object.Object) (Edit, bool) {
	if o == nil {
		delete(l.objects, ref)
		delete(l.owners.byRef, ownerKey(ref))
		l.used[ref.Namespace]--
	} else {
		l.objects[ref], l.owners.byRef[ownerKey(ref)] = o, o
		if old == nil {
			l.used[ref.Namespace]++
		}
	}
	gk := ref.GroupKind()
	if l.objectsNew[gk] == nil {
		l.objectsNew[gk] = map[object.Ref]bool{}
	}
	l.objectsNew[gk][ref] = true
	if gk == (object.GroupKind{Kind: "Namespace"}) {
		return l.namespace(ref, o)
	}
	if ns := ref.Namespace; ns != "" {
		if s := l.reader.namespaces[ns]; s == nil || !s.Declared {
			return Edit{}, false
		}
	}
	if ref.Group == "" {
		switch ref.Kind {
		case "Node":
			l.nodesNew = true
			return Edit{}, l.sameNode(old, o)
		case "ServiceAccount":
			return Edit{}, old != nil && o != nil && maps.Equal(old.Root.Get("metadata", "labels").Strings(), o.Root.Get("metadata", "labels").Strings())
		case "Service":
			if old != nil {
				l.seeFamilies(old, -1)
			}
			if o != nil {
				l.seeFamilies(o, 1)
			}
			l.podsNew[ref.Namespace] = true
			return Edit{}, l.sameFamilies()
		case "Endpoints":
			l.endpointsNew = true
		}
	}
	if ref.Group == "discovery.k8s.io" && ref.Kind == "EndpointSlice" {
		l.endpointsNew = true
	}
	return l.source(ref, old, o)
}

// Objects is all objects, in no order.
func (l *Live) Objects() []*object.Object { return slices.Collect(maps.Values(l.objects)) }

// sameFamilies tells whether pods still have the same address families.
func (l *Live) sameFamilies() bool {
	v4 := l.families[0] > 0 || !l.shown.PodCIDRs.V4().IsEmpty()
	v6 := l.families[1] > 0 || !l.shown.PodCIDRs.V6().IsEmpty()
	return (v4 || !v6) == l.shown.IPv4 && v6 == l.shown.IPv6
}

// sameNode tells whether two nodes differ in nothing but what Object holds.
func (l *Live) sameNode(old, o *object.Object) bool {
	if old == nil || o == nil {
		return false
	}
	return maps.Equal(old.Root.Get("metadata", "labels").Strings(), o.Root.Get("metadata", "labels").Strings()) &&
		same(old.Root.Get("status", "addresses"), o.Root.Get("status", "addresses")) &&
		same(old.Root.Get("spec", "podCIDR"), o.Root.Get("spec", "podCIDR")) && same(old.Root.Get("spec", "podCIDRs"), o.Root.Get("spec", "podCIDRs"))
}

func (l *Live) namespace(ref object.Ref, o *object.Object) (Edit, bool) {
	old := l.reader.namespaces[ref.Name]
	if o == nil {
		if l.used[ref.Name] > 0 || old == nil {
			return Edit{}, false // its name alone is known now
		}
		delete(l.reader.namespaces, ref.Name)
		l.spacesNew[ref.Name] = true
		return Edit{}, true
	}
	ns := readNamespace(o)
	if old != nil && !old.Declared {
		return Edit{}, false
	}
	l.reader.namespaces[ref.Name] = ns
	l.spacesNew[ref.Name] = true
	l.podsNew[ref.Name] = true
	e := Edit{Namespace: ns}
	for _, r := range slices.SortedFunc(maps.Keys(l.inSpace[ref.Name]), object.Ref.Compare) {
		e.Workloads = append(e.Workloads, l.renew(r))
	}
	return e, true
}

func readNamespace(o *object.Object) *Namespace {
	labels := o.Root.Get("metadata", "labels").Strings()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[NameLabel] = o.Ref.Name
	return &Namespace{Name: o.Ref.Name, Labels: labels, Declared: true, Pos: o.Pos}
}

// same tells whether two values are equal, wherever they stand.
func same(a, b *object.Value) bool {
	return a == b || bytes.Equal(a.AppendJSON(nil), b.AppendJSON(nil))
}
