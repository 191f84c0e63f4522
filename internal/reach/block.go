package reach

import "math/bits"

// blockSides is what the profiles of the other ends let through to a block of 64 columns. Where a profile's rows have
// no new value in the block, only words of its wide sets are looked at.
type blockSides struct {
	groups []group // of this block, by profile
	stills []still // by profile
	faces  []face  // by profile, or constant behind them

	befores   []*effectWords // what the tiers before those that add do
	beforeNow [][]effectWord // the same in this block

	sets      []bitset    // the parts of wide sets that others refer to
	setsNow   []uint64    // the columns of this block in each
	wide      []wideParts // the wide sets
	partsOf   []int32     // of wide sets: numbers of sets
	now       []uint64    // by wide set: the columns of this block in it
	uses      []int32     // of profiles: the numbers of wide sets
	vals      []boundsID  // of profiles: one more than what their rows allow, by the wide sets that hold the column; 0 is not known yet
	names     []nameWords // of the profile and block at hand
	sameNames [64]uint64  // by column of the block: those that have the same ports by name
	ports     [64]int     // likewise: the number of these ports
	portSets  int         // how many there are, with those of what is no pod
	named     map[nameKey]connID
}

// face is what a profile lets through to the columns of the block at hand.
type face struct {
	open       uint64   // the columns that it is open to
	just       boundsID // what it lets through to all of these, when that is one thing; else noneID
	first, end uint32   // its groups, when it is not
	part       uint32   // 1 when to some of them not all ports are open
}

// group is columns of a block to which a profile lets the same through.
type group struct {
	mask uint64
	val  boundsID
}

// still is a profile as long as its rows have no new value.
type still struct {
	until   uint32   // the point where that ends; 0 when the profile has to be asked
	base    boundsID // what it lets through, or what its row that adds allows, in none of its wide sets
	use     int32    // its first wide set in uses: first those that its row adds, then those of ports by name
	n, adds int32    // how many there are, and of the first kind
	vals    int32    // its first value in vals
	memo    int32    // how many values; 0 when there would be too many
	before  int32    // number among befores
	byPorts bool     // by the ports of the column, too
	settled bool     // the face is that of base
	flat    bool     // as in side
	doubt   bool     // likewise
}

// wideParts is where the parts of a wide set are in partsOf.
type wideParts struct{ first, end int32 }

// nameWords is the columns of a block that a rule with ports by name matches, possibly and certainly.
type nameWords struct {
	ref               *namedRef
	possible, certain uint64
}

// maxMemo is up to how many wide sets a profile has a value ready for each combination, and maxVals how many values.
const maxMemo, maxVals = 5, 2048

// number gives numbers to the wide sets of the other ends, and to their parts.
func (s *stream) number() {
	wide, parts, befores := map[*pointSet]int32{}, map[*uint64]int32{}, map[*effectWords]int32{}
	s.stills = make([]still, len(s.others))
	for i := range s.m.hosts {
		s.portSets = max(s.portSets, int(s.m.points[i].ports)+2)
	}
	for q, x := range s.others {
		t := still{use: int32(len(s.uses)), n: int32(len(x.refs) + len(x.sites.wide)), adds: int32(len(x.refs)), vals: int32(len(s.vals)), byPorts: len(x.sites.wide) > 0, flat: x.flat, doubt: x.doubt}
		if x.before != nil {
			k, ok := befores[x.before]
			if !ok {
				k = int32(len(s.befores))
				befores[x.before] = k
				s.befores = append(s.befores, x.before)
			}
			t.before = k
		}
		for i := range t.n {
			var set *pointSet
			if i < t.adds {
				set = x.refs[i].set
			} else {
				set = x.sites.wide[i-t.adds]
			}
			k, ok := wide[set]
			if !ok {
				k = int32(len(s.wide))
				wide[set] = k
				first := int32(len(s.partsOf))
				for _, p := range set.parts {
					i, ok := parts[&p[0]]
					if !ok {
						i = int32(len(s.sets))
						parts[&p[0]] = i
						s.sets = append(s.sets, p)
					}
					s.partsOf = append(s.partsOf, i)
				}
				s.wide = append(s.wide, wideParts{first, int32(len(s.partsOf))})
			}
			s.uses = append(s.uses, k)
		}
		if n := 1 << min(t.n, maxMemo); 0 < t.n && t.n <= maxMemo && (!t.byPorts || n*s.portSets <= maxVals) {
			if t.memo = int32(n); t.byPorts {
				t.memo *= int32(s.portSets)
			}
			s.vals = append(s.vals, make([]boundsID, t.memo)...)
		}
		s.stills[q] = t
	}
	s.setsNow, s.now, s.beforeNow = make([]uint64, len(s.sets)), make([]uint64, len(s.wide)), make([][]effectWord, len(s.befores))
}

