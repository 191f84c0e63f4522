package npguard_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/bench"
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/oracle/npguard"
)

// draw writes a cluster of NetworkPolicy that both can read into a folder: the analyzer gives up where an egress
// rule has a network and a port by name, so such ports become numbers.
func draw(tb testing.TB, workloads int, seed uint64) (*bench.World, string) {
	tb.Helper()
	w := bench.Draw(bench.Plain, bench.Size{Name: "peer", Pods: 2 * workloads, Workloads: workloads, Policies: workloads}, seed)
	for _, p := range w.Policies {
		for i, r := range p.Rules {
			if r.Direction != bench.Egress || !slices.ContainsFunc(r.Peers, func(x bench.Peer) bool { return x.CIDR != "" }) {
				continue
			}
			for j, x := range r.Ports {
				if x.Name != "" {
					p.Rules[i].Ports[j] = bench.PortRange{Protocol: x.Protocol, Lo: 8080, Hi: 8080}
				}
			}
		}
	}
	var b bytes.Buffer
	if err := bench.WriteYAML(&b, w.Manifests()); err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "world.yaml"), b.Bytes(), 0o600); err != nil {
		tb.Fatal(err)
	}
	return w, dir
}

func objects(tb testing.TB, dir string) []*object.Object {
	tb.Helper()
	name := filepath.Join(dir, "world.yaml")
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	list, problems, _ := load.Parse(data, name, load.Limits{})
	if len(problems) > 0 {
		tb.Fatal(problems[0])
	}
	return list
}

func clustered(list []*object.Object) *cluster.Cluster {
	c, _ := cluster.New(list, cluster.Options{Complete: true})
	return c
}

func compiled(tb testing.TB, c *cluster.Cluster) *reach.Model {
	tb.Helper()
	prof, err := enforcer.Named("kube")
	if err != nil {
		tb.Fatal(err)
	}
	prof.PodsByAddr = enforcer.No // manifests have no addresses; the analyzer takes every network to lie outside
	return reach.Compile(c, kinds.Compile(c), prof)
}

// ours is what is certain, and that it is all that is possible. Pods in the network of their node are left out: the
// analyzer takes them for others.
func ours(tb testing.TB, w *bench.World, m *reach.Model) map[npguard.Pair]netset.Conns {
	tb.Helper()
	host := hosts(w)
	name := func(i int) string {
		r := m.Cluster().Workloads[i].Ref
		return r.Namespace + "/" + r.Name
	}
	out := map[npguard.Pair]netset.Conns{}
	ps := m.Pairs()
	for p := range ps.All() {
		at := npguard.Pair{Src: name(p.Src), Dst: name(p.Dst)}
		if p.Src == p.Dst || host[at.Src] || host[at.Dst] {
			continue
		}
		b := ps.Bounds(p.Bounds)
		must, may := b.Must.Intersect(netset.Transport()), b.May.Intersect(netset.Transport())
		if !must.Equal(may) {
			tb.Fatalf("%v is open: %s to %s", at, must, may)
		}
		if !must.IsEmpty() {
			out[at] = must
		}
	}
	return out
}

func hosts(w *bench.World) map[string]bool {
	out := map[string]bool{}
	for _, x := range w.Workloads {
		if x.Host {
			out[x.Namespace.Name+"/"+x.Name] = true
		}
	}
	return out
}

func theirs(tb testing.TB, w *bench.World, dir string) map[npguard.Pair]netset.Conns {
	tb.Helper()
	infos, err := npguard.Read(dir)
	if err != nil {
		tb.Fatal(err)
	}
	conns, err := npguard.Analyze(infos)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := npguard.Pairs(conns)
	if err != nil {
		tb.Fatal(err)
	}
	host := hosts(w)
	for p := range out {
		if p.Src == p.Dst || host[p.Src] || host[p.Dst] {
			delete(out, p)
		}
	}
	return out
}

