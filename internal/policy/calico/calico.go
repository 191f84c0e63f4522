// Package calico is the policy kinds NetworkPolicy and GlobalNetworkPolicy of projectcalico.org/v3, also as
// the crd.projectcalico.org/v1 objects they are kept as.
//
// Only what translates exactly is compiled: policies of the default tier whose selectors are conjunctions of
// label conditions. Everything else is named and leaves the part it stands in undecided. The meaning follows
// the NetworkPolicy, GlobalNetworkPolicy and "Selectors" pages of the Calico reference, and for defaults
// libcalico-go and Felix as quoted beside the code.
package calico

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/netpol"
)

const (
	groupV3  = "projectcalico.org"
	groupCRD = "crd.projectcalico.org"
)

// groups is where the kinds live.
var groups = [2]string{groupV3, groupCRD}

// Kind compiles each object to at most one policy; staged objects compile to none, as they have no effect.
var Kind = policy.Kind{
	Name: "Calico NetworkPolicy",
	GVKs: []object.GroupKind{
		{Group: groupV3, Kind: "NetworkPolicy"},
		{Group: groupV3, Kind: "GlobalNetworkPolicy"},
		{Group: groupCRD, Kind: "NetworkPolicy"},
		{Group: groupCRD, Kind: "GlobalNetworkPolicy"},
		{Group: groupV3, Kind: "StagedNetworkPolicy"},
		{Group: groupV3, Kind: "StagedGlobalNetworkPolicy"},
		{Group: groupV3, Kind: "StagedKubernetesNetworkPolicy"},
		{Group: groupCRD, Kind: "StagedNetworkPolicy"},
		{Group: groupCRD, Kind: "StagedGlobalNetworkPolicy"},
		{Group: groupCRD, Kind: "StagedKubernetesNetworkPolicy"},
	},
	Since: "0.1",
	Doc: "NetworkPolicy and GlobalNetworkPolicy of Calico, in the default tier: order, allow, deny, pass and log rules, " +
		"nets, ports, named ports, and selectors made of conditions joined with &&. Tiers, service accounts, negated " +
		"matches, services, ICMP and HTTP are recognised and leave the answer undecided.",
	Compile: compile,
}

type compiler struct {
	*policy.Reader
	cluster   *cluster.Cluster
	namespace string // of a namespaced policy, "" for a global one
}

func compile(o *object.Object, cl *cluster.Cluster) ([]policy.Policy, []object.Problem) {
	c := compiler{Reader: policy.NewReader(o), cluster: cl}
	if strings.HasPrefix(o.Ref.Kind, "Staged") {
		c.Note(nil, "", "the policy is staged and has no effect")
		return nil, c.Problems
	}
	fields := []string{"tier", "order", "ingress", "egress", "selector", "types", "serviceAccountSelector", "performanceHints"}
	if o.Ref.Kind == "GlobalNetworkPolicy" {
		fields = append(fields, "namespaceSelector", "doNotTrack", "preDNAT", "applyOnForward")
	} else {
		c.namespace = o.Ref.Namespace
	}
	spec := o.Root.Get("spec")
	c.Whole(c.Fields(o.Root, "", "apiVersion", "kind", "metadata", "spec", "status"))
	c.Whole(c.Fields(spec, "spec", fields...))
	p := policy.Policy{Ref: o.Ref, Pos: o.Pos, Tier: policy.NetworkPolicyTier, Order: c.order(spec.Get("order"))}
	c.unmodelled(spec)
	p.Subjects = []policy.Term{c.subject(spec)}
	p.Isolates = c.types(spec)
	c.rules(spec, &p)
	c.ties(&p)
	if p.Doubts = c.Doubts; len(p.Doubts) > 0 {
		// It may decide before any other policy does, and nothing that comes later may narrow that.
		p.Order = math.Inf(-1)
	}
	if customTier(spec) {
		p.Tier = anyTier
	}
	return []policy.Policy{p}, c.Problems
}

// anyTier comes before all others: a tier whose place is not known may.
var anyTier = policy.Tier{Rank: math.Inf(-1), Name: "Calico tier"}

func customTier(spec *object.Value) bool {
	v := spec.Get("tier")
	return v.IsSet() && (v.Kind != object.String || v.Text != "" && v.Text != "default")
}

// order is spec.order; a policy without one comes last (PolKVLess in felix/calc).
func (c *compiler) order(v *object.Value) float64 {
	if !v.IsSet() {
		return math.Inf(1)
	}
	f, err := strconv.ParseFloat(v.Text, 64)
	if v.Kind != object.Number || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		c.Refused(v, "Calico refuses the object", "spec.order: want a number, got a %s", v.Kind)
		return math.Inf(1)
	}
	return f
}

// unmodelled finds the fields of the spec that change what the policy is about.
func (c *compiler) unmodelled(spec *object.Value) {
	if customTier(spec) {
		c.NotModelled(spec.Get("tier"), "spec.tier: %s is not the default tier, and tiers are not modelled yet", spec.Get("tier").Str())
	}
	if s, _ := c.Text(spec.Get("serviceAccountSelector"), "spec.serviceAccountSelector"); s != "" {
		c.NotModelled(spec.Get("serviceAccountSelector"), "spec.serviceAccountSelector is not modelled yet")
	}
	for _, name := range []string{"doNotTrack", "preDNAT", "applyOnForward"} {
		v := spec.Get(name)
		if v.IsSet() && v.Kind != object.Bool {
			c.Refused(v, "Calico refuses the object", "spec.%s: want true or false, got a %s", name, v.Kind)
		} else if v.True() {
			c.NotModelled(v, "spec.%s is not modelled yet", name)
		}
	}
}

