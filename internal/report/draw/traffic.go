package draw

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// traffic is the connections of the models, joined by the boxes of the finest level that is drawn. The boxes of
// other levels are made of these.
type traffic struct{ now, before []lane }

// lane is what one box may open to another, or within itself.
type lane struct {
	src, dst *Node
	flow     *flow
}

type pair struct{ src, dst *Node }

// traffic reads the models. Its boxes are nothing but the workloads that they stand for.
func (g *Graph) traffic(units []*unit) *traffic {
	t := &traffic{}
	if g.opt.View == Exposure {
		return t
	}
	for _, u := range units {
		n := &Node{ID: u.id, workloads: u.ws}
		for _, w := range u.ws {
			g.leaf[w] = n
		}
	}
	g.twins()
	t.now = g.read(g.in)
	if g.opt.Before != nil {
		t.before = g.read(g.opt.Before)
	}
	return t
}

// read joins the connections of a model by the boxes at their ends.
func (g *Graph) read(in *pci.Input) []lane {
	flows := map[pair]*flow{}
	var out []lane
	var at pair // of the last connection; large clusters have many between the same two boxes
	var to *flow
	from, of := (*Node)(nil), (*cluster.Workload)(nil)
	for e := range in.Model.Edges() {
		if !g.wanted(in, e) {
			continue
		}
		src := from
		if e.Src.Workload == nil || e.Src.Workload != of {
			src = nil
			if e.Src.Workload != nil || g.leaf[e.Dst.Workload] != nil {
				src = g.end(e.Src, policy.Ingress)
			}
			from, of = src, e.Src.Workload
		}
		if src == nil {
			continue
		}
		dst := g.end(e.Dst, policy.Egress)
		if dst == nil {
			continue
		}
		if k := (pair{src, dst}); k != at {
			at, to = k, flows[k]
			if to == nil {
				to = &flow{}
				flows[k] = to
				out = append(out, lane{src, dst, to})
			}
		}
		to.add(e.Bounds)
	}
	return out
}

// flows joins lanes by the boxes of this graph. What stays within a bundle is told there.
func (g *Graph) flows(lanes []lane, now bool) (map[pair]*flow, []pair) {
	flows := map[pair]*flow{}
	var order []pair
	for _, l := range lanes {
		src, dst := g.counterpart(l.src), g.counterpart(l.dst)
		if src == dst {
			if now {
				src.inner.join(l.flow)
			}
			continue
		}
		k := pair{src, dst}
		if flows[k] == nil {
			flows[k] = &flow{}
			order = append(order, k)
		}
		flows[k].join(l.flow)
	}
	return flows, order
}

// counterpart is the box of this graph that a box of the finest level is part of.
func (g *Graph) counterpart(n *Node) *Node {
	if n.Kind != Outside {
		return g.leaf[n.workloads[0]]
	}
	if g.byID[n.ID] == nil {
		twin := *n
		g.put(&twin)
	}
	return g.byID[n.ID]
}

// add joins connections. Nodes have many pairs with the same ones, which cost next to nothing.
func (f *flow) add(b reach.Bounds) {
	f.pairs++
	if !f.must.Covers(b.Must) {
		f.must = f.must.Union(b.Must)
	}
	if !f.may.Covers(b.May) {
		f.may = f.may.Union(b.May)
	}
}

func (f *flow) join(o *flow) {
	f.pairs += o.pairs
	f.must, f.may = f.must.Union(o.must), f.may.Union(o.may)
}

func (f *flow) open() netset.Conns { return f.may.Subtract(f.must) }

// wanted holds for the connections that the view is about.
func (g *Graph) wanted(in *pci.Input, e reach.Edge) bool {
	a, b := e.Src.Workload, e.Dst.Workload
	if g.opt.Pairs != nil {
		return a != nil && b != nil && g.opt.Pairs[[2]*cluster.Workload{a, b}]
	}
	return g.opt.View != Dataflow || in.Scope.InCDE(a) || in.Scope.InCDE(b)
}
