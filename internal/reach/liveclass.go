package reach

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
)

// liveClasses says which pods are in which class.
type liveClasses struct {
	local   map[string]map[string]bool // keys of labels that count in a namespace besides those that count anywhere
	byKey   map[string]int             // class
	keys    []string                   // by class, "" for those that are spare
	holders [][]*cluster.Workload      // by class: the workloads that have pods in it, sorted
	spare   map[string][]int           // by namespace: classes that are free
	taken   map[int]bool               // classes that got pods since the event
	hulls   map[*[2]addrKnown]*hull
	nodes   map[string]*cluster.Node

	portsDiffer bool // some class has other ports than before the event
}

func (l *Live) indexClasses() {
	m := l.m
	l.liveClasses = liveClasses{
		local: map[string]map[string]bool{}, byKey: make(map[string]int, m.hosts), keys: make([]string, m.hosts),
		holders: make([][]*cluster.Workload, m.hosts), spare: map[string][]int{}, hulls: map[*[2]addrKnown]*hull{}, taken: map[int]bool{}, nodes: map[string]*cluster.Node{},
	}
	m.index.byHash, m.index.before = nil, nil
	for _, n := range m.cluster.Nodes {
		l.nodes[n.Name] = n
	}
	for _, w := range m.cluster.Workloads {
		for _, p := range w.Pods {
			c := m.classOf(p)
			l.stretch(m.points[c].addr, p)
			if c >= m.hosts {
				continue
			}
			if h := l.holders[c]; len(h) == 0 || h[len(h)-1] != w {
				l.holders[c] = append(h, w)
			}
		}
	}
	for _, sp := range m.terms.spaces {
		for c := sp.hi - 1; c >= sp.lo; c-- {
			if len(l.holders[c]) == 0 {
				l.spare[sp.ns.Name] = append(l.spare[sp.ns.Name], c)
				continue
			}
			l.keys[c] = l.key(m.points[c].pod, m.points[c].addr)
			l.byKey[l.keys[c]] = c
		}
	}
}

// counts tells whether rules can see a label of pods in a namespace.
func (l *Live) counts(namespace, key string) bool {
	if _, seen := l.m.index.v.labels[key]; seen {
		return true
	}
	return l.local[namespace][key]
}

// key tells classes apart, as classIndex.class does.
func (l *Live) key(p *cluster.Pod, addr *[2]addrKnown) string {
	var labels []string
	for k, v := range p.Labels {
		if l.counts(p.Namespace.Name, k) {
			labels = append(labels, k+"\x00"+v)
		}
	}
	if p.Template {
		for _, k := range runTimeLabels {
			if l.counts(p.Namespace.Name, k) && addedLater(k, p) {
				labels = append(labels, k+"\x01")
			}
		}
	}
	slices.Sort(labels)
	b := append(append(make([]byte, 0, 128), p.Namespace.Name...), 0)
	b = binary.AppendUvarint(b, uint64(l.ports(p)))
	if l.m.bare(p) {
		b = append(b, 'b')
	}
	if len(l.m.index.v.accounts) > 0 {
		b = append(append(b, 1), p.ServiceAccount...)
	}
	b = binary.AppendUvarint(append(b, 0), uint64(l.hulls[addr].id))
	return string(append(append(b, 0), strings.Join(labels, "\x02")...))
}

// ports numbers the named ports of a pod. Every name counts here.
func (l *Live) ports(p *cluster.Pod) uint32 {
	for _, q := range p.Ports {
		l.m.index.v.names[q.Name] = true
	}
	return l.m.index.portsOf(p)
}

// replace follows workloads that changed.
func (l *Live) replace(edits []cluster.Replaced) bool {
	m := l.m
	before := make([][]int, len(edits))
	for i, e := range edits {
		if e.Old != nil {
			before[i] = m.pointsOf(OfWorkload(e.Old))
		}
	}
	for i, e := range edits {
		if e.New != nil {
			var old []*cluster.Pod // both are sorted by name
			if e.Old != nil {
				old = e.Old.Pods
			}
			for _, p := range e.New.Pods {
				for len(old) > 0 && old[0].Name < p.Name {
					old = old[1:]
				}
				if len(old) > 0 && old[0].Number == p.Number && old[0].Object == p.Object {
					continue // it has its class
				}
				if !l.place(p) {
					return false
				}
			}
		}
		if m.profile.HostPods != enforcer.No && (hosted(e.Old) || hosted(e.New)) {
			return false // selectors of peers may match its pods on their nodes
		}
		l.hold(before[i], e)
	}
	return true
}

func hosted(w *cluster.Workload) bool {
	return w != nil && slices.ContainsFunc(w.Pods, func(p *cluster.Pod) bool { return p.HostNetwork })
}

// hold makes e.New a holder of its classes instead of e.Old.
func (l *Live) hold(before []int, e cluster.Replaced) {
	m := l.m
	byRef := func(x, y *cluster.Workload) int { return x.Ref.Compare(y.Ref) }
	var now []int
	if e.New != nil {
		now = m.pointsOf(OfWorkload(e.New))
	}
	for _, c := range before {
		if c < m.hosts {
			if i, ok := slices.BinarySearchFunc(l.holders[c], e.Old, byRef); ok && l.holders[c][i] == e.Old {
				l.holders[c] = slices.Delete(l.holders[c], i, i+1)
			}
		}
	}
	for _, c := range now {
		if c < m.hosts {
			i, _ := slices.BinarySearchFunc(l.holders[c], e.New, byRef)
			l.holders[c] = slices.Insert(l.holders[c], i, e.New)
		}
	}
	for _, c := range slices.Concat(before, now) {
		if c < m.hosts && len(l.holders[c]) > 0 {
			m.points[c].pod = l.first(c)
		}
	}
}

