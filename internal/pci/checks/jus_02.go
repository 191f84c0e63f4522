package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var jus02 = pci.Check{
	ID: "JUS-02", Title: "every need is complete, and approved by somebody else", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"1.2.5", "6.5.1"}, Guidance: []string{"14"},
	Why: "A line of the register is worth what its approval is worth: by whom, when, for which change, and not by the one who asked for it.",
	Fix: "Give each need owner, approver, approved, ticket, dataClass and review; take proposed away once it is approved.",
	Evidence: "The fields of each need of the register. Whether the approver really approved, and who changed the file, stands in the ticket and in the " +
		"file's history.",
	Run: runJus02,
}

func runJus02(in *pci.Input) []pci.Finding {
	var nameless []pci.Because
	out := eachNeed(in, pci.High, "complete, and approved by somebody else", func(n *pci.Need) *pci.Finding {
		var missing []string
		for _, f := range [...][2]string{
			{"owner", n.Owner}, {"approver", n.Approver}, {"approved", n.Approved}, {"ticket", n.Ticket}, {"dataClass", n.DataClass}, {"review", n.Review + n.Reviewed},
		} {
			if strings.TrimSpace(f[1]) == "" {
				missing = append(missing, f[0])
			}
		}
		same := func(a string) bool {
			return a != "" && strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(n.Approver))
		}
		if n.Author == "" {
			nameless = append(nameless, pci.Because{Ref: n.Ref, Pos: n.Pos, Msg: "need " + n.ID + " names no author"})
		}
		fix := &pci.Fix{Text: "complete the entry, and have somebody approve it who did not ask for it"}
		switch {
		case len(missing) > 0:
			return &pci.Finding{Status: pci.Fail, Key: "missing", Fix: fix, Message: "has no " + strings.Join(missing, ", ")}
		case same(n.Author), n.Author == "" && same(n.Owner):
			return &pci.Finding{Status: pci.Fail, Key: "same", Fix: fix, Message: fmt.Sprintf("is approved by %s, who asked for it", n.Approver)}
		case in.Today == "":
			return &pci.Finding{Status: pci.Unknown, Key: "day", Message: fmt.Sprintf("was approved on %s, and the day to judge by is not given", n.Approved)}
		case n.Approved > in.Today:
			return &pci.Finding{Status: pci.Fail, Key: "later", Fix: fix, Message: fmt.Sprintf("is said to be approved on %s, which is yet to come", n.Approved)}
		}
		return nil
	})
	if in.Intent == nil {
		return out
	}
	for i := range in.Intent.Proposed {
		n := &in.Intent.Proposed[i]
		out = append(out, pci.Finding{
			Status: pci.Fail, Subject: n.Ref, Pos: n.Pos, Key: n.ID + " proposed", Severity: needSeverity(in, n, pci.High),
			Message: fmt.Sprintf("need %s is proposed, and nobody has approved it", n.ID), Fix: &pci.Fix{Text: "approve it and take proposed away, or close the connection"},
		})
	}
	if len(nameless) > 0 {
		out = append(out, pci.Finding{Status: pci.Manual, Severity: pci.Medium, Key: "author", Because: tidy(nameless), Message: fmt.Sprintf("Who asked for them, and was it not the approver? %d needs name no author; the history of the file tells.", len(nameless))})
	}
	return out
}
