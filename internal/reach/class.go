package reach

import (
	"cmp"
	"hash/maphash"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// point is something a rule's peer can match: a class of pods, a class of host endpoints, or an atom of the
// address line.
type point struct {
	kind    pointKind
	pod     *cluster.Pod    // a member, for classes; nil for Nodes
	members []*cluster.Pod  // host classes
	count   int             // of the pods of pod classes
	addrs   netset.Addrs    // atoms
	addr    *[2]addrKnown   // by family: classes
	node    string          // host classes: the node, "" when not known
	ports   uint32          // pod classes: a number for the ports that rules can name
	bare    bool            // pod classes: pods without an owner, where that matters
	ambient enforcer.Answer // pod classes: whether a mesh tunnels their traffic
}

type pointKind uint8

const (
	podPoint pointKind = iota
	hostPoint
	atomPoint
)

// family is an address family; its value is the index into point.addr.
type family uint8

const (
	v4 family = iota
	v6
)

// addrKnown is what is known of an endpoint's address in one family: that it has none, the atoms its
// addresses lie in, or only the range it is taken from.
type addrKnown struct {
	none  bool
	exact []int        // atoms (indexes from 0), when known
	rng   netset.Addrs // otherwise: the address is one of these
}

// addrLine cuts the line of all addresses, IPv4 before IPv6, wherever some rule tells two neighbours apart. The
// pieces are the atoms, in order.
type addrLine struct {
	starts []netip.Addr // of the atoms
	sets   []netset.Addrs
}

// newAddrLine cuts at the ends of sets. With room, atoms have further numbers behind their own, with the same start,
// which later cuts take.
func newAddrLine(cuts []netset.Addrs, room bool) addrLine {
	starts := []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	for _, c := range cuts {
		for _, r := range c.Ranges() {
			starts = append(starts, r.Lo)
			if next := r.Hi.Next(); next.IsValid() {
				starts = append(starts, next)
			}
		}
	}
	slices.SortFunc(starts, netip.Addr.Compare)
	l := addrLine{starts: slices.Compact(starts)}
	if room {
		l.starts = withRoom(l.starts)
	}
	l.sets = make([]netset.Addrs, len(l.starts))
	for i := 0; i < len(l.starts); {
		end := l.end(i)
		l.sets[i] = l.between(i, end)
		i = end
	}
	return l
}

// between is the addresses of the atoms from lo up to but not including hi.
func (l *addrLine) between(lo, hi int) netset.Addrs {
	var out netset.Addrs
	for _, f := range [2]family{v4, v6} { // a range lies in one family
		first, end := lo, hi
		for first < end && familyOf(l.starts[first]) != f {
			first++
		}
		for end > first && familyOf(l.starts[end-1]) != f {
			end--
		}
		if first == end {
			continue
		}
		if end < len(l.starts) && l.starts[end] == l.starts[first] {
			continue
		}
		if end < len(l.starts) && familyOf(l.starts[end]) == f {
			out = out.Union(netset.AddrRange(l.starts[first], l.starts[end].Prev()))
			continue
		}
		ranges := everyAddr(f).Ranges()
		out = out.Union(netset.AddrRange(l.starts[first], ranges[len(ranges)-1].Hi))
	}
	return out
}

// find is the atom of an address.
func (l *addrLine) find(a netip.Addr) int {
	i, ok := slices.BinarySearchFunc(l.starts, a, netip.Addr.Compare)
	if !ok {
		i--
		for i > 0 && l.starts[i-1] == l.starts[i] {
			i--
		}
	}
	return i
}

// end is the number behind all those of an atom.
func (l *addrLine) end(atom int) int {
	i := atom + 1
	for i < len(l.starts) && l.starts[i] == l.starts[atom] {
		i++
	}
	return i
}

// holds tells whether an address is of an atom.
func (l *addrLine) holds(atom int, a netip.Addr) bool {
	end := l.end(atom)
	return !a.Less(l.starts[atom]) && (end == len(l.starts) || a.Less(l.starts[end]))
}

// within is the atoms, as runs, that make up a set whose ends the line was cut at.
func (l *addrLine) within(set netset.Addrs, add func(lo, hi int)) {
	for _, r := range set.Ranges() {
		add(l.find(r.Lo), l.end(l.find(r.Hi)))
	}
}

// makePoints builds the classes and atoms: pods are told apart only by what some rule can see. Classes of one
// namespace have numbers side by side.
func (m *Model) makePoints() {
	v := m.vocabulary()
	m.line = newAddrLine(v.cuts, m.room)
	m.families = []family{v4}
	if m.cluster.IPv4 && m.cluster.IPv6 {
		m.families = []family{v4, v6}
	} else if m.cluster.IPv6 && !m.cluster.IPv4 {
		m.families = []family{v6}
	}
	x := &classIndex{m: m, v: &v, byHash: make(map[uint64]int32, len(m.cluster.Workloads)), addrs: map[string]*[2]addrKnown{}, shapes: map[addrShape]*[2]addrKnown{}, ports: map[string]uint32{"": 0}}
	m.points = make([]point, 0, len(m.cluster.Workloads)+len(m.cluster.Workloads)/8)
	var hosts []point
	hostIndex := map[string]int{}
	found := make([]int32, len(m.cluster.Pods)) // host classes are negative
	nodes := map[string]*cluster.Node{}
	for _, n := range m.cluster.Nodes {
		nodes[n.Name] = n
	}
	for n, p := range m.cluster.Pods {
		if !p.HostNetwork {
			found[n] = int32(x.classOf(p))
			continue
		}
		pt := m.hostClass(p, nodes[p.NodeName], v.hostAddrs)
		if !v.nodes {
			pt.node = ""
		}
		key := m.hostKey(p, &pt)
		i, ok := hostIndex[key]
		if !ok {
			i = len(hosts)
			hostIndex[key] = i
			hosts = append(hosts, pt)
		}
		hosts[i].members = append(hosts[i].members, p)
		found[n] = int32(-1 - i)
	}
	x.order()
	m.hosts = len(m.points)
	m.tunnels = slices.ContainsFunc(m.points, func(p point) bool { return p.ambient != enforcer.No })
	m.classes = make([]uint32, m.cluster.Numbers)
	for n, i := range found {
		if number := m.cluster.Pods[n].Number; i < 0 {
			m.classes[number] = uint32(m.hosts - 1 - int(i))
		} else {
			m.classes[number] = uint32(x.place[i])
		}
	}
	m.points = append(m.points, hosts...)
	m.nodesAny = len(m.points)
	m.points = append(m.points, m.hostClass(nil, nil, v.hostAddrs))
	m.atoms = len(m.points)
	for _, s := range m.line.sets {
		m.points = append(m.points, point{kind: atomPoint, addrs: s, addr: &[2]addrKnown{}})
	}
	m.indexTerms(&v)
	m.indexAddrs()
	if m.room {
		m.index, m.hostIndex = x, hostIndex
	}
}

// vocabulary is all that some rule can see of an endpoint.
type vocabulary struct {
	labels              map[string]struct{} // keys
	later               []string            // those of labels that come with the real pods
	accounts, facts     []string            // keys, sorted
	spaces              []string            // keys of namespace labels, sorted
	nodes               bool                // some rule looks at labels of nodes
	names               map[string]bool     // of ports
	cuts                []netset.Addrs
	podAddrs, hostAddrs bool // addresses of pods and of nodes matter
	seed                maphash.Seed
}

func (m *Model) vocabulary() vocabulary {
	v := vocabulary{names: map[string]bool{}, labels: map[string]struct{}{}, seed: maphash.MakeSeed()}
	accounts, facts, spaces := map[string]struct{}{}, map[string]struct{}{}, map[string]struct{}{}
	cuts := map[string]netset.Addrs{}
	look := func(t *policy.Term) {
		for _, s := range [4]struct {
			sel  cluster.Selector
			keys map[string]struct{}
		}{{t.Pods, v.labels}, {t.ServiceAccounts, accounts}, {t.Facts, facts}, {t.NamespaceSelector, spaces}} {
			for _, r := range s.sel {
				s.keys[r.Key] = struct{}{}
			}
		}
	}
	for _, p := range m.policies {
		for i := range p.Subjects {
			look(&p.Subjects[i])
		}
		for i := range p.Rules {
			r := &p.Rules[i]
			for _, n := range r.Named {
				v.names[n.Name] = true
			}
			for _, n := range r.NotNamed {
				v.names[n.Name] = true
			}
			for j := range r.Peers {
				q := &r.Peers[j]
				look(&q.Term)
				v.nodes = v.nodes || len(q.Nodes) > 0
				if q.Within != nil {
					cuts[q.Within.Key()] = *q.Within
					v.podAddrs = true
				}
				if q.Kind == policy.AddrPeer {
					cuts[q.Addrs.Key()] = q.Addrs
					v.podAddrs = v.podAddrs || m.podsBy(q.Reach) != enforcer.No
					v.hostAddrs = v.hostAddrs || m.nodesBy(q.Reach) != enforcer.No
				}
			}
		}
	}
	if m.room { // what may matter later does so from the beginning
		v.podAddrs = v.podAddrs || m.profile.PodsByAddr != enforcer.No
		v.hostAddrs = v.hostAddrs || m.profile.NodesByAddr != enforcer.No
		for _, p := range m.cluster.Pods {
			for _, q := range p.Ports {
				v.names[q.Name] = true
			}
		}
	}
	for _, k := range slices.Sorted(mapsKeys(cuts)) {
		v.cuts = append(v.cuts, cuts[k])
	}
	v.accounts, v.facts, v.spaces = slices.Sorted(mapsKeys(accounts)), slices.Sorted(mapsKeys(facts)), slices.Sorted(mapsKeys(spaces))
	for _, k := range runTimeLabels {
		if _, seen := v.labels[k]; seen {
			v.later = append(v.later, k)
		}
	}
	return v
}

// bare tells whether the engine may leave the pod alone because nothing owns it (enforcer.Profile.BarePods).
func (m *Model) bare(p *cluster.Pod) bool {
	return m.profile.Enforces == enforcer.Yes && m.profile.BarePods != enforcer.Yes && p.Workload.Ref.Kind == "Pod" && p.Workload.Ref.Group == ""
}

// inAmbient tells whether an Istio ambient mesh carries the pod's traffic, by the fact "mesh" of that kind.
func (m *Model) inAmbient(p *cluster.Pod) enforcer.Answer {
	switch f, has := m.set.Facts[p]["mesh"]; {
	case f.Unknown:
		return enforcer.Unknown
	case has && f.Value == "ambient":
		return enforcer.Yes
	}
	return enforcer.No
}

// portKey is the part of the pod's ports that rules which name ports can see; names nil stands for all names.
func portKey(p *cluster.Pod, names map[string]bool) string {
	parts := make([]string, 0, 8)
	for _, q := range p.Ports {
		if q.Name != "" && (names == nil || names[q.Name]) {
			parts = append(parts, q.Name+"/"+q.Protocol.String()+"/"+strconv.Itoa(q.Number))
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), ",")
}

func addrKey(known *[2]addrKnown) string {
	var b strings.Builder
	for _, k := range known {
		if k.none {
			b.WriteString("-")
		}
		for _, a := range k.exact {
			b.WriteString(strconv.Itoa(a) + ",")
		}
		b.WriteString("|" + k.rng.Key() + ";")
	}
	return b.String()
}

func inFamily(a netset.Addrs, f family) netset.Addrs {
	if f == v4 {
		return a.V4()
	}
	return a.V6()
}

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return v4
	}
	return v6
}

