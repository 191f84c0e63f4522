package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var cni04 = pci.Check{
	ID: "CNI-04", Title: "no policy is of a kind the engine ignores", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.8"}, Guidance: []string{"4.1"},
	Why: "A policy of another engine's kind, or a staged one, is accepted by the API server and does nothing. " +
		"The files then promise a control that the network does not have.",
	Fix:      "Write the policy in a kind that the engine honours, or run the engine it was written for.",
	Evidence: "Each policy without effect, with file and line, and the engine that ignores it.",
	Run: func(in *pci.Input) []pci.Finding {
		var found []pci.Finding
		of, holds, unsure := 0, 0, 0
		judge := func(ref object.Ref, pos object.Pos) {
			of++
			f := pci.Finding{Subject: ref, Pos: pos, Because: []pci.Because{{Ref: ref, Pos: pos, Msg: "kind " + ref.Kind + " of group " + ref.Group}}}
			switch in.Profile.Honours(ref.GroupKind()) {
			case enforcer.Yes:
				holds++
				return
			case enforcer.No:
				f.Status = pci.Fail
				f.Message = fmt.Sprintf("has no effect: %s does not enforce %s objects of group %s", in.Profile.Name, ref.Kind, ref.Group)
				f.Fix = &pci.Fix{Text: "rewrite it in a kind that the engine honours, or delete it"}
				if in.Profile.Enforces == enforcer.No {
					f.Message = "has no effect: nothing enforces policies here"
					f.Fix = &pci.Fix{Text: "run an engine that enforces it"}
				}
			case enforcer.Unknown:
				if unsure++; in.Profile.Enforces == enforcer.Unknown {
					return // one statement for all of them
				}
				f.Status = pci.Unknown
				f.Message = fmt.Sprintf("it is not known whether %s objects of group %s are enforced here", ref.Kind, ref.Group)
			}
			found = append(found, f)
		}
		for _, p := range in.Policies.Policies {
			judge(p.Ref, p.Pos)
		}
		for _, o := range in.Policies.Opaque {
			judge(o.Ref, o.Pos)
		}
		for _, o := range in.Cluster.Objects {
			if strings.HasPrefix(o.Ref.Kind, "Staged") && strings.HasSuffix(o.Ref.Group, "projectcalico.org") {
				judge(o.Ref, o.Pos) // compiles to no policy
			}
		}
		if unsure > 0 && in.Profile.Enforces == enforcer.Unknown {
			found = append(found, pci.Finding{Status: pci.Unknown, Key: "engine", Message: fmt.Sprintf("the engine is not known (CNI-01), and so neither is whether it honours %d of the %d policies", unsure, of)})
		}
		return withSummary(found, of, holds, "policies", "are of a kind that "+in.Profile.Name+" enforces")
	},
}
