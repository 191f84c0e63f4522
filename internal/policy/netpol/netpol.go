// Package netpol is the policy kind networking.k8s.io/v1 NetworkPolicy.
//
// The meaning follows the comments of the API types (k8s.io/api/networking/v1), the defaults of the API
// server (pkg/apis/networking/v1/defaults.go) and its validation (pkg/apis/networking/validation). An
// object that validation refuses may not exist in the cluster, so its policy is in doubt as a whole: it
// never proves that anything is isolated.
package netpol

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Order is the place of every NetworkPolicy in policy.NetworkPolicyTier. Calico, which keeps its own default
// tier policies in one order with them, gives them 1000.
const Order = 1000

// Kind compiles each object to exactly one policy.
var Kind = policy.Kind{
	Name: "NetworkPolicy",
	GVKs: []object.GroupKind{
		{Group: "networking.k8s.io", Kind: "NetworkPolicy"},
		{Group: "extensions", Kind: "NetworkPolicy"},
	},
	Since: "0.1",
	Doc: "NetworkPolicy of networking.k8s.io/v1, complete: ingress and egress, defaults of policyTypes, pod and " +
		"namespace selectors, ipBlock with except, named ports, endPort. Rules only allow; a pod that a policy " +
		"selects is isolated in the directions the policy names.",
	Fields:  fields(),
	Compile: compile,
}

// source is what differs between the two directions.
type source struct {
	direction    policy.Direction
	field, peers string
}

var sources = [2]source{{policy.Ingress, "ingress", "from"}, {policy.Egress, "egress", "to"}}

func compile(o *object.Object, _ *cluster.Cluster) ([]policy.Policy, []object.Problem) {
	c := compiler{Reader: policy.NewReader(o), namespace: o.Ref.Namespace}
	c.identity()
	c.Whole(c.Fields(o.Root, "", "apiVersion", "kind", "metadata", "spec", "status"))
	spec := o.Root.Get("spec")
	c.Whole(c.Fields(spec, "spec", "podSelector", "policyTypes", "ingress", "egress"))
	p := policy.Policy{
		Ref: o.Ref, Pos: o.Pos, Tier: policy.NetworkPolicyTier, Order: Order,
		Subjects: []policy.Term{{Namespace: o.Ref.Namespace}},
		Isolates: c.policyTypes(spec),
	}
	var doubts []policy.Doubt
	before := len(c.Doubts)
	p.Subjects[0].Pods, doubts = c.selector(spec.Get("podSelector"), "spec.podSelector")
	if c.Whole(doubts); len(c.Doubts) > before {
		p.Subjects[0].Pods = nil // whom it selects is not known: it may be anyone in the namespace
	}
	if !spec.Get("podSelector").IsSet() {
		c.Warn(spec, "write podSelector: {} when that is meant", "spec.podSelector is missing, which selects every pod of the namespace")
	}
	var extra []policy.Rule // of a direction that policyTypes does not name
	for _, s := range sources {
		list := spec.Get(s.field)
		rules := c.rules(list, s)
		if len(rules) > 0 && !p.Isolates[s.direction] {
			c.Warn(list, "add "+strings.ToUpper(s.field[:1])+s.field[1:]+" to spec.policyTypes, or remove the rules",
				"spec.%s has no effect, because spec.policyTypes does not name it (Cilium enforces it all the same)", s.field)
			extra = append(extra, rules...)
			continue
		}
		p.Rules = append(p.Rules, rules...)
	}
	p.Doubts = c.Doubts
	if len(extra) == 0 {
		return []policy.Policy{p}, c.Problems
	}
	// Cilium looks at the rules first (ParseNetworkPolicy in pkg/k8s).
	habit := p
	habit.Under, habit.Rules, habit.Isolates = policy.RulesAlways, extra, [2]bool{}
	habit.Isolates[extra[0].Direction] = true
	return []policy.Policy{p, habit}, c.Problems
}

type compiler struct {
	*policy.Reader
	namespace string
}

