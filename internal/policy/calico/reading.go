package calico

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/netpol"
)

// reads: ties look at policies, rules at Services, network sets at the labels of their namespace.
func reads(o *object.Object) policy.Reading {
	switch o.Ref.Kind {
	case "NetworkSet":
		return policy.Namespaces | policy.ForOthers
	case "NetworkPolicy", "GlobalNetworkPolicy":
	default:
		return 0
	}
	out := policy.Global
	switch { // policies of namespaces tie only where names are written both ways
	case o.Ref.Kind == "GlobalNetworkPolicy":
		out |= policy.Namespaced
	case prefixed(o.Ref):
		out |= policy.Unprefixed
	default:
		out |= policy.Prefixed
	}
	spec := o.Root.Get("spec")
	if policy.Holds(spec, "services") {
		out |= policy.Services
	}
	if order, known := orderOf(spec.Get("order")); !known || order == netpol.Order && tierName(spec) == "default" && doesMore(o) {
		out |= policy.Upstream
	}
	return out
}

// ties tells whether two policies may have the same place in a tier, so that it matters which comes first (tie).
func ties(p, q *object.Object) bool {
	a, b := p.Root.Get("spec"), q.Root.Get("spec")
	if apart(p.Ref, q.Ref) || tierName(a) != tierName(b) {
		return false
	}
	x, ok := orderOf(a.Get("order"))
	y, also := orderOf(b.Get("order"))
	return !ok || !also || x == y && (doesMore(p) || doesMore(q))
}

func bears(c *policy.Change) policy.Reading {
	out := c.Bears()
	for _, o := range c.Objects {
		switch {
		case !slices.Contains(groups[:], o.Ref.Group), strings.HasPrefix(o.Ref.Kind, "Staged"):
		case o.Ref.Kind == "NetworkPolicy" && prefixed(o.Ref):
			out |= policy.Namespaced | policy.Prefixed
		case o.Ref.Kind == "NetworkPolicy":
			out |= policy.Namespaced | policy.Unprefixed
		case o.Ref.Kind == "GlobalNetworkPolicy":
			out |= policy.Global
		default: // tiers, network sets, profiles, host endpoints, settings
			out |= policy.AllOfKind
		}
	}
	for _, p := range c.Pods {
		if p.HostNetwork {
			out |= policy.Services
		}
		if looksSpecial(p) {
			out |= policy.AllOfKind
		}
	}
	return out
}

// looksSpecial tells whether a pod has what makes policies mean something else (podIndex): labels that pass for ones
// of its namespace or account, ports of init containers, an account whose name is too long for a label.
func looksSpecial(p *cluster.Pod) bool {
	for key := range p.Labels {
		if inheritable(key) {
			return true
		}
	}
	return len(p.ServiceAccount) >= longName || slices.ContainsFunc(p.Ports, func(q cluster.Port) bool { return inInit(p, q.Container) })
}
