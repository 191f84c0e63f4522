package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var den03 = pci.Check{
	ID: "DEN-03", Title: "isolation is not undone by a rule for everyone", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.5", "1.3.1", "1.3.2"}, Guidance: []string{"4.1"},
	Why: "An isolated pod with a rule that allows any peer on any port is as open as one without policies, but looks controlled: " +
		"`ingress: [{}]`, `from: []`, a missing `from`, 0.0.0.0/0 or ::/0 without ports, or a port entry that names only a protocol.",
	Fix:      "Name the peers and the ports in the rule, or remove it. Rules only add: a second, narrower rule takes nothing away.",
	Evidence: "The rule that lets everyone in or out, with file and line, and a packet that it lets through.",
	Run:      runDen03,
}

func runDen03(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	for _, w := range in.Cluster.Workloads {
		pods := boundPods(w)
		of += len(pods)
		bad := false
		for _, d := range policy.Directions {
			if f := undone(in, w, pods, d); f != nil {
				found, bad = append(found, *f), true
			}
		}
		if !bad {
			holds += len(pods)
		}
	}
	return withSummary(found, of, holds, "pods", "no rule opens an isolated direction to everyone")
}

// undone looks for a pod of w that is isolated in a direction and yet open to, or for, all addresses of a
// family on all ports of a protocol. Pods that are not isolated at all are left to DEN-01 and DEN-02.
func undone(in *pci.Input, w *cluster.Workload, pods []*cluster.Pod, d policy.Direction) *pci.Finding {
	var unsure *pci.Finding
	for _, p := range pods {
		iso := in.Model.Isolation(p, d)
		if !iso.May {
			continue
		}
		f := undonePod(in, p, d, iso)
		if f == nil {
			continue
		}
		f.Subject, f.Severity, f.Key = w.Ref, in.SeverityFor(pci.High, w), d.String()
		if f.Pos == (object.Pos{}) {
			f.Pos = w.Pos
		}
		if f.Status == pci.Fail {
			return f
		}
		if unsure == nil {
			unsure = f
		}
	}
	return unsure
}

func undonePod(in *pci.Input, p *cluster.Pod, d policy.Direction, iso reach.Isolation) *pci.Finding {
	where, open, possible := openTo(in, p, d)
	if possible.IsEmpty() {
		return nil
	}
	src, dst := ends(reach.OfAddrs(where), reach.OfPod(p), d)
	if !open.IsEmpty() {
		from, to := ends(reach.OfAddrs(where), reach.OfWorkload(p.Workload), d)
		if covered, _ := in.Covered(from, to, open); covered.Covers(open) {
			return nil
		}
		f := &pci.Finding{
			Status:  pci.Fail,
			Message: fmt.Sprintf("isolated for %s, and yet %s %s is allowed", d, everyConnection(open), everywhere(in, where, d)),
			Witness: pci.WitnessOf(in.Model.Witness(src, dst, open)),
			Because: deciding(sideOf(in.Model.Explain(src, dst, open), d)),
			Fix:     &pci.Fix{Text: "name the peers and ports in these rules, or delete them"},
		}
		if len(f.Because) > 0 {
			f.Pos = f.Because[0].Pos
		}
		return f
	}
	if because := mayOpen(in, p, d, iso); len(because) > 0 {
		return &pci.Finding{
			Status:  pci.Unknown,
			Message: fmt.Sprintf("isolated for %s at most, and whether every connection %s is allowed is not decided", d, everywhere(in, netset.AllAddrs(), d)),
			Because: because,
		}
	}
	return nil
}

// openTo gives the address families, of those pods have, that a pod is certainly open to on all ports of some
// protocols, and those protocols. possible is the protocols that may be open to some address.
func openTo(in *pci.Input, p *cluster.Pod, d policy.Direction) (where netset.Addrs, open, possible netset.Conns) {
	for _, family := range []struct {
		has   bool
		addrs netset.Addrs
	}{{in.Cluster.IPv4, netset.AllIPv4()}, {in.Cluster.IPv6, netset.AllIPv6()}} {
		if !family.has {
			continue
		}
		src, dst := ends(reach.OfAddrs(family.addrs), reach.OfPod(p), d)
		b := in.Model.Between(src, dst)
		possible = possible.Union(wholeProtocols(b.May))
		switch all := wholeProtocols(b.Must); {
		case all.IsEmpty():
		case all.Covers(open) && !open.Covers(all): // more of it: this family tells the worse story
			where, open = family.addrs, all
		case all.Equal(open):
			where = where.Union(family.addrs)
		}
	}
	return where, open, possible
}

