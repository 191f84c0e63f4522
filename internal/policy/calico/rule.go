package calico

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// compiled is what one entry of ingress or egress comes to: rules with one action, for the pods of the policy
// that own selects; a nil own narrows nothing.
type compiled struct {
	own   *expr
	rules []policy.Rule
}

// rule compiles one entry. A Log entry comes to nothing, as it goes on to the next one.
func (c *compiler) rule(v *object.Value, d policy.Direction, path string) []compiled {
	before, told := len(c.Doubts), len(c.Problems)
	base := policy.Rule{Direction: d, Pos: c.Object.At(v), Path: path}
	unknown := c.Fields(v, path, "action", "ipVersion", "protocol", "notProtocol", "icmp", "notICMP", "source", "destination", "http", "metadata")
	logs := c.action(v, &base)
	c.Fields(v.Get("metadata"), path+".metadata", "annotations")
	vs, proto, hasPorts := c.variants(v, path)
	source := c.entity(v.Get("source"), path+".source", base.Pos)
	destination := c.entity(v.Get("destination"), path+".destination", base.Pos)
	peer, self := &source, &destination
	if d == policy.Egress {
		peer, self = self, peer
	}
	conns, named, _ := c.ports(destination.value.Get("ports"), destination.path+".ports", proto, hasPorts)
	notConns, notNamed, notGiven := c.ports(destination.value.Get("notPorts"), destination.path+".notPorts", proto, hasPorts)
	if notGiven {
		conns = conns.Subtract(notConns)
	}
	if base.Named, base.NotNamed = named, notNamed; notGiven && len(named) > 0 {
		base.Never = notConns
	}
	limits := append(c.sourcePorts(&source, proto, hasPorts), c.http(v.Get("http"), &base)...)
	limits = append(limits, c.otherNames(d, &base)...)
	family := source.families().Intersect(destination.families())
	own, ownLimits, maybeOther := c.ownSide(self, family)
	limits = append(limits, ownLimits...)
	if self.services != nil {
		c.Refused(self.services, "Calico refuses the object", "%s.services: not allowed on the pod's own side", self.path)
	}
	targets := []target{{conns: netset.All()}}
	if peer.services != nil {
		targets = c.services(peer, d)
	}
	if logs {
		c.keepRefusals(before, told)
		return nil
	}
	out := compiled{own: own}
	refused := c.Doubts[before:]
	for _, t := range targets {
		for _, w := range vs {
			r := base
			r.Limits = slices.Concat(w.limits, limits)
			within := w.family.Intersect(family)
			r.Conns = w.conns.Intersect(conns).Intersect(t.conns)
			if peer.services == nil {
				r.Peers = c.peers(peer, within)
			} else {
				r.Peers = narrowed(t.peers, within)
				for _, n := range t.named {
					if w.conns.Overlaps(netset.Of(n.Protocol)) {
						r.Named = append(r.Named, n)
					}
				}
			}
			if len(refused) > 0 {
				r.Peers = []policy.Peer{{Kind: policy.DoubtPeer, Pos: r.Pos, Doubt: &refused[0]}}
			}
			r.Doubts = slices.Concat(unknown, t.doubts)
			var more []policy.Rule
			if d == policy.Egress {
				more = append(c.unnamed(&r, peer), c.hostNames(&r, w.conns)...)
			}
			out.rules = append(append(out.rules, r), more...)
		}
	}
	if len(maybeOther) == 0 {
		return []compiled{out}
	}
	others := compiled{own: not(own), rules: slices.Clone(out.rules)}
	for i := range others.rules {
		r := &others.rules[i]
		r.Limits = slices.Concat(r.Limits, maybeOther)
		if d == policy.Ingress { // whom the selector means by its address alone has no ports by name
			r.Named, r.NotNamed = nil, nil
		}
	}
	return []compiled{out, others}
}

// keepRefusals forgets the problems of a rule that decides nothing, apart from those that are doubts of the whole
// policy. A field that a stored object has and that is not known is told all the same: whoever wrote it meant
// something by it.
func (c *compiler) keepRefusals(before, told int) {
	kept := c.Problems[:told:told]
	for _, p := range c.Problems[told:] {
		switch {
		case slices.Contains(c.Doubts[before:], policy.Doubt{Pos: p.Pos, Ref: p.Ref, Msg: p.Msg}):
			kept = append(kept, p)
		case strings.HasSuffix(p.Msg, ": unknown field"):
			p.Severity, p.Hint = object.Warning, "a Log rule decides nothing, and goes on to the next one"
			kept = append(kept, p)
		}
	}
	c.Problems = kept
}

