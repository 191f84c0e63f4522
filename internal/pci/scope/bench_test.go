package scope_test

import (
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/bench"
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
)

// BenchmarkCompute computes the scope of worlds in which one of eight namespaces handles account data and one is
// declared to be connected.
func BenchmarkCompute(b *testing.B) {
	for _, name := range []string{"XS", "S", "M"} {
		b.Run(name, func(b *testing.B) {
			size, err := bench.Named(name)
			if err != nil {
				b.Fatal(err)
			}
			objects, err := bench.Objects(bench.Draw(bench.Typical, size, 2).Live())
			if err != nil {
				b.Fatal(err)
			}
			in := inputOf(b, objects, cluster.Options{Complete: true}, "kube")
			in.Declared = func(w *cluster.Workload) scope.Declared {
				return map[string]scope.Declared{"in": scope.Account, "connected": scope.Inside, "out": scope.Outside}[w.Pods[0].Namespace.Labels["pci-scope"]]
			}
			in.Model.Warm()
			for b.Loop() {
				r := scope.Compute(in)
				_, counts := r.Counts()
				b.ReportMetric(float64(counts[0]), "cde")
				b.ReportMetric(float64(len(r.Paths.Found)), "paths")
			}
		})
	}
}
