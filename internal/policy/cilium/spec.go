package cilium

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// section is one of the four lists of a rule.
type section struct {
	field     string
	direction policy.Direction
	action    policy.Action
	nodes     bool // of a rule about nodes
}

var sections = [4]section{
	{field: "ingress", direction: policy.Ingress, action: policy.Allow},
	{field: "ingressDeny", direction: policy.Ingress, action: policy.Deny},
	{field: "egress", direction: policy.Egress, action: policy.Allow},
	{field: "egressDeny", direction: policy.Egress, action: policy.Deny},
}

// spec is what one rule of the object, spec or an entry of specs, compiles to.
type spec struct {
	subjects    []policy.Term // none: it binds no pods
	isolates    [2]bool
	allow, deny []policy.Rule
}

// policies compiles spec and specs; both may be there (CiliumNetworkPolicy.Parse).
func (c *compiler) policies() []policy.Policy {
	root := c.Object.Root
	var specs []spec
	if one := root.Get("spec"); c.isMap(one, "spec") {
		specs = append(specs, c.spec(one, "spec"))
	}
	for i, v := range c.list(root.Get("specs"), "specs") {
		specs = append(specs, c.spec(v, fmt.Sprintf("specs[%d]", i)))
	}
	if root.Get("spec") == nil && root.Get("specs") == nil {
		c.Refused(nil, refused, "spec is missing")
	}
	if len(c.Doubts) > 0 {
		return c.inDoubt(specs)
	}
	var out []policy.Policy
	for i := range specs {
		s := &specs[i]
		p := policy.Policy{Ref: c.Object.Ref, Pos: c.Object.Pos, Subjects: s.subjects}
		if len(s.subjects) == 0 {
			continue
		}
		if len(s.deny) > 0 {
			deny := p
			deny.Tier, deny.Rules = denyTier, s.deny
			out = append(out, deny)
		}
		if len(s.allow) > 0 || s.isolates != [2]bool{} {
			p.Tier, p.Rules, p.Isolates = policy.NetworkPolicyTier, s.allow, s.isolates
			out = append(out, p)
		}
	}
	return out
}

// inDoubt is the object when it may be dropped, or may mean something else, as a whole. It stands in the first
// tier it could act in, so that it may undo all that comes later.
func (c *compiler) inDoubt(specs []spec) []policy.Policy {
	p := policy.Policy{Ref: c.Object.Ref, Pos: c.Object.Pos, Tier: denyTier, Doubts: c.Doubts}
	for i := range specs {
		p.Subjects = append(p.Subjects, specs[i].subjects...)
		p.Rules = slices.Concat(p.Rules, specs[i].deny, specs[i].allow)
		for _, d := range policy.Directions {
			p.Isolates[d] = p.Isolates[d] || specs[i].isolates[d]
		}
	}
	if len(p.Subjects) == 0 {
		p.Subjects = []policy.Term{{Namespace: c.namespace}}
	}
	return []policy.Policy{p}
}

func (c *compiler) spec(v *object.Value, path string) spec {
	fields := []string{"description", "labels", "log", "enableDefaultDeny", "endpointSelector", "nodeSelector"}
	for _, s := range sections {
		fields = append(fields, s.field)
	}
	if !c.isMap(v, path) {
		return spec{}
	}
	c.Whole(c.Fields(v, path, fields...))
	c.decoration(v, path)
	var out spec
	out.subjects = c.subject(v, path)
	used, filled := [2]bool{}, false
	for _, s := range sections {
		s.nodes = v.Get("nodeSelector") != nil
		list := v.Get(s.field)
		items := c.list(list, path+"."+s.field)
		used[s.direction] = used[s.direction] || len(items) > 0
		filled = filled || len(items) > 0
		for i, item := range items {
			allow, deny := c.rule(item, fmt.Sprintf("%s.%s[%d]", path, s.field, i), s)
			out.allow, out.deny = append(out.allow, allow...), append(out.deny, deny...)
		}
	}
	if !filled {
		// Rule.Sanitize. An agent that drops the object enforces nothing of it.
		c.Refused(v, "Cilium refuses the object, and nothing is isolated by it; write ingress: [{}] to let nobody in",
			"%s has no ingress, ingressDeny, egress or egressDeny with an entry", path)
	}
	out.isolates = c.defaultDeny(v.Get("enableDefaultDeny"), path+".enableDefaultDeny", used)
	return out
}

