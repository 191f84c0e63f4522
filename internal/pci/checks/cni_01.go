package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var cni01 = pci.Check{
	ID: "CNI-01", Title: "an engine enforces the policies", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"1.2.1", "1.4.1"}, Guidance: []string{"4.1"},
	Why:      "The API server stores policies and enforces none. Without an engine that does, they are documents, not controls.",
	Fix:      "Run a network plugin that enforces NetworkPolicy. When it is not part of the input, state it with --enforcer.",
	Evidence: "The engine, and the objects of the cluster that show it, with file and line; or that a person stated it.",
	Run: func(in *pci.Input) []pci.Finding {
		p := in.Profile
		f := pci.Finding{Status: pci.Pass, Because: evidence(p), Key: p.Name}
		switch p.Enforces {
		case enforcer.Yes:
			f.Message = p.Name + " enforces NetworkPolicy"
			switch {
			case p.Stated && len(p.Because) > 0:
				f.Message += ", as stated, and its agent is in the input"
			case p.Stated:
				f.Message += ", as stated; the input was not asked"
			}
		case enforcer.No:
			f.Status = pci.Fail
			f.Message = "nothing enforces policies: with the engine " + p.Name + " every connection is open, whatever the policies say"
			f.Fix = &pci.Fix{Text: "run a network plugin that enforces NetworkPolicy"}
		case enforcer.Unknown:
			f.Status = pci.Unknown
			f.Message = "which engine enforces policies can not be seen in the input, so no policy is certain to have an effect"
			if len(p.Because) > 0 {
				f.Message = "which engine enforces policies is not clear from what the input shows"
			}
			if p.Stated && p.Name != "unknown" {
				f.Message = p.Name + " was stated, and the input shows what speaks against it, so no policy is certain to have an effect"
			}
			f.Fix = &pci.Fix{Text: fmt.Sprintf("state the engine with --enforcer (one of %s), or add its objects to the input", namesList())}
		}
		return []pci.Finding{f}
	},
}

func namesList() string {
	var s strings.Builder
	for i, n := range enforcer.Names() {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(n)
	}
	return s.String()
}

func evidence(p enforcer.Profile) []pci.Because {
	var out []pci.Because
	for _, e := range p.Because {
		out = append(out, pci.Because{Ref: e.Ref, Pos: e.Pos, Msg: e.Msg})
	}
	return out
}
