package reach_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bulkhead-sec/bulkhead/internal/bench"
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// pool is objects that may come and go, with several versions of most.
type pool struct {
	refs     []object.Ref
	versions map[object.Ref][]*object.Object
}

func newPool(objects []*object.Object) *pool {
	c, _ := cluster.New(objects, cluster.Options{}) // gives objects the namespaces they live in
	p := &pool{versions: map[object.Ref][]*object.Object{}}
	for _, o := range c.Objects {
		if p.versions[o.Ref] == nil {
			p.refs = append(p.refs, o.Ref)
		}
		p.versions[o.Ref] = append(p.versions[o.Ref], o)
	}
	return p
}

// drawn is a few worlds of the generator that the benchmarks use, put together.
func drawn(t testing.TB, shape bench.Shape, seed uint64) *pool {
	t.Helper()
	return drawnOf(t, shape, bench.Size{Name: "tiny", Pods: 36, Workloads: 12, Policies: 24}, seed)
}

func drawnOf(t testing.TB, shape bench.Shape, size bench.Size, seed uint64) *pool {
	t.Helper()
	var all []*object.Object
	for i := range uint64(3) {
		w := bench.Draw(shape, size, seed+i)
		objects, err := bench.Objects(w.Live())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, objects...)
	}
	return newPool(all)
}

// random is a few random clusters of NetworkPolicy, put together.
func random(t testing.TB, seed uint64) *pool {
	t.Helper()
	var all []*object.Object
	for i := range uint64(3) {
		w := newWorld(rand.New(rand.NewPCG(seed, i)))
		objects, problems, _ := load.Parse(w.json(i == 2 && seed%2 == 0), "in.json", load.Limits{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		all = append(all, objects...)
	}
	return newPool(all)
}

// written is the objects of a file, some of which may be the same: newPool puts those of one name together.
func written(t testing.TB, file string) *pool {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	objects, problems, _ := load.Parse(b, file, load.Limits{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return newPool(objects)
}

func endOf(p reach.Peer) string { return p.String() }

// answers is all that a model says, as text: bounds of all pairs of workloads and of pods, the outside, reasons, who
// reaches whom and a few traces.
func answers(m *reach.Model) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	c := m.Cluster()
	var peers []reach.Peer
	for _, w := range c.Workloads {
		peers = append(peers, reach.OfWorkload(w))
		if len(w.Pods) > 1 {
			peers = append(peers, reach.OfPod(w.Pods[len(w.Pods)-1]))
		}
	}
	for i := range min(3, len(c.Pods)) {
		peers = append(peers, reach.OfPod(c.Pods[len(c.Pods)-1-i]))
	}
	peers = append(peers, reach.Peer{Entity: reach.Nodes}, reach.Peer{Entity: reach.OwnNode})
	for i, src := range peers {
		for j, dst := range peers {
			if src.Entity != "" && dst.Entity != "" {
				continue
			}
			b := m.Between(src, dst)
			say("%s -> %s must %s may %s", endOf(src), endOf(dst), b.Must, b.May)
			if !b.Decided() {
				for _, r := range m.Reasons(src, dst) {
					say("  because %s %s %s", r.Code, r.Ref, r)
				}
			}
			if (i*7+j)%11 == 0 {
				say("  %s", trace(m.Explain(src, dst, netset.All())))
			}
		}
	}
	for i, w := range c.Workloads {
		for _, d := range policy.Directions {
			var lines []string
			for _, e := range m.Outside(w, d) {
				lines = append(lines, fmt.Sprintf("%s %s -> %s must %s may %s", d, e.Src, e.Dst, e.Must, e.May))
			}
			slices.Sort(lines)
			out = append(out, lines...)
			iso := m.Isolation(w.Pods[0], d)
			say("%s %s isolated %v %v by %d because %v", w.Ref, d, iso.Must, iso.May, len(iso.Policies), iso.Reasons)
			if i%3 == 0 {
				for _, e := range m.Reaches(w, d) {
					say("reaches %s -> %s must %s may %s", e.Src, e.Dst, e.Must, e.May)
				}
			}
		}
	}
	for _, ns := range c.Namespaces {
		for _, d := range policy.Directions {
			esc := m.Escape(ns, d)
			say("escape %s %s %s %v %d %v", ns.Name, d, esc.Found, esc.PodLabels, len(esc.Policies), esc.Reasons)
		}
	}
	out = append(out, edgeLines(m)...)
	packets := m.Packets()
	var open strings.Builder
	for i := range c.Pods {
		for j := range c.Pods {
			must, may := packets.Allowed(i, j, netset.TCP, 8080)
			fmt.Fprint(&open, must, may)
		}
	}
	say("packets %s", open.String())
	for _, p := range m.Policies().Policies {
		say("policy %s %s %g", p.Ref, p.Tier.Name, p.Order)
	}
	return out
}

func trace(t reach.Trace) string {
	var b strings.Builder
	for _, s := range append([]reach.Side{t.Egress, t.Ingress}, t.Mesh...) {
		fmt.Fprintf(&b, "[%s %s %v %s %s", s.Layer, s.Direction, s.Isolated, s.Must, s.May)
		for _, p := range s.Policies {
			fmt.Fprintf(&b, " %s %v %v %s", p.Policy.Ref, p.Isolates, p.Sure, p.Ends)
			for _, r := range p.Rules {
				fmt.Fprintf(&b, " %s %s %s %s", r.Rule.Path, r.Certain, r.Possible, r.Late)
			}
		}
		fmt.Fprintf(&b, " %v]", s.Remarks)
	}
	if t.Witness != nil {
		fmt.Fprint(&b, t.Witness)
	}
	return b.String()
}

// followed draws events, at least as many as said, and checks after each that the live model answers as a fresh one, that
// the model before still says what it said, and that comparing the two by rows finds all that changed.
// Tell is all that counts of a model, as text.
func followed(t *testing.T, prof enforcer.Profile, everyday, least int, tell func(*reach.Model) []string, make func(seed uint64) *pool) {
	total := reach.Stats{}
	checks := flag.Lookup("rapid.checks")
	old := checks.Value.String()
	if err := checks.Value.Set(fmt.Sprint(cases(t, everyday))); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = checks.Value.Set(old) }()
	rapid.Check(t, func(rt *rapid.T) {
		p := make(rapid.Uint64Range(0, 50).Draw(rt, "seed"))
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "start"), 1))
		now := map[object.Ref]*object.Object{}
		for _, ref := range p.refs {
			if r.IntN(4) > 0 {
				now[ref] = pickOne(r, p.versions[ref])
			}
		}
		fresh := func() *reach.Model {
			var list []*object.Object
			for _, ref := range p.refs {
				if o := now[ref]; o != nil {
					list = append(list, o)
				}
			}
			c, _ := cluster.New(list, cluster.Options{})
			return reach.Compile(c, kinds.Compile(c), prof)
		}
		first := fresh()
		l := reach.NewLive(first.Cluster(), cluster.Options{}, prof)
		reach.TwinsFrom(l, r.IntN(3)) // worlds are small
		before, said := l.Model(), tell(first)
		for range rapid.IntRange(least, max(least, 12)).Draw(rt, "events") {
			ref := p.refs[rapid.IntRange(0, len(p.refs)-1).Draw(rt, "object")]
			e := reach.Event{Ref: ref}
			if n := rapid.IntRange(-1, len(p.versions[ref])-1).Draw(rt, "version"); n >= 0 {
				e.Object = p.versions[ref][n]
			}
			if now[ref] = e.Object; e.Object == nil {
				delete(now, ref)
			}
			u := l.Apply(e)
			want, after := tell(fresh()), l.Model()
			if diff := firstDifference(want, tell(after)); diff != "" {
				rt.Fatalf("after %s (gone: %v), followed %s:\n%s", ref, e.Object == nil, u.How, diff)
			}
			if diff := firstDifference(said, tell(before)); diff != "" {
				rt.Fatalf("%s changed a model given out before:\n%s", ref, diff)
			}
			if diff := firstDifference(changeLines(reach.DiffAll(before, after)), changeLines(reach.Diff(before, after))); diff != "" {
				rt.Fatalf("%s, by rows %v: what changed: %s", ref, reach.Alike(before, after), diff)
			}
			before, said = after, want
		}
		for gk, n := range l.Stats() {
			if total[gk] == nil {
				total[gk] = &[2]int{}
			}
			for i := range n {
				total[gk][i] += n[i]
			}
		}
	})
	for gk, n := range total {
		t.Logf("%s %s: %d in place, %d full", gk.Group, gk.Kind, n[reach.InPlace], n[reach.Full])
	}
}

