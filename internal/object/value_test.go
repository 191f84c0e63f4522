package object_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

const sample = `apiVersion: v1
kind: X
metadata: {name: x, labels: {b: "2", a: x, num: 5, t: true, e: null, l: [1]}}
spec:
  number: 7
  text: "8080"
  word: http
  share: 1.5
  big: 9007199254740993
  "yes": true
  "no": false
  nothing: null
  list: [1, two, {three: 3}, []]
  "quo\"te": "line\nbreak"
`

func TestValue(t *testing.T) {
	root := parse(t, sample).Root
	spec := root.Get("spec")
	if v := root.Get("spec", "list"); len(v.List()) != 4 || v.List()[2].Get("three").Str() != "3" || v.Line != 13 {
		t.Errorf("list: %+v", v)
	}
	for _, path := range [][]string{{"nope"}, {"spec", "nope", "deeper"}, {"spec", "number", "deeper"}, {"spec", "list", "0"}} {
		if v := root.Get(path...); v != nil {
			t.Errorf("Get(%v) is %v, want nil", path, v)
		}
	}
	if root.Get() != root {
		t.Error("Get of no name is not the value itself")
	}
	for name, want := range map[string]bool{"number": true, "nothing": false, "nope": false, "no": true} {
		if got := spec.Get(name).IsSet(); got != want {
			t.Errorf("IsSet of %s is %v", name, got)
		}
	}
	for name, want := range map[string]string{"number": "7", "text": "8080", "yes": "true", "nothing": "", "list": "", "nope": "", "share": "1.5"} {
		if got := spec.Get(name).Str(); got != want {
			t.Errorf("Str of %s is %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]bool{"yes": true, "no": false, "text": false, "nope": false} {
		if got := spec.Get(name).True(); got != want {
			t.Errorf("True of %s is %v", name, got)
		}
	}
	if (&object.Value{Kind: object.String, Text: "true"}).True() {
		t.Error("the text true is taken for the boolean")
	}
	for name, want := range map[string]int{"number": 7, "text": 8080, "big": 9007199254740993} {
		if got, ok := spec.Get(name).Int(); !ok || got != want {
			t.Errorf("Int of %s is %d, %v", name, got, ok)
		}
	}
	for _, name := range []string{"word", "share", "yes", "nothing", "list", "nope"} {
		if got, ok := spec.Get(name).Int(); ok {
			t.Errorf("Int of %s is %d", name, got)
		}
	}
	if spec.Get("number").List() != nil || spec.Get("nope").List() != nil || spec.Get("list").Map() != nil || spec.Get("nope").Map() != nil {
		t.Error("List or Map of something else is not nil")
	}
	if got := root.Get("metadata").Map(); len(got) != 2 || got[1].Name != "labels" || got[1].Line != 3 {
		t.Errorf("Map: %+v", got)
	}
	want := map[string]string{"a": "x", "b": "2", "num": "5", "t": "true", "e": "", "l": ""}
	if d := cmp.Diff(want, root.Get("metadata", "labels").Strings()); d != "" {
		t.Errorf("Strings (-want +got):\n%s", d)
	}
	if spec.Get("list").Strings() != nil || spec.Get("nope").Strings() != nil {
		t.Error("Strings of something else is not nil")
	}
}

func TestAppendJSON(t *testing.T) {
	const want = `{"big":9007199254740993,"list":[1,"two",{"three":3},[]],"no":false,"nothing":null,` +
		`"number":7,"quo\"te":"line\nbreak","share":1.5,"text":"8080","word":"http","yes":true}`
	spec := parse(t, sample).Root.Get("spec")
	if got := string(spec.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got, err := json.Marshal(map[string]*object.Value{"v": spec, "w": nil})
	if err != nil || string(got) != `{"v":`+want+`,"w":null}` {
		t.Errorf("got %s, %v", got, err)
	}
	for want, v := range map[string]*object.Value{
		"null":        nil,
		`"0x1F"`:      {Kind: object.Number, Text: "0x1F"},
		`"caf\ufffd"`: {Kind: object.String, Text: "caf\xff"},
		`{"a":null}`:  {Kind: object.Map, Fields: []object.Field{{Name: "a"}}},
		`[null,"a"]`:  {Kind: object.List, Items: []*object.Value{nil, {Kind: object.String, Text: "a"}}},
		`{"A":1,"a":2}`: {Kind: object.Map, Fields: []object.Field{
			{Name: "a", Value: &object.Value{Kind: object.Number, Text: "2"}}, {Name: "A", Value: &object.Value{Kind: object.Number, Text: "1"}},
		}},
	} {
		if got := string(v.AppendJSON([]byte("x "))); got != "x "+want {
			t.Errorf("got %s, want x %s", got, want)
		}
	}
}

func TestValueKindString(t *testing.T) {
	for k, want := range map[object.ValueKind]string{
		object.Null: "null", object.Bool: "boolean", object.Number: "number", object.String: "string",
		object.List: "list", object.Map: "map", 9: "kind(9)",
	} {
		if got := k.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