// subject is whom the policy binds. A selector that is not understood may mean anyone.
func (c *compiler) subject(spec *object.Value) policy.Term {
	s := policy.Term{Namespace: c.namespace}
	before := len(c.Doubts)
	pods, err := c.selector(spec.Get("selector"), "spec.selector")
	if err != nil {
		c.Doubts = append(c.Doubts, *err)
	}
	namespaces, err := c.selector(spec.Get("namespaceSelector"), "spec.namespaceSelector")
	if err != nil {
		c.Doubts = append(c.Doubts, *err)
	}
	inNamespaces, err := onNamespaces(c.Reader, spec.Get("namespaceSelector"), namespaces)
	if err != nil {
		c.Doubts = append(c.Doubts, *err)
	}
	onPods, byName, err := onPods(c.Reader, spec.Get("selector"), pods)
	if err != nil {
		c.Doubts = append(c.Doubts, *err)
	}
	if len(byName) > 0 && c.namespace != "" {
		c.NotModelled(spec.Get("selector"), "spec.selector: %s in a namespaced policy is not modelled yet", labelNamespace)
	}
	if len(c.Doubts) > before {
		return s
	}
	s.Pods = onPods
	if c.namespace == "" {
		s.Namespace, s.NamespaceSelector = policy.OneNamespace(sorted(append(inNamespaces, byName...)))
	}
	return s
}

// types is spec.types with the default of the API layer: Ingress, unless there are only egress rules
// (defaultPolicyTypesField in libcalico-go/lib/clientv3).
func (c *compiler) types(spec *object.Value) [2]bool {
	list := c.List(spec.Get("types"), "spec.types")
	in, out := len(spec.Get("ingress").List()) > 0, len(spec.Get("egress").List()) > 0
	if len(list) == 0 {
		if c.Object.Ref.Group == groupCRD {
			// Written past the API layer nothing is defaulted, and Felix takes no types as both.
			c.NotModelled(spec, "spec.types is missing, and nothing fills it in for a %s object", groupCRD)
		}
		return [2]bool{policy.Ingress: in || !out, policy.Egress: out}
	}
	var isolates [2]bool
	for i, v := range list {
		switch v.Str() {
		case "Ingress":
			isolates[policy.Ingress] = true
		case "Egress":
			isolates[policy.Egress] = true
		default:
			c.Refused(v, "Calico refuses the object; write Ingress or Egress", "spec.types[%d]: want Ingress or Egress, got %+q", i, v.Str())
		}
	}
	return isolates
}

func (c *compiler) rules(spec *object.Value, p *policy.Policy) {
	for _, d := range policy.Directions {
		list := spec.Get(d.String())
		items := c.List(list, "spec."+d.String())
		var rules []policy.Rule
		for i, v := range items {
			if r, ok := c.rule(v, d, fmt.Sprintf("spec.%s[%d]", d, i)); ok {
				rules = append(rules, r)
			}
		}
		if len(items) > 0 && !p.Isolates[d] {
			c.Warn(list, "name the direction in spec.types, or remove the rules", "spec.%s has no effect, because spec.types does not name it", d)
			continue
		}
		p.Rules = append(p.Rules, rules...)
	}
}

// ties finds policies of the same order that may bind the same pods. Which of them comes first depends on
// the Calico version: by namespace and name up to 3.29, by name from 3.30 on (PolKVLess). That matters only
// when one of them does more than allow.
func (c *compiler) ties(p *policy.Policy) {
	onlyAllows := true
	for _, r := range p.Rules {
		onlyAllows = onlyAllows && r.Action == policy.Allow
	}
	if onlyAllows {
		return
	}
	other := "NetworkPolicy"
	if c.namespace != "" {
		other = "GlobalNetworkPolicy"
	}
	for _, g := range groups {
		for _, o := range c.cluster.Kind(g, other) {
			v := o.Root.Get("spec", "order")
			f, err := strconv.ParseFloat(v.Str(), 64)
			if !v.IsSet() {
				f, err = math.Inf(1), nil
			}
			if err == nil && f == p.Order {
				c.tie(p, o.Ref)
				return
			}
		}
	}
	if p.Order == netpol.Order {
		for _, o := range c.cluster.Kind("networking.k8s.io", "NetworkPolicy") {
			if c.namespace == "" || o.Ref.Namespace == c.namespace {
				c.tie(p, o.Ref)
				return
			}
		}
	}
}

// tie makes the rules doubtful and puts them first: what possibly matches before everything else covers all
// places where the rules may really stand. What the policy isolates does not depend on its place.
func (c *compiler) tie(p *policy.Policy, ref object.Ref) {
	d := c.Unclear(c.Object.Root.Get("spec", "order"), "the order is the same as that of %s, and which of the two comes first depends on the Calico version", ref)
	p.Order = math.Inf(-1)
	for i := range p.Rules {
		r := &p.Rules[i]
		r.Peers = []policy.Peer{{Kind: policy.DoubtPeer, Pos: r.Pos, Doubt: &d}}
	}
}