func everyAddr(f family) netset.Addrs { return inFamily(netset.AllAddrs(), f) }

func (m *Model) podAddr(p *cluster.Pod, f family) addrKnown {
	if len(p.IPs) > 0 {
		return m.known(p.IPs, f)
	}
	if (f == v4 && !m.cluster.IPv4) || (f == v6 && !m.cluster.IPv6) {
		return addrKnown{none: true}
	}
	rng := inFamily(m.cluster.PodCIDRs, f)
	if rng.IsEmpty() {
		rng = everyAddr(f)
	}
	return addrKnown{rng: rng}
}

func (m *Model) known(ips []netip.Addr, f family) addrKnown {
	var k addrKnown
	for _, a := range ips {
		if familyOf(a) == f {
			k.exact = append(k.exact, m.line.find(a))
		}
	}
	slices.SortFunc(k.exact, cmp.Compare)
	k.exact = slices.Compact(k.exact)
	k.none = len(k.exact) == 0
	return k
}

// classOf is the point of a pod of the cluster.
func (m *Model) classOf(p *cluster.Pod) int { return int(m.classes[p.Number]) }

// hostKey tells classes of host-network pods apart.
func (m *Model) hostKey(p *cluster.Pod, pt *point) string {
	key := pt.node + "\x00" + addrKey(pt.addr)
	if m.profile.HostPods == enforcer.No {
		return key
	}
	// Selectors may match them.
	labels := make([]string, 0, len(p.Labels))
	for k, v := range p.Labels {
		labels = append(labels, k+"="+v)
	}
	slices.Sort(labels)
	return key + "\x00" + p.Namespace.Name + "\x00" + strings.Join(labels, "\x00")
}

// hostClass is the class of a host-network pod of a node that may be nil, or of any node when p is nil. Its address
// is its node's.
func (m *Model) hostClass(p *cluster.Pod, node *cluster.Node, byAddr bool) point {
	pt := point{kind: hostPoint, pod: p, addr: &[2]addrKnown{}}
	var ips []netip.Addr
	if p != nil {
		pt.node, ips = p.NodeName, p.IPs
		if node != nil && len(node.Internal) > 0 {
			ips = slices.Concat(node.Internal, node.External)
		}
	}
	for _, f := range [2]family{v4, v6} {
		if !byAddr {
			pt.addr[f].none = len(ips) > 0 && m.known(ips, f).none
			continue
		}
		switch rng := inFamily(m.cluster.NodeAddrs, f); {
		case len(ips) > 0:
			pt.addr[f] = m.known(ips, f)
		case m.cluster.NodesKnown && rng.IsEmpty():
			pt.addr[f] = addrKnown{none: true}
		case m.cluster.NodesKnown:
			pt.addr[f] = addrKnown{rng: rng}
		default:
			pt.addr[f] = addrKnown{rng: everyAddr(f)}
		}
	}
	return pt
}
