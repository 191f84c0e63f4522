package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var den03 = pci.Check{
	ID: "DEN-03", Title: "isolation is not undone by a rule for everyone", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.5", "1.3.1", "1.3.2"}, Guidance: []string{"4.1"},
	Why: "An isolated pod with a rule that allows any peer on any port is as open as one without policies, but looks controlled: " +
		"`ingress: [{}]`, `from: []`, a missing `from`, or 0.0.0.0/0 with ::/0 and no ports.",
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

// undone looks for a workload that is isolated in a direction and yet open to, or for, every outside
// address on every port.
func undone(in *pci.Input, w *cluster.Workload, pods []*cluster.Pod, d policy.Direction) *pci.Finding {
	var iso reach.Isolation
	for _, p := range pods {
		if iso = in.Model.Isolation(p, d); iso.May {
			break
		}
	}
	if !iso.May {
		return nil // not isolated at all: DEN-01 and DEN-02 speak of it
	}
	everyone := reach.OfAddrs(netset.AllAddrs())
	src, dst := everyone, reach.OfWorkload(w)
	if d == policy.Egress {
		src, dst = dst, src
	}
	b := in.Model.Between(src, dst)
	if covered, _ := in.Covered(src, dst, netset.Transport()); covered.Covers(netset.Transport()) {
		return nil
	}
	f := &pci.Finding{Subject: w.Ref, Pos: w.Pos, Severity: in.SeverityFor(pci.High, w), Key: d.String()}
	who := "from everywhere"
	if d == policy.Egress {
		who = "to everywhere"
	}
	switch {
	case b.Must.Covers(netset.Transport()):
		f.Status = pci.Fail
		f.Message = fmt.Sprintf("isolated for %s, and yet every connection %s is allowed", d, who)
		f.Witness = pci.WitnessOf(in.Model.Witness(src, dst, netset.Transport()))
		f.Because = deciding(in.Model.Explain(src, dst, netset.Transport()), d)
		f.Fix = &pci.Fix{Text: "name the peers and ports in these rules, or delete them"}
		if len(f.Because) > 0 {
			f.Pos = f.Because[0].Pos
		}
	case openByRule(in, pods[0], d):
		f.Status = pci.Unknown
		f.Message = fmt.Sprintf("a rule allows every connection %s, if its policy is in force", who)
		f.Because = pci.ReasonsOf(in.Model.Reasons(src, dst))
	default:
		return nil
	}
	return f
}

// openByRule tells whether a rule as written matches everyone on every port.
func openByRule(in *pci.Input, p *cluster.Pod, d policy.Direction) bool {
	for _, q := range in.Model.Isolation(p, d).Policies {
		for i := range q.Rules {
			r := &q.Rules[i]
			if r.Direction != d || r.Action != policy.Allow || !r.Conns.Covers(netset.Transport()) {
				continue
			}
			var all netset.Addrs
			for _, peer := range r.Peers {
				if peer.Kind == policy.AnyPeer {
					return true
				}
				if peer.Kind == policy.AddrPeer {
					all = all.Union(peer.Addrs)
				}
			}
			if all.IsAll() {
				return true
			}
		}
	}
	return false
}

// deciding lists the allowing rules of one side that match some of the query.
func deciding(t reach.Trace, d policy.Direction) []pci.Because {
	side := t.Ingress
	if d == policy.Egress {
		side = t.Egress
	}
	var out []pci.Because
	for _, p := range side.Policies {
		for _, r := range p.Rules {
			if r.Rule.Action == policy.Allow && !r.Possible.IsEmpty() {
				out = append(out, pci.Because{Ref: p.Policy.Ref, Pos: r.Rule.Pos, Msg: fmt.Sprintf("%s allows %s", r.Rule.Path, r.Possible)})
			}
		}
	}
	return out
}
