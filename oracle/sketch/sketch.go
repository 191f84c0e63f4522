// Package sketch is random API objects as trees of maps and lists, for kinds where it matters how a thing is
// written: a list that is empty, null or absent. Every construct that is drawn is noted together with what
// could stand in its place, so that a test can ask whether it decided anything.
package sketch

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Object is an API object or a part of one.
type Object = map[string]any

// Draw is one random cluster in the making.
type Draw struct {
	*rand.Rand
	Objects []Object
	Sites   []Site
}

// Site is one construct in one object.
type Site struct {
	Construct string
	// Replace puts something else in its place, until restore is called.
	Replace func() (restore func())
}

// Pick is one of a list.
func Pick[T any](d *Draw, xs ...T) T { return xs[d.IntN(len(xs))] }

// Often is true n times of m.
func (d *Draw) Often(n, m int) bool { return d.IntN(m) < n }

// Note says that m holds a construct at key. instead is what could stand there; nil for nothing at all.
func (d *Draw) Note(construct string, m Object, key string, instead any) {
	d.Sites = append(d.Sites, Site{construct, func() func() {
		old, was := m[key]
		if instead == nil {
			delete(m, key)
		} else {
			m[key] = instead
		}
		return func() {
			delete(m, key)
			if was {
				m[key] = old
			}
		}
	}})
}

// NoteItem is Note for an item of a list.
func (d *Draw) NoteItem(construct string, list []any, i int, instead any) {
	d.Sites = append(d.Sites, Site{construct, func() func() {
		old := list[i]
		list[i] = instead
		return func() { list[i] = old }
	}})
}

// NoteObject is Note for the presence of the last object that was added.
func (d *Draw) NoteObject(construct string) {
	i := len(d.Objects) - 1
	d.Sites = append(d.Sites, Site{construct, func() func() {
		old := d.Objects[i]
		d.Objects[i] = nil
		return func() { d.Objects[i] = old }
	}})
}

// Add puts an object into the cluster.
func (d *Draw) Add(apiVersion, kind, namespace, name string, rest Object) Object {
	meta := Object{"name": name}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	o := Object{"apiVersion": apiVersion, "kind": kind, "metadata": meta}
	for k, v := range rest {
		o[k] = v
	}
	d.Objects = append(d.Objects, o)
	return o
}

// JSON is the objects, each a document.
func (d *Draw) JSON() [][]byte {
	var out [][]byte
	for _, o := range d.Objects {
		if o == nil {
			continue
		}
		b, err := json.Marshal(o)
		if err != nil {
			panic(err) // maps, lists, texts and numbers only
		}
		out = append(out, b)
	}
	return out
}

// YAML is the objects for people.
func (d *Draw) YAML() string {
	var out strings.Builder
	for _, b := range d.JSON() {
		y, err := yaml.JSONToYAML(b)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&out, "---\n%s", y)
	}
	return out.String()
}

// Tally counts how often each construct was drawn, how often something else was put in its place, how often that
// changed a verdict, and how often a verdict on which ours is decided.
type Tally struct{ Drawn, Tried, Decided, Compared map[string]int }

// NewTally is a tally of which nothing was counted.
func NewTally() *Tally {
	return &Tally{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}}
}

// Count counts the constructs of a cluster.
func (t *Tally) Count(d *Draw) {
	for _, s := range d.Sites {
		t.Drawn[s.Construct]++
	}
}

// Next gives up to n sites of d whose constructs were seen to decide least.
func (t *Tally) Next(d *Draw, n int) []Site {
	sites := slices.Clone(d.Sites)
	d.Shuffle(len(sites), func(i, j int) { sites[i], sites[j] = sites[j], sites[i] })
	slices.SortStableFunc(sites, func(a, b Site) int {
		return cmp.Or(cmp.Compare(t.Decided[a.Construct], t.Decided[b.Construct]), cmp.Compare(t.Tried[a.Construct], t.Tried[b.Construct]))
	})
	return sites[:min(n, len(sites))]
}

// Tell counts a construct that was replaced.
func (t *Tally) Tell(s Site, decided, compared bool) {
	t.Tried[s.Construct]++
	if decided {
		t.Decided[s.Construct]++
	}
	if compared {
		t.Compared[s.Construct]++
	}
}

// Report prints the counts. It fails for every construct of want and inert that was never drawn, for every one
// that was drawn and is in neither, and when deciding is set for every one of want that never decided a packet.
func (t *Tally) Report(tb testing.TB, want, inert []string, deciding bool) {
	tb.Helper()
	for c := range t.Drawn {
		if !slices.Contains(want, c) && !slices.Contains(inert, c) {
			tb.Errorf("%q is drawn, and is not in the list of constructs", c)
		}
	}
	for _, c := range slices.Sorted(slices.Values(slices.Concat(want, inert))) {
		switch {
		case t.Drawn[c] == 0:
			tb.Errorf("%q was never drawn", c)
		case deciding && t.Decided[c] == 0 && !slices.Contains(inert, c):
			tb.Errorf("%q was drawn %d times and never decided a packet", c, t.Drawn[c])
		}
		tb.Logf("%6d drawn %5d tried %5d decided %5d compared  %s", t.Drawn[c], t.Tried[c], t.Decided[c], t.Compared[c], c)
	}
}

// Cases reads how many packets to try; the long run sets BULKHEAD_ORACLE_CASES.
func Cases(tb testing.TB, everyday int) int {
	return int(number(tb, "BULKHEAD_ORACLE_CASES", uint64(everyday)))
}

// Seed reads the seed of the run.
func Seed(tb testing.TB) uint64 { return number(tb, "BULKHEAD_ORACLE_SEED", 1) }

func number(tb testing.TB, name string, otherwise uint64) uint64 {
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}
