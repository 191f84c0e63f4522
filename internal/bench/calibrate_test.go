//go:build unix

package bench

import (
	"math/rand/v2"
	"testing"
	"time"
)

// calibrate reports how fast the machine writes memory in order, and how long a load takes that must wait for
// the one before it, in memory of three sizes. Figures of two machines compare as these do.
func calibrate(b *testing.B) {
	buf := make([]byte, 256<<20)
	clear(buf) // the pages must be there
	write := time.Duration(1 << 62)
	loads := []struct {
		name  string
		chain []uint32
		best  time.Duration
	}{{"load-1MB-ns", ring(1 << 20), 1 << 62}, {"load-16MB-ns", ring(16 << 20), 1 << 62}, {"load-128MB-ns", ring(128 << 20), 1 << 62}}
	const steps = 1 << 20
	end := uint32(0)
	for b.Loop() {
		start := cpu()
		clear(buf)
		write = min(write, cpu()-start)
		for i := range loads {
			l := &loads[i]
			at := end % uint32(len(l.chain))
			start := cpu()
			for range steps {
				at = l.chain[at]
			}
			l.best = min(l.best, cpu()-start)
			end += at
		}
	}
	b.ReportMetric(float64(len(buf))/float64(write.Nanoseconds()), "write-GB/s")
	for _, l := range loads {
		b.ReportMetric(float64(l.best.Nanoseconds())/steps, l.name)
	}
}

// ring is a random cycle through all of its places.
func ring(bytes int) []uint32 {
	n := bytes / 4
	order := rand.New(rand.NewPCG(1, 1)).Perm(n)
	out := make([]uint32, n)
	for i, x := range order {
		out[x] = uint32(order[(i+1)%n])
	}
	return out
}
