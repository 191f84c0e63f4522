package calico

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/netpol"
)

// tie tells of another policy of the same tier and order that may bind the same pods. Which of them comes first
// depends on the version of Calico: the full key with its namespace decides up to 3.29, the name before all
// from 3.30 on (PolKVLess in felix/calc). That matters only when one of them does more than allow. The text
// is empty when there is no tie; policies of one kind, whose names settle it in every version, have none.
func (c *compiler) tie(p *policy.Policy, tier string) string {
	more := doesMore(c.Object)
	say := func(ref object.Ref) string {
		return fmt.Sprintf("the order is the same as that of %s, and which of the two comes first depends on the version of Calico", ref)
	}
	for _, g := range groups {
		for _, kind := range [...]string{"GlobalNetworkPolicy", "NetworkPolicy"} {
			for _, o := range c.cluster.Kind(g, kind) {
				spec := o.Root.Get("spec")
				if apart(c.Object.Ref, o.Ref) || !more && !doesMore(o) || spec.Get("doNotTrack").True() || spec.Get("preDNAT").True() {
					continue
				}
				if f, ok := orderOf(spec.Get("order")); ok && f == p.Order && tierName(spec) == tier {
					return say(o.Ref)
				}
			}
		}
	}
	if more && tier == "default" && p.Order == netpol.Order {
		for _, o := range c.cluster.Kind("networking.k8s.io", "NetworkPolicy") {
			if c.namespace == "" || o.Ref.Namespace == c.namespace {
				return say(o.Ref)
			}
		}
	}
	return ""
}

// apart tells whether two policies never tie: because both have an order by name, or no pod in common.
func apart(p, q object.Ref) bool {
	if p.Kind != q.Kind {
		return false
	}
	if p.Namespace != q.Namespace {
		return true
	}
	// Stored objects of the default tier have its name before theirs. Beside others without, the names are in
	// no certain order.
	return prefixed(p) == prefixed(q) || strings.TrimPrefix(p.Name, defaultPrefix) == strings.TrimPrefix(q.Name, defaultPrefix)
}

const defaultPrefix = "default."

func prefixed(p object.Ref) bool { return strings.HasPrefix(p.Name, defaultPrefix) }

func tierName(spec *object.Value) string {
	if name := spec.Get("tier").Str(); name != "" {
		return name
	}
	return "default"
}

// doesMore tells whether a policy has a rule that does more than allow or log.
func doesMore(o *object.Object) bool {
	for _, d := range policy.Directions {
		for _, r := range o.Root.Get("spec", d.String()).List() {
			if a := r.Get("action").Str(); a != "Allow" && a != "Log" {
				return true
			}
		}
	}
	return false
}
