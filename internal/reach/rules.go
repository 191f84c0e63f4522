package reach

import (
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

func mapsKeys[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// ruleSets is the points that each peer of a rule matches, by family, and what it says of connections.
type ruleSets struct {
	peers [2][]peerRef
	conns connID // one more than what the rule is about, where it names no ports
}

// plain is what the rule is about; ok is false where that hangs on ports by name.
func (s *ruleSets) plain() (c connID, ok bool) { return s.conns - 1, s.conns > 0 }

// peerRef is what a peer matches: its place in Model.peers, times two, and one more when nothing is certain of it.
// Sets go by number, so that one of them can change while rules and rows stay as they are.
type peerRef uint32

func (r peerRef) number() int { return int(r >> 1) }

// sets names both sets; the certain one does not count where nothing is certain.
func (r peerRef) sets() (certain, possible setRef) { return setRef(r | 1), setRef(r &^ 1) }

func (m *Model) peer(r peerRef) matched {
	s := m.peers[r>>1]
	if r&1 == 1 {
		s.certain = nil
	}
	return s
}

// setRef is one of the two sets of a place in Model.peers: the place times two, and one more for the certain one.
type setRef uint32

func (m *Model) setAt(r setRef) *pointSet {
	if r&1 == 1 {
		return m.peers[r>>1].certain
	}
	return m.peers[r>>1].possible
}

// newPeer gives a set of matches a number.
func (m *Model) newPeer(s matched) int {
	if n := len(m.freePeers); n > 0 {
		i := m.freePeers[n-1]
		m.freePeers, m.peers[i] = m.freePeers[:n-1], s
		return i
	}
	m.peers = append(m.peers, s)
	return len(m.peers) - 1
}

// certainAt and possibleAt tell whether some peer of a rule matches a point.
func (m *Model) certainAt(s *ruleSets, f family, i int) bool {
	for _, r := range s.peers[f] {
		if r&1 == 0 && m.peers[r>>1].certain.has(i) {
			return true
		}
	}
	return false
}

func (m *Model) possibleAt(s *ruleSets, f family, i int) bool {
	for _, r := range s.peers[f] {
		if m.peers[r>>1].possible.has(i) {
			return true
		}
	}
	return false
}

func (m *Model) makeRuleSets() {
	m.peers = slices.Grow(m.peers, 2*len(m.policies))
	for i := range m.policies {
		m.policies[i].rules = m.ruleSetsOf(m.policies[i].Policy)
	}
}

func (m *Model) ruleSetsOf(p *policy.Policy) []ruleSets {
	gk := p.Ref.GroupKind()
	out := make([]ruleSets, len(p.Rules))
	n := 0
	for j := range p.Rules {
		n += len(p.Rules[j].Peers)
	}
	refs := make([]peerRef, 0, n*len(m.families)) // of all rules, in one piece of memory
	for j := range p.Rules {
		r := &p.Rules[j]
		if len(r.Named)+len(r.NotNamed) == 0 {
			out[j].conns = m.conns.id(r.Conns.Subtract(r.Never)) + 1
		}
		for _, f := range m.families {
			first := len(refs)
			for k := range r.Peers {
				refs = append(refs, m.matchPeer(gk, &r.Peers[k], f))
			}
			out[j].peers[f] = refs[first:len(refs):len(refs)]
		}
	}
	return out
}

func addrSetKey(q *policy.Peer, f family) string {
	return "a" + strconv.Itoa(int(q.Reach)) + strconv.Itoa(int(f)) + q.Addrs.Key()
}

// addrGroup is the pod classes of whose addresses the same is known.
type addrGroup struct {
	addr *[2]addrKnown
	runs setBuilder
}

// indexAddrs groups the pod classes by what is known of their addresses, and cuts out the fixed sets.
func (m *Model) indexAddrs() {
	index := map[*[2]addrKnown]int{}
	for c := range m.hosts {
		a := m.points[c].addr
		i, ok := index[a]
		if !ok {
			i = len(m.addrGroups)
			index[a] = i
			m.addrGroups = append(m.addrGroups, addrGroup{addr: a})
		}
		m.addrGroups[i].runs.add(c, c+1)
	}
	var all setBuilder
	all.add(0, len(m.points))
	m.everything = m.makeSet(&all)
	m.anyone = m.newPeer(matched{m.everything, m.everything})
	m.peerSets = map[string]int{}
}

// matchPeer gives the points that a peer of a policy of kind gk certainly and possibly matches.
func (m *Model) matchPeer(gk object.GroupKind, q *policy.Peer, f family) peerRef {
	out := m.anyone
	switch q.Kind {
	case policy.AnyPeer, policy.DoubtPeer:
	case policy.PodPeer:
		out = m.termNumber(&q.Term)
		if m.profile.HostPods != enforcer.No && gk.Group == "networking.k8s.io" {
			out = m.withHostPods(&q.Term, out)
		}
		if q.Within != nil {
			pods := m.peers[out]
			out = m.remember(withinKey(q, f), func(certain, possible *setBuilder) {
				m.matchWithin(pods, *q.Within, f, certain, possible)
			})
		}
	case policy.AddrPeer:
		out = m.remember(addrSetKey(q, f), func(certain, possible *setBuilder) {
			m.matchAddrs(q, f, certain, possible)
		})
	case policy.NodePeer:
		by := m.nodePeers(gk)
		out = m.remember("n"+by.String()+termKey(&policy.Term{Pods: q.Nodes}), func(certain, possible *setBuilder) {
			for i := m.hosts; i < m.atoms; i++ {
				addPoint(certain, possible, i, i+1, both(by, m.onNode(&m.points[i], q.Nodes)))
			}
		})
	}
	ref := peerRef(out) << 1
	if q.Doubt != nil || q.Kind == policy.DoubtPeer {
		ref |= 1
	}
	return ref
}

func withinKey(q *policy.Peer, f family) string {
	return "w" + strconv.Itoa(int(f)) + q.Within.Key() + "\x00" + termKey(&q.Term)
}

// withHostPods adds the host-network pods that a term describes, as far as the engine lets selectors match them.
func (m *Model) withHostPods(t *policy.Term, number int) int {
	if m.hosts == m.nodesAny {
		return number
	}
	pods := m.peers[number]
	return m.remember("h"+termKey(t), func(certain, possible *setBuilder) { m.matchHostPods(t, pods, certain, possible) })
}

func (m *Model) matchHostPods(t *policy.Term, pods matched, certain, possible *setBuilder) {
	certain.addSet(pods.certain)
	possible.addSet(pods.possible)
	for i := m.hosts; i < m.nodesAny; i++ {
		for _, pod := range m.points[i].members {
			// A certain answer would speak of all pods of the class, which are told apart by node only.
			if m.selects(t, pod) != enforcer.No {
				possible.add(i, i+1)
				break
			}
		}
	}
}

// remember makes the sets of a key once, and gives their number.
func (m *Model) remember(key string, make func(certain, possible *setBuilder)) int {
	if s, ok := m.peerSets[key]; ok {
		return s
	}
	var certain, possible setBuilder
	make(&certain, &possible)
	i := m.newPeer(m.makeMatched(&certain, &possible))
	m.peerSets[key] = i
	return i
}

// addPoint adds points as far as the answer says.
func addPoint(certain, possible *setBuilder, lo, hi int, a enforcer.Answer) {
	if a != enforcer.No {
		possible.add(lo, hi)
	}
	if a == enforcer.Yes {
		certain.add(lo, hi)
	}
}

// matchWithin narrows pods to those whose address lies in a set.
func (m *Model) matchWithin(pods matched, set netset.Addrs, f family, certain, possible *setBuilder) {
	if pods.possible == nil {
		return
	}
	pods.possible.each(func(lo, hi uint32) {
		for c := int(lo); c < int(hi); c++ {
			a := m.inAddrs(m.points[c].addr[f], set)
			if !pods.certain.has(c) {
				a = both(a, enforcer.Unknown)
			}
			addPoint(certain, possible, c, c+1, a)
		}
	})
}

func (m *Model) matchAddrs(q *policy.Peer, f family, certain, possible *setBuilder) {
	if by := m.podsBy(q.Reach); by != enforcer.No {
		for i := range m.addrGroups {
			g := &m.addrGroups[i]
			if a := both(by, m.inAddrs(g.addr[f], q.Addrs)); a != enforcer.No {
				for _, r := range g.runs.runs {
					addPoint(certain, possible, int(r.lo), int(r.hi), a)
				}
			}
		}
	}
	if by := m.nodesBy(q.Reach); by != enforcer.No {
		for i := m.hosts; i < m.atoms; i++ {
			addPoint(certain, possible, i, i+1, both(by, m.inAddrs(m.points[i].addr[f], q.Addrs)))
		}
	}
	if q.Reach != policy.PodsOnly {
		m.line.within(q.Addrs, func(lo, hi int) { addPoint(certain, possible, m.atoms+lo, m.atoms+hi, enforcer.Yes) })
	}
}

// podsBy tells whether an address peer matches pods by their address.
func (m *Model) podsBy(r policy.AddrReach) enforcer.Answer {
	switch r {
	case policy.Everywhere, policy.PodsOnly:
		return enforcer.Yes
	case policy.OutsideOnly:
		return enforcer.No
	case policy.ByProfile:
	}
	return m.profile.PodsByAddr
}

func (m *Model) nodesBy(r policy.AddrReach) enforcer.Answer {
	switch r {
	case policy.Everywhere:
		return enforcer.Yes
	case policy.OutsideOnly, policy.PodsOnly:
		return enforcer.No
	case policy.ByProfile:
	}
	return m.profile.NodesByAddr
}

// nodePeers tells whether peers that name nodes work. It is a fine point of the admin kinds only.
func (m *Model) nodePeers(gk object.GroupKind) enforcer.Answer {
	if gk.Group == "policy.networking.k8s.io" {
		return m.profile.NodePeers
	}
	return enforcer.Yes
}

// onNode tells whether the node of a host point meets a selector of node labels.
func (m *Model) onNode(pt *point, s cluster.Selector) enforcer.Answer {
	if len(s) == 0 {
		return enforcer.Yes
	}
	if pt.node == "" {
		return enforcer.Unknown
	}
	for _, n := range m.cluster.Nodes {
		if n.Name == pt.node {
			if s.Matches(n.Labels) {
				return enforcer.Yes
			}
			return enforcer.No
		}
	}
	return enforcer.Unknown
}

// inAddrs tells whether an address of which k is known lies in set. With several addresses of one family
// it is Yes only when all do.
func (m *Model) inAddrs(k addrKnown, set netset.Addrs) enforcer.Answer {
	must, may := true, false
	switch {
	case k.none:
		return enforcer.No
	case len(k.exact) == 0:
		must, may = set.Covers(k.rng), set.Overlaps(k.rng)
	}
	for _, a := range k.exact {
		must, may = must && set.Covers(m.line.sets[a]), may || set.Overlaps(m.line.sets[a])
	}
	switch {
	case must:
		return enforcer.Yes
	case may:
		return enforcer.Unknown
	}
	return enforcer.No
}

// ruleConns is the ports of a rule when the other end of the pods of a tier is point i; -1 is no point.
func (m *Model) ruleConns(p binding, r *policy.Rule, i int) netset.Conns {
	conns := r.Conns.Subtract(r.Never)
	if len(r.Named) == 0 && len(r.NotNamed) == 0 {
		return conns
	}
	dst := p.subject
	if p.dir == policy.Egress {
		if i < 0 || m.points[i].kind != podPoint { // names are declared by pods; addresses and nodes have none
			return conns
		}
		dst = m.points[i].pod
	}
	return conns.Union(named(r.Named, dst).Subtract(r.Never)).Subtract(named(r.NotNamed, dst))
}

// named gives the conns that named ports stand for on a destination pod.
func named(names []policy.NamedPort, dst *cluster.Pod) netset.Conns {
	var out netset.Conns
	for _, n := range names {
		for _, q := range dst.Ports {
			if q.Name == n.Name && (n.AnyProtocol || q.Protocol == n.Protocol) {
				out = out.Union(netset.Ports(q.Protocol, q.Number, q.Number))
			}
		}
	}
	return out
}
