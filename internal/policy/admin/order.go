package admin

import (
	"fmt"
	"math"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// besides gives p twice when ClusterNetworkPolicy objects share its tier: nothing says which of the two APIs
// comes first. The first copy stands before all of them and only possibly matches, the second stands behind
// them all; so every place that p may really have lies within what the two together may do.
func (c *compiler) besides(p policy.Policy) []policy.Policy {
	other, ok := c.sharesTier(p.Tier)
	if !ok {
		return []policy.Policy{p}
	}
	if len(p.Doubts) > 0 {
		p.Order = math.Inf(-1)
		return []policy.Policy{p}
	}
	if len(p.Rules) == 0 {
		return []policy.Policy{p}
	}
	d := policy.Doubt{
		Pos: p.Pos, Ref: p.Ref,
		Msg: fmt.Sprintf("whether %s objects come before or after %s in the %s tier is not specified", p.Ref.Kind, other, p.Tier.Name),
	}
	c.Note(nil, "use one of the two APIs", "%s", d.Msg)
	first := p
	first.Notes = nil // the second copy shows them
	first.Order -= maxPriority + 1
	first.Rules = slices.Clone(p.Rules)
	for i := range first.Rules {
		r := &first.Rules[i]
		r.Limits = append(slices.Clone(r.Limits), d)
	}
	p.Order += maxPriority + 1
	return []policy.Policy{first, p}
}

// sharesTier finds a ClusterNetworkPolicy that is or may be in the tier of an object of v1alpha1.
func (c *compiler) sharesTier(t policy.Tier) (object.Ref, bool) {
	if c.Object.Ref.Kind == kindCluster {
		return object.Ref{}, false
	}
	elsewhere := "Baseline"
	if t == policy.BaselineTier {
		elsewhere = "Admin"
	}
	for _, o := range c.cluster.Kind(group, kindCluster) {
		if o.Root.Get("spec", "tier").Str() != elsewhere {
			return o.Ref, true
		}
	}
	return object.Ref{}, false
}

// perDirection adds a note to a policy of the Baseline tier that decides about a direction which a
// NetworkPolicy of its subjects leaves alone. By the words of the API the tier is for "Pods not selected by
// a v1.NetworkPolicy", and kube-network-policies takes that for both directions at once; Calico and Cilium
// take each direction by itself, as does package reach.
func (c *compiler) perDirection(p *policy.Policy) {
	if p.Tier != policy.BaselineTier {
		return
	}
	for _, d := range policy.Directions {
		if !slices.ContainsFunc(p.Rules, func(r policy.Rule) bool { return r.Direction == d }) {
			continue
		}
		for _, o := range c.cluster.Kind("networking.k8s.io", "NetworkPolicy") {
			if !isolates(o)[d] && slices.ContainsFunc(p.Subjects, func(t policy.Term) bool { return c.mayBeIn(o.Ref.Namespace, t) }) {
				p.Notes = append(p.Notes, policy.Doubt{
					Pos: p.Pos, Ref: p.Ref,
					Msg: fmt.Sprintf("%s does not isolate for %s, so the Baseline tier decides there about its pods too; an engine that takes the API by the letter (kube-network-policies) skips the tier for them", o.Ref, d),
				})
				break
			}
		}
	}
}

// mayBeIn tells whether pods of a namespace may be subjects.
func (c *compiler) mayBeIn(namespace string, t policy.Term) bool {
	if t.Namespace != "" {
		return t.Namespace == namespace
	}
	ns := c.cluster.Namespace(namespace)
	return ns == nil || !ns.Declared || t.NamespaceSelector.Matches(ns.Labels)
}

// isolates is the directions of a NetworkPolicy, with the defaults of the API server.
func isolates(o *object.Object) (dirs [2]bool) {
	spec := o.Root.Get("spec")
	types := spec.Get("policyTypes").List()
	if len(types) == 0 {
		return [2]bool{policy.Ingress: true, policy.Egress: len(spec.Get("egress").List()) > 0}
	}
	for _, v := range types {
		dirs[policy.Ingress] = dirs[policy.Ingress] || v.Str() == "Ingress"
		dirs[policy.Egress] = dirs[policy.Egress] || v.Str() == "Egress"
	}
	return dirs
}
