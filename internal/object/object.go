// Package object is one Kubernetes object as it was read: where it stood, what it is called, and its
// fields as a tree in which every value knows its line.
//
// Every statement bulkhead makes points back at one of these lines, so the tree is kept instead of a Go
// struct: a struct forgets where a field stood and which fields nobody understood.
package object

import (
	"cmp"
	"fmt"
	"strings"
)

// Pos is a place in the input. Line counts from 1; 0 means "somewhere in the file".
type Pos struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
}

// String gives "file:line", or the file alone when the line is not known.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Compare orders by file, then line.
func (p Pos) Compare(q Pos) int {
	if c := strings.Compare(p.File, q.File); c != 0 {
		return c
	}
	return cmp.Compare(p.Line, q.Line)
}

// Ref names an object. Group is the API group without version ("" for the core group), because one kind
// name may live in three groups (NetworkPolicy does).
type Ref struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String gives "Kind namespace/name", or "Kind name" for objects without a namespace.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// Compare orders by namespace, kind, name, group.
func (r Ref) Compare(s Ref) int {
	if c := strings.Compare(r.Namespace, s.Namespace); c != 0 {
		return c
	}
	if c := strings.Compare(r.Kind, s.Kind); c != 0 {
		return c
	}
	if c := strings.Compare(r.Name, s.Name); c != 0 {
		return c
	}
	return strings.Compare(r.Group, s.Group)
}

// GroupKind identifies a kind.
type GroupKind struct{ Group, Kind string }

// GroupKind is the kind of the named object.
func (r Ref) GroupKind() GroupKind { return GroupKind{r.Group, r.Kind} }

// Object is one object of the input.
type Object struct {
	Ref     Ref
	Version string // the API version without the group: "v1", "v1beta1"
	Pos     Pos    // the line of the object's first field
	Root    *Value // always a map
}

// At gives the place of v inside o's file; the object's own place when v is nil.
func (o *Object) At(v *Value) Pos {
	if v == nil || v.Line == 0 {
		return o.Pos
	}
	return Pos{File: o.Pos.File, Line: v.Line}
}

// New makes an object of a parsed map. It reports why when the map is no Kubernetes object.
func New(root *Value, file string) (*Object, error) {
	if root.Kind != Map {
		return nil, fmt.Errorf("want a map with apiVersion and kind, got a %s", root.Kind)
	}
	api, kind := root.Get("apiVersion").Str(), root.Get("kind").Str()
	switch {
	case kind == "" && api == "":
		return nil, fmt.Errorf("no apiVersion and no kind")
	case kind == "":
		return nil, fmt.Errorf("no kind")
	case api == "":
		return nil, fmt.Errorf("no apiVersion")
	}
	group, version, ok := strings.Cut(api, "/")
	if !ok {
		group, version = "", api
	}
	meta := root.Get("metadata")
	return &Object{
		Ref:     Ref{Group: group, Kind: kind, Namespace: meta.Get("namespace").Str(), Name: meta.Get("name").Str()},
		Version: version,
		Pos:     Pos{File: file, Line: root.Line},
		Root:    root,
	}, nil
}

// Severity grades a Problem.
type Severity uint8

// An Error means that input was lost, or that it makes answers undecided; a Warning is something the user
// should look at; a Note is information about what was read.
const (
	Error Severity = iota
	Warning
	Note
)

// String is "error", "warning" or "note".
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	case Note:
		return "note"
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// MarshalText writes the String form.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the String form.
func (s *Severity) UnmarshalText(b []byte) error {
	for _, k := range []Severity{Error, Warning, Note} {
		if k.String() == string(b) {
			*s = k
			return nil
		}
	}
	return fmt.Errorf("severity %q: want error, warning or note", b)
}

// Problem is something wrong with the input, with its place and what to do about it.
type Problem struct {
	Severity Severity `json:"severity"`
	Pos      Pos      `json:"pos"`
	Ref      Ref      `json:"object,omitzero"`
	Msg      string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
}

// String gives "file:line: Kind ns/name: message", without the hint.
func (p Problem) String() string {
	var b strings.Builder
	if p.Pos.File != "" {
		b.WriteString(p.Pos.String() + ": ")
	}
	if p.Ref.Kind != "" {
		b.WriteString(p.Ref.String() + ": ")
	}
	b.WriteString(p.Msg)
	return b.String()
}

// Compare orders by place, then object, severity and text.
func (p Problem) Compare(q Problem) int {
	return cmp.Or(p.Pos.Compare(q.Pos), p.Ref.Compare(q.Ref), cmp.Compare(p.Severity, q.Severity), cmp.Compare(p.Msg, q.Msg))
}
