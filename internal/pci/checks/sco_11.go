package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var sco11 = pci.Check{
	ID: "SCO-11", Title: "production and the rest, and tenants among each other, have no connection", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"6.5.3", "A1.1.1"}, Guidance: []string{"16.1"}, NeedsScope: true,
	Why: "Test systems are less guarded than production and often run what nobody has reviewed. Tenants do not trust each other at all. A connection " +
		"between them carries the weaknesses of one side to the other.",
	Fix: "Isolate the namespaces and allow connections within an environment and a tenant only.",
	Evidence: "For workloads of zones whose environment is production and of zones with another one, and for workloads of zones with different tenants, " +
		"the connections that policies allow, both ways. Zones that state neither are not judged.",
	Run: runSco11,
}

const production = "production"

// parted says why two zones must have no connection, "" when nothing says so.
func parted(a, b *pci.Zone) string {
	switch {
	case a == nil || b == nil:
		return ""
	case a.Tenant != "" && b.Tenant != "" && a.Tenant != b.Tenant:
		return fmt.Sprintf("tenants %s and %s", a.Tenant, b.Tenant)
	case a.Environment != "" && b.Environment != "" && a.Environment != b.Environment && (a.Environment == production || b.Environment == production):
		return fmt.Sprintf("environments %s and %s", a.Environment, b.Environment)
	}
	return ""
}

func runSco11(in *pci.Input) []pci.Finding {
	var marked []*cluster.Workload
	for _, w := range in.Cluster.Workloads {
		if z := in.Scope.Zone(w); z != nil && z.Environment+z.Tenant != "" {
			marked = append(marked, w)
		}
	}
	if len(marked) == 0 {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: "Does the cluster hold test or other systems that are not production, or workloads of several tenants? Zones state it by environment and tenant."}}
	}
	of, holds := 0, 0
	var found []pci.Finding
	for _, w := range marked {
		zone := in.Scope.Zone(w)
		foreign := 0
		for _, o := range marked {
			if parted(zone, in.Scope.Zone(o)) != "" {
				foreign++
			}
		}
		if foreign == 0 {
			continue
		}
		of++
		sure := pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Fail, Key: "sure"}
		maybe := pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Unknown, Key: "maybe"}
		var sureNames, maybeNames []string
		var why string
		for _, e := range in.Model.Reaches(w, policy.Ingress) {
			text := parted(zone, in.Scope.Zone(e.Src.Workload))
			switch {
			case text == "":
			case !e.Must.IsEmpty():
				sureNames, why = append(sureNames, e.Src.Workload.Ref.String()), text
				if sure.Witness == nil {
					sure.Witness = pci.WitnessOf(in.Model.Witness(e.Src, e.Dst, e.Must))
				}
				if len(sureNames) <= enough {
					sure.Because = append(sure.Because, letThrough(in.Model, e.Src, e.Dst, e.Must)...)
				}
			default:
				if maybeNames = append(maybeNames, e.Src.Workload.Ref.String()); len(maybeNames) <= enough {
					maybe.Because = append(maybe.Because, pci.ReasonsOf(in.Model.Reasons(e.Src, reach.OfWorkload(w)))...)
				}
			}
		}
		if len(sureNames) > 0 {
			sure.Message = fmt.Sprintf("%d of %d that are to have no connection with it can connect to it (%s): %s", len(sureNames), foreign, why, listed(sureNames))
			sure.Because, sure.Fix = tidy(sure.Because), &pci.Fix{Text: "isolate it for ingress, and allow only its own environment and tenant"}
			found = append(found, sure)
		}
		if len(maybeNames) > 0 {
			maybe.Message = fmt.Sprintf("whether %d of %d that are to have no connection with it can connect to it is not decided: %s", len(maybeNames), foreign, listed(maybeNames))
			maybe.Because = tidy(maybe.Because)
			found = append(found, maybe)
		}
		if len(sureNames)+len(maybeNames) == 0 {
			holds++
		}
	}
	if of == 0 {
		return []pci.Finding{{Status: pci.NotApplicable, Key: "one", Message: fmt.Sprintf("all %d workloads of zones that state an environment or a tenant belong together", len(marked))}}
	}
	return withSummary(found, of, holds, "workloads", "no other environment and no other tenant can connect to them")
}

// enough is how many connections of one finding are explained.
const enough = 5
