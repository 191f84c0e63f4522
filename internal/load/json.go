package load

import (
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// jsonText is what a stream of JSON values says.
type jsonText struct {
	values  []*object.Value
	dups    []lineKey // names that stand twice in a map
	braces  bool      // there may be braces in a string
	badText bool      // a string is not UTF-8
	whole   bool      // there may be parts that nobody reads
}

// parseJSON reads a stream of JSON values, one after the other, whose first line is line number first. What
// was read before an error is returned with it. Parts that unread.go names are checked and left out.
func (c *collector) parseJSON(text []byte, first int) (jsonText, error) {
	p := jsonParser{a: c.arena, b: text, line: first, maxDepth: c.lim.Depth}
	if len(text) > sameWorth {
		if c.arena.same == nil {
			c.arena.same = make([]sameText, 1<<sameBits)
		}
		p.same = c.arena.same
		defer clear(p.same)
	}
	var values []*object.Value
	var err error
	for err == nil && p.next() != 0 || p.i < len(p.b) {
		var v *object.Value
		if v, err = p.value(0, top); err != nil {
			p.a.fieldStack, p.a.itemStack = p.a.fieldStack[:0], p.a.itemStack[:0]
			break
		}
		values = append(values, v)
	}
	return jsonText{values, p.dups, p.braces != 0, p.badText, p.whole}, err
}

type jsonParser struct {
	a        *arena
	b        []byte
	i        int
	line     int
	maxDepth int
	dups     []lineKey
	dropped  object.Value // stands for what is left out until its map is complete
	braces   uint64       // not 0 when a string may have a brace in it
	badText  bool         // a string is not UTF-8
	whole    bool         // something was kept because its place was not known
	seen     []uint64     // hashes of the names in the maps that are being skipped

	same    []sameText // by path; nil when nothing is compared
	path    uint64     // of the value being read in its object
	list    listType   // what the list around an item says of it
	guessed bool       // parts of the item were left out because of that
	sharing bool       // in an item of a list
}

func (p *jsonParser) space() {
	b, i := p.b, p.i
	for i < len(b) {
		switch b[i] {
		case '\n':
			p.line++
		case ' ', '\t', '\r':
		default:
			p.i = i
			return
		}
		i++
		for i+8 <= len(b) { // indentation
			if x := binary.LittleEndian.Uint64(b[i:]) ^ 0x2020202020202020; x != 0 {
				i += bits.TrailingZeros64(x) / 8
				break
			}
			i += 8
		}
	}
	p.i = i
}

// next steps over white space and gives the byte after it, 0 at the end.
func (p *jsonParser) next() byte {
	b, i := p.b, p.i
	if i+1 < len(b) {
		if b[i] > ' ' {
			return b[i]
		}
		if b[i] == ' ' && b[i+1] > ' ' {
			p.i++
			return b[i+1]
		}
	}
	p.space()
	return p.peek()
}

func (p *jsonParser) peek() byte {
	if p.i < len(p.b) {
		return p.b[p.i]
	}
	return 0
}

func (p *jsonParser) fail(want string) error {
	if p.i >= len(p.b) {
		return errorAt(p.line, "not valid JSON: it ends here, want %s", want)
	}
	r, _ := utf8.DecodeRune(p.b[p.i:])
	return errorAt(p.line, "not valid JSON: want %s, got %q", want, r)
}

func (p *jsonParser) value(depth int, at place) (*object.Value, error) {
	if depth > p.maxDepth+4 { // a list or a snapshot wraps its objects
		return nil, errorAt(p.line, "nested deeper than %d levels", p.maxDepth)
	}
	b := p.peek()
	if b == '{' && at == top {
		if depth <= maxObjectDepth {
			return p.document(depth)
		}
		at, p.whole = elsewhere, true
	}
	v := p.a.value()
	v.Line = p.line
	switch {
	case b == '"':
		raw, plain, err := p.quoted()
		if err != nil {
			return nil, err
		}
		v.Kind = object.String
		if plain {
			v.Text = p.a.word(raw)
			return v, nil
		}
		v.Text, err = p.unquote(raw)
		return v, err
	case b == '{':
		return v, p.object(v, depth, at)
	case b == '[':
		return v, p.array(v, depth, at)
	case b == '-' || b >= '0' && b <= '9':
		start := p.i
		for p.i < len(p.b) && numberByte(p.b[p.i]) {
			p.i++
		}
		if !jsonNumber(p.b[start:p.i]) {
			p.i = start
			return nil, p.fail("a number")
		}
		v.Kind, v.Text = object.Number, p.a.word(p.b[start:p.i])
		return v, nil
	}
	switch word := p.literal(); word {
	case "":
		return nil, p.fail("a value")
	case "null":
	default:
		v.Kind, v.Text = object.Bool, word
	}
	return v, nil
}

// literal steps over true, false or null; "" when none of them stands here.
func (p *jsonParser) literal() string {
	rest := p.b[p.i:]
	for _, word := range [...]string{"true", "false", "null"} {
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			p.i += len(word)
			return word
		}
	}
	return ""
}

func numberByte(b byte) bool {
	return b >= '0' && b <= '9' || b == '-' || b == '+' || b == '.' || b == 'e' || b == 'E'
}

