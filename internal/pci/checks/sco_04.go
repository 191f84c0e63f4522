package checks

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var sco04 = pci.Check{
	ID: "SCO-04", Title: "the systems declared as connected are those that can connect", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"12.5.2"}, Guidance: []string{"16.1"}, NeedsScope: true,
	Why: "The scope document is right only when it names every system that can exchange packets with the cardholder data environment. " +
		"A connected system that is declared out of scope is not protected as it must be; one that is declared connected without a " +
		"connection shows that the document is out of date.",
	Fix: "Close the connection, or change the class of the workload to what the policies make of it.",
	Evidence: "The declared classes held against the connections that policies allow, for every workload. What has every connection with the " +
		"environment, both ways, is part of it, and what is connected with that is connected. Sharing a node is no connection here: see SCO-10.",
	Run: runSco04,
}

func runSco04(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	for i := range in.Computed.Workloads {
		w := &in.Computed.Workloads[i]
		if in.Scope.InCDE(w.Workload) {
			continue
		}
		of++
		f := connected(in, w)
		if f == nil {
			holds++
			continue
		}
		f.Subject, f.Pos, f.Because = w.Ref, w.Pos, tidy(f.Because)
		found = append(found, *f)
	}
	if in.Computed.None {
		found = append(found, pci.Finding{Status: pci.Unknown, Key: "none", Message: "no workload is declared to handle account data: what is connected with it cannot be computed"})
	}
	return withSummary(found, of, holds, "workloads", "declared as the policies make them")
}

// connected holds the declared class of w against its connections. Security-impacting workloads may have some
// or not.
func connected(in *pci.Input, w *scope.Workload) *pci.Finding {
	class := in.Scope.Class(w.Workload)
	first := func(code string, sure bool) *scope.Reason {
		i := slices.IndexFunc(w.Reasons, func(r scope.Reason) bool { return r.Code == code && r.Sure == sure })
		if i < 0 {
			return nil
		}
		return &w.Reasons[i]
	}
	part, flow, maybePart, maybe := first(scope.Segment, true), first(scope.Flow, true), first(scope.Segment, false), first(scope.Flow, false)
	strange := class == pci.OutOfScope || class == pci.Unclassified
	var f *pci.Finding
	var why *scope.Reason
	switch {
	case part != nil:
		why, f = part, &pci.Finding{
			Status: pci.Fail, Message: fmt.Sprintf("declared %s, but nothing is between it and %s: it is part of the cardholder data environment", class, part.With.Ref),
			Fix: &pci.Fix{Text: "isolate the workloads of the cardholder data environment, or declare it one of them"},
		}
	case strange && flow != nil:
		why, f = flow, &pci.Finding{
			Status: pci.Fail, Message: fmt.Sprintf("declared %s, but it is connected: it %s", class, flow.Msg),
			Fix: &pci.Fix{Text: "close the connections, or declare it connected-to"},
		}
	case maybePart != nil:
		why, f = maybePart, &pci.Finding{
			Status: pci.Unknown, Message: fmt.Sprintf("declared %s; whether anything is between it and %s is not decided", class, maybePart.With.Ref),
		}
	case strange && maybe != nil:
		why, f = maybe, &pci.Finding{Status: pci.Unknown, Message: fmt.Sprintf("declared %s; whether it is connected with %s is not decided", class, maybe.With.Ref)}
	case class == pci.ConnectedTo && flow == nil && maybe == nil:
		return &pci.Finding{
			Status: pci.Fail, Severity: pci.Low, Message: "declared connected-to, but no connection with the cardholder data environment is possible",
			Fix: &pci.Fix{Text: "change its class, or find out why the connection it is meant to have is closed"},
		}
	default:
		return nil
	}
	src, dst := flowEnds(w, why)
	if why.Sure {
		f.Witness = pci.WitnessOf(in.Model.Witness(src, dst, why.Conns))
		f.Because = letThrough(in.Model, src, dst, why.Conns)
	} else {
		f.Because = pci.ReasonsOf(in.Model.Reasons(src, dst))
	}
	if in.Scope.Unsure(w.Workload) {
		f.Status, f.Fix = pci.Unknown, nil
		f.Message = fmt.Sprintf("its class is not known; it %s", why.Msg)
	}
	return f
}

// flowEnds is the ends of the connection that a reason speaks of.
func flowEnds(w *scope.Workload, r *scope.Reason) (src, dst reach.Peer) {
	return flow(reach.OfWorkload(r.With), reach.OfWorkload(w.Workload), r.Dir)
}
