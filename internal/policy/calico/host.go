package calico

import (
	"fmt"
	"math"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// onHosts reads doNotTrack, preDNAT and applyOnForward of a global policy. The first two make it one of host
// endpoints alone: Felix gives such policies to no pod (tierInfoToProtoTierInfo in felix/calc). All three make it
// judge what nodes forward to and from pods, where the policies of pods come on top.
func (c *compiler) onHosts(spec *object.Value, types [2]bool) (forward, hostsOnly bool) {
	flag := func(name string) bool {
		v := spec.Get(name)
		if v.IsSet() && v.Kind != object.Bool {
			c.Refused(v, "Calico refuses the object", "spec.%s: want true or false, got a %s", name, v.Kind)
		}
		return v.True()
	}
	untracked, preDNAT, onForward := flag("doNotTrack"), flag("preDNAT"), flag("applyOnForward")
	switch {
	case untracked && preDNAT:
		c.Refused(spec.Get("preDNAT"), "Calico refuses the object", "spec.preDNAT together with spec.doNotTrack")
	case (untracked || preDNAT) && !onForward:
		c.Refused(spec, "Calico refuses the object; write applyOnForward: true", "spec.applyOnForward must be true with preDNAT and doNotTrack")
	case preDNAT && (types[policy.Egress] || len(spec.Get("egress").List()) > 0):
		c.Refused(spec.Get("preDNAT"), "Calico refuses the object", "spec.preDNAT in a policy about egress")
	}
	if untracked || preDNAT {
		c.Note(spec, "", "the policy binds host endpoints only, and no pod")
	}
	return untracked || preDNAT || onForward, untracked || preDNAT
}

// forwardPolicy is what a policy for forwarded traffic does to connections of pods when it selects a host
// endpoint: it may stop any of them, as what crosses the endpoint's interface is not known. It opens nothing.
func (c *compiler) forwardPolicy(forward bool, sel *expr) []policy.Policy {
	if !forward {
		return nil
	}
	why := c.selectedHost(sel)
	if why == "" {
		return nil
	}
	d := policy.Doubt{Pos: c.Object.Pos, Ref: c.Object.Ref, Msg: "the policy also judges what nodes forward, " + why}
	p := policy.Policy{
		Ref: c.Object.Ref, Pos: c.Object.Pos, Subjects: []policy.Term{{}},
		Tier: policy.Tier{Rank: math.Inf(-1), Name: "Calico host endpoints"}, Order: math.Inf(-1),
	}
	for _, dir := range policy.Directions {
		p.Rules = append(p.Rules, policy.Rule{
			Direction: dir, Action: policy.Deny, Path: "spec", Pos: c.Object.Pos, Conns: netset.All(),
			Peers: []policy.Peer{{Kind: policy.AnyPeer, Pos: c.Object.Pos, Doubt: &d}},
		})
	}
	return []policy.Policy{p}
}

// selectedHost says of a host endpoint that sel may select; "" when there is none.
func (c *compiler) selectedHost(sel *expr) string {
	if sel == nil {
		sel = &expr{}
	}
	for _, s := range selected(sel, c.cluster) {
		if s.ref.Kind == "HostEndpoint" {
			return fmt.Sprintf("and it selects %s", s.ref)
		}
	}
	for _, g := range groups {
		for _, o := range c.cluster.Kind(g, "KubeControllersConfiguration") {
			if strings.EqualFold(o.Root.Get("spec", "controllers", "node", "hostEndpoint", "autoCreate").Str(), "Enabled") {
				return fmt.Sprintf("and %s makes host endpoints for all nodes", o.Ref)
			}
		}
	}
	return ""
}
