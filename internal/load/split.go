package load

import (
	"bytes"
)

// chunk is the text of one document, with the number of its first line.
type chunk struct {
	text   []byte
	line   int
	output bool // it follows a command line, so it may be text that was never meant as YAML
	items  bool // it has a line "items:" in the first column
}

// lines yields each line without its end, with its number and offset.
func lines(data []byte, yield func(line []byte, number, offset int) bool) {
	for number, offset := 1, 0; offset < len(data); number++ {
		end := bytes.IndexByte(data[offset:], '\n')
		next := offset + end + 1
		if end < 0 {
			end, next = len(data)-offset, len(data)
		}
		line := data[offset : offset+end]
		if end > 0 && line[end-1] == '\r' {
			line = line[:end-1]
		}
		if !yield(line, number, offset) {
			return
		}
		offset = next
	}
}

// topLines yields, as lines does, each line that starts in the first column, and the line after one for which yield
// is true.
func topLines(data []byte, yield func(line []byte, number, offset int) (more bool)) {
	more := false
	for number, offset := 1, 0; offset < len(data); number++ {
		end := len(data)
		if i := bytes.IndexByte(data[offset:], '\n'); i >= 0 {
			end = offset + i
		}
		if c := data[offset]; more || c != ' ' && c != '\n' {
			line := bytes.TrimSuffix(data[offset:end], []byte("\r"))
			if len(line) > 0 || more {
				more = yield(line, number, offset)
			}
		}
		offset = end + 1
	}
}

// split cuts a stream into documents, so that a broken one loses only itself. "---" and "..." in the first
// column always separate documents, even inside quoted text and block scalars (YAML 1.2, 9.1). Command
// lines of a transcript separate too, and so does the start of a second List: kubectl prints no "---".
func split(data []byte) []chunk {
	s := newSplitter(data)
	topLines(data, func(l []byte, n, off int) bool {
		s.line(l, n, off)
		return false
	})
	return s.chunks(data)
}

// splitter is a stream on its way into documents.
type splitter struct {
	data  []byte
	parts []span
	cur   span
	top   topKeys
}

// span is where a document stands in its stream.
type span struct {
	from, to, line int
	output, items  bool
}

func newSplitter(data []byte) *splitter { return &splitter{data: data, cur: span{line: 1}} }

func (s *splitter) flush(to, line int, output bool) {
	s.cur.to, s.cur.items = to, s.top.items
	s.parts = append(s.parts, s.cur)
	s.cur, s.top = span{from: to, line: line, output: output}, topKeys{}
}

// line takes a line that starts in the first column.
func (s *splitter) line(l []byte, n, off int) {
	switch {
	case isMarker(l, "---"):
		if !s.top.prolog { // "%YAML 1.1" belongs to the document after it
			s.flush(off, n, s.cur.output && !s.top.any)
		}
	case isMarker(l, "..."):
		s.flush(off, n+1, false)
		s.cur.from = min(len(s.data), off+len(l)+1)
		if s.cur.from < len(s.data) && s.data[s.cur.from-1] == '\r' {
			s.cur.from++
		}
	case l[0] == 0x01: // a terminal's mark; no YAML or JSON text may contain it
		s.command(n, off)
	case l[0] == 'a' && s.top.list && s.top.api && bytes.HasPrefix(l, []byte("apiVersion:")):
		s.flush(off, n, s.cur.output)
		s.top.note(l)
	default:
		s.top.note(l)
	}
}

// command cuts at a line whose first byte is no text.
func (s *splitter) command(n, off int) {
	s.flush(off, n, true)
	s.cur.from++
}

// chunks gives the documents with anything in them. data is the stream, its command lines blank.
func (s *splitter) chunks(data []byte) []chunk {
	s.flush(len(data), 0, false)
	out := make([]chunk, 0, len(s.parts))
	for _, p := range s.parts {
		if text := data[p.from:p.to]; len(bytes.TrimSpace(text)) > 0 {
			out = append(out, chunk{text: text, line: p.line, output: p.output, items: p.items})
		}
	}
	return out
}

// topKeys is what the first column of a document has shown so far.
type topKeys struct {
	any    bool // apiVersion or kind
	api    bool
	list   bool // kind: SomethingList
	items  bool
	prolog bool // only directives
}

func (t *topKeys) note(l []byte) {
	if l[0] == '%' && !t.any {
		t.prolog = true
		return
	}
	switch {
	case l[0] == 'a' && bytes.HasPrefix(l, []byte("apiVersion:")):
		t.any, t.api = true, true
	case l[0] == 'i' && bytes.HasPrefix(l, []byte("items:")):
		t.items = true
	case l[0] == 'k' && bytes.HasPrefix(l, []byte("kind:")):
		t.any = true
		t.list = t.list || bytes.HasSuffix(bytes.TrimSpace(l), []byte("List"))
	}
}

func isMarker(l []byte, mark string) bool {
	return bytes.HasPrefix(l, []byte(mark)) && (len(l) == len(mark) || l[len(mark)] == ' ' || l[len(mark)] == '\t')
}

// listParts cuts a List document into its items, so that a huge one never has to be held as one YAML tree
// and a broken item loses only itself. It works on the layout that kubectl and people write:
//
//	apiVersion: v1
//	items:
//	- apiVersion: v1
//	  ...
//	kind: List
//
// The item keys may be indented or not. ok is false when the document does not look like that. The parts
// may still be wrong cuts (text that continues in the first column), so the caller must be able to read
// the whole document instead.
func listParts(ch chunk) (head chunk, items []chunk, tail chunk, ok bool) {
	const (
		before = iota
		inside
		after
	)
	if !ch.items {
		return head, nil, tail, false
	}
	state, indent := before, -1
	itemsEnd, tailStart := 0, len(ch.text)
	isList := false
	lines(ch.text, func(l []byte, n, off int) bool {
		trimmed := bytes.TrimLeft(l, " ")
		if len(trimmed) == 0 || trimmed[0] == '#' {
			return true
		}
		if len(trimmed) == len(l) && bytes.HasPrefix(l, []byte("kind:")) {
			isList = isList || bytes.HasSuffix(bytes.TrimRight(l, " \""), []byte("List"))
		}
		at := len(l) - len(trimmed)
		switch state {
		case before:
			if bytes.Equal(bytes.TrimRight(l, " "), []byte("items:")) {
				state, itemsEnd = inside, off+len(l)
			}
		case inside:
			dash := bytes.HasPrefix(trimmed, []byte("- "))
			switch {
			case indent < 0 && !dash:
				return false // "items: []" or a map: nothing to cut
			case dash && (indent < 0 || at == indent):
				indent = at
				if len(items) > 0 {
					last := &items[len(items)-1]
					last.text = ch.text[len(ch.text)-len(last.text) : off]
				}
				items = append(items, chunk{text: ch.text[off:], line: ch.line + n - 1})
			case at < indent || at == 0:
				state, tailStart = after, off
				last := &items[len(items)-1]
				last.text = ch.text[len(ch.text)-len(last.text) : off]
				tail.line = ch.line + n - 1
			}
		}
		return true
	})
	if len(items) == 0 || !isList {
		return head, nil, tail, false
	}
	head = chunk{text: ch.text[:itemsEnd], line: ch.line}
	tail.text = ch.text[tailStart:]
	return head, items, tail, true
}
