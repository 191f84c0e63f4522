//go:build unix

package load

import (
	"syscall"
	"testing"
	"time"
)

// perCPU reports how many megabytes of size bytes each a second of processor time reads. On a machine with
// other work the clock says nothing.
func perCPU(b *testing.B, size int) (stop func()) {
	b.Helper()
	start := cpuTime()
	return func() {
		b.ReportMetric(float64(size)*float64(b.N)/1e6/(cpuTime()-start).Seconds(), "MB/cpu-s")
	}
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
