package load

import (
	"encoding/binary"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// arena hands out the memory of trees in blocks, and keeps one copy of words that come again. A block lives
// as long as one value in it does, which costs little: objects are kept or dropped by the file. The text of
// the input is copied out, so that the input, mostly indentation, can go. One goroutine at a time may use it.
type arena struct {
	values []object.Value
	fields []object.Field
	items  []*object.Value
	text   strings.Builder
	block  int // values in the last block; blocks grow, so that a small file stays small

	keys  [1 << keyBits]string
	words [1 << wordBits]string

	fieldStack []object.Field // fields of the maps being read, the innermost map last
	itemStack  []*object.Value

	same []sameText // for one reader at a time, which leaves it empty
}

const (
	keyBits  = 11
	wordBits = 12
	maxWord  = 64       // longer texts hardly ever come again
	textSize = 64 << 10 // bytes of one block of text
)

// value is a new null.
func (a *arena) value() *object.Value {
	if len(a.values) == cap(a.values) {
		a.block = min(400, max(25, 2*a.block)) // 400 values are just below what the allocator calls large
		a.values = make([]object.Value, 0, a.block)
	}
	n := len(a.values)
	a.values = a.values[:n+1]
	return &a.values[n]
}

// roomForFields is a slice of n fields without room to grow: appending copies.
func (a *arena) roomForFields(n int) []object.Field {
	if n > cap(a.fields)-len(a.fields) {
		a.fields = make([]object.Field, 0, max(n, a.block))
	}
	start := len(a.fields)
	a.fields = a.fields[:start+n]
	return a.fields[start : start+n : start+n]
}

// roomForItems is as roomForFields.
func (a *arena) roomForItems(n int) []*object.Value {
	if n > cap(a.items)-len(a.items) {
		a.items = make([]*object.Value, 0, max(n, a.block))
	}
	start := len(a.items)
	a.items = a.items[:start+n]
	return a.items[start : start+n : start+n]
}

// popFields takes the fields above base off the stack.
func (a *arena) popFields(base int) []object.Field {
	out := a.roomForFields(len(a.fieldStack) - base)
	copy(out, a.fieldStack[base:])
	a.fieldStack = a.fieldStack[:base]
	return out
}

// popItems takes the items above base off the stack.
func (a *arena) popItems(base int) []*object.Value {
	out := a.roomForItems(len(a.itemStack) - base)
	copy(out, a.itemStack[base:])
	a.itemStack = a.itemStack[:base]
	return out
}

// key is b as a field name.
func (a *arena) key(b []byte) (name string, hash uint64) {
	hash = hashOf(b)
	slot := &a.keys[hash>>(64-keyBits)]
	if *slot != string(b) {
		*slot = a.copy(b)
	}
	return *slot, hash
}

// name is s as a field name, for readers that have strings already.
func (a *arena) name(s string) string {
	name, _ := a.key([]byte(s))
	return name
}

// word is b as the text of a value.
func (a *arena) word(b []byte) string {
	if len(b) > maxWord {
		return a.copy(b)
	}
	slot := &a.words[hashOf(b)>>(64-wordBits)]
	if *slot != string(b) {
		*slot = a.copy(b)
	}
	return *slot
}

// copy is b as a string. Short ones share blocks: a builder that never grows never moves its text.
func (a *arena) copy(b []byte) string {
	if len(b) > textSize/16 {
		return string(b)
	}
	if len(b) > a.text.Cap()-a.text.Len() {
		a.text = strings.Builder{}
		a.text.Grow(min(textSize, max(len(b), 32*a.block)))
	}
	start := a.text.Len()
	a.text.Write(b)
	return a.text.String()[start:]
}

// hashOf looks at the length and at most 16 bytes: names differ at one of their ends.
func hashOf(b []byte) uint64 {
	var x, y uint64
	switch n := len(b); {
	case n >= 8:
		x, y = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		x, y = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		x, y = uint64(b[0])<<8|uint64(b[n-1]), uint64(b[n/2])
	}
	h := (x ^ uint64(len(b))*0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>32 ^ y) * 0x94d049bb133111eb
	return h ^ h>>29
}

// mapKeys finds keys that stand twice in one map. A bit in seen says that a key with this hash may be there
// already; without it no comparison is needed.
type mapKeys struct {
	base  int // where the map's fields start on the stack
	seen  uint64
	index map[string]int // only when there are many fields
}

// put adds f to the map on top of the stack, or puts it in the place of the field of the same name, and
// tells which of the two.
func (a *arena) put(m *mapKeys, f object.Field, hash uint64) (again bool) {
	bit := uint64(1) << (hash >> 20 & 63)
	if m.seen&bit != 0 {
		if i := a.find(m, f.Name); i >= 0 {
			a.fieldStack[i] = f
			return true
		}
	}
	m.seen |= bit
	if m.index != nil {
		m.index[f.Name] = len(a.fieldStack)
	}
	a.fieldStack = append(a.fieldStack, f)
	return false
}

func (a *arena) find(m *mapKeys, name string) int {
	fields := a.fieldStack[m.base:]
	if m.index == nil && len(fields) > 32 {
		m.index = make(map[string]int, 4*len(fields))
		for i := range fields {
			m.index[fields[i].Name] = m.base + i
		}
	}
	if m.index != nil {
		if i, ok := m.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range fields {
		if fields[i].Name == name {
			return m.base + i
		}
	}
	return -1
}