// wholeProtocols is the protocols of which conns holds every port.
func wholeProtocols(conns netset.Conns) netset.Conns {
	var out netset.Conns
	for _, p := range []netset.Protocol{netset.TCP, netset.UDP, netset.SCTP} {
		if all := netset.Of(p); conns.Covers(all) {
			out = out.Union(all)
		}
	}
	return out
}

// ends puts the two sides of a flow in order: other is the source for ingress of self.
func ends(other, self reach.Peer, d policy.Direction) (src, dst reach.Peer) {
	if d == policy.Egress {
		return self, other
	}
	return other, self
}

func everyConnection(open netset.Conns) string {
	if open.Covers(netset.Transport()) {
		return "every connection"
	}
	return "every connection of " + open.String()
}

// everywhere names where, which is whole families: everywhere is those that pods have.
func everywhere(in *pci.Input, where netset.Addrs, d policy.Direction) string {
	who := "everywhere"
	switch {
	case in.Cluster.IPv6 && where.V6().IsEmpty():
		who = "every IPv4 address"
	case in.Cluster.IPv4 && where.V4().IsEmpty():
		who = "every IPv6 address"
	}
	if d == policy.Egress {
		return "to " + who
	}
	return "from " + who
}

// mayOpen says what leaves open whether a pod is open to everyone: a rule as wide as that in a policy that
// is in doubt, a rule or policy that is not understood, or a kind that is not modelled.
func mayOpen(in *pci.Input, p *cluster.Pod, d policy.Direction, iso reach.Isolation) []pci.Because {
	var out []pci.Because
	for _, r := range iso.Reasons {
		if r.Code == "kind-not-modelled" {
			out = append(out, pci.Because{Ref: r.Ref, Pos: r.Pos, Msg: r.Msg})
		}
	}
	src, dst := ends(reach.OfAddrs(netset.AllAddrs()), reach.OfPod(p), d)
	t := in.Model.Explain(src, dst, netset.Transport())
	for _, pt := range sideOf(t, d).Policies {
		for _, doubt := range pt.Policy.Doubts {
			out = append(out, pci.Because{Ref: doubt.Ref, Pos: doubt.Pos, Msg: doubt.Msg})
		}
		for _, rt := range pt.Rules {
			r := rt.Rule
			switch {
			case r.Action != policy.Allow:
			case len(r.Doubts) > 0 || inDoubt(r):
				out = append(out, pci.Because{Ref: pt.Policy.Ref, Pos: r.Pos, Msg: r.Path + " is not understood in full, and may allow everyone"})
			case !pt.Sure && forEveryone(r):
				out = append(out, pci.Because{Ref: pt.Policy.Ref, Pos: r.Pos, Msg: r.Path + " allows everyone, if its policy is in force here"})
			}
		}
	}
	return out
}

// inDoubt tells whether a peer of a rule for all ports is not understood.
func inDoubt(r *policy.Rule) bool {
	for _, q := range r.Peers {
		if q.Doubt != nil {
			return !wholeProtocols(r.Conns).IsEmpty()
		}
	}
	return false
}

// forEveryone tells whether a rule as written matches all addresses of a family on all ports of a protocol.
func forEveryone(r *policy.Rule) bool {
	if wholeProtocols(r.Conns).IsEmpty() {
		return false
	}
	var all netset.Addrs
	for _, q := range r.Peers {
		if q.Doubt != nil {
			continue
		}
		switch q.Kind {
		case policy.AnyPeer:
			return true
		case policy.AddrPeer:
			all = all.Union(q.Addrs)
		case policy.PodPeer, policy.NodePeer, policy.DoubtPeer:
		}
	}
	return all.Covers(netset.AllIPv4()) || all.Covers(netset.AllIPv6())
}

func sideOf(t reach.Trace, d policy.Direction) reach.Side {
	if d == policy.Egress {
		return t.Egress
	}
	return t.Ingress
}
