package checks

import (
	"fmt"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var ops03 = pci.Check{
	ID: "OPS-03", Title: "the cardholder data environment was isolated at all times that were looked at", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"1.3.1", "1.3.2"}, Guidance: []string{"4.1"},
	Why: "A result of today says nothing of last month. A row of results does, with its gaps written beside it.",
	Fix: "Make packages more often, on one chain (evidence create --previous), and mend what failed in between.",
	Evidence: "What the earlier packages say of DEN-01, DEN-02, CNI-01, CNI-02 and SCO-03, package by package, with the longest time between two. Between two " +
		"packages nothing was seen. Verify each package for itself.",
	Run: runOps03,
}

func runOps03(in *pci.Input) []pci.Finding {
	ref, packages, _ := history(in)
	if len(packages) == 0 {
		return noHistory("Was the cardholder data environment isolated at all times since the last assessment?")
	}
	var found []pci.Finding
	var asked []pci.Because
	holds := 0
	for _, p := range packages {
		var bad, open []string
		for _, id := range []string{"DEN-01", "DEN-02", "CNI-01", "CNI-02", "SCO-03"} {
			switch p.checks[id] {
			case "pass", "accepted", "not-applicable":
			case "fail":
				bad = append(bad, id)
			case "manual": // of the engine: it was stated, and a person answers for it
				if id == "CNI-01" || id == "CNI-02" {
					asked = append(asked, pci.Because{Ref: ref, Pos: p.pos, Msg: id + " was left to a person on " + p.created})
					continue
				}
				open = append(open, id)
			default:
				open = append(open, id)
			}
		}
		f := pci.Finding{Subject: ref, Pos: p.pos, Key: p.name + " " + p.created}
		switch {
		case len(bad) > 0:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("on %s it was not isolated: %s failed", p.created, listed(bad))
		case len(open) > 0:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("on %s it was not decided whether it was isolated: %s", p.created, listed(open))
		case p.state == "gap" || p.state == "broken":
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("the package of %s does not follow the one before it (%s), so the row is not one", p.created, p.state)
		default:
			holds++
			continue
		}
		found = append(found, f)
	}
	gap := 0
	for i := 1; i < len(packages); i++ {
		a, err := time.Parse(time.RFC3339, packages[i-1].created)
		b, err2 := time.Parse(time.RFC3339, packages[i].created)
		if err == nil && err2 == nil {
			gap = max(gap, int(b.Sub(a).Hours()/24))
		}
	}
	sentence := fmt.Sprintf("isolated each time, from %s to %s; the longest time without a look was %d days", packages[0].created, packages[len(packages)-1].created, gap)
	out := withSummary(found, len(packages), holds, "earlier packages", sentence)
	if len(asked) > 0 {
		out = append(out, pci.Finding{Status: pci.Manual, Subject: ref, Pos: packages[0].pos, Key: "engine", Because: tidy(asked), Message: "Did somebody confirm each time that the engine enforced? It was stated, and not seen, in the earlier packages."})
	}
	return out
}
