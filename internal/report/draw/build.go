package draw

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// defaultBudget is how many boxes a reader takes in on one sheet.
const defaultBudget = 90

// Build says what is drawn of an input. Detail is given up step by step until the boxes and wires are few enough:
// namespaces become one box each, then those with a name in common, then whole zones; the CDE comes last.
func Build(in *pci.Input, opt Options) *Graph {
	if opt.View == "" {
		opt.View = Network
	}
	if opt.Budget <= 0 {
		opt.Budget = defaultBudget
	}
	keep := chosen(in, opt)
	first := empty(in, opt)
	places := first.places(keep)
	var g *Graph
	var known *traffic // read once: large clusters have millions of connections
	last, was := "", level{}
	all := levels()
	for i, l := range all {
		units := first.units(l, places)
		names := namesOf(units)
		if i < len(all)-1 && len(units) > opt.Budget || g != nil && names == last {
			continue // too many, or nothing is drawn in another way than in the level before
		}
		next := empty(in, opt)
		next.gone, next.keep = first.gone, keep
		next.boxes(units)
		next.twins()
		next.services(keep)
		next.entries()
		if i < len(all)-1 && len(next.Nodes) > opt.Budget {
			continue
		}
		if known == nil {
			known = first.traffic(first.finest(places))
		}
		g, last, was = next, names, l
		g.connect(known)
		if 2*g.wireEnds() <= 3*opt.Budget {
			break
		}
	}
	g.told(was, keep)
	g.finish()
	return g
}

func empty(in *pci.Input, opt Options) *Graph {
	return &Graph{
		Protocol: Protocol, Notation: Notation, View: opt.View, Title: opt.Title, Bands: []*Band{}, Nodes: []*Node{}, Wires: []*Wire{}, Groups: []*Group{}, Notes: []string{},
		in: in, opt: opt, byID: map[string]*Node{}, leaf: map[*cluster.Workload]*Node{}, gone: map[*cluster.Workload]bool{}, zoned: in.Scope != nil,
	}
}

// chosen is the workloads that are drawn; nil for all.
func chosen(in *pci.Input, opt Options) map[*cluster.Workload]bool {
	keep := opt.Only
	if opt.View == Dataflow {
		keep = both(keep, aroundCDE(in))
	}
	if opt.View == Exposure {
		keep = both(keep, exposed(in))
	}
	if len(opt.Focus) > 0 {
		keep = both(keep, surroundings(in, opt.Focus, opt.Hops))
	}
	return keep
}

func both(a, b map[*cluster.Workload]bool) map[*cluster.Workload]bool {
	if a == nil {
		return b
	}
	out := map[*cluster.Workload]bool{}
	for w := range a {
		if b[w] {
			out[w] = true
		}
	}
	return out
}

func exposed(in *pci.Input) map[*cluster.Workload]bool {
	out := map[*cluster.Workload]bool{}
	for _, e := range in.Exposure.Entries {
		for _, t := range e.Targets {
			out[t.Workload] = true
		}
	}
	return out
}

// aroundCDE is the workloads of the CDE and everything that has a connection with one.
func aroundCDE(in *pci.Input) map[*cluster.Workload]bool {
	out := map[*cluster.Workload]bool{}
	for _, w := range in.Cluster.Workloads {
		if in.Scope.InCDE(w) {
			out[w] = true
		}
	}
	for e := range in.Model.Edges() {
		if a, b := e.Src.Workload, e.Dst.Workload; a != nil && b != nil && (in.Scope.InCDE(a) || in.Scope.InCDE(b)) {
			out[a], out[b] = true, true
		}
	}
	return out
}

// surroundings is what lies within some connections of the focus, in either direction.
func surroundings(in *pci.Input, focus []*cluster.Workload, hops int) map[*cluster.Workload]bool {
	out := map[*cluster.Workload]bool{}
	for _, w := range focus {
		out[w] = true
	}
	for range max(hops, 1) {
		next := map[*cluster.Workload]bool{}
		for e := range in.Model.Edges() {
			if a, b := e.Src.Workload, e.Dst.Workload; a != nil && b != nil && out[a] != out[b] {
				next[a], next[b] = true, true
			}
		}
		for w := range next {
			out[w] = true
		}
	}
	return out
}

// told says what is drawn as one box, and what is not drawn.
func (g *Graph) told(l level, keep map[*cluster.Workload]bool) {
	drawn := 0
	for _, w := range g.in.Cluster.Workloads {
		if g.leaf[w] != nil {
			drawn++
		}
	}
	if keep != nil && drawn < len(g.in.Cluster.Workloads) {
		g.Notes = append(g.Notes, fmt.Sprintf("drawn: %d of %s", drawn, plural(len(g.in.Cluster.Workloads), "workload")))
	}
	bundles := 0
	for _, n := range g.Nodes {
		if n.Kind == Bundle {
			bundles++
		}
	}
	if l != (level{}) && bundles > 0 {
		g.Notes = append(g.Notes, fmt.Sprintf("%s stand for whole namespaces or zones; a wire at one, or at the border of a zone around it, speaks of some of its workloads, and needs are not told there; --expand NAME opens one", plural(bundles, "box")))
	}
}
