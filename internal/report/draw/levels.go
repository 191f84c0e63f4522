package draw

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// depth is what one box stands for.
type depth uint8

const (
	single    depth = iota // a workload
	namespace              // all workloads of a namespace that lie in one zone
	kin                    // namespaces whose names differ in the last word
	tribe                  // namespaces whose names have the first word in common
	wholeZone
	wholeClass // all zones of a class
)

// level is how much is drawn as one box, outside of the CDE and in it.
type level struct{ other, cde depth }

// levels is the steps in which detail is given up, the CDE last.
func levels() []level {
	return []level{
		{single, single},
		{namespace, single},
		{kin, single},
		{tribe, single},
		{wholeZone, single},
		{namespace, namespace},
		{kin, namespace},
		{tribe, namespace},
		{wholeZone, namespace},
		{wholeZone, kin},
		{wholeZone, tribe},
		{wholeZone, wholeZone},
		{wholeClass, wholeClass},
	}
}

// finest gives the units that those of every level within the budget are made of.
func (g *Graph) finest(places []place) []*unit {
	var units []*unit
	for _, l := range []level{{single, single}, {namespace, single}, {namespace, namespace}} {
		if units = g.units(l, places); len(units) <= g.opt.Budget {
			break
		}
		cde := 0
		for _, u := range units {
			if u.depth == single && u.band.Class.InCDE() {
				cde++
			}
		}
		if l != (level{}) && cde <= g.opt.Budget {
			break
		}
	}
	return units
}

// place is where a workload belongs.
type place struct {
	w    *cluster.Workload
	band *Band
}

