package bench

import (
	"slices"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// TestPairsSayWhy: what many pairs share of their reasons is what Model.Reasons finds for each, in every shape, of
// manifests, where addresses, nodes and pods are not known.
func TestPairsSayWhy(t *testing.T) {
	open, said := 0, 0
	for _, shape := range Shapes() {
		stride := 1
		if shape == Heavy { // it has one size, with millions of pairs
			stride = 499
		}
		w := Draw(shape, Size{"XS", 300, 60, 80}, 4)
		objects, err := Objects(w.Manifests())
		if err != nil {
			t.Fatal(err)
		}
		for _, engine := range []string{"", "calico", "cilium", "antrea"} {
			c, _ := cluster.New(slices.Clone(objects), cluster.Options{})
			prof := profile(t, shape)
			if engine != "" {
				if prof, err = enforcer.Named(engine); err != nil {
					t.Fatal(err)
				}
			}
			m := reach.Compile(c, kinds.Compile(c), prof)
			ps := m.Pairs()
			n, had := 0, map[uint32]bool{0: true}
			for p := range ps.All() {
				if n++; n%stride != 0 {
					continue
				}
				old := ps.Said(p)
				why := ps.Why(p)
				for _, part := range why {
					if old && !had[part] {
						t.Fatalf("%s, %s: %v is said to bring nothing new, and has %+v", shape, prof.Name, p, ps.Part(part))
					}
					had[part] = true
				}
				if old {
					said++
				}
				if why != (reach.Why{}) {
					open++
				}
				want := m.Reasons(reach.OfWorkload(c.Workloads[p.Src]), reach.OfWorkload(c.Workloads[p.Dst]))
				if got := ps.Reasons(why); !slices.Equal(got, want) {
					t.Fatalf("%s, %s: %s -> %s\ngot  %v\nwant %v", shape, prof.Name, c.Workloads[p.Src].Ref, c.Workloads[p.Dst].Ref, got, want)
				}
			}
		}
	}
	if open < 1000 || said < 1000 {
		t.Errorf("only %d undecided pairs, %d with nothing new", open, said)
	}
}
