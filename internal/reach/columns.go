package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
)

// column is the values that things (pod classes, namespaces) have under one key, by their number. Value 0 is
// "has none"; unknownValue says that it is not known.
type column struct {
	of     []uint32
	ids    map[string]uint32
	values []string  // by value; the first is not used
	places [][]int32 // by value: the things that have it, sorted
	later  []int32   // the things whose value is not known
}

const unknownValue = ^uint32(0)

func newColumn(n int) *column {
	return &column{of: make([]uint32, n), ids: map[string]uint32{}, values: []string{""}, places: [][]int32{nil}}
}

// set gives a thing a value. Things are set in order.
func (c *column) set(i int, value string) {
	id, ok := c.ids[value]
	if !ok {
		id = uint32(len(c.values))
		c.ids[value] = id
		c.values = append(c.values, value)
		c.places = append(c.places, nil)
	}
	c.of[i] = id
	c.places[id] = append(c.places[id], int32(i))
}

func (c *column) setUnknown(i int) {
	c.of[i] = unknownValue
	c.later = append(c.later, int32(i))
}

// condition is a requirement made ready for a column: the values that it matches.
type condition struct {
	col    *column
	ids    []uint32 // sorted
	not    bool     // it matches what has none of ids
	absent bool     // it matches what has no value
	unseen bool     // the engine may take every value for none
}

// conditionOf resolves a requirement. A column nil stands for things that all have no value. The values are put behind
// those of buf.
func conditionOf(r *cluster.Requirement, col *column, seen bool, buf *[]uint32) condition {
	c := condition{col: col, absent: r.MatchesValue("", false), unseen: !seen}
	c.not = c.absent
	if col == nil {
		return c
	}
	first := len(*buf)
	add := func(value string, id uint32) {
		// ids holds what the requirement matches, or for a negative one what it does not.
		if r.MatchesValue(value, true) != c.not {
			*buf = append(*buf, id)
		}
	}
	switch r.Op {
	case cluster.In, cluster.NotIn:
		for _, v := range r.Values {
			if id, ok := col.ids[v]; ok {
				add(v, id)
			}
		}
	default:
		for id, v := range col.values {
			if id > 0 {
				add(v, uint32(id))
			}
		}
	}
	c.ids = (*buf)[first:len(*buf):len(*buf)]
	slices.Sort(c.ids)
	return c
}

// matches tells whether a thing meets the condition.
func (c *condition) matches(i int) enforcer.Answer {
	v := uint32(0)
	if c.col != nil {
		v = c.col.of[i]
	}
	if v == unknownValue {
		return enforcer.Unknown
	}
	m := c.absent
	if v != 0 {
		m = c.holds(v) != c.not
		if c.unseen && m != c.absent {
			return enforcer.Unknown
		}
	}
	if m {
		return enforcer.Yes
	}
	return enforcer.No
}

func (c *condition) holds(v uint32) bool {
	if len(c.ids) < 8 {
		return slices.Contains(c.ids, v)
	}
	_, ok := slices.BinarySearch(c.ids, v)
	return ok
}

// candidates counts the things that may meet the condition, when it names what they must have; ok is false when
// it may be anything.
func (c *condition) candidates() (n int, ok bool) {
	if c.not || c.col == nil {
		return 0, c.col == nil && !c.absent
	}
	n = len(c.col.later)
	for _, id := range c.ids {
		n += len(c.col.places[id])
	}
	return n, true
}

// list is the things that candidates counted, sorted.
func (c *condition) list() []int32 {
	if c.col == nil {
		return nil
	}
	out := slices.Clone(c.col.later)
	for _, id := range c.ids {
		out = append(out, c.col.places[id]...)
	}
	slices.Sort(out)
	return out
}

// all tells whether a thing meets every condition.
func all(cs []condition, i int) enforcer.Answer {
	answer := enforcer.Yes
	for k := range cs {
		switch cs[k].matches(i) {
		case enforcer.No:
			return enforcer.No
		case enforcer.Unknown:
			answer = enforcer.Unknown
		case enforcer.Yes:
		}
	}
	return answer
}