// places lists what is drawn, in the order of the input.
func (g *Graph) places(keep map[*cluster.Workload]bool) []place {
	var out []place
	bands := map[string]*Band{}
	for _, w := range g.workloads() {
		if keep != nil && !keep[w] {
			continue
		}
		b := g.bandOf(w)
		if bands[b.ID] == nil {
			bands[b.ID] = b
		}
		out = append(out, place{w, bands[b.ID]})
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

// unit is the workloads of one box.
type unit struct {
	id     string
	depth  depth
	band   *Band
	common string // of kin and tribe: how the names begin
	ws     []*cluster.Workload
	inside []string // the namespaces, or of wholeClass the zones
}

// units says what is drawn as one box. A box for a single thing is a box of that thing.
func (g *Graph) units(l level, places []place) []*unit {
	at := map[string]*unit{}
	for d := wholeClass; d >= namespace; d-- { // what holds but one thing is left to the next finer depth
		for _, p := range places {
			if g.depthOf(l, p) < d {
				continue
			}
			id, common := idAt(d, p)
			u := at[id]
			if u == nil {
				u = &unit{id: id, depth: d, band: p.band, common: common}
				at[id] = u
			}
			u.ws = append(u.ws, p.w)
			if thing := thingAt(d, p); !slices.Contains(u.inside, thing) {
				u.inside = append(u.inside, thing)
			}
		}
	}
	var out []*unit
	seen := map[*unit]bool{}
	for _, p := range places {
		u := &unit{depth: single, band: p.band, ws: []*cluster.Workload{p.w}, id: workloadID(p.w)}
		for d := g.depthOf(l, p); d >= namespace; d-- {
			id, _ := idAt(d, p)
			if c := at[id]; len(c.inside) > 1 {
				u = c
				break
			}
		}
		if !seen[u] {
			seen[u] = true
			out = append(out, u)
		}
	}
	return out
}

// depthOf is the depth of a workload, which the reader may have asked to keep open.
func (g *Graph) depthOf(l level, p place) depth {
	if slices.Contains(g.opt.Expand, p.w.Ref.Namespace) || p.band.Title != "" && slices.Contains(g.opt.Expand, p.band.Title) {
		return single
	}
	if p.band.Class.InCDE() {
		return l.cde
	}
	return l.other
}

func idAt(d depth, p place) (id, common string) {
	switch d {
	case single:
		return workloadID(p.w), ""
	case namespace:
		return frameID(p), ""
	case kin:
		common = beforeLast(p.w.Ref.Namespace)
		return "kin:" + common + "*@" + p.band.ID, common
	case tribe:
		common = firstWord(p.w.Ref.Namespace)
		return "tribe:" + common + "*@" + p.band.ID, common
	case wholeZone:
		return p.band.ID, ""
	case wholeClass:
	}
	return "class:" + string(p.band.Class), ""
}

// thingAt is what a box of some depth has to hold two of.
func thingAt(d depth, p place) string {
	switch d {
	case namespace:
		return p.w.Ref.String()
	case wholeClass:
		return p.band.ID
	case single, kin, tribe, wholeZone:
	}
	return p.w.Ref.Namespace
}

func frameID(p place) string { return "ns:" + p.w.Ref.Namespace + "@" + p.band.ID }

// beforeLast is a name without its last word and without the number at its end: "payments" of "payments-eu",
// "team" of "team12".
func beforeLast(name string) string {
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		return name[:i]
	}
	return withoutNumber(name)
}

func firstWord(name string) string {
	word, _, _ := strings.Cut(name, "-")
	return withoutNumber(word)
}

func withoutNumber(name string) string {
	if short := strings.TrimRight(name, "0123456789"); short != "" {
		return short
	}
	return name
}

func namesOf(units []*unit) string {
	var b strings.Builder
	for _, u := range units {
		b.WriteString(u.id + "\n")
	}
	return b.String()
}

// boxes makes bands, frames and the nodes of workloads.
func (g *Graph) boxes(units []*unit) {
	bands := map[string]*Band{}
	frames := map[string]*Frame{}
	for _, u := range units {
		band := *u.band
		if u.depth == wholeClass {
			band = Band{ID: u.id, Title: plural(len(u.inside), "zone"), Class: u.band.Class}
		}
		b := bands[band.ID]
		if b == nil {
			b = &band
			bands[b.ID] = b
			g.Bands = append(g.Bands, b)
		}
		f := Frame{ID: frameID(place{u.ws[0], b}), Title: u.ws[0].Ref.Namespace, Zone: b.ID}
		if u.depth > namespace {
			f.ID, f.Title = "all@"+u.id, plural(len(u.inside), "namespace")
		}
		if frames[f.ID] == nil {
			frames[f.ID] = &f
			b.Frames = append(b.Frames, &f)
		}
		if u.depth == single {
			g.add(frames[f.ID], g.workload(u.ws[0]))
		} else {
			g.add(frames[f.ID], g.bundle(u, &f))
		}
	}
	g.sortBands()
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

// bundle is one box for many workloads.
func (g *Graph) bundle(u *unit, f *Frame) *Node {
	n := &Node{ID: "bundle:" + u.id, Kind: Bundle, Sub: plural(len(u.ws), "workload"), workloads: u.ws, Left: []Badge{{Text: fmt.Sprint(len(u.ws))}}}
	what := "namespace "
	switch u.depth {
	case single, namespace:
		n.Title, n.Object, n.Namespace = f.Title, "Namespace "+f.Title, f.Title
	case kin, tribe:
		n.Title = u.common + "*"
		n.Object, n.Sub = "Namespaces "+n.Title, f.Title+", "+n.Sub
	case wholeZone:
		n.Title, n.Object, n.Sub = u.band.Title, "Zone "+u.band.Title, f.Title+", "+n.Sub
		if n.Title == "" {
			n.Title, n.Object = "Whole cluster", "Cluster"
		}
	case wholeClass:
		what = ""
		n.Title, n.Object = plural(len(u.inside), "zone"), "Zones "+className(u.band.Class)
	}
	pods := 0
	for _, w := range u.ws {
		pods += max(w.Replicas, len(w.Pods))
	}
	n.Detail = append(n.Detail, plural(pods, "pod"))
	if u.depth > namespace {
		for _, name := range slices.Sorted(slices.Values(u.inside)) {
			n.Detail = append(n.Detail, what+name)
		}
	}
	n.Shield = g.shield(u.ws)
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
