package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

var cni04 = pci.Check{
	ID: "CNI-04", Title: "no policy is of a kind the engine ignores", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.8"}, Guidance: []string{"4.1"},
	Why: "A policy of another engine's kind, or a staged one, is accepted by the API server and does nothing. So may a policy with a field " +
		"that the engine does not read. The files then promise a control that the network does not have.",
	Fix:      "Write the policy in a kind and with fields that the engine honours, or run the engine it was written for.",
	Evidence: "Each policy without effect, or with a field that is not read, with file and line, and the engine that ignores it.",
	Run: func(in *pci.Input) []pci.Finding {
		unread := map[object.Ref][]enforcer.Unread{}
		for _, u := range in.Profile.Unread(in.Cluster) {
			unread[u.Ref] = append(unread[u.Ref], u)
		}
		var found []pci.Finding
		of, holds, unsure := 0, 0, 0
		for _, o := range kinds.Deciding(in.Cluster, in.Policies) {
			of++
			gk := o.Ref.GroupKind()
			f := pci.Finding{Subject: o.Ref, Pos: o.Pos, Because: []pci.Because{{Ref: o.Ref, Pos: o.Pos, Msg: "kind " + o.Ref.Kind + " of group " + o.Ref.Group}}}
			switch in.Profile.Honours(gk) {
			case enforcer.Yes:
				if len(unread[o.Ref]) == 0 {
					holds++
				}
				for _, u := range unread[o.Ref] {
					found = append(found, notRead(in.Profile.Name, u))
				}
				continue
			case enforcer.No:
				f.Status = pci.Fail
				f.Message = fmt.Sprintf("has no effect: %s does not enforce %s objects of group %s", in.Profile.Name, o.Ref.Kind, o.Ref.Group)
				f.Fix = &pci.Fix{Text: "rewrite it in a kind that the engine honours, or delete it"}
				if in.Profile.Enforces == enforcer.No {
					f.Message = "has no effect: nothing enforces policies here"
					f.Fix = &pci.Fix{Text: "run an engine that enforces it"}
				}
			case enforcer.Unknown:
				if unsure++; in.Profile.Enforces == enforcer.Unknown {
					continue // one statement for all of them
				}
				f.Status = pci.Unknown
				f.Message = fmt.Sprintf("it is not known whether %s objects of group %s are enforced here", o.Ref.Kind, o.Ref.Group)
				if strings.HasSuffix(o.Ref.Group, ".istio.io") {
					f.Message = "nothing in the input shows the control plane of Istio, so it is not known whether it is enforced"
				}
			}
			found = append(found, f)
		}
		if unsure > 0 && in.Profile.Enforces == enforcer.Unknown {
			found = append(found, pci.Finding{Status: pci.Unknown, Key: "engine", Message: fmt.Sprintf("the engine is not known (CNI-01), and so neither is whether it honours %d of the %d policies", unsure, of)})
		}
		return withSummary(found, of, holds, "policies", "are of a kind that "+in.Profile.Name+" enforces")
	},
}

// notRead is the finding about a part of a policy that the engine does not surely honour.
func notRead(engine string, u enforcer.Unread) pci.Finding {
	f := pci.Finding{
		Status: pci.Fail, Subject: u.Ref, Pos: u.Pos, Key: u.Feature,
		Message: fmt.Sprintf("%s does not read %s, so it is not known what the policy does", engine, u.Feature),
		Because: []pci.Because{{Ref: u.Ref, Pos: u.Pos, Msg: u.Feature}},
		Fix:     &pci.Fix{Text: "write it without " + u.Feature},
	}
	if u.Honour == enforcer.Unknown {
		f.Status = pci.Unknown
		f.Message = fmt.Sprintf("it is not known whether %s reads %s", engine, u.Feature)
	}
	return f
}
