package load

import (
	"bytes"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// What stands next to each other in a list is much alike: pods of one workload differ in their names, addresses and
// times, and the rest is the same text. A map or a list whose text stood in the same place of an item before is not
// read again. Its value is shared where the line is the same, as in output on one line, and copied otherwise.

// sameText is the last map or list that stood in some place of an object, with the text it was made of.
type sameText struct {
	path  uint64
	depth int
	at    place
	text  []byte
	line  int           // where the text started
	lines int           // how many lines end in it
	value *object.Value // jsonParser.dropped when it was left out
	other uint8         // how often in turn the text was another
}

const (
	sameBits   = 8
	sameDepth  = 16       // below it each level would compare the same text again
	sameLength = 64 << 10 // longer texts are hardly ever the same
	sameLeast  = 16
	sameWorth  = 512 // input with less has nothing that is much alike
	sameTries  = 3   // after so many other texts only one in eight is compared
)

// compared reads the value that stands in the place below p.path that key says, or takes what it was before. With at
// nowhere the value is left out.
func (p *jsonParser) compared(key uint64, depth int, at place) (*object.Value, error) {
	outer := p.path
	p.path = (outer ^ key) * 0x9e3779b97f4a7c15
	s := &p.same[p.path>>(64-sameBits)]
	known := s.path == p.path && s.depth == depth && s.at == at
	if known && s.other >= sameTries && s.other&7 != 0 {
		s.other++
		v, err := p.read(depth, at)
		p.path = outer
		return v, err
	}
	if known && len(s.text) > 0 && bytes.HasPrefix(p.b[p.i:], s.text) {
		s.other = 0
		if by := p.line - s.line; by != 0 && s.value != &p.dropped {
			s.value = p.a.moved(s.value, by)
			s.text = p.b[p.i : p.i+len(s.text)] // is in the processor's cache for longer
			s.line = p.line
		}
		p.i += len(s.text)
		p.line += s.lines
		p.path = outer
		return s.value, nil
	}
	next := sameText{path: p.path, depth: depth, at: at, line: p.line}
	if known {
		next.other = s.other + 1
	}
	start, dups := p.i, len(p.dups)
	v, err := p.read(depth, at)
	if n := p.i - start; err == nil && n >= sameLeast && n <= sameLength && len(p.dups) == dups {
		next.text, next.lines, next.value = p.b[start:p.i], p.line-next.line, v
		*s = next
	}
	p.path = outer
	return v, err
}

// read is value for any place; dropped is what it gives for nowhere.
func (p *jsonParser) read(depth int, at place) (*object.Value, error) {
	if at != nowhere {
		return p.value(depth, at)
	}
	if !p.skipped(depth) {
		if _, err := p.value(depth, elsewhere); err != nil {
			return nil, err
		}
	}
	return &p.dropped, nil
}

// moved copies a tree to other lines.
func (a *arena) moved(v *object.Value, by int) *object.Value {
	w := a.value()
	w.Kind, w.Line, w.Text = v.Kind, v.Line+by, v.Text
	if len(v.Items) > 0 {
		w.Items = a.roomForItems(len(v.Items))
		for i, it := range v.Items {
			w.Items[i] = a.moved(it, by)
		}
	}
	if len(v.Fields) > 0 {
		w.Fields = a.roomForFields(len(v.Fields))
		for i, f := range v.Fields {
			w.Fields[i] = object.Field{Name: f.Name, Line: f.Line + by, Value: a.moved(f.Value, by)}
		}
	}
	return w
}
