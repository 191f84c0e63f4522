package draw_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// texts are the lines of a picture, sorted.
func texts(p *draw.Picture) []string {
	var out []string
	for _, m := range p.Scene.Marks {
		if m.Text != nil {
			out = append(out, m.Text.Text)
		}
	}
	slices.Sort(out)
	return out
}

// Signs take the place of letters for controllers, and nothing else is lost: every other text is in both skins.
func TestIconsKeepTheFacts(t *testing.T) {
	in := files(t, "../../../examples/mesh-bank/2-works")
	plain, icons := picture(t, in, draw.Options{}), picture(t, in, draw.Options{Skin: draw.Icons})
	have := texts(icons)
	for _, text := range texts(plain) {
		switch {
		case slices.Contains(have, text), text == "D", text == "SS", strings.Contains(text, "containers within"), strings.HasPrefix(text, "Service;"):
		default:
			t.Errorf("with icons there is no %q", text)
		}
	}
	for _, kind := range []string{"Deployment", "StatefulSet", "Service", "Ingress or route"} {
		if !slices.Contains(have, kind) {
			t.Errorf("the legend does not tell the sign of a %s", kind)
		}
	}
	if bad := draw.Check(icons.Graph); len(bad) > 0 {
		t.Error(bad)
	}
}
