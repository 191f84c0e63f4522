package load

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// batchBytes is how much text one goroutine reads at a time: enough to make the hand-over cheap, and little
// enough that no processor waits long for the last one.
const batchBytes = 512 << 10

// inOrder calls read for each of n parts of the input. Large inputs are read on all processors; what read
// gives to its collector comes out as if it had been called for one part after the other.
func (c *collector) inOrder(n int, size func(i int) int, read func(c *collector, i int)) {
	batches := c.batches(n, size)
	if len(batches) < 2 {
		for i := 0; i < n && c.ctx.Err() == nil; i++ {
			read(c, i)
		}
		return
	}
	// The goroutines end before inOrder returns.
	var wait sync.WaitGroup
	var taken atomic.Int64
	for range min(len(batches), runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			a := new(arena)
			for {
				k := int(taken.Add(1)) - 1
				if k >= len(batches) {
					return
				}
				b := &batches[k]
				b.sub = &collector{ctx: c.ctx, lim: c.lim, kinds: c.kinds, arena: a, part: true}
				for i := b.from; i < b.to && c.ctx.Err() == nil; i++ {
					read(b.sub, i)
				}
			}
		})
	}
	wait.Wait()
	for _, b := range batches {
		if c.join(b.sub) {
			continue
		}
		for i := b.from; i < b.to && c.ctx.Err() == nil; i++ {
			read(c, i)
		}
	}
}

// batch is a run of parts, and what was read of them.
type batch struct {
	from, to int
	sub      *collector
}

// batches cuts n parts into runs; none when it is not worth it.
func (c *collector) batches(n int, size func(i int) int) []batch {
	if n < 2 || c.part || runtime.GOMAXPROCS(0) == 1 {
		return nil
	}
	var out []batch
	from, sum := 0, 0
	for i := range n {
		if sum += size(i); sum >= batchBytes || i == n-1 {
			out = append(out, batch{from: from, to: i + 1})
			from, sum = i+1, 0
		}
	}
	return out
}

// join adds what sub has read after what c has. It is false, and nothing is added, when the limit on objects
// is met on the way: which problems come before that one can only be told by reading on from here.
func (c *collector) join(sub *collector) bool {
	if c.full || sub.full || len(c.objects)+len(sub.objects) > c.lim.Objects {
		return false
	}
	c.objects = append(c.objects, sub.objects...)
	c.problems = append(c.problems, sub.problems...)
	c.cov.Skipped = append(c.cov.Skipped, sub.cov.Skipped...)
	c.cov.Missing = append(c.cov.Missing, sub.cov.Missing...)
	c.cov.Live = c.cov.Live || sub.cov.Live
	if sub.snapshots > 0 {
		c.liveFull = sub.liveFull
		c.snapshots += sub.snapshots
	}
	return true
}
