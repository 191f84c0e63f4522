package bench

import (
	"slices"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// TestNeighboursArePairs: in worlds with sets of many runs, whom a workload may reach, over one hop and over many, is
// what asking each pair says.
func TestNeighboursArePairs(t *testing.T) {
	for _, shape := range []Shape{Typical, Adversarial, Mixed} {
		t.Run(string(shape), func(t *testing.T) {
			t.Parallel()
			m := compile(t, Draw(shape, Sizes()[1], 4))
			all := m.Cluster().Workloads
			n := m.Neighbours()
			var some []*cluster.Workload
			for i := 0; i < len(all); i += 97 {
				some = append(some, all[i])
			}
			for _, d := range policy.Directions {
				one := map[*cluster.Workload]bool{}
				for _, w := range some {
					got := map[*cluster.Workload]reach.Bounds{}
					n.Each(w, d, func(other *cluster.Workload, b reach.Bounds) bool {
						got[other] = b
						return true
					})
					for _, other := range all {
						src, dst := other, w
						if d == policy.Egress {
							src, dst = w, other
						}
						want := m.Between(reach.OfWorkload(src), reach.OfWorkload(dst))
						if b := got[other]; other != w && (!b.Must.Equal(want.Must) || !b.May.Equal(want.May)) {
							t.Fatalf("%s -> %s: %v, want %v", src.Ref, dst.Ref, b, want)
						}
						if other != w && !want.May.IsEmpty() && !slices.Contains(some, other) {
							one[other] = true
						}
					}
				}
				hop := m.OneHop(some, d)
				if len(hop) != len(one) {
					t.Errorf("one hop %s: %d workloads, want %d", d, len(hop), len(one))
				}
				for _, w := range hop {
					if !one[w] {
						t.Errorf("one hop %s: %s is none", d, w.Ref)
					}
				}
			}
			seen := map[*cluster.Workload]bool{some[0]: true}
			for queue := some[:1:1]; len(queue) > 0; queue = queue[1:] {
				n.Each(queue[0], policy.Egress, func(other *cluster.Workload, _ reach.Bounds) bool {
					if !seen[other] {
						seen[other] = true
						queue = append(queue, other)
					}
					return true
				})
			}
			if got := m.Closure(some[:1]); len(got) != len(seen) {
				t.Errorf("closure of %d workloads, want %d", len(got), len(seen))
			}
		})
	}
}
