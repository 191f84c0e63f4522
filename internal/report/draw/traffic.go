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
	r := reading{flows: map[pair]*flow{}}
	ws := in.Cluster.Workloads
	boxes := make([]*Node, len(ws)) // a large cluster has millions of connections between workloads
	for i, w := range ws {
		boxes[i] = g.leaf[w]
	}
	every := g.opt.Pairs == nil && g.opt.View != Dataflow
	pairs := in.Model.Pairs()
	for p := range pairs.All() {
		src, dst := boxes[p.Src], boxes[p.Dst]
		switch {
		case src == nil || dst == nil || !every && !g.wanted(in, ws[p.Src], ws[p.Dst]):
		case r.to != nil && r.at.src == src && r.at.dst == dst && r.last == p.Bounds:
			r.to.pairs++
		default:
			r.add(src, dst, pairs.Bounds(p.Bounds))
			r.last = p.Bounds
		}
	}
	for e := range in.Model.OutsideEdges() {
		a, b := e.Src.Workload, e.Dst.Workload
		if a != nil && g.leaf[a] == nil || b != nil && g.leaf[b] == nil || !g.wanted(in, a, b) {
			continue
		}
		if src, dst := g.end(e.Src, policy.Ingress), g.end(e.Dst, policy.Egress); src != nil && dst != nil {
			r.add(src, dst, e.Bounds)
		}
	}
	return r.out
}

// reading is what read has joined so far.
type reading struct {
	flows map[pair]*flow
	out   []lane
	at    pair // of the last connection; large clusters have many between the same two boxes
	to    *flow
	last  uint32 // its bounds, between workloads
}

func (r *reading) add(src, dst *Node, b reach.Bounds) {
	if k := (pair{src, dst}); k != r.at {
		r.at, r.to = k, r.flows[k]
		if r.to == nil {
			r.to = &flow{}
			r.flows[k] = r.to
			r.out = append(r.out, lane{src, dst, r.to})
		}
	}
	r.to.add(b)
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

// wanted holds for the connections that the view is about. An end that is no workload is nil.
func (g *Graph) wanted(in *pci.Input, a, b *cluster.Workload) bool {
	if g.opt.Pairs != nil {
		return a != nil && b != nil && g.opt.Pairs[[2]*cluster.Workload{a, b}]
	}
	return g.opt.View != Dataflow || in.Scope.InCDE(a) || in.Scope.InCDE(b)
}
