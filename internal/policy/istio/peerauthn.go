package istio

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// mode is a set of modes of mTLS: those that a port may be in. No mode at all is UNSET.
type mode uint8

const (
	permissive mode = 1 << iota
	strict
	disable
	unset   mode = 0
	anyMode      = permissive | strict | disable
)

// String is "permissive or strict" where several modes are possible.
func (m mode) String() string {
	var names []string
	for _, n := range []struct {
		mode mode
		name string
	}{{permissive, "permissive"}, {strict, "strict"}, {disable, "disable"}} {
		if m&n.mode != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, " or ")
}

// or gives what an UNSET mode inherits.
func (m mode) or(parent mode) mode {
	if m == unset {
		return parent
	}
	return m
}

// peerAuthn is one PeerAuthentication as read.
type peerAuthn struct {
	object  *object.Object
	labels  cluster.Selector // none: the whole namespace, or mesh
	mode    mode
	at      *object.Value // where mode is stated
	ports   map[int]mode
	created string // "" when not known
	doubted bool   // it may say anything, and may not exist
}

// readPeerAuthn reads an object; problems and doubts stay with the reader.
func readPeerAuthn(r *policy.Reader) peerAuthn {
	k := compiler{Reader: r}
	k.identity()
	o := r.Object
	spec := o.Root.Get("spec")
	p := peerAuthn{object: o, created: o.Root.Get("metadata", "creationTimestamp").Str()}
	r.Whole(r.Fields(spec, "spec", "selector", "mtls", "portLevelMtls"))
	p.labels = k.selector(spec.Get("selector"), "spec.selector", "matchLabels")
	p.mode, p.at = k.mtls(spec.Get("mtls"), "spec.mtls")
	ports := spec.Get("portLevelMtls")
	switch {
	case !ports.IsSet():
	case ports.Kind != object.Map:
		r.Refused(ports, "the API server refuses the object", "spec.portLevelMtls: want a map, got a %s", ports.Kind)
	case len(ports.Fields) == 0:
		r.Refused(ports, "the API server refuses the object", "spec.portLevelMtls is empty")
	case len(p.labels) == 0 && len(spec.Get("selector", "matchLabels").Map()) == 0:
		r.Refused(ports, "the API server refuses the object; ports need a selector", "spec.portLevelMtls without spec.selector")
	}
	for _, f := range ports.Map() {
		path := "spec.portLevelMtls." + f.Name
		n, ok := port(f.Name)
		if !ok {
			r.Refused(&object.Value{Line: f.Line}, "the API server refuses the object", "spec.portLevelMtls: %+q is no port from 1 to 65535", f.Name)
			continue
		}
		if p.ports == nil {
			p.ports = map[int]mode{}
		}
		p.ports[n], _ = k.mtls(f.Value, path)
	}
	p.doubted = len(r.Doubts) > 0 || o.Root.Get("metadata", "labels").Get("istio.io/rev").IsSet()
	return p
}

func (k *compiler) mtls(v *object.Value, path string) (mode, *object.Value) {
	k.Whole(k.Fields(v, path, "mode"))
	at := v.Get("mode")
	text, _ := k.Text(at, path+".mode")
	switch text {
	case "", "UNSET":
		if at.IsSet() && at.Kind == object.String && text == "" {
			k.Refused(at, "the API server refuses the object", "%s.mode is empty", path)
		}
		return unset, at
	case "STRICT":
		return strict, at
	case "PERMISSIVE":
		return permissive, at
	case "DISABLE":
		return disable, at
	}
	k.Refused(at, "the API server refuses the object; write STRICT, PERMISSIVE, DISABLE or UNSET", "%s.mode: %+q is no mode", path, text)
	return anyMode, at
}

