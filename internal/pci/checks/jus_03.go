package checks

import (
	"fmt"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var jus03 = pci.Check{
	ID: "JUS-03", Title: "rules and needs were reviewed within six months", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"1.2.7"}, Guidance: []string{"14"},
	Why: "Rules outlive their reasons. A review every six months is when somebody notices, and says so with name and day.",
	Fix: "Review the need with its owner, write reviewed, reviewer and the next review, and record the review of the whole ruleset under reviews.",
	Evidence: "The day until which each need must be reviewed: the one it states, and not later than the period after its last review or approval; and the " +
		"reviews that the Segmentation records. The last 30 days before count as a question.",
	Run: runJus03,
}

func runJus03(in *pci.Input) []pci.Finding {
	today, err := time.Parse(time.DateOnly, in.Today)
	warn := today.AddDate(0, 0, soon).Format(time.DateOnly)
	out := eachNeed(in, pci.High, "reviewed in time, by the day of judgement", func(n *pci.Need) *pci.Finding {
		due := in.Intent.ReviewDue(n)
		fix := &pci.Fix{Text: "review it with its owner and write reviewed, reviewer and the next review, or take it out"}
		switch {
		case due == "":
			return &pci.Finding{Status: pci.Fail, Key: "never", Fix: fix, Message: "states no day of a review"}
		case n.Reviewed != "" && n.Reviewer == "":
			return &pci.Finding{Status: pci.Fail, Key: "reviewer", Fix: fix, Message: fmt.Sprintf("was reviewed on %s, and by whom it does not say", n.Reviewed)}
		case err != nil:
			return &pci.Finding{Status: pci.Unknown, Key: "day", Message: fmt.Sprintf("is to be reviewed until %s, and the day to judge by is not given", due)}
		case n.Reviewed > in.Today:
			return &pci.Finding{Status: pci.Fail, Key: "later", Fix: fix, Message: fmt.Sprintf("is said to be reviewed on %s, which is yet to come", n.Reviewed)}
		case due < in.Today:
			return &pci.Finding{Status: pci.Fail, Key: "late", Fix: fix, Message: fmt.Sprintf("was to be reviewed until %s", due)}
		case due <= warn:
			return &pci.Finding{Status: pci.Manual, Key: "soon", Message: fmt.Sprintf("is to be reviewed until %s. Who does it?", due)}
		}
		return nil
	})
	if len(registered(in)) == 0 {
		return out
	}
	for _, d := range in.Intent.Dues() {
		if d.Of != "rules" {
			continue
		}
		f := pci.Finding{Key: "rules", Subject: in.Intent.Objects[0].Ref, Pos: in.Intent.Objects[0].Pos}
		switch {
		case d.Last == nil:
			f.Status, f.Message = pci.Manual, fmt.Sprintf("When was the whole ruleset last reviewed, and by whom? No review of rules is recorded; it is due every %d months.", d.Months)
		case err != nil:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("the review of all rules is due until %s, and the day to judge by is not given", d.Until)
		case d.Until < in.Today:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("the last review of all rules was on %s, and the next was due until %s", d.Last.Done, d.Until)
			f.Fix = &pci.Fix{Text: "review the ruleset (bulkhead assess, and diff against the last package) and record it under reviews"}
		case d.Until <= warn:
			f.Status, f.Message = pci.Manual, fmt.Sprintf("the review of all rules is due until %s. Who does it?", d.Until)
		default:
			continue
		}
		if d.Last != nil {
			f.Subject, f.Pos = d.Last.Ref, d.Last.Pos
		}
		out = append(out, f)
	}
	return out
}
