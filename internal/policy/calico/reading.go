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
	out := policy.Global // policies of namespaces do not tie with each other
	if o.Ref.Kind == "GlobalNetworkPolicy" {
		out |= policy.Namespaced
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

func bears(c *policy.Change) policy.Reading {
	out := c.Bears()
	for _, o := range c.Objects {
		switch {
		case !slices.Contains(groups[:], o.Ref.Group), strings.HasPrefix(o.Ref.Kind, "Staged"):
		case o.Ref.Kind == "NetworkPolicy":
			out |= policy.Namespaced
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
		if strings.HasPrefix(key, prefixNamespace) || strings.HasPrefix(key, prefixAccount) {
			return true
		}
	}
	return len(p.ServiceAccount) >= 63 || slices.ContainsFunc(p.Ports, func(q cluster.Port) bool { return inInit(p, q.Container) })
}
