package formats_test

import (
	"os"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/formats"
)

// Both formats tell the same places: those of the picture.
func TestPlaces(t *testing.T) {
	for name, p := range map[string]*draw.Picture{"hostile": picture(t, objects(t, hostile(t))), "card-shop": example(t)} {
		for _, format := range []string{"svg", "json"} {
			got, err := formats.Places(write(t, format, p, formats.Options{}))
			if err != nil {
				t.Fatalf("%s %s: %v", name, format, err)
			}
			for _, n := range p.Graph.Nodes {
				want := draw.Placed{}
				for _, b := range p.Boxes {
					if b.ID == n.ID {
						want = b
					}
				}
				id := draw.Safe(n.ID)
				// A cloud or a cylinder may swell over its rectangle.
				if at, ok := got[id]; !ok || n.Kind == draw.Workload && (at.X != want.X || at.Y != want.Y || at.W != want.W || at.H != want.H) {
					t.Errorf("%s %s: %q at %v, want %v", name, format, n.ID, at, want)
				}
			}
		}
	}
}

func TestPlacesOfOtherFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "no boxes",
		"hello":                 "no boxes",
		"<svg><g></svg>":        "",
		`{"protocol": "other"}`: `its protocol is "other"`,
		`{"protocol": 1}`:       "",
		"<svg><path d='M1 2'/>": "",
		`<svg><g data-id="a"><path d="M-5 0L10 10"/></g></svg>`:          "outside of any page",
		`<svg><g data-id="a"><path d="M1e300 0L10 10"/></g></svg>`:       "",
		`<!DOCTYPE s [<!ENTITY a "b">]><svg><g data-id="&a;"></g></svg>`: "",
	} {
		got, err := formats.Places([]byte(text))
		if err == nil && want != "" || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add([]byte(`<svg><g class="workload" data-id="a"><path d="M1 2L3 4Z"/></g></svg>`))
	f.Add([]byte(`{"protocol": "bulkhead.dev/map/v1", "boxes": [{"id": "a", "X": 1, "Y": 2, "W": 3, "H": 4}]}`))
	if data, err := os.ReadFile("testdata/hostile.yaml"); err == nil {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := formats.Places(data)
		if err == nil && len(got) == 0 {
			t.Error("nothing, and no error")
		}
		for id, at := range got {
			if at.X < 0 || at.Y < 0 || at.W < 0 || at.H < 0 {
				t.Errorf("%q at %v", id, at)
			}
		}
	})
}
