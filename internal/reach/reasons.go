package reach

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

func (m *Model) offReason(d policy.Direction) Reason {
	if m.profile.Enforces == enforcer.Unknown {
		if len(m.profile.Because) > 0 {
			return Reason{Code: "enforcer-unknown", Msg: "the input does not show for sure which engine enforces policies (see CNI-01), so they may not be enforced at all; state it with --enforcer"}
		}
		return Reason{Code: "enforcer-unknown", Msg: "nothing in the input shows which engine enforces policies, so they may not be enforced at all; state it with --enforcer"}
	}
	return Reason{Code: "enforcer-unknown", Msg: fmt.Sprintf("it is not known whether %s enforces %s policies", m.profile.Name, d)}
}

func opaqueReason(o opaqueKind) Reason {
	if o.Msg != "" {
		return Reason{Code: "kind-not-modelled", Msg: o.Ref.String() + " " + o.Msg, Pos: o.Pos, Ref: o.Ref}
	}
	msg := o.Ref.String() + " decides about this traffic too, and its kind is not modelled yet"
	if !o.sure {
		msg = o.Ref.String() + " may decide about this traffic too; its kind is not modelled yet"
	}
	return Reason{Code: "kind-not-modelled", Msg: msg, Pos: o.Pos, Ref: o.Ref}
}

// pickReasons says why it is not certain that q binds the pod.
func (m *Model) pickReasons(q *applied, pod *cluster.Pod) []Reason {
	out := doubtReasons(q.Doubts)
	if len(q.Doubts) == 0 && !q.sure {
		msg := fmt.Sprintf("it is not known whether %s honours %s objects of group %s", m.profile.Name, q.Ref.Kind, q.Ref.Group)
		code := "kind-not-sure"
		if q.Under == policy.RulesAlways && m.profile.RulesAlways != enforcer.Yes {
			code, msg = "engine-habit", "policyTypes leaves this direction out, and some engines enforce its rules all the same; state the engine with --enforcer"
		}
		out = append(out, Reason{Code: code, Msg: msg, Pos: q.Pos, Ref: q.Ref})
	}
	if m.bare(pod) {
		out = append(out, Reason{Code: "bare-pod", Msg: fmt.Sprintf("it is not known whether %s binds pods that no controller owns", m.profile.Name), Pos: q.Pos, Ref: q.Ref})
	}
	if q.Tier == policy.BaselineTier && m.profile.BaselineByDirection != enforcer.Yes {
		out = append(out, Reason{Code: "engine-habit", Msg: "the API leaves open whether the baseline tier counts for a pod that a NetworkPolicy selects for the other direction only", Pos: q.Pos, Ref: q.Ref})
	}
	if m.subject(q.Policy, pod) == enforcer.Unknown {
		for i := range q.Subjects {
			out = append(out, m.termReasons(q.Ref, &q.Subjects[i], pod, q.Policy.Pos)...)
		}
	}
	return out
}

// Reasons says why Must and May differ between two peers. It is never empty when they do.
// The result may be shared and must not be changed.
func (m *Model) Reasons(src, dst Peer) []Reason {
	b := m.Between(src, dst)
	if b.Decided() {
		return nil
	}
	if m.plainOff != nil && src.Entity == "" && dst.Entity == "" && !onHost(src) && !onHost(dst) && (src.Pod == nil || src.Pod != dst.Pod) {
		return m.plainOff
	}
	var out []Reason
	if src.Pod != nil && src.Pod == dst.Pod {
		out = append(out, Reason{Code: "loopback", Msg: "Kubernetes leaves open whether policies apply to a pod's traffic with itself"})
	}
	out = append(out, m.nodeReasons(src, dst)...)
	ss, ds := m.pointsOf(src), m.pointsOf(dst)
	distinct := map[boundsID]bool{}
	for _, s := range ss {
		for _, d := range ds {
			ids := m.pointPair(s, d)
			distinct[ids] = true
			for _, f := range m.families {
				for _, l := range policy.Layers {
					out = append(out, m.sideReasons(l, policy.Egress, s, f, d)...)
					out = append(out, m.sideReasons(l, policy.Ingress, d, f, s)...)
				}
				if b := m.sides(policy.Network, s, d, f); m.inTunnel(s, d) && b != m.tunnelled(b) {
					out = append(out, Reason{Code: "tunnel", Msg: fmt.Sprintf("in an ambient mesh all TCP between these pods goes through tcp/%d, which network policies treat in another way than the port itself", tunnelPort)})
				}
			}
		}
	}
	if len(distinct) > 1 {
		switch {
		case src.IsOutside() || dst.IsOutside():
			out = append(out, Reason{Code: "addresses-differ", Msg: "the policies do not treat all of these addresses alike"})
		case len(out) == 0:
			out = append(out, Reason{Code: "pods-differ", Msg: "the pods of a workload are not all treated alike"})
		}
	}
	if len(out) == 0 {
		out = append(out, Reason{Code: "pods-differ", Msg: "what is not known on one side leaves the whole open"})
	}
	return sortReasons(out)
}