// modes finds the mode of every port of a pod: of the mesh, its namespace and its workload the narrowest one
// that is set, the oldest object where there are several (authn.ComposePeerAuthentication).
func (m *mesh) modes(p *cluster.Pod, s *server) {
	general, ports := m.composed(p)
	if s.kind == Ambient {
		// The agent knows no DISABLE: it takes mTLS and plain text. For a single port under a mode that is
		// inherited, versions differ on whether DISABLE takes effect.
		inherits := m.inherits(p)
		for n, w := range ports {
			if w&disable != 0 && inherits {
				ports[n] = w&^disable | permissive | general&strict
			}
		}
		general = tolerant(general)
		for n, w := range ports {
			ports[n] = tolerant(w)
		}
	}
	put := func(w mode, c netset.Conns) {
		switch {
		case w == strict:
			s.strict = s.strict.Union(c)
		case w == permissive:
			s.permissive = s.permissive.Union(c)
		case w == disable:
			s.disable = s.disable.Union(c)
		case w&strict != 0:
			s.unsure = s.unsure.Union(c)
		}
	}
	rest := netset.Of(netset.TCP)
	text := []string{general.String()}
	for _, n := range slices.Sorted(maps.Keys(ports)) {
		c := netset.Ports(netset.TCP, n, n)
		rest = rest.Subtract(c)
		put(ports[n], c)
		if ports[n] != general {
			text = append(text, fmt.Sprintf("%s %d", ports[n], n))
		}
	}
	put(general, rest)
	s.mtls = strings.Join(text, "; ")
}

func tolerant(w mode) mode {
	if w&disable != 0 {
		return w&^disable | permissive
	}
	return w
}

// composed gives the modes of a pod: of all ports, and of single ones.
func (m *mesh) composed(p *cluster.Pod) (general mode, ports map[int]mode) {
	var inMesh, inNamespace, ofWorkload []*peerAuthn
	sure := true // some object certainly selects the workload
	for i := range m.peers {
		pa := &m.peers[i]
		ns := pa.object.Ref.Namespace
		root := m.isRoot(ns)
		if root == no && ns != p.Namespace.Name {
			continue
		}
		if pa.doubted || root == unknown || !m.discovers(m.c.Namespace(ns)) {
			return anyMode, nil
		}
		switch {
		case root == yes && len(pa.labels) == 0:
			inMesh = append(inMesh, pa)
		case root == yes: // ignored
		case len(pa.labels) == 0:
			inNamespace = append(inNamespace, pa)
		default:
			switch selectsPod(pa.labels, p) {
			case yes:
				ofWorkload = append(ofWorkload, pa)
			case unknown:
				ofWorkload, sure = append(ofWorkload, pa), false
			case no:
			}
		}
	}
	if m.doubt != nil {
		return anyMode, nil
	}
	general = merged(inMesh, permissive)
	general = merged(inNamespace, general)
	before := general
	general = merged(ofWorkload, general)
	if !sure {
		general |= before
	}
	effective := oldest(ofWorkload)
	for _, pa := range effective {
		for n := range pa.ports {
			if ports == nil {
				ports = map[int]mode{}
			}
			ports[n] = 0
		}
	}
	for n := range ports {
		for _, pa := range effective {
			ports[n] |= pa.ports[n].or(pa.mode.or(before))
		}
		if !sure {
			ports[n] |= before
		}
	}
	return general, ports
}

// inherits tells whether a workload's own object may leave its mode to the namespace or mesh.
func (m *mesh) inherits(p *cluster.Pod) bool {
	return slices.ContainsFunc(m.peers, func(pa peerAuthn) bool {
		return pa.object.Ref.Namespace == p.Namespace.Name && len(pa.labels) > 0 && pa.mode == unset && selectsPod(pa.labels, p) != no
	})
}

// merged is the mode that objects of one scope set, and inherited where they set none.
func merged(list []*peerAuthn, inherited mode) mode {
	if len(list) == 0 {
		return inherited
	}
	var out mode
	for _, pa := range oldest(list) {
		out |= pa.mode.or(inherited)
	}
	return out
}

// oldest is the object that counts of several in one scope: all of them when their ages are not known or
// the same.
func oldest(list []*peerAuthn) []*peerAuthn {
	if len(list) < 2 || slices.ContainsFunc(list, func(pa *peerAuthn) bool { return pa.created == "" }) {
		return list
	}
	sorted := slices.SortedFunc(slices.Values(list), func(a, b *peerAuthn) int { return cmp.Compare(a.created, b.created) })
	n := 1
	for n < len(sorted) && sorted[n].created == sorted[0].created {
		n++
	}
	return sorted[:n]
}

