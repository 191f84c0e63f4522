package load

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// plainYAML reads the part of YAML that kubectl prints and people write: block maps and lists, plain and
// quoted scalars, literal and folded text, and flow collections on one line. It gives up, ok false, on
// everything else and whenever it is in doubt, and the whole document goes to the YAML library then. What it
// does read is what the library would have made of it, to the line; the tests compare the two.
func (c *collector) plainYAML(text []byte, first int) (v *object.Value, dups []lineKey, ok bool) {
	if !plainText(text) {
		return nil, nil, false
	}
	y := blockReader{a: c.arena, b: text, line: first - 1, maxDepth: c.lim.Depth}
	y.prolog()
	if !y.end {
		v = y.block(0)
	}
	if v == nil || y.bad || !y.end { // an empty document has words of its own
		y.a.fieldStack, y.a.itemStack = y.a.fieldStack[:0], y.a.itemStack[:0]
		return nil, nil, false
	}
	return v, y.dups, true
}

// plainText tells whether text has only characters that stand for themselves: no control characters, no
// carriage returns, and none of the characters beyond ASCII that YAML 1.1 takes for line breaks or refuses.
// It must end with its last line.
func plainText(text []byte) bool {
	if len(text) == 0 || text[len(text)-1] != '\n' {
		return false
	}
	const (
		ones  = 0x0101010101010101
		lows  = 0x7f7f7f7f7f7f7f7f
		highs = 0x8080808080808080
	)
	i := 0
	for {
		for i+8 <= len(text) {
			x := binary.LittleEndian.Uint64(text[i:])
			// A byte's high bit is set in the sum when the byte is not zero.
			control := ^((x & (ones * 0x60) & lows) + lows)
			newline := ^((x^ones*'\n')&lows + lows)
			if hit := (control&^newline | (x&lows + ones) | x) & highs; hit != 0 { // DEL has its high bit in the second sum
				i += bits.TrailingZeros64(hit) / 8
				break
			}
			i += 8
		}
		if i >= len(text) {
			return true
		}
		switch b := text[i]; {
		case b == '\n' || b == '\t' || b >= ' ' && b < 0x7f:
			i++
		case b < 0x80:
			return false
		default:
			n := plainRune(text[i:])
			if n == 0 {
				return false
			}
			i += n
		}
	}
}

// blockReader reads one document line by line. Between its methods it stands at the first character of a
// line's content, or at the end.
type blockReader struct {
	a        *arena
	b        []byte
	i        int
	line     int // of i
	col      int // of i, when i is where the content of its line starts; -1 at the end
	next     int // where the next line starts
	end      bool
	bad      bool // something was met that is left to the library
	started  bool // past the line that starts the document
	comments bool // there were comments between the line before and this one
	maxDepth int
	dups     []lineKey
	buf      []byte
}

// giveUp leaves the document to the library.
func (y *blockReader) giveUp() *object.Value {
	y.bad, y.end, y.col, y.i, y.next = true, true, -1, len(y.b), len(y.b)
	return nil
}

// nextLine goes to the next line with content that is no comment.
func (y *blockReader) nextLine() {
	b, i := y.b, y.next
	y.comments = false
	for i < len(b) {
		y.line++
		start := i
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:]) ^ 0x2020202020202020
			if x != 0 {
				i += bits.TrailingZeros64(x) / 8
				break
			}
			i += 8
		}
		for i < len(b) && b[i] == ' ' {
			i++
		}
		switch {
		case i == len(b):
			y.giveUp()
			return
		case b[i] == '\n':
			i++
			continue
		case b[i] == '#':
			y.comments = true
			i += bytes.IndexByte(b[i:], '\n') + 1
			continue
		case b[i] == '\t':
			y.giveUp()
			return
		}
		y.i, y.col = i, i-start
		if y.col == 0 && y.started && documentMark(b[i:]) {
			y.giveUp() // no other text starts in the first column: the rest is a value of a map or a list
		}
		return
	}
	y.i, y.next, y.col, y.end = len(b), len(b), -1, true
}

// endLine leaves the line at i, where only a comment may follow, and goes to the next one.
func (y *blockReader) endLine(i int) {
	if y.b[i] == '\n' {
		y.next = i + 1
		y.nextLine()
		return
	}
	n := bytes.IndexByte(y.b[i:], '\n')
	rest := bytes.TrimLeft(y.b[i:i+n], " ")
	if len(rest) > 0 && (rest[0] != '#' || len(rest) == n && y.b[i-1] != ' ') {
		y.giveUp()
		return
	}
	y.next = i + n + 1
	y.nextLine()
}

// prolog goes to the first line of the document itself.
func (y *blockReader) prolog() {
	y.nextLine()
	y.started = true
	if y.col == 0 && documentMark(y.b[y.i:]) {
		if y.b[y.i] != '-' || !blankByte(y.b[y.i+3]) {
			y.giveUp()
			return
		}
		y.endLine(y.i + 3)
	}
}

