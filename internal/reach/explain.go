package reach

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Isolation says whether policies isolate a pod in one direction: whether what no rule allows is denied.
type Isolation struct {
	Must, May bool
	Policies  []*policy.Policy // those that isolate it, certainly or possibly
	Reasons   []Reason         // why Must and May differ, or why nothing can isolate the pod
}

// Isolation of a pod. Host-network pods are never isolated by pod policies.
func (m *Model) Isolation(p *cluster.Pod, d policy.Direction) Isolation {
	var out Isolation
	if p.HostNetwork {
		out.Reasons = []Reason{{Code: "host-network", Msg: "the pod uses its node's network, which pod policies do not bind", Pos: p.Pos(), Ref: p.Workload.Ref}}
		return out
	}
	pr := m.profileAt(policy.Network, d, m.classOf(p))
	for _, k := range pr.picks {
		q := &m.policies[k.policy]
		if !q.Isolates[d] && len(q.Doubts) == 0 {
			continue
		}
		out.May = true
		out.Must = out.Must || k.sure
		out.Policies = append(out.Policies, q.Policy)
		if !k.sure {
			out.Reasons = append(out.Reasons, m.pickReasons(q, p)...)
		}
	}
	for _, o := range pr.opaque {
		if q := m.opaque[o]; !q.Restricts {
			out.Must, out.May = false, true
			out.Reasons = append(out.Reasons, opaqueReason(q))
		}
	}
	if m.maybeOff[d] && out.May {
		out.Must = false
		out.Reasons = append(out.Reasons, m.offReason(d))
	}
	if out.Must {
		out.Reasons = nil
	}
	out.Reasons = sortReasons(out.Reasons)
	return out
}

// Trace is the full account of one question.
type Trace struct {
	Src, Dst        Peer
	Query           netset.Conns
	Bounds          // within Query
	Egress, Ingress Side
	Mesh            []Side // the mesh's part at the source, then at the destination; none without a mesh
	Reasons         []Reason
	Witness         *Witness // one packet that is allowed, else one that is denied; nil when Query is empty
}

// Side is one end's part in a Trace, in one layer.
type Side struct {
	Layer     policy.Layer
	Direction policy.Direction
	Applies   bool // false: this end has no pod policies; Note says why
	Note      string
	Isolated  enforcer.Answer
	Policies  []PolicyTrace // in evaluation order
	Remarks   []Reason      // what policies say of the endpoint that changes no answer
	Bounds                  // what this side lets through of the query
}

// PolicyTrace is a policy that selects the endpoint, with its rules of that direction.
type PolicyTrace struct {
	Policy   *policy.Policy
	Isolates bool
	Sure     bool // it certainly selects the endpoint and is in force
	Rules    []RuleTrace
	// Ends is what of the query its tier certainly denies after its last policy, because the tier isolates and no
	// rule of it decides. It is set on that policy only.
	Ends netset.Conns
}

// RuleTrace is what one rule matches of the query. Late is the part of Possible that never comes to the rule,
// because rules or tiers before it certainly decide it otherwise.
type RuleTrace struct {
	Rule              *policy.Rule
	Certain, Possible netset.Conns
	Late              netset.Conns
	Doubts            []policy.Doubt
}

// Explain answers for the connections of q and shows the rules that decide. Of a peer with several pods or
// addresses it shows the first; the bounds are those of the whole peer.
func (m *Model) Explain(src, dst Peer, q netset.Conns) Trace {
	b := m.Between(src, dst)
	t := Trace{Src: src, Dst: dst, Query: q, Bounds: Bounds{b.Must.Intersect(q), b.May.Intersect(q)}}
	s, d := m.shown(src), m.shown(dst)
	t.Egress.Direction = policy.Egress
	if src.Entity == OwnNode {
		t.Egress = Side{Direction: policy.Egress, Note: "a node's own processes have no pod policies", Bounds: Bounds{q, q}}
		t.Ingress = Side{Note: "traffic from a pod's own node is let in by the engine, whatever policies say (Kubernetes NetworkPolicySpec)", Bounds: t.Bounds}
	} else if s >= 0 && d >= 0 {
		t.Egress = m.explainSide(policy.Network, policy.Egress, s, d, q)
		t.Ingress = m.explainSide(policy.Network, policy.Ingress, d, s, q)
		if m.layered[policy.Mesh] {
			t.Mesh = []Side{m.explainSide(policy.Mesh, policy.Egress, s, d, q), m.explainSide(policy.Mesh, policy.Ingress, d, s, q)}
		}
	}
	if !t.Decided() {
		t.Reasons = m.Reasons(src, dst)
	}
	// Edges speak of TCP, UDP and SCTP; who asks for another protocol by name is told that it is open.
	if rest := q.Subtract(netset.Transport()).Subtract(t.May); !rest.IsEmpty() && len(m.Limits()) > 0 && (t.Egress.Isolated != enforcer.No || t.Ingress.Isolated != enforcer.No) {
		t.May = t.May.Union(rest)
		t.Reasons = append(t.Reasons, m.Limits()...)
	}
	if !q.IsEmpty() {
		show := t.Must
		if show.IsEmpty() {
			show = t.May
		}
		if show.IsEmpty() {
			show = q
		}
		w := m.Witness(src, dst, show)
		t.Witness = &w
	}
	return t
}