// fill finds what the others let through to the columns of a block. It costs least where blocks come in order.
func (s *stream) fill(block int) {
	if block < s.block {
		for q, x := range s.others {
			x.rewind()
			s.stills[q].until = 0
		}
	}
	s.block, s.groups = block, s.groups[:0]
	s.sortNames(block)
	for k, set := range s.sets {
		s.setsNow[k] = set[block]
	}
	for k, w := range s.wide {
		x := ^uint64(0)
		for _, p := range s.partsOf[w.first:w.end] {
			x &= s.setsNow[p]
		}
		s.now[k] = x
	}
	for k, e := range s.befores {
		s.beforeNow[k] = e.of(block)
	}
	end := min(uint32(block*64+64), uint32(s.m.atoms))
	for q := range s.stills {
		switch t := &s.stills[q]; {
		case t.until < end && !s.stand(q, t, uint32(block*64), end):
			s.gather(q, block)
		case !t.flat:
			s.combine(q, t)
		case !t.settled:
			t.settled = true
			s.settle(q, t.base)
		}
	}
	s.turn()
}

// stand goes on to a block. It reports false when the rows of the profile have several values in it.
func (s *stream) stand(q int, t *still, lo, end uint32) bool {
	x := s.others[q]
	t.until, t.settled = 0, false
	if x.slow || x.sites.odd {
		return false
	}
	until := min(x.seekOwn(lo, ^uint32(0)), x.sites.next(lo))
	if until < end {
		return false
	}
	if t.until = until; x.flat {
		t.base = x.value(s.m.conns, 0)
	} else if b := x.bare(s.m.conns, 0); b != t.base {
		t.base = b
		clear(s.vals[t.vals : t.vals+t.memo])
	}
	return true
}

// settle notes that a profile lets the same through to the whole block.
func (s *stream) settle(q int, b boundsID) {
	f := &s.faces[q]
	if *f = (face{just: b}); b != noneID {
		f.open = ^uint64(0)
		if b != allID {
			f.part = 1
		}
	}
}

// combine finds the groups of a profile with wide sets.
func (s *stream) combine(q int, t *still) {
	first, in := len(s.groups), uint64(0)
	uses := s.uses[t.use : t.use+t.n]
	for _, k := range uses {
		in |= s.now[k]
	}
	before := s.beforeNow[t.before]
	if in == 0 && len(before) == 1 {
		s.settle(q, s.over(q, t, before[0].does, t.base))
		return
	}
	for _, e := range before {
		if out := e.points &^ in; out != 0 {
			s.join(first, out, s.over(q, t, e.does, t.base))
		}
		for rest := e.points & in; rest != 0; {
			same, mask := rest, uint64(0)
			at := bits.TrailingZeros64(rest)
			for k, n := range uses {
				same, mask = narrowed(s.now[n], same, mask, at, k)
			}
			i := int(mask)
			if t.byPorts {
				i *= s.portSets
				if mask>>t.adds != 0 {
					same &= s.sameNames[at]
					i += s.ports[at]
				}
			}
			rest &^= same
			var b boundsID
			if t.memo == 0 {
				b = s.allowed(q, t, mask, at)
			} else if v := &s.vals[int(t.vals)+i]; *v != 0 {
				b = *v - 1
			} else {
				b = s.allowed(q, t, mask, at)
				*v = b + 1
			}
			s.join(first, same, s.over(q, t, e.does, b))
		}
	}
	s.done(q, first)
}

