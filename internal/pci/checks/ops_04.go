package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var ops04 = pci.Check{
	ID: "OPS-04", Title: "the earlier packages are one unbroken chain", Since: "0.2.0", Severity: pci.Medium,
	Requirements: []string{"10.3.4"}, Guidance: []string{"7.1"},
	Why: "Evidence that can be taken out, put in or exchanged afterwards shows what somebody wants it to show. Each package that names the one before it by its " +
		"digest makes that visible.",
	Fix:      "Make each package with --previous, sign it, and keep the packages where those who make them cannot change them.",
	Evidence: "Whether each earlier package names the digest of the manifest before it, in the order of their times. The files of each are checked by evidence verify.",
	Run:      runOps04,
}

func runOps04(in *pci.Input) []pci.Finding {
	ref, packages, _ := history(in)
	if len(packages) == 0 {
		return noHistory("Are the records of earlier assessments kept so that nobody can change them unseen?")
	}
	var found []pci.Finding
	for _, p := range packages {
		f := pci.Finding{Subject: ref, Pos: p.pos, Key: p.name + " " + p.created}
		switch p.state {
		case "first", "follows":
			continue
		case "broken":
			f.Status, f.Message = pci.Fail, fmt.Sprintf("package %s of %s names another package than the one before it, or is older: one was exchanged or taken out", p.name, p.created)
			f.Fix = &pci.Fix{Text: "find the missing package, and verify all of them"}
		default:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("package %s of %s names no package before it, so whether one was taken out is not known", p.name, p.created)
		}
		found = append(found, f)
	}
	return withSummary(found, len(packages), len(packages)-len(found), "earlier packages", "each names the one before it")
}