// RuleBetween is what a rule of a policy certainly matches of the traffic between two pods, as in the trace of Explain:
// nothing where the policy does not select the pod at its end, or is not in force.
func (m *Model) RuleBetween(p *policy.Policy, r *policy.Rule, src, dst *cluster.Pod) netset.Conns {
	end, other := m.classOf(src), m.classOf(dst)
	if r.Direction == policy.Ingress {
		end, other = other, end
	}
	if m.points[end].kind != podPoint {
		return netset.None()
	}
	pr := m.profileAt(policy.Network, r.Direction, end)
	for _, k := range pr.picks {
		q := &m.policies[k.policy]
		if q.Policy != p {
			continue
		}
		for j := range q.Rules {
			if &q.Rules[j] != r {
				continue
			}
			var out netset.Conns
			for _, g := range m.families {
				out = out.Union(m.match(pr.binding, k, j, g, other).Must)
			}
			return out
		}
	}
	return netset.None()
}

// SidesBetween is what the policies at each end let through between two pods, by direction, as in the trace of Explain.
func (m *Model) SidesBetween(src, dst *cluster.Pod) [2]Bounds {
	s, d := m.classOf(src), m.classOf(dst)
	ids := [2]boundsID{noneID, noneID}
	for _, g := range m.families {
		ids[policy.Egress] = m.conns.or2(ids[policy.Egress], m.side(policy.Network, policy.Egress, s, g, d))
		ids[policy.Ingress] = m.conns.or2(ids[policy.Ingress], m.side(policy.Network, policy.Ingress, d, g, s))
	}
	return [2]Bounds{m.conns.bounds(ids[0]), m.conns.bounds(ids[1])}
}

func (m *Model) shown(p Peer) int {
	if p.Entity == OwnNode {
		return m.nodesAny
	}
	if p.Workload != nil {
		return m.classOf(p.Workload.Pods[0])
	}
	if pts := m.pointsOf(p); len(pts) > 0 {
		return pts[0]
	}
	return -1
}

func (m *Model) explainSide(l policy.Layer, d policy.Direction, end, other int, q netset.Conns) Side {
	out := Side{Layer: l, Direction: d, Bounds: Bounds{q, q}}
	ids := noneID
	for _, g := range m.families {
		ids = m.conns.or2(ids, m.side(l, d, end, g, other))
	}
	b := m.conns.bounds(ids)
	out.Bounds = Bounds{b.Must.Intersect(q), b.May.Intersect(q)}
	switch m.points[end].kind {
	case hostPoint:
		out.Note = "nodes and host-network pods have no pod policies"
		return out
	case atomPoint:
		out.Note = "addresses outside the cluster have no policies here"
		return out
	case podPoint:
	}
	out.Applies, out.Isolated = true, m.isolated(l, d, end)
	out.Policies = m.tracePolicies(m.profileAt(l, d, end), other, q)
	for _, i := range m.withNotes() {
		p := &m.policies[i]
		if p.Layer == l && speaksOf(p.Policy, d) && m.subject(p.Policy, m.points[end].pod) != enforcer.No {
			for _, n := range p.Notes {
				out.Remarks = append(out.Remarks, Reason{Code: "note", Msg: n.Msg, Pos: n.Pos, Ref: n.Ref})
			}
		}
	}
	return out
}

// withNotes is the policies that say something of themselves. They are few.
func (m *Model) withNotes() []int32 {
	if m.noted == nil {
		m.noted = []int32{}
		for i := range m.inOrder() {
			if len(m.policies[i].Notes) > 0 {
				m.noted = append(m.noted, int32(i))
			}
		}
	}
	return m.noted
}

