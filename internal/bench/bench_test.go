//go:build unix

package bench

import (
	"bytes"
	"io"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

// Benchmark measures processor time, not time on the clock, so that a busy machine does less harm; run it with
// GOMAXPROCS=1 and a number of runs: -benchtime 7x. BULKHEAD_BENCH_SIZES and BULKHEAD_BENCH_SHAPES choose what
// is measured; without them it is little. The first line is the machine's own figures, for comparing those of
// two machines.
func Benchmark(b *testing.B) {
	b.Run("calibration", calibrate)
	for _, shape := range shapes(b, Typical) {
		b.Run(string(shape), func(b *testing.B) {
			for _, size := range once(shape, sizes(b, "XS")) {
				b.Run(size.Name, func(b *testing.B) { measureWorld(b, Draw(shape, size, 2)) })
			}
		})
	}
}

// once leaves one size to a shape that has but one, whatever is asked for.
func once(shape Shape, list []Size) []Size {
	if shape == Heavy {
		return list[:min(1, len(list))]
	}
	return list
}

// patience is how much processor time the runs of one benchmark may take; the first run is always done.
const patience = 30 * time.Second

// runs calls f until the benchmark has enough, and reports the processor time of the best run and of the middle
// one, each divided by ops, and how many runs these are of. It returns the best.
func runs(b *testing.B, ops int, f func()) time.Duration {
	var times []time.Duration
	runtime.GC()
	began := cpu()
	for b.Loop() {
		start := cpu()
		if len(times) > 0 && start-began > patience {
			continue
		}
		f()
		times = append(times, cpu()-start)
	}
	slices.Sort(times)
	b.ReportMetric(float64(len(times)), "cpu-runs")
	b.ReportMetric(float64(times[0].Nanoseconds())/float64(ops), "cpu-min-ns")
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/float64(ops), "cpu-mid-ns")
	return times[0]
}

// live is the bytes on the heap after a collection.
func live() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// queries is how many questions make one run, for questions that take less than the clock can tell.
const queries = 10_000

// measureReading measures what users wait for first: manifests as YAML, and up to 100,000 pods as JSON, as kubectl prints
// it and on one line.
func measureReading(b *testing.B, w *World) {
	read := func(b *testing.B, name string, write func(io.Writer, iter.Seq[*object.Value]) error, trees iter.Seq[*object.Value]) {
		var data bytes.Buffer
		if err := write(&data, trees); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(data.Len()))
		objects := 0
		best := runs(b, 1, func() {
			list, problems, _ := load.Parse(data.Bytes(), name, load.Limits{})
			if objects = len(list); len(problems) > 0 {
				b.Fatal(problems[0])
			}
		})
		b.ReportMetric(float64(objects), "objects")
		b.ReportMetric(float64(data.Len())/float64(best.Nanoseconds()), "GB/s")
	}
	b.Run("read-yaml", func(b *testing.B) { read(b, "world.yaml", WriteYAML, w.Manifests()) })
	if w.Pods > 100_000 {
		return
	}
	b.Run("read-json", func(b *testing.B) { read(b, "world.json", WriteJSON, w.Live()) })
	b.Run("read-json-line", func(b *testing.B) { read(b, "world.json", WriteLine, w.Live()) })
	b.Run("json-to-pairs", func(b *testing.B) { measureEndToEnd(b, w, WriteJSON) })
	b.Run("line-to-pairs", func(b *testing.B) { measureEndToEnd(b, w, WriteLine) })
}

