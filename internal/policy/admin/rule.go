package admin

import (
	"fmt"
	"unicode/utf8"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// rules reads one direction. No rules leave the direction alone.
func (c *compiler) rules(list *object.Value, d policy.Direction) []policy.Rule {
	var rules []policy.Rule
	for i, v := range c.entries(list, "spec."+d.String(), 0, c.most) {
		rules = append(rules, c.rule(v, d, fmt.Sprintf("spec.%s[%d]", d, i))...)
	}
	return rules
}

// entries is the items of a list, none of which may be null. A list outside the bounds of the schema is
// refused and not read, however long it is. A list that is not set has no items and is not refused.
func (c *compiler) entries(list *object.Value, path string, least, most int) []*object.Value {
	items := c.List(list, path)
	if list.IsSet() && list.Kind == object.List && (len(items) < least || len(items) > most) {
		c.Refused(list, "the API server refuses the object", "%s: want %d to %d entries, got %d", path, least, most, len(items))
		return nil
	}
	for i, v := range items {
		if !v.IsSet() {
			c.Refused(v, "the API server refuses the object; remove the entry", "%s[%d] is null", path, i)
			return nil
		}
	}
	return items
}

// rule compiles one entry: one rule, or two when a peer may make it deny everything.
func (c *compiler) rule(v *object.Value, d policy.Direction, path string) []policy.Rule {
	peers := "from"
	if d == policy.Egress {
		peers = "to"
	}
	doubts := c.Fields(v, path, "name", "action", peers, c.api.ports)
	if v.Kind != object.Map {
		return nil
	}
	r := policy.Rule{Direction: d, Pos: c.Object.At(v), Path: path, Doubts: doubts}
	r.Action = c.action(v, path+".action")
	if name, _ := c.Text(v.Get("name"), path+".name"); name != "" {
		if utf8.RuneCountInString(name) > 100 {
			c.Refused(v.Get("name"), "the API server refuses the object", "%s.name is longer than 100 characters", path)
			name = ""
		}
		r.Path = fmt.Sprintf("%s %+q", path, name)
	}
	list := v.Get(peers)
	if !list.IsSet() {
		c.Refused(v, "the API server refuses the object", "%s.%s is missing", path, peers)
	}
	var unknown *policy.Doubt
	addresses := false
	for i, e := range c.entries(list, path+"."+peers, 1, c.most) {
		p, known := c.peer(e, d, r.Action, fmt.Sprintf("%s.%s[%d]", path, peers, i))
		addresses = addresses || p.Kind == policy.AddrPeer || p.Kind == policy.NodePeer
		if !known && unknown == nil {
			unknown = p.Doubt
		}
		r.Peers = append(r.Peers, p)
	}
	c.ports(v.Get(c.api.ports), path+"."+c.api.ports, &r)
	if addresses && len(r.Named) > 0 {
		c.Refused(v.Get(c.api.ports), "the API server with the experimental CRD refuses the object, and without it engines differ",
			"%s: named ports together with a peer that is networks, nodes or domainNames", path)
	}
	if unknown == nil {
		return []policy.Rule{r}
	}
	return failClosed(r, unknown)
}

// failClosed is a rule with a peer of which an engine may know no field. Such an engine should "fail closed"
// (comment of ClusterNetworkPolicyEgressPeer): take a rule that allows as one that matches nothing, any
// other as one that denies everything. Some engines only skip the peer, so neither is certain.
func failClosed(r policy.Rule, unknown *policy.Doubt) []policy.Rule {
	if r.Action == policy.Allow {
		r.Limits = append(r.Limits, *unknown)
		return []policy.Rule{r}
	}
	all := policy.Rule{
		Direction: r.Direction, Action: policy.Deny, Conns: netset.All(), Pos: r.Pos, Path: r.Path,
		Peers: []policy.Peer{{Kind: policy.DoubtPeer, Pos: r.Pos, Doubt: unknown}},
	}
	return []policy.Rule{all, r}
}

// action reads the action of a rule.
func (c *compiler) action(rule *object.Value, path string) policy.Action {
	v := rule.Get("action")
	switch s := v.Str(); {
	case s == c.allow:
		return policy.Allow
	case s == "Deny":
		return policy.Deny
	case s == "Pass" && c.pass:
		return policy.Pass
	}
	want := c.allow + ", Deny or Pass"
	if !c.pass {
		want = c.allow + " or Deny"
	}
	c.Refused(there(v, rule), "the API server refuses the object; write "+want, "%s: want %s, got %s", path, want, shown(v))
	return policy.Deny
}

// there is v, or what lacks it.
func there(v, parent *object.Value) *object.Value {
	if v == nil {
		return parent
	}
	return v
}

// shown is a scalar as the user wrote it, or what it is instead.
func shown(v *object.Value) string {
	switch {
	case v == nil:
		return "nothing"
	case v.Kind == object.String:
		return fmt.Sprintf("%+.80q", v.Text)
	case v.Str() != "":
		return fmt.Sprintf("the %s %.80s", v.Kind, v.Text)
	}
	return "a " + v.Kind.String()
}
