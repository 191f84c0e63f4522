package load

import (
	"bytes"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// seeds gives each file of the fixtures to add.
func seeds(f *testing.F, add func(name string, data []byte)) {
	_, this, _, _ := runtime.Caller(0)
	paths, err := filepath.Glob(filepath.Join(filepath.Dir(this), "testdata", "*.txtar"))
	if err != nil || len(paths) == 0 {
		f.Fatal("no fixtures", err)
	}
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if file.Name != "want" {
				add(file.Name, file.Data)
			}
		}
	}
}

// fuzzLimits keep one run short.
func fuzzLimits() Limits {
	return Limits{FileBytes: 1 << 20, DocBytes: 1 << 18, ChartBytes: 1 << 20, Objects: 1000, Files: 100, AliasNodes: 10_000}
}

// sane checks what must hold of any reading: every object has a kind and a place inside the file, Secrets
// are empty, every line is in the file, and it did not take long.
func sane(t *testing.T, objects []*object.Object, lines int, start time.Time) {
	t.Helper()
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
	for _, o := range objects {
		if o.Ref.Kind == "" || o.Version == "" && o.Ref.Group == "" || o.Pos.File == "" {
			t.Errorf("object without a kind or a place: %+v", o)
		}
		if o.Ref.Kind == "Secret" && o.Ref.Group == "" && (o.Root.Get("data") != nil || o.Root.Get("stringData") != nil) {
			t.Error("a Secret with content")
		}
		var walk func(v *object.Value, depth int)
		walk = func(v *object.Value, depth int) {
			if depth > 120 || v == nil || lines > 0 && (v.Line < 1 || v.Line > lines) {
				t.Fatalf("value %+v at depth %d of %d lines", v, depth, lines)
			}
			seen := map[string]bool{}
			for _, f := range v.Fields {
				if seen[f.Name] {
					t.Fatalf("field %q twice", f.Name)
				}
				seen[f.Name] = true
				walk(f.Value, depth+1)
			}
			for _, it := range v.Items {
				walk(it, depth+1)
			}
		}
		walk(o.Root, 0)
	}
}

// FuzzParse reads YAML, JSON and transcripts, alone and in front of a good document.
func FuzzParse(f *testing.F) {
	seeds(f, func(_ string, data []byte) { f.Add(data) })
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		objects, _, _ := Parse(data, "f.yaml", fuzzLimits())
		breaks := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")
		plain, ok := text(data)
		if !ok {
			return
		}
		snapshot := bytes.Contains(data, []byte("Snapshot"))
		lines := 2 + strings.Count(breaks.Replace(string(plain)), "\n")
		if snapshot {
			lines = 0 // its objects have lines of their own
		}
		sane(t, objects, lines, start)
		if len(data) < 1<<12 && !bytes.ContainsAny(data, "!\x00") {
			sameAsKubectl(t, data)
		}
	})
}

// FuzzSnapshot reads any bytes as a snapshot, writes what came of it, and reads that again.
func FuzzSnapshot(f *testing.F) {
	seeds(f, func(name string, data []byte) {
		objects, problems, skipped := Parse(data, name, Limits{})
		var b bytes.Buffer
		if err := WriteSnapshot(&b, &Result{Objects: objects, Problems: problems, Coverage: Coverage{Skipped: skipped}}); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		first, _, _ := Parse(data, "f.json", fuzzLimits())
		sane(t, first, 0, start)
		var b bytes.Buffer
		if err := WriteSnapshot(&b, &Result{Objects: first}); err != nil {
			t.Fatal(err)
		}
		second, problems, _ := Parse(b.Bytes(), "f.json", Limits{})
		for _, p := range problems {
			if strings.HasPrefix(p.Msg, "snapshot:") {
				t.Errorf("our own snapshot is not understood: %v", p)
			}
		}
		if len(second) != len(first) {
			t.Fatalf("%d objects became %d", len(first), len(second))
		}
		for i := range first {
			if diff := cmp.Diff(string(first[i].Root.AppendJSON(nil)), string(second[i].Root.AppendJSON(nil))); diff != "" {
				t.Errorf("-first +second\n%s", diff)
			}
		}
	})
}

// FuzzKustomization builds a kustomization with any text beside a small base.
func FuzzKustomization(f *testing.F) {
	seeds(f, func(name string, data []byte) {
		if kustomizationFile(name) {
			f.Add(data, fixtureSvc)
		}
	})
	f.Add([]byte("resources: [svc.yaml]\nnamespace: x\nreplacements:\n- source: {kind: Service}\n  targets: [{select: {kind: Service}, fieldPaths: [metadata.name]}]\n"), fixtureSvc)
	f.Fuzz(func(t *testing.T, kustomization []byte, resource string) {
		if bytes.Contains(kustomization, []byte("://")) || len(kustomization) > 1<<14 {
			return // the fixtures show that nothing is fetched; a fuzzer must not even try
		}
		t.Chdir(t.TempDir())
		write(t, "k/kustomization.yaml", string(kustomization))
		write(t, "k/svc.yaml", resource)
		write(t, "k/local.yaml", fixtureSvc)
		write(t, "base/kustomization.yaml", "resources: [svc.yaml]")
		write(t, "base/svc.yaml", fixtureSvc)
		start := time.Now()
		r, err := Load(t.Context(), []string{"k"}, Options{Limits: fuzzLimits()})
		if err != nil {
			t.Fatal(err)
		}
		sane(t, r.Objects, 0, start)
	})
}

const fixtureSvc = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 80\n"

// FuzzChart renders a chart with any template and any values.
func FuzzChart(f *testing.F) {
	seeds(f, func(name string, data []byte) {
		if strings.Contains(name, "templates/") {
			f.Add(data, "port: 80\n")
		}
	})
	f.Add([]byte(`{{ toYaml .Values }}`), "a: {b: [c]}\n")
	f.Fuzz(func(t *testing.T, template []byte, values string) {
		if len(template) > 1<<12 || bytes.Contains(template, []byte("range")) || bytes.Contains(template, []byte("until")) ||
			bytes.Contains(template, []byte("repeat")) || bytes.Contains(template, []byte("gen")) || bytes.Contains(template, []byte("indent")) ||
			bytes.Contains(template, []byte("seq")) || bytes.Contains(template, []byte("rand")) || bytes.Contains(template, []byte("printf")) {
			return // a template is a program: Helm itself has no bound on its loops
		}
		t.Chdir(t.TempDir())
		write(t, "c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n")
		write(t, "c/values.yaml", values)
		write(t, "c/templates/x.yaml", string(template))
		start := time.Now()
		r, err := Load(t.Context(), []string{"c"}, Options{Limits: fuzzLimits()})
		if err != nil {
			t.Fatal(err)
		}
		sane(t, r.Objects, 0, start)
	})
}
