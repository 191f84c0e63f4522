package policy_test

import (
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

func text(s string) *object.Value { return &object.Value{Kind: object.String, Text: s, Line: 3} }

func mapOf(fields ...object.Field) *object.Value {
	return &object.Value{Kind: object.Map, Line: 2, Fields: fields}
}

// reader reads an object that an API server has stored, or a manifest.
func reader(stored bool) *policy.Reader {
	root := mapOf()
	if stored {
		root = mapOf(object.Field{Name: "metadata", Value: mapOf(object.Field{Name: "uid", Value: text("x")})})
	}
	return policy.NewReader(&object.Object{Pos: object.Pos{File: "f.yaml", Line: 1}, Root: root})
}

// TestReaderUnknownField: in a manifest an unknown field puts the whole object in doubt; in a stored object
// the caller decides, and Whole is how it says "the whole".
func TestReaderUnknownField(t *testing.T) {
	v := mapOf(object.Field{Name: "ingres", Line: 9, Value: text("x")})
	for _, c := range []struct {
		stored              bool
		before, after, told int
	}{{false, 1, 1, 1}, {true, 0, 1, 1}} {
		r := reader(c.stored)
		doubts := r.Fields(v, "spec", "ingress", "egress")
		if len(doubts) != c.told || len(r.Doubts) != c.before {
			t.Errorf("stored %v: %d doubts returned and %d kept, want %d and %d", c.stored, len(doubts), len(r.Doubts), c.told, c.before)
		}
		r.Whole(doubts)
		if len(r.Doubts) != c.after {
			t.Errorf("stored %v: %d doubts kept after Whole, want %d", c.stored, len(r.Doubts), c.after)
		}
		p := r.Problems[0]
		if p.String() != "f.yaml:9: spec.ingres: unknown field" || !strings.HasSuffix(p.Hint, "ingress was probably meant") {
			t.Errorf("got %q, hint %q", p, p.Hint)
		}
	}
}

func TestReaderNoFarFetchedHints(t *testing.T) {
	r := reader(false)
	for _, name := range []string{"zzzzzzz", "a", strings.Repeat("ingress", 9)} {
		r.Fields(mapOf(object.Field{Name: name, Value: text("x")}), "", "ingress", "egress")
	}
	for _, p := range r.Problems {
		if strings.Contains(p.Hint, "probably meant") {
			t.Errorf("%s: hint %q", p, p.Hint)
		}
	}
}

// TestReaderTypes: a wrong type is refused and doubted; what is not there is neither.
func TestReaderTypes(t *testing.T) {
	r := reader(true)
	r.Fields(nil, "spec")
	r.List(nil, "spec.ingress")
	r.Text(nil, "spec.name")
	if len(r.Problems) != 0 {
		t.Fatalf("nothing to see, and problems %v", r.Problems)
	}
	r.Fields(text("x"), "spec")
	r.List(text("x"), "spec.ingress")
	if s, ok := r.Text(mapOf(), "spec.name"); ok || s != "" {
		t.Errorf("got %q, %v for a map", s, ok)
	}
	if s, ok := r.Text(text("x"), "spec.name"); !ok || s != "x" {
		t.Errorf("got %q, %v for a string", s, ok)
	}
	if len(r.Problems) != 3 || len(r.Doubts) != 3 {
		t.Errorf("got %d problems and %d doubts, want 3 of each", len(r.Problems), len(r.Doubts))
	}
}

// TestReaderSeverities: only errors leave doubts on the object.
func TestReaderSeverities(t *testing.T) {
	r := reader(false)
	r.Note(nil, "", "note")
	r.Warn(nil, "", "warning")
	if d := r.Unclear(text("x"), "unclear"); d.Pos.Line != 3 || d.Msg != "unclear" || len(r.Doubts) != 0 {
		t.Errorf("got %+v and %d doubts kept", d, len(r.Doubts))
	}
	r.NotModelled(text("x"), "not modelled")
	if len(r.Doubts) != 1 {
		t.Errorf("got %d doubts kept, want 1", len(r.Doubts))
	}
	var got []string
	for _, p := range r.Problems {
		got = append(got, p.Severity.String())
	}
	if s := strings.Join(got, " "); s != "note warning error error" {
		t.Errorf("got %s", s)
	}
}

func TestOneNamespace(t *testing.T) {
	in := func(key string, values ...string) cluster.Selector {
		return cluster.Selector{{Key: key, Op: cluster.In, Values: values}}
	}
	if ns, s := policy.OneNamespace(in(cluster.NameLabel, "shop")); ns != "shop" || s != nil {
		t.Errorf("got %q, %v", ns, s)
	}
	for _, s := range []cluster.Selector{
		nil, in("name", "shop"), in(cluster.NameLabel, "a", "b"), in(cluster.NameLabel, ""),
		append(in(cluster.NameLabel, "shop"), in("env", "live")...),
		{{Key: cluster.NameLabel, Op: cluster.NotIn, Values: []string{"shop"}}},
	} {
		if ns, got := policy.OneNamespace(s); ns != "" || got.String() != s.String() {
			t.Errorf("%s: got %q, %v", s, ns, got)
		}
	}
}
