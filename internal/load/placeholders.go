package load

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

const yttMark = "#@"

// template skips a document that is the source of another tool rather than an object: ytt by its marks.
// Helm and Go templates are found later, because most of them are not YAML at all.
func (d *document) template() bool {
	if !bytes.Contains(d.chunk.text, []byte(yttMark)) {
		return false
	}
	line := 0
	lines(d.chunk.text, func(l []byte, n, _ int) bool {
		t := bytes.TrimLeft(l, " ")
		if bytes.HasPrefix(t, []byte("#@")) || bytes.Contains(t, []byte(": #@ ")) || bytes.Contains(t, []byte("- #@ ")) {
			line = d.chunk.line + n - 1
		}
		return line == 0
	})
	if line == 0 {
		return false
	}
	d.c.skip(d.at(line), "ytt template, not plain YAML")
	d.problem(object.Error, line, "this document is a ytt template; not read", "render it with ytt and give the result")
	return true
}

// goTemplate skips a document that is the source of a Helm chart or the like. When it names a kind that
// answers rest on, its loss is a problem: an allow rule that is not read looks like isolation.
func (d *document) goTemplate(at object.Pos, text []byte) {
	d.c.skip(at, "Helm or Go template, not plain YAML")
	for _, m := range kindLine.FindAllSubmatch(text, -1) {
		for gk, k := range d.c.kinds {
			if gk.Kind == string(m[1]) && !k.Aside {
				d.problem(object.Error, at.Line, "a "+gk.Kind+" in a Helm or Go template; not read", "render it and give the result, or name the chart's folder as the source")
				return
			}
		}
	}
}

// kindLine finds the kind in text that is no YAML yet.
var kindLine = regexp.MustCompile(`(?m)^\s*kind:\s*"?(\w+)`)

// envPlaceholder is a variable of Flux post-build substitution: ${NAME}, ${NAME:=default}, ${NAME:-default}.
var envPlaceholder = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?[=-]([^}]*))?\}`)

// placeholders settles variables that another tool fills in at deploy time. It is false when the object
// cannot be used because its very name is a template.
func (d *document) placeholders(o *object.Object) bool {
	if !d.marked() {
		return true
	}
	meta := o.Root.Get("metadata")
	for _, v := range []*object.Value{meta.Get("name"), meta.Get("namespace")} {
		if strings.Contains(v.Str(), "{{") {
			d.goTemplate(o.Pos, []byte("kind: "+o.Ref.Kind))
			return false
		}
	}
	if _, known := d.c.kinds[o.Ref.GroupKind()]; !known || o.Ref.Kind == "ConfigMap" {
		return true // ${X} is ordinary text in scripts, dashboards and pipelines
	}
	s := substitution{file: d.file}
	root := s.value(o.Root, "")
	if s.template && o.Ref.Group != "kyverno.io" && o.Ref.Group != "admissionregistration.k8s.io" { // their own language has {{ }}
		d.goTemplate(o.Pos, []byte("kind: "+o.Ref.Kind))
		return false
	}
	if p, err := object.New(root, d.file); err == nil {
		*o = *p
	}
	for _, p := range s.problems {
		p.Ref = o.Ref
		d.c.problems = append(d.c.problems, p)
	}
	return true
}

// marked tells whether there may be a variable in the text of the chunk, or an escape that hides one. Most
// texts have none, and need not be searched value by value.
func (d *document) marked() bool {
	if d.marks == unknown {
		text := d.chunk.text
		d.marks = no
		if len(text) == 0 || bytes.Contains(text, []byte("{{")) || bytes.Contains(text, []byte("${")) || bytes.IndexByte(text, '\\') >= 0 {
			d.marks = yes
		}
	}
	return d.marks == yes
}

type substitution struct {
	file     string
	problems []object.Problem
	template bool // a field that must be plain has {{ in it
}

// value gives v with the variables that have a default replaced; v itself when nothing changed.
func (s *substitution) value(v *object.Value, field string) *object.Value {
	if v == nil {
		return v
	}
	switch v.Kind { //nolint:exhaustive // the other kinds are handled below
	case object.String:
		return s.text(v, field)
	case object.List:
		for i, item := range v.Items {
			if w := s.value(item, field); w != item {
				c := *v
				c.Items = append([]*object.Value{}, v.Items...)
				for j := i; j < len(c.Items); j++ {
					if j > i {
						w = s.value(c.Items[j], field)
					}
					c.Items[j] = w
				}
				return &c
			}
		}
	case object.Map:
		return s.fields(v, field)
	}
	return v
}

func (s *substitution) fields(v *object.Value, field string) *object.Value {
	out := v
	for i, f := range v.Fields {
		switch f.Name {
		case "command", "args", "env", "annotations", "description", "message":
			continue // text for programs and people, where ${X} means what it says
		}
		name := f.Name
		if field == "labels" || field == "matchLabels" || field == "selector" {
			name = field
		}
		w := s.value(f.Value, name)
		if w == f.Value {
			continue
		}
		if out == v {
			out = &object.Value{Kind: v.Kind, Line: v.Line, Fields: append([]object.Field{}, v.Fields...)}
		}
		out.Fields[i].Value = w
	}
	return out
}

func (s *substitution) text(v *object.Value, field string) *object.Value {
	s.template = s.template || strings.Contains(v.Text, "{{")
	if !strings.Contains(v.Text, "${") {
		return v
	}
	report := func(sev object.Severity, msg, hint string) {
		at := object.Pos{File: s.file, Line: v.Line}
		s.problems = append(s.problems, object.Problem{Severity: sev, Pos: at, Msg: msg, Hint: hint})
	}
	changed := false
	text := envPlaceholder.ReplaceAllStringFunc(v.Text, func(m string) string {
		sub := envPlaceholder.FindStringSubmatch(m)
		if len(m) == len("${}")+len(sub[1]) {
			report(object.Error, fmt.Sprintf("the value of ${%s} is not known; it is left as text", sub[1]),
				"give the rendered manifests, or a default: ${"+sub[1]+":=value}")
			return m
		}
		changed = true
		report(object.Note, fmt.Sprintf("${%s} is read as its default %q", sub[1], sub[2]), "give the rendered manifests when the real value differs")
		return sub[2]
	})
	if !changed {
		return v
	}
	w := &object.Value{Kind: object.String, Line: v.Line, Text: text}
	if field != "labels" && field != "matchLabels" && field != "selector" {
		// Flux replaces in the text before it is read, so ${PORT:=80} is a number.
		if kind, num := plainScalar(text); kind == object.Number && decimalDigits(num) {
			w.Kind, w.Text = kind, num
		}
	}
	return w
}
