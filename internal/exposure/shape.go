package exposure

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// shape is the form that a value may have. A map has the fields that are listed and no others.
type shape struct {
	fields map[string]*shape // of a map; nil for everything else
	item   *shape            // of a list, or with keyed of a map whose keys are the user's
	keyed  bool
	scalar string // string, int, bool, num, port (a number or a name) or any (not looked at)
}

// parseShape reads the short form of a schema: names in braces, "[]" after a list, "{}" after a map with keys
// of the user's own, and ":" before a type that is not a string. For example
//
//	spec{hosts[] ports[]{number:int name} labels{}}
//
// It is for constants: what it cannot read is a shape that nothing fits.
func parseShape(text string) *shape {
	p := shapeParser{text: strings.Join(strings.Fields(text), " ")}
	return p.fields()
}

type shapeParser struct {
	text string
	at   int
}

func (p *shapeParser) fields() *shape {
	s := &shape{fields: map[string]*shape{}}
	for p.at < len(p.text) {
		if p.take(" ") {
			continue
		}
		if p.take("}") {
			return s
		}
		n := strings.IndexAny(p.text[p.at:], "[{: }")
		if n < 0 {
			n = len(p.text) - p.at
		}
		name := p.text[p.at : p.at+n]
		p.at += n
		if n == 0 {
			p.at++
		}
		s.fields[name] = p.one()
	}
	return s
}

// one reads what follows a name.
func (p *shapeParser) one() *shape {
	switch {
	case p.take("[]"):
		return &shape{item: p.one()}
	case p.take("{}"):
		return &shape{item: p.one(), keyed: true}
	case p.take("{"):
		return p.fields()
	case p.take(":"):
		n := strings.IndexAny(p.text[p.at:]+" ", " }")
		s := &shape{scalar: p.text[p.at : p.at+n]}
		p.at += n
		return s
	}
	return &shape{scalar: "string"}
}

func (p *shapeParser) take(s string) bool {
	if !strings.HasPrefix(p.text[p.at:], s) {
		return false
	}
	p.at += len(s)
	return true
}

// maxFlaws limits the problems that are told of one object.
const maxFlaws = 20

// fits reports every field of o that is not in a schema and every value of another type, as problems with
// their lines. It tells whether there was none: else parts of the object are not understood, and what it
// exposes is not certain.
func (f *finder) fits(o *object.Object, schema string) bool {
	s := f.shapes[schema]
	if s == nil {
		s = parseShape(schema)
		f.shapes[schema] = s
	}
	c := shapeCheck{f: f, o: o}
	for _, part := range []string{"spec", "status"} {
		want, got := s.fields[part], o.Root.Get(part)
		switch {
		case want == nil:
		case got.IsSet():
			c.check(got, want, part)
		case part == "spec":
			c.flaw(nil, "no spec")
		}
	}
	if c.flaws > maxFlaws {
		f.problem(o, nil, fmt.Sprintf("%d more parts are not understood", c.flaws-maxFlaws), "")
	}
	return c.flaws == 0
}

type shapeCheck struct {
	f     *finder
	o     *object.Object
	flaws int
}

func (c *shapeCheck) flaw(at *object.Value, msg string) {
	if c.flaws++; c.flaws <= maxFlaws {
		c.f.problem(c.o, at, msg, "what this object exposes is not certain until it is mended")
	}
}

func (c *shapeCheck) check(v *object.Value, s *shape, path string) {
	if !v.IsSet() {
		return
	}
	want := object.String
	switch {
	case s.scalar == "any":
		return
	case s.fields != nil || s.keyed:
		want = object.Map
	case s.item != nil:
		want = object.List
	case s.scalar == "int" || s.scalar == "num":
		want = object.Number
	case s.scalar == "bool":
		want = object.Bool
	case s.scalar == "port" && v.Kind == object.Number:
		want = object.Number
	}
	if v.Kind != want {
		c.flaw(v, fmt.Sprintf("%s: want a %s, got a %s", path, want, v.Kind))
		return
	}
	if _, whole := v.Int(); s.scalar == "int" && !whole {
		c.flaw(v, fmt.Sprintf("%s: want a whole number, got %s", path, v.Str()))
	}
	for i, it := range v.List() {
		c.check(it, s.item, fmt.Sprintf("%s[%d]", path, i))
	}
	for _, field := range v.Map() {
		switch inner := s.fields[field.Name]; {
		case s.keyed:
			c.check(field.Value, s.item, path+"."+field.Name)
		case inner != nil:
			c.check(field.Value, inner, path+"."+field.Name)
		default:
			c.flaw(&object.Value{Line: field.Line}, path+"."+field.Name+": unknown field")
		}
	}
}
