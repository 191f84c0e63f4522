package istio

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// action is what an AuthorizationPolicy does, with the tier in which it does so.
type action struct {
	name string
	policy.Action
	tier policy.Tier
}

var (
	actAllow  = action{"ALLOW", policy.Allow, AllowTier}
	actDeny   = action{"DENY", policy.Deny, DenyTier}
	actCustom = action{"CUSTOM", policy.Deny, CustomTier}
	actAudit  = action{"AUDIT", policy.Allow, AllowTier} // no effect
)

func (k *compiler) authorization() []policy.Policy {
	k.settled()
	spec := k.Object.Root.Get("spec")
	k.Whole(k.Fields(spec, "spec", "selector", "targetRef", "targetRefs", "rules", "action", "provider"))
	act := k.action(spec)
	pods := k.selector(spec.Get("selector"), "spec.selector", "matchLabels")
	targets := k.targets(spec)
	rules := k.rules(spec.Get("rules"))
	provider := k.provider(spec, act, len(rules))
	switch dryRun := k.Object.Root.Get("metadata", "annotations").Get("istio.io/dry-run"); {
	case len(k.Doubts) > 0:
	case act == actAudit:
		k.Note(spec.Get("action"), "", "AUDIT only logs: it allows and denies nothing")
		return nil
	case boolean(dryRun.Str()):
		k.Note(dryRun, "remove the annotation to enforce the policy", "the policy is on a dry run: it allows and denies nothing")
		return nil
	case act == actDeny && len(rules) == 0:
		if k.Stored() {
			k.Warn(spec, "write rules: [{}] to deny everything", "a DENY policy without rules denies nothing")
			return nil
		}
		k.Refused(spec, "Istio refuses the object; write rules: [{}] to deny everything", "a DENY policy without rules denies nothing")
	}
	fill := func(p *policy.Policy, s *server) { k.fill(p, s, act, rules, provider) }
	if len(targets) > 0 && len(k.Doubts) == 0 {
		return k.targeted(targets, act.tier, fill)
	}
	kinds := []string{Sidecar, Ambient, Gateway}
	if act == actCustom {
		kinds = []string{Sidecar, Gateway} // the ambient agent knows no CUSTOM
	}
	scope := k.scope(pods)
	out := k.policies(scope, act.tier, kinds, fill)
	if act == actAllow && len(k.Doubts) == 0 && k.unknownMembers(scope) {
		out = append([]policy.Policy{k.neverSeen(scope)}, out...)
	}
	return out
}

// unknownMembers tells whether it is not known of some pod in scope whether it is in the mesh.
func (k *compiler) unknownMembers(scope policy.Term) bool {
	return slices.ContainsFunc(k.mesh.c.Pods, func(p *cluster.Pod) bool {
		return (scope.Namespace == "" || scope.Namespace == p.Namespace.Name) && k.mesh.member(p).because != ""
	})
}

// neverSeen allows, before the policies that hang on membership, what no proxy sees in any case.
func (k *compiler) neverSeen(scope policy.Term) policy.Policy {
	pos := k.Object.Pos
	return policy.Policy{
		Ref: k.Object.Ref, Pos: pos, Layer: policy.Mesh, Tier: AllowTier, Order: -1, Subjects: []policy.Term{scope},
		Rules: []policy.Rule{{
			Direction: policy.Ingress, Action: policy.Allow, Peers: []policy.Peer{{Kind: policy.AnyPeer, Pos: pos}},
			Conns: netset.All().Subtract(netset.Of(netset.TCP)), Pos: pos, Path: pastProxy,
		}},
	}
}

// pastProxy stands in for the path of rules that no field states.
const pastProxy = "(goes past the proxy)"

func boolean(text string) bool {
	b, err := strconv.ParseBool(text)
	return err == nil && b
}

