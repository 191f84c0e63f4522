package cilium

import (
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// reads: some peers are Services, and the API server is known by one.
func reads(o *object.Object) policy.Reading {
	if o.Ref.Kind == redirect || policy.Holds(o.Root, "toServices") || policy.Holds(o.Root, "kube-apiserver") ||
		policy.Holds(o.Root, "cluster") || policy.Holds(o.Root, "cluster-mesh") {
		return policy.Services
	}
	return 0
}

func bears(c *policy.Change) policy.Reading {
	out := c.Bears()
	for _, o := range c.Objects {
		switch gk := o.Ref.GroupKind(); {
		case gk == object.GroupKind{Kind: "ConfigMap"} && o.Ref.Name == "cilium-config":
			out |= policy.AllOfKind
		case gk.Group != group, gk.Kind == namespaced, gk.Kind == clusterwide, gk.Kind == gateway, gk.Kind == redirect:
		default: // groups of CIDRs, settings
			out |= policy.AllOfKind
		}
	}
	for _, p := range c.Pods {
		// Only Services without a selector are known by their pods, and these by addresses.
		if len(p.IPs) > 0 {
			out |= policy.Services
		}
	}
	return out
}
