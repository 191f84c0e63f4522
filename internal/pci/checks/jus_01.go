package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var jus01 = pci.Check{
	ID: "JUS-01", Title: "every connection of the cardholder data environment stands in the flow register", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"1.2.5"}, Guidance: []string{"4.1", "14"}, NeedsScope: true,
	Why: "What is allowed and stands in no register has no reason, no owner and nobody who approved it. It is what is left over from tests, moves and " +
		"rules that are wider than what they are for.",
	Fix: "Write the need with its reason and have it approved, or narrow the policies to the needs that are there.",
	Evidence: "For each workload of the environment everything that policies let in and out, connection by connection, against the needs that hold. " +
		"Proposed needs and needs that ended cover nothing. Two needs for one connection are named. Nodes are left to DEN-10.",
	Run: runJus01,
}

func runJus01(in *pci.Input) []pci.Finding {
	ws := guarded(in)
	var found []pci.Finding
	flows, workloads := 0, 0
	for _, w := range ws {
		f, n := unregistered(in, w)
		flows += n
		if f == nil {
			continue
		}
		workloads++
		if in.Intent != nil && len(in.Intent.Needs)+len(in.Intent.Proposed) > 0 {
			whenSure(in, w, f)
			found = append(found, *f)
		}
	}
	if workloads > 0 && len(found) == 0 {
		return []pci.Finding{{Status: pci.Manual, Key: "register", Message: fmt.Sprintf(
			"Where is the register of connections with their reasons, owners and approvals? %d workloads of the cardholder data environment have connections, and the input declares no need. bulkhead init drafts one.", workloads)}}
	}
	found = append(withSummary(found, len(ws), len(ws)-workloads, "workloads of the cardholder data environment", "all their connections are needs of the register"), twice(in)...)
	return found
}

// unregistered is what of a workload's connections no need covers. Between two workloads of the environment the one
// that is connected to answers for it.
func unregistered(in *pci.Input, w *cluster.Workload) (f *pci.Finding, flows int) {
	var sure, maybe []string
	var because []pci.Because
	var witness *pci.Witness
	see := func(src, dst reach.Peer, b reach.Bounds, name string) {
		b = transport(b)
		if b.May.IsEmpty() {
			return
		}
		flows++
		covered, _ := in.Covered(src, dst, b.May)
		must, may := b.Must.Subtract(covered), b.May.Subtract(covered)
		switch {
		case !must.IsEmpty():
			if witness == nil {
				witness = pci.WitnessOf(in.Model.Witness(src, dst, must))
				because = append(because, letThrough(in.Model, src, dst, must)...)
			}
			sure = append(sure, fmt.Sprintf("%s on %s", name, must))
		case !may.IsEmpty():
			maybe = append(maybe, fmt.Sprintf("%s on %s", name, may))
			if len(sure) == 0 && len(maybe) == 1 {
				because = append(because, pci.ReasonsOf(in.Model.Reasons(src, dst))...)
			}
		}
	}
	for _, d := range policy.Directions {
		word := map[policy.Direction]string{policy.Ingress: "from ", policy.Egress: "to "}[d]
		for _, e := range in.Model.Reaches(w, d) {
			other := e.Src.Workload
			if d == policy.Egress {
				other = e.Dst.Workload
			}
			if d == policy.Egress && (in.Scope.InCDE(other) || in.Scope.Unsure(other)) {
				continue
			}
			see(e.Src, e.Dst, e.Bounds, word+other.Ref.String())
		}
		for _, e := range in.Model.Outside(w, d) {
			addrs := e.Src.Addrs
			if d == policy.Egress {
				addrs = e.Dst.Addrs
			}
			for _, a := range parts(in, addrs.Intersect(in.Foreign()).Subtract(in.Cluster.NodeAddrs)) {
				if a.IsEmpty() {
					continue
				}
				src, dst := flow(reach.OfWorkload(w), reach.OfAddrs(a), d)
				see(src, dst, e.Bounds, word+someAddrs(a))
			}
		}
	}
	f = &pci.Finding{Subject: w.Ref, Pos: w.Pos, Severity: in.SeverityFor(pci.High, w), Because: tidy(because), Key: "flows"}
	switch {
	case len(sure) > 0:
		f.Status, f.Witness = pci.Fail, witness
		f.Message = fmt.Sprintf("%d allowed connections stand in no need: %s", len(sure), listedBy(sure))
		f.Fix = &pci.Fix{Text: "declare each with its reason and approval, or narrow the rules that let it through"}
	case len(maybe) > 0:
		f.Status = pci.Unknown
		f.Message = fmt.Sprintf("it is not decided whether %d connections that stand in no need are allowed: %s", len(maybe), listedBy(maybe))
	default:
		return nil, flows
	}
	return f, flows
}

// listedBy is listed for texts that hold commas themselves.
func listedBy(texts []string) string {
	const most, sep = 5, "; "
	if len(texts) > most {
		return strings.Join(texts[:most], sep) + fmt.Sprintf("%sand %d more", sep, len(texts)-most) + pci.Rest(texts[most:])
	}
	return strings.Join(texts, sep)
}

// twice asks about needs that declare the same connections.
func twice(in *pci.Input) []pci.Finding {
	type ends struct{ from, to string }
	seen := map[ends][]*pci.Need{}
	var because []pci.Because
	var pairs []string
	for _, n := range registered(in) {
		k := ends{n.From, n.To}
		for _, o := range seen[k] {
			if both := o.Conns.Intersect(n.Conns); !both.IsEmpty() {
				pairs = append(pairs, fmt.Sprintf("%s and %s on %s", o.ID, n.ID, both))
				because = append(because, pci.Because{Ref: o.Ref, Pos: o.Pos, Msg: "need " + o.ID}, pci.Because{Ref: n.Ref, Pos: n.Pos, Msg: "need " + n.ID})
			}
		}
		seen[k] = append(seen[k], n)
	}
	if len(pairs) == 0 {
		return nil
	}
	return []pci.Finding{{Status: pci.Manual, Severity: pci.Low, Key: "twice", Because: tidy(because), Message: "Which of them answers for the connection? Needs that declare the same one: " + listedBy(slices.Compact(pairs))}}
}
