// Package istio is the policy kinds of Istio's mesh: AuthorizationPolicy, PeerAuthentication,
// RequestAuthentication, Sidecar, ServiceEntry and what extends a proxy, in sidecar and in ambient mode.
//
// They make a layer of their own (policy.Mesh), enforced by proxies at the side of the server. What no proxy
// sees is allowed there: everything but TCP, the ports of the proxy itself, and ports that are excluded. The
// meaning follows the reference of istio.io/api and the code that makes proxy configuration of it
// (pilot/pkg/security, pilot/pkg/serviceregistry/ambient).
//
// An identity is only known of a connection that uses mTLS, and whether one does is often for the client to
// choose: where plain text is taken as well, a pod of the mesh calls another by its pod address and leaves
// its identity at home. So a rule that denies identities stops nobody for certain unless plain text is
// refused too, and a rule that allows identities counts where a client that goes by the Service gets in.
package istio

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

const (
	securityGroup   = "security.istio.io"
	networkingGroup = "networking.istio.io"
	extensionsGroup = "extensions.istio.io"
)

var gvks = []object.GroupKind{
	{Group: securityGroup, Kind: "AuthorizationPolicy"},
	{Group: securityGroup, Kind: "PeerAuthentication"},
	{Group: securityGroup, Kind: "RequestAuthentication"},
	{Group: networkingGroup, Kind: "Sidecar"},
	{Group: networkingGroup, Kind: "ServiceEntry"},
	{Group: extensionsGroup, Kind: "WasmPlugin"},
	{Group: extensionsGroup, Kind: "TrafficExtension"},
}

// Kind compiles each object to one policy for every way in which the pods it selects are in the mesh.
var Kind = policy.Kind{
	Name:  "Istio",
	GVKs:  gvks,
	Since: "0.2",
	Doc: "Istio's AuthorizationPolicy and PeerAuthentication, in sidecar and ambient mode, as a layer that must allow " +
		"a connection besides the network. Identities count only where a connection uses mTLS. HTTP conditions are " +
		"kept for the reader: they decide about requests, not about connections. RequestAuthentication, Sidecar and " +
		"ServiceEntry are read and shown; none of them is a boundary. What WasmPlugin and TrafficExtension put into a " +
		"proxy may refuse anything, so it leaves answers undecided; so does a mesh whose proxies let nothing out but to " +
		"hosts they know (outboundTrafficPolicy).",
	Fields:   fields(),
	Compile:  compile,
	Begin:    begin,
	Settings: settingsPolicies,
	Facts:    facts,
}

// The tiers of the mesh layer, in the order in which a proxy applies them.
var (
	PeerTier   = policy.Tier{Rank: 0, Name: "PeerAuthentication"}
	CustomTier = policy.Tier{Rank: 1, Name: "CUSTOM"}
	DenyTier   = policy.Tier{Rank: 2, Name: "DENY"}
	AllowTier  = policy.Tier{Rank: 3, Name: "ALLOW"}
)

func compile(o *object.Object, c *cluster.Cluster) ([]policy.Policy, []object.Problem) {
	return compileIn(newMesh(c), o)
}

func begin(c *cluster.Cluster) policy.Begun {
	m := newMesh(c)
	return policy.Begun{
		Compile:  func(o *object.Object) ([]policy.Policy, []object.Problem) { return compileIn(m, o) },
		Settings: m.policies,
		Facts:    m.facts,
	}
}

func facts(c *cluster.Cluster) map[*cluster.Pod]policy.Facts { return newMesh(c).facts() }

func settingsPolicies(c *cluster.Cluster) ([]policy.Policy, []object.Problem) {
	return newMesh(c).policies()
}

func compileIn(m *mesh, o *object.Object) ([]policy.Policy, []object.Problem) {
	k := compiler{Reader: policy.NewReader(o), mesh: m}
	k.identity()
	var out []policy.Policy
	switch o.Ref.Kind {
	case "AuthorizationPolicy":
		out = k.authorization()
	case "PeerAuthentication":
		out = k.peerAuthentication()
	case "RequestAuthentication":
		out = k.requestAuthentication()
	case "Sidecar":
		out = k.sidecar()
	case "ServiceEntry":
		k.serviceEntry()
	case "WasmPlugin", "TrafficExtension":
		out = k.extension()
	}
	return out, k.Problems
}

// compiler reads one object.
type compiler struct {
	*policy.Reader
	mesh *mesh
	// alone says that a rule rests on addresses outside the cluster having no identity.
	alone bool
}

