package istio

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// extension reads a WasmPlugin or TrafficExtension. Code that is put into a proxy may refuse what policies
// allow. It does not let in what the proxy's own filters refuse, as those run all the same.
func (k *compiler) extension() []policy.Policy {
	k.settled()
	spec := k.Object.Root.Get("spec")
	k.known(spec, "selector", "targetRef", "targetRefs")
	pods := k.selector(spec.Get("selector"), "spec.selector", "matchLabels")
	targets := k.targets(spec)
	var in [2]bool
	for _, m := range k.List(spec.Get("match"), "spec.match") {
		v := m.Get("mode")
		switch text, _ := k.Text(v, "spec.match[].mode"); text {
		case "SERVER":
			in[policy.Ingress] = true
		case "CLIENT":
			in[policy.Egress] = true
		case "", "CLIENT_AND_SERVER", "UNDEFINED":
			in = [2]bool{true, true}
		default:
			k.Refused(v, "the API server refuses the object", "spec.match[].mode: want CLIENT, SERVER or CLIENT_AND_SERVER, got %+q", text)
		}
	}
	if len(k.Doubts) > 0 || in == [2]bool{} { // without match it is about all traffic
		in = [2]bool{true, true}
	}
	pos := k.Object.At(spec)
	limits := append([]policy.Doubt{k.limit(pos, "it puts code into the proxy, which may refuse what policies allow")}, k.Doubts...)
	var rules []policy.Rule
	for _, d := range policy.Directions {
		if in[d] {
			rules = append(rules, policy.Rule{
				Direction: d, Action: policy.Deny, Peers: []policy.Peer{{Kind: policy.AnyPeer, Pos: pos}}, Conns: netset.Of(netset.TCP),
				Pos: pos, Path: "spec", Limits: limits,
			})
		}
	}
	if len(targets) > 0 && len(k.Doubts) == 0 {
		return k.targeted(targets, DenyTier, func(p *policy.Policy, _ *server) { p.Rules = rules })
	}
	scope := k.scope(pods)
	scope.Facts = cluster.NewSelector(meshIn(Sidecar, Gateway, Waypoint)) // the ambient agent runs no such code
	if len(k.Doubts) > 0 {
		scope.Facts = cluster.NewSelector(meshIn(Sidecar, Ambient, Gateway, Waypoint))
	}
	return []policy.Policy{{Ref: k.Object.Ref, Pos: k.Object.Pos, Layer: policy.Mesh, Tier: DenyTier, Subjects: []policy.Term{scope}, Rules: rules}}
}

// FactServices is the TCP ports of a pod, in or out of the mesh, to which Services lead that every proxy knows.
// Pods have it only where proxies let nothing out but to hosts they know.
const FactServices = "services"

// policies makes a policy of a MeshConfig that lets proxies connect to known hosts only. That is no
// boundary, as a process may go past its proxy; what the proxy may stop is undecided. The agent of ambient pods
// has no such setting.
func (m *mesh) policies() ([]policy.Policy, []object.Problem) {
	if m.registryOnly == nil {
		return nil, nil
	}
	known := map[string]netset.Conns{}
	var names []string
	for _, p := range m.c.Pods {
		ports := m.registered(p)
		if name := ports.String(); !ports.IsEmpty() && !slices.Contains(names, name) {
			known[name] = ports
			names = append(names, name)
		}
	}
	slices.Sort(names)
	d := *m.registryOnly
	rule := func(conns netset.Conns, peers ...policy.Peer) policy.Rule {
		return policy.Rule{
			Direction: policy.Egress, Action: policy.Deny, Peers: peers, Conns: conns, Pos: d.Pos, Path: "outboundTrafficPolicy",
			Limits: []policy.Doubt{d},
		}
	}
	pods := func(r cluster.Requirement) policy.Peer {
		return policy.Peer{Kind: policy.PodPeer, Term: policy.Term{Facts: cluster.NewSelector(r)}, Pos: d.Pos}
	}
	rules := []policy.Rule{rule(netset.Of(netset.TCP),
		policy.Peer{Kind: policy.AddrPeer, Addrs: netset.AllAddrs(), Reach: policy.OutsideOnly, Pos: d.Pos}, policy.Peer{Kind: policy.NodePeer, Pos: d.Pos},
		pods(cluster.Requirement{Key: FactServices, Op: cluster.DoesNotExist}))}
	for _, name := range names {
		rules = append(rules, rule(netset.Of(netset.TCP).Subtract(known[name]), pods(equals(FactServices, name))))
	}
	return []policy.Policy{{
		Ref: d.Ref, Pos: d.Pos, Layer: policy.Mesh, Tier: DenyTier,
		Subjects: []policy.Term{{Facts: cluster.NewSelector(meshIn(Sidecar))}}, Rules: rules,
		Notes: []policy.Doubt{{Pos: d.Pos, Ref: d.Ref, Msg: "outboundTrafficPolicy REGISTRY_ONLY says what proxies know; it keeps no process from going elsewhere"}},
	}}, nil
}

// registered is the TCP ports of a pod to which Services lead that are shown to the whole mesh.
func (m *mesh) registered(p *cluster.Pod) netset.Conns {
	var out netset.Conns
	for _, svc := range m.c.Services {
		if svc.Namespace != p.Namespace || svc.Type == "ExternalName" || svc.Annotations["networking.istio.io/exportTo"] != "" ||
			!m.discovers(svc.Namespace) || !slices.Contains(svc.Pods, p) {
			continue
		}
		for _, sp := range svc.Ports {
			if n, ok := sp.Target(p); ok && sp.Protocol == netset.TCP {
				out = out.Union(netset.Ports(netset.TCP, n, n))
			}
		}
	}
	return out
}
