package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var sco04 = pci.Check{
	ID: "SCO-04", Title: "the systems declared as connected are those that can connect", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"12.5.2"}, Guidance: []string{"16.1"}, NeedsScope: true,
	Why: "The scope document is right only when it names every system that can exchange packets with the cardholder data environment. " +
		"A connected system that is declared out of scope is not protected as it must be; one that is declared connected without a " +
		"connection shows that the document is out of date.",
	Fix:      "Close the connection, or change the class of the workload to what the policies make of it.",
	Evidence: "The declared classes held against the connections that policies allow, for every workload.",
	Run:      runSco04,
}

func runSco04(in *pci.Input) []pci.Finding {
	cde := in.Scope.Of(pci.CDE, pci.CDEStore)
	var found []pci.Finding
	of, holds := 0, 0
	for _, w := range in.Cluster.Workloads {
		class := in.Scope.Class(w)
		if class.InCDE() {
			continue
		}
		of++
		f := connected(in, w, class, cde)
		if f == nil {
			holds++
			continue
		}
		found = append(found, *f)
	}
	return withSummary(found, of, holds, "workloads", "declared as the policies make them")
}

// connected holds the declared class of w against what is computed. Security-impacting workloads may have a
// connection or not.
func connected(in *pci.Input, w *cluster.Workload, class pci.Class, cde []*cluster.Workload) *pci.Finding {
	f := &pci.Finding{Subject: w.Ref, Pos: w.Pos}
	var sure, maybe []*cluster.Workload
	var reasons []pci.Because
	for _, c := range cde {
		must, may := false, false
		for _, d := range policy.Directions {
			src, dst := flow(reach.OfWorkload(c), reach.OfWorkload(w), d)
			b := in.Model.Between(src, dst)
			if !b.Must.IsEmpty() && f.Witness == nil && class != pci.ConnectedTo {
				f.Witness = pci.WitnessOf(in.Model.Witness(src, dst, b.Must))
				f.Because = letThrough(in.Model, src, dst, b.Must)
			}
			if !b.Decided() {
				reasons = append(reasons, pci.ReasonsOf(in.Model.Reasons(src, dst))...)
			}
			must, may = must || !b.Must.IsEmpty(), may || !b.May.IsEmpty()
		}
		if must {
			sure = append(sure, c)
		} else if may {
			maybe = append(maybe, c)
		}
	}
	switch class {
	case pci.SecurityImpacting:
		return nil
	case pci.ConnectedTo:
		if len(sure)+len(maybe) > 0 {
			return nil
		}
		f.Status, f.Severity = pci.Fail, pci.Low
		f.Message = "declared connected-to, but no connection with the cardholder data environment is possible"
		f.Fix = &pci.Fix{Text: "change its class, or find out why the connection it is meant to have is closed"}
		return f
	case pci.CDE, pci.CDEStore, pci.OutOfScope, pci.Unclassified:
	}
	switch {
	case len(sure) > 0 && in.Scope.Unsure(w):
		f.Status, f.Witness = pci.Unknown, nil
		f.Message = fmt.Sprintf("its class is not known; it is connected with %s", listed(refs(sure)))
	case len(sure) > 0:
		f.Status = pci.Fail
		f.Message = fmt.Sprintf("declared %s, but it is connected with %s", class, listed(refs(sure)))
		f.Fix = &pci.Fix{Text: "close the connections, or declare it connected-to"}
	case len(maybe) > 0:
		f.Status, f.Because = pci.Unknown, tidy(reasons)
		f.Message = fmt.Sprintf("declared %s; whether it is connected with %s is not decided", class, listed(refs(maybe)))
	default:
		return nil
	}
	return f
}
