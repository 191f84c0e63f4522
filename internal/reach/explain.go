package reach

import (
	"fmt"
	"net/netip"
	"strings"

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
	pr := m.profileAt(policy.Network, d, m.classOf[p])
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
	if m.plainOff != nil && src.Entity == "" && dst.Entity == "" && !locate(src).hosted() && !locate(dst).hosted() && (src.Pod == nil || src.Pod != dst.Pod) {
		return m.plainOff
	}
	var out []Reason
	if src.Pod != nil && src.Pod == dst.Pod {
		out = append(out, Reason{Code: "loopback", Msg: "Kubernetes leaves open whether policies apply to a pod's traffic with itself"})
	}
	out = append(out, nodeReasons(src, dst)...)
	ss, ds := m.pointsOf(src), m.pointsOf(dst)
	distinct := map[ids2]bool{}
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
func nodeReasons(src, dst Peer) []Reason {
	var out []Reason
	from, to := locate(src), locate(dst)
	if from.hosts.share(to.pods) == enforcer.Unknown {
		out = append(out, Reason{Code: "same-node", Msg: "a node's own processes and host-network pods always reach the pods of that node, and whether these two share one is not known"})
	}
	if dst.Entity == OwnNode || from.pods.share(to.hosts) != enforcer.No {
		out = append(out, Reason{Code: "own-node", Msg: "engines differ in whether egress policies bind a pod's traffic to its own node"})
	}
	return out
}

func (m *Model) sideReasons(l policy.Layer, d policy.Direction, end int, f family, other int) []Reason {
	ids := m.side(l, d, end, f, other)
	if ids.must == ids.may {
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
		tied := m.tied(pr, at)
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
	b := m.match(pr, k, j, f, other)
	if b.Decided() {
		return nil
	}
	q := &m.policies[k.policy]
	r := &q.Rules[j]
	out := append(doubtReasons(r.Doubts), doubtReasons(r.Limits)...)
	for i := range r.Peers {
		out = append(out, m.peerReasons(q, &r.Peers[i], f, other)...)
	}
	return out
}

// peerReasons says why a peer possibly but not certainly matches a point.
func (m *Model) peerReasons(q *applied, peer *policy.Peer, f family, other int) []Reason {
	var one ruleSets
	one.certain[f], one.possible[f] = newBitset(len(m.points)), newBitset(len(m.points))
	m.matchPeer(q.Ref.GroupKind(), peer, f, &one)
	if !one.possible[f].has(other) || one.certain[f].has(other) {
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
}

// RuleTrace is what one rule matches of the query.
type RuleTrace struct {
	Rule              *policy.Rule
	Certain, Possible netset.Conns
	Doubts            []policy.Doubt
}

// Explain answers for the connections of q and shows the rules that decide. Of a peer with several classes
// of pods or addresses it shows the first; the bounds are those of the whole peer.
func (m *Model) Explain(src, dst Peer, q netset.Conns) Trace {
	b := m.Between(src, dst)
	t := Trace{Src: src, Dst: dst, Query: q, Bounds: Bounds{b.Must.Intersect(q), b.May.Intersect(q)}}
	s, d := m.shown(src), m.shown(dst)
	t.Egress.Direction = policy.Egress
	if src.Entity == OwnNode {
		t.Egress = Side{Direction: policy.Egress, Note: "a node's own processes have no pod policies", Bounds: Bounds{q, q}}
		t.Ingress = Side{Note: "traffic from a pod's own node is always allowed (Kubernetes NetworkPolicySpec)", Bounds: Bounds{q, q}}
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

func (m *Model) shown(p Peer) int {
	if p.Entity == OwnNode {
		return m.nodesAny
	}
	if pts := m.pointsOf(p); len(pts) > 0 {
		return pts[0]
	}
	return -1
}

func (m *Model) explainSide(l policy.Layer, d policy.Direction, end, other int, q netset.Conns) Side {
	out := Side{Layer: l, Direction: d, Bounds: Bounds{q, q}}
	var ids ids2
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
	f := m.families[0]
	pr := m.profileAt(l, d, end)
	for _, k := range pr.picks {
		p := &m.policies[k.policy]
		pt := PolicyTrace{Policy: p.Policy, Isolates: p.Isolates[d], Sure: k.sure && !(l == policy.Network && m.maybeOff[d])}
		for j := range p.Rules {
			if p.Rules[j].Direction != d {
				continue
			}
			rb := m.match(pr, k, j, f, other)
			for _, g := range m.families[1:] {
				rb = rb.union(m.match(pr, k, j, g, other))
			}
			pt.Rules = append(pt.Rules, RuleTrace{Rule: &p.Rules[j], Certain: rb.Must.Intersect(q), Possible: rb.May.Intersect(q), Doubts: p.Rules[j].Doubts})
		}
		out.Policies = append(out.Policies, pt)
	}
	for i := range m.policies {
		p := &m.policies[i]
		if p.Layer == l && len(p.Notes) > 0 && m.subject(p.Policy, m.points[end].pod) != enforcer.No {
			for _, n := range p.Notes {
				out.Remarks = append(out.Remarks, Reason{Code: "note", Msg: n.Msg, Pos: n.Pos, Ref: n.Ref})
			}
		}
	}
	return out
}

// isolated tells whether policies of a layer isolate the pods of a class.
func (m *Model) isolated(l policy.Layer, d policy.Direction, class int) enforcer.Answer {
	if l == policy.Network {
		switch iso := m.Isolation(m.points[class].pod, d); {
		case iso.Must:
			return enforcer.Yes
		case !iso.May:
			return enforcer.No
		}
		return enforcer.Unknown
	}
	answer := enforcer.No
	for _, k := range m.profileAt(l, d, class).picks {
		switch q := &m.policies[k.policy]; {
		case q.Isolates[d] && k.sure:
			return enforcer.Yes
		case q.Isolates[d] || len(q.Doubts) > 0:
			answer = enforcer.Unknown
		}
	}
	return answer
}

// Witness is one concrete packet. Addresses are empty when not known.
type Witness struct {
	Src, Dst         string
	SrcAddr, DstAddr string
	Protocol         netset.Protocol
	Port             uint16
}

// String gives "Deployment a/web -> Deployment b/db tcp/5432".
func (w Witness) String() string {
	end := func(name, addr string) string {
		if addr == "" || addr == name {
			return name
		}
		return name + " (" + addr + ")"
	}
	port := strings.ToLower(w.Protocol.String())
	if w.Port != 0 {
		port = fmt.Sprintf("%s/%d", port, w.Port)
	}
	return end(w.Src, w.SrcAddr) + " -> " + end(w.Dst, w.DstAddr) + " " + port
}

// Witness picks one packet out of conns, preferring a port that the destination listens on.
func (m *Model) Witness(src, dst Peer, conns netset.Conns) Witness {
	w := Witness{Src: name(src), Dst: name(dst), SrcAddr: address(src), DstAddr: address(dst)}
	w.Protocol, w.Port, _ = conns.First()
	var pods []*cluster.Pod
	switch {
	case dst.Workload != nil:
		pods = dst.Workload.Pods
	case dst.Pod != nil:
		pods = []*cluster.Pod{dst.Pod}
	}
	for _, p := range pods {
		for _, q := range p.Ports {
			if conns.Contains(q.Protocol, uint16(q.Number)) {
				w.Protocol, w.Port = q.Protocol, uint16(q.Number)
				return w
			}
		}
	}
	return w
}

func name(p Peer) string {
	if p.IsOutside() {
		return address(p)
	}
	return p.String()
}

// exampleAddrs is preferred for outside addresses: TEST-NET-3 and the IPv6 documentation range.
var exampleAddrs = [2]netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, 10}), netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 0x10})}

func address(p Peer) string {
	var ips []netip.Addr
	switch {
	case p.Pod != nil:
		ips = p.Pod.IPs
	case p.Workload != nil:
		ips = p.Workload.Pods[0].IPs
	case p.IsOutside():
		for _, a := range exampleAddrs {
			if p.Addrs.Contains(a) {
				return a.String()
			}
		}
		if a, ok := p.Addrs.First(); ok {
			return a.String()
		}
	}
	if len(ips) > 0 {
		return ips[0].String()
	}
	return ""
}
