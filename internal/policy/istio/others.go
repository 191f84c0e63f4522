package istio

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// requestAuthentication makes a policy without rules: a request with a bad token is refused, one without any
// token is not, so no connection is.
func (k *compiler) requestAuthentication() []policy.Policy {
	k.settled()
	spec := k.Object.Root.Get("spec")
	k.known(spec, "selector", "targetRef", "targetRefs")
	pods := k.selector(spec.Get("selector"), "spec.selector", "matchLabels")
	targets := k.targets(spec)
	rules := k.List(spec.Get("jwtRules"), "spec.jwtRules")
	pos := k.Object.At(spec.Get("jwtRules"))
	if len(k.Doubts) == 0 && (len(rules) == 0 || len(targets) > 0) {
		return nil
	}
	return k.noted(k.scope(pods), policy.Ingress, k.limit(pos, "HTTP requests with an invalid token are refused; requests without a token are not"))
}

// noted makes a policy that changes nothing. What is in doubt about it can only refuse.
func (k *compiler) noted(scope policy.Term, dir policy.Direction, note policy.Doubt, rules ...policy.Rule) []policy.Policy {
	scope.Facts = cluster.NewSelector(meshIn(Sidecar, Ambient, Gateway))
	p := policy.Policy{
		Ref: k.Object.Ref, Pos: k.Object.Pos, Layer: policy.Mesh, Tier: DenyTier, Subjects: []policy.Term{scope},
		Rules: rules, Notes: []policy.Doubt{note},
	}
	if len(k.Doubts) > 0 {
		p.Rules = append(p.Rules, policy.Rule{
			Direction: dir, Action: policy.Deny, Peers: []policy.Peer{{Kind: policy.AnyPeer, Pos: k.Object.Pos}}, Conns: netset.Of(netset.TCP),
			Pos: k.Object.Pos, Path: "spec", Limits: k.Doubts,
		})
	}
	return []policy.Policy{p}
}

// sidecar reads which hosts a proxy knows. That is no boundary: a process may go past its proxy, and by
// default unknown hosts are let through. With REGISTRY_ONLY what it may stop is undecided.
func (k *compiler) sidecar() []policy.Policy {
	k.settled()
	spec := k.Object.Root.Get("spec")
	k.known(spec, "workloadSelector")
	pods := k.selector(spec.Get("workloadSelector"), "spec.workloadSelector", "labels")
	var hosts []string
	for _, e := range k.List(spec.Get("egress"), "spec.egress") {
		for _, h := range k.List(e.Get("hosts"), "spec.egress[].hosts") {
			if text, ok := k.Text(h, "spec.egress[].hosts[]"); ok && !slices.Contains(hosts, text) {
				hosts = append(hosts, text)
			}
		}
	}
	mode := spec.Get("outboundTrafficPolicy", "mode")
	text, _ := k.Text(mode, "spec.outboundTrafficPolicy.mode")
	switch text {
	case "", "ALLOW_ANY", "REGISTRY_ONLY":
	default:
		k.Refused(mode, "the API server refuses the object", "spec.outboundTrafficPolicy.mode: want ALLOW_ANY or REGISTRY_ONLY, got %+q", text)
	}
	pos := k.Object.At(spec)
	note := k.limit(pos, "a Sidecar object says what the proxy knows; it keeps no process from going elsewhere")
	var rules []policy.Rule
	switch {
	case text != "":
	case spec.Get("outboundTrafficPolicy").IsSet(): // the zero of the mode
		text, mode = "REGISTRY_ONLY", spec.Get("outboundTrafficPolicy")
	case k.mesh.registryOnly != nil: // of the mesh, for the hosts that this object leaves
		text, mode = "REGISTRY_ONLY", spec
	}
	if text == "REGISTRY_ONLY" {
		where := "hosts without a Service or ServiceEntry"
		if len(hosts) > 0 {
			where = "all but " + strings.Join(hosts, ", ")
		}
		rules = []policy.Rule{{
			Direction: policy.Egress, Action: policy.Deny, Peers: []policy.Peer{{Kind: policy.AnyPeer, Pos: k.Object.At(mode)}},
			Conns: netset.Of(netset.TCP), Pos: k.Object.At(mode), Path: "spec.outboundTrafficPolicy",
			Limits: []policy.Doubt{k.limit(k.Object.At(mode), "the proxy stops connections to %s, unless the process goes past it", where)},
		}}
	}
	return k.noted(k.scope(pods), policy.Egress, note, rules...)
}

// serviceEntry reads names for hosts. They open and close nothing: at most a proxy that knows registered
// hosts only (Sidecar outboundTrafficPolicy) lets through what they name.
func (k *compiler) serviceEntry() {
	spec := k.Object.Root.Get("spec")
	k.known(spec)
	hosts := k.List(spec.Get("hosts"), "spec.hosts")
	if v := spec.Get("hosts"); len(hosts) == 0 && (!v.IsSet() || v.Kind == object.List) {
		k.Refused(spec, "the API server refuses the object", "spec.hosts is missing")
	}
	k.Note(spec, "", "a ServiceEntry names hosts for the proxies; it neither opens nor closes anything")
	k.Doubts = nil // whatever it means, no connection depends on it
}

// known checks the names of all fields of spec against the table of the documentation, but for those that
// are read elsewhere.
func (k *compiler) known(spec *object.Value, elsewhere ...string) {
	children := map[string][]string{}
	for _, f := range fields() {
		if f.Kinds != nil && !slices.Contains(f.Kinds, k.Object.Ref.Kind) {
			continue
		}
		i := strings.LastIndex(f.Path, ".")
		name := strings.TrimSuffix(strings.TrimSuffix(f.Path[i+1:], "[]"), "{}")
		children[f.Path[:i]] = append(children[f.Path[:i]], name)
	}
	for _, name := range elsewhere {
		delete(children, "spec."+name)
		delete(children, "spec."+name+"[]")
	}
	k.walk("spec", spec, children)
}

func (k *compiler) walk(path string, v *object.Value, children map[string][]string) {
	names := children[path]
	if len(names) == 0 {
		return
	}
	k.Whole(k.Fields(v, path, names...))
	for _, f := range v.Map() {
		below := path + "." + f.Name
		k.walk(below, f.Value, children)
		for i, it := range f.Value.List() {
			if len(children[below+"[]"]) > 0 && it.Kind != object.Map {
				k.Refused(it, "the API server refuses the object", "%s[%d]: want a map, got a %s", below, i, it.Kind)
				continue
			}
			k.walk(below+"[]", it, children)
		}
		for _, g := range f.Value.Map() {
			if len(children[below+"{}"]) > 0 {
				k.walk(below+"{}", g.Value, children)
			}
		}
	}
}
