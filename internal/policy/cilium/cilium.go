// Package cilium is the policy kinds of cilium.io: CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy, the
// CiliumCIDRGroup they name, and CiliumEgressGatewayPolicy and CiliumLocalRedirectPolicy, which decide about no
// connection and are shown beside the answers they touch.
//
// The meaning follows Cilium 1.20: its API types and their validation (pkg/policy/api), the way it turns objects
// into rules (ParseToCiliumRule in pkg/k8s/apis/cilium.io/utils, RulesToPolicyEntries in pkg/policy/utils), and its
// documentation ("Layer 3 Policies", "Layer 4 Policies", "Deny Policies"). An agent drops a whole object when one
// part of it is not valid, and what it drops isolates nothing. So such an object is in doubt as a whole.
package cilium

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

const (
	group       = "cilium.io"
	namespaced  = "CiliumNetworkPolicy"
	clusterwide = "CiliumClusterwideNetworkPolicy"
	cidrGroup   = "CiliumCIDRGroup"
	gateway     = "CiliumEgressGatewayPolicy"
	redirect    = "CiliumLocalRedirectPolicy"
)

// denyTier holds the deny rules of all policies: they come before every allow rule, also before those of
// NetworkPolicy, whatever the order of the objects (Cilium "Deny Policies").
var denyTier = policy.Tier{Rank: policy.NetworkPolicyTier.Rank - 1, Name: "Cilium deny"}

// Kind compiles a rule of a policy to at most two policies: what it denies in a tier of its own, and what it
// allows beside the NetworkPolicies. A policy that is not understood as a whole becomes one.
var Kind = policy.Kind{
	Name: "Cilium policies",
	GVKs: []object.GroupKind{
		{Group: group, Kind: namespaced},
		{Group: group, Kind: clusterwide},
		{Group: group, Kind: cidrGroup},
		{Group: group, Kind: gateway},
		{Group: group, Kind: redirect},
	},
	Since: "0.2",
	Doc: "CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy with all ways to name a peer, ports, default deny and deny " +
		"rules; conditions on HTTP, DNS and TLS are shown and do not change the answer about the connection. Peers that hang " +
		"on what only a running cluster knows (DNS names, cloud groups, the own node) leave the answer undecided, and so do " +
		"policies about nodes. CiliumEgressGatewayPolicy and CiliumLocalRedirectPolicy are shown with the answers about the pods they select.",
	Fields:  fields(),
	Compile: compile,
	Reads:   reads,
	Bears:   bears,
}

func compile(o *object.Object, cl *cluster.Cluster) ([]policy.Policy, []object.Problem) {
	c := compiler{Reader: policy.NewReader(o), cluster: cl, settings: readSettings(cl)}
	c.Whole(c.Fields(o.Root, "", c.topFields()...))
	c.identity()
	var out []policy.Policy
	switch o.Ref.Kind {
	case cidrGroup:
		c.groupAddrs(o, c.Reader)
	case gateway:
		out = c.egressGateway()
	case redirect:
		out = c.localRedirect()
	default:
		c.namespace = o.Ref.Namespace
		out = c.policies()
	}
	return out, c.Problems
}

type compiler struct {
	*policy.Reader
	cluster   *cluster.Cluster
	settings  settings
	namespace string // of a namespaced policy, "" for a clusterwide one
}

const refused = "the API server refuses the object"

func (c *compiler) topFields() []string {
	fields := []string{"apiVersion", "kind", "metadata", "spec"}
	switch c.Object.Ref.Kind {
	case namespaced, clusterwide:
		return append(fields, "specs", "status")
	case cidrGroup:
		return fields
	}
	return append(fields, "status")
}

// identity checks what makes the object one that the cluster acts on.
func (c *compiler) identity() {
	o := c.Object
	switch {
	case o.Version == "v2", o.Ref.Kind == cidrGroup && o.Version == "v2alpha1":
	default:
		c.Refused(o.Root.Get("apiVersion"), "write apiVersion: cilium.io/v2", "apiVersion %s/%s has no %s", group, o.Version, o.Ref.Kind)
	}
	if o.Ref.Name == "" && o.Root.Get("metadata", "generateName").Str() == "" {
		c.Refused(o.Root.Get("metadata"), "the API server refuses an object without a name", "metadata.name is missing")
	}
	for _, cond := range o.Root.Get("status", "conditions").List() {
		if cond.Get("type").Str() == "Valid" && cond.Get("status").Str() == "False" {
			c.Refused(cond, "Cilium enforces nothing of it", "status: Cilium says that the object is not valid: %s", cond.Get("message").Str())
		}
	}
}

// list is the items of v. Nothing in these kinds may be null: the API server refuses it.
func (c *compiler) list(v *object.Value, path string) []*object.Value {
	if v != nil && !v.IsSet() {
		c.Refused(v, refused+"; remove the field or write a list", "%s: want a list, got null", path)
	}
	return c.List(v, path)
}

// isMap reports whether v is a map, and refuses anything else that is there.
func (c *compiler) isMap(v *object.Value, path string) bool {
	if v == nil || v.Kind == object.Map {
		return v != nil
	}
	c.Refused(v, refused, "%s: want a map, got a %s", path, v.Kind)
	return false
}
