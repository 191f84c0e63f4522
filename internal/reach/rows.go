package reach

import (
	"math/bits"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// row is what a tier does at each point as the other end: runs of points that are treated alike. In a row of
// a tier that only adds up what rules allow, and isolates, the values are bounds of what is allowed, and wide
// and named add to them. In any other row the values are effects.
type row struct {
	adds   bool
	starts []uint32 // of the runs, the first is 0
	vals   []uint32 // boundsID or effectID
	wide   []rowRef
	named  []namedRef
}

// rowRef adds bounds at all points of a set.
type rowRef struct {
	set setRef
	add boundsID
}

// namedRef is an egress rule with named ports: what it allows depends on the ports of the other end.
type namedRef struct {
	peer peerRef
	rule *policy.Rule
}

// at gives the value of the run that holds a point.
func (r *row) at(i int) uint32 {
	return r.vals[r.find(uint32(i))]
}

// find is the number of the run that holds a point.
func (r *row) find(i uint32) int {
	lo, n := 0, len(r.starts)
	for n > 1 {
		half := n / 2
		if r.starts[lo+half] <= i {
			lo += half
		}
		n -= half
	}
	return lo
}

// allowed is the bounds at a point, of a row that adds.
func (m *Model) allowed(t *tier, r *row, i int) boundsID {
	b := m.narrow(t, r, i)
	for k := range r.wide {
		if m.setAt(r.wide[k].set).has(i) {
			b = m.conns.or2(b, r.wide[k].add)
		}
	}
	return b
}

// narrow is allowed without the wide sets.
func (m *Model) narrow(t *tier, r *row, i int) boundsID {
	b := r.at(i)
	for k := range r.named {
		n := &r.named[k]
		if peer := m.peer(n.peer); peer.possible.has(i) {
			c := m.conns.id(m.ruleConns(t.binding, n.rule, i))
			p := ids2{noConns, c}
			if peer.certain.has(i) {
				p.must = c
			}
			b = m.conns.or2(b, m.conns.pair(p))
		}
	}
	return b
}

// effectAt is what a tier does at a point.
func (m *Model) effectAt(t *tier, f family, i int) effectID {
	r := m.row(t, f)
	if r.adds {
		return m.conns.adds(m.allowed(t, r, i))
	}
	return r.at(i)
}

// through is what the tiers of a profile let through at a point.
func (m *Model) through(tiers []*tier, f family, i int) boundsID {
	if len(tiers) == 1 {
		if r := m.row(tiers[0], f); r.adds {
			return m.allowed(tiers[0], r, i)
		}
	}
	e := passesID
	for _, t := range tiers {
		e = m.conns.compose(e, m.effectAt(t, f, i))
	}
	return m.conns.final(e)
}

// at is what a profile lets through at a point.
func (m *Model) at(p *profile, f family, i int) boundsID {
	b := m.through(p.tiers, f, i)
	if p.alt == nil && !p.lost && !p.open {
		return b
	}
	ids := m.conns.pairs[b]
	if p.alt != nil { // the other reading can only allow more
		ids.may = m.conns.pairs[m.through(p.alt, f, i)].may
	}
	if p.lost {
		ids.must = noConns
	}
	if p.open {
		ids.may = allConns
	}
	return m.conns.pair(ids)
}

// row gives the row of a tier in a family.
func (m *Model) row(t *tier, f family) *row {
	if t.rows[f] == nil {
		if f == v6 && len(m.families) > 1 && m.sameInFamilies(t) {
			t.rows[v6] = m.row(t, v4)
		} else if m.adds(t) {
			t.rows[f] = m.addingRow(t, f)
		} else {
			t.rows[f] = m.effectRow(t, f)
		}
	}
	return t.rows[f]
}

// sameInFamilies tells whether no rule of the tier looks at addresses of pods and nodes.
func (m *Model) sameInFamilies(t *tier) bool {
	for _, k := range t.picks {
		q := &m.policies[k.policy]
		for j := range q.rules {
			if !slices.EqualFunc(q.rules[j].peers[v4], q.rules[j].peers[v6], func(a, b peerRef) bool { return a == b || m.peer(a) == m.peer(b) }) {
				return false
			}
		}
	}
	return true
}

// Warm computes every row.
func (m *Model) Warm() {
	m.places()
	for _, l := range policy.Layers {
		for _, d := range policy.Directions {
			for _, p := range m.profiles[l][d] {
				for _, tiers := range [2][]*tier{p.tiers, p.alt} {
					for _, t := range tiers {
						for _, f := range m.families {
							m.row(t, f)
						}
					}
				}
			}
		}
	}
}

// adds tells whether the policies of a tier are all certain, isolate, and only allow. What the tier does is
// then the plain union of its rules.
func (m *Model) adds(t *tier) bool {
	if t.iso != atOnce {
		return false
	}
	for _, k := range t.picks {
		if q := &m.policies[k.policy]; !k.sure || !q.Isolates[t.dir] || !q.allows[t.dir] {
			return false
		}
	}
	return true
}

// sweep walks the line of points over sets that open and close. Slots are what is open: several sets may
// share one. One sweep serves for many rows, one after the other.
type sweep struct {
	events []uint64 // point<<32 | slot<<1 | opens
	counts []int32  // of open sets, by slot
	mask   []uint64 // of slots with open sets
	end    uint32   // of the line of points

	values       []boundsID // by slot, of a row that adds
	starts, vals []uint32   // of the row at hand
}

// newSweep is a sweep with nothing in it.
func (m *Model) newSweep() *sweep {
	if m.sweep == nil {
		m.sweep = &sweep{}
	}
	s := m.sweep
	*s = sweep{events: s.events[:0], counts: s.counts[:0], mask: s.mask[:0], end: uint32(len(m.points)), values: s.values[:0], starts: s.starts[:0], vals: s.vals[:0]}
	return s
}

func (s *sweep) add(set *pointSet, slot int) {
	for slot >= len(s.counts) {
		s.counts = append(s.counts, 0)
	}
	set.each(func(lo, hi uint32) {
		s.events = append(s.events, uint64(lo)<<32|uint64(slot)<<1|1, uint64(hi)<<32|uint64(slot)<<1)
	})
}

// slot is the number of a value among the slots.
func (s *sweep) slot(b boundsID) int {
	if k := slices.Index(s.values, b); k >= 0 {
		return k
	}
	s.values = append(s.values, b)
	return len(s.values) - 1
}

// cut makes a run begin at a point.
func (s *sweep) cut(at int) { s.events = append(s.events, uint64(at)<<32|(1<<32-2)) }

// run calls f at the start of every run that may differ from the one before it.
func (s *sweep) run(f func(at uint32)) {
	slices.Sort(s.events)
	for range (len(s.counts) + 63) / 64 {
		s.mask = append(s.mask, 0)
	}
	at := uint32(0)
	for i := 0; ; {
		for ; i < len(s.events) && uint32(s.events[i]>>32) == at; i++ {
			e := s.events[i] & (1<<32 - 1)
			k := int(e >> 1)
			switch {
			case k >= len(s.counts): // a cut
			case e&1 == 1:
				s.counts[k]++
				s.mask[k/64] |= 1 << (k % 64)
			default:
				if s.counts[k]--; s.counts[k] == 0 {
					s.mask[k/64] &^= 1 << (k % 64)
				}
			}
		}
		f(at)
		if i == len(s.events) || uint32(s.events[i]>>32) >= s.end {
			return
		}
		at = uint32(s.events[i] >> 32)
	}
}

// push begins a run, unless the value is that of the run before it.
func (s *sweep) push(at, val uint32) {
	if n := len(s.vals); n == 0 || s.vals[n-1] != val {
		s.starts, s.vals = append(s.starts, at), append(s.vals, val)
	}
}

// finish gives a row the runs, in a piece of memory of its own.
func (s *sweep) finish(r *row) {
	n := len(s.starts)
	all := slices.Concat(s.starts, s.vals)
	r.starts, r.vals = all[:n:n], all[n:]
}

// push is like that of a sweep.
func (r *row) push(at, val uint32) {
	if n := len(r.vals); n == 0 || r.vals[n-1] != val {
		r.starts, r.vals = append(r.starts, at), append(r.vals, val)
	}
}

func (m *Model) addingRow(t *tier, f family) *row {
	r := &row{adds: true}
	s := m.newSweep()
	add := func(ref setRef, b boundsID) {
		switch set := m.setAt(ref); {
		case set.empty() || b == noneID:
		case set.wide():
			r.refer(ref, b, m.conns)
		default:
			s.add(set, s.slot(b))
		}
	}
	for _, k := range t.picks {
		q := &m.policies[k.policy]
		for j := range q.Rules {
			rule := &q.Rules[j]
			if rule.Direction != t.dir {
				continue
			}
			byName := t.dir == policy.Egress && len(rule.Named)+len(rule.NotNamed) > 0
			c, ok := q.rules[j].plain()
			if !ok {
				c = m.conns.id(m.ruleConns(t.binding, rule, -1))
			}
			for _, ref := range q.rules[j].peers[f] {
				if byName {
					r.named = append(r.named, namedRef{ref, rule})
					continue
				}
				certain, possible := ref.sets()
				switch peer := m.peer(ref); peer.certain {
				case peer.possible:
					add(possible, m.conns.pair(ids2{c, c}))
				case nil:
					add(possible, m.conns.pair(ids2{noConns, c}))
				default:
					add(certain, m.conns.pair(ids2{c, c}))
					add(possible, m.conns.pair(ids2{noConns, c}))
				}
			}
		}
	}
	s.run(func(at uint32) {
		b := noneID
		for w, x := range s.mask {
			for ; x != 0; x &= x - 1 {
				b = m.conns.or2(b, s.values[w*64+bits.TrailingZeros64(x)])
			}
		}
		s.push(at, b)
	})
	s.finish(r)
	return r
}

// refer adds a reference to a wide set; one for each set.
func (r *row) refer(set setRef, b boundsID, t *table) {
	for k := range r.wide {
		if r.wide[k].set == set {
			r.wide[k].add = t.or2(r.wide[k].add, b)
			return
		}
	}
	r.wide = append(r.wide, rowRef{set, b})
}

// effectRow is the row of any tier: it is evaluated once for each combination of matching rules.
func (m *Model) effectRow(t *tier, f family) *row {
	r := &row{}
	s := m.newSweep()
	slot, named := 0, false
	for _, k := range t.picks {
		q := &m.policies[k.policy]
		named = named || t.dir == policy.Egress && q.named[t.dir]
		for j := range q.Rules {
			if q.Rules[j].Direction != t.dir {
				continue
			}
			for _, ref := range q.rules[j].peers[f] {
				peer := m.peer(ref)
				if !peer.possible.empty() {
					s.add(peer.possible, slot)
				}
				if peer.certain != peer.possible && !peer.certain.empty() {
					s.add(peer.certain, slot+1)
				} // a slot of its own tells a certain match from a possible one
				slot += 2
			}
		}
	}
	if named {
		for i := 1; i <= m.hosts; i++ {
			if i == m.hosts || m.points[i].ports != m.points[i-1].ports {
				s.cut(i)
			}
		}
	}
	seen := map[string]effectID{}
	var key []byte
	s.run(func(at uint32) {
		key = key[:0]
		for _, x := range s.mask {
			key = append(key, byte(x), byte(x>>8), byte(x>>16), byte(x>>24), byte(x>>32), byte(x>>40), byte(x>>48), byte(x>>56))
		}
		if named && int(at) < m.hosts {
			p := m.points[at].ports
			key = append(key, byte(p), byte(p>>8), byte(p>>16), byte(p>>24))
		}
		e, ok := seen[string(key)]
		if !ok {
			e = m.evalTier(t, f, int(at))
			seen[string(key)] = e
		}
		s.push(at, e)
	})
	s.finish(r)
	return r
}
