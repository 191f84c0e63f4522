package bench

import (
	"os"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// TestInstructions is the work that scripts/instructions counts: the part that BULKHEAD_INSTRUCTIONS names, ten
// times, after everything that it needs. "nothing" is that alone.
func TestInstructions(t *testing.T) {
	part := os.Getenv("BULKHEAD_INSTRUCTIONS")
	if part == "" {
		t.Skip("see scripts/instructions")
	}
	w := Draw(Typical, Sizes()[0], 2)
	objects, err := Objects(w.Live())
	if err != nil {
		t.Fatal(err)
	}
	c := picture(t, w)
	set := kinds.Compile(c)
	prof := profile(t, w.Shape)
	m := reach.Compile(c, set, prof)
	m.Warm()
	edges := func() (n int) {
		for range m.Edges() {
			n++
		}
		return n
	}
	tenfold := func(f func() int) func() int { // parts so short that the way there would be felt
		return func() (n int) {
			for range 10 {
				n += f()
			}
			return n
		}
	}
	parts := map[string]func() int{
		"nothing": func() int { return 1 },
		"cluster": func() int {
			c, _ := cluster.New(objects, cluster.Options{})
			return len(c.Pods)
		},
		"policies": func() int { return len(kinds.Compile(c).Policies) },
		"compile": func() int {
			m := reach.Compile(c, set, prof)
			m.Warm()
			return m.Size().Runs
		},
		"pairs": tenfold(func() (n int) {
			for range m.Runs() {
				n++
			}
			return n
		}),
		"edges": tenfold(edges),
		"verdicts": func() (n int) {
			p := m.Packets()
			for i := range 100_000 {
				if _, may := p.Allowed(i*7%len(c.Pods), i*13%len(c.Pods), netset.TCP, 8080); may {
					n++
				}
			}
			return n
		},
		"reaches": tenfold(func() (n int) {
			for _, x := range c.Workloads {
				n += len(m.Reaches(x, policy.Ingress))
			}
			return n
		}),
		"explain": func() (n int) {
			for i := range 10 * len(c.Workloads) {
				src, dst := c.Workloads[i%len(c.Workloads)], c.Workloads[i*7%len(c.Workloads)]
				n += len(m.Explain(reach.OfWorkload(src), reach.OfWorkload(dst), netset.Transport()).Ingress.Policies)
			}
			return n
		},
	}
	f := parts[part]
	if f == nil {
		t.Fatalf("no part %q", part)
	}
	for range 10 {
		if f() == 0 {
			t.Fatalf("%s does nothing", part)
		}
	}
}
