// Package kinds is the list of all policy kinds, and the one place that compiles the policies of a cluster.
package kinds

import (
	"cmp"
	"maps"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/admin"
	"github.com/bulkhead-sec/bulkhead/internal/policy/calico"
	"github.com/bulkhead-sec/bulkhead/internal/policy/cilium"
	"github.com/bulkhead-sec/bulkhead/internal/policy/istio"
	"github.com/bulkhead-sec/bulkhead/internal/policy/netpol"
)

// All is every kind, in the order users meet them.
var All = []policy.Kind{
	netpol.Kind,
	admin.Kind,
	calico.Kind,
	cilium.Kind,
	istio.Kind,
}

// Compile compiles every object of every kind in All, and names the objects that decide about traffic and
// are of none. It does not ask whether the cluster's engine honours a kind.
func Compile(c *cluster.Cluster) policy.Set {
	var set policy.Set
	known := map[object.GroupKind]bool{}
	for _, k := range All {
		if k.Facts != nil {
			addFacts(&set, k.Facts(c))
		}
		if k.Settings != nil {
			policies, problems := k.Settings(c)
			set.Policies = append(set.Policies, policies...)
			set.Problems = append(set.Problems, problems...)
		}
		compile := func(o *object.Object) ([]policy.Policy, []object.Problem) { return k.Compile(o, c) }
		if k.Begin != nil {
			compile = k.Begin(c)
		}
		for _, gk := range k.GVKs {
			known[gk] = true
			for _, o := range c.Kind(gk.Group, gk.Kind) {
				policies, problems := compile(o)
				set.Policies = append(set.Policies, policies...)
				set.Problems = append(set.Problems, problems...)
			}
		}
	}
	set.Opaque = policy.FindOpaque(c, func(gk object.GroupKind) bool { return known[gk] })
	slices.SortStableFunc(set.Policies, compare)
	slices.SortStableFunc(set.Problems, object.Problem.Compare)
	return set
}

// addFacts adds what a kind knows of pods. Kinds use different keys.
func addFacts(set *policy.Set, more map[*cluster.Pod]policy.Facts) {
	if set.Facts == nil {
		set.Facts = map[*cluster.Pod]policy.Facts{}
	}
	for p, facts := range more {
		if set.Facts[p] == nil {
			set.Facts[p] = policy.Facts{}
		}
		maps.Copy(set.Facts[p], facts)
	}
}

// compare orders policies as policy.Set promises. The place decides between objects of one name, which a
// cluster cannot hold but a folder can.
func compare(p, q policy.Policy) int {
	return cmp.Or(cmp.Compare(p.Layer, q.Layer), cmp.Compare(p.Tier.Rank, q.Tier.Rank), cmp.Compare(p.Tier.Name, q.Tier.Name),
		cmp.Compare(p.Order, q.Order), p.Ref.Compare(q.Ref), p.Pos.Compare(q.Pos))
}
