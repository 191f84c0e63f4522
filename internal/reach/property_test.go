package reach_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

func edgeLines(m *reach.Model) []string {
	var out []string
	for e := range m.Edges() {
		out = append(out, fmt.Sprintf("%s -> %s must %s may %s", e.Src, e.Dst, e.Must, e.May))
	}
	return out
}

// TestOrder: no answer depends on the order of the input.
func TestOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 0))
	for range 60 {
		w := newWorld(r)
		prof := upstream(t, w.podsByIP)
		want := edgeLines(compileJSON(t, w.json(false), prof, cluster.Options{}))
		lines := bytes.Split(bytes.TrimSpace(w.json(false)), []byte("\n"))
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		got := edgeLines(compileJSON(t, bytes.Join(lines, []byte("\n")), prof, cluster.Options{}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("shuffled input changes the answer (-want +got):\n%s", diff)
		}
	}
}

// TestRenaming: the name of a namespace is only a name.
func TestRenaming(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 0))
	for range 60 {
		w := newWorld(r)
		prof := upstream(t, w.podsByIP)
		data := w.json(false)
		var want []string
		for _, l := range edgeLines(compileJSON(t, data, prof, cluster.Options{})) {
			want = append(want, strings.ReplaceAll(l, " ns1/", " zz9/"))
		}
		got := edgeLines(compileJSON(t, bytes.ReplaceAll(data, []byte(`"ns1"`), []byte(`"zz9"`)), prof, cluster.Options{}))
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("renaming ns1 changes the answer (-want +got):\n%s", diff)
		}
	}
}

// TestEdgesAreBetween: the list of edges holds exactly what Between says of each pair, and the groups of
// outside addresses are disjoint and uniform.
func TestEdgesAreBetween(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	for range 60 {
		w := newWorld(r)
		prof := upstream(t, w.podsByIP)
		if r.IntN(3) == 0 {
			prof = enforcer.Profile{Name: "unknown"}
		}
		m := compileJSON(t, w.json(r.IntN(2) == 0), prof, cluster.Options{})
		seen := map[[2]*cluster.Workload]bool{}
		for e := range m.Edges() {
			b := m.Between(e.Src, e.Dst)
			if !b.Must.Equal(e.Must) || !b.May.Equal(e.May) {
				t.Fatalf("%s -> %s: edge %s/%s, Between %s/%s", e.Src, e.Dst, e.Must, e.May, b.Must, b.May)
			}
			if !e.Src.IsOutside() && !e.Dst.IsOutside() {
				seen[[2]*cluster.Workload{e.Src.Workload, e.Dst.Workload}] = true
			}
		}
		for _, a := range m.Cluster().Workloads {
			for _, b := range m.Cluster().Workloads {
				open := a != b && !m.Between(reach.OfWorkload(a), reach.OfWorkload(b)).May.IsEmpty()
				if open != seen[[2]*cluster.Workload{a, b}] {
					t.Fatalf("%s -> %s: open %v, listed %v", a.Ref, b.Ref, open, !open)
				}
			}
			for _, d := range policy.Directions {
				var all netset.Addrs
				for _, e := range m.Outside(a, d) {
					group := e.Src.Addrs
					if d == policy.Egress {
						group = e.Dst.Addrs
					}
					if group.Overlaps(all) {
						t.Fatalf("%s %s: groups overlap", a.Ref, d)
					}
					all = all.Union(group)
				}
			}
		}
	}
}

// TestAllowAndDenyAreMonotone: one more allow rule for pods that are isolated already never takes a
// connection away, and isolating more pods never adds one.
func TestAllowAndDenyAreMonotone(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 0))
	for range 60 {
		w := newWorld(r)
		prof := upstream(t, w.podsByIP)
		before := compileJSON(t, w.json(false), prof, cluster.Options{})
		p := randomPolicy(r, 99)
		p.Spec.PolicyTypes, p.Spec.Ingress, p.Spec.Egress = nil, nil, nil
		w.policies = append(w.policies, p)
		after := compileJSON(t, w.json(false), prof, cluster.Options{})
		for _, c := range reach.Diff(before, after) {
			if !c.Added.IsEmpty() || !c.MaybeAdded.IsEmpty() {
				t.Fatalf("a deny-all adds %s -> %s %s", c.Src, c.Dst, c.Added)
			}
		}
		q := randomPolicy(r, 100)
		q.Namespace, q.Spec.PodSelector, q.Spec.PolicyTypes = p.Namespace, p.Spec.PodSelector, []networkingv1.PolicyType{"Ingress"}
		w.policies = append(w.policies, q)
		more := compileJSON(t, w.json(false), prof, cluster.Options{})
		for _, c := range reach.Diff(after, more) {
			if !c.Removed.IsEmpty() || !c.MaybeRemoved.IsEmpty() {
				t.Fatalf("an allow removes %s -> %s %s", c.Src, c.Dst, c.Removed)
			}
		}
	}
}

