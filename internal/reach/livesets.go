package reach

import (
	"maps"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// liveSets says which policies use which sets, and what an event has changed so far.
type liveSets struct {
	users   [][]int32            // by place in Model.peers: the policies with peers that match so, one entry for each peer
	terms   map[string]*liveTerm // by termKey
	inSpace map[string][]*liveTerm
	bySel   map[string]*liveSelector   // by the key of a namespace selector
	bySpace [][]*liveSelector          // by number in Model.terms.spaces: those that may match it
	selKeys map[string][]*liveSelector // those that ask for a label
	addrs   map[string]*liveAddrs      // by key of the set
	within  map[int][]*liveWithin      // by place of the term
	freed   []int                      // places of Model.peers that are free after this event

	spans   []run                // where sets are not what they were
	changed map[int]*cluster.Pod // classes that are not what they were, with a pod as they were
	repick  bitset               // classes whose policies may be others
	moved   map[int]bool         // classes of whose addresses something else is known, since rows were made
}

// liveTerm is a term with the numbers of the policies that select pods by it, one entry for each place.
type liveTerm struct {
	key      string
	term     policy.Term
	number   int // in Model.peers
	uses     int
	subjects []int32
	sel      *liveSelector
	hostKey  string // of the set with host-network pods made from it
}

// liveSelector is a namespace selector with its terms.
type liveSelector struct {
	key    string
	sel    cluster.Selector
	in     spacesMatch
	terms  []*liveTerm
	finder termFinder
}

// liveAddrs is a set of addresses that peers name.
type liveAddrs struct {
	peer   policy.Peer
	f      family
	number int
	uses   int
}

// liveWithin is pods of a term whose address lies in a set.
type liveWithin struct {
	peer       policy.Peer
	f          family
	number, of int
	uses       int
}

// useTerm counts a user of a term, of a policy that selects pods by it or of a peer (-1).
func (l *Live) useTerm(t *policy.Term, subject int32) *liveTerm {
	key := termKey(t)
	x := l.terms[key]
	if x == nil {
		x = &liveTerm{key: key, term: *t, number: l.m.termNumber(t), hostKey: "h" + key}
		l.terms[key] = x
		if t.Namespace != "" {
			l.inSpace[t.Namespace] = append(l.inSpace[t.Namespace], x)
		} else {
			x.sel = l.selector(t.NamespaceSelector)
			x.sel.terms = append(x.sel.terms, x)
			x.sel.finder.add(x)
		}
	}
	x.uses++
	if subject >= 0 {
		x.subjects = append(x.subjects, subject)
	}
	return x
}

func (l *Live) selector(sel cluster.Selector) *liveSelector {
	key := termKey(&policy.Term{NamespaceSelector: sel})
	s := l.bySel[key]
	if s == nil {
		s = &liveSelector{key: key, sel: sel, in: l.m.matchSpaces(sel), finder: newTermFinder()}
		l.bySel[key] = s
		for i, a := range s.in.answers {
			if a != enforcer.No {
				l.bySpace[i] = append(l.bySpace[i], s)
			}
		}
		for _, r := range sel {
			if !slices.Contains(l.selKeys[r.Key], s) {
				l.selKeys[r.Key] = append(l.selKeys[r.Key], s)
			}
		}
	}
	return s
}

func (l *Live) leaveTerm(t *policy.Term, subject int32) {
	x := l.terms[termKey(t)]
	if subject >= 0 {
		x.subjects = withoutOne(x.subjects, subject)
	}
	if x.uses--; x.uses > 0 {
		return
	}
	delete(l.terms, x.key)
	delete(l.m.terms.found, x.key)
	l.freed = append(l.freed, x.number)
	if n, ok := l.m.peerSets[x.hostKey]; ok {
		delete(l.m.peerSets, x.hostKey)
		l.freed = append(l.freed, n)
	}
	if t.Namespace != "" {
		l.inSpace[t.Namespace] = withoutOne(l.inSpace[t.Namespace], x)
		return
	}
	x.sel.finder.drop(x)
	if x.sel.terms = withoutOne(x.sel.terms, x); len(x.sel.terms) > 0 {
		return
	}
	for i, a := range x.sel.in.answers {
		if a != enforcer.No {
			l.bySpace[i] = withoutOne(l.bySpace[i], x.sel)
		}
	}
	delete(l.bySel, x.sel.key)
	delete(l.m.terms.inSpaces, x.sel.key)
	for _, r := range x.sel.sel {
		l.selKeys[r.Key] = withoutOne(l.selKeys[r.Key], x.sel)
	}
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
func (l *Live) use(p *applied, slot int32, on bool) {
	term := func(t *policy.Term, subject int32) {
		if on {
			l.useTerm(t, subject)
		} else {
			l.leaveTerm(t, subject)
		}
	}
	for i := range p.Subjects {
		term(&p.Subjects[i], slot)
	}
	for j := range p.Rules {
		for k := range p.Rules[j].Peers {
			q := &p.Rules[j].Peers[k]
			if on && q.Kind == policy.PodPeer {
				term(&q.Term, -1)
			}
			for _, f := range l.m.families {
				n := p.rules[j].peers[f][k].number()
				l.usePeer(q, f, n, on)
				switch {
				case n == l.m.anyone:
				case !on:
					l.users[n] = withoutOne(l.users[n], slot)
				default:
					for n >= len(l.users) {
						l.users = append(l.users, nil)
					}
					l.users[n] = append(l.users[n], slot)
				}
			}
			if !on && q.Kind == policy.PodPeer {
				term(&q.Term, -1)
			}
		}
	}
}

// usePeer counts a user of what a peer is besides a term.
func (l *Live) usePeer(q *policy.Peer, f family, n int, on bool) {
	switch {
	case q.Kind == policy.AddrPeer:
		key := addrSetKey(q, f)
		x := l.addrs[key]
		if x == nil {
			x = &liveAddrs{peer: *q, f: f, number: n}
			l.addrs[key] = x
		}
		if x.uses += count(on); x.uses == 0 {
			delete(l.addrs, key)
			delete(l.m.peerSets, key)
			l.freed = append(l.freed, n)
		}
	case q.Kind == policy.PodPeer && q.Within != nil:
		of := l.m.termNumber(&q.Term)
		i := slices.IndexFunc(l.within[of], func(x *liveWithin) bool { return x.number == n })
		if i < 0 {
			i = len(l.within[of])
			l.within[of] = append(l.within[of], &liveWithin{peer: *q, f: f, number: n, of: of})
		}
		x := l.within[of][i]
		if x.uses += count(on); x.uses == 0 {
			l.within[of] = withoutOne(l.within[of], x)
			delete(l.m.peerSets, withinKey(q, f))
			l.freed = append(l.freed, n)
		}
	}
}

func count(on bool) int {
	if on {
		return 1
	}
	return -1
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
	l.moved[c] = true
}

// readdress brings up to date which sets of addresses hold the classes that have moved.
func (l *Live) readdress() {
	if len(l.moved) == 0 {
		return
	}
	m := l.m
	classes := slices.Sorted(maps.Keys(l.moved))
	clear(l.moved)
	for _, c := range classes {
		l.spans = append(l.spans, run{uint32(c), uint32(c + 1)})
	}
	for _, x := range l.addrs {
		next := m.peers[x.number]
		any := false
		for _, c := range classes {
			changed := false
			next, changed = m.spliced(next, c, both(m.podsBy(x.peer.Reach), m.inAddrs(m.points[c].addr[x.f], x.peer.Addrs)))
			any = any || changed
		}
		if any {
			l.matchesNow(x.number, next)
		}
	}
	for _, list := range l.within {
		for _, x := range list {
			l.againWithin(x)
		}
	}
	l.mark()
}

func (l *Live) againWithin(x *liveWithin) {
	var certain, possible setBuilder
	l.m.matchWithin(l.m.peers[x.of], *x.peer.Within, x.f, &certain, &possible)
	l.matchesNow(x.number, l.m.makeMatched(&certain, &possible))
}

// matchesNow gives a place of Model.peers other sets. Rows refer to wide ones, and hold the runs of narrow ones. So a
// row stays what it is while wide sets stay wide, and is made anew where one turns into the other.
func (l *Live) matchesNow(n int, next matched) {
	was := l.m.peers[n]
	if was == next {
		return
	}
	l.m.peers[n] = next
	if n >= len(l.users) || len(l.users[n]) == 0 {
		return
	}
	inBits := func(s *pointSet) bool { return s == nil || s.wide() }
	referred := inBits(was.certain) && inBits(was.possible) && inBits(next.certain) && inBits(next.possible)
	turned := was.certain.wide() != next.certain.wide() || was.possible.wide() != next.possible.wide() ||
		next.possible.wide() && (was.certain == was.possible) != (next.certain == next.possible)
	for _, slot := range l.users[n] {
		for _, t := range l.tiersOf[slot] {
			switch {
			case turned && t.adding:
				l.stale[t] = struct{}{}
			case !referred || !t.adding:
				l.touched[t] = struct{}{}
			}
		}
	}
}

// rematch asks again which terms match a class, given a pod as it was before.
func (l *Live) rematch(c int, before *cluster.Pod) {
	m := l.m
	pod := m.points[c].pod
	ns := pod.Namespace.Name
	ask := func(x *liveTerm) {
		if next, changed := m.spliced(m.peers[x.number], c, m.selects(&x.term, pod)); changed {
			l.matchesOthers(x, next)
		}
	}
	for _, x := range l.inSpace[ns] {
		ask(x)
	}
	for _, s := range l.bySpace[m.terms.byName[ns]] {
		s.finder.each(before.Labels, ask)
		s.finder.each(pod.Labels, ask)
		for x := range s.finder.any {
			ask(x)
		}
	}
}

// matchesOthers gives a term another set.
func (l *Live) matchesOthers(x *liveTerm, next matched) {
	m := l.m
	l.matchesNow(x.number, next)
	if n, ok := m.peerSets[x.hostKey]; ok {
		var certain, possible setBuilder
		m.matchHostPods(&x.term, next, &certain, &possible)
		l.matchesNow(n, m.makeMatched(&certain, &possible))
	}
	for _, w := range l.within[x.number] {
		l.againWithin(w)
	}
	for _, slot := range x.subjects {
		m.policies[slot].whom = m.subjects(m.policies[slot].Policy)
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
	before := sp.ns.Labels
	sp.ns = ns
	for c := sp.lo; c < sp.hi; c++ {
		if m.points[c].pod.Namespace != ns {
			p := *m.points[c].pod
			p.Namespace = ns
			m.points[c].pod = &p
		}
	}
	differ := map[string]bool{}
	for _, pair := range [2][2]map[string]string{{before, ns.Labels}, {ns.Labels, before}} {
		for key, value := range pair[0] {
			if other, has := pair[1][key]; !has || other != value {
				differ[key] = true
			}
		}
	}
	asked := map[*liveSelector]bool{}
	for _, key := range slices.Sorted(maps.Keys(differ)) {
		if col := m.terms.ofSpaces[key]; col != nil {
			value, has := ns.Labels[key]
			col.put(i, value, has, false)
		}
		for _, s := range l.selKeys[key] {
			if a := matchNamespace(s.sel, ns); !asked[s] && a != s.in.answers[i] {
				switch {
				case a == enforcer.No:
					l.bySpace[i] = withoutOne(l.bySpace[i], s)
				case s.in.answers[i] == enforcer.No:
					l.bySpace[i] = append(l.bySpace[i], s)
				}
				s.in.answers[i] = a
				for _, x := range s.terms {
					l.rematchSpace(x, sp, a)
				}
			}
			asked[s] = true
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
	next, changed := m.splicedIn(m.peers[x.number], sp.lo, sp.hi, certain.runs, possible.runs)
	if !changed {
		return
	}
	l.matchesOthers(x, next)
	l.spans = append(l.spans, run{uint32(sp.lo), uint32(sp.hi)})
	if len(x.subjects) > 0 {
		l.repick.fill(sp.lo, sp.hi)
	}
}