// compare counts pairs, and those where the two part. The words that the cluster was drawn in decide who is
// right: for every port at which the answers differ, or end.
func compare(tb testing.TB, w *bench.World, got, want map[npguard.Pair]netset.Conns) (pairs, missed, invented int) {
	tb.Helper()
	at := map[string]*bench.Workload{}
	for _, x := range w.Workloads {
		at[x.Namespace.Name+"/"+x.Name] = x
	}
	truth := bench.NewOracle(w)
	all := map[npguard.Pair]bool{}
	for p := range got {
		all[p] = true
	}
	for p := range want {
		all[p] = true
	}
	for p := range all {
		if got[p].Equal(want[p]) {
			continue
		}
		less, more := got[p].Subtract(want[p]), want[p].Subtract(got[p])
		if !less.IsEmpty() {
			missed++
		}
		if !more.IsEmpty() {
			invented++
		}
		src, dst := w.PodEnd(at[p.Src], 0), w.PodEnd(at[p.Dst], 0)
		for _, proto := range []netset.Protocol{netset.TCP, netset.UDP, netset.SCTP} {
			ask := func(ranges []netset.PortRange, allowed bool) {
				for _, r := range ranges {
					for _, port := range []uint16{r.Lo, r.Hi} {
						if truth.Allowed(bench.Packet{Src: src, Dst: dst, Protocol: proto.String(), Port: int(port)}) != allowed {
							tb.Errorf("%s -> %s %s %d: ours is wrong\nours   %s\ntheirs %s", p.Src, p.Dst, proto, port, got[p], want[p])
						}
					}
				}
			}
			ask(less.Ranges(proto), true)
			ask(more.Ranges(proto), false)
		}
	}
	return len(got), missed, invented
}

// TestSamePairs: both find the same pairs with the same ports, but where the analyzer is known to be wrong: it
// drops what is allowed where an egress range begins within an ingress range and ends after it.
func TestSamePairs(t *testing.T) {
	pairs, missed := 0, 0
	for seed := range uint64(4) {
		w, dir := draw(t, 60, seed)
		got := ours(t, w, compiled(t, clustered(objects(t, dir))))
		n, less, more := compare(t, w, got, theirs(t, w, dir))
		if more > 0 {
			t.Errorf("seed %d: it has %d pairs with ports that we have not", seed, more)
		}
		pairs, missed = pairs+n, missed+less
	}
	t.Logf("%d pairs, %d of them not found by the analyzer", pairs, missed)
	if pairs < 1000 {
		t.Errorf("only %d pairs", pairs)
	}
}

// TestDroppedRange is the analyzer's fault by itself. When it fails, the analyzer has been mended.
func TestDroppedRange(t *testing.T) {
	web := func(name string) *bench.Workload {
		return &bench.Workload{Name: name, Kind: "Deployment", Labels: map[string]string{"app": name}, Replicas: 1}
	}
	ns := &bench.Namespace{Name: "shop", Labels: map[string]string{"kubernetes.io/metadata.name": "shop"}}
	w := &bench.World{Shape: bench.Plain, Namespaces: []*bench.Namespace{ns}, Workloads: []*bench.Workload{web("client"), web("server")}, Pods: 2, Nodes: 1}
	w.Workloads[1].First = 1
	group := func(name string) bench.Group {
		return bench.Group{Namespace: "shop", Pods: bench.Selector{{Key: "app", Op: "In", Values: []string{name}}}}
	}
	allow := func(d bench.Direction, peer string, lo, hi int) []bench.Rule {
		return []bench.Rule{{Direction: d, Action: bench.Allow, Peers: []bench.Peer{{Group: group(peer)}}, Ports: []bench.PortRange{{Protocol: "TCP", Lo: lo, Hi: hi}}}}
	}
	for _, x := range w.Workloads {
		x.Namespace = ns
	}
	w.Policies = []*bench.Policy{
		{API: bench.NetworkPolicy, Name: "out", Tier: bench.MainTier, Subject: group("client"), Isolates: [2]bool{bench.Egress: true}, Rules: allow(bench.Egress, "server", 150, 250)},
		{API: bench.NetworkPolicy, Name: "in", Tier: bench.MainTier, Subject: group("server"), Isolates: [2]bool{bench.Ingress: true}, Rules: allow(bench.Ingress, "client", 100, 200)},
	}
	var b bytes.Buffer
	if err := bench.WriteYAML(&b, w.Manifests()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "world.yaml"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	pair := npguard.Pair{Src: "shop/client", Dst: "shop/server"}
	want := netset.Ports(netset.TCP, 150, 200)
	if got := ours(t, w, compiled(t, clustered(objects(t, dir))))[pair]; !got.Equal(want) {
		t.Errorf("ours is %s, want %s", got, want)
	}
	if got := theirs(t, w, dir)[pair]; !got.IsEmpty() {
		t.Errorf("the analyzer says %s", got)
	}
}

// spent is the processor time of this process, and of those that it waited for.
func spent(tb testing.TB) time.Duration {
	tb.Helper()
	var sum int64
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			tb.Fatal(err)
		}
		sum += u.Utime.Nano() + u.Stime.Nano()
	}
	return time.Duration(sum)
}

