package reach

import (
	"cmp"
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
	members []*cluster.Pod  // classes
	addrs   netset.Addrs    // atoms
	addr    [2]addrKnown    // by family: classes
	node    string          // host classes: the node, "" when not known
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

// addrLine finds the atom of an address.
type addrLine struct {
	starts []netip.Addr // sorted
	atom   []int
	sets   []netset.Addrs // the atoms
}

func newAddrLine(cuts []netset.Addrs) addrLine {
	l := addrLine{sets: netset.Partition(cuts...)}
	type start struct {
		at   netip.Addr
		atom int
	}
	var starts []start
	for i, s := range l.sets {
		for _, r := range s.Ranges() {
			starts = append(starts, start{r.Lo, i})
		}
	}
	slices.SortFunc(starts, func(a, b start) int { return a.at.Compare(b.at) })
	for _, s := range starts {
		l.starts, l.atom = append(l.starts, s.at), append(l.atom, s.atom)
	}
	return l
}

func (l *addrLine) find(a netip.Addr) int {
	i, ok := slices.BinarySearchFunc(l.starts, a, netip.Addr.Compare)
	if !ok {
		i--
	}
	return l.atom[max(i, 0)]
}

// makePoints builds the classes and atoms: pods are told apart only by what some rule can see.
func (m *Model) makePoints() {
	v := m.vocabulary()
	m.line = newAddrLine(v.cuts)
	m.families = []family{v4}
	if m.cluster.IPv4 && m.cluster.IPv6 {
		m.families = []family{v4, v6}
	} else if m.cluster.IPv6 && !m.cluster.IPv4 {
		m.families = []family{v6}
	}
	index := map[string]int{}
	var hosts []point
	hostIndex := map[string]int{}
	for _, p := range m.cluster.Pods {
		if p.HostNetwork {
			pt := m.hostClass(p, v.hostAddrs)
			key := pt.node + "\x00" + pt.addrKey()
			i, ok := hostIndex[key]
			if !ok {
				i = len(hosts)
				hostIndex[key] = i
				hosts = append(hosts, pt)
			}
			hosts[i].members = append(hosts[i].members, p)
			m.classOf[p] = -1 - i
			continue
		}
		var b strings.Builder
		m.labelKey(&b, p, v)
		b.WriteString("\x02" + portKey(p, v.names))
		pt := point{kind: podPoint, pod: p, ambient: m.inAmbient(p)}
		b.WriteByte('0' + byte(pt.ambient))
		for _, f := range [2]family{v4, v6} {
			if pt.addr[f] = m.podAddr(p, f); !v.podAddrs { // then only the family matters
				pt.addr[f] = addrKnown{none: pt.addr[f].none}
			}
		}
		b.WriteString("\x02" + pt.addrKey())
		i, ok := index[b.String()]
		if !ok {
			i = len(m.points)
			index[b.String()] = i
			m.points = append(m.points, pt)
		}
		m.points[i].members = append(m.points[i].members, p)
		m.classOf[p] = i
	}
	m.hosts = len(m.points)
	for p, i := range m.classOf {
		if i < 0 {
			m.classOf[p] = m.hosts - 1 - i
		}
	}
	m.points = append(m.points, hosts...)
	m.nodesAny = len(m.points)
	m.points = append(m.points, m.hostClass(nil, v.hostAddrs))
	m.atoms = len(m.points)
	for _, s := range m.line.sets {
		m.points = append(m.points, point{kind: atomPoint, addrs: s})
	}
}

// vocabulary is all that some rule can see of an endpoint.
type vocabulary struct {
	labels, accounts, facts []string        // keys, sorted
	names                   map[string]bool // of ports
	cuts                    []netset.Addrs
	podAddrs, hostAddrs     bool // addresses of pods and of nodes matter
}

func (m *Model) vocabulary() vocabulary {
	v := vocabulary{names: map[string]bool{}}
	labels, accounts, facts := map[string]bool{}, map[string]bool{}, map[string]bool{}
	cuts := map[string]netset.Addrs{}
	look := func(t *policy.Term) {
		for _, s := range [3]struct {
			sel  cluster.Selector
			keys map[string]bool
		}{{t.Pods, labels}, {t.ServiceAccounts, accounts}, {t.Facts, facts}} {
			for _, r := range s.sel {
				s.keys[r.Key] = true
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
	for _, k := range slices.Sorted(mapsKeys(cuts)) {
		v.cuts = append(v.cuts, cuts[k])
	}
	v.labels, v.accounts, v.facts = slices.Sorted(mapsKeys(labels)), slices.Sorted(mapsKeys(accounts)), slices.Sorted(mapsKeys(facts))
	return v
}

// labelKey writes all that terms can see of a pod.
func (m *Model) labelKey(b *strings.Builder, p *cluster.Pod, v vocabulary) {
	b.WriteString(p.Namespace.Name)
	for _, k := range v.labels {
		if value, ok := p.Labels[k]; ok {
			b.WriteString("\x00" + k + "\x01" + value)
		} else if addedLater(k, p) {
			b.WriteString("\x00" + k + "\x03")
		}
	}
	if len(v.accounts) > 0 { // all accounts of a namespace are told apart: they are few
		b.WriteString("\x04" + p.ServiceAccount)
	}
	for _, k := range v.facts {
		if f, ok := m.set.Facts[p][k]; f.Unknown {
			b.WriteString("\x05" + k + "\x03")
		} else if ok {
			b.WriteString("\x05" + k + "\x01" + f.Value)
		}
	}
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

// portKey is the part of the pod's ports that named ports of some rule can see.
func portKey(p *cluster.Pod, names map[string]bool) string {
	if len(names) == 0 {
		return ""
	}
	var parts []string
	for _, q := range p.Ports {
		if names[q.Name] {
			parts = append(parts, q.Name+"/"+q.Protocol.String()+"/"+strconv.Itoa(q.Number))
		}
	}
	slices.Sort(parts)
	return strings.Join(slices.Compact(parts), ",")
}

func (pt *point) addrKey() string {
	var b strings.Builder
	for _, k := range pt.addr {
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

// hostClass is the class of a host-network pod, or of any node when p is nil. Its address is its node's.
func (m *Model) hostClass(p *cluster.Pod, byAddr bool) point {
	pt := point{kind: hostPoint, pod: p}
	var ips []netip.Addr
	if p != nil {
		pt.node, ips = p.NodeName, p.IPs
		for _, n := range m.cluster.Nodes {
			if n.Name == p.NodeName && len(n.Internal) > 0 {
				ips = slices.Concat(n.Internal, n.External)
			}
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
