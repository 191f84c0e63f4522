package reach

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// liveGroups is how one event changes the profiles of one side: classes of one profile mostly change together.
type liveGroups struct {
	groups []alikes // by profile, those of met
	met    []int    // profiles with classes whose policies may be others
	tiers  []policy.Tier
	next   map[tierChange]*tier
	whole  []int                 // profiles of which all classes change alike
	now    []*tier               // the tiers they have then, one profile after the other
	ends   []int                 // where those of each end
	goes   map[profileChange]int // where classes go that leave others of their profile behind
}

// alikes is the classes of one profile whose policies may be others.
type alikes struct {
	pickChange
	first, count int  // the first class, and how many there are
	mixed        bool // not all change alike
}

// pickChange is which of the policies asked select a class, two bits for each, and the ports of the class where one of
// them names ports.
type pickChange struct {
	picks uint64
	ports uint32
}

type profileChange struct {
	profile int
	pickChange
}

// tierChange is the policies of a tier, nil where there are none, and what becomes of those of tier number at in tiers.
type tierChange struct {
	from *tier
	at   int
	pickChange
}

// tierGroup is how the profiles change that have a tier: of how many all classes change alike, and how.
type tierGroup struct {
	pickChange
	first, count      int // the first class, and how many profiles
	mixed, same, done bool
}

// maxTwins is how many tiers of administrators may have the policies of another one, and twinFrom how many profiles such
// a tier has at least: to make them one would change all these profiles, and rows are made for it instead.
const (
	maxTwins = 16
	twinFrom = 256
)

// maxAsked is how many policies pickChange has room for.
const maxAsked = 32

// pickAll gives the classes of repick their profiles. A profile of which all classes change alike stays where it is and
// has other tiers from then on; one that many profiles share is made once.
func (l *Live) pickAll(s binding) {
	m := l.m
	acts, short := l.actsNow(s.dir), l.short(s)
	if acts && short {
		l.groupAll(s)
	}
	for c := range l.repick.all() {
		changed := l.changed[c] != nil
		switch old := m.byClass[s.layer][s.dir][c]; {
		case !acts && !changed:
		case !short || changed:
			l.pick(s, c)
		case l.groups[old].count > 0: // not done yet
			ch := profileChange{old, l.groups[old].pickChange}
			if l.groups[old].mixed {
				ch.pickChange = l.changeOf(s, c)
			}
			i, known := l.goes[ch]
			if known {
				l.move(s, c, i)
			} else {
				l.pick(s, c)
				l.goes[ch] = m.byClass[s.layer][s.dir][c]
			}
		}
	}
	for _, p := range l.met {
		l.groups[p] = alikes{}
	}
	l.met = l.met[:0]
	clear(l.goes)
	clear(l.next)
}

// short tells whether the policies of a class that is what it was are those before but for the ones that came, went or
// bind others.
func (l *Live) short(s binding) bool {
	m := l.m
	if len(l.asked) > maxAsked || m.maybeOff[s.dir] || s.layer == policy.Network && m.profile.BaselineOverIsolation != enforcer.No {
		return false
	}
	if s.layer == policy.Network && slices.ContainsFunc(m.opaque, func(o opaqueKind) bool { return o.idle }) {
		return false // it hangs on all policies of a profile whether these are in doubt
	}
	isolates := func(slot int32) bool { return m.policies[slot].Ref.Group == "networking.k8s.io" }
	return m.profile.BaselineByDirection == enforcer.Yes || !slices.ContainsFunc(l.asked, isolates) && !slices.ContainsFunc(l.left, isolates)
}

