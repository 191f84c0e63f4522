package calico

import (
	"fmt"
	"math"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// tierInfo is a tier as its policies see it.
type tierInfo struct {
	policy.Tier
	name     string
	isolates bool // what its policies leave over is denied; otherwise it goes on to the next tier
}

// unknownTier comes before all others, as a tier whose place is not known may.
var unknownTier = policy.Tier{Rank: math.Inf(-1), Name: "Calico tier"}

// fixedTier is a tier that Calico itself makes: the default one, and those of the upstream admin policies under
// the names they have had (TierSpec, AdminNetworkPolicyTierOrder and so on).
func fixedTier(name string) (tierInfo, bool) {
	switch name {
	case "default":
		return tierInfo{policy.NetworkPolicyTier, name, true}, true
	case "kube-admin", "adminnetworkpolicy":
		return tierInfo{policy.AdminTier, name, false}, true
	case "kube-baseline", "baselineadminnetworkpolicy":
		return tierInfo{policy.BaselineTier, name, false}, true
	}
	return tierInfo{}, false
}

// tier reads spec.tier and looks the tier up. What is not known of it puts the whole policy in doubt.
func (c *compiler) tier(v *object.Value) tierInfo {
	name, _ := c.Text(v, "spec.tier")
	if name == "" {
		name = "default"
	}
	fixed, isFixed := fixedTier(name)
	if !isFixed && !c.Stored() && !hasTierName(c.Object.Ref.Name, name) {
		c.Refused(v, "call it "+name+"."+c.Object.Ref.Name, "not every version of Calico takes a policy of tier %s whose name does not begin with %s.", name, name)
	}
	var found []tierInfo
	for _, g := range groups {
		for _, o := range c.cluster.Kind(g, "Tier") {
			if o.Ref.Name != name {
				continue
			}
			t := compiler{Reader: policy.NewReader(o), cluster: c.cluster}
			info := t.readTier()
			if isFixed {
				t.keepsTo(info, fixed)
			}
			c.Doubts = append(c.Doubts, t.Doubts...)
			found = append(found, info)
		}
	}
	switch {
	case isFixed:
		return fixed
	case len(found) == 0:
		c.NotModelled(v, "spec.tier: tier %s is not in the input, so it is not known when its policies come and what they deny", name)
	case found[0] != found[len(found)-1]:
		c.NotModelled(v, "spec.tier: there are different tiers %s in the input", name)
	case len(c.Doubts) == 0 || !math.IsInf(found[0].Rank, -1):
		return found[0]
	}
	return tierInfo{unknownTier, name, true}
}

func hasTierName(policyName, tier string) bool {
	return len(policyName) > len(tier)+1 && policyName[:len(tier)+1] == tier+"."
}

// readTier reads a Tier object.
func (c *compiler) readTier() tierInfo {
	c.Whole(c.Fields(c.Object.Root, "", "apiVersion", "kind", "metadata", "spec", "status"))
	spec := c.Object.Root.Get("spec")
	c.Whole(c.Fields(spec, "spec", "order", "defaultAction"))
	name := c.Object.Ref.Name
	order, known := c.order(spec.Get("order"), "spec.order")
	t := tierInfo{policy.Tier{Rank: order, Name: name}, name, true}
	switch action, _ := c.Text(spec.Get("defaultAction"), "spec.defaultAction"); action {
	case "", "Deny":
	case "Pass":
		t.isolates = false
	default:
		c.Refused(spec.Get("defaultAction"), "Calico refuses the object; write Deny or Pass", "spec.defaultAction: want Deny or Pass, got %+q", action)
	}
	if !known {
		t.Tier = unknownTier
	}
	// Tiers of one order go by name. Those that other kinds share have names of our own here.
	for _, other := range [...]string{"default", "kube-admin", "kube-baseline"} {
		if f, _ := fixedTier(other); f.Rank == t.Rank && name < other {
			t.Rank = math.Nextafter(t.Rank, math.Inf(-1))
		}
	}
	return t
}

// tierObject reports what is wrong with a Tier. One that Calico makes itself has fixed values: with others it is
// not known what becomes of the policies in it, of NetworkPolicies too.
func (c *compiler) tierObject() []policy.Policy {
	info := c.readTier()
	fixed, ok := fixedTier(info.name)
	if !ok {
		return nil
	}
	if c.keepsTo(info, fixed); len(c.Doubts) == 0 {
		return nil
	}
	return []policy.Policy{{Ref: c.Object.Ref, Pos: c.Object.Pos, Tier: unknownTier, Order: math.Inf(-1), Subjects: []policy.Term{{}}, Doubts: c.Doubts}}
}

// keepsTo refuses a tier with other values than the fixed ones.
func (c *compiler) keepsTo(info, fixed tierInfo) {
	order, action := c.Object.Root.Get("spec", "order"), c.Object.Root.Get("spec", "defaultAction")
	if order.IsSet() && info.Rank != fixed.Rank {
		c.Refused(order, "Calico refuses the object", "spec.order: the order of tier %s is %s", info.name, fmt.Sprint(fixed.Rank))
	}
	if action.IsSet() && info.isolates != fixed.isolates {
		c.Refused(action, "Calico refuses the object", "spec.defaultAction: tier %s has another one", info.name)
	}
}