// identity checks what makes the object one that an API server keeps.
func (k *compiler) identity() {
	o := k.Object
	versions := []string{"v1", "v1beta1"}
	switch o.Ref.Group {
	case networkingGroup:
		versions = append(versions, "v1alpha3")
	case extensionsGroup:
		versions = []string{"v1alpha1"}
	}
	if !slices.Contains(versions, o.Version) {
		k.Refused(o.Root.Get("apiVersion"), "write apiVersion: "+o.Ref.Group+"/"+versions[0], "apiVersion %s/%s has no %s", o.Ref.Group, o.Version, o.Ref.Kind)
	}
	if o.Ref.Name == "" && o.Root.Get("metadata", "generateName").Str() == "" {
		k.Refused(o.Root.Get("metadata"), "the API server refuses an object without a name", "metadata.name is missing")
	}
	k.Whole(k.Fields(o.Root, "", "apiVersion", "kind", "metadata", "spec", "status"))
}

// settled puts on the object what leaves open whether the control plane reads it, or how.
func (k *compiler) settled() {
	if d := k.mesh.doubt; d != nil {
		k.Doubts = append(k.Doubts, *d)
	}
	if ns := k.Object.Ref.Namespace; k.mesh.doubt == nil && k.mesh.isRoot(ns) == unknown {
		k.NotModelled(k.Object.Root.Get("metadata", "namespace"), "no MeshConfig is in the input, and the root namespace may be %s: the object may hold in all namespaces or in %s alone; "+
			"add the ConfigMap istio", strings.Join(append([]string{k.mesh.root}, k.mesh.rivals...), " or "), ns)
	}
	if rev := k.Object.Root.Get("metadata", "labels").Get("istio.io/rev"); rev.IsSet() {
		k.NotModelled(rev, "label istio.io/rev=%s gives the object to one control plane only, and it is not known which pods that one serves", rev.Str())
	}
	if ns := k.Object.Ref.Namespace; !k.mesh.discovers(k.mesh.c.Namespace(ns)) {
		k.NotModelled(k.Object.Root.Get("metadata"), "the discoverySelectors of the mesh may leave out namespace %s, and the object with it", ns)
	}
}

// selector reads a type.istio.io WorkloadSelector, of which field is "matchLabels" or, in the networking
// group, "labels". When it cannot be told what is selected the whole object is in doubt, and it may be any pod.
func (k *compiler) selector(v *object.Value, path, field string) cluster.Selector {
	before := len(k.Doubts)
	k.Whole(k.Fields(v, path, field))
	labels := v.Get(field)
	if labels.IsSet() && labels.Kind != object.Map {
		k.Refused(labels, "the API server refuses the object", "%s.%s: want a map, got a %s", path, field, labels.Kind)
	}
	for _, f := range labels.Map() {
		text, ok := k.Text(f.Value, path+"."+field+"."+f.Name)
		switch {
		case !ok && !f.Value.IsSet():
			k.Refused(f.Value, "the API server refuses the object", "%s.%s.%s has no value", path, field, f.Name)
		case f.Name == "" || len(text) > 63 || strings.Contains(f.Name+text, "*"):
			k.Refused(f.Value, "the API server refuses the object; names and values are matched as they are", "%s.%s: %+q: %+q is no label", path, field, f.Name, text)
		case slices.Contains(injectedLabels, f.Name):
			k.NotModelled(f.Value, "%s.%s: label %s is put on pods by the injector, so the input does not tell who has it", path, field, f.Name)
		}
	}
	if len(k.Doubts) > before {
		return nil
	}
	return cluster.MatchLabels(labels.Strings())
}

// injectedLabels are put on pods when they get a sidecar; templates do not have them.
var injectedLabels = []string{
	"istio.io/rev", "security.istio.io/tlsMode", "service.istio.io/canonical-name", "service.istio.io/canonical-revision",
}

// runTimeLabels are put on pods by the controllers that make them.
var runTimeLabels = append([]string{
	"apps.kubernetes.io/pod-index", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-completion-index",
	"controller-revision-hash", "controller-uid", "pod-template-generation", "pod-template-hash", "statefulset.kubernetes.io/pod-name",
}, injectedLabels...)

// answer is three-valued.
type answer uint8

const (
	no answer = iota
	unknown
	yes
)

// selectsPod matches a selector against a pod, or against a template whose pods get more labels later.
func selectsPod(s cluster.Selector, p *cluster.Pod) answer {
	got := yes
	for _, r := range s {
		_, has := p.Labels[r.Key]
		switch {
		case !has && p.Object.Root.Get("metadata", "uid").Str() == "" && slices.Contains(runTimeLabels, r.Key):
			got = unknown
		case !r.Matches(p.Labels):
			return no
		}
	}
	return got
}