// action reads the action into r, and tells whether it is Log.
func (c *compiler) action(v *object.Value, r *policy.Rule) (logs bool) {
	switch a := v.Get("action"); a.Str() {
	case "Allow":
		r.Action = policy.Allow
	case "Deny":
		r.Action = policy.Deny
	case "Pass":
		r.Action = policy.Pass
	case "Log":
		return true
	default:
		c.Refused(v, "Calico refuses the object; write Allow, Deny, Pass or Log", "%s.action: want Allow, Deny, Pass or Log, got %+q", r.Path, a.Str())
	}
	return false
}

// sourcePorts finds ports of the source, which are not told apart.
func (c *compiler) sourcePorts(source *entity, proto netset.Protocol, hasPorts bool) []policy.Doubt {
	var limits []policy.Doubt
	for _, name := range [...]string{"ports", "notPorts"} {
		v := source.value.Get(name)
		if _, _, given := c.ports(v, source.path+"."+name, proto, hasPorts); given {
			limits = append(limits, c.Unclear(v, "%s.%s: ports of the source are not told apart", source.path, name))
		}
	}
	return limits
}

// http reads a match of requests. Felix allows the connection; what goes through it is judged by Calico's
// application layer policy, when that is installed.
func (c *compiler) http(v *object.Value, r *policy.Rule) []policy.Doubt {
	if !v.IsSet() {
		return nil
	}
	path := r.Path + ".http"
	doubts := c.Fields(v, path, "methods", "paths")
	var methods, paths []string
	for i, m := range c.List(v.Get("methods"), path+".methods") {
		text, _ := c.Text(m, fmt.Sprintf("%s.methods[%d]", path, i))
		methods = append(methods, text)
	}
	for i, p := range c.List(v.Get("paths"), path+".paths") {
		at := fmt.Sprintf("%s.paths[%d]", path, i)
		doubts = append(doubts, c.Fields(p, at, "exact", "prefix")...)
		exact, _ := c.Text(p.Get("exact"), at+".exact")
		prefix, _ := c.Text(p.Get("prefix"), at+".prefix")
		switch {
		case (exact == "") == (prefix == "") || !strings.HasPrefix(exact+prefix, "/") || strings.ContainsAny(exact+prefix, "? #"):
			c.Refused(p, "Calico refuses the object", "%s: want exact or prefix, beginning with / and without ?, # and blanks", at)
		case exact != "":
			paths = append(paths, exact)
		default:
			paths = append(paths, prefix+"*")
		}
	}
	only := "HTTP"
	if len(methods) > 0 {
		only += " " + strings.Join(methods, ",")
	}
	if len(paths) > 0 {
		only += " " + strings.Join(paths, ",")
	}
	switch {
	case r.Direction == policy.Egress:
		c.Refused(v, "Calico refuses the object", "%s: not allowed in an egress rule", path)
	case r.Action != policy.Allow:
		c.Refused(v, "Calico refuses the object; only Allow rules may look at requests", "%s: only allowed in a rule that allows", path)
		doubts = append(doubts, c.Unclear(v, "%s: requests are not told apart", path))
	default:
		r.Only = append(r.Only, only)
	}
	return doubts
}

// ownSide is what a rule asks of the pod that the policy is bound to, besides the policy's own selector: own for
// pods that certainly meet it, limits for all of them, and other for pods that own does not select.
func (c *compiler) ownSide(e *entity, family netset.Addrs) (own *expr, limits, other []policy.Doubt) {
	limits = slices.Concat(e.doubts, e.notDoubts)
	if len(limits) > 0 {
		return nil, limits, nil
	}
	if !e.allowed(family).Equal(family) {
		limits = append(limits, c.Unclear(e.value, "%s: addresses on the pod's own side are not told apart", e.path))
	}
	own = e.meant()
	switch {
	case e.sel == nil && e.notSel != nil:
		for _, s := range c.holders(e.notSel) {
			limits = append(limits, c.Unclear(e.value, "%s.notSelector also means %s, and whether that holds the pod's address is not told", e.path, s))
		}
		return own, limits, nil
	case e.sel == nil, e.sel.kind == exprAll && e.notSel == nil:
		return own, limits, nil
	}
	if c.namespace != "" && e.notSel == nil && e.sel.is(labelNamespace, c.namespace) {
		return nil, limits, nil // as the policy itself
	}
	for _, s := range c.holders(own) {
		other = append(other, c.Unclear(e.value, "%s: the selector also means %s, and whether that holds the pod's address is not told", e.path, s))
	}
	return own, limits, other
}

// holders are the sets that x means and that may hold addresses of pods.
func (c *compiler) holders(x *expr) []object.Ref {
	var out []object.Ref
	for _, s := range selected(x, c.cluster) {
		if s.doubt != nil || !s.addrs.IsEmpty() { // possibly meant is enough
			out = append(out, s.ref)
		}
	}
	return out
}

// is tells whether x asks just for one value of one label.
func (x *expr) is(key, value string) bool {
	return x.kind == exprLabel && x.req.Key == key && x.req.Op == cluster.In && slices.Equal(x.req.Values, []string{value})
}
