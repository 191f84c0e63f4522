package reach_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// shaped gives a random model with policies of every shape: tiers, ties, doubts, two layers.
func shaped(t *testing.T, r *rand.Rand) *reach.Model {
	w := newWorld(r)
	base := compileJSON(t, w.json(r.IntN(2) == 0), upstream(t, w.podsByIP), cluster.Options{})
	set := base.Policies()
	set.Policies = slices.Clone(set.Policies)
	layers := 1 + r.IntN(2)
	for _, p := range tierPolicies(r) {
		p.Subjects = []policy.Term{{Pods: cluster.MatchLabels(map[string]string{"app": pickOne(r, []string{"a", "b", "c"})})}}
		p.Tier.Rank *= 700_000
		p.Layer = policy.Layer(r.IntN(layers))
		set.Policies = append(set.Policies, p)
	}
	slices.SortStableFunc(set.Policies, func(a, b policy.Policy) int {
		return int(a.Layer)*10_000_000 - int(b.Layer)*10_000_000 + int(a.Tier.Rank) - int(b.Tier.Rank)
	})
	return reach.Compile(base.Cluster(), set, base.Profile())
}

// TestPackets: single packets are what Between says.
func TestPackets(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 0))
	for range cases(t, 60_000) / 300 {
		m := shaped(t, r)
		p := m.Packets()
		pods := m.Cluster().Pods
		for range 60 {
			s, d := r.IntN(len(pods)), r.IntN(len(pods))
			proto, port := netProto[pickOne(r, someProtos)], uint16(pickOne(r, somePorts))
			b := m.Between(reach.OfPod(pods[s]), reach.OfPod(pods[d]))
			must, may := p.Allowed(s, d, proto, port)
			if must != b.Must.Contains(proto, port) || may != b.May.Contains(proto, port) {
				t.Fatalf("%s -> %s %s/%d: packet %v %v, Between %+v", pods[s].Name, pods[d].Name, proto, port, must, may, b)
			}
		}
	}
}

// TestReaches: one workload's edges are those of the whole list.
func TestReaches(t *testing.T) {
	r := rand.New(rand.NewPCG(32, 0))
	for range 60 {
		m := shaped(t, r)
		w := m.Cluster().Workloads[r.IntN(len(m.Cluster().Workloads))]
		want := map[policy.Direction][]string{}
		for e := range m.Edges() {
			switch {
			case e.Src.IsOutside() || e.Dst.IsOutside():
			case e.Dst.Workload == w:
				want[policy.Ingress] = append(want[policy.Ingress], e.Src.String()+" "+e.Must.String()+" "+e.May.String())
			case e.Src.Workload == w:
				want[policy.Egress] = append(want[policy.Egress], e.Dst.String()+" "+e.Must.String()+" "+e.May.String())
			}
		}
		for _, d := range policy.Directions {
			var got []string
			for _, e := range m.Reaches(w, d) {
				other := e.Src
				if d == policy.Egress {
					other = e.Dst
				}
				got = append(got, other.String()+" "+e.Must.String()+" "+e.May.String())
			}
			if diff := cmp.Diff(want[d], got); diff != "" {
				t.Fatalf("%s %s (-want +got):\n%s", w.Ref, d, diff)
			}
		}
	}
}

// TestPacketsAllocateNothing: the hot path is free of garbage.
func TestPacketsAllocateNothing(t *testing.T) {
	m := model(t, threePods, upstream(t, true))
	p := m.Packets()
	if n := testing.AllocsPerRun(100, func() { p.Allowed(0, 1, netset.TCP, 80) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
