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

	changed map[int]bool   // classes that are not what they were
	repick  map[int]bool   // classes whose policies may be others
	dirty   map[int32]bool // policies of which a peer matches others
}

// liveTerm is a term with the numbers of the policies that have it: one entry for each place.
type liveTerm struct {
	key             string
	term            policy.Term
	peers, subjects []int32
	hostKey         string // of the set with host-network pods made from it
}

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
	peers []int32
}

// useTerm counts a policy as user of a term.
func (l *Live) useTerm(t *policy.Term, slot int32, subject bool) {
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
	if subject {
		x.subjects = append(x.subjects, slot)
	} else {
		x.peers = append(x.peers, slot)
	}
}

func (l *Live) leaveTerm(t *policy.Term, slot int32, subject bool) {
	key := termKey(t)
	x := l.terms[key]
	if subject {
		x.subjects = withoutOne(x.subjects, slot)
	} else {
		x.peers = withoutOne(x.peers, slot)
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
		term(&p.Subjects[i], slot, true)
	}
	for j := range p.Rules {
		for k := range p.Rules[j].Peers {
			q := &p.Rules[j].Peers[k]
			switch q.Kind {
			case policy.PodPeer:
				term(&q.Term, slot, false)
			case policy.AddrPeer:
				for _, f := range l.m.families {
					l.useAddrs(q, f, slot, on)
				}
			case policy.AnyPeer, policy.NodePeer, policy.DoubtPeer:
			}
		}
	}
}

func (l *Live) useAddrs(q *policy.Peer, f family, slot int32, on bool) {
	key := addrSetKey(q, f)
	x := l.addrs[key]
	switch {
	case on && x == nil:
		l.addrs[key] = &liveAddrs{key: key, peer: *q, f: f, peers: []int32{slot}}
	case on:
		x.peers = append(x.peers, slot)
	default:
		if x.peers = withoutOne(x.peers, slot); len(x.peers) == 0 {
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
			m.peerSets[x.key] = next
			l.soil(x.peers)
		}
	}
}

func (l *Live) soil(policies []int32) {
	for _, slot := range policies {
		l.dirty[slot] = true
	}
}

// rematch asks again which terms match a class.
func (l *Live) rematch(c int) {
	m := l.m
	pod := m.points[c].pod
	ns := pod.Namespace.Name
	ask := func(x *liveTerm) {
		if next, changed := m.spliced(m.terms.found[x.key], c, m.selects(&x.term, pod)); changed {
			m.terms.found[x.key] = next
			l.matchesOthers(x)
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

// matchesOthers says that a term's set is not what it was.
func (l *Live) matchesOthers(x *liveTerm) {
	l.soil(x.peers)
	delete(l.m.peerSets, x.hostKey)
	for _, slot := range x.subjects {
		l.m.policies[slot].whom = l.m.subjects(l.m.policies[slot].Policy)
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
	m.terms.found[x.key] = next
	l.matchesOthers(x)
	if len(x.subjects) > 0 {
		for c := sp.lo; c < sp.hi; c++ {
			l.repick[c] = true
		}
	}
}
