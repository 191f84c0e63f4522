package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var flo03 = pci.Check{
	ID: "FLO-03", Title: "nothing enters the cardholder data environment in clear text", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.6", "2.2.5", "4.2.1"}, Guidance: []string{"4.3"}, NeedsScope: true,
	Why: "A protocol without encryption shows passwords and data to whoever sees the packets, and lets them be changed on the way. Where one is " +
		"needed all the same, what makes up for it has to be written down.",
	Fix: "Use the encrypted form of the protocol, or declare the connection as a need with its mitigation.",
	Evidence: "Allowed connections to declared ports that are clear text by convention, by the appProtocol of a Service, or by a recorded handshake. Where " +
		"both ends are in a mesh and the server refuses plain text, the connection counts as encrypted, with the objects that say so. What else runs on " +
		"a port is not visible in manifests, so ports that may be encrypted too are left to a person. 4.2.1 is named only when the source is " +
		"the internet and the need does not say that no account data is sent.",
	Run: runFlo03,
}

// clearText says which protocol a port speaks in clear; ok is false when it speaks none. The appProtocol of a
// Service says more than the number of the port.
func clearText(l listener) (pci.Service, bool) {
	s := pci.Service{Protocol: l.protocol, Port: l.port}
	switch strings.ToLower(l.app) {
	case "http", "kubernetes.io/h2c", "kubernetes.io/ws", "ws":
		s.Name, s.Instead = "HTTP", "HTTPS"
		return s, true
	case "https", "tls", "ssl", "kubernetes.io/wss", "wss", "ldaps", "ftps", "imaps", "pop3s", "amqps", "ssh":
		return s, false
	}
	for _, known := range pci.ClearText() {
		if known.Protocol == l.protocol && known.Port == l.port {
			return known, true
		}
	}
	return s, false
}

func runFlo03(in *pci.Input) []pci.Finding {
	var found, credits []pci.Finding
	of, holds := 0, 0
	tried := handshakes(in)
	for _, c := range in.Scope.Of(pci.CDE, pci.CDEStore) {
		for _, l := range listeners(in, c) {
			of++
			s, ok := speaks(tried, c, l)
			if !ok {
				holds++
				continue
			}
			fs := enters(in, c, l, s)
			open := len(found)
			for _, f := range fs {
				if f.Status == pci.Pass {
					credits = append(credits, f)
				} else {
					found = append(found, f)
				}
			}
			if len(found) == open {
				holds++
			}
		}
	}
	return append(withSummary(found, of, holds, "ports", "closed, encrypted by the mesh, or not of a clear-text protocol"), credits...)
}

// verdict is what FLO-03 says of one source.
type verdict struct {
	status   pci.Status
	internet bool // from public addresses, with data that is not declared harmless
	key      string
	text     string // what to say of all sources with this verdict
	names    []string
	because  []pci.Because
	witness  *pci.Witness
}

