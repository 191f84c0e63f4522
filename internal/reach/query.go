package reach

import (
	"cmp"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// side is the bounds that one end's policies of a layer put on the traffic with a point. Addresses have no
// policies; those of nodes are not modelled, and leave everything open.
func (m *Model) side(l policy.Layer, d policy.Direction, end int, f family, other int) boundsID {
	switch {
	case !m.layered[l]:
		return allID
	case end < m.hosts:
		return m.at(m.profileAt(l, d, end), f, other)
	case end < m.atoms && l == policy.Network && len(m.hosted) > 0:
		return openID
	}
	return allID
}

func (m *Model) profileAt(l policy.Layer, d policy.Direction, class int) *profile {
	return m.profiles[l][d][m.byClass[l][d][class]]
}

// sides is the bounds of a layer at both ends.
func (m *Model) sides(l policy.Layer, s, d int, f family) boundsID {
	return m.conns.and2(m.side(l, policy.Egress, s, f, d), m.side(l, policy.Ingress, d, f, s))
}

// tunnelPort is where an Istio ambient mesh carries all TCP between its pods, and all that the network then
// sees of it (Istio "Ambient and Kubernetes NetworkPolicy").
const tunnelPort = 15008

// tunnelled is what the network lets through between two pods of an ambient mesh. What the port of the tunnel
// carries may be any port. Whether a connection goes around the tunnel is not known, so what the network says
// of its own port counts, too, as far as both agree.
func (m *Model) tunnelled(b boundsID) boundsID {
	plain := m.conns.bounds(b)
	tcp, port := netset.Of(netset.TCP), netset.Ports(netset.TCP, tunnelPort, tunnelPort)
	if !plain.Must.Covers(port) {
		plain.Must = plain.Must.Subtract(tcp)
	}
	if plain.May.Covers(port) {
		plain.May = plain.May.Union(tcp)
	}
	return m.conns.boundsOf(plain)
}

// inTunnel tells whether two points are pods that an ambient mesh may connect.
func (m *Model) inTunnel(s, d int) bool {
	return m.tunnels && m.points[s].ambient != enforcer.No && m.points[d].ambient != enforcer.No &&
		m.points[s].kind == podPoint && m.points[d].kind == podPoint
}

// pointPair is the bounds from point s to point d.
func (m *Model) pointPair(s, d int) boundsID {
	if s >= m.hosts && d >= m.hosts && len(m.hosted) == 0 {
		return allID // nodes, host-network pods and the outside: no pod policy
	}
	out := noneID
	for _, f := range m.families {
		if m.points[s].addr[f].none || m.points[d].addr[f].none {
			continue
		}
		b := m.sides(policy.Network, s, d, f)
		if m.inTunnel(s, d) {
			b = m.tunnelled(b)
		}
		if m.layered[policy.Mesh] {
			b = m.conns.and2(b, m.sides(policy.Mesh, s, d, f))
		}
		out = m.conns.or2(out, b)
		if m.points[s].kind == atomPoint || m.points[d].kind == atomPoint {
			break // an atom's answer does not depend on the family of the pod
		}
	}
	return out
}

// placement is where the pods of a peer run: the host-network ones, or the others.
type placement struct {
	nodes   map[string]bool
	unknown bool // some pod is not bound to a node yet
}

func place(pods []*cluster.Pod, hostNetwork bool) placement {
	var p placement
	for _, q := range pods {
		switch {
		case q.HostNetwork != hostNetwork:
		case q.NodeName == "":
			p.unknown = true
		case p.nodes == nil:
			p.nodes = map[string]bool{q.NodeName: true}
		default:
			p.nodes[q.NodeName] = true
		}
	}
	return p
}

func (p placement) empty() bool { return !p.unknown && len(p.nodes) == 0 }

// share tells whether host endpoints at p may run on the node of a pod at q. A node's own processes always
// reach its pods (NetworkPolicySpec: "traffic to and from the node where a Pod is running is always
// allowed").
func (p placement) share(q placement) enforcer.Answer {
	few, many := p.nodes, q.nodes
	if len(few) > len(many) {
		few, many = many, few
	}
	for n := range few {
		if many[n] {
			return enforcer.Yes
		}
	}
	if (p.unknown && !q.empty()) || (q.unknown && !p.empty()) {
		return enforcer.Unknown
	}
	return enforcer.No
}

// location is where the pods of a peer run, host-network pods and others apart.
type location struct{ hosts, pods placement }

// onHost tells whether some pod of a peer uses its node's network.
func onHost(p Peer) bool { return hosted(p.Workload) || p.Pod != nil && p.Pod.HostNetwork }

func locate(p Peer) location {
	switch {
	case p.Workload != nil:
		return location{place(p.Workload.Pods, true), place(p.Workload.Pods, false)}
	case p.Pod != nil:
		one := []*cluster.Pod{p.Pod}
		return location{place(one, true), place(one, false)}
	}
	return location{}
}

// sameNode changes b where one end may be a host endpoint on the node of the other. Into the pod such traffic
// is always allowed. Out of the pod the Kubernetes page says the same ("traffic to and from the node where a Pod
// is running is always allowed"), the API type does not, and engines differ (enforcer.Profile).
func (m *Model) sameNode(b boundsID, src, dst location) boundsID {
	ids := m.conns.pairs[b]
	switch share := src.hosts.share(dst.pods); both(share, m.fromOwnNode) {
	case enforcer.Yes:
		return allID
	case enforcer.Unknown:
		ids.may = allConns
	case enforcer.No:
	}
	share := src.pods.share(dst.hosts)
	if share == enforcer.No {
		return m.conns.pair(ids)
	}
	return m.conns.pair(m.toOwnNode(ids, share))
}

// toOwnNode is what a pod may send to its node, or a node that is perhaps its own, where b is what policies
// say.
func (m *Model) toOwnNode(b ids2, own enforcer.Answer) ids2 {
	switch p := m.profile; {
	case p.ToOwnNode == enforcer.No && own == enforcer.Yes:
		b = ids2{allConns, allConns}
	case p.ToOwnNode != enforcer.Yes:
		b.may = allConns
	}
	switch drops := both(m.profile.DropsToOwnNode, own); drops {
	case enforcer.Yes:
		return ids2{noConns, noConns}
	case enforcer.Unknown:
		b.must = noConns
	case enforcer.No:
	}
	return b
}

// Between answers for two peers. For a workload it speaks of any of its pods: Must says that some pod
// certainly can. For addresses Must speaks of every one of them, May of at least one.
func (m *Model) Between(src, dst Peer) Bounds {
	if src.Entity == OwnNode || dst.Entity == OwnNode {
		return m.ownNode(src, dst)
	}
	if src.Pod != nil && src.Pod == dst.Pod && !src.Pod.Template {
		b := m.conns.bounds(m.pointPair(m.classOf(src.Pod), m.classOf(src.Pod)))
		return Bounds{Must: b.Must, May: netset.All()}
	}
	out := noneID
	first := true
	var room [2][8]int
	ss, ds := m.pointsFor(room[0][:0], src, dst, policy.Ingress), m.pointsFor(room[1][:0], dst, src, policy.Egress)
	for _, s := range ss {
		for _, d := range ds {
			b := m.pointPair(s, d)
			switch {
			case first:
				out = b
			case src.IsOutside() || dst.IsOutside():
				x, y := m.conns.pairs[out], m.conns.pairs[b]
				out = m.conns.pair(ids2{m.conns.intersect(x.must, y.must), m.conns.union(x.may, y.may)})
			default:
				out = m.conns.or2(out, b)
			}
			first = false
		}
	}
	if onHost(src) || onHost(dst) {
		out = m.sameNode(out, locate(src), locate(dst))
	}
	return m.conns.bounds(out)
}

// pointsFor is the classes or atoms of a peer that Between has to look at, in room when they fit: of pods all, of
// addresses one from each stretch that the rows of the other end, which is asked for direction d, treat alike.
func (m *Model) pointsFor(room []int, p, other Peer, d policy.Direction) []int {
	switch {
	case p.Workload != nil:
		for _, q := range p.Workload.Pods {
			if c := m.classOf(q); len(room) == 0 || room[len(room)-1] != c {
				room = append(room, c)
			}
		}
		if len(room) > 1 {
			slices.Sort(room)
			room = slices.Compact(room)
		}
		return room
	case p.Pod != nil:
		return append(room, m.classOf(p.Pod))
	}
	out := m.pointsOf(p)
	if !p.IsOutside() || len(out) < 16 || other.IsOutside() {
		return out
	}
	var cuts []int
	for _, c := range m.pointsOf(other) {
		cuts = m.cutsOf(cuts, d, c)
	}
	slices.Sort(cuts)
	kept, last := out[:1], out[0]
	for _, a := range out[1:] {
		for len(cuts) > 0 && cuts[0] <= last {
			cuts = cuts[1:]
		}
		x, y := &m.points[last], &m.points[a]
		if len(cuts) > 0 && cuts[0] <= a || x.addr[v4].none != y.addr[v4].none || x.addr[v6].none != y.addr[v6].none {
			kept = append(kept, a)
		}
		last = a
	}
	return kept
}

// ownNode is traffic between a pod and its own node: to the pod it is always allowed, from the pod it goes
// by the pod's egress policies or is always allowed: engines differ (see sameNode).
func (m *Model) ownNode(src, dst Peer) Bounds {
	if src.Entity == OwnNode {
		out := m.Between(Peer{Entity: Nodes}, dst)
		switch m.fromOwnNode {
		case enforcer.Yes:
			return allBounds
		case enforcer.Unknown:
			out.May = netset.All()
		case enforcer.No:
		}
		return out
	}
	b := m.Between(src, Peer{Entity: Nodes})
	return m.conns.bounds(m.conns.pair(m.toOwnNode(ids2{m.conns.id(b.Must), m.conns.id(b.May)}, enforcer.Yes)))
}

// pointsOf is the classes or atoms a peer consists of, sorted.
func (m *Model) pointsOf(p Peer) []int {
	var out []int
	switch {
	case p.Workload != nil:
		for _, q := range p.Workload.Pods {
			out = append(out, m.classOf(q))
		}
	case p.Pod != nil:
		out = append(out, m.classOf(p.Pod))
	case p.Entity != "":
		out = append(out, m.nodesAny)
	default:
		m.line.within(p.Addrs, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				out = append(out, m.atoms+i)
			}
		})
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Path is a chain of connections. Certain says that every hop is in Must.
type Path struct {
	Hops    []Edge
	Certain bool
}

// Paths gives, for each workload of to that can be reached from one of from in at most maxHops connections,
// one shortest path: a certain one where there is one, else a possible one. Workloads in between must
// satisfy through (nil: any).
func (m *Model) Paths(from, to []*cluster.Workload, through func(*cluster.Workload) bool, maxHops int) []Path {
	out := m.search(from, to, through, maxHops, true)
	found := map[*cluster.Workload]bool{}
	for _, p := range out {
		found[p.Hops[len(p.Hops)-1].Dst.Workload] = true
	}
	rest := slices.DeleteFunc(slices.Clone(to), func(w *cluster.Workload) bool { return found[w] })
	out = append(out, m.search(from, rest, through, maxHops, false)...)
	slices.SortFunc(out, func(a, b Path) int {
		x, y := a.Hops[len(a.Hops)-1], b.Hops[len(b.Hops)-1]
		return cmp.Or(x.Dst.Workload.Ref.Compare(y.Dst.Workload.Ref), cmp.Compare(len(a.Hops), len(b.Hops)))
	})
	return out
}

// search walks layer by layer over certain or possible connections.
func (m *Model) search(from, to []*cluster.Workload, through func(*cluster.Workload) bool, maxHops int, certain bool) []Path {
	type step struct {
		prev *cluster.Workload
		edge Edge
	}
	came := map[*cluster.Workload]step{}
	want := map[*cluster.Workload]bool{}
	for _, w := range to {
		want[w] = true
	}
	layer := slices.Clone(from)
	for _, w := range from {
		came[w] = step{}
	}
	var out []Path
	for hop := 0; hop < maxHops && len(layer) > 0 && len(want) > 0; hop++ {
		var next []*cluster.Workload
		for _, w := range layer {
			for _, x := range m.cluster.Workloads {
				if _, ok := came[x]; ok {
					continue
				}
				b := m.Between(OfWorkload(w), OfWorkload(x))
				if b.May.IsEmpty() || (certain && b.Must.IsEmpty()) {
					continue
				}
				came[x] = step{w, Edge{OfWorkload(w), OfWorkload(x), b}}
				if want[x] {
					p := Path{Certain: certain}
					for at := x; came[at].prev != nil; at = came[at].prev {
						p.Hops = append(p.Hops, came[at].edge)
					}
					slices.Reverse(p.Hops)
					out = append(out, p)
				}
				if through == nil || through(x) {
					next = append(next, x)
				}
			}
		}
		layer = next
	}
	return out
}
