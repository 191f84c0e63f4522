package checks

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// dmz is the role of zones that untrusted networks may reach (v1alpha1.Zone).
const dmz = "dmz"

var exp08 = pci.Check{
	ID: "EXP-08", Title: "untrusted networks reach the cardholder data environment through a DMZ only", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"1.4.1", "1.4.2"}, Guidance: []string{"4.1"}, NeedsScope: true,
	Why: "Between the internet and the systems that handle card data there must be something that takes the connections: workloads of a zone " +
		"with role dmz. From there only declared connections lead on.",
	Fix: "Put a workload of a dmz zone in front and close the others to the outside, or declare the entry. Give the traffic from the dmz " +
		"into the cardholder data environment needs, and narrow the policies to them.",
	Evidence: "For each workload that is not in a dmz zone: the ways in that lead to it and whether policies let the internet use them; and what the " +
		"workloads of dmz zones may send to it beyond declared needs. Routes to pod addresses that no object shows are not in the input.",
	Run: runExp08,
}

func runExp08(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	var front []*cluster.Workload
	for _, w := range in.Cluster.Workloads {
		if in.Scope.Role(w) == dmz {
			front = append(front, w)
		}
	}
	for _, w := range guarded(in) {
		if in.Scope.Role(w) == dmz {
			continue
		}
		of++
		n := len(found)
		found = append(found, direct(in, w)...)
		if f := fromFront(in, w, front); f != nil {
			found = append(found, *f)
		}
		if len(found) == n {
			holds++
		}
	}
	return withSummary(found, of, holds, "workloads of the cardholder data environment outside of a dmz", "not reached from untrusted networks")
}

// direct looks for ways in that lead the internet to w.
func direct(in *pci.Input, w *cluster.Workload) []pci.Finding {
	sure := pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Fail, Key: "direct", Fix: &pci.Fix{Text: "close this way in, or put a workload of a dmz zone in front"}}
	maybe := pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Unknown, Key: "direct"}
	var sureWays, maybeWays []string
	unread := false
	for _, x := range ways(in) {
		for _, e := range x.entries {
			// What an Ingress controller or a gateway passes on comes from the controller, which is judged itself.
			passed := len(passedOn(in.Cluster, e)) > 0
			unread = unread || !isModelled(e.Kind)
			one := way{x.via, x.pos, []exposure.Entry{e}}.to(w)
			if passed || e.Public == enforcer.No || len(one.entries) == 0 || one.isDeclared(in) {
				continue
			}
			p := through(in, one, pci.PublicAddrs())
			name := e.Kind + " of " + x.via.String()
			f := &maybe
			switch {
			case p.open == enforcer.No:
				continue
			case p.open == enforcer.Yes && e.Public == enforcer.Yes && e.Kind != exposure.Ingress && e.Kind != exposure.Route:
				f, sureWays = &sure, append(sureWays, name)
				f.Because = append(f.Because, pci.Because{Ref: x.via, Pos: e.Pos, Msg: e.Kind + " is public and leads to it"})
			default:
				maybeWays = append(maybeWays, name)
				f.Because = append(f.Because, one.because()...)
			}
			f.Because = append(f.Because, p.because...)
			if f.Witness == nil {
				f.Witness = p.witness
			}
		}
	}
	var found []pci.Finding
	switch {
	case len(sureWays) > 0:
		sure.Message = fmt.Sprintf("the internet reaches it directly, through %s, and it is not in a dmz zone", listed(dedupe(sureWays)))
		sure.Because = tidy(sure.Because)
		whenSure(in, w, &sure)
		found = append(found, sure)
	case len(maybeWays) > 0:
		maybe.Message = fmt.Sprintf("it is not in a dmz zone, and whether the internet reaches it through %s is not decided", listed(dedupe(maybeWays)))
		maybe.Because = tidy(maybe.Because)
		found = append(found, maybe)
	default:
		if f := unseen(in, w, unread); f != nil {
			found = append(found, *f)
		}
	}
	return found
}

func isModelled(kind string) bool {
	return slices.Contains([]string{exposure.LoadBalancer, exposure.NodePort, exposure.ExternalIP, exposure.Ingress, exposure.Route, exposure.HostPort, exposure.HostNetwork}, kind)
}

// unseen is for a workload that policies leave open to the internet while no object leads there: pods with
// private addresses cannot be routed to, others may be.
func unseen(in *pci.Input, w *cluster.Workload, unread bool) *pci.Finding {
	if privatePods(in) && !unread {
		return nil
	}
	for _, e := range in.Model.Outside(w, policy.Ingress) {
		for _, a := range partsFrom(in, e.Src.Addrs.Intersect(pci.PublicAddrs())) {
			src := reach.OfAddrs(a)
			may := e.May.Intersect(netset.Transport())
			covered, _ := in.Covered(src, e.Dst, may)
			if may.Subtract(covered).IsEmpty() {
				continue
			}
			f := &pci.Finding{
				Subject: w.Ref, Pos: w.Pos, Status: pci.Unknown, Key: "direct",
				Because: tidy(letThrough(in.Model, src, e.Dst, may.Subtract(covered))),
				Message: "policies do not certainly close it to the internet; no Service or Ingress leads there, but whether pod addresses are routed from outside is not in the input",
				Fix:     &pci.Fix{Text: "close it by policy, or state the pods' addresses with --pod-cidr when they are private"},
			}
			if unread {
				f.Message = "policies do not certainly close it to the internet, and ways in of kinds that are not modelled may lead there"
			}
			return f
		}
	}
	return nil
}

// partsFrom cuts sources along the zones that needs may name, as Covered wants each address covered.
func partsFrom(in *pci.Input, a netset.Addrs) []netset.Addrs {
	if a.IsEmpty() {
		return nil
	}
	return parts(in, a)
}

// fromFront is what workloads of dmz zones may send to w and no need declares.
func fromFront(in *pci.Input, w *cluster.Workload, front []*cluster.Workload) *pci.Finding {
	var o outflow
	for _, d := range front {
		if d != w {
			o = o.and(toPeer(in, d, reach.OfWorkload(w), netset.Transport()))
		}
	}
	if o.isEmpty() {
		return nil
	}
	f := &pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Fail, Key: dmz}
	edges := o.sure
	if len(edges) == 0 {
		f.Status, edges = pci.Unknown, o.maybe
	}
	var names []string
	var conns netset.Conns
	for _, e := range edges {
		names = append(names, e.Src.String())
		if f.Status == pci.Fail {
			conns = conns.Union(e.Must)
			f.Because = append(f.Because, letThrough(in.Model, e.Src, e.Dst, e.Must)...)
		} else {
			conns = conns.Union(e.May)
			f.Because = append(f.Because, pci.ReasonsOf(in.Model.Reasons(e.Src, e.Dst))...)
		}
	}
	f.Because = tidy(f.Because)
	if f.Status == pci.Fail {
		f.Message = fmt.Sprintf("the dmz reaches it beyond what needs declare: %s on %s", listed(names), conns)
		f.Witness = pci.WitnessOf(in.Model.Witness(edges[0].Src, edges[0].Dst, edges[0].Must))
		f.Fix = &pci.Fix{Text: "narrow the policies of both ends to the declared needs, or declare what is missing"}
	} else {
		f.Message = fmt.Sprintf("it is not decided whether the dmz reaches it beyond what needs declare: %s on %s", listed(names), conns)
	}
	whenSure(in, w, f)
	return f
}

func dedupe(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