// groupAll changes the profiles of which all classes change alike. Of the others it leaves the groups.
func (l *Live) groupAll(s binding) {
	m := l.m
	b, profiles := m.builders[s.layer][s.dir], m.profiles[s.layer][s.dir]
	l.tiers = l.tiers[:0]
	for _, list := range [2][]int32{l.asked, l.left} {
		for _, slot := range list {
			if q := &m.policies[slot]; q.Layer == s.layer && q.acts[s.dir] && !slices.Contains(l.tiers, q.Tier) {
				l.tiers = append(l.tiers, q.Tier)
			}
		}
	}
	for len(l.groups) < len(profiles) {
		l.groups = append(l.groups, alikes{})
	}
	for c := range l.repick.all() {
		if len(l.changed) > 0 && l.changed[c] != nil {
			continue
		}
		ch, p := l.changeOf(s, c), m.byClass[s.layer][s.dir][c]
		if g := &l.groups[p]; g.count == 0 {
			*g = alikes{pickChange: ch, first: c, count: 1}
			l.met = append(l.met, p)
		} else {
			g.count++
			g.mixed = g.mixed || ch != g.pickChange
		}
	}
	if len(l.tiers) == 1 {
		l.wholeTiers(s)
	}
	l.whole, l.now, l.ends = l.whole[:0], l.now[:0], l.ends[:0]
	for _, p := range l.met {
		g, pr := &l.groups[p], profiles[p]
		if !l.isWhole(s, p) {
			continue
		}
		at := len(l.now)
		l.now = l.tiersAfter(b, l.now, pr, g)
		if slices.Equal(l.now[at:], pr.tiers) {
			l.now, g.count = l.now[:at], 0 // nothing changes
			continue
		}
		delete(b.profiles, pr.key) // no other profile is to be taken for one that is about to change
		l.whole, l.ends = append(l.whole, p), append(l.ends, len(l.now))
	}
	at := 0
	for i, p := range l.whole {
		now, pr := l.now[at:l.ends[i]], profiles[p]
		at = l.ends[i]
		b.buf = b.keyOf(b.buf[:0], now, pr.opaque)
		if _, taken := b.profiles[string(b.buf)]; taken {
			continue // its classes go to the other
		}
		for _, t := range now {
			if !slices.Contains(pr.tiers, t) {
				l.useTier(t)
			}
		}
		for _, t := range pr.tiers {
			if !slices.Contains(now, t) {
				l.leaveTier(t)
			}
		}
		pr.key, pr.tiers, pr.picks, pr.subject = string(b.buf), append(pr.tiers[:0], now...), nil, m.points[l.groups[p].first].pod
		b.profiles[pr.key] = p
		l.groups[p].count = 0
	}
}

// isWhole tells whether all classes of a profile are still there and change alike.
func (l *Live) isWhole(s binding, p int) bool {
	g := &l.groups[p]
	return g.count > 0 && !g.mixed && g.count == int(l.classes[s.layer][s.dir][p])
}

// wholeTiers changes the tiers of which all profiles change alike: other policies, in the same place.
func (l *Live) wholeTiers(s binding) {
	m := l.m
	b, profiles := m.builders[s.layer][s.dir], m.profiles[s.layer][s.dir]
	at := func(p int) *tier {
		for _, t := range profiles[p].tiers {
			if t.of == l.tiers[0] {
				return t
			}
		}
		return nil
	}
	var met []*tier
	for _, p := range l.met {
		t := at(p)
		if t == nil || !l.isWhole(s, p) {
			continue
		}
		if g := &l.groups[p]; t.group == nil {
			t.group = &tierGroup{pickChange: g.pickChange, first: g.first, count: 1}
			met = append(met, t)
		} else {
			t.group.count++
			t.group.mixed = t.group.mixed || t.group.pickChange != g.pickChange
		}
	}
	kept := slices.Contains(b.kept, l.tiers[0])
	var picks [][]pick
	met = slices.DeleteFunc(met, func(t *tier) bool {
		next := l.picksAfter(b, t.picks, l.pickedBy(0, t.group.pickChange))
		if t.group.mixed || t.group.count != t.uses || len(next) == 0 && !kept {
			t.group = nil
			return true
		}
		if t.group.same = slices.Equal(next, t.picks); !t.group.same {
			delete(b.tiers, t.key) // no other tier is to be taken for it
		}
		picks = append(picks, slices.Clone(next))
		return false
	})
	for i, t := range met {
		pod := m.points[t.group.first].pod
		key := string(b.tierKey(nil, pod, picks[i], t.iso, t.of))
		twin := b.tiers[key] != nil
		if t.group.done = t.group.same; t.group.same || twin && (!kept || b.twins >= maxTwins || t.uses < l.twinFrom) {
			continue
		}
		if twin {
			key = string(binary.AppendUvarint([]byte{'='}, uint64(t.number)))
		}
		b.twins += cmp.Compare(count(twin), count(t.twin))
		l.dropTier(t)
		t.picks, t.key, t.subject, t.twin, t.group.done = picks[i], key, pod, twin, true
		b.tiers[t.key] = t
		l.takeTier(t)
	}
	for _, p := range l.met {
		if t := at(p); t != nil && t.group != nil && t.group.done {
			profiles[p].picks, profiles[p].subject = nil, m.points[l.groups[p].first].pod
			l.groups[p].count = 0
		}
	}
	for _, t := range met {
		t.group = nil
	}
}

