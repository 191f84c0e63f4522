package reach

import (
	"net/netip"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

// hull is the lowest and the highest of the addresses, by family, of which the same is known. It never shrinks.
type hull struct {
	id     int
	lo, hi [2]netip.Addr
}

// stretch puts the addresses of a pod into the hull of what is known of them.
func (l *Live) stretch(addr *[2]addrKnown, p *cluster.Pod) {
	h := l.hulls[addr]
	if h == nil {
		h = &hull{id: len(l.hulls)}
		l.hulls[addr] = h
	}
	ips := p.IPs
	if n := l.nodes[p.NodeName]; p.HostNetwork && n != nil && len(n.Internal) > 0 {
		ips = slices.Concat(n.Internal, n.External)
	}
	for _, a := range ips {
		f := familyOf(a)
		if !h.lo[f].IsValid() || a.Less(h.lo[f]) {
			h.lo[f] = a
		}
		if !h.hi[f].IsValid() || h.hi[f].Less(a) {
			h.hi[f] = a
		}
	}
}

// cutAt makes the line of addresses tell a set from the rest.
func (l *Live) cutAt(set netset.Addrs) bool {
	for _, r := range set.Ranges() {
		if !l.cut(r.Lo) {
			return false
		}
		if next := r.Hi.Next(); next.IsValid() && !l.cut(next) {
			return false
		}
	}
	return true
}

// cut makes an atom begin at an address, in the room that the atom has. What is known of the addresses of pods must
// stay as it is for all of them alike.
func (l *Live) cut(at netip.Addr) bool {
	m := l.m
	first := m.line.find(at)
	if m.line.starts[first] == at {
		return true
	}
	end := m.line.end(first)
	if end-first < 2 {
		return false
	}
	f := familyOf(at)
	next := first + 1 + (end-first-1)/2
	if m.line.starts[first].Compare(netip.IPv4Unspecified()) == 0 || m.line.starts[first].Compare(netip.IPv6Unspecified()) == 0 {
		next = first + 1 // more is to come on the other side
	}
	if !l.moveKnown(f, at, first, next) {
		return false
	}
	if l.lineShown {
		m.line = addrLine{slices.Clone(m.line.starts), slices.Clone(m.line.sets)}
		l.lineShown = false
	}
	for i := next; i < end; i++ {
		m.line.starts[i] = at
	}
	for _, i := range [2]int{first, next} {
		m.line.sets[i] = m.line.between(i, m.line.end(i))
		m.points[m.atoms+i].addrs = m.line.sets[i]
	}
	m.index.lastAddr = nil
	return true
}

// moveKnown follows a cut of atom first, of which the upper part will be next, for what is known of the addresses of
// pods. It reports false when the cut goes through a class.
func (l *Live) moveKnown(f family, at netip.Addr, first, next int) bool {
	m := l.m
	var upper []*[2]addrKnown
	for addr, h := range l.hulls {
		k := &addr[f]
		switch {
		case !slices.Contains(k.exact, first):
		case len(k.exact) > 1 || !h.lo[f].IsValid():
			return false
		case !h.lo[f].Less(at):
			upper = append(upper, addr)
		case !h.hi[f].Less(at):
			return false
		}
	}
	if len(upper) == 0 {
		return true
	}
	moved := map[*[2]addrKnown]*[2]addrKnown{}
	for _, addr := range upper {
		now := *addr
		now[f].exact = []int{next}
		moved[addr] = &now
		l.hulls[&now] = l.hulls[addr]
		delete(l.hulls, addr)
	}
	for c := range m.points[:m.atoms] {
		if now := moved[m.points[c].addr]; now != nil {
			m.points[c].addr = now
		}
	}
	for i := range m.addrGroups {
		if now := moved[m.addrGroups[i].addr]; now != nil {
			m.addrGroups[i].addr = now
		}
	}
	for shape, addr := range m.index.shapes {
		if now := moved[addr]; now != nil {
			delete(m.index.shapes, shape)
			shape.atom[f] = next
			m.index.shapes[shape] = now
		}
	}
	for key, addr := range m.index.addrs {
		if moved[addr] != nil {
			delete(m.index.addrs, key)
		}
	}
	for key, i := range m.hostIndex {
		pt := &m.points[m.hosts+i]
		if now := m.hostKey(pt.pod, pt); now != key {
			delete(m.hostIndex, key)
			m.hostIndex[now] = i
		}
	}
	return true
}

// learnKeys makes classes of a namespace tell further labels apart.
func (l *Live) learnKeys(namespace string, keys []string) bool {
	m := l.m
	if l.local[namespace] == nil {
		l.local[namespace] = map[string]bool{}
	}
	for _, k := range keys {
		l.local[namespace][k] = true
		if m.terms.columns[podLabels][k] == nil {
			m.terms.columns[podLabels][k] = newColumn(m.hosts)
		}
	}
	i, ok := m.terms.byName[namespace]
	if !ok {
		return true
	}
	sp := m.terms.spaces[i]
	for c := sp.lo; c < sp.hi; c++ {
		delete(l.byKey, l.keys[c])
		if l.keys[c] != "" && len(l.holders[c]) == 0 { // it may be spare again
			l.keys[c] = ""
			l.spare[namespace] = append(l.spare[namespace], c)
		}
	}
	for c := sp.lo; c < sp.hi; c++ {
		if l.keys[c] == "" || l.changed[c] != nil {
			l.setColumns(c, keys)
			continue
		}
		if !l.split(c) {
			return false
		}
		l.setColumns(c, keys)
	}
	return true
}

func (l *Live) setColumns(c int, keys []string) {
	for _, k := range keys {
		l.setColumn(c, k)
	}
}

// split moves pods of a class whose key is another one now to classes of their own.
func (l *Live) split(c int) bool {
	m := l.m
	addr := m.points[c].addr
	l.keys[c] = l.key(m.points[c].pod, addr)
	l.byKey[l.keys[c]] = c
	for _, w := range slices.Clone(l.holders[c]) {
		stays := false
		var others []int
		for _, p := range w.Pods {
			if m.classOf(p) != c {
				continue
			}
			key := l.key(p, addr)
			to, ok := l.byKey[key]
			if !ok {
				if to, ok = l.free(w.Ref.Namespace); !ok {
					return false
				}
				l.byKey[key], l.keys[to] = to, key
				pt := m.points[c]
				pt.pod = p
				l.become(to, pt)
			}
			if to == c {
				stays = true
				continue
			}
			m.classes[p.Number], l.taken[to] = uint32(to), true
			others = append(others, to)
		}
		byRef := func(x, y *cluster.Workload) int { return x.Ref.Compare(y.Ref) }
		for _, to := range others {
			if i, ok := slices.BinarySearchFunc(l.holders[to], w, byRef); !ok {
				l.holders[to] = slices.Insert(l.holders[to], i, w)
			}
			m.points[to].pod = l.first(to)
		}
		if !stays {
			l.holders[c] = slices.DeleteFunc(l.holders[c], func(x *cluster.Workload) bool { return x == w })
		}
	}
	return true
}
