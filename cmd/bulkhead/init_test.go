package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
	"github.com/bulkhead-sec/bulkhead/internal/load"
)

// program runs bulkhead in this process.
func program(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	g := &globals{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: func(string) string { return "" }, version: "v0.0.0-test", progName: "bulkhead"}
	code = run(t.Context(), g, args)
	return code, out.String(), errs.String()
}

// hostileInput has names that are markup, formulas, other types of YAML or very long.
const hostileInput = `apiVersion: v1
kind: Pod
metadata: {name: "<script>alert(1)</script>", namespace: "null", labels: {app: "=cmd()", "a b\": {": "x\ny"}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: "on", namespace: "null", labels: {app: "y", "a b\": {": "\u202e"}}
spec: {hostNetwork: true, containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: "1", namespace: "1e3", labels: {app: "\e[31m"}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 443, hostPort: 443}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: "two\nlines: x", namespace: "# no"}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: "LONG", namespace: "# no"}
spec: {containers: [{name: c, image: i}]}
`

// TestDrafts: whatever the input, a draft is valid by the schema for editors, the reader takes all of it, and assess
// of input and draft together works.
func TestDrafts(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(v1alpha1.JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("s.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("s.json")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob("../../examples/*/*/apps.yaml")
	if err != nil || len(examples) < 7 {
		t.Fatalf("%d examples: %v", len(examples), err)
	}
	sources := map[string]string{}
	for _, e := range examples {
		sources[filepath.Dir(e)] = filepath.Dir(e)
		bare := t.TempDir() // the same without its Segmentation
		if err := os.CopyFS(bare, os.DirFS(filepath.Dir(e))); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(bare, "segmentation.yaml")); err != nil {
			t.Fatal(err)
		}
		sources[filepath.Dir(e)+" bare"] = bare
	}
	hostile := filepath.Join(t.TempDir(), "hostile.yaml")
	if err := os.WriteFile(hostile, []byte(strings.Replace(hostileInput, "LONG", strings.Repeat("x", 10000), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	sources["hostile"] = hostile
	for name, source := range sources {
		for _, flags := range [][]string{nil, {"--enforcer", "calico"}, {"--enforcer", "none", "--scope-label", "tier=backend"}} {
			t.Run(name+" "+strings.Join(flags, " "), func(t *testing.T) {
				code, text, stderr := program(t, append([]string{"init", source}, flags...)...)
				if code != 0 {
					t.Fatalf("code %d: %s", code, stderr)
				}
				objects, problems, skipped := load.Parse([]byte(text), "draft.yaml", load.Limits{})
				if len(problems)+len(skipped) > 0 || len(objects) != 1 {
					t.Fatalf("%d objects, %v, %v:\n%s", len(objects), problems, skipped, text)
				}
				asJSON, err := jsonschema.UnmarshalJSON(bytes.NewReader(objects[0].Root.AppendJSON(nil)))
				if err != nil {
					t.Fatal(err)
				}
				if err := schema.Validate(asJSON); err != nil {
					t.Errorf("%v\n%s", err, text)
				}
				draft := filepath.Join(t.TempDir(), "draft.yaml")
				if err := os.WriteFile(draft, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				code, out, stderr := program(t, append([]string{"assess", source, draft}, flags...)...)
				if code == exitUsage || strings.Contains(out, draft+":") && strings.Contains(out, "error: "+draft) {
					t.Errorf("code %d: %s\n%s\n%s", code, stderr, out, text)
				}
			})
		}
	}
}