// group is pods that every policy which selects them treats alike.
type group struct {
	server
	facts cluster.Selector
}

// groups lists the kinds of servers among the pods in scope, in a fixed order. A pod of which it is not
// known how it is in the mesh counts as each of the ways it may be.
func (k *compiler) groups(scope policy.Term, kinds ...string) []group {
	found := map[string]group{}
	for _, p := range k.mesh.c.Pods {
		if p.HostNetwork || scope.Namespace != "" && p.Namespace.Name != scope.Namespace || selectsPod(scope.Pods, p) == no {
			continue
		}
		for _, kind := range k.mesh.member(p).values {
			if !slices.Contains(kinds, kind) {
				continue
			}
			s := k.mesh.server(p, kind)
			key := kind + "\x00" + s.mtls + "\x00" + s.inbound
			if _, has := found[key]; !has {
				found[key] = group{s, cluster.NewSelector(equals(FactMesh, kind), equals(FactMTLS, s.mtls), equals(FactInbound, s.inbound))}
			}
		}
	}
	keys := make([]string, 0, len(found))
	for key := range found {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	out := make([]group, len(keys))
	for i, key := range keys {
		out[i] = found[key]
	}
	return out
}

func equals(key, value string) cluster.Requirement {
	return cluster.Requirement{Key: key, Op: cluster.In, Values: []string{value}}
}

func meshIn(values ...string) cluster.Requirement {
	return cluster.Requirement{Key: FactMesh, Op: cluster.In, Values: values}
}

// scope is the pods an object is about, by namespace and labels.
func (k *compiler) scope(pods cluster.Selector) policy.Term {
	t := policy.Term{Namespace: k.Object.Ref.Namespace, Pods: pods}
	if k.mesh.isRoot(t.Namespace) != no {
		t.Namespace = ""
	}
	return t
}

// policies makes one policy for each group of servers in scope; fill adds rules to it. With doubts about the
// whole object there is just one, of every pod of the mesh it may select, and no rules.
func (k *compiler) policies(scope policy.Term, tier policy.Tier, kinds []string, fill func(*policy.Policy, *server)) []policy.Policy {
	base := policy.Policy{Ref: k.Object.Ref, Pos: k.Object.Pos, Layer: policy.Mesh, Tier: tier}
	if !k.mesh.stated {
		base.Notes = []policy.Doubt{k.limit(k.Object.Pos, "no MeshConfig is in the input: the root namespace is taken to be %s, and the trust domain %s",
			k.mesh.root, k.mesh.trustDomain)}
	}
	with := func(facts cluster.Selector) policy.Policy {
		p, t := base, scope
		t.Facts = facts
		p.Subjects = []policy.Term{t}
		return p
	}
	anyone := cluster.NewSelector(meshIn(kinds...))
	if len(k.Doubts) > 0 {
		p := with(anyone)
		p.Doubts = k.Doubts
		return []policy.Policy{p}
	}
	groups := k.groups(scope, kinds...)
	if len(groups) == 0 { // it selects nobody, and its rules are shown all the same
		groups = []group{{server{kind: kinds[0], unseen: netset.All().Subtract(netset.Of(netset.TCP))}, anyone}}
	}
	var out []policy.Policy
	for i := range groups {
		p := with(groups[i].facts)
		k.alone = false
		fill(&p, &groups[i].server)
		if k.alone {
			p.Notes = append(slices.Clip(p.Notes), k.limit(k.Object.Pos, "the Secrets with which clusters join a mesh are not read: "+
				"addresses outside the cluster are taken to have no identity of the mesh"))
		}
		out = append(out, p)
	}
	return out
}

// limit is a condition that is not modelled, for policy.Rule.Limits.
func (k *compiler) limit(pos object.Pos, format string, args ...any) policy.Doubt {
	return policy.Doubt{Pos: pos, Ref: k.Object.Ref, Msg: fmt.Sprintf(format, args...)}
}

// PlainText tells whether a pod with these facts certainly, and possibly, takes plain text on some TCP port
// that its proxy guards. Both are false for pods outside the mesh, and for gateways, whose listeners say so.
func PlainText(f policy.Facts) (certain, possible bool) {
	fact := f[FactMTLS]
	if fact.Unknown {
		return false, true
	}
	possible = strings.Contains(f[FactInbound].Value, patchedProxy)
	for part := range strings.SplitSeq(fact.Value, "; ") {
		plain := strings.Contains(part, permissive.String()) || strings.Contains(part, disable.String())
		possible = possible || plain
		certain = certain || plain && !strings.Contains(part, strict.String())
	}
	return certain, possible
}
