package reach

import (
	"iter"
	"maps"
	"math/bits"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

func mapsKeys[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// bitset is a set of points.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }

func (b bitset) fill(n int) {
	for i := range n {
		b.set(i)
	}
}

func (b bitset) each(f func(int)) {
	for w, x := range b {
		for ; x != 0; x &= x - 1 {
			f(w*64 + bits.TrailingZeros64(x))
		}
	}
}

// ruleSets is the points a rule's peers match, by family: certainly and possibly.
type ruleSets struct {
	certain, possible [2]bitset
	conns             uint32 // the rule's fixed ports
}

// add puts a point into the sets as far as the answer says.
func (s *ruleSets) add(f family, i int, a enforcer.Answer, doubt bool) {
	if a == enforcer.No {
		return
	}
	s.possible[f].set(i)
	if a == enforcer.Yes && !doubt {
		s.certain[f].set(i)
	}
}

func (m *Model) makeRuleSets() {
	for i := range m.policies {
		p := &m.policies[i]
		p.rules = make([]ruleSets, len(p.Rules))
		for j := range p.Rules {
			r := &p.Rules[j]
			s := &p.rules[j]
			s.conns = m.conns.id(r.Conns)
			for _, f := range m.families {
				s.certain[f], s.possible[f] = newBitset(len(m.points)), newBitset(len(m.points))
				for k := range r.Peers {
					m.matchPeer(p.Ref.GroupKind(), &r.Peers[k], f, s)
				}
			}
		}
	}
}

// matchPeer adds the points that a peer of a policy of kind gk certainly and possibly matches.
func (m *Model) matchPeer(gk object.GroupKind, q *policy.Peer, f family, s *ruleSets) {
	doubt := q.Doubt != nil || q.Kind == policy.DoubtPeer
	switch q.Kind {
	case policy.AnyPeer, policy.DoubtPeer:
		s.possible[f].fill(len(m.points))
		if !doubt {
			s.certain[f].fill(len(m.points))
		}
	case policy.PodPeer:
		for i := range m.hosts {
			pt := &m.points[i]
			a := m.selects(&q.Term, pt.pod)
			if q.Within != nil && a != enforcer.No {
				a = both(a, m.inAddrs(pt.addr[f], *q.Within))
			}
			s.add(f, i, a, doubt)
		}
	case policy.AddrPeer:
		for i := range m.atoms {
			pt := &m.points[i]
			by := m.podsBy(q.Reach)
			if pt.kind == hostPoint {
				by = m.nodesBy(q.Reach)
			}
			if by != enforcer.No {
				s.add(f, i, both(by, m.inAddrs(pt.addr[f], q.Addrs)), doubt)
			}
		}
		if q.Reach == policy.PodsOnly {
			return
		}
		for i, atom := range m.line.sets {
			if q.Addrs.Overlaps(atom) { // an atom lies wholly inside or wholly outside
				s.add(f, m.atoms+i, enforcer.Yes, doubt)
			}
		}
	case policy.NodePeer:
		by := m.nodePeers(gk)
		for i := m.hosts; i < m.atoms; i++ {
			s.add(f, i, both(by, m.onNode(&m.points[i], q.Nodes)), doubt)
		}
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
		in := set.Overlaps(m.line.sets[a])
		must, may = must && in, may || in
	}
	switch {
	case must:
		return enforcer.Yes
	case may:
		return enforcer.Unknown
	}
	return enforcer.No
}

// ruleConns is the ports of a rule when the other end of the profile's pods is point i.
func (m *Model) ruleConns(p *profile, r *policy.Rule, i int) netset.Conns {
	if len(r.Named) == 0 && len(r.NotNamed) == 0 {
		return r.Conns
	}
	dst := p.subject
	if p.dir == policy.Egress {
		if m.points[i].kind != podPoint { // names are declared by pods; addresses and nodes have none
			return r.Conns
		}
		dst = m.points[i].pod
	}
	return r.Conns.Union(named(r.Named, dst)).Subtract(named(r.NotNamed, dst))
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
