package load

import (
	"slices"
	"unicode/utf8"
)

// skipped steps over one value that is left out, when nothing in it is worth a word. Otherwise it stays
// where it was, and the value has to be read like any other, so that its errors and its duplicate names are
// reported in the same words.
func (p *jsonParser) skipped(depth int) bool {
	start, line, braces := p.i, p.line, p.braces
	ok := p.skip(depth)
	p.braces = braces // nobody looks for variables in it
	if ok {
		return true
	}
	p.i, p.line, p.seen = start, line, p.seen[:0]
	return false
}

func (p *jsonParser) skip(depth int) bool {
	if depth > p.maxDepth+4 {
		return false
	}
	switch b := p.peek(); {
	case b == '"':
		raw, plain, err := p.quoted()
		return err == nil && (plain || knownEscapes(raw))
	case b == '{':
		return p.skipObject(depth)
	case b == '[':
		return p.skipArray(depth)
	case b == '-' || b >= '0' && b <= '9':
		start := p.i
		for p.i < len(p.b) && numberByte(p.b[p.i]) {
			p.i++
		}
		return jsonNumber(p.b[start:p.i])
	}
	return p.literal() != ""
}

func (p *jsonParser) skipArray(depth int) bool {
	p.i++
	if p.next() == ']' {
		p.i++
		return true
	}
	for {
		p.next()
		if !p.skip(depth + 1) {
			return false
		}
		switch p.next() {
		case ',':
			p.i++
		case ']':
			p.i++
			return true
		default:
			return false
		}
	}
}

// skipObject gives up on a map with more names than it is quick to compare, and on two names with the same
// hash.
func (p *jsonParser) skipObject(depth int) bool {
	p.i++
	if p.next() == '}' {
		p.i++
		return true
	}
	base := len(p.seen)
	for {
		p.next()
		if p.next() != '"' {
			return false
		}
		raw, plain, err := p.quoted()
		if err != nil || !plain {
			return false
		}
		hash := hashOf(raw)
		if slices.Contains(p.seen[base:], hash) || len(p.seen)-base > 64 {
			return false
		}
		p.seen = append(p.seen, hash)
		if p.next() != ':' {
			return false
		}
		p.i++
		p.next()
		if !p.skip(depth + 1) {
			return false
		}
		switch p.next() {
		case ',':
			p.i++
		case '}':
			p.i++
			p.seen = p.seen[:base]
			return true
		default:
			return false
		}
	}
}

// knownEscapes tells whether every escape in a string is one that JSON has.
func knownEscapes(raw []byte) bool {
	if !utf8.Valid(raw) {
		return false
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if i++; i == len(raw) {
			return false
		}
		switch raw[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if len(raw)-i < 5 || !hexDigits(raw[i+1:i+5]) {
				return false
			}
			i += 4
		default:
			return false
		}
	}
	return true
}

func hexDigits(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}
