package draw

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// defaultBudget is how many boxes a reader takes in on one sheet.
const defaultBudget = 90

// Build says what is drawn of an input. Detail is given up step by step until the boxes and wires are few enough:
// first namespaces outside of the CDE, then all, then zones outside of the CDE, then all.
func Build(in *pci.Input, opt Options) *Graph {
	if opt.View == "" {
		opt.View = Network
	}
	if opt.Budget <= 0 {
		opt.Budget = defaultBudget
	}
	keep := chosen(in, opt)
	var g *Graph
	last, was := -1, whole
	for l := whole; l <= allZones; l++ {
		next := empty(in, opt)
		boxes := next.boxes(l, keep)
		if l < allZones && boxes > opt.Budget || boxes == last {
			continue // too many, or nothing is drawn in another way than in the level before
		}
		g, last, was = next, boxes, l
		g.connect()
		if g.wireEnds() <= 2*opt.Budget {
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

// level is how much is drawn as one box.
type level uint8

const (
	whole level = iota
	otherNamespaces
	allNamespaces
	otherZones
	allZones
)

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
		keep = both(keep, around(in, opt.Focus, opt.Hops))
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

// around is what lies within some connections of the focus, in either direction.
func around(in *pci.Input, focus []*cluster.Workload, hops int) map[*cluster.Workload]bool {
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

// bandOf is the zone of a workload.
func (g *Graph) bandOf(w *cluster.Workload) *Band {
	scope := g.inputOf(w).Scope
	if g.in.Scope == nil || scope == nil {
		return &Band{ID: "zone:", Class: pci.Unclassified}
	}
	if z := scope.Zone(w); z != nil {
		return &Band{ID: "zone:" + z.Name, Title: z.Name, Class: z.Class, Role: z.Role}
	}
	class := scope.Class(w)
	title := "in no zone"
	if class != pci.Unclassified {
		title = string(class)
	}
	return &Band{ID: "zone::" + string(class), Title: title, Class: class}
}

// boxes makes bands, frames and nodes, and gives the number of nodes.
func (g *Graph) boxes(l level, keep map[*cluster.Workload]bool) int {
	bands := map[string]*Band{}
	frames := map[string]*Frame{}
	perFrame := map[string][]*cluster.Workload{}
	for _, w := range g.workloads() {
		if keep != nil && !keep[w] {
			continue
		}
		b := g.bandOf(w)
		if bands[b.ID] == nil {
			bands[b.ID] = b
			g.Bands = append(g.Bands, b)
		}
		b = bands[b.ID]
		id := "ns:" + w.Ref.Namespace + "@" + b.ID
		if frames[id] == nil {
			frames[id] = &Frame{ID: id, Title: w.Ref.Namespace, Zone: b.ID}
			b.Frames = append(b.Frames, frames[id])
		}
		perFrame[id] = append(perFrame[id], w)
	}
	g.sortBands()
	for _, b := range g.Bands {
		cde := b.Class.InCDE()
		if (l == allZones || l == otherZones && !cde) && len(b.Frames) > 1 && !slices.Contains(g.opt.Expand, b.Title) && b.Title != "" {
			g.bundleZone(b, perFrame)
			continue
		}
		for _, f := range b.Frames {
			ws := perFrame[f.ID]
			if l >= otherNamespaces && (l >= allNamespaces || !cde) && len(ws) > 1 && !slices.Contains(g.opt.Expand, f.Title) && !slices.Contains(g.opt.Expand, b.Title) {
				g.add(f, g.bundle("ns", f.ID, f.Title, ws))
				continue
			}
			for _, w := range ws {
				g.add(f, g.workload(w))
			}
		}
	}
	g.twins()
	g.services(keep)
	g.entries()
	return len(g.Nodes)
}

func (g *Graph) add(f *Frame, n *Node) {
	n.Zone = f.Zone
	f.Nodes = append(f.Nodes, n.ID)
	g.put(n)
	for _, w := range n.workloads {
		g.leaf[w] = n
	}
}

func (g *Graph) put(n *Node) {
	g.Nodes = append(g.Nodes, n)
	g.byID[n.ID] = n
}

// bundleZone draws all namespaces of a zone as one box.
func (g *Graph) bundleZone(b *Band, perFrame map[string][]*cluster.Workload) {
	var all []*cluster.Workload
	for _, f := range b.Frames {
		all = append(all, perFrame[f.ID]...)
	}
	f := &Frame{ID: "all@" + b.ID, Title: fmt.Sprintf("%d namespaces", len(b.Frames)), Zone: b.ID}
	n := g.bundle("zone", b.ID, b.Title, all)
	for _, old := range b.Frames {
		n.Detail = append(n.Detail, "namespace "+old.Title)
	}
	b.Frames = []*Frame{f}
	g.add(f, n)
}

// bundle is one box for many workloads.
func (g *Graph) bundle(what, id, title string, ws []*cluster.Workload) *Node {
	n := &Node{ID: "bundle:" + id, Kind: Bundle, Object: what + " " + title, Title: title, Sub: plural(len(ws), "workload"), workloads: ws}
	if what == "ns" {
		n.Object, n.Namespace = "Namespace "+title, title
	} else {
		n.Object = "Zone " + title
	}
	pods := 0
	for _, w := range ws {
		pods += max(w.Replicas, len(w.Pods))
	}
	n.Left = []Badge{{Text: fmt.Sprint(len(ws))}}
	n.Detail = append(n.Detail, plural(pods, "pod"))
	n.Shield = g.shield(ws)
	return n
}

// sortBands puts the CDE first and its neighbours next to it, and frames by name.
func (g *Graph) sortBands() {
	declared := map[string]int{}
	if g.in.Intent != nil {
		for i, z := range g.in.Intent.Zones {
			declared["zone:"+z.Name] = i + 1
		}
	}
	rank := map[pci.Class]int{pci.CDE: 0, pci.CDEStore: 1, pci.ConnectedTo: 2, pci.SecurityImpacting: 3, pci.OutOfScope: 4, pci.Unclassified: 5}
	slices.SortStableFunc(g.Bands, func(a, b *Band) int {
		return cmp.Or(cmp.Compare(rank[a.Class], rank[b.Class]), cmp.Compare(declared[a.ID], declared[b.ID]), cmp.Compare(a.ID, b.ID))
	})
	for _, b := range g.Bands {
		slices.SortStableFunc(b.Frames, func(a, c *Frame) int { return cmp.Compare(a.Title, c.Title) })
	}
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
		g.Notes = append(g.Notes, fmt.Sprintf("%d of %s are drawn", drawn, plural(len(g.in.Cluster.Workloads), "workload")))
	}
	bundles := 0
	for _, n := range g.Nodes {
		if n.Kind == Bundle {
			bundles++
		}
	}
	if l != whole && bundles > 0 {
		g.Notes = append(g.Notes, fmt.Sprintf("%s stand for whole namespaces or zones; a wire at one speaks of some of its workloads, and needs are not told there; --expand NAME opens one", plural(bundles, "box")))
	}
}
