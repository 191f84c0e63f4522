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
	if r.IntN(5) == 0 { // some pods in an ambient mesh
		set.Facts = map[*cluster.Pod]policy.Facts{}
		for _, p := range base.Cluster().Pods {
			if r.IntN(2) == 0 {
				set.Facts[p] = policy.Facts{"mesh": {Value: "ambient", Unknown: r.IntN(3) == 0}}
			}
		}
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
		var ps []reach.Packet
		var want [][2]bool
		for range 60 {
			s, d := r.IntN(len(pods)), r.IntN(len(pods))
			proto, port := netProto[pickOne(r, someProtos)], uint16(pickOne(r, somePorts))
			b := m.Between(reach.OfPod(pods[s]), reach.OfPod(pods[d]))
			must, may := p.Allowed(s, d, proto, port)
			if must != b.Must.Contains(proto, port) || may != b.May.Contains(proto, port) {
				t.Fatalf("%s -> %s %s/%d: packet %v %v, Between %+v", pods[s].Name, pods[d].Name, proto, port, must, may, b)
			}
			ps = append(ps, reach.Packet{Src: s, Dst: d, Proto: proto, Port: port})
			want = append(want, [2]bool{must, may})
		}
		must, may := make([]bool, len(ps)), make([]bool, len(ps))
		p.Batch(ps, must, may)
		for i := range ps {
			if got := [2]bool{must[i], may[i]}; got != want[i] {
				t.Fatalf("%+v in a batch: %v, alone %v", ps[i], got, want[i])
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

// TestClosureIsTransitive: the closure is what repeated single hops give, and one hop is what edges say.
func TestClosureIsTransitive(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 0))
	grew := 0
	for range 150 {
		m := shaped(t, r)
		ws := m.Cluster().Workloads
		from := []*cluster.Workload{ws[r.IntN(len(ws))]}
		next := map[*cluster.Workload][]*cluster.Workload{}
		var into []*cluster.Workload
		for e := range m.Edges() {
			if e.Src.Workload == nil || e.Dst.Workload == nil {
				continue
			}
			next[e.Src.Workload] = append(next[e.Src.Workload], e.Dst.Workload)
			if e.Dst.Workload == from[0] {
				into = append(into, e.Src.Workload)
			}
		}
		if diff := cmp.Diff(refs(into), refs(m.OneHop(from, policy.Ingress))); diff != "" {
			t.Fatalf("one hop to %s (-want +got):\n%s", from[0].Ref, diff)
		}
		if diff := cmp.Diff(refs(next[from[0]]), refs(m.OneHop(from, policy.Egress))); diff != "" {
			t.Fatalf("one hop from %s (-want +got):\n%s", from[0].Ref, diff)
		}
		seen := map[*cluster.Workload]bool{from[0]: true}
		for queue := from; len(queue) > 0; queue = queue[1:] {
			for _, w := range next[queue[0]] {
				if !seen[w] {
					seen[w] = true
					queue = append(queue, w)
				}
			}
		}
		var want []*cluster.Workload
		for _, w := range ws {
			if seen[w] {
				want = append(want, w)
			}
		}
		if len(want) > 1 && len(want) < len(ws) {
			grew++
		}
		if diff := cmp.Diff(refs(want), refs(m.Closure(from))); diff != "" {
			t.Fatalf("closure of %s (-want +got):\n%s", from[0].Ref, diff)
		}
	}
	if grew == 0 {
		t.Error("no closure was more than one workload and less than all")
	}
}

func refs(ws []*cluster.Workload) []string {
	var out []string
	for _, w := range ws {
		out = append(out, w.Ref.String())
	}
	return out
}
