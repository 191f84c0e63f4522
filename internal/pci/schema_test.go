package pci_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

func editorSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(v1alpha1.JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("segmentation.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("segmentation.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// obeys holds an object, as the reader sees it, against the schema for editors.
func obeys(t testing.TB, s *jsonschema.Schema, o *object.Object) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(o.Root.AppendJSON(nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

// TestExamplesObeySchema: what we ship is what editors take.
func TestExamplesObeySchema(t *testing.T) {
	s := editorSchema(t)
	files, err := filepath.Glob("../../examples/*/*/segmentation.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range read(t, map[string]string{f: string(data)}) {
			if err := obeys(t, s, o); err != nil {
				t.Errorf("%s: %v", f, err)
			}
		}
	}
}

// TestSchemaRefuses: the mistakes that an editor can see.
func TestSchemaRefuses(t *testing.T) {
	s := editorSchema(t)
	const need = "id: F-1, from: z, to: z, ports: tcp/80"
	for _, spec := range []string{
		"  zones: [{name: z, scope: pci, namespaces: [a]}]\n",
		"  zones: [{name: z, scope: cde}]\n",
		"  zones: [{name: a/b, scope: cde, namespaces: [a]}]\n",
		"  zones: [{name: z, scope: cde, podSelector: {matchExpressions: [{key: a, operator: Is}]}}]\n",
		"  needs: [{" + need + "}]\n",
		"  needs: [{" + need + ", justification: j, expires: soon}]\n",
		"  needs: [{" + need + ", justification: j, protection: TLS}]\n",
		"  entries: [{service: a/b, workload: a/b, justification: j}]\n",
		"  entries: [{justification: j}]\n",
		"  exceptions: [{id: E-1, check: DEN-01, subject: a/b, reason: r, owner: o, expires: \"2026-01-31\"}]\n",
		"  protectedLabels: [{key: k, writers: [everyone]}]\n",
		"  reviews: [{of: rules, done: \"2026-13-31\", by: b}]\n",
		"  periods: {rules: 7}\n",
		"  externalParties: [{name: n, zones: [], service: s}]\n",
	} {
		o := read(t, map[string]string{"s.yaml": head + spec})[0]
		if obeys(t, s, o) == nil {
			t.Errorf("an editor takes %s", spec)
		}
		if _, _, problems := build(t, head+spec); len(problems) == 0 {
			t.Errorf("the reader takes %s", spec)
		}
	}
}

// TestSchemaFields: the schema and the reader know the same fields, at every depth.
func TestSchemaFields(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal([]byte(v1alpha1.JSONSchema()), &root); err != nil {
		t.Fatal(err)
	}
	s := editorSchema(t)
	fields := 0
	// try puts a value of the schema, with one more field when extra is given, at its place in a document.
	try := func(schema map[string]any, wrap func(any) any, extra string) (unknown bool) {
		value := map[string]any{}
		for name, p := range schema["properties"].(map[string]any) {
			if wanted := p.(map[string]any)["type"]; wanted == "string" {
				value[name] = "x"
			}
		}
		if extra != "" {
			value[extra] = "x"
		}
		doc := map[string]any{"apiVersion": "bulkhead.dev/v1alpha1", "kind": "Segmentation", "metadata": map[string]any{"name": "s"}, "spec": wrap(value)}
		data, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		o := read(t, map[string]string{"s.json": string(data)})[0]
		c, _ := cluster.New([]*object.Object{o}, cluster.Options{})
		_, problems := pci.ReadIntent(c)
		for _, p := range problems {
			unknown = unknown || strings.Contains(p.Msg, "unknown field")
		}
		if err := obeys(t, s, o); extra != "" && err == nil {
			t.Errorf("an editor takes the field %s in %s", extra, data)
		}
		return unknown
	}
	var walk func(path string, schema map[string]any, wrap func(any) any)
	walk = func(path string, schema map[string]any, wrap func(any) any) {
		if items, ok := schema["items"].(map[string]any); ok {
			walk(path+"[]", items, func(v any) any { return wrap([]any{v}) })
			return
		}
		properties, ok := schema["properties"].(map[string]any)
		if !ok {
			return
		}
		if try(schema, wrap, "") {
			t.Errorf("%s: the reader does not know a field of the schema", path)
		}
		if !try(schema, wrap, "bogus") {
			t.Errorf("%s: the reader takes a field that the schema has not", path)
		}
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			fields++
			walk(path+"."+name, properties[name].(map[string]any), func(v any) any { return wrap(map[string]any{name: v}) })
		}
	}
	spec := root["properties"].(map[string]any)["spec"].(map[string]any)
	walk("spec", spec, func(v any) any { return v })
	if fields < 70 {
		t.Errorf("only %d fields were looked at", fields)
	}
}

// FuzzIntent: whatever stands in a Segmentation, the reader does not fall, gives the same twice, names a line for each
// problem, and takes nothing that an editor refuses.
func FuzzIntent(f *testing.F) {
	files, _ := filepath.Glob("../../examples/*/*/segmentation.yaml")
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	for _, seed := range []string{
		"  zones: [{name: z, scope: cde, namespaces: [a]}]\n  needs: [{id: 1, from: z}]\n",
		"  zones: [null, [], {}, \"x\"]\n  reviews: {a: b}\n  periods: []\n",
		"  needs: [{id: \"<script>\", from: \"=cmd()\", to: \"\\e[31m\", ports: all, justification: \"\\u202e\"}]\n",
		"  periods: {rules: 99999999999999999999}\n  protectedLabels: [{key: k, writers: [\"ServiceAccount /\"]}]\n",
		"  externalParties: [{name: n, zones: [z, z], service: s, attestedUntil: \"9999-99-99\"}]\n",
		"  reviews: [{of: rules, done: \"0000-01-01\", by: b}]\n",
		"  exceptions: [{id: \"" + strings.Repeat("E", 10000) + "\", check: x, subject: /*, reason: r, owner: o, approver: p, expires: \"2026-01-01\"}]\n",
	} {
		f.Add(head + seed)
	}
	s := editorSchema(f)
	f.Fuzz(func(t *testing.T, text string) {
		objects, _, _ := load.Parse([]byte(text), "s.yaml", load.Limits{})
		c, _ := cluster.New(objects, cluster.Options{})
		in, problems := pci.ReadIntent(c)
		if in == nil {
			return
		}
		for _, p := range problems {
			if p.Pos.Line == 0 || p.Hint == "" {
				t.Errorf("no line or no hint: %+v", p)
			}
		}
		in.Dues()
		for i := range in.Needs {
			in.ReviewDue(&in.Needs[i])
		}
		for _, o := range in.Objects {
			if len(problems) == 0 && !hollow(o.Root) && len(objects) == 1 {
				if err := obeys(t, s, o); err != nil {
					t.Errorf("the reader takes what an editor refuses: %v\n%s", err, text)
				}
			}
		}
	})
}

// hollow tells of fields that are there and hold nothing, which the reader takes as not given.
func hollow(v *object.Value) bool {
	if v.Kind == object.Null || v.Kind == object.String && v.Text == "" {
		return true
	}
	return slices.ContainsFunc(v.Fields, func(f object.Field) bool { return hollow(f.Value) }) || slices.ContainsFunc(v.Items, hollow)
}
