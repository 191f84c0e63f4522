package reach

import (
	"cmp"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

// livePolicies says which policies there are. Those with an effect have a number that stays theirs.
type livePolicies struct {
	all    []*policy.Policy            // sorted, those without an effect too
	byRef  map[object.Ref][]livePolicy // in the order of the object
	admins map[object.Ref]bool         // those of byRef that administrators write
	inNS   map[string][]int32          // numbers of those that bind pods of one namespace only, in evaluation order
	others []int32                     // of the others, likewise
	empty  []int32                     // numbers that are free
	left   []int32                     // numbers that are free after this event
}

// livePolicy is one policy of an object; its number is -1 when it has no effect.
type livePolicy struct {
	*policy.Policy
	slot int32
}

func (l *Live) indexPolicies() {
	m := l.m
	l.livePolicies = livePolicies{byRef: map[object.Ref][]livePolicy{}, admins: map[object.Ref]bool{}, inNS: map[string][]int32{}}
	l.liveSets = liveSets{
		terms: map[string]*liveTerm{}, inSpace: map[string][]*liveTerm{}, bySpace: make([][]*liveSelector, len(m.terms.spaces)), bySel: map[string]*liveSelector{},
		selKeys: map[string][]*liveSelector{}, addrs: map[string]*liveAddrs{}, within: map[int][]*liveWithin{},
		changed: map[int]*cluster.Pod{}, repick: newBitset(m.hosts), moved: map[int]bool{},
	}
	slots := map[*policy.Policy]int32{}
	m.order = make([]int32, 0, len(m.policies))
	for i := range m.policies {
		p := m.policies[i].Policy
		slots[p] = int32(i)
		m.order = append(m.order, int32(i))
		l.bind(p, int32(i), true)
		l.use(&m.policies[i], int32(i), true)
	}
	for i := range m.set.Policies {
		p := &m.set.Policies[i]
		slot, ok := slots[p]
		if !ok {
			slot = -1
		}
		l.all = append(l.all, p)
		l.keep(p, slot)
	}
	m.set.Policies, m.set.Problems = nil, nil
}

// before orders numbers of policies as they are evaluated.
func (l *Live) before(a, b int32) int {
	return cmp.Or(kinds.Compare(l.m.policies[a].Policy, l.m.policies[b].Policy), cmp.Compare(a, b))
}

// bind adds a policy to those that may select pods of a namespace, or takes it out.
func (l *Live) bind(p *policy.Policy, slot int32, on bool) {
	list := &l.others
	ns := p.Namespace()
	var own []int32
	if ns != "" {
		own = l.inNS[ns]
		list = &own
	}
	i, found := slices.BinarySearchFunc(*list, slot, l.before)
	switch {
	case on && !found:
		*list = slices.Insert(*list, i, slot)
	case !on && found:
		*list = slices.Delete(*list, i, i+1)
	}
	if ns != "" {
		l.inNS[ns] = own
	}
}

// policy follows the object of a policy that means all it does by itself; o is nil when it went.
func (l *Live) policy(ref object.Ref, o *object.Object) bool {
	var now []policy.Policy
	if o != nil {
		now = l.compiled(o, l.m.cluster)
	}
	return l.exchange(ref, now)
}

func (l *Live) compiled(o *object.Object, c *cluster.Cluster) []policy.Policy {
	now, _ := kinds.Of(o.Ref.GroupKind()).Compile(o, c)
	return doubtUnread(&cluster.Cluster{Objects: []*object.Object{o}}, now, l.prof)
}

// exchange puts policies in the place of those that an object was before.
func (l *Live) exchange(ref object.Ref, now []policy.Policy) bool {
	for _, old := range l.byRef[ref] {
		l.drop(old)
	}
	delete(l.byRef, ref)
	delete(l.admins, ref)
	for i := range now {
		if !l.add(&now[i]) {
			return false
		}
	}
	return true
}

func (l *Live) drop(old livePolicy) {
	m := l.m
	if i := slices.Index(l.all, old.Policy); i >= 0 {
		l.all = slices.Delete(l.all, i, i+1)
	}
	if old.slot < 0 {
		return
	}
	l.pickAgain(old.slot)
	l.use(&l.m.policies[old.slot], old.slot, false)
	l.bind(old.Policy, old.slot, false)
	if i, ok := slices.BinarySearchFunc(m.order, old.slot, l.before); ok {
		m.order = slices.Delete(m.order, i, i+1)
	}
	l.asked = slices.DeleteFunc(l.asked, func(slot int32) bool { return slot == old.slot })
	l.left = append(l.left, old.slot)
}

// pickAgain says that the classes a policy may bind have to be asked for their policies again.
func (l *Live) pickAgain(slot int32) {
	l.m.policies[slot].whom.possible.each(func(lo, hi uint32) { l.repick.fill(int(lo), int(hi)) })
}

func (l *Live) add(p *policy.Policy) bool {
	m := l.m
	i, _ := slices.BinarySearchFunc(l.all, p, func(a, b *policy.Policy) int { return cmp.Or(kinds.Compare(a, b), -1) })
	l.all = slices.Insert(l.all, i, p)
	a, ok := m.applied(p)
	slot := int32(-1)
	if ok {
		if p.Layer != policy.Network || !l.learn(p) {
			return false
		}
		slot = int32(len(m.policies))
		if n := len(l.empty); n > 0 {
			slot, l.empty = l.empty[0], l.empty[1:]
		} else {
			m.policies = append(m.policies, applied{})
		}
		a.whom, a.rules = m.subjects(p), m.ruleSetsOf(p)
		l.use(&a, slot, true)
		m.policies[slot] = a
		at, _ := slices.BinarySearchFunc(m.order, slot, l.before)
		m.order = slices.Insert(m.order, at, slot)
		l.bind(p, slot, true)
		l.pickAgain(slot)
		l.asked = append(l.asked, slot)
	}
	l.keep(p, slot)
	return true
}

func (l *Live) keep(p *policy.Policy, slot int32) {
	l.byRef[p.Ref] = append(l.byRef[p.Ref], livePolicy{p, slot})
	if p.Ref.Group == adminGroup {
		l.admins[p.Ref] = true
	}
}

// learn makes the model see all that a policy sees of pods and addresses. It reports false when that takes a look at
// all of them.
func (l *Live) learn(p *policy.Policy) bool {
	v := l.m.index.v
	for i := range p.Subjects {
		if !l.learnTerm(&p.Subjects[i]) {
			return false
		}
	}
	for j := range p.Rules {
		for k := range p.Rules[j].Peers {
			q := &p.Rules[j].Peers[k]
			switch {
			case len(q.Nodes) > 0 && !v.nodes:
				return false
			case q.Within != nil && (!v.podAddrs || !l.cutAt(*q.Within)):
				return false
			case q.Kind == policy.AddrPeer && (l.m.podsBy(q.Reach) != enforcer.No && !v.podAddrs || l.m.nodesBy(q.Reach) != enforcer.No && !v.hostAddrs):
				return false
			case q.Kind == policy.PodPeer && !l.learnTerm(&q.Term):
				return false
			case q.Kind == policy.AddrPeer && !l.cutAt(q.Addrs):
				return false
			}
		}
	}
	return true
}

func (l *Live) learnTerm(t *policy.Term) bool {
	v := l.m.index.v
	unseen := func(r cluster.Requirement) bool { return !slices.Contains(v.accounts, r.Key) }
	if len(t.Facts) > 0 || slices.ContainsFunc(t.ServiceAccounts, unseen) {
		return false
	}
	for _, r := range t.NamespaceSelector {
		if l.m.terms.ofSpaces[r.Key] == nil {
			l.m.terms.ofSpaces[r.Key] = l.m.spaceColumn(r.Key)
		}
	}
	var fresh []string
	for _, r := range t.Pods {
		if _, seen := v.labels[r.Key]; seen || l.local[t.Namespace][r.Key] {
			continue
		}
		if t.Namespace == "" {
			return false
		}
		fresh = append(fresh, r.Key)
	}
	return len(fresh) == 0 || l.learnKeys(t.Namespace, fresh)
}

// administrators compiles the policies of administrators again, which may speak of each other.
func (l *Live) administrators() bool {
	c := l.pic.Listed(administered[:]...)
	for _, ref := range l.adminRefs(c) {
		var now []policy.Policy
		list := c.Kind(ref.Group, ref.Kind)
		if i, ok := slices.BinarySearchFunc(list, ref, func(o *object.Object, r object.Ref) int { return o.Ref.Compare(r) }); ok {
			now = l.compiled(list[i], c)
		}
		if !l.same(ref, now) && !l.exchange(ref, now) {
			return false
		}
	}
	return true
}

// same tells whether an object compiles to what it did before.
func (l *Live) same(ref object.Ref, now []policy.Policy) bool {
	was := l.byRef[ref]
	if len(was) != len(now) {
		return false
	}
	for i := range now {
		if !equalPolicies(was[i].Policy, &now[i]) {
			return false
		}
	}
	return true
}

// freshNotes brings up to date what policies of the baseline tier note about NetworkPolicy objects, which no answer
// hangs on. It changes policies of the working model, each of which is then another one.
func (l *Live) freshNotes(c *cluster.Cluster) {
	for at := len(l.all) - 1; at >= 0 && l.all[at].Tier == policy.BaselineTier; at-- {
		p := l.all[at]
		list := c.Kind(p.Ref.Group, p.Ref.Kind)
		i, ok := slices.BinarySearchFunc(list, p.Ref, func(o *object.Object, r object.Ref) int { return o.Ref.Compare(r) })
		if !ok || p.Ref.Group != adminGroup {
			continue
		}
		now, _ := kinds.Of(p.Ref.GroupKind()).Compile(list[i], c)
		for k, part := range l.byRef[p.Ref] {
			if part.Policy != p || k >= len(now) {
				continue
			}
			next := *p
			next.Notes = now[k].Notes
			l.all[at], l.byRef[p.Ref][k].Policy = &next, &next
			if part.slot >= 0 {
				l.m.policies[part.slot].Policy = &next
			}
		}
	}
}

// isIsolating tells whether a policy may end the evaluation for both directions (profileBuilder.isolatedOtherwise).
func (m *Model) isIsolating(slot int32, c int) bool {
	p := &m.policies[slot]
	return m.profile.BaselineByDirection != enforcer.Yes && p.Ref.Group == "networking.k8s.io" && p.whom.possible.has(c)
}
