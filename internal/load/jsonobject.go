package load

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// maxObjectDepth is how deep objects are looked for: a list of lists of them. It bounds how often text is
// read again.
const maxObjectDepth = 4

// document reads a map that may be an object or a list of them, and leaves out what nobody reads. When it
// turns out that it was no list, its items were no objects, and it is read again as it is; so it is when a
// name stands twice, because that may be the kind, and when an item is not what its list said.
func (p *jsonParser) document(depth int) (*object.Value, error) {
	start, line, dups := p.i, p.line, len(p.dups)
	fields, items := len(p.a.fieldStack), len(p.a.itemStack)
	v := p.a.value()
	v.Line = line
	sharing, path, guessed := p.sharing, p.path, p.guessed
	p.sharing, p.path, p.guessed = depth > 0 && p.same != nil, 0, false
	err := p.object(v, depth, top)
	wrong := p.guessed && (v.Get("apiVersion").IsSet() || v.Get("kind").IsSet())
	p.sharing, p.path, p.guessed = sharing, path, guessed
	if err != nil {
		return nil, err
	}
	if v.Get("items") != nil && !isList(v) || len(p.dups) > dups || wrong {
		p.i, p.line, p.dups = start, line, p.dups[:dups]
		p.a.fieldStack, p.a.itemStack = p.a.fieldStack[:fields], p.a.itemStack[:items]
		*v = object.Value{Line: line}
		p.whole = true
		return v, p.object(v, depth, elsewhere)
	}
	return v, nil
}

// listType is what a typed list says of its items: of a PodList of v1, that they are Pods of v1.
type listType struct{ api, kind string }

// items reads the items of the map on top of the stack.
func (p *jsonParser) items(depth, base int) (*object.Value, error) {
	outer := p.list
	p.list = listType{}
	for _, f := range p.a.fieldStack[base:] {
		switch f.Name {
		case "apiVersion":
			p.list.api = f.Value.Str()
		case "kind":
			p.list.kind, _ = strings.CutSuffix(f.Value.Str(), "List")
		}
	}
	if p.list.api == "" {
		p.list.kind = ""
	}
	v, err := p.value(depth, top)
	p.list = outer
	return v, err
}

// part gives the place of a field of the map on top of the stack. kubectl prints apiVersion and kind before
// what depends on them; when they come later, nothing is left out here. Items of typed lists have neither.
func (p *jsonParser) part(name string, base int) place {
	if name == "items" && p.peek() == '[' {
		return top
	}
	var api, kind string
	if name == "spec" || name == "status" {
		for _, f := range p.a.fieldStack[base:] {
			switch f.Name {
			case "apiVersion":
				api = f.Value.Str()
			case "kind":
				kind = f.Value.Str()
			}
		}
		if api == "" && kind == "" && p.list.kind != "" {
			api, kind, p.guessed = p.list.api, p.list.kind, true
		}
		p.whole = p.whole || api == "" || kind == ""
	}
	return part(api, kind, name)
}

// leaveOut takes the dropped fields from the map on top of the stack.
func (p *jsonParser) leaveOut(base int) {
	kept := base
	for _, f := range p.a.fieldStack[base:] {
		if f.Value != &p.dropped {
			p.a.fieldStack[kept] = f
			kept++
		}
	}
	p.a.fieldStack = p.a.fieldStack[:kept]
}
