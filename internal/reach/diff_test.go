package reach_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// TestDiffByRows: comparing rows finds what going through every connection finds.
func TestDiffByRows(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 0))
	byRows, changed := 0, 0
	for range cases(t, 60_000) / 200 {
		a := shaped(t, r)
		set := a.Policies()
		if len(set.Policies) == 0 {
			continue
		}
		set.Policies = slices.Clone(set.Policies)
		for range 1 + r.IntN(2) {
			i := r.IntN(len(set.Policies))
			p := set.Policies[i]
			p.Rules = slices.Clone(p.Rules)
			switch {
			case len(p.Rules) == 0 || r.IntN(4) == 0:
				p.Isolates[r.IntN(2)] = r.IntN(2) == 0
			case r.IntN(3) == 0:
				p.Rules = p.Rules[1:]
			default:
				k := r.IntN(len(p.Rules))
				p.Rules[k].Conns = netset.Ports(netset.TCP, 80, 80+r.IntN(400))
				p.Rules[k].Action = pickOne(r, []policy.Action{policy.Allow, policy.Deny, policy.Pass})
			}
			set.Policies[i] = p
		}
		b := reach.Compile(a.Cluster(), set, a.Profile())
		want, got := changeLines(reach.DiffAll(a, b)), changeLines(reach.Diff(a, b))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("by rows %v (-want +got):\n%s", reach.Alike(a, b), diff)
		}
		if reach.Alike(a, b) {
			byRows++
			if len(want) > 0 {
				changed++
			}
		}
	}
	if byRows < 50 || changed < 20 {
		t.Errorf("only %d pairs were compared by rows, %d of them with changes", byRows, changed)
	}
}

func changeLines(cs []reach.Change) []string {
	var out []string
	for _, c := range cs {
		out = append(out, fmt.Sprintf("%s -> %s +%s -%s ?+%s ?-%s", c.Src, c.Dst, c.Added, c.Removed, c.MaybeAdded, c.MaybeRemoved))
	}
	slices.Sort(out)
	return out
}
