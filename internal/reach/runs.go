package reach

import (
	"iter"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Run is what each of the classes From up to but not including To may send to class Dst. Classes are numbered from 0,
// those of pods before those of host-network pods and nodes.
type Run struct {
	Dst, From, To int
	Bounds
}

// Runs gives every pair of classes that may talk, at least one of them of pods that policies bind, by destination and
// then by source. It says what policies let through between two different pods that run on different nodes. Two runs of
// one destination that touch differ. The cost is about one step for each run, and one for each 64 destinations and
// profile.
func (m *Model) Runs() iter.Seq[Run] {
	return func(yield func(Run) bool) {
		a := m.newAllPairs(policy.Ingress)
		for d := range m.atoms {
			for _, g := range a.column(d) {
				if !yield(Run{d, int(g.lo), int(g.hi), m.conns.bounds(g.val)}) {
					return
				}
			}
		}
	}
}

// ClassSize is how many pods are of a class of Runs. It is 0 for the class of nodes.
func (m *Model) ClassSize(class int) int {
	if class < m.hosts {
		return m.points[class].count
	}
	return len(m.points[class].members)
}

// allPairs puts layers and families together: a connection needs every layer, in some family.
type allPairs struct {
	m       *Model
	streams []*stream // by family, and in each by layer
	lists   [][]segment
	heads   []int
	tunnels []int // points where the answer to "may be in a tunnel" changes
	out     []segment
}

func (m *Model) newAllPairs(dir policy.Direction) *allPairs {
	a := &allPairs{m: m}
	for _, f := range m.families {
		for _, l := range policy.Layers {
			if m.layered[l] {
				a.streams = append(a.streams, m.newStream(l, f, dir))
			}
		}
	}
	a.lists, a.heads = make([][]segment, len(a.streams)), make([]int, len(a.streams))
	for i := 1; m.tunnels && i < m.hosts; i++ {
		if (m.points[i].ambient == enforcer.No) != (m.points[i-1].ambient == enforcer.No) {
			a.tunnels = append(a.tunnels, i)
		}
	}
	if m.tunnels {
		a.tunnels = append(a.tunnels, m.hosts)
	}
	return a
}

// column is stream.column of all layers and families together.
func (a *allPairs) column(c int) []segment {
	m := a.m
	end := m.atoms
	if c >= m.hosts {
		end = m.hosts // no policy is asked between hosts
	}
	if len(a.streams) == 1 && !m.tunnels {
		return a.streams[0].column(c, end)
	}
	for i, s := range a.streams {
		a.lists[i], a.heads[i] = s.column(c, end), 0
	}
	a.out = a.out[:0]
	tunnel := 0
	for at := uint32(0); at < uint32(end); {
		next := uint32(end)
		for tunnel < len(a.tunnels) && uint32(a.tunnels[tunnel]) <= at {
			tunnel++
		}
		if tunnel < len(a.tunnels) {
			next = min(next, uint32(a.tunnels[tunnel]))
		}
		next = min(next, a.advance(at, next))
		if b := a.value(c, at); b != noneID {
			if n := len(a.out); n > 0 && a.out[n-1].hi == at && a.out[n-1].val == b {
				a.out[n-1].hi = next
			} else {
				a.out = append(a.out, segment{at, next, b})
			}
		}
		at = next
	}
	return a.out
}

// advance passes over the segments that end before a point, and gives the next point where one begins or ends.
func (a *allPairs) advance(at, end uint32) uint32 {
	for i, list := range a.lists {
		k := a.heads[i]
		for k < len(list) && list[k].hi <= at {
			k++
		}
		a.heads[i] = k
		if k == len(list) {
			continue
		}
		if list[k].lo > at {
			end = min(end, list[k].lo)
		} else {
			end = min(end, list[k].hi)
		}
	}
	return end
}

// value is what a point may exchange with the column, from the segments that hold it.
func (a *allPairs) value(c int, at uint32) boundsID {
	m := a.m
	out, in := noneID, allID
	for i, s := range a.streams {
		b := noneID
		if k := a.heads[i]; k < len(a.lists[i]) && a.lists[i][k].lo <= at {
			b = a.lists[i][k].val
		}
		if s.l == policy.Network {
			if in = b; m.inTunnel(int(at), c) && !m.points[c].addr[s.f].none && !m.points[at].addr[s.f].none {
				in = m.tunnelled(b)
			}
		} else {
			in = m.conns.and2(in, b)
		}
		if i+1 == len(a.streams) || a.streams[i+1].l == policy.Network {
			out = m.conns.or2(out, in)
		}
	}
	return out
}
