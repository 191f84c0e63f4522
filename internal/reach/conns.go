package reach

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

func cmpString(a, b string) int { return strings.Compare(a, b) }

// connTable gives each distinct connection set a small number and remembers results of union and
// intersection. Number 0 is the empty set, 1 is everything.
type connTable struct {
	sets []netset.Conns
	ids  map[string]uint32
	or   map[uint64]uint32
	and  map[uint64]uint32
}

const (
	noConns  uint32 = 0
	allConns uint32 = 1
)

func newConnTable() *connTable {
	t := &connTable{ids: map[string]uint32{}, or: map[uint64]uint32{}, and: map[uint64]uint32{}}
	t.id(netset.Conns{})
	t.id(netset.All())
	return t
}

func (t *connTable) id(c netset.Conns) uint32 {
	key := c.Key()
	if id, ok := t.ids[key]; ok {
		return id
	}
	id := uint32(len(t.sets))
	t.sets = append(t.sets, c)
	t.ids[key] = id
	return id
}

func pair(a, b uint32) uint64 {
	if a > b {
		a, b = b, a
	}
	return uint64(a)<<32 | uint64(b)
}

func (t *connTable) union(a, b uint32) uint32 {
	switch {
	case a == b || b == noConns:
		return a
	case a == noConns:
		return b
	case a == allConns || b == allConns:
		return allConns
	}
	k := pair(a, b)
	id, ok := t.or[k]
	if !ok {
		id = t.id(t.sets[a].Union(t.sets[b]))
		t.or[k] = id
	}
	return id
}

func (t *connTable) intersect(a, b uint32) uint32 {
	switch {
	case a == b || b == allConns:
		return a
	case a == allConns:
		return b
	case a == noConns || b == noConns:
		return noConns
	}
	k := pair(a, b)
	id, ok := t.and[k]
	if !ok {
		id = t.id(t.sets[a].Intersect(t.sets[b]))
		t.and[k] = id
	}
	return id
}

// ids2 is a pair of bounds by number.
type ids2 struct{ must, may uint32 }

func (t *connTable) bounds(b ids2) Bounds { return Bounds{t.sets[b.must], t.sets[b.may]} }

func (t *connTable) and2(a, b ids2) ids2 {
	return ids2{t.intersect(a.must, b.must), t.intersect(a.may, b.may)}
}

func (t *connTable) or2(a, b ids2) ids2 {
	return ids2{t.union(a.must, b.must), t.union(a.may, b.may)}
}

var allIDs = ids2{allConns, allConns}
