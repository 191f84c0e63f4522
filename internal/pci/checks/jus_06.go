package checks

import (
	"fmt"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var jus06 = pci.Check{
	ID: "JUS-06", Title: "every exception is sound, needed and in force", Since: "0.2.0", Severity: pci.Medium,
	Requirements: []string{"1.2.7"}, Guidance: []string{"14"},
	Why: "An exception that ended, names nothing or is written wrongly looks like an approval and is none. One that nothing needs any more waits for the " +
		"next mistake and excuses it in advance.",
	Fix:      "Renew it with a new approval, mend what it excused, or take it out.",
	Evidence: "Each exception of the Segmentation: matched, unused, expired or invalid, by the findings of this run and the day of judgement.",
	After:    runJus06,
}

func runJus06(in *pci.Input, all []pci.ExceptionResult) []pci.Finding {
	today, err := time.Parse(time.DateOnly, in.Today)
	var found []pci.Finding
	for i, x := range all {
		f := pci.Finding{Subject: segmentation(in, x.Pos), Pos: x.Pos, Key: fmt.Sprint(x.ID, " ", i)}
		switch {
		case x.State == pci.Invalid:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("exception %s accepts nothing: %s", x.ID, x.Fault)
			f.Fix = &pci.Fix{Text: "mend it, or take it out"}
		case err != nil:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("exception %s ends on %s, and the day to judge by is not given", x.ID, x.Expires)
		case x.State == pci.Expired:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("exception %s ended on %s", x.ID, x.Expires)
			f.Fix = &pci.Fix{Text: "renew it with a new approval, or take it out"}
		case x.State == pci.Unused:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("exception %s is not needed: %s finds nothing about %s", x.ID, x.Check, x.Subject)
			f.Fix = &pci.Fix{Text: "take it out"}
		case x.Expires <= today.AddDate(0, 0, soon).Format(time.DateOnly):
			f.Status, f.Message = pci.Manual, fmt.Sprintf("exception %s ends on %s. Who mends what it excuses?", x.ID, x.Expires)
		default:
			continue
		}
		found = append(found, f)
	}
	return withSummary(found, len(all), len(all)-len(found), "exceptions", "sound, needed and in force")
}

// segmentation is the object of the intent that a place is in.
func segmentation(in *pci.Input, pos object.Pos) (ref object.Ref) {
	if in.Intent == nil {
		return ref
	}
	for _, o := range in.Intent.Objects {
		if o.Pos.File == pos.File && o.Pos.Line <= pos.Line {
			ref = o.Ref
		}
	}
	return ref
}
