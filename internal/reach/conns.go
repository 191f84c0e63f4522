package reach

import (
	"math/bits"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

func cmpString(a, b string) int { return strings.Compare(a, b) }

// Everything the engine computes with is a small number: a connection set (connID), a pair of bounds made of
// two of them (boundsID), and what a tier does (effectID), made of two bounds. Equal things have equal
// numbers, so results of operations are remembered by number.
type (
	connID   = uint32
	boundsID = uint32
	effectID = uint32
)

// The first numbers of each.
const (
	noConns  connID   = 0
	allConns connID   = 1
	noneID   boundsID = 0 // certainly nothing
	allID    boundsID = 1 // certainly everything
	openID   boundsID = 2 // nothing for certain, possibly everything
	deniesID effectID = 0 // allows nothing and leaves nothing
	passesID effectID = 1 // allows nothing and leaves everything to what comes after
)

// ids2 is a pair of bounds by number.
type ids2 struct{ must, may connID }

// effectIDs is what a tier does to all connections at one point: what it allows, and what it leaves to the
// tiers after it. Must of next also counts what the tier may already have allowed (docs/design/0002).
type effectIDs struct{ allowed, next boundsID }

// table numbers connection sets, bounds and effects, and remembers results of operations on them.
type table struct {
	sets    []netset.Conns
	setIDs  map[string]connID
	key     []byte // scratch
	pairs   []ids2
	pairIDs map[ids2]boundsID
	effects []effectIDs
	effIDs  map[effectIDs]effectID
	finals  []boundsID // by effect, one more than the number; 0 for not computed yet
	adding  []effectID // by bounds, of the tiers that allow them and leave nothing; likewise

	or, and, orB, andB, then, last cache
}

// cache remembers results by their two operands. Later results overwrite earlier ones in the same place.
type cache struct {
	keys  []uint64
	vals  []uint32
	shift int
}

// newCache makes a cache of 1<<bits places.
func newCache(bits int) cache {
	return cache{make([]uint64, 1<<bits), make([]uint32, 1<<bits), 64 - bits}
}

func (c *cache) slot(key uint64) uint64 { return key * 0x9E3779B97F4A7C15 >> c.shift }

// newTable makes a table for about so many policies.
func newTable(policies int) *table {
	most := min(max(bits.Len(uint(policies))+4, 6), 17) // all pairs meet many different intersections
	n := min(most, 15)
	t := &table{
		setIDs: map[string]connID{}, pairIDs: map[ids2]boundsID{}, effIDs: map[effectIDs]effectID{},
		or: newCache(n), and: newCache(most), orB: newCache(n), andB: newCache(most), then: newCache(n), last: newCache(n),
	}
	t.id(netset.Conns{})
	t.id(netset.All())
	t.pair(ids2{noConns, noConns})
	t.pair(ids2{allConns, allConns})
	t.pair(ids2{noConns, allConns})
	t.effect(effectIDs{noneID, noneID})
	t.effect(effectIDs{noneID, allID})
	return t
}

func (t *table) id(c netset.Conns) connID {
	t.key = c.AppendKey(t.key[:0])
	if id, ok := t.setIDs[string(t.key)]; ok {
		return id
	}
	id := connID(len(t.sets))
	t.sets = append(t.sets, c)
	t.setIDs[string(t.key)] = id
	return id
}

func (t *table) pair(p ids2) boundsID {
	if id, ok := t.pairIDs[p]; ok {
		return id
	}
	id := boundsID(len(t.pairs))
	t.pairs = append(t.pairs, p)
	t.pairIDs[p] = id
	return id
}

func (t *table) effect(e effectIDs) effectID {
	if id, ok := t.effIDs[e]; ok {
		return id
	}
	id := effectID(len(t.effects))
	t.effects = append(t.effects, e)
	t.effIDs[e] = id
	return id
}

// boundsOf numbers a pair of sets.
func (t *table) boundsOf(b Bounds) boundsID { return t.pair(ids2{t.id(b.Must), t.id(b.May)}) }

func (t *table) bounds(id boundsID) Bounds {
	p := t.pairs[id]
	return Bounds{t.sets[p.must], t.sets[p.may]}
}

// decided tells whether both bounds are the same.
func (t *table) decided(id boundsID) bool { return t.pairs[id].must == t.pairs[id].may }

func (t *table) union(a, b connID) connID {
	switch {
	case a == b || b == noConns:
		return a
	case a == noConns:
		return b
	case a == allConns || b == allConns:
		return allConns
	case a > b:
		a, b = b, a
	}
	key := uint64(a)<<32 | uint64(b)
	at := t.or.slot(key)
	if t.or.keys[at] == key {
		return t.or.vals[at]
	}
	id := t.id(t.sets[a].Union(t.sets[b]))
	t.or.keys[at], t.or.vals[at] = key, id
	return id
}

func (t *table) intersect(a, b connID) connID {
	switch {
	case a == b || b == allConns:
		return a
	case a == allConns:
		return b
	case a == noConns || b == noConns:
		return noConns
	case a > b:
		a, b = b, a
	}
	key := uint64(a)<<32 | uint64(b)
	at := t.and.slot(key)
	if t.and.keys[at] == key {
		return t.and.vals[at]
	}
	id := t.id(t.sets[a].Intersect(t.sets[b]))
	t.and.keys[at], t.and.vals[at] = key, id
	return id
}

// or2 is the union of two bounds, each part for itself.
func (t *table) or2(a, b boundsID) boundsID {
	switch {
	case a == b || b == noneID:
		return a
	case a == noneID:
		return b
	case a == allID || b == allID:
		return allID
	case a > b:
		a, b = b, a
	}
	key := uint64(a)<<32 | uint64(b)
	at := t.orB.slot(key)
	if t.orB.keys[at] == key {
		return t.orB.vals[at]
	}
	x, y := t.pairs[a], t.pairs[b]
	id := t.pair(ids2{t.union(x.must, y.must), t.union(x.may, y.may)})
	t.orB.keys[at], t.orB.vals[at] = key, id
	return id
}

// and2 is the intersection of two bounds, each part for itself.
func (t *table) and2(a, b boundsID) boundsID {
	switch {
	case a == b || b == allID:
		return a
	case a == allID:
		return b
	case a == noneID || b == noneID:
		return noneID
	case a > b:
		a, b = b, a
	}
	key := uint64(a)<<32 | uint64(b)
	at := t.andB.slot(key)
	if t.andB.keys[at] == key {
		return t.andB.vals[at]
	}
	x, y := t.pairs[a], t.pairs[b]
	id := t.pair(ids2{t.intersect(x.must, y.must), t.intersect(x.may, y.may)})
	t.andB.keys[at], t.andB.vals[at] = key, id
	return id
}

// compose is what two tiers do one after the other.
func (t *table) compose(a, b effectID) effectID {
	switch {
	case a == passesID:
		return b
	case b == passesID || t.effects[a].next == noneID:
		return a
	}
	key := uint64(a)<<32 | uint64(b)
	at := t.then.slot(key)
	if t.then.keys[at] == key {
		return t.then.vals[at]
	}
	x, y := t.effects[a], t.effects[b]
	id := t.effect(effectIDs{t.or2(x.allowed, t.and2(x.next, y.allowed)), t.and2(x.next, y.next)})
	t.then.keys[at], t.then.vals[at] = key, id
	return id
}

// adds is the effect of a tier that allows b and leaves nothing.
func (t *table) adds(b boundsID) effectID {
	if int(b) >= len(t.adding) {
		t.adding = append(t.adding, make([]effectID, len(t.pairs)-len(t.adding))...)
	}
	if t.adding[b] == 0 {
		t.adding[b] = t.effect(effectIDs{b, noneID}) + 1
	}
	return t.adding[b] - 1
}

// final is what holds after all tiers: what passes them is allowed.
func (t *table) final(e effectID) boundsID {
	if int(e) >= len(t.finals) {
		t.finals = append(t.finals, make([]boundsID, len(t.effects)-len(t.finals))...)
	}
	if t.finals[e] == 0 {
		x := t.effects[e]
		t.finals[e] = t.or2(x.allowed, x.next) + 1
	}
	return t.finals[e] - 1
}

// over is what holds where tiers do e, and what comes after them allows b and leaves nothing.
func (t *table) over(e effectID, b boundsID) boundsID {
	if e == passesID {
		return b
	}
	key := uint64(e)<<32 | uint64(b)
	at := t.last.slot(key)
	if t.last.keys[at] != key || key == 0 {
		t.last.keys[at], t.last.vals[at] = key, t.final(t.compose(e, t.adds(b)))
	}
	return t.last.vals[at]
}