// measureEndToEnd goes from the bytes that kubectl prints, or the API server, to the last of all pairs. Of a hundred
// thousand pods these are most of a gigabyte.
func measureEndToEnd(b *testing.B, w *World, write func(io.Writer, iter.Seq[*object.Value]) error) {
	var data bytes.Buffer
	if err := write(&data, w.Live()); err != nil {
		b.Fatal(err)
	}
	prof := profile(b, w.Shape)
	n := 0
	runs(b, 1, func() {
		objects, problems, _ := load.Parse(data.Bytes(), "world.json", load.Limits{})
		if len(problems) > 0 {
			b.Fatal(problems[0])
		}
		c, _ := cluster.New(objects, cluster.Options{Complete: true})
		n = 0
		for range reach.Compile(c, kinds.Compile(c), prof).Runs() {
			n++
		}
	})
	b.ReportMetric(float64(n), "runs-out")
	b.ReportMetric(float64(data.Len())/1e6, "MB")
}

func measureWorld(b *testing.B, w *World) {
	if w.Shape == Typical {
		measureReading(b, w)
	}
	empty := live()
	objects, err := Objects(w.Live())
	if err != nil {
		b.Fatal(err)
	}
	input := live()
	var c *cluster.Cluster
	b.Run("cluster", func(b *testing.B) {
		runs(b, 1, func() { c, _ = cluster.New(objects, cluster.Options{Complete: true}) })
	})
	if c == nil {
		c, _ = cluster.New(objects, cluster.Options{Complete: true})
	}
	var set policy.Set
	b.Run("policies", func(b *testing.B) {
		runs(b, 1, func() { set = kinds.Compile(c) })
	})
	set = kinds.Compile(c)
	prof := profile(b, w.Shape)
	var m *reach.Model
	b.Run("compile", func(b *testing.B) {
		m = nil
		before := live()
		runs(b, 1, func() {
			m = reach.Compile(c, set, prof)
			m.Warm()
		})
		heap := float64(live() - before)
		s := m.Size()
		b.ReportMetric(heap, "heap-B")
		b.ReportMetric(heap/float64(w.Pods), "B/pod")
		b.ReportMetric(heap/float64(s.Classes), "B/class")
		b.ReportMetric(float64(s.Classes), "classes")
		b.ReportMetric(float64(s.Profiles[policy.Ingress]), "profiles-in")
		b.ReportMetric(float64(s.Profiles[policy.Egress]), "profiles-out")
		b.ReportMetric(float64(s.Runs), "runs")
		b.ReportMetric(float64(input-empty), "input-B")
	})
	if m == nil {
		m = reach.Compile(c, set, prof)
		m.Warm()
	}
	b.Run("pairs", func(b *testing.B) { measurePairs(b, m) })
	b.Run("edges", func(b *testing.B) {
		edges := 0
		runs(b, 1, func() {
			edges = 0
			for range m.Edges() {
				edges++
			}
		})
		b.ReportMetric(float64(edges), "edges")
	})
	measureQuestions(b, w, m)
	b.Run("diff10", func(b *testing.B) {
		other := compile(b, w.Changed(10))
		other.Warm()
		changes := 0
		runs(b, 1, func() { changes = len(reach.Diff(m, other)) })
		b.ReportMetric(float64(changes), "changes")
	})
}

// measurePairs measures the stream of all pairs of classes with their exact ports, and what it says of pods.
func measurePairs(b *testing.B, m *reach.Model) {
	before := make([]int, m.Size().Classes+m.Size().Hosts+1) // pods of the classes before
	for i := range len(before) - 1 {
		before[i+1] = before[i] + m.ClassSize(i)
	}
	n, classes, pods := 0, 0, 0
	best := runs(b, 1, func() {
		n, classes, pods = 0, 0, 0
		for r := range m.Runs() {
			n++
			classes += r.To - r.From
			pods += (before[r.To] - before[r.From]) * (before[r.Dst+1] - before[r.Dst])
		}
	})
	b.ReportMetric(float64(n), "runs")
	b.ReportMetric(float64(best.Nanoseconds())/float64(n), "ns/run")
	b.ReportMetric(float64(classes), "class-pairs")
	b.ReportMetric(float64(pods), "pod-pairs")
}

