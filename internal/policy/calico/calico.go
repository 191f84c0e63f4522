// Package calico is the policy kinds of Calico: NetworkPolicy and GlobalNetworkPolicy in their tiers, with the
// network sets, host endpoints and profiles that they speak of. It reads them as objects of
// projectcalico.org/v3, and as those of crd.projectcalico.org/v1 that they are kept as.
//
// The meaning follows the Calico reference, and the code of libcalico-go and Felix where it is quoted. Policies
// are compiled to what they do to pods. What they do to nodes is not modelled: a HostEndpoint leaves answers
// about nodes undecided (policy.FindOpaque), and one that a policy for forwarded traffic selects leaves it
// undecided whether connections of pods get through.
package calico

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

const (
	groupV3  = "projectcalico.org"
	groupCRD = "crd.projectcalico.org"
)

// groups is where the kinds live.
var groups = [2]string{groupV3, groupCRD}

// Kind compiles a policy to one or more policies with its name: more when some of its rules bind only some of
// its pods. Staged objects compile to none, as they have no effect. Tiers, sets and profiles are read where
// policies speak of them, and by themselves only report what is wrong with them.
var Kind = policy.Kind{
	Name:  "Calico NetworkPolicy",
	GVKs:  kinds(),
	Since: "0.1",
	Doc: "NetworkPolicy and GlobalNetworkPolicy of Calico in all tiers: order, allow, deny, pass and log rules, the whole " +
		"selector language, namespaces, service accounts, services, network sets, nets, ports by number and name, and what " +
		"negates them. Ports of the source, types of ICMP, rare protocols and what policies do to nodes are not told apart " +
		"and leave answers undecided. Staged policies are never counted as enforced.",
	Fields:  fields(),
	Compile: compile,
	Begin:   begin,
	Reads:   reads,
	Bears:   bears,
	Ties:    ties,
}

func kinds() []object.GroupKind {
	var out []object.GroupKind
	for _, g := range groups {
		for _, k := range [...]string{
			"NetworkPolicy", "GlobalNetworkPolicy", "Tier", "NetworkSet", "GlobalNetworkSet", "Profile",
			"StagedNetworkPolicy", "StagedGlobalNetworkPolicy", "StagedKubernetesNetworkPolicy",
		} {
			out = append(out, object.GroupKind{Group: g, Kind: k})
		}
	}
	return out
}

type compiler struct {
	*policy.Reader
	cluster   *cluster.Cluster
	pods      *podIndex
	namespace string // of a namespaced policy, "" for a global one
}

// podIndex is what policies ask of all pods together. It stays true as long as no pod comes or goes that looksSpecial.
type podIndex struct {
	labels      map[string]bool           // keys that some pod has and that pass for those of its namespace or account
	initPorts   map[portName]*cluster.Pod // the first pod with an init container that declares the port
	longAccount *cluster.Pod              // the last pod whose account has a name that is too long for a label; nil without one
}

type portName struct {
	protocol netset.Protocol
	name     string
}

func newPodIndex(cl *cluster.Cluster) *podIndex {
	x := &podIndex{labels: map[string]bool{}, initPorts: map[portName]*cluster.Pod{}}
	for i, p := range cl.Pods {
		if len(p.ServiceAccount) >= longName {
			x.longAccount = p
		}
		if i == 0 || !p.SharesLabels(cl.Pods[i-1]) {
			for key := range p.Labels {
				if inheritable(key) {
					x.labels[key] = true
				}
			}
		}
		if p.Spec.Get("initContainers") == nil {
			continue
		}
		for _, q := range p.Ports {
			if k := (portName{q.Protocol, q.Name}); q.Name != "" && x.initPorts[k] == nil && inInit(p, q.Container) {
				x.initPorts[k] = p
			}
		}
	}
	return x
}

// longName is from how many characters on the label of a service account is left out.
const longName = 63

// inheritable tells whether a label of a pod passes for one that it has from its namespace or account.
func inheritable(key string) bool {
	return strings.HasPrefix(key, prefixNamespace) || strings.HasPrefix(key, prefixAccount)
}

