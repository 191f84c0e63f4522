package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// drawnBoxes is the picture that a command wrote as JSON: where its boxes begin, by ID, and all of it.
func drawnBoxes(t *testing.T, file string) (x map[string]float64, all map[string]any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	x = map[string]float64{}
	for _, b := range all["boxes"].([]any) {
		b := b.(map[string]any)
		x[b["id"].(string)] = b["X"].(float64)
	}
	return x, all
}

// The picture of a change keeps the order of an older picture, and shows the same changes.
func TestChangeKeepsPlaces(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	change := func(out string, more ...string) map[string]any {
		must(t, 1, append([]string{"diff", "--map", file(out), "../../examples/card-shop/1-open", "../../examples/card-shop/5-works"}, more...)...)
		_, all := drawnBoxes(t, file(out))
		return all
	}
	was := change("a.json")
	x, old := drawnBoxes(t, file("a.json"))
	web, data := "", ""
	for id := range x {
		if strings.HasPrefix(id, "ns:shop@zone:web") {
			web = id
		} else if strings.HasPrefix(id, "ns:shop@zone:data") {
			data = id
		}
	}
	if x[web] >= x[data] {
		t.Fatalf("web at %v, data at %v", x[web], x[data])
	}
	for _, b := range old["boxes"].([]any) { // the two zones change places in the older picture
		b := b.(map[string]any)
		name := fmt.Sprint(b["id"], b["in"])
		switch shift := x[data] - x[web]; {
		case strings.Contains(name, "zone:web"):
			b["X"] = b["X"].(float64) + shift
		case strings.Contains(name, "zone:data"):
			b["X"] = b["X"].(float64) - shift
		}
	}
	text, err := json.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file("old.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	is := change("b.json", "--previous", file("old.json"))
	if x, _ = drawnBoxes(t, file("b.json")); x[web] <= x[data] {
		t.Errorf("the order of the older picture is not kept: web at %v, data at %v", x[web], x[data])
	}
	if diff := cmp.Diff(was["wires"], is["wires"]); diff != "" {
		t.Errorf("another place, other wires (-was +is):\n%s", diff)
	}
}
