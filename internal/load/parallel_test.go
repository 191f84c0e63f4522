package load

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestThreads: however many processors read, the result is the same, byte for byte, also where something is
// wrong and where a limit is met halfway.
func TestThreads(t *testing.T) {
	shops := string(shop(1200))
	for i, bad := range []string{"a: [\n", "kind: Pod\n", "apiVersion: v1\nkind: Pod\nmetadata: {name: p, name: q}\n", "Error from server (Forbidden): pods is forbidden\n", "- a\n"} {
		at := strings.Index(shops[(i+1)*len(shops)/7:], "\n---") + (i+1)*len(shops)/7 + 1
		shops = shops[:at] + "---\n" + bad + shops[at:]
	}
	list := "apiVersion: v1\nitems:\n"
	for i := range 12000 {
		list += fmt.Sprintf("- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: pod-%d\n    namespace: a\n    labels: {a: b, a: c}\n", i)
		if i%4000 == 3999 {
			list += "  spec: [\n"
		}
	}
	list += "kind: List\n"
	for name, data := range map[string]string{"documents": shops + "---\n" + list, "items": list} {
		if len(data) < 2*batchBytes {
			t.Fatalf("%s: only %d bytes", name, len(data))
		}
		limits := []int{0}
		if name == "documents" {
			limits = append(limits, 1500)
		}
		for _, limit := range limits {
			read := func(threads int) string {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
				objects, problems, skipped := Parse([]byte(data), "f.yaml", Limits{Objects: limit})
				var b bytes.Buffer
				if err := WriteSnapshot(&b, &Result{Objects: objects, Problems: problems, Coverage: Coverage{Skipped: skipped}}); err != nil {
					t.Fatal(err)
				}
				return b.String()
			}
			one := read(1)
			for _, threads := range []int{3} {
				if many := read(threads); one != many {
					t.Errorf("%s, at most %d objects, %d threads: -one +many\n%.3000s", name, limit, threads, cmp.Diff(strings.Split(one, "\n"), strings.Split(many, "\n")))
				}
			}
		}
	}
}