// inInit tells whether a container of p is an init container.
func inInit(p *cluster.Pod, container string) bool {
	return slices.ContainsFunc(p.Spec.Get("initContainers").List(), func(k *object.Value) bool { return k.Get("name").Str() == container })
}

func compile(o *object.Object, cl *cluster.Cluster) ([]policy.Policy, []object.Problem) {
	return begin(cl).Compile(o)
}

func begin(cl *cluster.Cluster) policy.Begun { return beginWith(cl, nil) }

// beginWith takes an index of pods that was made before, nil when there is none.
func beginWith(cl *cluster.Cluster, pods *podIndex) policy.Begun {
	return policy.Begun{
		Compile: func(o *object.Object) ([]policy.Policy, []object.Problem) {
			if pods == nil { // made when there is an object
				pods = newPodIndex(cl)
			}
			return compileIn(cl, pods, o)
		},
		Again: func(c *cluster.Cluster) policy.Begun { return beginWith(c, pods) },
	}
}

func compileIn(cl *cluster.Cluster, pods *podIndex, o *object.Object) ([]policy.Policy, []object.Problem) {
	c := compiler{Reader: policy.NewReader(o), cluster: cl, pods: pods}
	var out []policy.Policy
	switch {
	case strings.HasPrefix(o.Ref.Kind, "Staged"):
		c.Note(nil, "", "the policy is staged and has no effect")
	case o.Ref.Kind == "Tier":
		out = c.tierObject()
	case o.Ref.Kind == "Profile":
		out = c.profile()
	case o.Ref.Kind == "NetworkSet", o.Ref.Kind == "GlobalNetworkSet":
		readNetworkSet(c.Reader)
	default:
		out = c.policy()
	}
	return out, c.Problems
}

// policy compiles a NetworkPolicy or GlobalNetworkPolicy.
func (c *compiler) policy() []policy.Policy {
	o := c.Object
	global := o.Ref.Kind == "GlobalNetworkPolicy"
	if !global {
		c.namespace = o.Ref.Namespace
	}
	c.identity()
	known := []string{"tier", "order", "ingress", "egress", "selector", "types", "serviceAccountSelector", "performanceHints"}
	if global {
		known = append(known, "namespaceSelector", "doNotTrack", "preDNAT", "applyOnForward")
	}
	spec := o.Root.Get("spec")
	c.Whole(c.Fields(o.Root, "", "apiVersion", "kind", "metadata", "spec", "status"))
	unknown := c.Fields(spec, "spec", known...)
	c.Whole(unknown)
	c.hints(spec.Get("performanceHints"))
	order, orderKnown := c.order(spec.Get("order"), "spec.order")
	tier := c.tier(spec.Get("tier"))
	p := policy.Policy{Ref: o.Ref, Pos: o.Pos, Tier: tier.Tier, Order: order}
	sel, ok := c.subject(spec)
	if ok {
		ts, err := terms(sel, c.pods)
		if err != nil {
			c.NotModelled(spec.Get("selector"), "whom the policy selects: %v", err)
		}
		p.Subjects = ts
	}
	if len(c.Doubts) > 0 && !ok || len(p.Subjects) == 0 && len(c.Doubts) > 0 {
		p.Subjects = []policy.Term{{Namespace: c.namespace}} // whom it selects is not known: it may be anyone
	}
	types := c.types(spec)
	if tier.isolates {
		p.Isolates = types
	}
	forward, hostsOnly := c.onHosts(spec, types)
	parts := c.rules(spec, types)
	if tie := c.tie(&p, tier.name); tie != "" && !hostsOnly {
		p.Unordered = true
		c.Warn(spec.Get("order"), "give them different orders", "%s", tie)
	}
	if p.Doubts = c.Doubts; len(p.Doubts) > 0 {
		if !orderKnown || len(unknown) > 0 { // it may decide before any other policy of its tier does
			p.Order = math.Inf(-1)
		}
		return append(c.forwardPolicy(forward, sel), p)
	}
	out := c.forwardPolicy(forward, sel)
	if hostsOnly {
		return out
	}
	return append(out, c.split(p, sel, parts)...)
}

