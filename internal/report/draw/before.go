package draw

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// workloads is what can be drawn: the cluster's, and those of before that are gone.
func (g *Graph) workloads() []*cluster.Workload {
	all := g.in.Cluster.Workloads
	if g.opt.Before == nil {
		return all
	}
	now := map[object.Ref]bool{}
	for _, w := range all {
		now[w.Ref] = true
	}
	out := append([]*cluster.Workload{}, all...)
	for _, w := range g.opt.Before.Cluster.Workloads {
		if !now[w.Ref] {
			g.gone[w] = true
			out = append(out, w)
		}
	}
	return out
}

// inputOf is the input that knows a workload.
func (g *Graph) inputOf(w *cluster.Workload) *pci.Input {
	if g.gone[w] {
		return g.opt.Before
	}
	return g.in
}

// twins lets the workloads of before stand where the same ones stand now, and marks what is new and what is gone.
func (g *Graph) twins() {
	if g.opt.Before == nil {
		return
	}
	now := map[object.Ref]*Node{}
	for w, n := range g.leaf {
		now[w.Ref] = n
	}
	was := map[object.Ref]bool{}
	for _, w := range g.opt.Before.Cluster.Workloads {
		was[w.Ref] = true
		if n := now[w.Ref]; n != nil {
			g.leaf[w] = n
		}
	}
	for _, n := range g.Nodes {
		if n.Kind != Workload {
			continue
		}
		switch w := n.workloads[0]; {
		case g.gone[w]:
			n.Change, n.Sub = "removed", "removed"
		case !was[w.Ref]:
			n.Change, n.Sub = "added", "added"
		}
	}
}

// changed splits what two nodes may open now and might before into what stayed, what is new and what is gone.
func changed(src, dst *Node, now, before *flow) []*tie {
	var out []*tie
	add := func(t tie) {
		if !t.conns.IsEmpty() {
			t.src, t.dst = src, dst
			out = append(out, &t)
		}
	}
	nowOpen, wasOpen := now.open(), before.open()
	pairs := max(now.pairs, before.pairs)
	add(tie{conns: now.must.Intersect(before.must), verdict: Allowed, pairs: pairs})
	add(tie{conns: now.must.Subtract(before.must), verdict: Allowed, pairs: pairs, change: "added"})
	add(tie{conns: before.must.Subtract(now.must), verdict: Allowed, pairs: pairs, change: "removed"})
	add(tie{conns: nowOpen.Intersect(wasOpen), verdict: Undecided, pairs: pairs})
	add(tie{conns: nowOpen.Subtract(wasOpen), verdict: Undecided, pairs: pairs, change: "added"})
	add(tie{conns: wasOpen.Subtract(nowOpen), verdict: Undecided, pairs: pairs, change: "removed"})
	return out
}
