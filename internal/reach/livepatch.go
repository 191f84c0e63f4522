package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// patchPoints is up to how many points a row is asked again for; above, it is made anew.
const patchPoints = 64

// patch makes the rows of a tier what they are now at the points where sets have changed. It reports false when the
// rows have to be made anew. Rows are part of models given out, so the changed ones are copies.
func (l *Live) patch(t *tier) bool {
	m := l.m
	b := setBuilder{runs: t.late}
	spans := b.merged()
	n := 0
	for _, s := range spans {
		n += int(s.hi - s.lo)
	}
	if n > patchPoints {
		return false
	}
	var rows [2]*row
	for _, f := range m.families {
		r := t.rows[f]
		if r == nil {
			return false
		}
		if f == v6 && r == t.rows[v4] && len(m.families) > 1 {
			if !m.sameInFamilies(t) {
				return false
			}
			rows[f] = rows[v4]
			continue
		}
		rows[f] = m.patched(t, f, r, spans)
	}
	t.rows = rows
	return true
}

// changedSpans is where sets are not what they were, in order.
func (l *Live) changedSpans() []run {
	b := setBuilder{runs: l.spans}
	l.spans = b.merged()
	return l.spans
}

func (m *Model) patched(t *tier, f family, r *row, spans []run) *row {
	next := &row{adds: r.adds, starts: r.starts, vals: r.vals, wide: r.wide, named: r.named}
	for _, s := range spans {
		var starts, vals []uint32
		for i := s.lo; i < s.hi; i++ {
			v := uint32(0)
			if r.adds {
				v = m.narrowAt(t, f, int(i))
			} else {
				v = m.evalTier(t, f, int(i))
			}
			if n := len(vals); n == 0 || vals[n-1] != v {
				starts, vals = append(starts, i), append(vals, v)
			}
		}
		next.splice(s.lo, s.hi, starts, vals)
	}
	return next
}

// narrowAt is what the rules of a tier that only adds allow at a point, apart from what its row refers to.
func (m *Model) narrowAt(t *tier, f family, i int) boundsID {
	out := noneID
	for _, k := range t.picks {
		q := &m.policies[k.policy]
		for j := range q.Rules {
			rule := &q.Rules[j]
			if rule.Direction != t.dir || t.dir == policy.Egress && len(rule.Named)+len(rule.NotNamed) > 0 {
				continue
			}
			for _, ref := range q.rules[j].peers[f] {
				peer := m.peer(ref)
				certain, possible := !peer.certain.wide() && peer.certain.has(i), !peer.possible.wide() && peer.possible.has(i)
				if !certain && !possible {
					continue
				}
				c := m.conns.id(m.ruleConns(t.binding, rule, -1))
				b := ids2{noConns, c}
				if certain {
					b.must = c
				}
				out = m.conns.or2(out, m.conns.pair(b))
			}
		}
	}
	return out
}

// splice gives a row other values from lo up to but not including hi. The slices of the row are left as they are.
func (r *row) splice(lo, hi uint32, starts, vals []uint32) {
	same := len(vals) > 0
	for k, v := range vals {
		end := hi
		if k+1 < len(starts) {
			end = starts[k+1]
		}
		for i := starts[k]; same && i < end; i++ {
			same = r.at(int(i)) == v
		}
	}
	if same {
		return
	}
	old := *r
	r.starts, r.vals = make([]uint32, 0, len(old.starts)+len(starts)+1), make([]uint32, 0, len(old.vals)+len(starts)+1)
	i, _ := slices.BinarySearch(old.starts, lo)
	r.starts, r.vals = append(r.starts, old.starts[:i]...), append(r.vals, old.vals[:i]...)
	for k := range starts {
		r.push(starts[k], vals[k])
	}
	r.push(hi, old.at(int(hi)))
	for ; i < len(old.starts); i++ {
		if old.starts[i] > hi {
			r.push(old.starts[i], old.vals[i])
		}
	}
}