// identity checks what makes the object one of an API that there is.
func (c *compiler) identity() {
	o := c.Object
	want := "v3"
	if o.Ref.Group == groupCRD {
		want = "v1"
	}
	if o.Version != want {
		c.Refused(o.Root.Get("apiVersion"), "write apiVersion: "+o.Ref.Group+"/"+want, "apiVersion %s/%s has no %s", o.Ref.Group, o.Version, o.Ref.Kind)
	}
}

// hints change nothing about what a policy does.
func (c *compiler) hints(list *object.Value) {
	for i, v := range c.List(list, "spec.performanceHints") {
		if v.Str() != "AssumeNeededOnEveryNode" {
			c.Refused(v, "Calico refuses the object", "spec.performanceHints[%d]: %+q is no hint", i, v.Str())
		}
	}
}

// order is spec.order of a policy or tier; without one it comes last (PolKVLess and TierLess in felix/calc).
func (c *compiler) order(v *object.Value, path string) (order float64, known bool) {
	f, ok := orderOf(v)
	if !ok {
		c.Refused(v, "Calico refuses the object", "%s: want a number, got a %s", path, v.Kind)
	}
	return f, ok
}

func orderOf(v *object.Value) (order float64, known bool) {
	if !v.IsSet() {
		return math.Inf(1), true
	}
	f, err := strconv.ParseFloat(v.Str(), 64)
	if v.Kind != object.Number || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return math.Inf(1), false
	}
	return f, true
}

// subject is whom the policy binds, in the form that Felix is given; false when that is not understood.
func (c *compiler) subject(spec *object.Value) (*expr, bool) {
	ok := true
	read := func(name string) *expr {
		x, d := c.selector(spec.Get(name), "spec."+name)
		if d != nil {
			c.Doubts = append(c.Doubts, *d)
		}
		if x != nil && x.has(exprGlobal) {
			c.Refused(spec.Get(name), "Calico refuses the object; global() is for the namespaceSelector of a rule", "spec.%s: global() has no meaning here", name)
			d = &policy.Doubt{}
		}
		ok = ok && d == nil
		return x
	}
	pods, accounts := read("selector"), read("serviceAccountSelector")
	var namespaces *expr
	if c.namespace != "" {
		namespaces = label(labelNamespace, cluster.In, c.namespace)
	} else if namespaces = read("namespaceSelector"); namespaces != nil {
		namespaces = inNamespaces(namespaces)
	}
	if accounts != nil {
		accounts = accounts.prefixed(prefixAccount)
	}
	return and(pods, namespaces, accounts), ok
}

// types is spec.types with the default of the API layer: Ingress, unless there are only egress rules
// (defaultPolicyTypesField in libcalico-go/lib/clientv3).
func (c *compiler) types(spec *object.Value) [2]bool {
	list := c.List(spec.Get("types"), "spec.types")
	in, out := len(spec.Get("ingress").List()) > 0, len(spec.Get("egress").List()) > 0
	if len(list) == 0 {
		if c.Object.Ref.Group == groupCRD {
			// Written past the API layer nothing is defaulted, and Felix takes no types as both.
			c.NotModelled(spec, "spec.types is missing, and nothing fills it in for a %s object", groupCRD)
		}
		return [2]bool{policy.Ingress: in || !out, policy.Egress: out}
	}
	var types [2]bool
	for i, v := range list {
		d := policy.Ingress
		switch v.Str() {
		case "Ingress":
		case "Egress":
			d = policy.Egress
		default:
			c.Refused(v, "Calico refuses the object; write Ingress or Egress", "spec.types[%d]: want Ingress or Egress, got %+q", i, v.Str())
			continue
		}
		if types[d] {
			c.Refused(v, "Calico refuses the object", "spec.types[%d]: %s is there twice", i, v.Str())
		}
		types[d] = true
	}
	return types
}