// TestDiff: old plus added minus removed is new, for every pair and direction; a model does not differ from
// itself.
func TestDiff(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	for range 60 {
		w := newWorld(r)
		prof := upstream(t, w.podsByIP)
		a := compileJSON(t, w.json(false), prof, cluster.Options{})
		if c := reach.Diff(a, a); len(c) > 0 {
			t.Fatalf("a model differs from itself: %v", c)
		}
		w.policies = append(w.policies, randomPolicy(r, 50))
		b := compileJSON(t, w.json(false), prof, cluster.Options{})
		changes := reach.Diff(a, b)
		for _, src := range a.Cluster().Workloads {
			for _, dst := range a.Cluster().Workloads {
				if src == dst {
					continue
				}
				was := a.Between(reach.OfWorkload(src), reach.OfWorkload(dst))
				if is := b.Between(sameWorkload(b, src), sameWorkload(b, dst)); !was.Decided() || !is.Decided() {
					continue // pods to their own node
				}
				got := was.Must
				for _, c := range changes {
					if c.Src.Workload != nil && c.Dst.Workload != nil && c.Src.Workload.Ref == src.Ref && c.Dst.Workload.Ref == dst.Ref {
						got = got.Union(c.Added).Subtract(c.Removed)
					}
				}
				if want := between(b, src, dst); !got.Equal(want) {
					t.Fatalf("%s -> %s: old and changes give %s, new is %s", src.Ref, dst.Ref, got, want)
				}
			}
			for _, ip := range outsideIPs {
				one := reach.OfAddrs(must(netset.ParseAddrs(ip)))
				got := a.Between(one, reach.OfWorkload(src)).Must
				for _, c := range changes {
					if c.Src.IsOutside() && c.Dst.Workload.Ref == src.Ref && c.Src.Addrs.Covers(one.Addrs) {
						got = got.Union(c.Added).Subtract(c.Removed)
					}
				}
				if want := b.Between(one, sameWorkload(b, src)).Must; !got.Equal(want) {
					t.Fatalf("%s -> %s: old and changes give %s, new is %s", ip, src.Ref, got, want)
				}
			}
		}
	}
}

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

func sameWorkload(m *reach.Model, w *cluster.Workload) reach.Peer {
	i := slices.IndexFunc(m.Cluster().Workloads, func(x *cluster.Workload) bool { return x.Ref == w.Ref })
	return reach.OfWorkload(m.Cluster().Workloads[i])
}

func between(m *reach.Model, src, dst *cluster.Workload) netset.Conns {
	return m.Between(sameWorkload(m, src), sameWorkload(m, dst)).Must
}

// TestExplain: a trace gives the same bounds as the engine, its two sides multiply to it, and its rules
// account for what an isolated side lets through.
func TestExplain(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 0))
	for range 40 {
		w := newWorld(r)
		m := compileJSON(t, w.json(r.IntN(2) == 0), upstream(t, w.podsByIP), cluster.Options{})
		byName := podsByName(m)
		for range 20 {
			src, osrc, _ := w.end(r, byName)
			dst, odst, _ := w.end(r, byName)
			if osrc.pod == odst.pod {
				continue
			}
			tr := m.Explain(src, dst, netset.Transport())
			b := m.Between(src, dst)
			if !tr.Must.Equal(b.Must.Intersect(netset.Transport())) || !tr.May.Equal(b.May.Intersect(netset.Transport())) {
				t.Fatalf("%s -> %s: trace %v, Between %v", src, dst, tr.Bounds, b)
			}
			for _, side := range []reach.Side{tr.Egress, tr.Ingress} {
				if !side.Applies && side.Note == "" {
					t.Fatalf("%s -> %s: a side without policies does not say why", src, dst)
				}
				if side.Isolated != enforcer.Yes {
					continue
				}
				var sum netset.Conns
				for _, p := range side.Policies {
					for _, rule := range p.Rules {
						sum = sum.Union(rule.Possible)
					}
				}
				if !sum.Equal(side.May) {
					t.Fatalf("%s -> %s: the rules allow %s, the side %s", src, dst, sum, side.May)
				}
			}
			if tr.Witness == nil || tr.Witness.String() == "" {
				t.Fatalf("%s -> %s: no witness", src, dst)
			}
		}
	}
}
