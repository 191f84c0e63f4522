package load

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// plainRune is the length of the rune that text starts with, beyond ASCII; 0 when the library does not take
// it for a plain character.
func plainRune(text []byte) int {
	r, n := utf8.DecodeRune(text)
	switch {
	case r == utf8.RuneError && n < 2, r < 0xa0, r == 0x2028, r == 0x2029, r == 0xfeff, r == 0xfffe, r == 0xffff:
		return 0
	}
	return n
}

// plainStart tells whether text starts a plain scalar, whatever its surroundings.
func plainStart(text []byte) bool {
	if c := text[0] | 0x20; c >= 'a' && c <= 'z' {
		return true
	}
	switch text[0] {
	case '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', ' ', '\t', '\n':
		return false
	case '-':
		return len(text) > 1 && !blankByte(text[1]) && text[1] != '\t'
	}
	return true
}

// stop gives the next place from i on where a plain scalar may end: a colon, a #, or a control character.
func stop(b []byte, i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		colon, hash := x^(ones*':'), x^(ones*'#')
		if hit := ((x-ones*' ')&^x | (colon-ones)&^colon | (hash-ones)&^hash) & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
		i += 8
	}
	for b[i] >= ' ' && b[i] != ':' && b[i] != '#' {
		i++
	}
	return i
}

// plainEnd gives the end of a plain scalar's text on the line of i, without the spaces after it, and where
// it stopped: at a colon that makes it a name, at a comment, or at the end of the line. ok is false when a
// tab is in it.
func (y *blockReader) plainEnd(i int) (end, stopped int, ok bool) {
	b, start := y.b, i
	for {
		i = stop(b, i)
		switch b[i] {
		case '\n':
		case ':':
			if !blankByte(b[i+1]) {
				if b[i+1] == '\t' {
					return 0, 0, false
				}
				i++
				continue
			}
		case '#':
			if i > start && b[i-1] != ' ' {
				i++
				continue
			}
		default:
			return 0, 0, false
		}
		for end = i; end > start && b[end-1] == ' '; end-- {
		}
		return end, i, true
	}
}

// maxKey is below what the library takes for a name on one line: 1024 characters.
const maxKey = 1000

// key reads a name and the colon after it. ok is false when there is none; y stays where it was then.
func (y *blockReader) key() (name string, hash uint64, ok bool) {
	b, i := y.b, y.i
	switch b[i] {
	case '"', '\'':
		raw, end, plain := quotedOnLine(b, i)
		if !plain || end-i > maxKey || b[end] != ':' || !blankByte(b[end+1]) {
			return "", 0, false
		}
		y.i = end + 1
		name, hash = y.a.key(raw)
		return name, hash, true
	}
	if !plainStart(b[i:]) {
		return "", 0, false
	}
	end, stopped, fine := y.plainEnd(i)
	if !fine || b[stopped] != ':' || stopped-i > maxKey {
		return "", 0, false
	}
	raw := b[i:end]
	name, hash = y.a.key(raw)
	if !wordy(raw) {
		other, err := plainKey(name)
		if err != nil || name == "<<" {
			y.giveUp()
			return "", 0, false
		}
		if other != name {
			name, hash = y.a.key([]byte(other))
		}
	}
	y.i = stopped + 1
	return name, hash, true
}

// wordy tells that a plain scalar is a string without looking at all of it: it starts with a letter and is
// longer than the words that stand for a boolean or null.
func wordy(raw []byte) bool {
	c := raw[0] | 0x20
	return len(raw) > len("false") && c >= 'a' && c <= 'z'
}

// scalar makes a value of the text of a plain scalar.
func (y *blockReader) scalar(raw []byte, line int) *object.Value {
	v := y.a.value()
	v.Line = line
	text := y.a.word(raw)
	if wordy(raw) {
		v.Kind, v.Text = object.String, text
	} else {
		v.Kind, v.Text = plainScalar(text)
	}
	return v
}

// plain reads a plain scalar at i, which may go on below in columns to the right of parent.
func (y *blockReader) plain(parent int) *object.Value {
	start, line := y.i, y.line
	end, stopped, ok := y.plainEnd(start)
	if !ok || y.b[stopped] == ':' {
		return y.giveUp()
	}
	raw := y.b[start:end]
	if y.b[stopped] == '#' {
		v := y.scalar(raw, line)
		y.endLine(end)
		return v
	}
	y.next = stopped + 1
	last := y.line
	y.nextLine()
	if y.col <= parent {
		return y.scalar(raw, line)
	}
	y.buf = append(y.buf[:0], raw...)
	for y.col > parent && !y.bad {
		if y.comments {
			return y.giveUp()
		}
		y.fold(y.line - last)
		end, stopped, ok := y.plainEnd(y.i)
		if !ok || y.b[stopped] == ':' {
			return y.giveUp()
		}
		y.buf = append(y.buf, y.b[y.i:end]...)
		last = y.line
		if y.b[stopped] == '#' {
			y.endLine(end)
			break
		}
		y.next = stopped + 1
		y.nextLine()
	}
	return y.scalar(y.buf, line)
}

// fold puts what n line ends stand for: a space for one, and a line end for each one more.
func (y *blockReader) fold(n int) {
	if n == 1 {
		y.buf = append(y.buf, ' ')
	}
	for ; n > 1; n-- {
		y.buf = append(y.buf, '\n')
	}
}

