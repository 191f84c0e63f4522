package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var tls13 = pci.Check{
	ID: "TLS-13", Title: "nothing leaves the cardholder data environment in clear text", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"1.2.6", "2.2.5"}, Guidance: []string{"4.3"}, NeedsScope: true,
	Why: "What the environment sends in clear text, such as queries, log lines and passwords, anybody on the way reads and changes. FLO-03 asks the same of what " +
		"comes in.",
	Fix: "Use the encrypted form of the protocol, take both ends into a mesh that refuses plain text, or declare the need with its protection or mitigation.",
	Evidence: "Allowed connections from the environment to ports of other workloads that are clear text by convention, by appProtocol, or by a recorded handshake; " +
		"and to clear-text ports outside that rules name. Rules for all ports are left to EGR-01 and EGR-07. Names (port 53) are left to EGR-04.",
	Run: runTLS13,
}

func runTLS13(in *pci.Input) []pci.Finding {
	tried := handshakes(in)
	ports := map[*cluster.Workload][]listener{}
	var found, credits []pci.Finding
	ws := guarded(in)
	holds := 0
	for _, w := range ws {
		var vs []*verdict
		src := reach.OfWorkload(w)
		add := func(dst reach.Peer, b reach.Bounds, l listener, s pci.Service, name string) {
			v := weigh(in, src, dst, l, s, b, false)
			v.key = fmt.Sprintf("%s %s %s", s.Name, l.conns(), v.key)
			for _, o := range vs {
				if o.key == v.key {
					o.names = append(o.names, name)
					return
				}
			}
			v.names = []string{name}
			v.text = fmt.Sprintf("may send %s (%s), which %s", s.Name, l.conns(), v.text)
			if v.status == pci.Unknown {
				v.because = append(v.because, pci.ReasonsOf(in.Model.Reasons(src, dst))...)
			} else {
				v.because = append(v.because, letThrough(in.Model, src, dst, l.conns())...)
				v.witness = pci.WitnessOf(in.Model.Witness(src, dst, l.conns()))
			}
			vs = append(vs, &v)
		}
		for _, e := range in.Model.Reaches(w, policy.Egress) {
			to := e.Dst.Workload
			if in.Scope.InCDE(to) {
				continue // FLO-03
			}
			if _, known := ports[to]; !known {
				ports[to] = listeners(in, to)
			}
			for _, l := range ports[to] {
				if s, clear := speaks(tried, to, l); clear && e.May.Overlaps(l.conns()) {
					add(e.Dst, e.Bounds, l, s, to.Ref.String())
				}
			}
		}
		for _, e := range in.Model.Outside(w, policy.Egress) {
			for _, s := range pci.ClearText() {
				l := listener{protocol: s.Protocol, port: s.Port}
				if !e.May.Overlaps(l.conns()) || wide(e.May, s.Protocol) {
					continue
				}
				for _, a := range parts(in, e.Dst.Addrs.Intersect(in.Foreign())) {
					if !a.IsEmpty() {
						add(reach.OfAddrs(a), e.Bounds, l, s, someAddrs(a))
					}
				}
			}
		}
		bad := false
		for _, v := range vs {
			f := pci.Finding{
				Status: v.status, Subject: w.Ref, Pos: w.Pos, Severity: in.SeverityFor(pci.High, w), Key: v.key, Witness: v.witness, Because: tidy(v.because),
				Message: fmt.Sprintf("%s: %s", v.text, listed(dedupe(v.names))),
			}
			if v.status == pci.Pass {
				f.Witness = nil
				credits = append(credits, f)
				continue
			}
			if v.status == pci.Fail {
				f.Fix = &pci.Fix{Text: "use the encrypted protocol, or declare the need with its protection or mitigation"}
			}
			whenSure(in, w, &f)
			bad = true
			found = append(found, f)
		}
		if !bad {
			holds++
		}
	}
	return append(withSummary(found, len(ws), holds, "workloads of the cardholder data environment", "send nothing in clear text to ports that are known"), credits...)
}

// wide tells whether connections hold so many ports of a protocol that no single one was meant.
func wide(c netset.Conns, p netset.Protocol) bool {
	n := 0
	for _, r := range c.Ranges(p) {
		n += int(r.Hi) - int(r.Lo) + 1
	}
	return n > fewPorts
}

// fewPorts is up to how many ports of a protocol a rule may let through and still mean each of them.
const fewPorts = 32