func took(tb testing.TB, f func()) time.Duration {
	tb.Helper()
	runtime.GC()
	start := spent(tb)
	f()
	return spent(tb) - start
}

// least is the shortest of so many runs: ours end in milliseconds, and the clock of processes is coarse.
func least(tb testing.TB, n int, f func()) time.Duration {
	tb.Helper()
	best := took(tb, f)
	for range n - 1 {
		best = min(best, took(tb, f))
	}
	return best
}

// BenchmarkAnalysis is the processor time of both on one folder, once the manifests are in memory as each wants
// them: the analyzer's from its objects to the list of connections, ours from the objects to a walk over all pairs
// with their ports. "ours-model-ns" begins at the cluster, as the goals do. Pairs are compared as in TestSamePairs.
func BenchmarkAnalysis(b *testing.B) {
	for _, n := range []int{100, 300, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, dir := draw(b, n, 1)
			infos, err := npguard.Read(dir)
			if err != nil {
				b.Fatal(err)
			}
			list := objects(b, dir)
			for b.Loop() {
				peer := took(b, func() {
					if _, err := npguard.Analyze(infos); err != nil {
						b.Fatal(err)
					}
				})
				var c *cluster.Cluster
				whole := least(b, 7, func() { c = clustered(list); walk(b, c) })
				model := least(b, 7, func() { walk(b, c) })
				b.ReportMetric(float64(peer.Nanoseconds()), "theirs-ns")
				b.ReportMetric(float64(whole.Nanoseconds()), "ours-objects-ns")
				b.ReportMetric(float64(model.Nanoseconds()), "ours-model-ns")
				b.ReportMetric(float64(peer)/float64(whole), "times")
				b.ReportMetric(float64(peer)/float64(model), "times-model")
			}
			b.StopTimer()
			pairs, missed, invented := compare(b, w, ours(b, w, compiled(b, clustered(list))), theirs(b, w, dir))
			b.ReportMetric(float64(pairs), "pairs")
			b.ReportMetric(float64(missed), "missed")
			b.ReportMetric(float64(invented), "invented")
		})
	}
}

// BenchmarkProcess is the processor time of both commands on one folder, from start to end: "list" of each, as CSV. Ours
// is told that pods have none of the addresses that policies name, which the analyzer takes for granted.
func BenchmarkProcess(b *testing.B) {
	bin := b.TempDir()
	build := func(pkg string) string {
		out := filepath.Join(bin, filepath.Base(pkg))
		if msg, err := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", out, pkg).CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, msg)
		}
		return out
	}
	peer, own := build("github.com/np-guard/netpol-analyzer/cmd/netpolicy"), build("github.com/bulkhead-sec/bulkhead/cmd/bulkhead")
	run := func(name string, args ...string) {
		cmd := exec.Command(name, args...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Run(); err != nil {
			b.Fatalf("%s: %v\n%s", name, err, errs.Bytes())
		}
	}
	for _, n := range []int{100, 300, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			_, dir := draw(b, n, 1)
			for b.Loop() {
				theirs := took(b, func() { run(peer, "list", "--dirpath", dir, "--quiet", "--output", "csv") })
				ours := least(b, 7, func() { run(own, "list", "--enforcer", "kube", "--pod-cidr", "100.64.0.0/10", "-o", "csv", dir) })
				b.ReportMetric(float64(theirs.Nanoseconds()), "theirs-ns")
				b.ReportMetric(float64(ours.Nanoseconds()), "ours-ns")
				b.ReportMetric(float64(theirs)/float64(ours), "times")
			}
		})
	}
}

// walk goes over all pairs with their ports, and keeps none.
func walk(tb testing.TB, c *cluster.Cluster) {
	tb.Helper()
	n := 0
	ps := compiled(tb, c).Pairs()
	for p := range ps.All() {
		if !ps.Bounds(p.Bounds).May.IsEmpty() {
			n++
		}
	}
	if n == 0 {
		tb.Fatal("no pairs")
	}
}
