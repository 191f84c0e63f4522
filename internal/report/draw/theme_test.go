package draw_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(color[1:], 16, 32)
	if err != nil || len(color) != 7 {
		t.Fatalf("colour %q", color)
	}
	sum := 0.0
	for i, k := range []float64{0.0722, 0.7152, 0.2126} {
		c := float64(n>>(8*i)&255) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += k * c
	}
	return sum
}

// Texts have a contrast of 4.5:1 to what they stand on, and lines that mean something 3:1 (WCAG 2.2, 1.4.3 and 1.4.11).
func TestContrast(t *testing.T) {
	grounds := []draw.Ink{"page", "cluster", "namespace", "cde", "connected", "impacting", "out", "none"}
	pairs := map[draw.Ink][]draw.Ink{
		"text":  append([]draw.Ink{"cloud"}, grounds...),
		"faint": {"page", "cloud"},
		"glyph": {"icon"},
		"on":    {"pod", "container", "kind", "net", "data", "bundle"},
		"wire":  grounds, "open": grounds, "bad": grounds, "good": grounds, "loose": grounds,
		"border": {"cluster"},
	}
	for _, theme := range draw.Themes() {
		for over, under := range pairs {
			for _, u := range under {
				a, b := luminance(t, theme.Colors[over]), luminance(t, theme.Colors[u])
				if ratio := (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05); ratio < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f", theme.Name, over, u, ratio)
				}
			}
		}
		if len(theme.Inks()) != len(draw.Themes()[0].Inks()) {
			t.Errorf("%s has other inks than the first theme", theme.Name)
		}
	}
}

// Everything that is painted has a colour.
func TestInksOfPictures(t *testing.T) {
	p := picture(t, random(t, 4, 40), draw.Options{})
	for _, theme := range draw.Themes() {
		for _, m := range p.Scene.Marks {
			var used []draw.Ink
			if m.Figure != nil {
				used = append(used, m.Figure.Fill, m.Figure.Stroke)
			}
			if m.Text != nil {
				used = append(used, m.Text.Ink)
			}
			for _, i := range used {
				if i != "" && theme.Colors[i] == "" {
					t.Fatalf("theme %s has no ink %s", theme.Name, i)
				}
			}
		}
	}
}
