package draw_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// However much is drawn as one box, it is the model; and there are pictures of all kinds of boxes among these.
func TestCheckOfCollapsed(t *testing.T) {
	kinds := map[string]bool{}
	for seed := range uint64(6) {
		in := random(t, seed, 90)
		for _, budget := range []int{1, 3, 6, 10, 16, 30, 45, 60, 120} {
			g := draw.Build(in, draw.Options{Budget: budget, Expand: []string{"ns1"}})
			if bad := draw.Check(g); len(bad) > 0 {
				t.Fatalf("seed %d, budget %d: %d faults, such as\n%s", seed, budget, len(bad), strings.Join(bad[:min(5, len(bad))], "\n"))
			}
			for _, n := range g.Nodes {
				if n.Kind == draw.Bundle {
					kind, _, _ := strings.Cut(strings.TrimPrefix(n.ID, "bundle:"), ":")
					kinds[kind] = true
				}
			}
			for _, gr := range g.Groups {
				kinds[fmt.Sprint("group of boxes ", gr.Some)] = true
			}
		}
	}
	for _, kind := range []string{"ns", "kin", "zone", "group of boxes true", "group of boxes false"} {
		if !kinds[kind] {
			t.Errorf("no picture has a box or group of the kind %s", kind)
		}
	}
}

// More zones than can be drawn are one box for each class.
func TestCheckOfClasses(t *testing.T) {
	var b strings.Builder
	for i := range 8 {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ns%d}\n", i)
		for k := range 2 {
			fmt.Fprintf(&b, "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w%d, namespace: ns%d}\nspec: {selector: {matchLabels: {app: w%d}}, template: {metadata: {labels: {app: w%d}}, spec: {containers: [{name: c, image: x}]}}}\n", k, i, k, k)
		}
		fmt.Fprintf(&b, "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: ns%d}\nspec: {podSelector: {matchLabels: {app: w0}}, policyTypes: [Ingress], ingress: [{ports: [{port: %d}]}]}\n", i, 80+i)
	}
	b.WriteString("---\napiVersion: bulkhead.dev/v1alpha1\nkind: Segmentation\nmetadata: {name: s}\nspec:\n  assume: {enforcer: calico}\n  zones:\n")
	for i := range 8 {
		fmt.Fprintf(&b, "  - {name: z%d, scope: %s, namespaces: [ns%d]}\n", i, []string{"cde", "out-of-scope"}[i%2], i)
	}
	g := draw.Build(parsed(t, b.String()), draw.Options{Budget: 1})
	var titles []string
	for _, n := range g.Nodes {
		if n.Kind == draw.Bundle {
			titles = append(titles, n.Object+": "+n.Title)
		}
	}
	if want := "Zones CDE: 4 zones, Zones out of scope: 4 zones"; strings.Join(titles, ", ") != want {
		t.Errorf("got %q, want %q", titles, want)
	}
	if bad := draw.Check(g); len(bad) > 0 {
		t.Error(bad)
	}
}

// A path shows its connections, and nothing else of the model.
func TestCheckOfPath(t *testing.T) {
	in := random(t, 6, 60)
	var opt draw.Options
	for e := range in.Model.Edges() {
		if a, b := e.Src.Workload, e.Dst.Workload; a != nil && b != nil && a.Ref.Namespace != b.Ref.Namespace {
			opt = draw.Options{View: draw.Path, Only: map[*cluster.Workload]bool{a: true, b: true}, Pairs: map[[2]*cluster.Workload]bool{{a, b}: true}}
			break
		}
	}
	g := draw.Build(in, opt)
	if bad := draw.Check(g); len(bad) > 0 || len(lines(g)) == 0 {
		t.Fatalf("%v, %v", lines(g), bad)
	}
	check(t, picture(t, in, opt))
	for i, w := range g.Wires {
		if w.Verdict != draw.Structure {
			g.Wires[i].From, g.Wires[i].To = w.To, w.From
			break
		}
	}
	if len(draw.Check(g)) == 0 {
		t.Error("the path is the other way round, and the check finds nothing")
	}
}

// Faults in groups and in boxes for many workloads are found too.
func TestCheckFindsFaultsOfGroups(t *testing.T) {
	in := random(t, 4, 90)
	for name, spoil := range map[string]func(*draw.Graph) bool{
		"a group has a member less": func(g *draw.Graph) bool {
			if len(g.Groups) == 0 {
				return false
			}
			g.Groups[0].Members = g.Groups[0].Members[1:]
			return true
		},
		"a group is not there": func(g *draw.Graph) bool {
			if len(g.Groups) == 0 {
				return false
			}
			g.Groups = g.Groups[1:]
			return true
		},
		"a group has another verdict": func(g *draw.Graph) bool {
			if len(g.Groups) == 0 {
				return false
			}
			g.Groups[0].Verdict = draw.Undecided
			return true
		},
		"a wire at a box for many is not there": func(g *draw.Graph) bool {
			for i, w := range g.Wires {
				if w.Verdict != draw.Structure && strings.HasPrefix(strings.Join(append(w.From, w.To...), " "), "bundle:") {
					g.Wires = append(g.Wires[:i], g.Wires[i+1:]...)
					return true
				}
			}
			return false
		},
		"a box stands in no frame": func(g *draw.Graph) bool {
			f := g.Bands[0].Frames[0]
			f.Nodes = f.Nodes[1:]
			return true
		},
		"a frame stands in another zone": func(g *draw.Graph) bool {
			if len(g.Bands) < 2 {
				return false
			}
			a, b := g.Bands[0], g.Bands[1]
			a.Frames, b.Frames = a.Frames[1:], append(b.Frames, a.Frames[0])
			return true
		},
	} {
		found := false
		for _, budget := range []int{1, 10, 40} {
			g := draw.Build(in, draw.Options{Budget: budget})
			if !spoil(g) {
				continue
			}
			found = true
			if len(draw.Check(g)) == 0 {
				t.Errorf("budget %d: %s, and the check finds nothing", budget, name)
			}
		}
		if !found {
			t.Errorf("no picture can be spoiled so that %s", name)
		}
	}
}