// first is the pod of a class that stands for it: the first one of the picture.
func (l *Live) first(c int) *cluster.Pod {
	for _, p := range l.holders[c][0].Pods {
		if l.m.classOf(p) == c {
			return p
		}
	}
	return l.m.points[c].pod
}

// place puts a pod into its class.
func (l *Live) place(p *cluster.Pod) bool {
	m := l.m
	for p.Number >= len(m.classes) {
		m.classes = append(m.classes, 0)
	}
	if p.HostNetwork {
		pt := m.hostClass(p, l.nodes[p.NodeName], m.index.v.hostAddrs)
		if !m.index.v.nodes {
			pt.node = ""
		}
		i, ok := m.hostIndex[m.hostKey(p, &pt)]
		if ok {
			m.classes[p.Number] = uint32(m.hosts + i)
			l.stretch(m.points[m.hosts+i].addr, p)
		}
		return ok
	}
	addr := m.index.addrOf(p)
	l.stretch(addr, p)
	key := l.key(p, addr)
	c, ok := l.byKey[key]
	if !ok {
		if c, ok = l.free(p.Namespace.Name); !ok {
			return false
		}
		l.byKey[key], l.keys[c] = c, key
		l.become(c, point{kind: podPoint, pod: p, ports: l.ports(p), bare: m.bare(p), ambient: enforcer.No, addr: addr})
	}
	m.classes[p.Number], l.taken[c] = uint32(c), true
	return true
}

// free gives a class of a namespace that nothing is in.
func (l *Live) free(namespace string) (class int, ok bool) {
	list := l.spare[namespace]
	if len(list) == 0 {
		i, ok := l.m.terms.byName[namespace]
		if !ok {
			return 0, false
		}
		sp := l.m.terms.spaces[i]
		for c := sp.hi - 1; c >= sp.lo; c-- {
			if len(l.holders[c]) == 0 && l.keys[c] != "" && !l.taken[c] {
				delete(l.byKey, l.keys[c])
				l.keys[c] = ""
				list = append(list, c)
			}
		}
	}
	if len(list) == 0 {
		return 0, false
	}
	class = list[len(list)-1]
	l.spare[namespace] = list[:len(list)-1]
	return class, true
}

// become makes a class what it was not before.
func (l *Live) become(c int, pt point) {
	m := l.m
	was := m.points[c]
	m.points[c] = pt
	if l.changed[c] == nil {
		l.changed[c] = was.pod
	}
	l.spans = append(l.spans, run{uint32(c), uint32(c + 1)})
	for _, key := range slices.Sorted(maps.Keys(m.terms.columns[podLabels])) {
		l.setColumn(c, key)
	}
	l.setAccount(c)
	if was.ports != pt.ports {
		l.portsDiffer = true
	}
	if was.addr != pt.addr {
		l.regroup(c, was.addr, pt.addr)
	}
}

// setAccount writes down the labels of the service account of a class.
func (l *Live) setAccount(c int) {
	m := l.m
	if len(m.index.v.accounts) == 0 {
		return
	}
	labels, declared := m.cluster.AccountLabels(m.points[c].pod)
	columns := m.terms.columns[accountLabels]
	for _, key := range m.index.v.accounts {
		if columns[key] == nil {
			columns[key] = newColumn(m.hosts)
		}
		value, has := labels[key]
		columns[key].put(c, value, has, !has && !declared)
	}
}

// setColumn writes down the value of a class under a label.
func (l *Live) setColumn(c int, key string) {
	col, p := l.m.terms.columns[podLabels][key], l.m.points[c].pod
	value, has := p.Labels[key]
	switch {
	case !l.counts(p.Namespace.Name, key):
		col.put(c, "", false, false)
	case has:
		col.put(c, value, true, false)
	default:
		col.put(c, "", false, addedLater(key, p))
	}
}

// put is set for a thing that has a value already, in any order.
func (c *column) put(i int, value string, has, unknown bool) {
	switch old := c.of[i]; old {
	case 0:
	case unknownValue:
		c.later = without(c.later, i)
	default:
		c.places[old] = without(c.places[old], i)
	}
	c.of[i] = 0
	switch {
	case unknown:
		c.of[i] = unknownValue
		c.later = with(c.later, i)
	case has:
		id, ok := c.ids[value]
		if !ok {
			id = uint32(len(c.values))
			c.ids[value] = id
			c.values, c.places = append(c.values, value), append(c.places, nil)
		}
		c.of[i] = id
		c.places[id] = with(c.places[id], i)
	}
}

func with(list []int32, i int) []int32 {
	at, _ := slices.BinarySearch(list, int32(i))
	return slices.Insert(list, at, int32(i))
}

func without(list []int32, i int) []int32 {
	if at, ok := slices.BinarySearch(list, int32(i)); ok {
		return slices.Delete(list, at, at+1)
	}
	return list
}
