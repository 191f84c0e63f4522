package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var jus08 = pci.Check{
	ID: "JUS-08", Title: "every declared flow of account data has its way in the network", Since: "0.2.0", Severity: pci.Medium,
	Requirements: []string{"1.2.4"}, Guidance: []string{"14"}, NeedsScope: true,
	Why: "The data-flow diagram is drawn from the needs that carry account data. One that has no way in the network means that the diagram is wrong, or " +
		"that the data goes another way, which nobody has drawn.",
	Fix: "Find out which way the data goes, and declare that one; give every need its dataClass.",
	Evidence: "Needs with dataClass account-data, and whether policies certainly allow a connection for each; needs of the environment without a dataClass " +
		"are asked about. bulkhead map draws the diagram from the same needs. Where account data is, a person has to know: no data is searched.",
	Run: runJus08,
}

func runJus08(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	var silent []pci.Because
	of := 0
	for _, n := range registered(in) {
		if n.DataClass == "" && touches(in, n) {
			silent = append(silent, pci.Because{Ref: n.Ref, Pos: n.Pos, Msg: "need " + n.ID + " states no dataClass"})
		}
		if n.DataClass != "account-data" {
			continue
		}
		of++
		b, _, _ := needFlows(in, n)
		f := pci.Finding{Subject: n.Ref, Pos: n.Pos, Key: n.ID, Severity: needSeverity(in, n, pci.Medium)}
		switch {
		case !b.Must.IsEmpty():
			continue
		case b.May.IsEmpty():
			f.Status, f.Message = pci.Fail, fmt.Sprintf("need %s carries account data, and nothing is allowed from %s to %s on %s", n.ID, n.From, n.To, n.Conns)
			f.Fix = &pci.Fix{Text: "declare the way that the data really goes"}
		default:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("need %s carries account data, and whether anything is allowed from %s to %s is not decided", n.ID, n.From, n.To)
		}
		found = append(found, f)
	}
	var ask []pci.Finding
	cde := in.Scope.Of(pci.CDE, pci.CDEStore)
	switch {
	case len(silent) > 0:
		ask = append(ask, pci.Finding{Status: pci.Manual, Key: "class", Because: tidy(silent), Message: fmt.Sprintf("Do they carry account data? %d needs of the cardholder data environment state no dataClass.", len(silent))})
	case of == 0 && len(cde) > 0:
		return []pci.Finding{{Status: pci.Manual, Key: "none", Message: "On which ways does account data flow? No need is declared to carry it, and the cardholder data environment is not empty."}}
	}
	return append(withSummary(found, of, of-len(found), "flows of account data", "have their way in the network"), ask...)
}
