package cluster_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/bench"
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// told is all that a picture tells, as text.
func told(t *testing.T, c *cluster.Cluster) []string {
	t.Helper()
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, n := range c.Namespaces {
		say("namespace %s %v %v %v %v", n.Name, n.Labels, n.Declared, n.Pos, c.Namespace(n.Name) == n)
	}
	pods, numbers := 0, map[int]bool{}
	for _, w := range c.Workloads {
		say("workload %s %v %d %v", w.Ref, w.Pos, w.Replicas, w.Declared)
		for _, p := range w.Pods {
			if p.Workload != w || p.Namespace != c.Namespace(w.Ref.Namespace) || c.Pods[pods] != p || p.Number >= c.Numbers || numbers[p.Number] {
				t.Fatalf("%s %s is not where it belongs", w.Ref, p.Name)
			}
			numbers[p.Number] = true
			pods++
			say("  pod %s %v %v %v %s %v %s %v %v %s", p.Name, p.Template, p.Labels, p.Ports, p.ServiceAccount, p.HostNetwork, p.NodeName, p.IPs, p.Stored, p.Pos())
		}
	}
	say("%d pods", len(c.Pods))
	for _, s := range c.Services {
		say("service %s %s %v %v", s.Ref, s.Type, s.Ports, s.Foreign)
		for _, p := range s.Pods {
			if !slices.Contains(c.Pods, p) {
				t.Fatalf("%s leads to a pod that is no more", s.Ref)
			}
			say("  %s", p.Name)
		}
	}
	for _, n := range c.Nodes {
		say("node %s %v %v %v", n.Name, n.Labels, n.Internal, n.Object.Pos)
	}
	for _, o := range c.Objects {
		say("%s %s", o.Ref, o.Pos)
		if !slices.Contains(c.Kind(o.Ref.Group, o.Ref.Kind), o) {
			t.Fatalf("%s is not among its kind", o.Ref)
		}
	}
	say("%v %v", c.IPv4, c.IPv6)
	return out
}

// TestLive: a picture that follows events is the one made of all objects.
func TestLive(t *testing.T) {
	followed, renewed := 0, 0
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 3))
		versions := map[object.Ref][]*object.Object{}
		for i := range uint64(3) {
			w := bench.Draw(bench.Typical, bench.Size{Name: "tiny", Pods: 60, Workloads: 20, Policies: 10}, seed*3+i)
			objects, err := bench.Objects(w.Live())
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects {
				versions[o.Ref] = append(versions[o.Ref], o)
			}
		}
		refs := slices.SortedFunc(maps.Keys(versions), object.Ref.Compare)
		now := map[object.Ref]*object.Object{}
		for _, ref := range refs {
			if r.IntN(4) > 0 {
				now[ref] = versions[ref][r.IntN(len(versions[ref]))]
			}
		}
		fresh := func() *cluster.Cluster {
			c, _ := cluster.New(slices.Collect(maps.Values(now)), cluster.Options{})
			return c
		}
		l := cluster.NewLive(fresh(), cluster.Options{})
		before := l.Cluster()
		said := told(t, before)
		for range 60 {
			ref := refs[r.IntN(len(refs))]
			var o *object.Object
			delete(now, ref)
			if n := r.IntN(len(versions[ref]) + 1); n > 0 {
				o = versions[ref][n-1]
				now[ref] = o
			}
			if _, ok := l.Apply(ref, o); !ok {
				l = cluster.NewLive(fresh(), cluster.Options{})
				renewed++
			}
			followed++
			if r.IntN(3) == 0 {
				continue // several events at once
			}
			want := told(t, fresh())
			if d := cmp.Diff(want, told(t, l.Cluster())); d != "" {
				t.Fatalf("seed %d after %s (gone: %v) (-want +got):\n%s", seed, ref, o == nil, d)
			}
			if d := cmp.Diff(said, told(t, before)); d != "" {
				t.Fatalf("seed %d: %s changed a picture given out before:\n%s", seed, ref, d)
			}
			before, said = l.Cluster(), want
		}
	}
	t.Logf("%d events, %d of which needed a new picture", followed, renewed)
	if renewed*2 > followed {
		t.Error("most events needed a new picture")
	}
}
