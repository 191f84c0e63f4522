package istio

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// link is how clients of one data plane connect to a port of the server.
type link uint8

const (
	withMTLS    link = iota // with mTLS; plain text gets nowhere
	byChoice                // with mTLS when they go by the Service, in plain text when they like
	unsettled               // in plain text, or with mTLS as far as is known
	withoutMTLS             // in plain text
)

// linkOf tells how clients connect whose proxies are sidecars and gateways, or ambient agents.
func (k *compiler) linkOf(s *server, c cell, ambientClient bool) link {
	mixed := ambientClient != (s.kind == Ambient) && !k.mesh.hbone
	switch {
	case s.kind == Gateway:
		return unsettled
	case c.modes == strict:
		return withMTLS
	case s.kind == Ambient && ambientClient:
		return withMTLS
	case c.modes == disable:
		return withoutMTLS
	case c.modes == permissive && c.served && !ambientClient && s.kind == Sidecar && !mixed:
		return byChoice
	}
	return unsettled
}

// peers gives the clients that a source means, certainly and, with a doubt, possibly. A client of the mesh
// may have two ways to connect, with its identity and without. An ALLOW rule certainly matches who gets in
// by the ordinary way, and possibly who does by any; a DENY rule certainly matches who has no way around it.
func (k *compiler) peers(src *source, c common, s *server, at cell, act action, pos object.Pos) []policy.Peer {
	everyone := func(d policy.Doubt) []policy.Peer {
		return []policy.Peer{{Kind: policy.AnyPeer, Pos: pos, Doubt: &d}}
	}
	restricted := !src.within.IsAll()
	switch {
	case s.kind == Ambient && len(c.lost) > 0:
		return everyone(c.lost[0])
	case s.waypoint != "" && (src.identified || restricted):
		return everyone(k.limit(pos, "%s: behind a waypoint, it is the waypoint's identity and address that counts", s.waypoint))
	case !src.identified && !restricted:
		return []policy.Peer{{Kind: policy.AnyPeer, Pos: pos}}
	case !src.identified:
		return []policy.Peer{{Kind: policy.AddrPeer, Addrs: src.within, Reach: policy.Everywhere, Pos: pos}}
	}
	var out []policy.Peer
	proxies, agents := k.linkOf(s, at, false), k.linkOf(s, at, true)
	if proxies == agents {
		out = k.members(src, proxies, act, pos, cluster.Requirement{Key: FactMesh, Op: cluster.Exists})
	} else {
		out = append(k.members(src, proxies, act, pos, meshIn(Sidecar, Gateway, Waypoint)), k.members(src, agents, act, pos, meshIn(Ambient))...)
	}
	return append(out, k.outsiders(src, act, pos)...)
}

// members gives the pods of the mesh, of one data plane, that a source with conditions on identity means.
func (k *compiler) members(src *source, l link, act action, pos object.Pos, of cluster.Requirement) []policy.Peer {
	var out []policy.Peer
	var add func(t policy.Term, why string, more ...cluster.Requirement)
	add = func(t policy.Term, why string, more ...cluster.Requirement) {
		if why == "" && act.Action == policy.Deny && k.mesh.foreign != "" {
			// Gateways pass on connections of other clusters with the identity of those.
			add(t, k.mesh.foreign, append(more, meshIn(Gateway))...)
			more = append(more, meshIn(Gateway).Not())
		}
		t.Facts = cluster.NewSelector(slices.Concat(t.Facts, []cluster.Requirement{of}, more)...)
		t.Namespace, t.NamespaceSelector = policy.OneNamespace(t.NamespaceSelector)
		p := policy.Peer{Kind: policy.PodPeer, Term: t, Within: src.narrowed(), Pos: pos}
		if why != "" {
			d := k.limit(pos, "%s", why)
			p.Doubt = &d
		}
		out = append(out, p)
	}
	fitting := func(why string, more ...cluster.Requirement) {
		for _, t := range src.ids {
			add(t, why, more...)
		}
	}
	const (
		mayBePlain = "the port also takes plain text, in which a client has no identity"
		leaky      = "the client sends part of its traffic past its proxy, without its identity"
	)
	switch {
	case l == withMTLS:
		fitting("")
	case l == withoutMTLS && src.plain:
		add(policy.Term{}, "")
	case l == withoutMTLS:
	case l == byChoice && act.Action == policy.Allow:
		if k.mesh.leaks() {
			fitting("", cluster.Requirement{Key: FactLeaks, Op: cluster.DoesNotExist})
			if ns := k.scope(nil).Namespace; ns != "" {
				for _, t := range src.ids {
					t.NamespaceSelector = cluster.NewSelector(slices.Concat(t.NamespaceSelector, []cluster.Requirement{equals(cluster.NameLabel, ns)})...)
					add(t, "", equals(FactLeaks, leaksAbroad))
				}
			}
			fitting(leaky)
		} else {
			fitting("")
		}
		if src.plain {
			add(policy.Term{}, mayBePlain)
		}
	case src.plain: // who fits does so with and without identity; the others only without
		fitting("")
		if l == unsettled || act.Action == policy.Allow {
			add(policy.Term{}, mayBePlain)
		} else if k.mesh.leaks() {
			for _, t := range k.leakers() {
				add(t, leaky)
			}
		}
	default:
		fitting(mayBePlain)
	}
	return out
}

// leakers are the pods that may send what they send to a pod in scope past their proxy.
func (k *compiler) leakers() []policy.Term {
	abroad := policy.Term{Facts: cluster.NewSelector(equals(FactLeaks, leaksAbroad))}
	if ns := k.scope(nil).Namespace; ns != "" {
		abroad.NamespaceSelector = cluster.NewSelector(equals(cluster.NameLabel, ns).Not())
	}
	return []policy.Term{{Facts: cluster.NewSelector(equals(FactLeaks, leaksAny))}, abroad}
}

// narrowed is for policy.Peer.Within.
func (s *source) narrowed() *netset.Addrs {
	if s.within.IsAll() {
		return nil
	}
	return &s.within
}

// outsiders gives who is not a pod of the mesh and still meets a source with conditions on identity: whoever
// comes in plain text when that is enough, and members of the mesh that are no pods of this cluster.
func (k *compiler) outsiders(src *source, act action, pos object.Pos) []policy.Peer {
	if !src.plain {
		k.alone = k.alone || k.mesh.foreign == ""
		var out []policy.Peer
		if k.mesh.foreign != "" {
			d := k.limit(pos, "%s", k.mesh.foreign)
			out = append(out, policy.Peer{Kind: policy.AddrPeer, Addrs: src.within, Reach: policy.OutsideOnly, Pos: pos, Doubt: &d},
				policy.Peer{Kind: policy.PodPeer, Term: policy.Term{Facts: cluster.NewSelector(meshIn(Gateway))}, Within: src.narrowed(), Pos: pos, Doubt: &d})
		}
		if k.mesh.hostProxies {
			d := k.limit(pos, "%s", hostProxy)
			out = append(out, policy.Peer{Kind: policy.NodePeer, Pos: pos, Doubt: &d})
		}
		return out
	}
	out := k.strangers(pos, act.Action)
	if src.within.IsAll() {
		return out
	}
	out[0].Within = src.narrowed()
	out[1].Addrs = src.within
	// Nodes by their addresses: there is no peer of those alone, so it may be any of that address.
	d := k.limit(pos, "whether a node meets a condition on addresses together with one on identity is not modelled")
	out[2] = policy.Peer{Kind: policy.AddrPeer, Addrs: src.within, Reach: policy.Everywhere, Pos: pos, Doubt: &d}
	return out
}