// documentMark tells whether a line may be one of those that separate documents.
func documentMark(line []byte) bool {
	return len(line) > 3 && (line[0] == '-' && line[1] == '-' && line[2] == '-' || line[0] == '.' && line[1] == '.' && line[2] == '.')
}

func blankByte(b byte) bool { return b == ' ' || b == '\n' }

// block reads the collection that starts where y stands.
func (y *blockReader) block(depth int) *object.Value {
	if depth > y.maxDepth {
		return y.giveUp()
	}
	if y.b[y.i] == '-' && blankByte(y.b[y.i+1]) {
		return y.list(y.col, depth)
	}
	if name, hash, ok := y.key(); ok {
		return y.fields(y.col, depth, name, hash)
	}
	return y.giveUp()
}

// list reads a list whose dashes stand in column col.
func (y *blockReader) list(col, depth int) *object.Value {
	if depth > y.maxDepth {
		return y.giveUp()
	}
	v := y.a.value()
	v.Kind, v.Line = object.List, y.line
	base := len(y.a.itemStack)
	for {
		item := y.item(col, depth+1)
		if y.bad {
			return nil
		}
		y.a.itemStack = append(y.a.itemStack, item)
		if y.col < col || y.end {
			break
		}
		if y.col > col {
			return y.giveUp()
		}
		if y.b[y.i] != '-' || !blankByte(y.b[y.i+1]) {
			break // the list stands in the column of the map around it; if not, the caller finds out
		}
	}
	v.Items = y.a.popItems(base)
	return v
}

// item reads what follows a dash.
func (y *blockReader) item(col, depth int) *object.Value {
	i := y.i + 1
	for y.b[i] == ' ' {
		i++
	}
	if c := y.b[i]; c == '\n' || c == '#' {
		return y.below(i, col, col+1, depth)
	} else if c == '-' && blankByte(y.b[i+1]) {
		y.col, y.i = y.col+i-y.i, i
		return y.list(y.col, depth)
	}
	at := y.col + i - y.i
	y.i = i
	if name, hash, ok := y.key(); ok {
		if depth > y.maxDepth {
			return y.giveUp()
		}
		y.col = at
		return y.fields(at, depth, name, hash)
	}
	if y.bad {
		return nil
	}
	return y.value(i, col, depth)
}

// below reads a value that starts on a line below the one of i, in a column from least on, for lists only
// from listLeast on. There may be none, which is null.
func (y *blockReader) below(i, parent, least, depth int) *object.Value {
	line := y.line
	y.endLine(i)
	if y.col > parent || !y.end && y.col == least && y.b[y.i] == '-' && blankByte(y.b[y.i+1]) {
		return y.block(depth)
	}
	if depth > y.maxDepth {
		return y.giveUp()
	}
	v := y.a.value()
	v.Line = line
	return v
}

// fields reads a map whose names stand in column col; the first of them has been read.
func (y *blockReader) fields(col, depth int, name string, hash uint64) *object.Value {
	v := y.a.value()
	v.Kind, v.Line = object.Map, y.line
	m := mapKeys{base: len(y.a.fieldStack)}
	for {
		line := y.line
		i := y.i
		for y.b[i] == ' ' {
			i++
		}
		var item *object.Value
		if c := y.b[i]; c == '\n' || c == '#' {
			item = y.below(i, col, col, depth+1)
		} else {
			item = y.value(i, col, depth+1)
		}
		if y.bad {
			return nil
		}
		if y.a.put(&m, object.Field{Name: name, Line: line, Value: item}, hash) {
			y.dups = append(y.dups, lineKey{line, name})
		}
		if y.col < col || y.end {
			break
		}
		var ok bool
		if y.col > col {
			return y.giveUp()
		}
		if y.b[y.i] == '-' && blankByte(y.b[y.i+1]) {
			return y.giveUp()
		}
		if name, hash, ok = y.key(); !ok {
			return y.giveUp()
		}
	}
	v.Fields = y.a.popFields(m.base)
	return v
}

// value reads a value that starts at i, on the line of its name or dash; parent is the column of the
// collection around it.
func (y *blockReader) value(i, parent, depth int) *object.Value {
	if depth > y.maxDepth {
		return y.giveUp()
	}
	y.i = i
	switch y.b[i] {
	case '"', '\'':
		return y.quoted(parent)
	case '|', '>':
		return y.text(parent)
	case '[', '{':
		v := y.flow(depth)
		if !y.bad {
			y.endLine(y.i)
		}
		return v
	}
	if !plainStart(y.b[i:]) {
		return y.giveUp()
	}
	return y.plain(parent)
}