// quotedOnLine gives what is between the quotes at i, when it stands for itself and ends on its line, and
// where it ends. end is 0 when it does not end there.
func quotedOnLine(b []byte, i int) (raw []byte, end int, plain bool) {
	quote, start := b[i], i+1
	for i++; ; i++ {
		switch c := b[i]; {
		case c == '\n':
			return nil, 0, false
		case c == '\t', c == '\\' && quote == '"':
			return nil, 0, false
		case c == quote:
			if quote == '\'' && b[i+1] == quote {
				return nil, 0, false
			}
			return b[start:i], i + 1, true
		}
	}
}

// quoted reads a scalar in quotes, which may go on below.
func (y *blockReader) quoted(parent int) *object.Value {
	v := y.a.value()
	v.Kind, v.Line = object.String, y.line
	if raw, end, ok := quotedOnLine(y.b, y.i); ok {
		v.Text = y.a.word(raw)
		y.endLine(end)
		return v
	}
	b, i := y.b, y.i+1
	quote := y.b[y.i]
	y.buf = y.buf[:0]
	text := 0 // the length of buf up to the last character that is no space, or was escaped
	for {
		switch c := b[i]; {
		case c == '\t':
			return y.giveUp()
		case c == '\n':
			y.buf = y.buf[:text]
			n := 0
			for i < len(b) && b[i] == '\n' {
				n++
				line := i + 1
				for i = line; i < len(b) && b[i] == ' '; i++ {
				}
				if i < len(b) && b[i] != '\n' && i-line <= parent {
					return y.giveUp()
				}
			}
			if i == len(b) {
				return y.giveUp()
			}
			y.line += n
			y.fold(n)
			text = len(y.buf)
			continue
		case c == quote && quote == '\'' && b[i+1] == quote:
			y.buf = append(y.buf, quote)
			text = len(y.buf)
			i++
		case c == quote:
			v.Text = y.a.word(y.buf)
			y.endLine(i + 1)
			return v
		case c == '\\' && quote == '"':
			n := y.escape(b[i+1:])
			if n == 0 {
				return y.giveUp()
			}
			text = len(y.buf)
			i += n
		default:
			y.buf = append(y.buf, c)
			if c != ' ' {
				text = len(y.buf)
			}
		}
		i++
	}
}

// escape resolves an escape and gives its length without the backslash; 0 when it is a rare one.
func (y *blockReader) escape(b []byte) int {
	if k := strings.IndexByte(`"\/nrt`, b[0]); k >= 0 {
		y.buf = append(y.buf, "\"\\/\n\r\t"[k])
		return 1
	}
	if b[0] != 'u' || len(b) < 5 || !hexDigits(b[1:5]) {
		return 0
	}
	r := rune(0)
	for _, c := range b[1:5] {
		if c > '9' {
			c += 9
		}
		r = r<<4 | rune(c&15)
	}
	if !utf8.ValidRune(r) {
		return 0
	}
	y.buf = utf8.AppendRune(y.buf, r)
	return 5
}

// text reads a literal or folded block (YAML 1.1, 9.3) in columns to the right of parent.
func (y *blockReader) text(parent int) *object.Value {
	v := y.a.value()
	v.Kind, v.Line = object.String, y.line
	b, i := y.b, y.i+1
	folded := b[y.i] == '>'
	chomp := byte(0)
	if b[i] == '-' || b[i] == '+' {
		chomp = b[i]
		i++
	}
	if b[i] != '\n' {
		return y.giveUp()
	}
	i++
	y.buf = y.buf[:0]
	indent, widest, breaks := -1, 0, 0 // breaks are line ends not yet written
	open, spaced := false, false       // a line's end is not yet written; it started with a space
	for i < len(b) {
		n := bytes.IndexByte(b[i:], '\n')
		l := b[i : i+n]
		at := 0
		for at < len(l) && l[at] == ' ' && (indent < 0 || at < indent) {
			at++
		}
		if at == len(l) { // no more than indentation
			widest = max(widest, at)
			breaks++
			y.line++
			i += n + 1
			continue
		}
		if indent < 0 {
			if indent = at; l[at] == '\t' || at <= parent || widest > at {
				return y.giveUp()
			}
		}
		if at < indent {
			break // a tab here is found by nextLine
		}
		leading := l[at] == ' ' || l[at] == '\t'
		switch {
		case open && folded && !spaced && !leading:
			if breaks == 0 {
				y.buf = append(y.buf, ' ')
			}
		case open:
			y.buf = append(y.buf, '\n')
		}
		for ; breaks > 0; breaks-- {
			y.buf = append(y.buf, '\n')
		}
		y.buf = append(y.buf, l[at:]...)
		open, spaced = true, leading
		y.line++
		i += n + 1
	}
	if indent < 0 {
		return y.giveUp()
	}
	if chomp != '-' {
		y.buf = append(y.buf, '\n')
	}
	if chomp == '+' {
		for ; breaks > 0; breaks-- {
			y.buf = append(y.buf, '\n')
		}
	}
	v.Text = y.a.word(y.buf)
	y.next = i
	y.nextLine()
	return v
}