// nodeReasons says what sharing a node leaves open.
func (m *Model) nodeReasons(src, dst Peer) []Reason {
	var out []Reason
	add := func(code, msg string) { out = append(out, Reason{Code: code, Msg: msg}) }
	from, to := locate(src), locate(dst)
	share := from.hosts.share(to.pods)
	switch {
	case share == enforcer.Unknown && m.fromOwnNode != enforcer.No:
		add("same-node", "a node's own processes and host-network pods always reach the pods of that node, and whether these two share one is not known")
	case (share != enforcer.No || src.Entity == OwnNode) && m.fromOwnNode == enforcer.Unknown:
		add("same-node", "whether policies bind what a node sends to its own pods depends on the engine and its settings")
	}
	if dst.Entity == OwnNode || from.pods.share(to.hosts) != enforcer.No {
		if m.profile.ToOwnNode != enforcer.Yes {
			add("own-node", "engines differ in whether egress policies bind a pod's traffic to its own node")
		}
		if m.profile.DropsToOwnNode == enforcer.Unknown {
			add("own-node", "whether what a pod sends to its own node is dropped hangs on a setting of the engine that is not in the input (Calico: defaultEndpointToHostAction)")
		}
	}
	return out
}

func (m *Model) sideReasons(l policy.Layer, d policy.Direction, end int, f family, other int) []Reason {
	ids := m.side(l, d, end, f, other)
	if m.conns.decided(ids) {
		return nil
	}
	var out []Reason
	if end >= m.hosts {
		for _, o := range m.hosted {
			out = append(out, opaqueReason(o))
		}
		return out
	}
	pr := m.profileAt(l, d, end)
	for _, o := range pr.opaque {
		out = append(out, opaqueReason(m.opaque[o]))
	}
	if l == policy.Network && m.maybeOff[d] {
		out = append(out, m.offReason(d))
		if m.profile.Enforces == enforcer.Unknown { // the engine settles the rest, or shows what else is open
			return out
		}
	}
	for at := 0; at < len(pr.picks); {
		tied := m.tied(pr.picks, at)
		if tied > at+1 {
			out = append(out, m.tieReasons(pr.picks[at:tied])...)
		}
		for ; at < tied; at++ {
			k := pr.picks[at]
			q := &m.policies[k.policy]
			if !k.sure {
				out = append(out, m.pickReasons(q, m.points[end].pod)...)
			}
			for j := range q.Rules {
				if q.Rules[j].Direction == d {
					out = append(out, m.ruleReasons(pr, k, j, f, other)...)
				}
			}
		}
	}
	return out
}

// tieReasons names policies of which nothing says which comes first.
func (m *Model) tieReasons(picks []pick) []Reason {
	var out []Reason
	first := &m.policies[picks[0].policy]
	for _, k := range picks[1:] {
		q := &m.policies[k.policy]
		if q.Ref == first.Ref {
			continue // two parts of one object
		}
		out = append(out, Reason{
			Code: "tie", Pos: q.Pos, Ref: q.Ref,
			Msg: fmt.Sprintf("%s has the same place in its tier as %s, and nothing says which of the two comes first", q.Ref, first.Ref),
		})
	}
	return out
}

// ruleReasons says why a rule possibly but not certainly matches a point.
func (m *Model) ruleReasons(pr *profile, k pick, j int, f family, other int) []Reason {
	b := m.match(pr.binding, k, j, f, other)
	if b.Decided() {
		return nil
	}
	q := &m.policies[k.policy]
	r := &q.Rules[j]
	out := append(doubtReasons(r.Doubts), doubtReasons(r.Limits)...)
	for i := range r.Peers {
		out = append(out, m.peerReasons(q, &r.Peers[i], m.peer(q.rules[j].peers[f][i]), f, other)...)
	}
	return out
}

// peerReasons says why a peer possibly but not certainly matches a point.
func (m *Model) peerReasons(q *applied, peer *policy.Peer, set matched, f family, other int) []Reason {
	if !set.possible.has(other) || set.certain.has(other) {
		return nil
	}
	if peer.Doubt != nil {
		return doubtReasons([]policy.Doubt{*peer.Doubt})
	}
	pt := &m.points[other]
	reason := func(code, format string, args ...any) []Reason {
		return []Reason{{Code: code, Msg: fmt.Sprintf(format, args...), Pos: peer.Pos, Ref: q.Ref}}
	}
	addrs := peer.Addrs
	switch peer.Kind {
	case policy.PodPeer:
		if pt.kind == hostPoint {
			return reason("engine-habit", "engines differ in whether selectors of peers match host-network pods")
		}
		out := m.termReasons(q.Ref, &peer.Term, pt.pod, peer.Pos)
		if len(out) > 0 || peer.Within == nil {
			return out
		}
		addrs = *peer.Within
	case policy.NodePeer:
		if m.nodePeers(q.Ref.GroupKind()) != enforcer.Yes {
			return reason("kind-not-sure", "it is not known whether %s honours peers that name nodes", m.profile.Name)
		}
		return reason("node-labels", "the labels of the node are not in the input, so it is not known whether it matches %s", peer.Nodes)
	case policy.AddrPeer:
	case policy.AnyPeer, policy.DoubtPeer:
		return nil
	}
	switch {
	case m.inAddrs(pt.addr[f], addrs) == enforcer.Yes:
		return reason("enforcer-unknown", "engines differ in whether an ipBlock matches addresses inside the cluster; state the engine with --enforcer")
	case pt.kind == hostPoint:
		return reason("node-address", "the addresses of nodes are not known well enough to say whether %s holds them; state them with --node-cidr", addrs)
	}
	return reason("pod-address", "the addresses of pods are not known well enough to say whether %s holds them; state them with --pod-cidr", addrs)
}

func doubtReasons(ds []policy.Doubt) []Reason {
	var out []Reason
	for _, d := range ds {
		out = append(out, Reason{Code: "not-understood", Msg: d.Msg, Pos: d.Pos, Ref: d.Ref})
	}
	return out
}
