package reach

import (
	"iter"
	"maps"
	"math/bits"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
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
					m.matchPeer(&r.Peers[k], f, s.certain[f], s.possible[f])
				}
			}
		}
	}
}

// matchPeer adds the points that q certainly and possibly matches.
func (m *Model) matchPeer(q *policy.Peer, f family, certain, possible bitset) {
	switch q.Kind {
	case policy.AnyPeer:
		certain.fill(len(m.points))
		possible.fill(len(m.points))
	case policy.DoubtPeer:
		possible.fill(len(m.points))
	case policy.PodPeer:
		for i := range m.hosts {
			switch pt := &m.points[i]; m.selects(q.Namespace, q.NamespaceSelector, q.Pods, pt.pod) {
			case enforcer.Yes:
				certain.set(i)
				possible.set(i)
			case enforcer.Unknown:
				possible.set(i)
			case enforcer.No:
			}
		}
	case policy.AddrPeer:
		for i := range m.atoms {
			pt := &m.points[i]
			by := m.profile.PodsByAddr
			if pt.kind == hostPoint {
				by = m.profile.NodesByAddr
			}
			if by == enforcer.No {
				continue
			}
			must, may := m.inAddrs(pt.addr[f], q.Addrs)
			if must && by == enforcer.Yes {
				certain.set(i)
			}
			if may {
				possible.set(i)
			}
		}
		for i, s := range m.line.sets {
			if q.Addrs.Overlaps(s) { // an atom lies wholly inside or wholly outside
				certain.set(m.atoms + i)
				possible.set(m.atoms + i)
			}
		}
	}
}

func (m *Model) inAddrs(k addrKnown, set netset.Addrs) (must, may bool) {
	switch {
	case k.none:
		return false, false
	case len(k.exact) == 0:
		return set.Covers(k.rng), set.Overlaps(k.rng)
	}
	must = true
	for _, a := range k.exact {
		in := set.Overlaps(m.line.sets[a])
		must, may = must && in, may || in
	}
	return must, may
}

// selects tells whether a pod (not host-network) is matched by a namespace and a pod selector. It is
// unknown when it hangs on labels of a namespace that the input only names, or on labels that a controller
// puts on pods when it makes them.
func (m *Model) selects(ns string, nsSel, podSel cluster.Selector, p *cluster.Pod) enforcer.Answer {
	byLabels := matchPod(podSel, p)
	if byLabels == enforcer.No {
		return enforcer.No
	}
	if ns != "" {
		if p.Namespace.Name != ns {
			return enforcer.No
		}
		return byLabels
	}
	if byNamespace := matchNamespace(nsSel, p.Namespace); byNamespace != enforcer.Yes {
		return byNamespace
	}
	return byLabels
}

// runTimeLabels are put on pods by the controllers that make them; templates do not have them (Kubernetes
// "Well-Known Labels", and the Deployment, StatefulSet, DaemonSet and Job pages).
var runTimeLabels = []string{
	"apps.kubernetes.io/pod-index", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-completion-index",
	"batch.kubernetes.io/job-name", "controller-revision-hash", "controller-uid", "job-name", "pod-template-generation",
	"pod-template-hash", "statefulset.kubernetes.io/pod-name",
}

// addedLater tells whether the pod stands for a template and the label comes with the real pods.
func addedLater(key string, p *cluster.Pod) bool {
	if _, has := p.Labels[key]; has || !p.Template {
		return false
	}
	return slices.Contains(runTimeLabels, key)
}

func matchPod(s cluster.Selector, p *cluster.Pod) enforcer.Answer {
	answer := enforcer.Yes
	for _, r := range s {
		switch {
		case addedLater(r.Key, p):
			answer = enforcer.Unknown
		case !r.Matches(p.Labels):
			return enforcer.No
		}
	}
	return answer
}

// matchNamespace matches a selector against a namespace whose labels may not be known.
func matchNamespace(s cluster.Selector, ns *cluster.Namespace) enforcer.Answer {
	answer := enforcer.Yes
	for _, r := range s {
		if ns.Declared || r.Key == cluster.NameLabel {
			if !r.Matches(ns.Labels) {
				return enforcer.No
			}
			continue
		}
		answer = enforcer.Unknown
	}
	return answer
}

// subject tells whether p binds the pods of a class.
func (m *Model) subject(p *policy.Policy, pod *cluster.Pod) enforcer.Answer {
	s := &p.Subject
	return m.selects(s.Namespace, s.NamespaceSelector, s.Pods, pod)
}

// named gives the conns that a rule's named ports stand for on a destination pod.
func named(r *policy.Rule, dst *cluster.Pod) netset.Conns {
	var out netset.Conns
	for _, n := range r.Named {
		for _, q := range dst.Ports {
			if q.Name == n.Name && q.Protocol == n.Protocol {
				out = out.Union(netset.Ports(n.Protocol, q.Number, q.Number))
			}
		}
	}
	return out
}
