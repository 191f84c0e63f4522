package load

import (
	"bytes"
)

// chunk is the text of one document, with the number of its first line.
type chunk struct {
	text   []byte
	line   int
	output bool // it follows a command line, so it may be text that was never meant as YAML
}

// lines yields each line without its end, with its number and offset.
func lines(data []byte, yield func(line []byte, number, offset int) bool) {
	for number, offset := 1, 0; offset < len(data); number++ {
		end := bytes.IndexByte(data[offset:], '\n')
		next := offset + end + 1
		if end < 0 {
			end, next = len(data)-offset, len(data)
		}
		if !yield(bytes.TrimSuffix(data[offset:offset+end], []byte("\r")), number, offset) {
			return
		}
		offset = next
	}
}

// split cuts a stream into documents, so that a broken one loses only itself. "---" and "..." in the first
// column always separate documents, even inside quoted text and block scalars (YAML 1.2, 9.1). Command
// lines of a transcript separate too, and so does the start of a second List: kubectl prints no "---".
func split(data []byte) []chunk {
	var chunks []chunk
	cur := chunk{line: 1}
	start := 0
	top := topKeys{}
	flush := func(to, line int, output bool) {
		cur.text = data[start:to]
		if len(bytes.TrimSpace(cur.text)) > 0 {
			chunks = append(chunks, cur)
		}
		cur, start, top = chunk{line: line, output: output}, to, topKeys{}
	}
	lines(data, func(l []byte, n, off int) bool {
		if len(l) == 0 || l[0] == ' ' {
			return true
		}
		switch {
		case isMarker(l, "---"):
			if !top.prolog { // "%YAML 1.1" belongs to the document after it
				flush(off, n, cur.output && len(top.seen) == 0)
			}
		case isMarker(l, "..."):
			flush(off, n+1, false)
			start = min(len(data), off+len(l)+1)
			if start < len(data) && data[start-1] == '\r' {
				start++
			}
		case l[0] == separatorByte:
			flush(off, n, true)
			start++ // the mark itself is no text
		case bytes.HasPrefix(l, []byte("apiVersion:")) && top.list && top.seen["apiVersion"]:
			flush(off, n, cur.output)
			top.note(l)
		default:
			top.note(l)
		}
		return true
	})
	flush(len(data), 0, false)
	return chunks
}

// topKeys is what the first column of a document has shown so far.
type topKeys struct {
	seen   map[string]bool
	list   bool // kind: SomethingList
	prolog bool // only directives
}

func (t *topKeys) note(l []byte) {
	if l[0] == '%' && len(t.seen) == 0 {
		t.prolog = true
		return
	}
	for _, k := range []string{"apiVersion", "kind"} {
		if bytes.HasPrefix(l, []byte(k+":")) {
			if t.seen == nil {
				t.seen = map[string]bool{}
			}
			t.seen[k] = true
			t.list = t.list || k == "kind" && bytes.HasSuffix(bytes.TrimSpace(l), []byte("List"))
		}
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
