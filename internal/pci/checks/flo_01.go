package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var flo01 = pci.Check{
	ID: "FLO-01", Title: "a connection that one side's policy allows is not stopped by the other side", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"1.2.5"}, Guidance: []string{"4.1"},
	Why: "Between isolated pods a connection needs two rules: egress of the client and ingress of the server. With one of them it is denied, " +
		"and the policy says something else than what happens. Such a gap is often closed in a hurry, by a rule that is too wide.",
	Fix:      "Add the missing rule to the other side, or delete the rule that has no effect.",
	Evidence: "The rule that allows, the policies of the other side that stop it, and a packet that is denied.",
	Run:      runFlo01,
}

func runFlo01(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds, ports := 0, 0, declared{}
	for i := range in.Policies.Policies {
		p := &in.Policies.Policies[i]
		bound, _ := in.Model.SubjectPods(p)
		for j := range p.Rules {
			r := &p.Rules[j]
			peers, ok := named(in.Model, r)
			if !ok || r.Action != policy.Allow || len(p.Doubts)+len(r.Doubts) > 0 || !p.Isolates[r.Direction] {
				continue
			}
			fs, pairs := oneSided(in, p, r, podPerWorkload(bound), podPerWorkload(peers), ports)
			if pairs == 0 {
				continue
			}
			of++
			if len(fs) == 0 {
				holds++
			}
			found = append(found, fs...)
		}
	}
	return withSummary(found, of, holds, "rules", "the other side lets through what they allow")
}

// named gives the pods that a rule names by labels. Rules for everyone, for addresses and for whole namespaces
// name nobody.
func named(m *reach.Model, r *policy.Rule) ([]*cluster.Pod, bool) {
	var out []*cluster.Pod
	for i := range r.Peers {
		q := &r.Peers[i]
		switch q.Kind {
		case policy.PodPeer:
			if len(q.Pods) > 0 {
				certain, _ := m.PeerPods(q)
				out = append(out, certain...)
			}
		case policy.AnyPeer, policy.DoubtPeer:
			return nil, false
		case policy.AddrPeer, policy.NodePeer:
		}
	}
	return out, len(out) > 0
}

// podPerWorkload keeps the first pod of each workload, sorted by workload. Host-network pods have no policies.
func podPerWorkload(pods []*cluster.Pod) []*cluster.Pod {
	var out []*cluster.Pod
	seen := map[*cluster.Workload]bool{}
	var last *cluster.Workload
	for _, p := range pods {
		if p.HostNetwork || p.Workload == last {
			continue
		}
		if last = p.Workload; !seen[p.Workload] {
			seen[p.Workload] = true
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *cluster.Pod) int { return a.Workload.Ref.Compare(b.Workload.Ref) })
	return out
}

// gap is a pair whose other side stops what the rule allows.
type gap struct {
	src, dst *cluster.Pod
	conns    netset.Conns
	about    netset.Conns // what was asked
}

// oneSided gives at most two findings about one rule, and a number that is not 0 when it speaks of any pair.
func oneSided(in *pci.Input, p *policy.Policy, r *policy.Rule, bound, peers []*cluster.Pod, ports declared) ([]pci.Finding, int) {
	other := policy.Egress
	if r.Direction == policy.Egress {
		other = policy.Ingress
	}
	var denied, open []gap
	pairs := 0
	for _, b := range bound {
		for _, q := range peers {
			if b.Workload == q.Workload {
				continue
			}
			src, dst := q, b
			if r.Direction == policy.Egress {
				src, dst = b, q
			}
			about := ports.of(in, r, dst.Workload)
			if pairs > 0 && in.Model.Between(reach.OfPod(src), reach.OfPod(dst)).Must.Covers(about) {
				continue // nothing is stopped, and that the rule speaks of pods is known
			}
			conns := in.Model.RuleBetween(p, r, src, dst).Intersect(about)
			if conns.IsEmpty() {
				continue
			}
			sides := in.Model.SidesBetween(src, dst)
			// What another tier denies is not meant to pass.
			if conns = conns.Intersect(sides[r.Direction].Must); conns.IsEmpty() {
				continue
			}
			pairs++
			if no := conns.Subtract(sides[other].May); !no.IsEmpty() {
				denied = append(denied, gap{src, dst, no, about})
			} else if maybe := conns.Subtract(sides[other].Must); !maybe.IsEmpty() {
				open = append(open, gap{src, dst, maybe, about})
			}
		}
	}
	var found []pci.Finding
	for _, gs := range [][]gap{denied, open} {
		if len(gs) > 0 {
			found = append(found, gapFinding(in, p, r, other, gs, len(denied) > 0 && &gs[0] == &denied[0]))
		}
	}
	return found, pairs
}

