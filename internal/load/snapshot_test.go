package load

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// TestSnapshotRoundTrip: reading a snapshot gives the objects, with every line, the problems and the
// coverage of the reading it was made from; writing that again gives the same bytes.
func TestSnapshotRoundTrip(t *testing.T) {
	t.Chdir(t.TempDir())
	var all []byte
	for _, f := range []string{"yaml_lines", "secrets", "flux", "coverage_missing", "duplicates", "yaml_broken_document", "lists"} {
		all = append(all, "---\n"...)
		all = append(all, fixtureFile(t, f, "a.yaml")...)
	}
	write(t, "a.yaml", string(all))
	first, err := Load(t.Context(), []string{"a.yaml"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var one bytes.Buffer
	if err := WriteSnapshot(&one, first); err != nil {
		t.Fatal(err)
	}
	if s := one.String(); strings.Contains(s, "hunter2") || strings.Contains(s, "aHVudGVyMg") {
		t.Error("the snapshot holds the content of a Secret")
	}
	var typed Snapshot
	if err := json.Unmarshal(one.Bytes(), &struct {
		*Snapshot
		Objects []json.RawMessage `json:"objects"`
	}{Snapshot: &typed}); err != nil || typed.Kind != "Snapshot" || typed.Coverage.Objects != len(first.Objects) {
		t.Errorf("header %+v: %v", typed, err)
	}
	write(t, "snap.json", one.String())
	second, err := Load(t.Context(), []string{"snap.json"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sorted(first.Objects), second.Objects); diff != "" {
		t.Errorf("objects -want +got\n%s", diff)
	}
	if diff := cmp.Diff(first.Problems, second.Problems); diff != "" {
		t.Errorf("problems -want +got\n%s", diff)
	}
	if diff := cmp.Diff(first.Coverage.Missing, second.Coverage.Missing); diff != "" {
		t.Errorf("missing -want +got\n%s", diff)
	}
	if diff := cmp.Diff(first.Coverage.Skipped, second.Coverage.Skipped); diff != "" {
		t.Errorf("skipped -want +got\n%s", diff)
	}
	second.Coverage = first.Coverage
	var two bytes.Buffer
	if err := WriteSnapshot(&two, second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one.String(), two.String()); diff != "" {
		t.Errorf("bytes -want +got\n%s", diff)
	}
}

func TestSnapshotBroken(t *testing.T) {
	const head = `{"apiVersion":"bulkhead.dev/v1alpha1","kind":"Snapshot",`
	for name, tc := range map[string]struct{ text, want string }{
		"lines do not fit": {
			head + `"objects":[{"file":"a.yaml","lines":"1 1","object":{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}}]}`,
			"s.json:1: snapshot: the lines of this object do not fit it; its places are not known",
		},
		"no file":    {head + `"objects":[{"object":{}}]}`, "s.json:1: snapshot: an entry has no file or no object; not read"},
		"unknown":    {head + `"more":1,"objects":[]}`, "s.json:1: snapshot: more: unknown field"},
		"bad header": {head + `"problems":3,"objects":[]}`, "s.json:1: snapshot: problems: json: cannot unmarshal number into Go value of type []object.Problem"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems, _ := Parse([]byte(tc.text), "s.json", Limits{})
			if len(problems) != 1 || problems[0].String() != tc.want {
				t.Errorf("got %v, want %s", problems, tc.want)
			}
		})
	}
}

func TestSnapshotKeepsComplete(t *testing.T) {
	t.Chdir(t.TempDir())
	r := &Result{Coverage: Coverage{Live: true, Complete: true}}
	var b bytes.Buffer
	if err := WriteSnapshot(&b, r); err != nil {
		t.Fatal(err)
	}
	write(t, "s.json", b.String())
	write(t, "more.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: p}}")
	for want, sources := range map[bool][]string{true: {"s.json"}, false: {"s.json", "more.yaml"}} {
		got, err := Load(t.Context(), sources, Options{})
		if err != nil || got.Coverage.Complete != want || !got.Coverage.Live {
			t.Errorf("%v: complete %v, live %v, %v", sources, got.Coverage.Complete, got.Coverage.Live, err)
		}
	}
}

// sorted copies objects with their fields in canonical order, as a snapshot keeps them.
func sorted(objects []*object.Object) []*object.Object {
	var out []*object.Object
	for _, o := range objects {
		c := *o
		c.Root = inOrder(o.Root)
		out = append(out, &c)
	}
	return out
}

func inOrder(v *object.Value) *object.Value {
	w := &object.Value{Kind: v.Kind, Line: v.Line, Text: v.Text}
	for _, it := range v.Items {
		w.Items = append(w.Items, inOrder(it))
	}
	for _, f := range sortedFields(v) {
		w.Fields = append(w.Fields, object.Field{Name: f.Name, Line: f.Line, Value: inOrder(f.Value)})
	}
	return w
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