// defaultDeny is which directions become closed: those with rules, unless it is switched off (DefaultDenyConfig).
func (c *compiler) defaultDeny(v *object.Value, path string, used [2]bool) [2]bool {
	isolates := used
	if !c.isMap(v, path) {
		return isolates
	}
	c.Whole(c.Fields(v, path, "ingress", "egress"))
	for _, d := range policy.Directions {
		b := v.Get(d.String())
		switch {
		case b == nil:
		case b.Kind != object.Bool:
			c.Refused(b, refused, "%s.%s: want true or false, got a %s", path, d, b.Kind)
		case b.True() && !used[d]:
			c.Warn(b, fmt.Sprintf("write %s: [{}] to close the direction", d), "%s.%s has no effect, as there are no %s rules", path, d, d)
		case !b.True() && c.settings.off("enable-non-default-deny-policies"):
			c.Warn(b, "switch enable-non-default-deny-policies on", "%s.%s has no effect, as the agents have that feature switched off", path, d)
		case !b.True():
			isolates[d] = false
		}
	}
	return isolates
}

// decoration reads what changes nothing.
func (c *compiler) decoration(v *object.Value, path string) {
	c.Text(v.Get("description"), path+".description")
	if log := v.Get("log"); c.isMap(log, path+".log") {
		c.Whole(c.Fields(log, path+".log", "value"))
	}
	for i, l := range c.list(v.Get("labels"), path+".labels") {
		c.Whole(c.Fields(l, fmt.Sprintf("%s.labels[%d]", path, i), "key", "value", "source"))
	}
}

// subject is whom the rule binds. A selector that is not understood may mean anyone.
func (c *compiler) subject(v *object.Value, path string) []policy.Term {
	endpoints, nodes := v.Get("endpointSelector"), v.Get("nodeSelector")
	anyone := []policy.Term{{Namespace: c.namespace}}
	switch {
	case endpoints != nil && nodes != nil:
		c.Refused(nodes, refused+"; make them two entries of specs", "%s has both endpointSelector and nodeSelector", path)
		return anyone
	case endpoints == nil && nodes == nil:
		c.Refused(v, refused+"; write endpointSelector: {} for all pods", "%s has no endpointSelector", path)
		return anyone
	case nodes != nil && c.namespace != "":
		c.Refused(nodes, "Cilium refuses the object; use a "+clusterwide, "%s.nodeSelector in a namespaced policy", path)
		return anyone
	case nodes != nil:
		_, doubts := c.selector(nodes, path+".nodeSelector")
		c.Whole(doubts)
		c.Note(nodes, "answers about nodes are undecided, those between pods are not touched",
			"%s.nodeSelector: the rule is about nodes (host firewall), which is not modelled", path)
		return nil
	}
	before := len(c.Doubts)
	p := c.pick(endpoints, path+".endpointSelector")
	for _, d := range slices.Concat(p.doubts, p.narrow) {
		if !slices.Contains(c.Doubts, d) {
			c.Doubts = append(c.Doubts, d)
		}
	}
	if len(c.Doubts) > before {
		return anyone
	}
	for _, r := range p.reserved {
		if r.MatchesValue("", false) {
			continue // pods have no such label
		}
		c.Note(endpoints, "", "%s.endpointSelector selects what carries reserved:%s, which is no pod of the cluster", path, r.Key)
		return nil
	}
	if p.none {
		c.Warn(endpoints, "the rule has no effect", "%s.endpointSelector matches no pod", path)
		return nil
	}
	if c.namespace == "" {
		return []policy.Term{p.in()}
	}
	c.overrule(endpoints, path+".endpointSelector", &p)
	return []policy.Term{p.in(ownNamespace(c.namespace))}
}

// overrule drops a namespace that Cilium replaces by the policy's own: one that matchLabels names with the
// source spelled out (ParseToCiliumRule). Any other way to name a foreign namespace selects nothing.
func (c *compiler) overrule(v *object.Value, path string, p *picked) {
	label := v.Get("matchLabels").Get("k8s:" + labelNamespace)
	if label == nil {
		return
	}
	named := ownNamespace(label.Str()).String()
	if i := slices.IndexFunc(p.spaces, func(r cluster.Requirement) bool { return r.String() == named }); i >= 0 {
		p.spaces = slices.Delete(p.spaces, i, i+1)
	}
	if label.Str() != c.namespace {
		c.Warn(label, "a namespaced policy binds pods of its own namespace only", "%s: Cilium reads namespace %s as %s", path, label.Str(), c.namespace)
	}
}