// declared keeps what workloads declare to listen on.
type declared map[*cluster.Workload]netset.Conns

// of is the ports a rule is about: those its destination declares, or the rule's own when there are few.
func (l declared) of(in *pci.Input, r *policy.Rule, dst *cluster.Workload) netset.Conns {
	ports, known := l[dst]
	if !known {
		ports = declaredPorts(in, dst)
		l[dst] = ports
	}
	if !ports.IsEmpty() {
		return ports
	}
	const few = 64
	if r.Conns.Count() <= few {
		return r.Conns
	}
	return netset.None()
}

func gapFinding(in *pci.Input, p *policy.Policy, r *policy.Rule, other policy.Direction, gs []gap, sure bool) pci.Finding {
	g := gs[0]
	trace := in.Model.Explain(reach.OfPod(g.src), reach.OfPod(g.dst), g.about)
	f := pci.Finding{
		Subject: p.Ref, Pos: r.Pos, Status: pci.Fail, Key: r.Path,
		Because: []pci.Because{{Ref: p.Ref, Pos: r.Pos, Msg: fmt.Sprintf("%s allows %s", r.Path, g.conns)}},
		Witness: pci.WitnessOf(in.Model.Witness(reach.OfPod(g.src), reach.OfPod(g.dst), g.conns)),
	}
	side, blocked := trace.Egress, g.src
	if other == policy.Ingress {
		side, blocked = trace.Ingress, g.dst
	}
	above := deniedAbove(side, g.conns)
	var by []string
	for _, pt := range side.Policies {
		if above == pt.Policy || above == nil && pt.Isolates {
			by = append(by, pt.Policy.Ref.String())
			f.Because = append(f.Because, pci.Because{Ref: pt.Policy.Ref, Pos: pt.Policy.Pos, Msg: fmt.Sprintf("isolates %s for %s and does not allow it", blocked.Workload.Ref, other)})
		}
	}
	more := ""
	if len(gs) > 1 {
		var names []string
		for _, other := range gs[1:] {
			names = append(names, fmt.Sprint(other.src.Workload.Ref, " ", other.dst.Workload.Ref, " ", other.conns))
		}
		more = fmt.Sprintf(", and %d more pairs alike", len(gs)-1) + pci.Rest(names)
	}
	f.Message = fmt.Sprintf("%s allows %s -> %s %s, but it is denied: %s of %s is closed by %s%s",
		p.Ref, g.src.Workload.Ref, g.dst.Workload.Ref, g.conns, other, blocked.Workload.Ref, listed(by), more)
	if !sure {
		f.Status, f.Because = pci.Unknown, append(f.Because[:1], pci.ReasonsOf(trace.Reasons)...)
		f.Message = fmt.Sprintf("%s allows %s -> %s %s; whether %s of %s lets it through is not decided%s",
			p.Ref, g.src.Workload.Ref, g.dst.Workload.Ref, g.conns, other, blocked.Workload.Ref, more)
		return f
	}
	switch {
	case in.Profile.Enforces == enforcer.No:
	case above != nil:
		f.Fix = aboveFix(above)
	default:
		f.Fix = missing(in.Cluster, other, gs)
	}
	return f
}

// missing is the policies that add what the other side lacks.
func missing(c *cluster.Cluster, d policy.Direction, gs []gap) *pci.Fix {
	var docs, taken []string
	for _, g := range gs {
		w, peer, way := g.src.Workload, g.dst.Workload, "-to-"
		if d == policy.Ingress {
			w, peer, way = peer, w, "-from-"
		}
		name := freeName(c, w.Ref.Namespace, w.Ref.Name+way+peer.Ref.Name, taken)
		doc := policyYAML(c, name, w, d, []allowed{{peer, g.conns}})
		if doc == "" {
			return &pci.Fix{Text: fmt.Sprintf("add an %s rule for this connection to a policy that selects %s", d, w.Ref)}
		}
		docs, taken = append(docs, doc), append(taken, w.Ref.Namespace+"/"+name)
	}
	return &pci.Fix{Text: "add the missing " + d.String() + " rule, if the connection is wanted", YAML: strings.Join(docs, "---\n")}
}