// enters groups the sources of a clear-text port by what has to be said of them.
func enters(in *pci.Input, c *cluster.Workload, l listener, s pci.Service) []pci.Finding {
	var vs []*verdict
	dst := reach.OfWorkload(c)
	add := func(src reach.Peer, b reach.Bounds, name string, inside bool) {
		if !b.May.Overlaps(l.conns()) {
			return
		}
		v := weigh(in, src, dst, l, s, b, inside)
		i := slices.IndexFunc(vs, func(o *verdict) bool { return o.key == v.key })
		if i < 0 {
			vs, i = append(vs, &v), len(vs)
			v.witness = pci.WitnessOf(in.Model.Witness(src, dst, l.conns()))
		}
		vs[i].names = append(vs[i].names, name)
		switch v.status {
		case pci.Unknown:
			vs[i].because = append(vs[i].because, pci.ReasonsOf(in.Model.Reasons(src, dst))...)
		default:
			vs[i].because = append(vs[i].because, v.because...)
			vs[i].because = append(vs[i].because, letThrough(in.Model, src, dst, l.conns())...)
		}
	}
	for _, e := range in.Model.Outside(c, policy.Ingress) {
		addrs := e.Src.Addrs.Subtract(in.Cluster.NodeAddrs)
		for _, part := range []netset.Addrs{addrs.Intersect(pci.PublicAddrs()), addrs.Intersect(pci.PrivateAddrs())} {
			if !part.IsEmpty() {
				name := "private addresses outside the cluster"
				if part.Overlaps(pci.PublicAddrs()) {
					name = "the internet"
				}
				add(reach.OfAddrs(part), e.Bounds, name, false)
			}
		}
	}
	for _, w := range in.Cluster.Workloads {
		if w != c {
			add(reach.OfWorkload(w), in.Model.Between(reach.OfWorkload(w), dst), w.Ref.String(), in.Scope.InCDE(w))
		}
	}
	var found []pci.Finding
	for _, v := range vs {
		f := pci.Finding{
			Status: v.status, Subject: c.Ref, Pos: l.pos, Key: fmt.Sprintf("%s %s", l.conns(), v.key), Witness: v.witness, Because: tidy(v.because),
			Message: fmt.Sprintf("%s (%s) %s: %s", s.Name, l.conns(), v.text, listed(slices.Compact(v.names))),
			Fix:     &pci.Fix{Text: "use " + s.Instead + ", or declare a need with its mitigation"},
		}
		f.Requirements = []string{"1.2.6", "2.2.5"}
		if v.internet {
			f.Requirements = append(f.Requirements, "4.2.1")
		}
		if v.status == pci.Accepted || v.status == pci.Pass {
			f.Fix = nil
		}
		found = append(found, f)
	}
	return found
}

func weigh(in *pci.Input, src, dst reach.Peer, l listener, s pci.Service, b reach.Bounds, inside bool) verdict {
	covered, need := in.Covered(src, dst, l.conns())
	declared := covered.Covers(l.conns()) && need != nil
	v := verdict{internet: src.IsOutside() && pci.PublicAddrs().Overlaps(src.Addrs) && (!declared || need.DataClass != "none")}
	mesh := meshEncrypts(in, src, dst)
	switch {
	case mesh != nil:
		v.status, v.text, v.because = pci.Pass, "is encrypted by the mesh, which takes nothing else there. From", mesh
	case declared && need.Mitigation == "" && need.Protection != "" && need.Protection != "none":
		v.status, v.text = pci.Accepted, fmt.Sprintf("is declared by need %s as protected by %s, for", need.ID, need.Protection)
		v.because = []pci.Because{{Ref: need.Ref, Pos: need.Pos, Msg: "protection: " + need.Protection}}
	case declared && need.Mitigation != "":
		v.status, v.text = pci.Accepted, fmt.Sprintf("is declared by need %s with its mitigation, for", need.ID)
		v.because = []pci.Because{{Ref: need.Ref, Pos: need.Pos, Msg: "mitigation: " + need.Mitigation}}
	case !b.Must.Overlaps(l.conns()):
		v.status, v.text = pci.Unknown, "may be open to"
	case inside:
		v.status, v.text = pci.Manual, "is open inside of the cardholder data environment. Is it encrypted? From"
	case s.Negotiates:
		v.status, v.text = pci.Manual, "is often clear text and can be encrypted on the same port. Is encryption enforced? Open to"
	case declared:
		v.status, v.text = pci.Fail, fmt.Sprintf("is clear text; need %s declares it without a mitigation. Open to", need.ID)
		v.because = []pci.Because{{Ref: need.Ref, Pos: need.Pos, Msg: "declares the connection without a mitigation"}}
	default:
		v.status, v.text = pci.Fail, "is clear text and open to"
	}
	v.key = fmt.Sprintf("%s %s %t", v.status, v.text, v.internet)
	return v
}
