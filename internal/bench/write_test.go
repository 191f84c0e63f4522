package bench

import (
	"bytes"
	"io"
	"iter"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// TestWritten: what is written as YAML or JSON is read back as the objects that Objects makes, of every shape.
func TestWritten(t *testing.T) {
	writers := map[string]func(io.Writer, iter.Seq[*object.Value]) error{"yaml": WriteYAML, "json": WriteJSON, "line": WriteLine}
	for _, shape := range Shapes() {
		w := Draw(shape, Size{"XS", 300, 60, 100}, 3)
		made, err := Objects(w.Live())
		if err != nil {
			t.Fatal(err)
		}
		// Reading leaves out what nobody asks for, so the objects are read once as they are, too.
		var plain bytes.Buffer
		for _, o := range made {
			plain.Write(o.Root.AppendJSON(nil))
			plain.WriteByte('\n')
		}
		want, _, _ := load.Parse(plain.Bytes(), "made.json", load.Limits{})
		if len(want) != len(made) {
			t.Fatalf("%s: %d objects of %d", shape, len(want), len(made))
		}
		for name, write := range writers {
			var b bytes.Buffer
			if err := write(&b, w.Live()); err != nil {
				t.Fatal(err)
			}
			got, problems, skipped := load.Parse(b.Bytes(), "world."+name, load.Limits{})
			if len(problems)+len(skipped) > 0 || len(got) != len(want) {
				t.Fatalf("%s as %s: %d objects of %d, problems %v, skipped %v", shape, name, len(got), len(want), problems, skipped)
			}
			for i := range want {
				if diff := cmp.Diff(string(want[i].Root.AppendJSON(nil)), string(got[i].Root.AppendJSON(nil))); diff != "" {
					t.Fatalf("%s as %s: %s (-want +got):\n%s", shape, name, want[i].Ref, diff)
				}
			}
		}
	}
}

// TestWriteFile writes the manifests of a world for scripts/bench: BULKHEAD_BENCH_FILE is the file, of the first
// of BULKHEAD_BENCH_SIZES.
func TestWriteFile(t *testing.T) {
	name := os.Getenv("BULKHEAD_BENCH_FILE")
	if name == "" {
		t.Skip("see scripts/bench")
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteYAML(f, Draw(Typical, sizes(t, "S")[0], 2).Manifests()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestSeed: a seed gives one world, another seed another, and the sizes are those asked for.
func TestSeed(t *testing.T) {
	written := func(shape Shape, seed uint64) string {
		var b bytes.Buffer
		if err := WriteYAML(&b, Draw(shape, Sizes()[0], seed).Manifests()); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, shape := range Shapes() {
		if first := written(shape, 1); first != written(shape, 1) {
			t.Errorf("%s: one seed gives two worlds", shape)
		}
		if written(shape, 1) == written(shape, 2) {
			t.Errorf("%s: two seeds give one world", shape)
		}
	}
	for _, size := range Sizes()[:3] {
		w := Draw(Plain, size, 1)
		if w.Pods != size.Pods || len(w.Workloads) != size.Workloads || len(w.Policies) != size.Policies {
			t.Errorf("%s: %d pods, %d workloads, %d policies", size.Name, w.Pods, len(w.Workloads), len(w.Policies))
		}
	}
}
