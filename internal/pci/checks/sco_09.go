package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var sco09 = pci.Check{
	ID: "SCO-09", Title: "the scope is confirmed, in time and as it is", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"12.5.2", "12.5.2.1", "6.5.2"}, Guidance: []string{"16.1"}, NeedsScope: true,
	Why: "The scope is to be confirmed every twelve months, by service providers every six, and after every significant change. A confirmation of " +
		"another scope than that of today confirms nothing.",
	Fix: "Look at the output of bulkhead scope, have someone answerable confirm it, and write the day and the digest down as a review of the scope.",
	Evidence: "The last review of the scope in the Segmentation, its day held against the period, and the digest it names against that of today. The " +
		"digest stands for the declared and computed classes of everything that is or may be in scope. Whether the record is signed is not seen " +
		"here: evidence sign signs the package that holds it.",
	Run: runSco09,
}

func runSco09(in *pci.Input) []pci.Finding {
	digest := in.Scope.Digest(in.Computed)
	if in.Intent == nil {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: "When was the scope last confirmed, and by whom? No Segmentation in the input records it. The digest of today is " + digest + "."}}
	}
	for _, due := range in.Intent.Dues() {
		if due.Of != "scope" {
			continue
		}
		f := pci.Finding{Status: pci.Fail, Key: "confirmed", Requirements: []string{due.Requirement, "6.5.2"}}
		f.Fix = &pci.Fix{Text: fmt.Sprintf("confirm the scope and add to reviews: {of: scope, done: ..., by: ..., digest: %q}", digest)}
		if len(in.Intent.Objects) > 0 {
			f.Subject, f.Pos = in.Intent.Objects[0].Ref, in.Intent.Objects[0].Pos
		}
		if due.Last == nil {
			f.Message = fmt.Sprintf("no confirmation of the scope is recorded; one is due every %d months", due.Months)
			return []pci.Finding{f}
		}
		f.Subject, f.Pos = due.Last.Ref, due.Last.Pos
		last := fmt.Sprintf("%s confirmed the scope on %s", due.Last.By, due.Last.Done)
		switch {
		case due.Last.Digest != "" && due.Last.Digest != digest:
			f.Message = last + ", and it has changed since: classes of workloads in scope are others now"
			f.Because = []pci.Because{{Ref: f.Subject, Pos: f.Pos, Msg: "names " + due.Last.Digest + "; today it is " + digest}}
		case in.Today == "":
			f.Status, f.Fix, f.Message = pci.Unknown, nil, last+"; whether that is in time is not known, as no day to judge by is"
		case due.Last.Done > in.Today:
			f.Status, f.Fix, f.Message = pci.Unknown, nil, last+", which is after the day that is judged by, "+in.Today
		case due.Until < in.Today:
			f.Message = fmt.Sprintf("%s; the next confirmation was due on %s", last, due.Until)
		case due.Last.Digest == "":
			f.Status, f.Message = pci.Manual, last+", without a digest. Was it the scope of today? Its digest is "+digest+"."
		default:
			f.Status, f.Fix, f.Key = pci.Pass, nil, "summary"
			f.Message = fmt.Sprintf("%s, as it is today; the next confirmation is due on %s", last, due.Until)
			f.Population = pci.Population{Of: 1, Holds: 1, What: "confirmations"}
		}
		return []pci.Finding{f}
	}
	return nil
}
