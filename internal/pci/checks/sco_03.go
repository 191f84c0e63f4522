package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var sco03 = pci.Check{
	ID: "SCO-03", Title: "no connection between the cardholder data environment and what is out of scope", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"1.3.1", "1.3.2", "11.4.5", "12.5.2"}, Guidance: []string{"4.1", "16.1"}, NeedsScope: true,
	Why: "A system is out of scope only when it cannot exchange a single packet with the cardholder data environment, on any port, " +
		"in either direction. One open port makes it a connected system, with all requirements that brings.",
	Fix: "Isolate the workloads of the cardholder data environment for ingress and egress and allow only in-scope peers, or declare the " +
		"other workload connected-to and treat it as such.",
	Evidence: "For each pair of workloads, the connections that policies allow, computed over all ports; for each one found, a packet and " +
		"the rules that let it through. It speaks of pod traffic under the stated enforcer, not of people, credentials or shared nodes.",
	Run: runSco03,
}

// stranger is something that must not talk with the CDE: a workload, or addresses of an out-of-scope zone.
type stranger struct {
	name string
	w    *cluster.Workload
	zone *pci.Zone
}

func strangers(in *pci.Input) []stranger {
	var out []stranger
	for _, w := range in.Scope.Of(pci.OutOfScope, pci.Unclassified) {
		out = append(out, stranger{name: w.Ref.String(), w: w})
	}
	if in.Intent != nil {
		for i := range in.Intent.Zones {
			if z := &in.Intent.Zones[i]; z.Class == pci.OutOfScope && !z.Addrs.IsEmpty() {
				out = append(out, stranger{name: "zone " + z.Name + " (" + z.Addrs.String() + ")", zone: z})
			}
		}
	}
	return out
}

// flow gives the ends of traffic between w and its peer: from the peer for ingress, to it for egress.
func flow(w, peer reach.Peer, d policy.Direction) (src, dst reach.Peer) {
	if d == policy.Ingress {
		return peer, w
	}
	return w, peer
}

// with gives the other end and what is allowed; near is who has a connection at all. For a zone's addresses Must
// is what some of them certainly can.
func (s stranger) with(d policy.Direction, near map[*cluster.Workload]reach.Bounds, outside []reach.Edge) (reach.Peer, reach.Bounds) {
	if s.w != nil {
		return reach.OfWorkload(s.w), near[s.w]
	}
	peer, b := reach.OfAddrs(s.zone.Addrs), reach.Bounds{}
	for _, e := range outside {
		group := e.Src.Addrs
		if d == policy.Egress {
			group = e.Dst.Addrs
		}
		part := group.Intersect(s.zone.Addrs)
		if part.IsEmpty() {
			continue
		}
		if b.Must.IsEmpty() {
			peer = reach.OfAddrs(part) // one that shows it
		}
		b.Must, b.May = b.Must.Union(e.Must), b.May.Union(e.May)
	}
	return peer, b
}

func runSco03(in *pci.Input) []pci.Finding {
	cde, apart := in.Scope.Of(pci.CDE, pci.CDEStore), strangers(in)
	if len(cde) == 0 {
		return []pci.Finding{{Status: pci.Manual, Key: "none", Message: "no workload of the input is in the cardholder data environment. Is that so, or do its zones and labels miss it?"}}
	}
	var found []pci.Finding
	holds, alone := 0, told{}
	if open := unsure(in); len(open) > 0 {
		found = append(found, pci.Finding{
			Status: pci.Unknown, Key: "unsure",
			Message: fmt.Sprintf("the class of %s is not known; they may be in the cardholder data environment", listed(refs(open))),
		})
	}
	for _, c := range cde {
		open := map[string]bool{}
		for _, d := range policy.Directions {
			found = append(found, crossings(in, c, d, apart, open, alone)...)
		}
		holds += len(apart) - len(open)
	}
	return withSummary(found, len(cde)*len(apart), holds, "pairs", "no connection is possible in either direction")
}

// unsure is the workloads whose class the input leaves open.
func unsure(in *pci.Input) []*cluster.Workload {
	var out []*cluster.Workload
	for _, w := range in.Scope.Of(pci.Unclassified) {
		if in.Scope.Unsure(w) {
			out = append(out, w)
		}
	}
	return out
}

