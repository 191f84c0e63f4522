package draw_test

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

type area struct{ x0, y0, x1, y1 float64 }

func (a area) meets(b area) bool { return a.x0 < b.x1 && b.x0 < a.x1 && a.y0 < b.y1 && b.y0 < a.y1 }

// around is the rectangle of an outline.
func around(steps []draw.Step) area {
	a := area{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, s := range steps {
		if s.Op != 'Z' {
			a = area{math.Min(a.x0, s.X), math.Min(a.y0, s.Y), math.Max(a.x1, s.X), math.Max(a.y1, s.Y)}
		}
	}
	return a
}

// of is the room of a text: its width, from the base line up to the height of small letters.
func of(t *draw.Text) area {
	w := float64(t.Room)
	a := area{t.X, t.Y - 0.5*t.Size, t.X + w, t.Y}
	switch t.Anchor {
	case draw.Middle:
		a.x0, a.x1 = t.X-w/2, t.X+w/2
	case draw.End:
		a.x0, a.x1 = t.X-w, t.X
	case draw.Start:
	}
	return a
}

// legible lists the texts that lie on others or are cut off by the page, and those that a theme paints too faintly on
// what is below them (WCAG 2.2, 1.4.3).
func legible(t *testing.T, p *draw.Picture) (bad []string) {
	type ground struct {
		area
		ink draw.Ink
	}
	page := ground{area{0, 0, float64(p.Scene.Width), float64(p.Scene.Height)}, "page"}
	grounds := []ground{page}
	type written struct {
		area
		text string
	}
	var before []written
	pairs := map[[2]draw.Ink]string{}
	for _, m := range p.Scene.Marks {
		if f := m.Figure; f != nil && f.Fill != "" {
			grounds = append(grounds, ground{around(f.Steps), f.Fill})
		}
		if m.Text == nil {
			continue
		}
		a := of(m.Text)
		if a.x0 < 0 || a.y0 < 0 || a.x1 > page.x1 || a.y1 > page.y1 {
			bad = append(bad, fmt.Sprintf("%q is cut off by the page", m.Text.Text))
		}
		for _, o := range before {
			if a.meets(o.area) {
				bad = append(bad, fmt.Sprintf("%q lies on %q", m.Text.Text, o.text))
			}
		}
		before = append(before, written{a, m.Text.Text})
		x, y := (a.x0+a.x1)/2, (a.y0+a.y1)/2
		for _, g := range slices.Backward(grounds) {
			if g.x0 <= x && x <= g.x1 && g.y0 <= y && y <= g.y1 {
				pairs[[2]draw.Ink{m.Text.Ink, g.ink}] = m.Text.Text
				break
			}
		}
	}
	for _, theme := range draw.Themes() {
		for k, text := range pairs {
			a, b := luminance(t, theme.Colors[k[0]]), luminance(t, theme.Colors[k[1]])
			if ratio := (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05); ratio < 4.5 {
				bad = append(bad, fmt.Sprintf("%s: %s on %s has a contrast of %.2f, as of %q", theme.Name, k[0], k[1], ratio, text))
			}
		}
	}
	return bad
}

func TestTextsCanBeRead(t *testing.T) {
	for _, dir := range examples(t) {
		in := files(t, dir)
		for _, opt := range []draw.Options{{}, {Budget: 1}, {View: draw.Dataflow}, {View: draw.Exposure}, {Skin: draw.Icons}} {
			if bad := legible(t, picture(t, in, opt)); len(bad) > 0 {
				t.Errorf("%s %s %d %s:\n%s", filepath.Base(dir), opt.View, opt.Budget, opt.Skin, strings.Join(bad[:min(8, len(bad))], "\n"))
			}
		}
		if bad := legible(t, draw.DrawMatrix(in, draw.Title{})); len(bad) > 0 {
			t.Errorf("%s matrix:\n%s", filepath.Base(dir), strings.Join(bad[:min(8, len(bad))], "\n"))
		}
	}
	for seed := range uint64(30) { // those of the other skin are read by TestGeometryOfRandomClusters
		if bad := legible(t, picture(t, random(t, seed, 5+int(seed)*5), draw.Options{Skin: draw.Icons})); len(bad) > 0 {
			t.Fatalf("seed %d: %d faults, such as\n%s", seed, len(bad), strings.Join(bad[:min(8, len(bad))], "\n"))
		}
	}
}

// An empty picture says why it is empty, in the picture and in its text.
func TestEmptyPictures(t *testing.T) {
	lone := "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a}\nspec: {containers: [{name: c, image: i}]}\n"
	scoped := lone + "---\napiVersion: bulkhead.dev/v1alpha1\nkind: Segmentation\nmetadata: {name: s}\nspec: {assume: {enforcer: calico}, zones: [{name: z, scope: out-of-scope, namespaces: [a]}]}\n"
	for _, c := range []struct {
		text string
		view draw.View
		want string
	}{
		{"apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", draw.Network, "The input has no workloads."},
		{"apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", draw.Zones, "The input has no workloads."},
		{lone, draw.Exposure, "The input shows no way in from outside to any workload."},
		{scoped, draw.Dataflow, "No workload of the input is in the cardholder data environment."},
	} {
		in := parsed(t, c.text)
		p := draw.DrawMatrix(in, draw.Title{})
		if c.view != draw.Zones {
			p = picture(t, in, draw.Options{View: c.view})
			check(t, p)
		}
		if !slices.Contains(texts(p), c.want) || !slices.Contains(p.Facts(), c.want) {
			t.Errorf("%s: no %q in %q or %q", c.view, c.want, texts(p), p.Facts())
		}
		if bad := legible(t, p); len(bad) > 0 {
			t.Error(bad)
		}
	}
}