// identity checks what makes the object one that an API server of today keeps.
func (c *compiler) identity() {
	o := c.Object
	switch {
	case o.Ref.Group == "extensions":
		c.Refused(o.Root.Get("apiVersion"), "write apiVersion: networking.k8s.io/v1",
			"apiVersion extensions/%s was removed in Kubernetes 1.16", o.Version)
	case o.Version != "v1":
		c.Refused(o.Root.Get("apiVersion"), "write apiVersion: networking.k8s.io/v1",
			"apiVersion networking.k8s.io/%s has no NetworkPolicy", o.Version)
	}
	meta := o.Root.Get("metadata")
	if o.Ref.Name == "" && meta.Get("generateName").Str() == "" {
		c.Refused(meta, "the API server refuses an object without a name", "metadata.name is missing")
	} else if o.Ref.Name != "" {
		for _, msg := range policy.NameErrors(o.Ref.Name) {
			c.Refused(meta.Get("name"), "the API server refuses the object", "metadata.name: %s", msg)
		}
	}
}

// policyTypes reads spec.policyTypes with its default: Ingress always, Egress when there are egress rules
// (SetDefaults_NetworkPolicy).
func (c *compiler) policyTypes(spec *object.Value) [2]bool {
	list := c.List(spec.Get("policyTypes"), "spec.policyTypes")
	if len(list) == 0 {
		return [2]bool{policy.Ingress: true, policy.Egress: len(spec.Get("egress").List()) > 0}
	}
	var isolates [2]bool
	for i, v := range list {
		switch {
		case v.Kind == object.String && v.Text == "Ingress":
			isolates[policy.Ingress] = true
		case v.Kind == object.String && v.Text == "Egress":
			isolates[policy.Egress] = true
		default:
			c.Refused(v, "the API server refuses the object; write Ingress or Egress", "spec.policyTypes[%d]: want Ingress or Egress, got %s", i, shown(v))
		}
	}
	if len(list) > 2 {
		c.Refused(spec.Get("policyTypes"), "the API server refuses the object; name each direction once", "spec.policyTypes has more than two entries")
	}
	return isolates
}

func (c *compiler) rules(list *object.Value, s source) []policy.Rule {
	var rules []policy.Rule
	for i, v := range c.List(list, "spec."+s.field) {
		r := policy.Rule{Direction: s.direction, Action: policy.Allow, Pos: c.Object.At(v), Path: policy.Item("spec."+s.field, i)}
		r.Doubts = c.Fields(v, r.Path, s.peers, "ports")
		if !v.IsSet() {
			c.Warn(v, "write {} when that is meant, or remove the entry", "%s is null, which allows everything", r.Path)
		}
		r.Peers = c.peers(v.Get(s.peers), r.Path+"."+s.peers, r.Pos)
		c.ports(v.Get("ports"), &r)
		rules = append(rules, r)
	}
	return rules
}

// shown is a scalar as the user wrote it, or what it is instead.
func shown(v *object.Value) string {
	if s := v.Str(); s != "" || v.Kind == object.String {
		return fmt.Sprintf("%+q", s)
	}
	return "a " + v.Kind.String()
}

// selector reads a metav1.LabelSelector. With doubts the selector must not be used.
func (c *compiler) selector(v *object.Value, path string) (cluster.Selector, []policy.Doubt) {
	doubts := c.Fields(v, path, "matchLabels", "matchExpressions")
	for i, e := range v.Get("matchExpressions").List() {
		at := fmt.Sprintf("%s.matchExpressions[%d]", path, i)
		doubts = append(doubts, c.Fields(e, at, "key", "operator", "values")...)
		if key := e.Get("key"); e.Kind == object.Map && (!key.IsSet() || key.Kind == object.String && key.Text == "") {
			c.Refused(e, "the API server refuses the object", "%s: no key", at)
		}
		c.Text(e.Get("key"), at+".key")
		c.List(e.Get("values"), at+".values")
	}
	s, bad := cluster.ParseSelector(v)
	for _, b := range bad {
		// Unknown fields and missing keys were told above, with their doubts.
		if strings.Contains(b.Msg, "unknown field") || b.Msg == "no key" || b.Path == "" {
			continue
		}
		c.Refused(&object.Value{Line: b.Line}, "the API server refuses the object", "%s.%s: %s", path, b.Path, b.Msg)
	}
	for _, r := range s {
		msgs := policy.LabelErrors(r.Key, r.Values)
		if len(msgs) > 0 {
			c.Refused(v, "the API server refuses the object", "%s: %s: %s", path, r, strings.Join(slices.Compact(msgs), "; "))
		}
	}
	return s, doubts
}