// crossings gives at most two findings: who certainly has a connection, and for whom it is not decided.
func crossings(in *pci.Input, c *cluster.Workload, d policy.Direction, apart []stranger, open map[string]bool, alone told) []pci.Finding {
	m, outside := in.Model, in.Model.Outside(c, d)
	near := map[*cluster.Workload]reach.Bounds{}
	for _, e := range m.Reaches(c, d) {
		other := e.Src.Workload
		if d == policy.Egress {
			other = e.Dst.Workload
		}
		near[other] = e.Bounds
	}
	sure := pci.Finding{Status: pci.Fail, Subject: c.Ref, Pos: c.Pos, Key: d.String()}
	maybe := pci.Finding{Status: pci.Unknown, Subject: c.Ref, Pos: c.Pos, Key: d.String()}
	var sureNames, maybeNames []string
	var conns netset.Conns
	for _, s := range apart {
		peer, b := s.with(d, near, outside)
		src, dst := flow(reach.OfWorkload(c), peer, d)
		switch {
		case !b.Must.IsEmpty() && s.w != nil && in.Scope.Unsure(s.w):
			maybeNames = append(maybeNames, s.name)
			maybe.Because = append(maybe.Because, pci.Because{Ref: s.w.Ref, Pos: s.w.Pos, Msg: "has a connection, and its scope class is not known"})
		case !b.Must.IsEmpty():
			sureNames, conns = append(sureNames, s.name), conns.Union(b.Must)
			if sure.Witness == nil {
				sure.Witness = pci.WitnessOf(m.Witness(src, dst, b.Must))
			}
			sure.Because = append(sure.Because, letThrough(m, src, dst, b.Must)...)
		case !b.May.IsEmpty():
			maybeNames = append(maybeNames, s.name)
			if maybe.Witness == nil {
				maybe.Witness = pci.WitnessOf(m.Witness(src, dst, b.May))
			}
			maybe.Because = append(maybe.Because, pci.ReasonsOf(m.Reasons(src, dst))...)
		default:
			continue
		}
		open[s.name] = true
	}
	way := "can connect to it"
	if d == policy.Egress {
		way = "can be reached from it"
	}
	var found []pci.Finding
	if len(sureNames) > 0 {
		sure.Message = fmt.Sprintf("%d of %d that are out of scope or unclassified %s, on %s: %s", len(sureNames), len(apart), way, conns, listed(sureNames))
		sure.Because, sure.Fix = tidy(sure.Because), closing(in, c, d, alone)
		found = append(found, sure)
	}
	if len(maybeNames) > 0 {
		maybe.Message = fmt.Sprintf("it is not decided whether %d of %d that are out of scope or unclassified %s: %s", len(maybeNames), len(apart), way, listed(maybeNames))
		maybe.Because = tidy(maybe.Because)
		found = append(found, maybe)
	}
	return found
}

// closing is the policy that isolates c in the direction and keeps what in-scope workloads need, when no other
// policy allows anything there; a policy that was added could not take back what others allow.
func closing(in *pci.Input, c *cluster.Workload, d policy.Direction, alone told) *pci.Fix {
	if in.Profile.Enforces == enforcer.No {
		return &pci.Fix{Text: "run an engine that enforces NetworkPolicy; without one no policy has any effect"}
	}
	pods := boundPods(c)
	if len(pods) < len(c.Pods) {
		return &pci.Fix{Text: "drop hostNetwork: pods on their node's network are bound by no pod policy"}
	}
	for _, p := range pods {
		if in.Model.Isolation(p, d).May {
			return &pci.Fix{Text: "narrow or delete the allowing rules named here: another NetworkPolicy can only add to what they allow"}
		}
	}
	fix := &pci.Fix{
		Text: "isolate it for " + d.String() + ". The policy keeps what in-scope workloads may use today" +
			", cut to declared needs or else to declared ports; add what is missing, as DNS and traffic from outside, before it is applied",
		YAML: policyYAML(in.Cluster, freeName(in.Cluster, c.Ref.Namespace, c.Ref.Name+"-"+d.String(), nil), c, d, kept(in, c, d, alone)),
	}
	if fix.YAML == "" {
		fix.Text = "isolate it for " + d.String() + " by a policy that selects its pods alone; labels do not tell them apart today"
	}
	return fix
}

// kept is what in-scope workloads keep when c is isolated.
func kept(in *pci.Input, c *cluster.Workload, d policy.Direction, alone told) []allowed {
	var out []allowed
	for _, o := range in.Scope.Of(pci.CDE, pci.CDEStore, pci.ConnectedTo, pci.SecurityImpacting) {
		if o == c || len(boundPods(o)) < len(o.Pods) {
			continue
		}
		src, dst := flow(reach.OfWorkload(c), reach.OfWorkload(o), d)
		conns := in.Model.Between(src, dst).May.Intersect(netset.Transport())
		if !conns.IsEmpty() {
			conns = conns.Intersect(declaredPorts(in, dst.Workload))
		}
		if conns.IsEmpty() {
			continue
		}
		if in.Intent != nil && len(in.Intent.Needs) > 0 {
			conns, _ = in.Covered(src, dst, conns)
		}
		if !conns.IsEmpty() && alone.by(in, o) {
			out = append(out, allowed{o, conns})
		}
	}
	return out
}

// told keeps which workloads can be told by labels of their own, which takes a look at every pod.
type told map[*cluster.Workload]bool

func (t told) by(in *pci.Input, w *cluster.Workload) bool {
	can, known := t[w]
	if !known {
		labels, ok := ownLabels(w)
		can = ok && selectsOnly(in.Cluster, w, labels)
		t[w] = can
	}
	return can
}
