package load

import "github.com/bulkhead-sec/bulkhead/internal/object"

// flow reads a list in brackets or a map in braces that ends on its line. Only plain words without signs
// that mean something to YAML, and strings in quotes, may be in it.
func (y *blockReader) flow(depth int) *object.Value {
	if depth > y.maxDepth {
		return y.giveUp()
	}
	v := y.a.value()
	v.Line = y.line
	if y.b[y.i] == '{' {
		return y.flowMap(v, depth)
	}
	v.Kind = object.List
	y.i++
	if y.spaces() == ']' {
		y.i++
		return v
	}
	base := len(y.a.itemStack)
	for {
		y.spaces()
		item := y.flowValue(depth + 1)
		if y.bad {
			return nil
		}
		y.a.itemStack = append(y.a.itemStack, item)
		switch y.spaces() {
		case ',':
			y.i++
		case ']':
			y.i++
			v.Items = y.a.popItems(base)
			return v
		default:
			return y.giveUp()
		}
	}
}

func (y *blockReader) flowMap(v *object.Value, depth int) *object.Value {
	v.Kind = object.Map
	y.i++
	if y.spaces() == '}' {
		y.i++
		return v
	}
	m := mapKeys{base: len(y.a.fieldStack)}
	for {
		y.spaces()
		raw, quoted, ok := y.flowWord()
		if !ok || y.b[y.i] != ':' || y.b[y.i+1] != ' ' {
			return y.giveUp()
		}
		y.i++
		name, hash := y.a.key(raw)
		if !quoted && !wordy(raw) {
			other, err := plainKey(name)
			if err != nil || name == "<<" {
				return y.giveUp()
			}
			if other != name {
				name, hash = y.a.key([]byte(other))
			}
		}
		y.spaces()
		item := y.flowValue(depth + 1)
		if y.bad {
			return nil
		}
		if y.a.put(&m, object.Field{Name: name, Line: y.line, Value: item}, hash) {
			y.dups = append(y.dups, lineKey{y.line, name})
		}
		switch y.spaces() {
		case ',':
			y.i++
		case '}':
			y.i++
			v.Fields = y.a.popFields(m.base)
			return v
		default:
			return y.giveUp()
		}
	}
}

// spaces steps over spaces and gives the byte after them.
func (y *blockReader) spaces() byte {
	for y.b[y.i] == ' ' {
		y.i++
	}
	return y.b[y.i]
}

func (y *blockReader) flowValue(depth int) *object.Value {
	if depth > y.maxDepth {
		return y.giveUp()
	}
	if c := y.b[y.i]; c == '[' || c == '{' {
		return y.flow(depth)
	}
	raw, quoted, ok := y.flowWord()
	if !ok {
		return y.giveUp()
	}
	if !quoted {
		return y.scalar(raw, y.line)
	}
	v := y.a.value()
	v.Kind, v.Line, v.Text = object.String, y.line, y.a.word(raw)
	return v
}

// flowWord reads a scalar: in quotes, or of letters, digits and a few signs, with single spaces in it.
func (y *blockReader) flowWord() (raw []byte, quoted, ok bool) {
	if c := y.b[y.i]; c == '"' || c == '\'' {
		raw, end, ok := quotedOnLine(y.b, y.i)
		if !ok || end-y.i > maxKey {
			return nil, true, false
		}
		y.i = end
		return raw, true, true
	}
	start, end := y.i, y.i
	for {
		switch c := y.b[y.i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '/', c == '*' && y.i > start, c == '-' && y.flowDash(start):
			y.i++
			end = y.i
		case c == ':' && y.i > start && flowLetter(y.b[y.i+1]):
			y.i++
			end = y.i
		case c == ' ' && y.i > start:
			y.i++
		default:
			return y.b[start:end], false, end > start && end-start <= maxKey
		}
	}
}

// flowDash tells whether the dash at i is part of a word that started at start.
func (y *blockReader) flowDash(start int) bool {
	return y.i > start || flowLetter(y.b[y.i+1])
}

func flowLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '/'
}
