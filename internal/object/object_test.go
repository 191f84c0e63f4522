package object_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

func TestPos(t *testing.T) {
	if got := (object.Pos{File: "a.yaml", Line: 3}).String(); got != "a.yaml:3" {
		t.Errorf("got %s", got)
	}
	if got := (object.Pos{File: "a.yaml"}).String(); got != "a.yaml" {
		t.Errorf("got %s", got)
	}
	want := []object.Pos{{File: "a"}, {File: "a", Line: 2}, {File: "a", Line: 10}, {File: "b", Line: 1}}
	got := []object.Pos{want[3], want[2], want[0], want[1]}
	slices.SortFunc(got, object.Pos.Compare)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestRef(t *testing.T) {
	r := object.Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "web"}
	if got := r.String(); got != "Deployment shop/web" {
		t.Errorf("got %s", got)
	}
	if got := (object.Ref{Kind: "Node", Name: "n"}).String(); got != "Node n" {
		t.Errorf("got %s", got)
	}
	if got := r.GroupKind(); got != (object.GroupKind{Group: "apps", Kind: "Deployment"}) {
		t.Errorf("got %v", got)
	}
	want := []object.Ref{
		{Kind: "Node", Name: "z"},
		{Kind: "A", Namespace: "a", Name: "b"},
		{Group: "g", Kind: "A", Namespace: "a", Name: "b"},
		{Kind: "A", Namespace: "a", Name: "c"},
		{Kind: "B", Namespace: "a", Name: "a"},
		{Kind: "A", Namespace: "b", Name: "a"},
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, object.Ref.Compare)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestNew(t *testing.T) {
	str := func(s string) *object.Value { return &object.Value{Kind: object.String, Text: s, Line: 1} }
	fields := func(nv ...string) *object.Value {
		v := &object.Value{Kind: object.Map, Line: 4}
		for i := 0; i < len(nv); i += 2 {
			v.Fields = append(v.Fields, object.Field{Name: nv[i], Line: 4 + i, Value: str(nv[i+1])})
		}
		return v
	}
	for _, tt := range []struct {
		root           *object.Value
		group, version string
		err            string
	}{
		{fields("apiVersion", "apps/v1", "kind", "Deployment"), "apps", "v1", ""},
		{fields("apiVersion", "v1", "kind", "Pod"), "", "v1", ""},
		{fields(), "", "", "no apiVersion and no kind"},
		{fields("apiVersion", "v1"), "", "", "no kind"},
		{fields("kind", "Pod"), "", "", "no apiVersion"},
		{str("Pod"), "", "", "want a map with apiVersion and kind, got a string"},
		{&object.Value{Kind: object.List}, "", "", "want a map with apiVersion and kind, got a list"},
	} {
		o, err := object.New(tt.root, "f")
		if tt.err != "" {
			if err == nil || err.Error() != tt.err || o != nil {
				t.Errorf("got %v, %v; want %s", o, err, tt.err)
			}
			continue
		}
		if err != nil || o.Ref.Group != tt.group || o.Version != tt.version || o.Pos != (object.Pos{File: "f", Line: 4}) {
			t.Errorf("got %+v, %v; want group %q version %q at f:4", o, err, tt.group, tt.version)
		}
	}
}

func TestAt(t *testing.T) {
	o := parse(t, "\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  namespace: a\n")
	if want := (object.Ref{Kind: "Pod", Namespace: "a", Name: "p"}); o.Ref != want {
		t.Errorf("got %v, want %v", o.Ref, want)
	}
	for _, tt := range []struct {
		v    *object.Value
		line int
	}{{o.Root.Get("metadata", "namespace"), 6}, {nil, 2}, {&object.Value{}, 2}, {o.Root.Get("spec"), 2}} {
		if got := o.At(tt.v); got != (object.Pos{File: "in.yaml", Line: tt.line}) {
			t.Errorf("got %v, want line %d", got, tt.line)
		}
	}
}

func TestSeverity(t *testing.T) {
	for s, want := range map[object.Severity]string{object.Error: "error", object.Warning: "warning", object.Note: "note", 9: "severity(9)"} {
		if got := s.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	text, err := json.Marshal([]object.Severity{object.Error, object.Warning, object.Note})
	if err != nil || string(text) != `["error","warning","note"]` {
		t.Errorf("got %s, %v", text, err)
	}
	var back []object.Severity
	if err := json.Unmarshal(text, &back); err != nil || !slices.Equal(back, []object.Severity{object.Error, object.Warning, object.Note}) {
		t.Errorf("got %v, %v", back, err)
	}
	var s object.Severity
	if err := s.UnmarshalText([]byte("Error")); err == nil || err.Error() != `severity "Error": want error, warning or note` {
		t.Errorf("got %v", err)
	}
}

func TestProblem(t *testing.T) {
	ref := object.Ref{Kind: "Pod", Namespace: "a", Name: "p"}
	at := object.Pos{File: "f", Line: 2}
	for want, p := range map[string]object.Problem{
		"f:2: Pod a/p: bad": {Pos: at, Ref: ref, Msg: "bad", Hint: "not shown"},
		"f:2: bad":          {Pos: at, Msg: "bad"},
		"Pod a/p: bad":      {Ref: ref, Msg: "bad"},
		"bad":               {Msg: "bad"},
	} {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	want := []object.Problem{
		{Pos: object.Pos{File: "a"}, Msg: "z"},
		{Pos: at, Msg: "z"},
		{Pos: at, Ref: ref, Msg: "a"},
		{Pos: at, Ref: ref, Msg: "b"},
		{Pos: at, Ref: ref, Severity: object.Note, Msg: "a"},
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, object.Problem.Compare)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
