package cluster_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// parse reads YAML as users write it.
func parse(t testing.TB, text string) []*object.Object {
	t.Helper()
	objects, problems, skipped := load.Parse([]byte(text), "in.yaml", load.Limits{})
	if len(problems)+len(skipped) > 0 {
		t.Fatalf("the test's own YAML: %v %v", problems, skipped)
	}
	return objects
}

// newCluster makes the picture and the texts of the problems.
func newCluster(t testing.TB, text string) (*cluster.Cluster, []string) {
	t.Helper()
	c, problems := cluster.New(parse(t, text), cluster.Options{})
	var texts []string
	for _, p := range problems {
		texts = append(texts, p.Severity.String()+" "+p.String())
	}
	return c, texts
}

// clean is newCluster for input without problems.
func clean(t testing.TB, text string) *cluster.Cluster {
	t.Helper()
	c, problems := newCluster(t, text)
	if len(problems) > 0 {
		t.Errorf("problems: %q", problems)
	}
	return c
}

func addrs(t testing.TB, text string) netset.Addrs {
	t.Helper()
	a, err := netset.ParseAddrs(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func same[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestNamespaces(t *testing.T) {
	c := clean(t, `
apiVersion: v1
kind: Namespace
metadata: {name: shop, namespace: ignored, labels: {team: a, kubernetes.io/metadata.name: wrong}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: x, namespace: only-named}
---
apiVersion: v1
kind: Namespace
metadata: {name: bare}
---
apiVersion: v1
kind: Pod
metadata: {name: lost}
spec: {containers: [{name: a}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: r, namespace: nowhere}
`)
	type ns struct {
		Name     string
		Labels   map[string]string
		Declared bool
		Line     int
	}
	var got []ns
	for _, n := range c.Namespaces {
		got = append(got, ns{n.Name, n.Labels, n.Declared, n.Pos.Line})
	}
	const key = cluster.NameLabel
	same(t, "namespaces", got, []ns{
		{"bare", map[string]string{key: "bare"}, true, 10},
		{"default", map[string]string{key: "default"}, false, 14},
		{"only-named", map[string]string{key: "only-named"}, false, 6},
		{"shop", map[string]string{key: "shop", "team": "a"}, true, 2},
	})
	if c.Namespace("shop") != c.Namespaces[3] || c.Namespace("nobody") != nil {
		t.Error("Namespace does not find by name")
	}
}

func TestDefaultNamespace(t *testing.T) {
	objects := parse(t, `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
---
apiVersion: example.com/v1
kind: Fleet
metadata: {name: made-by-nobody-we-know}
spec: {template: {spec: {containers: [{name: a}]}}}
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: no-template}
`)
	c, _ := cluster.New(objects, cluster.Options{DefaultNamespace: "team"})
	var refs []string
	for _, o := range c.Objects {
		refs = append(refs, o.Ref.String())
	}
	same(t, "objects", refs, []string{"Fleet made-by-nobody-we-know", "Thing no-template", "Service team/web"})
	same(t, "workload", c.Workloads[0].Ref, object.Ref{Group: "example.com", Kind: "Fleet", Namespace: "team", Name: "made-by-nobody-we-know"})
	if c.Pods[0].Namespace != c.Namespace("team") || c.Services[0].Namespace != c.Namespace("team") {
		t.Error("pods and Services are not in the default namespace")
	}
	if objects[0].Ref.Namespace != "" {
		t.Error("New changed an object that it was given")
	}
}

func TestClusterScoped(t *testing.T) {
	for _, c := range []struct {
		group string
		kinds string
		want  bool
	}{
		{"", "Namespace Node PersistentVolume", true},
		{"", "Pod Service ConfigMap Endpoints", false},
		{"apps", "Deployment ReplicaSet", false},
		{"extensions", "Ingress Deployment", false},
		{"extensions", "PodSecurityPolicy", true},
		{"batch", "CronJob Job", false},
		{"networking.k8s.io", "NetworkPolicy Ingress", false},
		{"networking.k8s.io", "IngressClass IPAddress ServiceCIDR", true},
		{"gateway.networking.k8s.io", "HTTPRoute Gateway", false},
		{"gateway.networking.k8s.io", "GatewayClass", true},
		{"rbac.authorization.k8s.io", "Role", false},
		{"rbac.authorization.k8s.io", "ClusterRole", true},
		{"argoproj.io", "Rollout", false},
		{"argoproj.io", "ClusterWorkflowTemplate", true},
		{"policy.networking.k8s.io", "AdminNetworkPolicy BaselineAdminNetworkPolicy ClusterNetworkPolicy", true},
		{"projectcalico.org", "NetworkPolicy NetworkSet StagedNetworkPolicy", false},
		{"crd.projectcalico.org", "GlobalNetworkPolicy HostEndpoint Tier", true},
		{"cilium.io", "CiliumNetworkPolicy CiliumNodeConfig", false},
		{"cilium.io", "CiliumClusterwideNetworkPolicy CiliumCIDRGroup CiliumSomethingNew", true},
		{"crd.antrea.io", "NetworkPolicy Group", false},
		{"crd.antrea.io", "ClusterNetworkPolicy Tier Egress", true},
		{"k8s.ovn.org", "EgressFirewall", false},
		{"k8s.ovn.org", "AdminPolicyBasedExternalRoute", true},
		{"kyverno.io", "Policy", false},
		{"kyverno.io", "ClusterPolicy GlobalContextEntry", true},
		{"k8s.cni.cncf.io", "MultiNetworkPolicy", false},
		{"example.com", "Unheard", true},
	} {
		for kind := range strings.FieldsSeq(c.kinds) {
			if got := cluster.ClusterScoped(object.GroupKind{Group: c.group, Kind: kind}); got != c.want {
				t.Errorf("%s of %q: cluster scoped is %v, want %v", kind, c.group, got, c.want)
			}
		}
	}
}

func TestKind(t *testing.T) {
	c := clean(t, `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: b, namespace: ns}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: c, namespace: ns}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: ns}
`)
	var names []string
	for _, o := range c.Kind("networking.k8s.io", "NetworkPolicy") {
		names = append(names, o.Ref.Name)
	}
	same(t, "names", names, []string{"a", "b"})
	if c.Kind("", "NetworkPolicy") != nil {
		t.Error("the core group has a NetworkPolicy")
	}
}

func TestFamilies(t *testing.T) {
	const pod = `
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: ns}
spec: {containers: [{name: a}]}
`
	for _, c := range []struct {
		name, text string
		opt        cluster.Options
		v4, v6     bool
	}{
		{"no evidence", pod, cluster.Options{}, true, false},
		{"pod address", pod + "status: {podIP: 'fd00::1'}", cluster.Options{}, false, true},
		{"both pod addresses", pod + "status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}", cluster.Options{}, true, true},
		{"mapped address is IPv4", pod + "status: {podIP: '::ffff:10.0.0.1'}", cluster.Options{}, true, false},
		{"stated range", pod, cluster.Options{PodCIDRs: addrs(t, "fd00::/8")}, false, true},
		{"range of a node", pod + `
---
{apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDRs: [10.1.0.0/24, 'fd00:1::/64']}}`, cluster.Options{}, true, true},
		{"families of a Service", pod + `
---
{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ipFamilies: [IPv6, IPv4], ports: [{port: 1}]}}`, cluster.Options{}, true, true},
	} {
		got, _ := cluster.New(parse(t, c.text), c.opt)
		if got.IPv4 != c.v4 || got.IPv6 != c.v6 {
			t.Errorf("%s: IPv4 %v IPv6 %v, want %v %v", c.name, got.IPv4, got.IPv6, c.v4, c.v6)
		}
	}
}

// TestOrder: the picture and its problems do not depend on the order of the input.
func TestOrder(t *testing.T) {
	objects := parse(t, shop)
	want := drawing(cluster.New(objects, cluster.Options{}))
	if !strings.Contains(want, "Deployment shop/web") || !strings.Contains(want, "problem") {
		t.Fatalf("the fixture lost its point:\n%s", want)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		shuffled := slices.Clone(objects)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		same(t, "picture of shuffled input", drawing(cluster.New(shuffled, cluster.Options{})), want)
	}
}
