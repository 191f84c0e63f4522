package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// liveSets says which policies use which sets, and what an event has changed so far.
type liveSets struct {
	terms   map[string]*liveTerm // by termKey
	inSpace map[string][]*liveTerm
	bySel   map[string]*liveSelector // by the key of a namespace selector
	addrs   map[string]*liveAddrs    // by key of the set

	spans   []run          // where sets are not what they were
	changed map[int]bool   // classes that are not what they were
	repick  map[int]bool   // classes whose policies may be others
	dirty   map[int32]bool // policies of which a peer matches others
	turned  map[int32]bool // those of which rows have to be made anew
}

// liveTerm is a term with the numbers of the policies that have it: one entry for each place.
type liveTerm struct {
	key      string
	term     policy.Term
	peers    []usedAt
	subjects []int32
	hostKey  string // of the set with host-network pods made from it
}

// usedAt is a peer of a rule of a policy.
type usedAt struct{ slot, rule, peer int32 }

// liveSelector is a namespace selector with its terms.
type liveSelector struct {
	key   string
	sel   cluster.Selector
	terms []*liveTerm
}

// liveAddrs is a set of addresses that peers name.
type liveAddrs struct {
	key   string
	peer  policy.Peer
	f     family
	peers []usedAt
}

// useTerm counts a user of a term; a subject is of no rule (-1).
func (l *Live) useTerm(t *policy.Term, u usedAt) {
	key := termKey(t)
	x := l.terms[key]
	if x == nil {
		x = &liveTerm{key: key, term: *t, hostKey: "h" + key}
		l.terms[key] = x
		if t.Namespace != "" {
			l.inSpace[t.Namespace] = append(l.inSpace[t.Namespace], x)
		} else {
			sk := termKey(&policy.Term{NamespaceSelector: t.NamespaceSelector})
			if l.bySel[sk] == nil {
				l.bySel[sk] = &liveSelector{key: sk, sel: t.NamespaceSelector}
				l.m.matchSpaces(t.NamespaceSelector)
			}
			l.bySel[sk].terms = append(l.bySel[sk].terms, x)
		}
	}
	if u.rule < 0 {
		x.subjects = append(x.subjects, u.slot)
	} else {
		x.peers = append(x.peers, u)
	}
}

func (l *Live) leaveTerm(t *policy.Term, u usedAt) {
	key := termKey(t)
	x := l.terms[key]
	if u.rule < 0 {
		x.subjects = withoutOne(x.subjects, u.slot)
	} else {
		x.peers = withoutOne(x.peers, u)
	}
	if len(x.subjects)+len(x.peers) > 0 {
		return
	}
	delete(l.terms, key)
	delete(l.m.terms.found, key)
	delete(l.m.peerSets, x.hostKey)
	if t.Namespace != "" {
		l.inSpace[t.Namespace] = withoutOne(l.inSpace[t.Namespace], x)
		return
	}
	sk := termKey(&policy.Term{NamespaceSelector: t.NamespaceSelector})
	if s := l.bySel[sk]; len(s.terms) > 1 {
		s.terms = withoutOne(s.terms, x)
		return
	}
	delete(l.bySel, sk)
	delete(l.m.terms.inSpaces, sk)
}

// withoutOne drops one entry; the order of the others may change.
func withoutOne[T comparable](list []T, x T) []T {
	i := slices.Index(list, x)
	if i < 0 {
		return list
	}
	last := len(list) - 1
	list[i] = list[last]
	clear(list[last:])
	return list[:last]
}

// use counts a policy as user of all sets that it names, or no longer.
func (l *Live) use(p *policy.Policy, slot int32, on bool) {
	term := l.leaveTerm
	if on {
		term = l.useTerm
	}
	for i := range p.Subjects {
		term(&p.Subjects[i], usedAt{slot, -1, int32(i)})
	}
	for j := range p.Rules {
		for k := range p.Rules[j].Peers {
			q := &p.Rules[j].Peers[k]
			switch q.Kind {
			case policy.PodPeer:
				term(&q.Term, usedAt{slot, int32(j), int32(k)})
			case policy.AddrPeer:
				for _, f := range l.m.families {
					l.useAddrs(q, f, usedAt{slot, int32(j), int32(k)}, on)
				}
			case policy.AnyPeer, policy.NodePeer, policy.DoubtPeer:
			}
		}
	}
}

func (l *Live) useAddrs(q *policy.Peer, f family, u usedAt, on bool) {
	key := addrSetKey(q, f)
	x := l.addrs[key]
	switch {
	case on && x == nil:
		l.addrs[key] = &liveAddrs{key: key, peer: *q, f: f, peers: []usedAt{u}}
	case on:
		x.peers = append(x.peers, u)
	default:
		if x.peers = withoutOne(x.peers, u); len(x.peers) == 0 {
			delete(l.addrs, key)
			delete(l.m.peerSets, key)
		}
	}
}