// changeOf tells which of the policies asked select a class.
func (l *Live) changeOf(s binding, c int) (ch pickChange) {
	for i, slot := range l.asked {
		p := &l.m.policies[slot]
		if p.Layer != s.layer || !p.acts[s.dir] || !p.whom.possible.has(c) {
			continue
		}
		if k, ok := l.m.pick(int(slot), c, l.isolated(s, p, c)); ok {
			ch.picks |= 1 << (2 * i)
			if k.sure {
				ch.picks |= 2 << (2 * i)
			}
			if s.dir == policy.Ingress && p.named[s.dir] {
				ch.ports = l.m.points[c].ports
			}
		}
	}
	return ch
}

// isolated is isolatedOtherwise of a class, as far as a policy asks for it.
func (l *Live) isolated(s binding, p *applied, c int) bool {
	if s.layer != policy.Network || p.Tier != policy.BaselineTier || l.m.profile.BaselineByDirection == enforcer.Yes {
		return false
	}
	own := l.inNS[l.m.points[c].pod.Namespace.Name]
	return slices.ContainsFunc(own, func(slot int32) bool { return l.m.isIsolating(slot, c) })
}

// tiersAfter appends the tiers of a profile whose classes change alike.
func (l *Live) tiersAfter(b *profileBuilder, out []*tier, pr *profile, g *alikes) []*tier {
	from := len(out)
	var found uint64
	for _, t := range pr.tiers {
		at := slices.Index(l.tiers, t.of)
		if at >= 0 {
			found |= 1 << at
			t = l.tierAfter(b, t, at, g)
		}
		if t != nil {
			out = append(out, t)
		}
	}
	for at := range l.tiers {
		if found&(1<<at) != 0 {
			continue
		}
		if t := l.tierAfter(b, nil, at, g); t != nil {
			i, _ := slices.BinarySearchFunc(out[from:], t, func(x, y *tier) int { return inOrder(x.of, y.of) })
			out = slices.Insert(out, from+i, t)
		}
	}
	return out
}

// tierAfter is what becomes of a tier; nil when no policies are left.
func (l *Live) tierAfter(b *profileBuilder, from *tier, at int, g *alikes) *tier {
	ch := tierChange{from, at, g.pickChange}
	next, known := l.next[ch]
	if known {
		return next
	}
	var before []pick
	if from != nil {
		before = from.picks
	}
	picks := l.picksAfter(b, before, l.pickedBy(at, g.pickChange))
	if of := l.tiers[at]; len(picks) > 0 || slices.Contains(b.kept, of) {
		next = b.tier(l.m.points[g.first].pod, slices.Clone(picks), atOnce, of)
	}
	l.next[ch] = next
	return next
}

// pickedBy gives what a change says of the policies asked that are of tier number at, for picksAfter.
func (l *Live) pickedBy(at int, ch pickChange) func(i int, slot int32) (pick, bool) {
	return func(i int, slot int32) (pick, bool) {
		bits := ch.picks >> (2 * i) & 3
		return pick{int(slot), bits == 3}, bits != 0 && l.m.policies[slot].Tier == l.tiers[at]
	}
}