// speaksOf tells whether a policy does something in a direction, or nothing in either: then its notes are all it has.
func speaksOf(p *policy.Policy, d policy.Direction) bool {
	does := p.Isolates
	for i := range p.Rules {
		does[p.Rules[i].Direction] = true
	}
	return does[d] || does == [2]bool{}
}

// tracePolicies shows the policies of a profile and what their rules match at a point.
func (m *Model) tracePolicies(pr *profile, other int, q netset.Conns) []PolicyTrace {
	var out []PolicyTrace
	// What is certainly decided: for good, by the rules of this tier but allowed, and otherwise.
	var final, allowed, left netset.Conns
	// What rules possibly allow so far, and what those of this tier possibly pass on. isolates says that the tier
	// certainly denies all else.
	var maybeAllowed, maybePassed netset.Conns
	isolates := false
	settled := pr.alt == nil && !pr.lost && !pr.open
	for at := 0; at < len(pr.picks); {
		if at > 0 && m.policies[pr.picks[at].policy].Tier != m.policies[pr.picks[at-1].policy].Tier {
			final, allowed, left = final.Union(allowed), netset.Conns{}, netset.Conns{}
			maybePassed, isolates = netset.Conns{}, false
		}
		var denied, passed, let netset.Conns
		end := m.tied(pr.picks, at)
		for _, k := range pr.picks[at:end] {
			p := &m.policies[k.policy]
			pt := PolicyTrace{Policy: p.Policy, Isolates: p.Isolates[pr.dir], Sure: k.sure && (pr.layer != policy.Network || !m.maybeOff[pr.dir])}
			isolates = isolates || pt.Isolates && pt.Sure && settled
			if len(p.Doubts) > 0 {
				maybeAllowed = netset.All()
			}
			for j := range p.Rules {
				r := &p.Rules[j]
				if r.Direction != pr.dir {
					continue
				}
				var b Bounds
				every := netset.All() // what the rule matches whatever the address family
				for _, g := range m.families {
					one := m.match(pr.binding, k, j, g, other)
					b, every = b.union(one), every.Intersect(one.Must)
				}
				rt := RuleTrace{Rule: r, Certain: b.Must.Intersect(q), Possible: b.May.Intersect(q), Doubts: append(slices.Clip(r.Doubts), r.Limits...)}
				rt.Late = final.Union(left)
				if r.Action != policy.Allow {
					rt.Late = rt.Late.Union(allowed)
				}
				rt.Late = rt.Late.Intersect(rt.Possible)
				switch r.Action {
				case policy.Allow:
					maybeAllowed = maybeAllowed.Union(rt.Possible.Subtract(rt.Late))
				case policy.Pass:
					maybePassed = maybePassed.Union(rt.Possible.Subtract(rt.Late))
				case policy.Deny:
				}
				if pt.Rules = append(pt.Rules, rt); !pt.Sure {
					continue
				}
				switch won := every.Subtract(rt.Late); r.Action {
				case policy.Allow:
					let = let.Union(won)
				case policy.Deny:
					denied = denied.Union(won)
				case policy.Pass:
					passed = passed.Union(won)
				}
				if end == at+1 { // rules of one policy come one after the other
					allowed, final, left = allowed.Union(let), final.Union(denied), left.Union(passed)
				}
			}
			out = append(out, pt)
		}
		allowed, final, left = allowed.Union(let), final.Union(denied), left.Union(passed)
		if last := end == len(pr.picks) || m.policies[pr.picks[end].policy].Tier != m.policies[pr.picks[at].policy].Tier; last && isolates {
			rest := q.Subtract(maybeAllowed).Subtract(maybePassed).Subtract(final)
			final = final.Union(rest)
			out[len(out)-1].Ends = rest
		}
		at = end
	}
	return out
}

// isolated tells whether policies of a layer isolate the pods of a class. For the network it is what Isolation says.
func (m *Model) isolated(l policy.Layer, d policy.Direction, class int) enforcer.Answer {
	pr := m.profileAt(l, d, class)
	must, may := false, false
	for _, k := range pr.picks {
		if q := &m.policies[k.policy]; q.Isolates[d] || len(q.Doubts) > 0 {
			may, must = true, must || k.sure && (l == policy.Network || q.Isolates[d])
		}
	}
	if l == policy.Network {
		for _, o := range pr.opaque {
			if !m.opaque[o].Restricts {
				must, may = false, true
			}
		}
		must = must && !m.maybeOff[d]
	}
	switch {
	case must:
		return enforcer.Yes
	case !may:
		return enforcer.No
	}
	return enforcer.Unknown
}
