package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var cni02 = pci.Check{
	ID: "CNI-02", Title: "enforcement is switched on", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"1.3.1", "1.3.2"}, Guidance: []string{"4.1"},
	Why:      "Engines have switches that turn enforcement off or only record what they would have done. The policies look the same then.",
	Fix:      "Switch enforcement on, and audit-only modes off.",
	Evidence: "The switch, with file and line.",
	Run: func(in *pci.Input) []pci.Finding {
		p := in.Profile
		f := pci.Finding{Because: evidence(p), Key: p.Name}
		switch {
		case p.Stated && p.Enforces == enforcer.Yes && len(p.Because) == 0:
			f.Status = pci.Manual
			f.Message = "The engine " + p.Name + " was stated, not read: are its switches for enforcement on, and its audit mode off?"
		case p.Enforces == enforcer.Yes:
			f.Status = pci.Pass
			f.Message = "no switch in the input turns the enforcement of " + p.Name + " off"
		case p.Enforces == enforcer.No && len(p.Because) > 0:
			f.Status = pci.Fail
			f.Message = p.Name + " is here and does not enforce policies"
			f.Pos = p.Because[0].Pos
			f.Fix = &pci.Fix{Text: "switch enforcement on"}
		case p.Enforces == enforcer.No:
			f.Status = pci.NotApplicable
			f.Message = "there is no engine that could be switched on (CNI-01)"
		default:
			f.Status = pci.Unknown
			f.Message = "the engine is not known (CNI-01), and so neither are its switches"
		}
		return []pci.Finding{f}
	},
}
