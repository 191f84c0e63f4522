package reach_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// pairLines is the connections between workloads with what Pairs says of them, and the same by the long way.
func pairLines(m *reach.Model) (short, long []string) {
	ps := m.Pairs()
	ws := m.Cluster().Workloads
	for p := range ps.All() {
		b := ps.Bounds(p.Bounds)
		short = append(short, fmt.Sprintf("%s -> %s must %s may %s %+v", ws[p.Src].Ref, ws[p.Dst].Ref, b.Must, b.May, ps.Reasons(ps.Why(p))))
	}
	for e := range m.Edges() {
		if e.Src.Workload != nil && e.Dst.Workload != nil {
			long = append(long, fmt.Sprintf("%s -> %s must %s may %s %+v", e.Src.Workload.Ref, e.Dst.Workload.Ref, e.Must, e.May, m.Reasons(e.Src, e.Dst)))
		}
	}
	return short, long
}

// TestPairs: pairs by number are the edges, and the reasons that are shared between pairs are those of each.
func TestPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(seed(t), 41))
	reasons, said := 0, 0
	for range cases(t, 60) {
		w := newWorld(r)
		data := w.json(r.IntN(2) == 0)
		for _, name := range append(enforcer.Names(), "") {
			prof := upstream(t, w.podsByIP)
			if name != "" {
				prof = must(enforcer.Named(name))
			}
			m := compileJSON(t, data, prof, cluster.Options{})
			got, want := pairLines(m)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s (-edges +pairs):\n%s", prof.Name, diff)
			}
			ps, had := m.Pairs(), map[uint32]bool{0: true}
			for p := range ps.All() {
				before := ps.Said(p)
				why := ps.Why(p)
				if before {
					said++
				}
				if (why != reach.Why{}) {
					reasons++
				}
				for _, n := range why {
					if before && !had[n] {
						t.Fatalf("%s: %v is said to bring nothing new, and has %+v", prof.Name, p, ps.Part(n))
					}
					had[n] = true
				}
			}
		}
	}
	if reasons < 1000 || said < 100 {
		t.Errorf("only %d undecided pairs, %d with nothing new", reasons, said)
	}
}