// peerAuthentication makes rules of an object that refuses plain text. What it allows, others may refuse.
func (k *compiler) peerAuthentication() []policy.Policy {
	k.Doubts, k.Problems = nil, nil
	pa := readPeerAuthn(k.Reader)
	k.settled()
	if k.mesh.isRoot(k.Object.Ref.Namespace) == yes && len(pa.labels) > 0 && len(k.Doubts) == 0 {
		k.Warn(k.Object.Root.Get("spec", "selector"), "move it to the namespace of the pods",
			"a PeerAuthentication with a selector has no effect in the root namespace %s", k.mesh.root)
		return nil
	}
	pos := k.Object.At(pa.at)
	own := pa.refuses()
	return k.policies(k.scope(pa.labels), PeerTier, []string{Sidecar, Ambient}, func(p *policy.Policy, s *server) {
		p.Rules = append(k.bypass(s, pos), k.refusePlain(s, s.strict.Intersect(own), nil, pos)...)
		p.Rules = append(p.Rules, k.refusePlain(s, s.unsure.Intersect(own),
			[]policy.Doubt{k.limit(pos, "it is not known which PeerAuthentication counts: the mode is %s", s.mtls)}, pos)...)
	})
}

// refuses is the ports for which the object itself asks for mTLS, so that a refusal can be its doing.
func (pa *peerAuthn) refuses() netset.Conns {
	var out netset.Conns
	if pa.mode&strict != 0 {
		out = netset.Of(netset.TCP)
	}
	for n, w := range pa.ports {
		if c := netset.Ports(netset.TCP, n, n); w&strict != 0 {
			out = out.Union(c)
		} else if w != unset {
			out = out.Subtract(c)
		}
	}
	return out
}

// refusePlain denies connections without mTLS.
func (k *compiler) refusePlain(s *server, ports netset.Conns, limits []policy.Doubt, pos object.Pos) []policy.Rule {
	var out []policy.Rule
	rule := func(conns netset.Conns, more []policy.Doubt, peers ...policy.Peer) {
		if !conns.IsEmpty() && len(peers) > 0 {
			out = append(out, policy.Rule{
				Direction: policy.Ingress, Action: policy.Deny, Peers: peers, Conns: conns, Pos: pos, Path: "spec.mtls",
				Limits: slices.Concat(limits, more),
			})
		}
	}
	strangers := k.strangers(pos, policy.Deny)
	mesh := func(msg string, facts ...cluster.Requirement) policy.Peer {
		d := k.limit(pos, "%s", msg)
		return policy.Peer{Kind: policy.PodPeer, Term: policy.Term{Facts: cluster.NewSelector(facts...)}, Pos: pos, Doubt: &d}
	}
	rule(ports.Intersect(s.seen()), nil, strangers...)
	rule(ports.Intersect(s.perhaps), []policy.Doubt{k.limit(pos, "it is not known whether the proxy takes over this port")}, strangers...)
	seen := ports.Intersect(s.seen().Union(s.perhaps))
	mixed := "it is not known whether sidecars and ambient pods use mTLS with each other"
	if s.kind == Ambient {
		if !k.mesh.hbone {
			rule(seen, nil, mesh(mixed, meshIn(Sidecar, Gateway, Waypoint)))
		}
		return out
	}
	if !k.mesh.hbone {
		rule(seen, nil, mesh(mixed, meshIn(Ambient)))
	}
	rule(seen.Subtract(s.served), nil, mesh("no Service in the input leads to this port with mTLS, and by the address of a pod a sidecar sends plain text",
		meshIn(Sidecar, Gateway, Waypoint)))
	if k.mesh.leaks() {
		for _, t := range k.leakers() {
			d := k.limit(pos, "the client sends part of its traffic past its proxy")
			rule(seen.Intersect(s.served), nil, policy.Peer{Kind: policy.PodPeer, Term: t, Pos: pos, Doubt: &d})
		}
	}
	return out
}

// bypass is what comes in whatever policies say: all that the proxy does not see.
func (k *compiler) bypass(s *server, pos object.Pos) []policy.Rule {
	var out []policy.Rule
	if s.patched != "" {
		out = append(out, policy.Rule{
			Direction: policy.Ingress, Action: policy.Allow, Peers: []policy.Peer{{Kind: policy.AnyPeer, Pos: pos}}, Conns: netset.All(),
			Pos: pos, Limits: []policy.Doubt{k.limit(pos, "%s", s.patched)},
		})
	}
	if s.kind == Ambient {
		d := k.limit(pos, "connections from the pod's own node go past the ztunnel")
		out = append(out, policy.Rule{
			Direction: policy.Ingress, Action: policy.Allow, Peers: []policy.Peer{{Kind: policy.NodePeer, Pos: pos, Doubt: &d}}, Conns: netset.All(), Pos: pos,
		})
	}
	return out
}
