package draw_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// letIn is what some address outside can open on the port of a target.
func letIn(in *pci.Input) func(exposure.Entry, exposure.Target) reach.Bounds {
	return func(e exposure.Entry, to exposure.Target) (b reach.Bounds) {
		ports := netset.All()
		if to.Port != 0 {
			ports = netset.Ports(e.Protocol, to.Port, to.Port)
		}
		for _, edge := range in.Model.Outside(to.Workload, policy.Ingress) {
			b.Must, b.May = b.Must.Union(edge.Must.Intersect(ports)), b.May.Union(edge.May.Intersect(ports))
		}
		return b
	}
}

// The picture of the ways in shows all that were found and no others, alone and in boxes of many.
func TestPictureIsTheWaysIn(t *testing.T) {
	verdicts, merged := map[draw.Verdict]int{}, 0
	hold := func(name string, in *pci.Input, budget int) {
		g := draw.Build(in, draw.Options{View: draw.Exposure, Budget: budget, LetIn: letIn(in)})
		if bad := draw.Check(g); len(bad) > 0 {
			t.Fatalf("%s, budget %d: %d faults, such as\n%s", name, budget, len(bad), strings.Join(bad[:min(5, len(bad))], "\n"))
		}
		for _, w := range g.Wires {
			verdicts[w.Verdict]++
		}
		for _, n := range g.Nodes {
			if strings.HasPrefix(n.ID, "entries:") {
				merged++
			}
		}
	}
	for _, dir := range examples(t) {
		for _, budget := range []int{0, 3, 1} {
			hold(filepath.Base(dir), files(t, dir), budget)
		}
	}
	for seed := range uint64(40) {
		in := random(t, seed, 10+int(seed)*6)
		for _, budget := range []int{0, 15, 1000} {
			hold("random", in, budget)
		}
	}
	if verdicts[draw.Allowed] < 20 || verdicts[draw.Denied] < 20 || verdicts[draw.Undecided] < 20 || merged == 0 {
		t.Errorf("too few ways to see: %v, %d merged", verdicts, merged)
	}
}

// A check that finds nothing in a wrong picture of the ways in is worth nothing.
func TestCheckFindsWrongWaysIn(t *testing.T) {
	in := files(t, "../../../examples/card-shop/5-works")
	verdict := func(g *draw.Graph) int {
		return slices.IndexFunc(g.Wires, func(w *draw.Wire) bool { return w.Verdict != draw.Structure })
	}
	client := func(g *draw.Graph) int {
		return slices.IndexFunc(g.Wires, func(w *draw.Wire) bool { return w.Verdict == draw.Structure && w.Label == "public" })
	}
	for name, spoil := range map[string]func(g *draw.Graph){
		"what passes is missing":     func(g *draw.Graph) { g.Wires = slices.Delete(g.Wires, verdict(g), verdict(g)+1) },
		"another verdict":            func(g *draw.Graph) { g.Wires[verdict(g)].Verdict = draw.Denied },
		"it leads elsewhere":         func(g *draw.Graph) { g.Wires[verdict(g)].To = g.Wires[verdict(g)].From },
		"clients are missing":        func(g *draw.Graph) { g.Wires = slices.Delete(g.Wires, client(g), client(g)+1) },
		"it is told to be private":   func(g *draw.Graph) { g.Wires[client(g)].Label = "not public" },
		"clients of what has no way": func(g *draw.Graph) { g.Wires[client(g)].To = g.Wires[verdict(g)].To },
		"it is drawn twice, once as stopped": func(g *draw.Graph) {
			w := *g.Wires[verdict(g)]
			w.Verdict = draw.Denied
			g.Wires = append(g.Wires, &w)
		},
	} {
		g := draw.Build(in, draw.Options{View: draw.Exposure, LetIn: letIn(in)})
		if verdict(g) < 0 || client(g) < 0 || len(draw.Check(g)) > 0 {
			t.Fatalf("the picture is no good to be spoiled: %v", draw.Check(g))
		}
		spoil(g)
		if len(draw.Check(g)) == 0 {
			t.Errorf("%s, and the check finds nothing", name)
		}
	}
}
