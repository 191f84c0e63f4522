package draw_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

func TestPictureIsTheModel(t *testing.T) {
	for _, dir := range examples(t) {
		for _, view := range []draw.View{draw.Network, draw.Dataflow} {
			for _, budget := range []int{0, 1} {
				g := draw.Build(files(t, dir), draw.Options{View: view, Budget: budget})
				if bad := draw.Check(g); len(bad) > 0 {
					t.Errorf("%s %s budget %d:\n%s", filepath.Base(dir), view, budget, strings.Join(bad, "\n"))
				}
			}
		}
	}
	for seed := range uint64(25) {
		in := random(t, seed, 10+int(seed)*8)
		for _, budget := range []int{0, 15, 1000} {
			if bad := draw.Check(draw.Build(in, draw.Options{Budget: budget})); len(bad) > 0 {
				t.Fatalf("seed %d, budget %d: %d faults, such as\n%s", seed, budget, len(bad), strings.Join(bad[:min(5, len(bad))], "\n"))
			}
		}
	}
}

// A check that finds nothing in a wrong picture is worth nothing.
func TestCheckFindsFaults(t *testing.T) {
	dir := "../../../examples/card-shop/5-works"
	for name, spoil := range map[string]func(*draw.Graph){
		"a wire is missing": func(g *draw.Graph) {
			for i, w := range g.Wires {
				if w.Verdict == draw.Allowed {
					g.Wires = append(g.Wires[:i], g.Wires[i+1:]...)
					return
				}
			}
		},
		"a wire has another source": func(g *draw.Graph) {
			for _, w := range g.Wires {
				if w.Verdict == draw.Allowed && strings.Contains(w.From[0], "pci-frontend") {
					w.From = []string{strings.ReplaceAll(w.From[0], "pci-frontend", "other-frontend")}
					return
				}
			}
		},
		"a verdict is another": func(g *draw.Graph) {
			for _, w := range g.Wires {
				if w.Verdict == draw.Allowed {
					w.Verdict = draw.Undecided
					return
				}
			}
		},
		"a Service leads elsewhere": func(g *draw.Graph) {
			for _, w := range g.Wires {
				if w.Verdict == draw.Structure && strings.Contains(w.From[0], "shop/pci-backend") {
					w.To = []string{strings.ReplaceAll(w.To[0], "pci-backend", "other-backend")}
				}
			}
		},
	} {
		g := draw.Build(files(t, dir), draw.Options{})
		spoil(g)
		if len(draw.Check(g)) == 0 {
			t.Errorf("%s, and the check finds nothing", name)
		}
	}
}
