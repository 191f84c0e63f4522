package load

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// plainJSON is the JSON reader without any of what makes parseJSON fast; it leaves out nothing. It reads a stream of JSON values, one after the other, whose first line is line number first. The
// values read before an error are returned with it.
func plainJSON(depth int, text string, first int, dup func(line int, key string)) ([]*object.Value, error) {
	p := plainJSONParser{depth: depth, s: text, line: first, dup: dup}
	var values []*object.Value
	for {
		p.space()
		if p.i == len(p.s) {
			return values, nil
		}
		v, err := p.value(0)
		if err != nil {
			return values, err
		}
		values = append(values, v)
	}
}

type plainJSONParser struct {
	depth int
	s     string
	i     int
	line  int
	dup   func(line int, key string)
}

func (p *plainJSONParser) space() {
	for ; p.i < len(p.s); p.i++ {
		switch p.s[p.i] {
		case '\n':
			p.line++
		case ' ', '\t', '\r':
		default:
			return
		}
	}
}

func (p *plainJSONParser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *plainJSONParser) fail(want string) error {
	if p.i >= len(p.s) {
		return errorAt(p.line, "not valid JSON: it ends here, want %s", want)
	}
	r, _ := utf8.DecodeRuneInString(p.s[p.i:])
	return errorAt(p.line, "not valid JSON: want %s, got %q", want, r)
}

func (p *plainJSONParser) value(depth int) (*object.Value, error) {
	if depth > p.depth+4 { // a list or a snapshot wraps its objects
		return nil, errorAt(p.line, "nested deeper than %d levels", p.depth)
	}
	v := &object.Value{Line: p.line}
	switch b := p.peek(); {
	case b == '{':
		return v, p.object(v, depth)
	case b == '[':
		return v, p.array(v, depth)
	case b == '"':
		s, err := p.string()
		v.Kind, v.Text = object.String, s
		return v, err
	case b == '-' || b >= '0' && b <= '9':
		start := p.i
		for p.i < len(p.s) && strings.IndexByte("+-.eE0123456789", p.s[p.i]) >= 0 {
			p.i++
		}
		v.Kind, v.Text = object.Number, p.s[start:p.i]
		if !json.Valid([]byte(v.Text)) {
			p.i = start
			return nil, p.fail("a number")
		}
		return v, nil
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(p.s[p.i:], word) {
			p.i += len(word)
			if word != "null" {
				v.Kind, v.Text = object.Bool, word
			}
			return v, nil
		}
	}
	return nil, p.fail("a value")
}

func (p *plainJSONParser) array(v *object.Value, depth int) error {
	v.Kind = object.List
	p.i++
	p.space()
	if p.peek() == ']' {
		p.i++
		return nil
	}
	for {
		p.space()
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		v.Items = append(v.Items, item)
		p.space()
		switch p.peek() {
		case ',':
			p.i++
		case ']':
			p.i++
			return nil
		default:
			return p.fail("a comma or ]")
		}
	}
}

func (p *plainJSONParser) object(v *object.Value, depth int) error {
	v.Kind = object.Map
	p.i++
	p.space()
	if p.peek() == '}' {
		p.i++
		return nil
	}
	var m fieldSet
	for {
		p.space()
		line := p.line
		if p.peek() != '"' {
			return p.fail("a name in quotes")
		}
		if len(m.fields) == 0 {
			v.Line = line // as in YAML, a map stands where its first field does
		}
		name, err := p.string()
		if err != nil {
			return err
		}
		p.space()
		if p.peek() != ':' {
			return p.fail("a colon")
		}
		p.i++
		p.space()
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		if m.set(object.Field{Name: name, Line: line, Value: item}) {
			p.dup(line, name)
		}
		p.space()
		switch p.peek() {
		case ',':
			p.i++
		case '}':
			p.i++
			v.Fields = m.fields
			return nil
		default:
			return p.fail("a comma or }")
		}
	}
}

// string reads a quoted string. Strings without escapes share the input's memory.
func (p *plainJSONParser) string() (string, error) {
	start := p.i
	plain := true
	for p.i++; p.i < len(p.s); p.i++ {
		switch b := p.s[p.i]; {
		case b == '"':
			p.i++
			quoted := p.s[start:p.i]
			if plain && utf8.ValidString(quoted) {
				return quoted[1 : len(quoted)-1], nil
			}
			var s string
			if json.Unmarshal([]byte(quoted), &s) != nil {
				return "", errorAt(p.line, "not valid JSON: bad escape in a string")
			}
			return s, nil
		case b == '\\':
			plain = false
			p.i++
		case b < ' ':
			return "", errorAt(p.line, "not valid JSON: a string does not end on its line")
		}
	}
	p.i = len(p.s)
	return "", p.fail("the end of a string")
}
