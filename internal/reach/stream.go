package reach

import (
	"math/bits"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// stream gives for each point, in order, what all other points may exchange with it in one layer and family: a
// column of the matrix of all pairs, as runs. The columns are destinations (Ingress) or sources (Egress).
//
// It goes over the columns 64 at a time. What a profile of the other ends lets through to 64 columns is a few words of
// bits, as wide sets have these words ready; turning blocks of 64 by 64 bits then gives, for each column, which other
// points it is open to. Only these are looked at, along the runs of the column's own profile.
type stream struct {
	m   *Model
	l   policy.Layer
	f   family
	dir policy.Direction // of the policies at the columns

	own, others []*side  // by number of the profile
	who         []uint32 // by point: its profile among others, or one of the constants behind them
	fixed       []bool   // by word of points: all are open to every column
	host        boundsID // what the policies at a host point let through

	block      int
	groups     []group     // of this block, by profile
	ranges     [][2]uint32 // by profile: its groups
	stays      []stay      // by profile
	open, part []uint64    // by profile: the columns of this block that it is open to, and those of them not for all ports
	opens      [][]uint64  // by column of the block, then by word of points
	parts      [][]uint64
	named      map[nameKey]connID
	now        []uint64 // by number of a wide set that others refer to: the columns of this block in it
	wide       []*pointSet
	uses       [][]int32 // by profile: the numbers of its wide sets

	out []segment
}

// group is columns of a block to which a profile lets the same through.
type group struct {
	mask uint64
	val  boundsID
}

// stay is a value that a profile has for the whole of this block, and as far as a point.
type stay struct {
	until uint32 // 0 when it has several
	val   boundsID
}

// segment is points that exchange the same with a column.
type segment struct {
	lo, hi uint32
	val    boundsID
}

// What points have in place of a profile, counted from the last one: everything is let through, what the stream says
// of hosts, or nothing, as the point has no address in the family.
const (
	letsAll = iota
	letsHost
	letsNone
	constants
)

func (m *Model) newStream(l policy.Layer, f family, dir policy.Direction) *stream {
	s := &stream{m: m, l: l, f: f, dir: dir, block: -1, host: allID, named: map[nameKey]connID{}}
	if l == policy.Network && len(m.hosted) > 0 {
		s.host = openID
	}
	x := m.newSides(f)
	for _, p := range m.profiles[l][dir] {
		s.own = append(s.own, x.side(p))
	}
	back := policy.Egress
	if dir == policy.Egress {
		back = policy.Ingress
	}
	for _, p := range m.profiles[l][back] {
		s.others = append(s.others, x.side(p))
	}
	numbers := map[*pointSet]int32{}
	for _, x := range s.others {
		var uses []int32
		for _, ref := range x.refs {
			k, ok := numbers[ref.set]
			if !ok {
				k = int32(len(s.wide))
				numbers[ref.set] = k
				s.wide = append(s.wide, ref.set)
			}
			uses = append(uses, k)
		}
		s.uses = append(s.uses, uses)
	}
	n := uint32(len(s.others))
	words := (m.atoms + 63) / 64
	s.who = make([]uint32, words*64)
	for i := range s.who {
		switch {
		case i >= m.atoms || m.points[i].addr[f].none:
			s.who[i] = n + letsNone
		case i >= m.hosts:
			s.who[i] = n + letsHost
		default:
			k := m.byClass[l][back][i]
			s.who[i] = uint32(k)
			if x := s.others[k]; x.flat && len(x.rows[0].vals) == 1 && x.rows[0].vals[0] == allID {
				s.who[i] = n + letsAll
			}
		}
	}
	s.now = make([]uint64, len(s.wide))
	s.ranges, s.stays = make([][2]uint32, len(s.others)), make([]stay, len(s.others))
	s.open, s.part = make([]uint64, n+constants), make([]uint64, n+constants)
	s.open[n+letsAll], s.open[n+letsHost] = ^uint64(0), ^uint64(0)
	if s.host != allID {
		s.part[n+letsHost] = ^uint64(0)
	}
	s.opens, s.parts = make([][]uint64, 64), make([][]uint64, 64)
	for j := range s.opens {
		s.opens[j], s.parts[j] = make([]uint64, words), make([]uint64, words)
	}
	s.fixed = make([]bool, words)
	for w := range s.fixed {
		s.fixed[w] = true
		for _, k := range s.who[w*64 : w*64+64] {
			s.fixed[w] = s.fixed[w] && k == n+letsAll
		}
		for j := range s.opens {
			if s.fixed[w] {
				s.opens[j][w] = ^uint64(0)
			}
		}
	}
	return s
}

// fill finds what the others let through to the columns of a block. It costs least where blocks come in order.
func (s *stream) fill(block int) {
	if block < s.block {
		for q, x := range s.others {
			x.rewind()
			s.stays[q] = stay{}
		}
	}
	s.block, s.groups = block, s.groups[:0]
	lo, end := uint32(block*64), min(uint32(block*64+64), uint32(s.m.atoms))
	for k, set := range s.wide {
		s.now[k] = set.word(block)
	}
	for q, x := range s.others {
		if s.stays[q].until >= end {
			continue
		}
		in := uint64(0)
		if !x.slow {
			for _, k := range s.uses[q] {
				in |= s.now[k]
			}
			until := min(x.seek(lo, ^uint32(0)), x.sites.next(lo))
			if len(x.refs)+len(x.sites.wide) > 0 {
				until = min(until, end)
			}
			if until >= end && in == 0 && len(x.sites.wide) == 0 {
				s.settle(q, until, x.value(s.m.conns, 0))
				continue
			}
		}
		before := len(s.groups)
		s.group(x, s.uses[q], in, block)
		s.stays[q], s.ranges[q] = stay{}, [2]uint32{uint32(before), uint32(len(s.groups))}
		open, part := uint64(0), uint64(0)
		for _, g := range s.groups[before:] {
			open |= g.mask
			if g.val != allID {
				part |= g.mask
			}
		}
		s.open[q], s.part[q] = open, part
	}
	var open, part [64]uint64
	for w, fixed := range s.fixed {
		if fixed {
			continue
		}
		some, differ := uint64(0), uint64(0)
		for k, q := range s.who[w*64 : w*64+64] {
			open[k], part[k] = s.open[q], s.part[q]
			differ |= open[k] ^ open[0]
			some |= part[k]
		}
		if differ == 0 {
			for j := range open {
				s.opens[j][w] = -(open[0] >> j & 1)
			}
		} else {
			transpose(&open)
			for j, x := range open {
				s.opens[j][w] = x
			}
		}
		if some != 0 {
			transpose(&part)
			for j, x := range part {
				s.parts[j][w] = x
			}
		} else {
			for j := range part {
				s.parts[j][w] = 0
			}
		}
	}
}

// settle notes that a profile has one value for the whole block.
func (s *stream) settle(q int, until uint32, b boundsID) {
	s.stays[q] = stay{until, b}
	s.open[q], s.part[q] = 0, 0
	if b != noneID {
		s.open[q] = ^uint64(0)
		if b != allID {
			s.part[q] = ^uint64(0)
		}
	}
}

// group adds the groups of a profile in a block. It refers to the wide sets of uses, which hold the columns in.
func (s *stream) group(x *side, uses []int32, in uint64, block int) {
	first := len(s.groups)
	add := func(mask uint64, b boundsID) {
		switch n := len(s.groups); {
		case b == noneID:
		case n > first && s.groups[n-1].val == b:
			s.groups[n-1].mask |= mask
		default:
			s.groups = append(s.groups, group{mask, b})
		}
	}
	lo := uint32(block * 64)
	end := min(lo+64, uint32(s.m.atoms))
	special := uint64(0)
	if x.slow || len(x.names) > 0 {
		special = x.inNames(block)
	}
	in &^= special
	for at := lo; at < end; {
		next := x.seek(at, end)
		here := between(at-lo, next-lo) &^ special
		for rest := here & in; rest != 0; {
			same, mask := rest, uint64(0)
			first := bits.TrailingZeros64(rest)
			for k, n := range uses {
				same, mask = part(s.now[n], same, mask, first, k)
			}
			add(same, x.value(s.m.conns, mask))
			rest &^= same
		}
		if here &^= in; here != 0 { // in no wide set
			add(here, x.value(s.m.conns, 0))
		}
		for rest := between(at-lo, next-lo) & special; rest != 0; rest &= rest - 1 {
			k := bits.TrailingZeros64(rest)
			add(1<<k, s.single(x, block*64+k))
		}
		at = next
	}
}

// nameKey is what the value of a rule with ports by name hangs on.
type nameKey struct {
	ref   *namedRef
	ports uint32
}

// single is the value of a side at one point, on the stretch it stands on.
func (s *stream) single(x *side, i int) boundsID {
	m, t := s.m, s.m.conns
	if x.slow {
		return m.at(x.p, s.f, i)
	}
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
	return x.with(t, b)
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

// column gives the segments of a point, up to point end, sorted; two that touch differ. They hold until the next
// call. It costs least where points come in order.
func (s *stream) column(c, end int) []segment {
	s.out = s.out[:0]
	m := s.m
	if m.points[c].addr[s.f].none {
		return nil
	}
	if c/64 != s.block {
		s.fill(c / 64)
	}
	if c >= m.hosts {
		s.words(c, 0, uint32(end), s.host)
		return s.out
	}
	x := s.own[m.byClass[s.l][s.dir][c]]
	x.rewind()
	for lo := uint32(0); lo < uint32(end); {
		hi := x.seek(lo, uint32(end))
		switch {
		case !x.flat:
			s.mixed(x, c, lo, hi)
		default:
			if b := x.value(m.conns, 0); b != noneID {
				s.words(c, lo, hi, b)
			}
		}
		lo = hi
	}
	return s.out
}

// words emits the points of a stretch to which the column's own policies let b through.
func (s *stream) words(c int, lo, hi uint32, b boundsID) {
	open, part := s.opens[c%64], s.parts[c%64]
	first, last := int(lo/64), int((hi-1)/64)
	for w := first; w <= last; w++ {
		x := open[w]
		if w == first {
			x &= ^uint64(0) << (lo % 64)
		}
		if w == last {
			x &= ^uint64(0) >> (63 - (hi-1)%64)
		}
		if x == 0 {
			continue
		}
		p := part[w] & x
		if x == ^uint64(0) && p == 0 {
			s.emit(uint32(w*64), uint32(w*64+64), b)
			continue
		}
		s.bits(c, w, x, p, b)
	}
}

// bits emits points of one word.
func (s *stream) bits(c, w int, x, part uint64, b boundsID) {
	for x != 0 {
		k := bits.TrailingZeros64(x)
		i := uint32(w*64 + k)
		if part>>k&1 == 1 {
			s.emit(i, i+1, s.m.conns.and2(b, s.other(int(i), c)))
			x &= x - 1
			continue
		}
		n := bits.TrailingZeros64(^((x &^ part) >> k))
		s.emit(i, i+uint32(n), b)
		x &^= (uint64(1)<<n - 1) << k
	}
}

// mixed emits the points of a stretch where wide sets, or ports by name, tell points apart.
func (s *stream) mixed(x *side, c int, lo, hi uint32) {
	open, part := s.opens[c%64], s.parts[c%64]
	base := noneID
	if !x.slow {
		base = x.value(s.m.conns, 0)
	}
	var masks [8]uint64 // the values found last, by their wide sets
	var vals [8]boundsID
	known := 0
	value := func(mask uint64) boundsID {
		for k := range min(known, len(masks)) {
			if masks[k] == mask {
				return vals[k]
			}
		}
		b := x.value(s.m.conns, mask)
		masks[known%len(masks)], vals[known%len(masks)] = mask, b
		known++
		return b
	}
	first, last := int(lo/64), int((hi-1)/64)
	for w := first; w <= last; w++ {
		rest := open[w]
		if w == first {
			rest &= ^uint64(0) << (lo % 64)
		}
		if w == last {
			rest &= ^uint64(0) >> (63 - (hi-1)%64)
		}
		if rest == 0 {
			continue
		}
		special := uint64(0)
		if x.slow || len(x.names) > 0 {
			special = x.inNames(w)
		}
		in := special
		if !x.slow {
			in |= x.inRefs(w)
		}
		switch {
		case rest&in == 0 && base == noneID:
			continue
		case base == noneID:
			rest &= in
		}
		for rest != 0 {
			k := bits.TrailingZeros64(rest)
			if special>>k&1 == 1 {
				if b := s.single(x, w*64+k); b != noneID {
					s.bits(c, w, 1<<k, part[w], b)
				}
				rest &= rest - 1
				continue
			}
			same, mask := x.alike(w, k)
			same &= rest &^ special
			n := bits.TrailingZeros64(^(same >> k))
			same &= (uint64(1)<<n - 1) << k
			b := base
			if mask != 0 {
				b = value(mask)
			}
			if b != noneID {
				s.bits(c, w, same, part[w]&same, b)
			}
			rest &^= same
		}
	}
}

// other is what the policies at point i let through to the column.
func (s *stream) other(i, c int) boundsID {
	q := s.who[i]
	if int(q) >= len(s.others) {
		return s.host
	}
	if s.stays[q].until > 0 {
		return s.stays[q].val
	}
	for _, g := range s.groups[s.ranges[q][0]:s.ranges[q][1]] {
		if g.mask>>(c%64)&1 == 1 {
			return g.val
		}
	}
	return noneID
}

func (s *stream) emit(lo, hi uint32, b boundsID) {
	if b == noneID {
		return
	}
	if n := len(s.out); n > 0 && s.out[n-1].hi == lo && s.out[n-1].val == b {
		s.out[n-1].hi = hi
		return
	}
	s.out = append(s.out, segment{lo, hi, b})
}