func (k *compiler) action(spec *object.Value) action {
	v := spec.Get("action")
	text, ok := k.Text(v, "spec.action")
	for _, a := range []action{actAllow, actDeny, actCustom, actAudit} {
		if text == a.name || !ok && a == actAllow {
			return a
		}
	}
	k.Refused(v, "the API server refuses the object; write ALLOW, DENY, CUSTOM or AUDIT", "spec.action: %+q is no action", text)
	return action{"", policy.Deny, CustomTier} // the first tier, so that the doubt covers all
}

// provider reads the name of the external authorizer.
func (k *compiler) provider(spec *object.Value, act action, rules int) string {
	v := spec.Get("provider")
	k.Whole(k.Fields(v, "spec.provider", "name"))
	name, _ := k.Text(v.Get("name"), "spec.provider.name")
	switch {
	case act != actCustom && v.IsSet():
		k.Refused(v, "Istio refuses the object", "spec.provider is for action CUSTOM only")
	case act == actCustom && (name == "" || rules == 0):
		k.Refused(spec, "Istio refuses the object", "action CUSTOM needs a provider and rules")
	}
	return name
}

// fill adds the rules of the object for one kind of server.
func (k *compiler) fill(p *policy.Policy, s *server, act action, rules []rule, provider string) {
	pos := k.Object.Pos
	p.Rules = k.bypass(s, pos)
	if act == actAllow {
		p.Isolates[policy.Ingress] = true
		through := func(conns netset.Conns, limits ...policy.Doubt) {
			if !conns.IsEmpty() {
				p.Rules = append(p.Rules, policy.Rule{
					Direction: policy.Ingress, Action: policy.Allow, Peers: []policy.Peer{{Kind: policy.AnyPeer, Pos: pos}},
					Conns: conns, Pos: pos, Path: pastProxy, Limits: limits,
				})
			}
		}
		through(s.unseen)
		through(s.perhaps, k.limit(pos, "it is not known whether the proxy takes over this port"))
	}
	for i := range rules {
		p.Rules = append(p.Rules, k.compileRule(&rules[i], s, act, provider)...)
	}
}

// compileRule makes the rules of one entry for one kind of server: one for each part of the ports that is
// treated differently.
func (k *compiler) compileRule(r *rule, s *server, act action, provider string) []policy.Rule {
	base := policy.Rule{Direction: policy.Ingress, Action: act.Action, Pos: r.pos, Path: r.path, Doubts: r.doubts}
	if len(r.doubts) > 0 {
		base.Peers, base.Conns = []policy.Peer{{Kind: policy.AnyPeer, Pos: r.pos}}, netset.All()
		return []policy.Rule{base}
	}
	hasHTTP := r.hasHTTP(s.kind == Ambient)
	cells := k.cells(s, slices.ContainsFunc(r.sources, func(src source) bool { return src.identified }), hasHTTP)
	out := collection{}
	for _, o := range r.operations {
		for _, c := range cells {
			conns := c.conns.Intersect(o.conns)
			if conns.IsEmpty() {
				continue
			}
			part := collection{} // by what is left open, so that sources share a rule
			for i := range r.sources {
				src, q := &r.sources[i], base
				all := src.with(o.common)
				if q.Conns = conns; !k.conditions(&q, all, c, s, act, hasHTTP) {
					continue
				}
				if act == actCustom {
					q.Limits = append(q.Limits, k.limit(r.pos, "the external authorizer %s decides", provider))
				}
				if q.Peers = k.peers(src, all, s, c, act, r.pos); len(q.Peers) > 0 {
					part.add(q, conditionsKey(&q), func(to *policy.Rule) { to.Peers = append(to.Peers, q.Peers...) })
				}
			}
			for _, q := range part.rules {
				out.add(q, conditionsKey(&q)+peersKey(q.Peers), func(to *policy.Rule) { to.Conns = to.Conns.Union(q.Conns) })
			}
		}
	}
	return out.rules
}

// collection keeps rules in order and joins those of one key.
type collection struct {
	rules []policy.Rule
	index map[string]int
}

