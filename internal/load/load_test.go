package load

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestFixtures runs each testdata/*.txtar: its files are written to a folder, the sources named in the line
// "sources:" of its comment (default ".") are loaded from there, and what came of it is compared with the
// file "want". BULKHEAD_UPDATE=1 rewrites it. In file texts, "\r", "\t", "\0" and "\ufeff" stand for themselves, and
// files whose text is "-> target" become symbolic links.
func TestFixtures(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, path := range paths {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) { fixture(t, path) })
	}
}

func fixture(t *testing.T, path string) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	var want *txtar.File
	for i, f := range archive.Files {
		if f.Name == "want" {
			want = &archive.Files[i]
			continue
		}
		writeFixture(t, f)
	}
	sources, opt := []string{"."}, Options{}
	for line := range strings.Lines(string(archive.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "sources":
			sources = strings.Fields(value)
		case "set":
			opt.Set = strings.Fields(value)
		case "values":
			opt.Values = strings.Fields(value)
		case "namespace":
			opt.Namespace = value
		case "alias-nodes":
			fmt.Sscan(value, &opt.Limits.AliasNodes)
		case "objects":
			fmt.Sscan(value, &opt.Limits.Objects)
		case "file-bytes":
			fmt.Sscan(value, &opt.Limits.FileBytes)
		case "stdin":
			data, err := os.ReadFile(value)
			if err != nil {
				t.Fatal(err)
			}
			opt.Stdin = bytes.NewReader(data)
		}
	}
	got := ""
	r, err := Load(t.Context(), sources, opt)
	if err != nil {
		got = fmt.Sprintf("error %v\n", err)
	} else {
		got = describe(r)
	}
	if want == nil {
		archive.Files = append(archive.Files, txtar.File{Name: "want"})
		want = &archive.Files[len(archive.Files)-1]
	}
	if os.Getenv("BULKHEAD_UPDATE") == "1" {
		want.Data = []byte(got)
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(want.Data), got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func writeFixture(t *testing.T, f txtar.File) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
		t.Fatal(err)
	}
	if target, ok := strings.CutPrefix(strings.TrimSpace(string(f.Data)), "-> "); ok {
		if err := os.Symlink(target, f.Name); err != nil {
			t.Fatal(err)
		}
		return
	}
	text := strings.NewReplacer(`\r`, "\r", `\ufeff`, "\ufeff", `\t`, "\t", `\0`, "\x00").Replace(string(f.Data))
	if err := os.WriteFile(f.Name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// describe writes a result one fact a line. Objects show the lines and text of their spec.
func describe(r *Result) string {
	var b strings.Builder
	for _, o := range r.Objects {
		fmt.Fprintf(&b, "object %s %s\n", o.Pos, o.Ref)
		for _, part := range []string{"spec", "data", "stringData"} {
			if v := o.Root.Get(part); v != nil {
				fmt.Fprintf(&b, "  %s at %s %s\n", part, o.At(v), v.AppendJSON(nil))
			}
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "%s %s\n", p.Severity, p)
	}
	for _, s := range r.Coverage.Skipped {
		fmt.Fprintf(&b, "skipped %s: %s\n", s.Pos, s.Reason)
	}
	for _, m := range r.Coverage.Missing {
		fmt.Fprintf(&b, "missing %s: %s: %s\n", m.Pos, m.What, m.Why)
	}
	return b.String()
}

// fixtureFile is one file of a fixture.
func fixtureFile(t *testing.T, fixture, name string) []byte {
	t.Helper()
	_, this, _, _ := runtime.Caller(0)
	a, err := txtar.ParseFile(filepath.Join(filepath.Dir(this), "testdata", fixture+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	t.Fatalf("%s has no %s", fixture, name)
	return nil
}
