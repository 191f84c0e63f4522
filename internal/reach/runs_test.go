package reach_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/bench"
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// checkRuns compares the runs of a model, by destinations and by sources, with each pair of classes alone.
func checkRuns(t *testing.T, name string, m *reach.Model) {
	t.Helper()
	pods, all := m.Points()
	for _, dir := range policy.Directions {
		got := make(map[[2]int]reach.Bounds)
		lastColumn, lastEnd, last := -1, 0, reach.Bounds{}
		m.EachColumn(dir, func(c, from, to int, b reach.Bounds) {
			switch {
			case c < lastColumn, c == lastColumn && from < lastEnd, from >= to, b.May.IsEmpty():
				t.Fatalf("%s, %s: run %d [%d,%d) %v after column %d up to %d", name, dir, c, from, to, b, lastColumn, lastEnd)
			case c == lastColumn && from == lastEnd && b.Must.Equal(last.Must) && b.May.Equal(last.May):
				t.Fatalf("%s, %s: two runs of column %d touch at %d and do not differ", name, dir, c, from)
			}
			lastColumn, lastEnd, last = c, to, b
			for i := from; i < to; i++ {
				pair := [2]int{i, c}
				if dir == policy.Egress {
					pair = [2]int{c, i}
				}
				got[pair] = b
			}
		})
		for s := range all {
			for d := range all {
				if s >= pods && d >= pods {
					continue
				}
				want, have := m.PointBounds(s, d), got[[2]int{s, d}]
				if !want.Must.Equal(have.Must) || !want.May.Equal(have.May) {
					t.Fatalf("%s, %s: %d -> %d of %d classes: alone %v, in a run %v", name, dir, s, d, all, want, have)
				}
			}
		}
	}
}

// TestRuns: every pair in the runs is what it is alone, and what is in no run is not allowed.
func TestRuns(t *testing.T) {
	r := rand.New(rand.NewPCG(41, seed(t)))
	for range cases(t, 60_000) / 300 {
		m := shaped(t, r)
		if r.IntN(2) == 0 { // some pods in an ambient mesh
			set := m.Policies()
			set.Facts = map[*cluster.Pod]policy.Facts{}
			for _, p := range m.Cluster().Pods {
				if r.IntN(2) == 0 {
					set.Facts[p] = policy.Facts{"mesh": {Value: "ambient", Unknown: r.IntN(4) == 0}}
				}
			}
			m = reach.Compile(m.Cluster(), set, m.Profile())
		}
		checkRuns(t, "random", m)
	}
}

// TestRunsOfShapes: the same for clusters like those that are measured, under engines that are sure of little, too.
func TestRunsOfShapes(t *testing.T) {
	for _, shape := range bench.Shapes() {
		size := bench.Size{Name: "small", Pods: 150, Workloads: 75, Policies: 90}
		if shape == bench.Heavy { // it has one size, and that is too big
			continue
		}
		if shape == bench.Adversarial {
			size = bench.Size{Name: "small", Pods: 200, Workloads: 150, Policies: 200}
		}
		objects, err := bench.Objects(bench.Draw(shape, size, 7).Live())
		if err != nil {
			t.Fatal(err)
		}
		c, _ := cluster.New(objects, cluster.Options{Complete: true})
		set := kinds.Compile(c)
		for _, name := range []string{"kube", "cilium", "unknown"} {
			checkRuns(t, string(shape)+" "+name, reach.Compile(c, set, must(enforcer.Named(name))))
		}
	}
}

// TestBetweenAddrs: addresses asked together are what they are one after the other, and some answers differ.
func TestBetweenAddrs(t *testing.T) {
	r := rand.New(rand.NewPCG(42, seed(t)))
	for _, shape := range bench.Shapes() {
		if shape == bench.Heavy {
			continue
		}
		objects, err := bench.Objects(bench.Draw(shape, bench.Size{Name: "small", Pods: 200, Workloads: 150, Policies: 200}, 8).Live())
		if err != nil {
			t.Fatal(err)
		}
		c, _ := cluster.New(objects, cluster.Options{Complete: true})
		engine := "calico"
		if shape == bench.Cilium {
			engine = "cilium"
		}
		m := reach.Compile(c, kinds.Compile(c), must(enforcer.Named(engine)))
		seen := map[string]bool{}
		for range 300 {
			var some netset.Addrs
			for range 1 + r.IntN(4) {
				a := netip.AddrFrom4([4]byte{byte(r.IntN(256)), byte(r.IntN(128)), byte(r.IntN(48)), byte(r.IntN(256))})
				some = some.Union(netset.AddrsOf(netip.PrefixFrom(a, r.IntN(33))))
			}
			if r.IntN(4) == 0 {
				some = netset.AllAddrs().Subtract(some)
			}
			out, in := reach.OfAddrs(some), reach.OfPod(c.Pods[r.IntN(len(c.Pods))])
			if r.IntN(2) == 0 {
				in = reach.OfWorkload(c.Workloads[r.IntN(len(c.Workloads))])
			}
			for _, ends := range [][2]reach.Peer{{out, in}, {in, out}} {
				got, want := m.Between(ends[0], ends[1]), m.BetweenAtoms(ends[0], ends[1])
				if !got.Must.Equal(want.Must) || !got.May.Equal(want.May) {
					t.Fatalf("%s: %s -> %s: %v, and one by one %v", shape, ends[0], ends[1], got, want)
				}
				seen[got.Must.String()+" "+got.May.String()] = true
			}
		}
		if len(seen) < 4 {
			t.Errorf("%s: too one-sided: %d answers", shape, len(seen))
		}
	}
}