func firstDifference(want, got []string) string {
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(want):
			return "more: " + got[i]
		case i >= len(got):
			return "less: " + want[i]
		case want[i] != got[i]:
			return "want " + want[i] + "\n got " + got[i]
		}
	}
	return ""
}

// TestLive: after each event the live model is that of a fresh compile, for every kind of object, and models given
// out before stay as they were.
func TestLive(t *testing.T) {
	for _, shape := range []bench.Shape{bench.Typical, bench.Cluster, bench.Adversarial, bench.Calico, bench.Cilium, bench.Istio, bench.Mixed} {
		t.Run(string(shape), func(t *testing.T) {
			name := map[bench.Shape]string{bench.Calico: "calico", bench.Mixed: "calico", bench.Cilium: "cilium"}[shape]
			if name == "" {
				name = "kube"
			}
			followed(t, must(enforcer.Named(name)), 1, 1, answers, func(seed uint64) *pool { return drawn(t, shape, seed) })
		})
	}
	for _, name := range []string{"calico", "cilium"} {
		t.Run("written "+name, func(t *testing.T) {
			p := written(t, "testdata/live/"+name+".yaml")
			followed(t, must(enforcer.Named(name)), 20, 10, answers, func(uint64) *pool { return p })
		})
	}
	for _, name := range []string{"kube", "cilium", "kindnet", "unknown"} {
		t.Run("random "+name, func(t *testing.T) {
			followed(t, must(enforcer.Named(name)), 5, 1, answers, func(seed uint64) *pool { return random(t, seed) })
		})
	}
}

// TestLiveWide is TestLive where many namespaces match a selector, so that rows refer to sets instead of holding them.
// It looks at all connections of workloads and at packets of pods.
func TestLiveWide(t *testing.T) {
	tell := func(m *reach.Model) []string {
		out := edgeLines(m)
		packets, n := m.Packets(), len(m.Cluster().Pods)
		var open strings.Builder
		for i := range n {
			for j := range n {
				if (i*7+j)%13 == 0 {
					must, may := packets.Allowed(i, j, netset.TCP, 8080)
					fmt.Fprint(&open, must, may)
				}
			}
		}
		return append(out, open.String())
	}
	size := bench.Size{Name: "wide", Pods: 150, Workloads: 150, Policies: 200}
	for _, shape := range []bench.Shape{bench.Typical, bench.Cluster, bench.Adversarial, bench.Calico, bench.Cilium} {
		t.Run(string(shape), func(t *testing.T) {
			name := map[bench.Shape]string{bench.Calico: "calico", bench.Cilium: "cilium"}[shape]
			if name == "" {
				name = "kube"
			}
			followed(t, must(enforcer.Named(name)), 1, 10, tell, func(seed uint64) *pool { return drawnOf(t, shape, size, seed) })
		})
	}
}
