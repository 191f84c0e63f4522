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
	for i := range All {
		k := &All[i]
		begun := k.For(c)
		if begun.Facts != nil {
			addFacts(&set, begun.Facts())
		}
		if begun.Settings != nil {
			policies, problems := begun.Settings()
			set.Policies = append(set.Policies, policies...)
			set.Problems = append(set.Problems, problems...)
		}
		for _, gk := range k.GVKs {
			known[gk] = true
			for _, o := range c.Kind(gk.Group, gk.Kind) {
				policies, problems := begun.Compile(o)
				set.Policies = append(set.Policies, policies...)
				set.Problems = append(set.Problems, problems...)
			}
		}
	}
	set.Opaque = policy.FindOpaque(c, func(gk object.GroupKind) bool { return known[gk] })
	set.Policies = sorted(set.Policies)
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
func compare(p, q *policy.Policy) int {
	if c := cmp.Or(cmp.Compare(p.Layer, q.Layer), cmp.Compare(p.Tier.Rank, q.Tier.Rank), cmp.Compare(p.Tier.Name, q.Tier.Name),
		cmp.Compare(p.Order, q.Order)); c != 0 {
		return c
	}
	if c := p.Ref.Compare(q.Ref); c != 0 {
		return c
	}
	return p.Pos.Compare(q.Pos)
}

// sorted sorts policies as compare says, where it leaves two equal as they were found. It moves numbers, as policies are big.
func sorted(ps []policy.Policy) []policy.Policy {
	order := make([]int32, len(ps))
	for i := range order {
		order[i] = int32(i)
	}
	by := func(a, b int32) int { return cmp.Or(compare(&ps[a], &ps[b]), cmp.Compare(a, b)) }
	if slices.IsSortedFunc(order, by) {
		return ps
	}
	slices.SortFunc(order, by)
	out := make([]policy.Policy, len(ps))
	for to, from := range order {
		out[to] = ps[from]
	}
	return out
}
