package draw_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// clutter is what makes a picture hard to follow.
type clutter struct{ wires, bends, crossings int }

func clutterOf(p *draw.Picture) clutter {
	c := clutter{wires: len(p.Routes)}
	type line struct {
		wire   int
		at     int // across
		lo, hi int
	}
	var flat, steep []line
	for i, r := range p.Routes {
		for _, path := range r.Paths {
			c.bends += max(0, len(path)-2)
			for k := 1; k < len(path); k++ {
				a, b := path[k-1], path[k]
				if a.Y == b.Y {
					flat = append(flat, line{i, a.Y, min(a.X, b.X), max(a.X, b.X)})
				} else {
					steep = append(steep, line{i, a.X, min(a.Y, b.Y), max(a.Y, b.Y)})
				}
			}
		}
	}
	slices.SortFunc(steep, func(a, b line) int { return a.at - b.at })
	for _, f := range flat {
		from, _ := slices.BinarySearchFunc(steep, f.lo+1, func(s line, at int) int { return s.at - at })
		for _, s := range steep[from:] {
			if s.at >= f.hi {
				break
			}
			if s.wire != f.wire && s.lo < f.at && f.at < s.hi {
				c.crossings++
			}
		}
	}
	return c
}

func (c clutter) String() string {
	return fmt.Sprintf("%d wires, %d bends, %d crossings", c.wires, c.bends, c.crossings)
}

// noRise holds the counts of pictures against those of the version before, which may only fall. A change that is
// better on the whole and costs some picture a little needs BULKHEAD_UPDATE, and shows in the review.
func noRise(t *testing.T, file string, names []string, got map[string]clutter) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if os.Getenv("BULKHEAD_UPDATE") != "" {
		var text strings.Builder
		var sum clutter
		for _, n := range names {
			fmt.Fprintf(&text, "%s: %s\n", n, got[n])
			sum = clutter{sum.wires + got[n].wires, sum.bends + got[n].bends, sum.crossings + got[n].crossings}
		}
		fmt.Fprintf(&text, "all: %s\n", sum)
		if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	was := map[string]clutter{}
	for line := range strings.Lines(string(data)) {
		name, counts, _ := strings.Cut(line, ": ")
		var c clutter
		if _, err := fmt.Sscanf(counts, "%d wires, %d bends, %d crossings", &c.wires, &c.bends, &c.crossings); err != nil {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
		was[name] = c
	}
	for _, n := range names {
		if old, ok := was[n]; !ok || got[n].bends > old.bends || got[n].crossings > old.crossings {
			t.Errorf("%s: %s, and before %s", n, got[n], old)
		}
	}
}
