// Package admin is the policy kinds of policy.networking.k8s.io: AdminNetworkPolicy and
// BaselineAdminNetworkPolicy of v1alpha1, and ClusterNetworkPolicy of v1alpha2, which replaces both.
//
// The meaning follows the comments of the API types and the schemas of their CRDs
// (sigs.k8s.io/network-policy-api v0.2.0, for the CRDs of v1alpha1 v0.1.7). An object that a schema refuses
// may not exist in the cluster. What a schema lets through against the words of the API is for each engine
// to read or to refuse. In both cases the policy is in doubt as a whole.
package admin

import (
	"math"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

const group = "policy.networking.k8s.io"

// Kind compiles each object to one policy, or to two when its place among others is not specified.
var Kind = policy.Kind{
	Name: "ClusterNetworkPolicy",
	GVKs: []object.GroupKind{
		{Group: group, Kind: kindCluster},
		{Group: group, Kind: kindAdmin},
		{Group: group, Kind: kindBaseline},
	},
	Since: "0.2",
	Doc: "ClusterNetworkPolicy of policy.networking.k8s.io/v1alpha2, and AdminNetworkPolicy and " +
		"BaselineAdminNetworkPolicy of v1alpha1, complete but for domain names. The Admin tier comes before " +
		"NetworkPolicy, the Baseline tier after it; rules accept, deny or pass, in order of priority. None of them " +
		"isolates: what no rule matches goes on to the next tier. Two policies of one priority that disagree leave " +
		"the answer undecided.",
	Fields:  fields(),
	Compile: compile,
}

const (
	kindCluster  = "ClusterNetworkPolicy"
	kindAdmin    = "AdminNetworkPolicy"
	kindBaseline = "BaselineAdminNetworkPolicy"
)

// api is what differs between the kinds.
type api struct {
	version string
	allow   string // the action that allows
	pass    bool   // there is an action Pass
	domains bool   // there are domainNames peers
	ports   string // the field of a rule that lists its ports
	most    int    // entries in a list of rules, peers or ports
	spec    []string
}

func apiOf(kind string) api {
	switch kind {
	case kindAdmin:
		return api{"v1alpha1", "Allow", true, true, "ports", 100, []string{"priority", "subject", "ingress", "egress"}}
	case kindBaseline:
		return api{"v1alpha1", "Allow", false, false, "ports", 100, []string{"subject", "ingress", "egress"}}
	}
	return api{"v1alpha2", "Accept", true, true, "protocols", 25, []string{"tier", "priority", "subject", "ingress", "egress"}}
}

type compiler struct {
	*policy.Reader
	api
	cluster *cluster.Cluster
}

func compile(o *object.Object, cl *cluster.Cluster) ([]policy.Policy, []object.Problem) {
	c := compiler{Reader: policy.NewReader(o), api: apiOf(o.Ref.Kind), cluster: cl}
	p := policy.Policy{
		Ref: o.Ref, Pos: o.Pos, Tier: policy.AdminTier, Order: math.Inf(-1), Unordered: true,
		Subjects: []policy.Term{{}},
	}
	if o.Ref.Kind == kindBaseline {
		p.Tier = policy.BaselineTier
	}
	if o.Version != c.version {
		c.NotModelled(o.Root.Get("apiVersion"), "apiVersion %s/%s of %s is not known, only %s is", group, o.Version, o.Ref.Kind, c.version)
		p.Doubts = c.Doubts
		return []policy.Policy{p}, c.Problems
	}
	c.identity()
	c.Whole(c.Fields(o.Root, "", "apiVersion", "kind", "metadata", "spec", "status"))
	spec := o.Root.Get("spec")
	if !spec.IsSet() {
		c.Refused(spec, "the API server refuses the object", "spec is missing")
	} else {
		c.Whole(c.Fields(spec, "spec", c.spec...))
		c.place(spec, &p)
		p.Subjects = []policy.Term{c.subject(spec)}
		for _, d := range policy.Directions {
			p.Rules = append(p.Rules, c.rules(spec.Get(d.String()), d)...)
		}
	}
	p.Doubts = c.Doubts
	c.perDirection(&p)
	return c.besides(p), c.Problems
}

// identity checks the name. Names of custom resources are DNS subdomains.
func (c *compiler) identity() {
	o := c.Object
	meta := o.Root.Get("metadata")
	switch {
	case o.Ref.Kind == kindBaseline && o.Ref.Name != "default":
		c.Refused(meta.Get("name"), "the API server refuses any other name", "metadata.name: a BaselineAdminNetworkPolicy must be called default, got %+q", o.Ref.Name)
	case o.Ref.Name != "":
		if msgs := policy.NameErrors(o.Ref.Name); len(msgs) > 0 {
			c.Refused(meta.Get("name"), "the API server refuses the object", "metadata.name: %s", strings.Join(msgs, "; "))
		}
	case meta.Get("generateName").Str() == "":
		c.Refused(meta, "the API server refuses an object without a name", "metadata.name is missing")
	}
}

// place sets the tier and the order. A policy whose place is in doubt may decide before any other does, so
// it stays first of all the tiers it may be in. The same goes for one with fields of the spec that nobody
// knows, as they may be about its place.
func (c *compiler) place(spec *object.Value, p *policy.Policy) {
	kind := c.Object.Ref.Kind
	if kind == kindCluster {
		switch tier := spec.Get("tier"); {
		case tier.IsSet() && tier.Kind == object.String && tier.Text == "Admin":
		case tier.IsSet() && tier.Kind == object.String && tier.Text == "Baseline":
			p.Tier = policy.BaselineTier
		default:
			c.Refused(there(tier, spec), "the API server refuses the object; write Admin or Baseline", "spec.tier: want Admin or Baseline, got %s", shown(tier))
		}
	}
	order := 0.0
	if kind != kindBaseline {
		v := spec.Get("priority")
		n, ok := v.Int()
		if !ok || v.Kind != object.Number || n < 0 || n > maxPriority {
			c.Refused(there(v, spec), "the API server refuses the object", "spec.priority: want a number from 0 to %d, got %s", maxPriority, shown(v))
		}
		order = float64(n)
	}
	if len(c.Doubts) == 0 {
		p.Order = order
	}
}

const maxPriority = 1000

// subject is whom the policy binds. One that is not understood may be anyone.
func (c *compiler) subject(spec *object.Value) policy.Term {
	const path = "spec.subject"
	v := spec.Get("subject")
	before := len(c.Doubts)
	c.Whole(c.Fields(v, path, "namespaces", "pods"))
	namespaces, pods := v.Get("namespaces"), v.Get("pods")
	if namespaces.IsSet() == pods.IsSet() {
		c.Refused(there(v, spec), "the API server refuses the object", "%s: want one of namespaces and pods", path)
	}
	t, doubts := c.term(namespaces, pods, path)
	c.Whole(doubts)
	if len(c.Doubts) > before {
		return policy.Term{}
	}
	return t
}