// over is side.over of a profile, which is only looked at where that matters.
func (s *stream) over(q int, t *still, e effectID, b boundsID) boundsID {
	if t.doubt {
		return s.others[q].over(s.m.conns, e, b)
	}
	return s.m.conns.over(e, b)
}

// allowed is what the row that adds allows to column k of the block, which is in the wide sets of mask.
func (s *stream) allowed(q int, t *still, mask uint64, k int) boundsID {
	x := s.others[q]
	b := x.bare(s.m.conns, mask&(1<<t.adds-1))
	for names := mask >> t.adds; names != 0; names &= names - 1 {
		c := s.namedConns(x.tier, x.sites.by[bits.TrailingZeros64(names)], s.block*64+k)
		b = s.m.conns.or2(b, s.m.conns.pair(ids2{c, c}))
	}
	return b
}

// join adds columns to the groups of a profile, which begin at first.
func (s *stream) join(first int, mask uint64, b boundsID) {
	switch n := len(s.groups); {
	case b == noneID:
	case n > first && s.groups[n-1].val == b:
		s.groups[n-1].mask |= mask
	default:
		s.groups = append(s.groups, group{mask, b})
	}
}

// done notes that the groups of a profile are complete.
func (s *stream) done(q, first int) {
	f := &s.faces[q]
	*f = face{first: uint32(first), end: uint32(len(s.groups))}
	for i, g := range s.groups[first:] {
		f.open |= g.mask
		if g.val != allID {
			f.part = 1
		}
		if i == 0 {
			f.just = g.val
		} else if g.val != f.just {
			f.just = noneID
		}
	}
}

// gather finds the groups of a profile whatever is in its rows.
func (s *stream) gather(q, block int) {
	x, t, first := s.others[q], s.m.conns, len(s.groups)
	lo := uint32(block * 64)
	end := min(lo+64, uint32(s.m.atoms))
	if x.slow {
		for i := lo; i < end; i++ {
			s.join(first, 1<<(i-lo), s.m.at(x.p, s.f, int(i)))
		}
		s.done(q, first)
		return
	}
	uses := s.uses[s.stills[q].use : s.stills[q].use+s.stills[q].adds]
	in, special := uint64(0), s.nameWords(x, lo, end)
	for _, k := range uses {
		in |= s.now[k]
	}
	for at := lo; at < end; {
		next := x.seek(at, end)
		here := between(at-lo, next-lo)
		if out := here &^ (in | special); out != 0 {
			s.join(first, out, x.value(t, 0))
		}
		for rest := here & (in | special); rest != 0; {
			same, mask := rest, uint64(0)
			k := bits.TrailingZeros64(rest)
			for i, n := range uses {
				same, mask = narrowed(s.now[n], same, mask, k, i)
			}
			b := x.bare(t, mask)
			if special>>k&1 == 1 {
				same, b = s.byName(x, same, b, block, k)
			} else {
				same &^= special
			}
			rest &^= same
			s.join(first, same, x.with(t, b))
		}
		at = next
	}
	s.done(q, first)
}

// nameWords finds the columns that the rules of a side with ports by name match, and gives all of them.
func (s *stream) nameWords(x *side, lo, end uint32) uint64 {
	s.names = s.names[:0]
	all := uint64(0)
	word := func(set *pointSet) (w uint64) {
		set.within(lo, end, func(from, to uint32) { w |= between(from-lo, to-lo) })
		return w
	}
	for _, n := range x.names {
		p := word(n.peer.possible)
		if p == 0 {
			continue
		}
		all |= p
		c := p
		if n.peer.certain != n.peer.possible {
			c = word(n.peer.certain)
		}
		s.names = append(s.names, nameWords{n.namedRef, p, c})
	}
	return all
}

