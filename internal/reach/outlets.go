package reach

import (
	"math/bits"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// outlets is the egress side of sources in one family, with rows spread out for fast look-up.
type outlets struct {
	m     *Model
	f     family
	dense map[*tier]*spreadRow
	size  int // of dense, in values
}

func newOutlets(m *Model, f family) outlets {
	return outlets{m: m, f: f, dense: map[*tier]*spreadRow{}}
}

// spreadRow is a row with a value for every class and host point. Open lists those where it allows something.
type spreadRow struct {
	vals []uint32
	open []int32
}

// denseLimit bounds the rows kept spread out, in values of four bytes.
const denseLimit = 8 << 20

// spread gives what a tier does at every class, and host point, by point.
func (w *outlets) spread(t *tier) *spreadRow {
	if d, ok := w.dense[t]; ok {
		return d
	}
	m := w.m
	if w.size += m.atoms; w.size > denseLimit {
		clear(w.dense)
		w.size = m.atoms
	}
	d := make([]uint32, m.atoms)
	r := m.row(t, w.f)
	for i, at := range r.starts {
		end := m.atoms
		if i+1 < len(r.starts) {
			end = min(end, int(r.starts[i+1]))
		}
		for k := int(at); k < end; k++ {
			d[k] = r.vals[i]
		}
	}
	for _, x := range r.wide {
		for i, word := range x.set.bits {
			for ; word != 0; word &= word - 1 {
				if k := i*64 + bits.TrailingZeros64(word); k < m.atoms {
					d[k] = m.conns.or2(d[k], x.add)
				}
			}
		}
	}
	for _, x := range r.named {
		if x.peer.possible == nil {
			continue
		}
		for _, span := range x.peer.possible.runs {
			for k := int(span.lo); k < min(int(span.hi), m.atoms); k++ {
				d[k] = m.allowed(t, r, k)
			}
		}
	}
	row := &spreadRow{vals: d}
	for i, v := range d {
		if r.adds && v != noneID || !r.adds && m.conns.effects[v].allowed != noneID {
			row.open = append(row.open, int32(i))
		}
	}
	w.dense[t] = row
	return row
}

// outlet is the egress side of one source.
type outlet struct {
	at   func(d int) boundsID
	open []int32 // where alone at allows something; nil when that may be anywhere
	few  bool    // open is a small part of all points
}

// outlet prepares the egress side of a source.
func (w *outlets) outlet(s int) outlet {
	m, t := w.m, w.m.conns
	pr := m.profileAt(policy.Network, policy.Egress, s)
	switch {
	case pr.alt != nil || pr.lost || pr.open:
		return outlet{at: func(d int) boundsID { return m.at(pr, w.f, d) }}
	case len(pr.tiers) == 0:
		return outlet{at: func(int) boundsID { return allID }}
	case len(pr.tiers) == 1 && m.row(pr.tiers[0], w.f).adds:
		row := w.spread(pr.tiers[0])
		return outlet{at: func(d int) boundsID { return row.vals[d] }, open: row.open, few: len(row.open)*8 < m.atoms}
	}
	rows := make([]*spreadRow, len(pr.tiers))
	adds := make([]bool, len(pr.tiers))
	out := outlet{}
	for i, x := range pr.tiers {
		rows[i], adds[i] = w.spread(x), m.row(x, w.f).adds
		out.few = out.few || adds[i]
		out.open = append(out.open, rows[i].open...)
	}
	out.few = out.few && len(out.open)*8 < m.atoms
	slices.Sort(out.open)
	out.open = slices.Compact(out.open)
	out.at = func(d int) boundsID {
		e := passesID
		for i, row := range rows {
			x := row.vals[d]
			if adds[i] {
				x = t.adds(x)
			}
			e = t.compose(e, x)
		}
		return t.final(e)
	}
	return out
}
