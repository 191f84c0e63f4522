package checks

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var ops02 = pci.Check{
	ID: "OPS-02", Title: "significant changes are followed by a new look at scope, diagram and test", Since: "0.2.0", Severity: pci.Medium,
	Requirements: []string{"6.5.2", "12.5.2"}, Guidance: []string{"14"},
	Why:      "Scope, diagram and test say how things were. Another engine, another way in or another policy makes them untrue.",
	Fix:      "After such a change confirm the scope, draw the diagram anew and test what changed; then make the next package.",
	Evidence: "What segments, lets the outside in or enforces, object by object, against the last of the earlier packages. Metadata and status do not count.",
	Run:      runOps02,
}

func runOps02(in *pci.Input) []pci.Finding {
	ref, packages, before := history(in)
	if len(packages) == 0 {
		return noHistory("What changed since scope, diagram and test were last confirmed?")
	}
	last := packages[len(packages)-1]
	if before == nil {
		return []pci.Finding{{Status: pci.Unknown, Subject: ref, Pos: last.pos, Key: "input", Message: fmt.Sprintf("what changed since the package of %s is not known: its input cannot be read", last.created)}}
	}
	var changes []string
	var because []pci.Because
	now := map[string]bool{}
	controls := Controls(in.Cluster, in.Policies)
	for _, c := range controls {
		now[c.Name] = true
		word := "changed"
		switch old, had := before[c.Name]; {
		case had && old == c.Digest:
			continue
		case !had:
			word = "new"
		}
		changes = append(changes, c.Name+" ("+word+")")
		because = append(because, pci.Because{Ref: c.Object.Ref, Pos: c.Object.Pos, Msg: word})
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if !now[name] {
			changes = append(changes, name+" (gone)")
		}
	}
	if len(changes) == 0 {
		return []pci.Finding{{Status: pci.Pass, Key: "summary", Population: pci.Population{Of: len(controls), Holds: len(controls), What: "objects"}, Message: fmt.Sprintf("%d objects are as in the package of %s", len(controls), last.created)}}
	}
	slices.Sort(changes)
	return []pci.Finding{{
		Status: pci.Manual, Subject: ref, Pos: last.pos, Key: "changes", Because: tidy(because),
		Message: fmt.Sprintf("Were scope, diagram and test confirmed again? Since the package of %s there are %d changes: %s.", cmp.Or(last.created, last.name), len(changes), listedBy(changes)),
	}}
}
