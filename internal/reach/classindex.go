package reach

import (
	"cmp"
	"hash/maphash"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// classIndex finds the class of a pod. Hashes say where to look; what counts is sameClass.
type classIndex struct {
	m      *Model
	v      *vocabulary
	byHash map[uint64]int32         // one more than the class found last with a hash
	before []int32                  // by class: the same for the one before it with its hash
	addrs  map[string]*[2]addrKnown // equal knowledge of addresses is one value
	shapes map[addrShape]*[2]addrKnown
	ports  map[string]uint32 // equal named ports are one number

	lastPorts []cluster.Port // of the pod before, with their number
	lastID    uint32
	place     []int // class as found to its number

	// The pod before, with its class. What the addresses of a pod tell nearly always is what they told last.
	last     *cluster.Pod
	lastIs   int
	lastAddr *[2]addrKnown
	lastAtom int // of the only address, -1 when that was not so simple
}

// classOf is class; it looks closer only where a pod is not like the one before it.
func (x *classIndex) classOf(p *cluster.Pod) int {
	before := x.lastAddr
	addr := x.addrOf(p)
	if q := x.last; q != nil && addr == before && p.Workload == q.Workload && p.Template == q.Template && len(x.m.set.Facts) == 0 &&
		(len(x.v.names) == 0 || samePorts(p.Ports, q.Ports)) && (p.SharesLabels(q) && (len(x.v.accounts) == 0 || p.ServiceAccount == q.ServiceAccount) || x.same(p, q)) {
		x.m.points[x.lastIs].count++
		return x.lastIs
	}
	x.last, x.lastIs = p, x.class(p, addr)
	return x.lastIs
}

// class is the number of the pod's class in order of discovery.
func (x *classIndex) class(p *cluster.Pod, addr *[2]addrKnown) int {
	ambient := x.m.inAmbient(p)
	ports, bare := x.portsOf(p), x.m.bare(p)
	h := x.hash(p)
	for k := x.byHash[h]; k > 0; k = x.before[k-1] {
		i := k - 1
		if pt := &x.m.points[i]; pt.addr == addr && pt.ports == ports && pt.bare == bare && pt.ambient == ambient && x.same(pt.pod, p) {
			pt.count++
			return int(i)
		}
	}
	i := len(x.m.points)
	x.before = append(x.before, x.byHash[h])
	x.byHash[h] = int32(i) + 1
	x.m.points = append(x.m.points, point{kind: podPoint, pod: p, ports: ports, bare: bare, ambient: ambient, addr: addr, count: 1})
	return i
}

// hash is of the namespace and of the labels that rules mention, in any order.
func (x *classIndex) hash(p *cluster.Pod) uint64 {
	h := maphash.String(x.v.seed, p.Namespace.Name)
	for k, value := range p.Labels {
		if _, seen := x.v.labels[k]; seen {
			h += maphash.String(x.v.seed, k) * (maphash.String(x.v.seed, value) | 1)
		}
	}
	return h
}

// same tells whether no rule can tell two pods apart, their addresses aside.
func (x *classIndex) same(p, q *cluster.Pod) bool {
	if p.Namespace != q.Namespace || !x.sameLabels(p, q) {
		return false
	}
	if len(x.v.accounts) > 0 && p.ServiceAccount != q.ServiceAccount { // accounts of a namespace are few
		return false
	}
	for _, k := range x.v.facts {
		if x.m.set.Facts[p][k] != x.m.set.Facts[q][k] {
			return false
		}
	}
	return true
}

// portsOf numbers what rules can see of a pod's ports.
func (x *classIndex) portsOf(p *cluster.Pod) (id uint32) {
	if len(x.v.names) == 0 || len(p.Ports) == 0 {
		return 0
	}
	// Pods of one workload come one after the other, and are alike.
	if samePorts(x.lastPorts, p.Ports) {
		return x.lastID
	}
	x.lastPorts = p.Ports
	defer func() { x.lastID = id }()
	key := portKey(p, x.v.names)
	var ok bool
	if id, ok = x.ports[key]; !ok {
		id = uint32(len(x.ports))
		x.ports[key] = id
	}
	return id
}

// sameLabels tells whether both have the same of the mentioned labels, or are as likely to get them.
func (x *classIndex) sameLabels(p, q *cluster.Pod) bool {
	shared := 0 // keys
	for k, value := range p.Labels {
		other, has := q.Labels[k]
		if has {
			shared++
		}
		if !has || other != value {
			if _, seen := x.v.labels[k]; seen {
				return false
			}
		}
	}
	if shared < len(q.Labels) {
		for k := range q.Labels {
			if _, has := p.Labels[k]; !has {
				if _, seen := x.v.labels[k]; seen {
					return false
				}
			}
		}
	}
	for _, k := range x.v.later {
		if addedLater(k, p) != addedLater(k, q) {
			return false
		}
	}
	return true
}

func samePorts(a, b []cluster.Port) bool {
	if len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) {
		return true
	}
	return slices.EqualFunc(a, b, func(p, q cluster.Port) bool {
		return p.Name == q.Name && p.Number == q.Number && p.Protocol == q.Protocol
	})
}

// addrShape is what is known of the addresses of nearly all pods: by family, that there is none, the only atom, or
// that it is in the range of pods.
type addrShape struct {
	none, ranged [2]bool
	atom         [2]int
}

// addrOf is what is known of the pod's addresses, one pointer for equal knowledge.
func (x *classIndex) addrOf(p *cluster.Pod) *[2]addrKnown {
	if len(p.IPs) == 1 && x.lastAddr != nil && x.lastAtom >= 0 && x.m.line.holds(x.lastAtom, p.IPs[0]) {
		return x.lastAddr
	}
	x.lastAddr, x.lastAtom = x.newAddrOf(p), -1
	if len(p.IPs) == 1 {
		x.lastAtom = x.m.line.find(p.IPs[0])
	}
	return x.lastAddr
}

func (x *classIndex) newAddrOf(p *cluster.Pod) *[2]addrKnown {
	var known [2]addrKnown
	for _, f := range [2]family{v4, v6} {
		if known[f] = x.m.podAddr(p, f); !x.v.podAddrs { // then only the family matters
			known[f] = addrKnown{none: known[f].none}
		}
	}
	var shape addrShape
	for f := range known {
		k := &known[f]
		if len(k.exact) > 1 {
			key := addrKey(&known)
			if x.addrs[key] == nil {
				x.addrs[key] = &known
			}
			return x.addrs[key]
		}
		shape.none[f], shape.ranged[f], shape.atom[f] = k.none, len(k.exact) == 0 && !k.none, -1
		if len(k.exact) == 1 {
			shape.atom[f] = k.exact[0]
		}
	}
	if x.shapes[shape] == nil {
		x.shapes[shape] = &known
	}
	return x.shapes[shape]
}

// order sorts the classes by namespace, otherwise as found.
func (x *classIndex) order() {
	index := make([]int, len(x.m.points))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(a, b int) int {
		return cmp.Compare(x.m.points[a].pod.Namespace.Name, x.m.points[b].pod.Namespace.Name)
	})
	points := make([]point, 0, len(index))
	x.place = make([]int, len(index))
	for at, from := range index {
		x.place[from] = len(points)
		points = append(points, x.m.points[from])
		if x.m.room && (at+1 == len(index) || x.m.points[index[at+1]].pod.Namespace != x.m.points[from].pod.Namespace) {
			points = withSpare(points)
		}
	}
	if x.m.room {
		points = withReserve(points)
	}
	x.m.points = points
}
