package draw_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// lines gives the wires that have a verdict, one line each.
func lines(g *draw.Graph) []string {
	short := func(ids []string) string {
		out := make([]string, len(ids))
		for i, id := range ids {
			out[i] = g.Name(id)
		}
		return strings.Join(out, ", ")
	}
	var out []string
	for _, w := range g.Wires {
		if w.Verdict != draw.Structure {
			out = append(out, strings.TrimSpace(short(w.From)+" -> "+short(w.To)+" "+string(w.Verdict)+" "+w.Ports+" "+strings.Join(w.Needs, ",")+w.Change))
		}
	}
	slices.Sort(out)
	return out
}

func TestNetworkOfCardShop(t *testing.T) {
	got := lines(draw.Build(files(t, "../../../examples/card-shop/5-works"), draw.Options{}))
	want := []string{
		"Deployment kube-system/coredns -> nodes (192.168.10.0/24) allowed tcp/6443 udp/53",
		"Deployment shop/other-frontend -> Service kube-system/kube-dns allowed tcp/53 udp/53",
		"Deployment shop/other-frontend -> Service shop/other-backend allowed tcp/6379",
		"Deployment shop/pci-frontend -> Service kube-system/kube-dns allowed tcp/53 udp/53 F-3",
		"Deployment shop/pci-frontend -> Service shop/pci-backend allowed tcp/6379 F-2",
		"Internet, private nets (0.0.0.0/0 less 2 ranges, ::/0 less 2 ranges) -> Service shop/pci-frontend allowed tcp/80 F-1",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Everybody may talk to everybody: that is one group and no wire between workloads.
func TestEverybodyIsOneGroup(t *testing.T) {
	g := draw.Build(files(t, "../../../examples/card-shop/1-open"), draw.Options{})
	if len(g.Groups) != 1 || g.Groups[0].Count != 5 || !g.Groups[0].Crosses {
		t.Fatalf("groups %+v", g.Groups)
	}
	for _, l := range lines(g) {
		if !strings.Contains(l, "Any address outside") {
			t.Errorf("wire %s", l)
		}
	}
}

func TestExposureWithoutVerdicts(t *testing.T) {
	in := files(t, "../../../examples/card-shop/4-public-http")
	g := draw.Build(in, draw.Options{View: draw.Exposure})
	for _, w := range g.Wires {
		if w.Verdict != draw.Structure {
			t.Errorf("a verdict without anybody to ask: %s", w.ID)
		}
	}
}

func TestChange(t *testing.T) {
	before, after := files(t, "../../../examples/card-shop/3-frontend-to-backend"), files(t, "../../../examples/card-shop/4-public-http")
	g := draw.Build(after, draw.Options{Before: before})
	var changed []string
	for _, l := range lines(g) {
		if strings.HasSuffix(l, "added") || strings.HasSuffix(l, "removed") {
			changed = append(changed, l)
		}
	}
	want := []string{"Internet, private nets (0.0.0.0/0 less 1 range) -> Service shop/pci-frontend allowed tcp/80 F-1added"}
	if d := cmp.Diff(want, changed); d != "" {
		t.Error(d)
	}
	if bad := draw.Check(g); len(bad) > 0 {
		t.Error(bad)
	}
	p, err := draw.Draw(draw.Build(before, draw.Options{Before: after}))
	if err != nil {
		t.Fatal(err)
	}
	check(t, p)
}

// A workload that is gone is drawn with what it had.
func TestChangeOfWorkloads(t *testing.T) {
	for seed := range uint64(8) {
		before, after := random(t, seed, 12), random(t, seed+100, 14)
		g := draw.Build(after, draw.Options{Before: before, Budget: 1000})
		if bad := draw.Check(g); len(bad) > 0 {
			t.Fatalf("seed %d: %s", seed, bad[0])
		}
		p, err := draw.Draw(g)
		if err != nil {
			t.Fatal(err)
		}
		check(t, p)
	}
}

func TestFocus(t *testing.T) {
	in := files(t, "../../../examples/card-shop/5-works")
	var focus []*cluster.Workload
	for _, w := range in.Cluster.Workloads {
		if w.Ref.Name == "pci-backend" {
			focus = append(focus, w)
		}
	}
	names := func(hops int) (out []string) {
		for _, n := range draw.Build(in, draw.Options{Focus: focus, Hops: hops}).Nodes {
			if n.Kind == draw.Workload {
				out = append(out, n.Title)
			}
		}
		return out
	}
	if d := cmp.Diff([]string{"pci-backend", "pci-frontend"}, names(1)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"coredns", "pci-backend", "pci-frontend"}, names(2)); d != "" {
		t.Error(d)
	}
}

func TestExpandKeepsNamespacesOpen(t *testing.T) {
	in := random(t, 5, 120)
	for _, expand := range []bool{false, true} {
		opt := draw.Options{Budget: 20}
		if expand {
			opt.Expand = []string{"ns9"}
		}
		open := false
		for _, n := range draw.Build(in, opt).Nodes {
			open = open || n.Kind == draw.Workload && n.Namespace == "ns9"
		}
		if open != expand {
			t.Errorf("expand %v: ns9 is open %v", expand, open)
		}
	}
}

func TestMatrix(t *testing.T) {
	m := draw.NewMatrix(files(t, "../../../examples/card-shop/5-works"))
	cells := map[string]draw.Cell{}
	for _, c := range m.Cells {
		cells[c.From+">"+c.To] = c
	}
	for k, want := range map[string]draw.Cell{
		"web>data":                   {Verdict: "allowed", Certain: "tcp/6379", Needs: []string{"F-2"}, Requirements: []string{}},
		"other>data":                 {Verdict: "denied", Needs: []string{}, Requirements: []string{"1.3.1"}},
		"Internet, private nets>web": {Verdict: "allowed", Certain: "tcp/80", Needs: []string{"F-1"}, Requirements: []string{"1.3.1", "1.4.2"}},
		"web>dns":                    {Verdict: "allowed", Certain: "tcp/53 udp/53", Needs: []string{"F-3"}, Requirements: []string{"1.3.2"}},
	} {
		got := cells[k]
		if got.Verdict != want.Verdict || got.Certain != want.Certain || got.Missing || !slices.Equal(got.Needs, want.Needs) || !slices.Equal(got.Requirements, want.Requirements) {
			t.Errorf("%s: got %+v", k, got)
		}
	}
}

// The order of the input does not matter.
func TestOrderOfInput(t *testing.T) {
	in := random(t, 6, 60)
	objects := slices.Clone(in.Cluster.Objects)
	a := picture(t, input(t, objects), draw.Options{})
	slices.Reverse(objects)
	b := picture(t, input(t, objects), draw.Options{})
	if d := cmp.Diff(a.Boxes, b.Boxes); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(a.Routes, b.Routes); d != "" {
		t.Error(d)
	}
}