func (c *collection) add(r policy.Rule, key string, join func(*policy.Rule)) {
	if i, has := c.index[key]; has {
		join(&c.rules[i])
		return
	}
	if c.index == nil {
		c.index = map[string]int{}
	}
	c.index[key] = len(c.rules)
	c.rules = append(c.rules, r)
}

func conditionsKey(r *policy.Rule) string { return fmt.Sprintf("%q %v\n", r.Only, r.Limits) }

func peersKey(peers []policy.Peer) string {
	var b strings.Builder
	for i := range peers {
		p := &peers[i]
		fmt.Fprintf(&b, "%d %d %s %q", p.Kind, p.Reach, p.Term, p.Addrs.Key())
		if p.Within != nil {
			fmt.Fprintf(&b, " within %q", p.Within.Key())
		}
		if p.Doubt != nil {
			fmt.Fprintf(&b, " %v", *p.Doubt)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// cell is ports that are treated alike.
type cell struct {
	conns netset.Conns
	modes mode // of mTLS
	// served: client proxies find the port by a Service.
	served bool
	app    application
	// perhaps: it is not known whether the proxy sees the port.
	perhaps bool
}

// cells cuts the ports that the proxy sees, or may see, as far as the rule makes a difference.
func (k *compiler) cells(s *server, identified, hasHTTP bool) []cell {
	all := []cell{{conns: s.seen()}, {conns: s.perhaps, perhaps: true}}
	cut := func(part netset.Conns, set func(*cell)) {
		var next []cell
		for _, c := range all {
			inside, outside := c, c
			inside.conns, outside.conns = c.conns.Intersect(part), c.conns.Subtract(part)
			set(&inside)
			for _, d := range []cell{inside, outside} {
				if !d.conns.IsEmpty() {
					next = append(next, d)
				}
			}
		}
		all = next
	}
	cut(netset.All(), func(c *cell) { c.modes = anyMode })
	if identified {
		cut(s.strict, func(c *cell) { c.modes = strict })
		cut(s.permissive, func(c *cell) { c.modes = permissive })
		cut(s.disable, func(c *cell) { c.modes = disable })
		cut(s.served, func(c *cell) { c.served = true })
	}
	if hasHTTP && s.kind != Ambient {
		cut(s.http, func(c *cell) { c.app = http })
		cut(s.tcp, func(c *cell) { c.app = tcp })
	}
	if s.kind == Ambient {
		for i := range all {
			all[i].app = tcp
		}
	}
	return all
}

// conditions puts on q what of the conditions cannot be decided for connections. It reports false when the
// rule does not exist on these ports.
func (k *compiler) conditions(q *policy.Rule, c common, at cell, s *server, act action, hasHTTP bool) bool {
	ambient := s.kind == Ambient
	if at.perhaps && act.Action == policy.Deny {
		q.Limits = append(q.Limits, k.limit(q.Pos, "it is not known whether the proxy takes over this port"))
	}
	q.Limits = append(q.Limits, c.limits...)
	if !ambient {
		q.Limits = append(q.Limits, c.l7...)
	}
	if !hasHTTP {
		return true
	}
	requests := len(c.http) > 0
	switch {
	case at.app == tcp: // DENY goes without the conditions it cannot see, ALLOW without the rule
		return act.Action == policy.Deny
	case at.app == http && act.Action == policy.Allow:
		q.Only = append(q.Only, c.http...)
	case at.app == http:
		if requests {
			q.Limits = append(q.Limits, k.limit(q.Pos, "only some HTTP requests are denied, so the connection may be of use: %s", shown(c.http, nil)))
		}
	case act.Action == policy.Allow:
		q.Limits = append(q.Limits, k.limit(q.Pos, "no Service in the input says whether this port speaks HTTP: %s",
			"on any other port the rule does not count"))
	case requests:
		q.Limits = append(q.Limits, k.limit(q.Pos, "no Service in the input says whether this port speaks HTTP: if so, only some requests are denied"))
	}
	return true
}
