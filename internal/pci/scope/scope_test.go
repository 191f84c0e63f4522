package scope_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// declared reads the label "declared" of pods: account, inside, outside, unsure; without it nothing is declared.
func declared(w *cluster.Workload) scope.Declared {
	return map[string]scope.Declared{"account": scope.Account, "inside": scope.Inside, "outside": scope.Outside, "unsure": scope.Unsure}[w.Pods[0].Labels["declared"]]
}

func inputOf(t testing.TB, objects []*object.Object, opt cluster.Options, engine string) *scope.Input {
	t.Helper()
	c, problems := cluster.New(objects, opt)
	for _, p := range problems {
		if p.Severity == object.Error {
			t.Fatal(p)
		}
	}
	prof, err := enforcer.Named(engine)
	if err != nil {
		t.Fatal(err)
	}
	return &scope.Input{Cluster: c, Model: reach.Compile(c, kinds.Compile(c), prof), Profile: prof, Exposure: exposure.Find(c), Declared: declared}
}

func written(r *scope.Result) string {
	var b strings.Builder
	for i := range r.Workloads {
		w := &r.Workloads[i]
		class := string(w.Class())
		if !w.Decided() {
			class = fmt.Sprintf("%s, %s to %s", class, w.Least, w.Most)
		}
		fmt.Fprintf(&b, "%s: %s\n", w.Ref, class)
		for _, x := range w.Reasons {
			fmt.Fprintf(&b, "    %s %s %s (%s, %s)\n", map[bool]string{true: "sure   ", false: "perhaps"}[x.Sure], x.Class, x.Msg, x.Code, x.Pos)
		}
	}
	for _, s := range r.Systems {
		fmt.Fprintf(&b, "%s %s: %t, %s (%s)\n", s.Kind, s.Name, s.Sure, s.Msg, s.Pos)
	}
	gates := func(c *scope.Cut) {
		for _, g := range c.Gates {
			fmt.Fprintf(&b, "    cut %s on %s, needed %t\n", g.String(), g.Conns, g.Needed)
		}
	}
	for _, p := range r.Paths.Found {
		fmt.Fprintf(&b, "path %s", p.Hops[0].Src)
		for _, h := range p.Hops {
			fmt.Fprintf(&b, " -> %s", h.Dst)
		}
		fmt.Fprintf(&b, ", certain %t\n", p.Certain)
		gates(p.Cut)
	}
	if len(r.Paths.Found) > 1 {
		b.WriteString("all paths\n")
		gates(r.Paths.Cut)
	}
	for _, o := range r.Open {
		fmt.Fprintf(&b, "open: %s\n", o)
	}
	return b.String()
}

// TestFixtures holds the scope of testdata/*.txtar against the file want. Lines of the file options: "enforcer
// NAME", "complete", "needed SRC DST". BULKHEAD_UPDATE=1 rewrites what is wanted. Input in another order gives
// the same.
func TestFixtures(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var objects []*object.Object
			var opt cluster.Options
			engine, want, at := "kube", "", -1
			needed := map[string]bool{}
			for i, f := range a.Files {
				switch f.Name {
				case "want":
					want, at = string(f.Data), i
				case "options":
					for line := range strings.Lines(string(f.Data)) {
						switch words := strings.Fields(line); words[0] {
						case "enforcer":
							engine = words[1]
						case "complete":
							opt.Complete = true
						case "needed":
							needed[words[1]+" "+words[2]] = true
						default:
							t.Fatalf("option %q", line)
						}
					}
				default:
					more, problems, _ := load.Parse(f.Data, f.Name, load.Limits{})
					if len(problems) > 0 {
						t.Fatal(problems)
					}
					objects = append(objects, more...)
				}
			}
			compute := func() string {
				in := inputOf(t, objects, opt, engine)
				if len(needed) > 0 {
					in.Needed = func(src, dst *cluster.Workload, _ netset.Conns) bool {
						return needed[src.Ref.Namespace+"/"+src.Ref.Name+" "+dst.Ref.Namespace+"/"+dst.Ref.Name]
					}
				}
				return written(scope.Compute(in))
			}
			got := compute()
			if os.Getenv("BULKHEAD_UPDATE") != "" && at >= 0 {
				a.Files[at].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for seed := range uint64(3) {
				r := rand.New(rand.NewPCG(seed, 1))
				r.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
				if diff := cmp.Diff(got, compute()); diff != "" {
					t.Errorf("shuffled (-want +got):\n%s", diff)
				}
			}
		})
	}
}
