package reach

import (
	"maps"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// liveProfiles counts who uses profiles and tiers.
type liveProfiles struct {
	classes [2][2][]int32      // by profile: how many classes have it
	unused  [2][2][]int        // profiles that no class has
	inUse   int                // how many tiers
	tiersOf map[int32][]*tier  // by policy
	byName  map[*tier]struct{} // tiers whose rows hold what names of ports mean at each class
	stale   map[*tier]struct{} // by the event: tiers whose rows have to be made anew
	touched map[*tier]struct{} // likewise: tiers whose rows are others at some points
	waiting map[*tier]struct{} // tiers whose rows are not up to date
	picked  []pick
	asked   []int32 // policies that bind others than before the event, or came with it
}

func (l *Live) indexProfiles() {
	m := l.m
	l.liveProfiles = liveProfiles{tiersOf: map[int32][]*tier{}, byName: map[*tier]struct{}{}, stale: map[*tier]struct{}{}, touched: map[*tier]struct{}{}, waiting: map[*tier]struct{}{}}
	l.liveGroups = liveGroups{next: map[tierChange]*tier{}, goes: map[profileChange]int{}}
	for _, ld := range l.sides() {
		l.keepTiers(ld)
		n := make([]int32, len(m.profiles[ld.layer][ld.dir]))
		for _, p := range m.byClass[ld.layer][ld.dir] {
			n[p]++
		}
		l.classes[ld.layer][ld.dir] = n
		for _, p := range m.profiles[ld.layer][ld.dir] {
			l.eachTier(p, l.useTier)
		}
	}
	clear(l.stale) // Warm has made them all
}

// keepTiers gives every profile the tiers of administrators. Where no policy of theirs selects anything they are empty, and
// left out of what is given out: so a policy that binds everybody changes these few, and no profile.
func (l *Live) keepTiers(s binding) {
	m := l.m
	if s.layer != policy.Network || m.profile.BaselineOverIsolation != enforcer.No || m.maybeOff[s.dir] {
		return
	}
	b := m.builders[s.layer][s.dir]
	b.kept = []policy.Tier{policy.AdminTier, policy.BaselineTier}
	clear(b.profiles)
	for i, p := range m.profiles[s.layer][s.dir] {
		b.cut(p.subject, p.picks)
		p.tiers = slices.Clone(b.split)
		p.key = string(b.keyOf(b.buf[:0], p.tiers, p.opaque))
		b.profiles[p.key] = i
	}
}

// sides is the layers that have policies, in both directions.
func (l *Live) sides() []binding {
	var out []binding
	for _, layer := range policy.Layers {
		for _, d := range policy.Directions {
			if l.m.layered[layer] {
				out = append(out, binding{layer: layer, dir: d})
			}
		}
	}
	return out
}

// eachTier gives the tiers of both readings of a profile.
func (l *Live) eachTier(p *profile, use func(*tier)) {
	for _, t := range p.tiers {
		use(t)
	}
	for _, t := range p.alt {
		use(t)
	}
}

// useTier counts a profile that has a tier.
func (l *Live) useTier(t *tier) {
	if t.uses++; t.uses == 1 {
		l.inUse++
		l.takeTier(t)
	}
}

func (l *Live) leaveTier(t *tier) {
	if t.uses--; t.uses == 0 {
		l.inUse--
		l.dropTier(t)
		delete(l.waiting, t)
		if t.twin {
			l.m.builders[t.layer][t.dir].twins--
		}
	}
}

// takeTier writes down whose policies a tier holds.
func (l *Live) takeTier(t *tier) {
	if len(t.picks) == 0 {
		return // it has no rows
	}
	t.adding = l.m.adds(t)
	l.stale[t] = struct{}{}
	named := func(k pick) bool { return l.m.policies[k.policy].named[t.dir] }
	if t.dir == policy.Egress && !t.adding && slices.ContainsFunc(t.picks, named) {
		l.byName[t] = struct{}{}
	}
	for _, k := range t.picks {
		l.tiersOf[int32(k.policy)] = append(l.tiersOf[int32(k.policy)], t)
	}
}

func (l *Live) dropTier(t *tier) {
	delete(l.stale, t)
	delete(l.byName, t)
	if tiers := l.m.builders[t.layer][t.dir].tiers; tiers[t.key] == t {
		delete(tiers, t.key)
	}
	for _, k := range t.picks {
		slot := int32(k.policy)
		if l.tiersOf[slot] = withoutOne(l.tiersOf[slot], t); len(l.tiersOf[slot]) == 0 {
			delete(l.tiersOf, slot)
		}
	}
}

// flush makes everything that hangs on what an event has changed, but rows.
func (l *Live) flush(u *Update) {
	m := l.m
	for _, c := range slices.Sorted(maps.Keys(l.changed)) {
		l.rematch(c, l.changed[c])
		l.repick.set(c)
	}
	if l.portsDiffer {
		maps.Copy(l.touched, l.byName)
		l.portsDiffer = false
	}
	u.Classes = l.repick.count()
	slices.SortFunc(l.asked, l.before)
	l.asked = slices.Compact(l.asked)
	for _, s := range l.sides() {
		l.pickAll(s)
	}
	u.Tiers = l.mark()
	for _, slot := range l.left {
		m.policies[slot] = applied{}
	}
	l.empty = append(l.empty, l.left...)
	slices.Sort(l.empty)
	for _, n := range l.freed {
		m.peers[n] = matched{}
	}
	m.freePeers = append(m.freePeers, l.freed...)
	l.left, l.asked, l.freed = l.left[:0], l.asked[:0], l.freed[:0]
	m.placed, m.lined, m.asking, m.podsIn, m.noted = nil, nil, nil, nil, nil
	clear(l.changed)
	clear(l.repick)
	clear(l.taken)
}

// mark notes which rows have to be brought up to date, and counts their tiers. Nothing reads rows while events are
// followed, and what several events do to a row is done to it once.
func (l *Live) mark() int {
	spans := l.changedSpans()
	n := 0
	for t := range l.touched {
		if _, anew := l.stale[t]; anew || t.uses == 0 || len(t.picks) == 0 {
			continue
		}
		n++
		if l.waiting[t] = struct{}{}; t.rows[l.m.families[0]] != nil {
			t.late = append(t.late, spans...)
		}
	}
	for t := range l.stale {
		n++
		t.rows, t.late = [2]*row{}, nil
		l.waiting[t] = struct{}{}
	}
	clear(l.touched)
	clear(l.stale)
	l.spans = l.spans[:0]
	return n
}

// Settle brings rows up to date. Model does so too; who has time between events may do it before.
func (l *Live) Settle() {
	if !l.plain {
		return
	}
	l.readdress()
	for t := range l.waiting {
		if t.uses == 0 || len(t.picks) == 0 {
			continue
		}
		if t.rows[l.m.families[0]] == nil || !l.patch(t) {
			t.rows = [2]*row{}
			for _, f := range l.m.families {
				l.m.row(t, f)
			}
		}
		t.late = nil
	}
	clear(l.waiting)
}

// pick gives a class its profile.
func (l *Live) pick(s binding, c int) {
	m := l.m
	b := m.builders[s.layer][s.dir]
	profiles := &m.profiles[s.layer][s.dir]
	before := len(*profiles)
	var picks []pick
	if l.changed[c] != nil || !l.short(s) && m.profile.BaselineByDirection != enforcer.Yes {
		picks = l.picksOf(b, c)
	} else {
		old := (*profiles)[m.byClass[s.layer][s.dir][c]]
		picks = l.picksAfter(b, old.allPicks(), func(_ int, slot int32) (pick, bool) {
			p := &m.policies[slot]
			if !p.whom.possible.has(c) {
				return pick{}, false
			}
			return m.pick(int(slot), c, l.isolated(s, p, c))
		})
	}
	i := b.profile(m.points[c].pod, picks)
	if i == before {
		if free := &l.unused[s.layer][s.dir]; len(*free) > 0 {
			p := (*profiles)[i]
			*profiles = (*profiles)[:i]
			i, *free = (*free)[len(*free)-1], (*free)[:len(*free)-1]
			(*profiles)[i] = p
			b.profiles[p.key] = i
		} else {
			l.classes[s.layer][s.dir] = append(l.classes[s.layer][s.dir], 0)
		}
		l.eachTier((*profiles)[i], l.useTier)
	}
	l.move(s, c, i)
}

// move puts a class into another profile, and gives up the one that it had when no class has it any more.
func (l *Live) move(s binding, c, to int) {
	m, n := l.m, l.classes[s.layer][s.dir]
	old := m.byClass[s.layer][s.dir][c]
	if old == to {
		return
	}
	m.byClass[s.layer][s.dir][c] = to
	n[to]++
	if n[old]--; n[old] > 0 {
		return
	}
	b, p := m.builders[s.layer][s.dir], m.profiles[s.layer][s.dir][old]
	if b.profiles[p.key] == old {
		delete(b.profiles, p.key)
	}
	l.eachTier(p, l.leaveTier)
	m.profiles[s.layer][s.dir][old] = &profile{binding: binding{layer: s.layer, dir: s.dir}}
	l.unused[s.layer][s.dir] = append(l.unused[s.layer][s.dir], old)
}

// allPicks is picks, which are found again where they are not known.
func (p *profile) allPicks() []pick {
	if p.picks == nil {
		for _, t := range p.tiers {
			p.picks = append(p.picks, t.picks...)
		}
	}
	return p.picks
}

// actsNow tells whether some policy that came, went or binds others says anything about a direction.
func (l *Live) actsNow(d policy.Direction) bool {
	says := func(slot int32) bool { return l.m.policies[slot].acts[d] }
	return l.m.profile.BaselineByDirection != enforcer.Yes || slices.ContainsFunc(l.asked, says) || slices.ContainsFunc(l.left, says)
}

// picksAfter is picks as they are after the event: without policies that went, and with those asked that still, or now,
// select what ask speaks of. It is overwritten by the next call.
func (l *Live) picksAfter(b *profileBuilder, before []pick, ask func(i int, slot int32) (pick, bool)) []pick {
	l.picked = l.picked[:0]
	next := 0
	add := func() {
		slot := l.asked[next]
		if p := &l.m.policies[slot]; p.Layer == b.layer && p.acts[b.dir] {
			if k, ok := ask(next, slot); ok {
				l.picked = append(l.picked, k)
			}
		}
		next++
	}
	for _, k := range before {
		for next < len(l.asked) && l.before(l.asked[next], int32(k.policy)) < 0 {
			add()
		}
		if !slices.Contains(l.left, int32(k.policy)) && !slices.Contains(l.asked, int32(k.policy)) {
			l.picked = append(l.picked, k)
		}
	}
	for next < len(l.asked) {
		add()
	}
	return l.picked
}

// picksOf is the policies that select a class, in evaluation order. It is overwritten by the next call.
func (l *Live) picksOf(b *profileBuilder, c int) []pick {
	m := l.m
	own, others := l.inNS[m.points[c].pod.Namespace.Name], l.others
	isolated := false
	for _, list := range [2][]int32{own, others} {
		for _, slot := range list {
			isolated = isolated || b.layer == policy.Network && m.isIsolating(slot, c)
		}
	}
	l.picked = l.picked[:0]
	for len(own)+len(others) > 0 {
		var slot int32
		if len(others) == 0 || len(own) > 0 && l.before(own[0], others[0]) < 0 {
			slot, own = own[0], own[1:]
		} else {
			slot, others = others[0], others[1:]
		}
		p := &m.policies[slot]
		if p.Layer != b.layer || !p.acts[b.dir] || !p.whom.possible.has(c) {
			continue
		}
		if k, ok := m.pick(int(slot), c, isolated); ok {
			l.picked = append(l.picked, k)
		}
	}
	return l.picked
}
