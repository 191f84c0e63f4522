package draw_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

func parsed(t *testing.T, text string) *pci.Input {
	t.Helper()
	objects, problems, _ := load.Parse([]byte(text), "random.yaml", load.Limits{})
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	return input(t, objects)
}

func places(p *draw.Picture) map[string]draw.Placed {
	out := map[string]draw.Placed{}
	for _, b := range p.Boxes {
		out[b.ID] = b
	}
	return out
}

// moved is how many boxes that are in both pictures stand left, right, above or below of other neighbours of their
// frame than before.
func moved(before, after map[string]draw.Placed) int {
	side := func(all map[string]draw.Placed, a, b string) string {
		p, q := all[a], all[b]
		switch {
		case p.Y+p.H <= q.Y:
			return "above"
		case q.Y+q.H <= p.Y:
			return "below"
		case p.X < q.X:
			return "left"
		}
		return "right"
	}
	by := map[string][]string{}
	for id, b := range before {
		if _, ok := after[id]; ok && b.In != "" && b.In != "cluster" {
			by[b.In] = append(by[b.In], id)
		}
	}
	n := 0
	for _, ids := range by {
		slices.Sort(ids)
		for i, a := range ids {
			for _, b := range ids[:i] {
				if side(before, a, b) != side(after, a, b) {
					n++
				}
			}
		}
	}
	return n
}

// A workload more, and the rest stays where it was.
func TestPreviousKeepsPlaces(t *testing.T) {
	free, held, changed := 0, 0, 0
	for seed := range uint64(16) {
		text := manifest(rand.New(rand.NewPCG(seed, 1)), 14+int(seed)*2)
		more := fmt.Sprintf("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: an-extra-one, namespace: ns0}\nspec:\n  selector: {matchLabels: {app: x}}\n  template:\n    metadata: {labels: {app: x, tier: front}}\n    spec: {containers: [{name: a-container-of-some-width, image: x, ports: [{containerPort: %d}]}]}\n", 8000+seed)
		before := picture(t, parsed(t, text), draw.Options{Budget: 1000})
		after := parsed(t, text+more)
		plain := picture(t, after, draw.Options{Budget: 1000})
		kept := picture(t, after, draw.Options{Budget: 1000, Previous: places(before)})
		check(t, kept)
		if bad := draw.Check(kept.Graph); len(bad) > 0 {
			t.Errorf("seed %d: %s", seed, bad[0])
		}
		was := places(before)
		a, b := moved(was, places(plain)), moved(was, places(kept))
		free, held = free+a, held+b
		if a > 0 {
			changed++
		}
	}
	t.Logf("pairs of boxes that stand to each other in another way: %d, and %d with the places before (%d of 16 pictures change)", free, held, changed)
	if free == 0 {
		t.Fatal("nothing moves by itself, so this test shows nothing")
	}
	if 10*held > free {
		t.Errorf("%d pairs moved with the places before, %d without", held, free)
	}
}

// The picture of the same input with its own places is the same picture.
func TestPreviousOfTheSame(t *testing.T) {
	for seed := range uint64(10) {
		in := random(t, seed, 30)
		p := picture(t, in, draw.Options{})
		if n := moved(places(p), places(picture(t, in, draw.Options{Previous: places(p)}))); n > 0 {
			t.Errorf("seed %d: %d pairs moved", seed, n)
		}
	}
}