// byName adds what rules with ports by name allow at column k of the block to b, and narrows columns to those where that
// is the same.
func (s *stream) byName(x *side, columns uint64, b boundsID, block, k int) (uint64, boundsID) {
	columns &= s.sameNames[k]
	for i := range s.names {
		n := &s.names[i]
		var possible, certain uint64
		columns, possible = narrowed(n.possible, columns, 0, k, 0)
		columns, certain = narrowed(n.certain, columns, 0, k, 0)
		if possible == 0 {
			continue
		}
		c := s.namedConns(x.tier, n.ref, block*64+k)
		p := ids2{noConns, c}
		if certain != 0 {
			p.must = c
		}
		b = s.m.conns.or2(b, s.m.conns.pair(p))
	}
	return columns, b
}

// sortNames makes ports and sameNames those of a block.
func (s *stream) sortNames(block int) {
	for k := range s.ports {
		s.ports[k] = s.portSets - 1
		if i := block*64 + k; i < s.m.hosts {
			s.ports[k] = int(s.m.points[i].ports)
		}
	}
	done := uint64(0)
	for k, ports := range s.ports {
		if done>>k&1 == 1 {
			continue
		}
		same := uint64(0)
		for j := k; j < 64; j++ {
			if s.ports[j] == ports {
				same |= 1 << j
			}
		}
		for x := same; x != 0; x &= x - 1 {
			s.sameNames[bits.TrailingZeros64(x)] = same
		}
		done |= same
	}
}

// turn gives each column of the block the points that are open to it.
func (s *stream) turn() {
	var open [64]uint64
	for w, fixed := range s.fixed {
		if fixed {
			continue
		}
		several, row, part := uint64(0), uint64(0), uint64(0)
		for k, q := range s.who[w*64 : w*64+64] {
			f := &s.faces[q]
			open[k&63] = f.open
			several |= (f.open + 1) >> 1 // 0 as long as each is none or all of the columns
			row |= f.open & (1 << (k & 63))
			part |= uint64(f.part) << (k & 63)
		}
		s.parts[w] = part
		switch {
		case several != 0:
			s.isAlike[w] = false
			transpose(&open)
			s.opens[w] = open
		case !s.isAlike[w] || s.opens[w][0] != row:
			s.isAlike[w] = true
			for j := range s.opens[w] {
				s.opens[w][j] = row
			}
		}
	}
}

// nameKey is what the value of a rule with ports by name hangs on.
type nameKey struct {
	ref   *namedRef
	ports uint32
}

// single is what the row of a side that adds allows at one point, on the stretch it stands on.
func (s *stream) single(x *side, i int) boundsID {
	t := s.m.conns
	b := x.rows[1].vals[x.at[1]]
	for j := range x.refs {
		if x.refs[j].set.has(i) {
			b = t.or2(b, x.refs[j].add)
		}
	}
	for _, n := range x.names {
		if n.peer.possible.has(i) {
			c := s.namedConns(x.tier, n.namedRef, i)
			p := ids2{noConns, c}
			if n.peer.certain.has(i) {
				p.must = c
			}
			b = t.or2(b, t.pair(p))
		}
	}
	return b
}

// namedConns is the ports of a rule at a point; classes of equal ports have the same.
func (s *stream) namedConns(t *tier, n *namedRef, i int) connID {
	if i >= s.m.hosts {
		return s.m.conns.id(s.m.ruleConns(t.binding, n.rule, i))
	}
	key := nameKey{n, s.m.points[i].ports}
	c, ok := s.named[key]
	if !ok {
		c = s.m.conns.id(s.m.ruleConns(t.binding, n.rule, i))
		s.named[key] = c
	}
	return c
}