func measureQuestions(b *testing.B, w *World, m *reach.Model) {
	c := m.Cluster()
	r := rand.New(rand.NewPCG(5, 5))
	type packet struct {
		src, dst int
		port     uint16
	}
	draw := func(n int) []packet {
		out := make([]packet, queries)
		some := make([]int, n)
		for i := range some {
			some[i] = r.IntN(len(c.Pods))
		}
		for i := range out {
			out[i] = packet{some[r.IntN(n)], some[r.IntN(n)], []uint16{80, 443, 8080, 5432, 9090}[r.IntN(5)]}
		}
		return out
	}
	verdicts := func(n int) func(*testing.B) {
		return func(b *testing.B) {
			packets, p := draw(n), m.Packets()
			b.ReportAllocs()
			runs(b, queries, func() {
				for _, x := range packets {
					p.Allowed(x.src, x.dst, netset.TCP, x.port)
				}
			})
		}
	}
	b.Run("verdict-uniform", verdicts(len(c.Pods)))
	b.Run("verdict-hot", verdicts(min(1000, len(c.Pods))))
	b.Run("verdict-batch", func(b *testing.B) {
		packets, p := make([]reach.Packet, queries), m.Packets()
		for i, x := range draw(len(c.Pods)) {
			packets[i] = reach.Packet{Src: x.src, Dst: x.dst, Proto: netset.TCP, Port: x.port}
		}
		must, may := make([]bool, queries), make([]bool, queries)
		b.ReportAllocs()
		runs(b, queries, func() { p.Batch(packets, must, may) })
	})
	b.Run("between", func(b *testing.B) {
		packets := draw(len(c.Pods))
		runs(b, queries, func() {
			for _, x := range packets {
				m.Between(reach.OfPod(c.Pods[x.src]), reach.OfPod(c.Pods[x.dst]))
			}
		})
	})
	some := make([]*cluster.Workload, 100)
	for i := range some {
		some[i] = c.Workloads[r.IntN(len(c.Workloads))]
	}
	b.Run("who-can-reach", func(b *testing.B) {
		edges, n := 0, m.Neighbours()
		runs(b, len(some), func() {
			edges = 0
			for _, x := range some {
				n.Each(x, policy.Ingress, func(*cluster.Workload, reach.Bounds) bool {
					edges++
					return true
				})
			}
		})
		b.ReportMetric(float64(edges)/float64(len(some)), "edges")
	})
	b.Run("explain", func(b *testing.B) {
		runs(b, len(some), func() {
			for i, x := range some {
				m.Explain(reach.OfWorkload(some[(i+1)%len(some)]), reach.OfWorkload(x), netset.Transport())
			}
		})
	})
	b.Run("why", func(b *testing.B) {
		runs(b, len(some), func() {
			for i, x := range some {
				answer := report.AnswerOf(m.Explain(reach.OfWorkload(some[(i+1)%len(some)]), reach.OfWorkload(x), netset.Transport()), "", "")
				out := report.Why{Protocol: report.TraceProtocol, Verdict: answer.Verdict, Answers: []report.Answer{answer}}
				if err := report.WhyFormats[0].Write(io.Discard, &out, report.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	var card []*cluster.Workload
	for _, x := range c.Workloads {
		if x.Pods[0].Namespace.Labels["pci-scope"] == "in" {
			card = append(card, x)
		}
	}
	if len(card) == 0 {
		return
	}
	b.Run("one-hop", func(b *testing.B) {
		found := 0
		runs(b, 1, func() { found = len(m.OneHop(card, policy.Ingress)) + len(m.OneHop(card, policy.Egress)) })
		b.ReportMetric(float64(len(card)), "from")
		b.ReportMetric(float64(found), "found")
	})
	b.Run("closure", func(b *testing.B) {
		found := 0
		runs(b, 1, func() { found = len(m.Closure(card)) })
		b.ReportMetric(float64(found), "found")
	})
}