// jsonNumber checks the grammar of RFC 8259, section 6.
func jsonNumber(b []byte) bool {
	digits := func() int {
		n := 0
		for n < len(b) && b[n] >= '0' && b[n] <= '9' {
			n++
		}
		b = b[n:]
		return n
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	zero := len(b) > 0 && b[0] == '0'
	if n := digits(); n == 0 || zero && n > 1 {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		b = b[1:]
		if digits() == 0 {
			return false
		}
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		b = b[1:]
		if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
			b = b[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return len(b) == 0
}

func (p *jsonParser) array(v *object.Value, depth int, at place) error {
	v.Kind = object.List
	p.i++
	if p.next() == ']' {
		p.i++
		return nil
	}
	base := len(p.a.itemStack)
	for {
		var item *object.Value
		var err error
		if first := p.next(); p.sharing && at != top && (first == '{' || first == '[') && depth < sameDepth {
			item, err = p.compared(uint64(len(p.a.itemStack)-base), depth+1, at)
		} else {
			item, err = p.value(depth+1, at)
		}
		if err != nil {
			return err
		}
		p.a.itemStack = append(p.a.itemStack, item)
		switch p.next() {
		case ',':
			p.i++
		case ']':
			p.i++
			v.Items = p.a.popItems(base)
			return nil
		default:
			return p.fail("a comma or ]")
		}
	}
}

func (p *jsonParser) object(v *object.Value, depth int, at place) error {
	v.Kind = object.Map
	p.i++
	if p.next() == '}' {
		p.i++
		return nil
	}
	m := mapKeys{base: len(p.a.fieldStack)}
	left := false
	v.Line = p.line // as in YAML, a map stands where its first field does
	for {
		first := p.next()
		line := p.line
		if first != '"' {
			return p.fail("a name in quotes")
		}
		raw, plain, err := p.quoted()
		if err != nil {
			return err
		}
		if !plain {
			s, err := p.unquote(raw)
			if err != nil {
				return err
			}
			raw = []byte(s)
		}
		name, hash := p.a.key(raw)
		if p.next() != ':' {
			return p.fail("a colon")
		}
		p.i++
		p.next()
		below := elsewhere
		if at == top {
			below = p.part(name, m.base)
		} else if at != elsewhere {
			below = at.below(name)
		}
		var item *object.Value
		switch b := p.peek(); {
		case below == top:
			item, err = p.items(depth+1, m.base)
		case p.sharing && (b == '{' || b == '[') && depth < sameDepth:
			item, err = p.compared(hash, depth+1, below)
		default:
			item, err = p.read(depth+1, below)
		}
		if err != nil {
			return err
		}
		left = left || item == &p.dropped
		if p.a.put(&m, object.Field{Name: name, Line: line, Value: item}, hash) {
			p.dups = append(p.dups, lineKey{line, name})
		}
		switch p.next() {
		case ',':
			p.i++
		case '}':
			p.i++
			if left {
				p.leaveOut(m.base)
			}
			v.Fields = p.a.popFields(m.base)
			return nil
		default:
			return p.fail("a comma or }")
		}
	}
}

// quoted steps over a string and gives what is between its quotes. plain tells that it stands for itself.
func (p *jsonParser) quoted() (raw []byte, plain bool, err error) {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	b, i := p.b, p.i+1
	start := i
	plain = true
	ascii := true
	for {
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			quote, slash := x^(ones*'"'), x^(ones*'\\')
			hit := (x - ones*' ') &^ x
			hit = (hit | (quote-ones)&^quote | (slash-ones)&^slash | x) & highs
			brace := x ^ ones*'{'
			brace = (brace - ones) &^ brace & highs
			if hit != 0 {
				p.braces |= brace & (hit ^ (hit - 1))
				i += bits.TrailingZeros64(hit) / 8
				break
			}
			p.braces |= brace
			i += 8
		}
		if i >= len(b) {
			p.i = len(b)
			return nil, false, p.fail("the end of a string")
		}
		switch c := b[i]; {
		case c == '"':
			p.i = i + 1
			raw = b[start:i]
			if !ascii && !utf8.Valid(raw) {
				p.badText, plain = true, false
			}
			return raw, plain, nil
		case c == '\\':
			plain = false
			i += 2
		case c < ' ':
			p.i = i
			return nil, false, errorAt(p.line, "not valid JSON: a string does not end on its line")
		default:
			ascii = ascii && c < utf8.RuneSelf
			if c == '{' {
				p.braces = 1
			}
			i++
		}
	}
}

// unquote resolves escapes, and puts U+FFFD for what is not UTF-8.
func (p *jsonParser) unquote(raw []byte) (string, error) {
	if s, ok := p.simple(raw); ok {
		return s, nil
	}
	p.braces = 1 // any character may hide in an escape
	quoted := append(append(append(make([]byte, 0, len(raw)+2), '"'), raw...), '"')
	var s string
	if json.Unmarshal(quoted, &s) != nil {
		return "", errorAt(p.line, "not valid JSON: bad escape in a string")
	}
	return s, nil
}

// simple resolves the escapes of one letter.
func (p *jsonParser) simple(raw []byte) (string, bool) {
	if !utf8.Valid(raw) {
		return "", false
	}
	var out strings.Builder
	out.Grow(len(raw))
	for {
		i := 0
		for i < len(raw) && raw[i] != '\\' {
			i++
		}
		out.Write(raw[:i])
		if i == len(raw) {
			return out.String(), true
		}
		if i+1 == len(raw) {
			return "", false
		}
		k := strings.IndexByte(`"\/bfnrt`, raw[i+1])
		if k < 0 {
			return "", false
		}
		out.WriteByte("\"\\/\b\f\n\r\t"[k])
		raw = raw[i+2:]
	}
}