// regroup moves a class to those of whose addresses the same is known.
func (l *Live) regroup(c int, was, is *[2]addrKnown) {
	m := l.m
	found := false
	for i := range m.addrGroups {
		g := &m.addrGroups[i]
		in := []run(nil)
		if g.addr == is {
			in, found = []run{{uint32(c), uint32(c + 1)}}, true
		}
		if g.addr == is || g.addr == was {
			g.runs.runs = splicedRuns(g.runs.runs, uint32(c), uint32(c+1), in)
		}
	}
	if !found {
		g := addrGroup{addr: is}
		g.runs.add(c, c+1)
		m.addrGroups = append(m.addrGroups, g)
	}
	for _, x := range l.addrs {
		a := both(m.podsBy(x.peer.Reach), m.inAddrs(is[x.f], x.peer.Addrs))
		if next, changed := m.spliced(m.peerSets[x.key], c, a); changed {
			was := m.peerSets[x.key]
			m.peerSets[x.key] = next
			l.matchOthers(x.peers, was, next)
		}
	}
}

// matchOthers gives peers the sets that they match now. A row holds the runs of narrow sets and refers to wide ones,
// so it is made anew when a set turns into the other.
func (l *Live) matchOthers(peers []usedAt, was, is matched) {
	m := l.m
	turned := was.certain.wide() != is.certain.wide() || was.possible.wide() != is.possible.wide() || m.profile.HostPods != enforcer.No
	for _, u := range peers {
		p := &m.policies[u.slot]
		if turned {
			l.turned[u.slot] = true
		}
		if !l.dirty[u.slot] {
			l.dirty[u.slot] = true
			p.rules = slices.Clone(p.rules)
			for j := range p.rules {
				for _, f := range m.families {
					p.rules[j].peers[f] = slices.Clone(p.rules[j].peers[f])
				}
			}
		}
		for _, f := range m.families {
			p.rules[u.rule].peers[f][u.peer] = m.matchPeer(p.Ref.GroupKind(), &p.Rules[u.rule].Peers[u.peer], f)
		}
	}
}

// rematch asks again which terms match a class.
func (l *Live) rematch(c int) {
	m := l.m
	pod := m.points[c].pod
	ns := pod.Namespace.Name
	ask := func(x *liveTerm) {
		if next, changed := m.spliced(m.terms.found[x.key], c, m.selects(&x.term, pod)); changed {
			l.matchesOthers(x, next)
		}
	}
	for _, x := range l.inSpace[ns] {
		ask(x)
	}
	at := m.terms.byName[ns]
	for _, s := range l.bySel {
		if m.terms.inSpaces[s.key].answers[at] != enforcer.No {
			for _, x := range s.terms {
				ask(x)
			}
		}
	}
}

// matchesOthers gives a term another set.
func (l *Live) matchesOthers(x *liveTerm, next matched) {
	was := l.m.terms.found[x.key]
	l.m.terms.found[x.key] = next
	delete(l.m.peerSets, x.hostKey)
	l.matchOthers(x.peers, was, next)
	for _, slot := range x.subjects {
		l.m.policies[slot].whom = l.m.subjects(l.m.policies[slot].Policy)
		l.asked = append(l.asked, slot)
	}
}

// relabel follows the labels of a namespace, whose workloads are new already.
func (l *Live) relabel(ns *cluster.Namespace) bool {
	m := l.m
	i, ok := m.terms.byName[ns.Name]
	if !ok {
		return true // no pods, no matter
	}
	if m.profile.HostPods != enforcer.No {
		for _, p := range m.points[m.hosts:m.nodesAny] {
			if slices.ContainsFunc(p.members, func(q *cluster.Pod) bool { return q.Namespace.Name == ns.Name }) {
				return false
			}
		}
	}
	sp := &m.terms.spaces[i]
	sp.ns = ns
	for c := sp.lo; c < sp.hi; c++ {
		if m.points[c].pod.Namespace != ns {
			p := *m.points[c].pod
			p.Namespace = ns
			m.points[c].pod = &p
		}
	}
	for key, col := range m.terms.ofSpaces {
		value, has := ns.Labels[key]
		col.put(i, value, has, false)
	}
	for _, s := range l.bySel {
		in := m.terms.inSpaces[s.key]
		a := matchNamespace(s.sel, ns)
		if a == in.answers[i] {
			continue
		}
		in.answers[i] = a
		for _, x := range s.terms {
			l.rematchSpace(x, sp, a)
		}
	}
	return true
}

// rematchSpace asks again which classes of a namespace a term matches.
func (l *Live) rematchSpace(x *liveTerm, sp *space, in enforcer.Answer) {
	m := l.m
	var certain, possible setBuilder
	if conditions := m.conditions(&x.term); len(conditions) == 0 {
		addPoint(&certain, &possible, sp.lo, sp.hi, in)
	} else if in != enforcer.No {
		for c := sp.lo; c < sp.hi; c++ {
			addPoint(&certain, &possible, c, c+1, both(in, all(conditions, c)))
		}
	}
	next, changed := m.splicedIn(m.terms.found[x.key], sp.lo, sp.hi, certain.runs, possible.runs)
	if !changed {
		return
	}
	l.matchesOthers(x, next)
	l.spans = append(l.spans, run{uint32(sp.lo), uint32(sp.hi)})
	if len(x.subjects) > 0 {
		for c := sp.lo; c < sp.hi; c++ {
			l.repick[c] = true
		}
	}
}
