package cluster_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// parse reads documents that must be well formed.
func parse(t testing.TB, text string) []*object.Object {
	t.Helper()
	objects, problems, skipped := load.Parse([]byte(text), "in.yaml", load.Limits{})
	if len(problems) > 0 || len(skipped) > 0 {
		t.Fatalf("the input was not read: problems %v, skipped %v", problems, skipped)
	}
	return objects
}

// picture is the cluster of documents in which everything is understood.
func picture(t testing.TB, text string, opt cluster.Options) *cluster.Cluster {
	t.Helper()
	c, problems := cluster.New(parse(t, text), opt)
	if len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	return c
}

// problems is what New has to say of documents, line by line.
func problems(t testing.TB, text string) []string {
	t.Helper()
	_, ps := cluster.New(parse(t, text), cluster.Options{})
	var out []string
	for _, p := range ps {
		out = append(out, p.Severity.String()+" "+p.String())
	}
	return out
}

func set(t testing.TB, cidrs ...string) netset.Addrs {
	t.Helper()
	var s netset.Addrs
	for _, c := range cidrs {
		s = s.Union(netset.AddrsOf(netip.MustParsePrefix(c)))
	}
	return s
}

func want[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestNamespaces(t *testing.T) {
	c := picture(t, `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a, kubernetes.io/metadata.name: lie}}
---
apiVersion: v1
kind: Namespace
metadata: {name: bare}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: guessed}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec: {podSelector: {}}
---
apiVersion: v1
kind: Node
metadata: {name: one}
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: t}
`, cluster.Options{Complete: true})
	type ns struct {
		Name     string
		Labels   map[string]string
		Declared bool
		Line     int
	}
	var got []ns
	for _, n := range c.Namespaces {
		got = append(got, ns{n.Name, n.Labels, n.Declared, n.Pos.Line})
		if c.Namespace(n.Name) != n {
			t.Errorf("Namespace(%q) is another", n.Name)
		}
	}
	want(t, "namespaces", []ns{
		{"bare", map[string]string{cluster.NameLabel: "bare"}, true, 6},
		{"default", map[string]string{cluster.NameLabel: "default"}, false, 14},
		{"guessed", map[string]string{cluster.NameLabel: "guessed"}, false, 10},
		{"shop", map[string]string{cluster.NameLabel: "shop", "team": "a"}, true, 2},
	}, got)
	if c.Namespace("nope") != nil {
		t.Error("a namespace that nothing speaks of")
	}
	if !c.Complete || c.Kind("networking.k8s.io", "NetworkPolicy")[0].Ref.Namespace != "default" || c.Kind("", "NetworkPolicy") != nil {
		t.Error("Complete or Kind")
	}
}

func TestDefaultNamespace(t *testing.T) {
	const text = `
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {containers: [{name: c}]}
---
apiVersion: example.com/v1
kind: Machine
metadata: {name: m}
spec: {template: {spec: {containers: [{name: c}]}}}
`
	objects := parse(t, text)
	c, _ := cluster.New(objects, cluster.Options{DefaultNamespace: "team"})
	want(t, "workloads", []string{"Machine team/m", "Pod team/p"}, names(c))
	if p := c.Pods[0]; p.Namespace == nil || p.Namespace.Name != "team" || len(c.Namespaces) != 1 {
		t.Errorf("namespaces %v", c.Namespaces)
	}
	if objects[0].Ref.Namespace != "" {
		t.Error("New changed an object of its caller")
	}
}

func TestClusterScoped(t *testing.T) {
	for kind, want := range map[object.GroupKind]bool{
		{Kind: "Namespace"}: true, {Kind: "Node"}: true, {Kind: "PersistentVolume"}: true, {Kind: "Pod"}: false,
		{Kind: "Service"}:                                               false,
		{Group: "apps", Kind: "Deployment"}:                             false,
		{Group: "argoproj.io", Kind: "Rollout"}:                         false,
		{Group: "networking.k8s.io", Kind: "IngressClass"}:              true,
		{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:             false,
		{Group: "gateway.networking.k8s.io", Kind: "GatewayClass"}:      true,
		{Group: "gateway.networking.k8s.io", Kind: "Gateway"}:           false,
		{Group: "projectcalico.org", Kind: "NetworkPolicy"}:             false,
		{Group: "projectcalico.org", Kind: "GlobalNetworkPolicy"}:       true,
		{Group: "crd.projectcalico.org", Kind: "StagedNetworkPolicy"}:   false,
		{Group: "cilium.io", Kind: "CiliumNetworkPolicy"}:               false,
		{Group: "cilium.io", Kind: "CiliumClusterwideNetworkPolicy"}:    true,
		{Group: "policy.networking.k8s.io", Kind: "AdminNetworkPolicy"}: true,
		{Group: "example.com", Kind: "Anything"}:                        true,
	} {
		if got := cluster.ClusterScoped(kind); got != want {
			t.Errorf("%v: %v", kind, got)
		}
	}
}

func TestNodes(t *testing.T) {
	const text = `
apiVersion: v1
kind: Node
metadata: {name: b, labels: {zone: x}, annotations: {a: b}}
spec: {podCIDR: 10.1.1.0/24, podCIDRs: [10.1.1.0/24, "fd00:1::/64"]}
status:
  nodeInfo: {operatingSystem: linux}
  addresses:
  - {type: InternalIP, address: 192.168.0.2}
  - {type: InternalIP, address: "fd00::2"}
  - {type: ExternalIP, address: 203.0.113.2}
  - {type: Hostname, address: b}
  - {type: Hostname, address: 192.168.0.99}
---
apiVersion: v1
kind: Node
metadata: {name: a}
spec: {podCIDR: 10.1.0.7/24}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
`
	c := picture(t, text, cluster.Options{})
	if len(c.Nodes) != 2 || c.Nodes[0].Name != "a" || c.Nodes[1].Name != "b" {
		t.Fatalf("nodes %v", c.Nodes)
	}
	b := c.Nodes[1]
	if b.OS != "linux" || b.Labels["zone"] != "x" || b.Annotations["a"] != "b" || len(b.Internal) != 2 || len(b.External) != 1 || b.Object.Pos.Line != 2 {
		t.Errorf("node b: %+v", b)
	}
	all := set(t, "192.168.0.2/32", "203.0.113.2/32", "fd00::2/128")
	if !b.Addrs().Equal(all) || !c.NodeAddrs.Equal(all.Union(set(t, "192.168.0.1/32"))) || !c.NodesKnown {
		t.Errorf("addresses %v, of all %v, known %v", b.Addrs(), c.NodeAddrs, c.NodesKnown)
	}
	if !c.PodCIDRs.Equal(set(t, "10.1.0.0/23", "fd00:1::/64")) || !c.IPv4 || !c.IPv6 {
		t.Errorf("pod CIDRs %v, IPv4 %v, IPv6 %v", c.PodCIDRs, c.IPv4, c.IPv6)
	}

	c = picture(t, text, cluster.Options{PodCIDRs: set(t, "10.9.0.0/16"), NodeCIDRs: set(t, "172.16.0.0/12"), ServiceCIDRs: set(t, "10.96.0.0/12")})
	if !c.PodCIDRs.Contains(netip.MustParseAddr("10.9.0.1")) || !c.PodCIDRs.Contains(netip.MustParseAddr("10.1.0.1")) ||
		!c.NodeAddrs.Contains(netip.MustParseAddr("172.16.0.1")) || !c.NodeAddrs.Contains(netip.MustParseAddr("192.168.0.1")) ||
		!c.ServiceCIDRs.Equal(set(t, "10.96.0.0/12")) {
		t.Errorf("what was stated is not in: %v, %v, %v", c.PodCIDRs, c.NodeAddrs, c.ServiceCIDRs)
	}
}

// Nodes are known only when each that is there has an address.
func TestNodesKnown(t *testing.T) {
	const one = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nstatus: {addresses: [{type: InternalIP, address: 192.168.0.1}]}\n"
	const bare = "---\napiVersion: v1\nkind: Node\nmetadata: {name: b}\n"
	none := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: d}\n"
	stated := cluster.Options{NodeCIDRs: set(t, "192.168.0.0/16")}
	for _, tt := range []struct {
		text string
		opt  cluster.Options
		want bool
	}{{one, cluster.Options{}, true}, {one + bare, cluster.Options{}, false}, {none, cluster.Options{}, false}, {none, stated, true}, {one + bare, stated, true}} {
		if got := picture(t, tt.text, tt.opt).NodesKnown; got != tt.want {
			t.Errorf("%v, want %v for\n%s", got, tt.want, tt.text)
		}
	}
	want(t, "problems", []string{"error in.yaml:4: Node a: podCIDR 10.0.0.0 is no CIDR", "error in.yaml:4: Node a: podCIDR ten is no CIDR"},
		problems(t, "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {podCIDR: ten, podCIDRs: [10.0.0.0]}\n"))
}

func TestFamilies(t *testing.T) {
	pod := func(ip string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a}\nspec: {containers: [{name: c}]}\nstatus: {podIPs: [{ip: '" + ip + "'}]}\n"
	}
	svc := func(f string) string {
		return "---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: a}\nspec: {ipFamilies: [" + f + "]}\n"
	}
	for _, tt := range []struct {
		name   string
		text   string
		opt    cluster.Options
		v4, v6 bool
	}{
		{"no evidence", "", cluster.Options{}, true, false},
		{"a pod with IPv4", pod("10.0.0.1"), cluster.Options{}, true, false},
		{"a pod with IPv6", pod("fd00::1"), cluster.Options{}, false, true},
		{"IPv4 in IPv6", pod("::ffff:10.0.0.1"), cluster.Options{}, true, false},
		{"pod ranges", pod("10.0.0.1"), cluster.Options{PodCIDRs: set(t, "fd00::/64")}, true, true},
		{"Services", svc("IPv4, IPv6"), cluster.Options{}, true, true},
		{"a Service of IPv6", svc("IPv6"), cluster.Options{}, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if c := picture(t, tt.text, tt.opt); c.IPv4 != tt.v4 || c.IPv6 != tt.v6 {
				t.Errorf("IPv4 %v, IPv6 %v; want %v, %v", c.IPv4, c.IPv6, tt.v4, tt.v6)
			}
		})
	}
}

// names is the workloads with the pods behind them, where those are not the workload itself.
func names(c *cluster.Cluster) []string {
	var out []string
	for _, w := range c.Workloads {
		s := w.Ref.String()
		var pods []string
		for _, p := range w.Pods {
			if p.Workload != w {
				s += " (a pod of another workload)"
			}
			if !p.Template && p.Name != w.Ref.Name {
				pods = append(pods, p.Name)
			}
		}
		if len(pods) > 0 {
			s += ": " + strings.Join(pods, " ")
		}
		out = append(out, s)
	}
	return out
}

// No answer depends on the order of the input.
func TestInputOrder(t *testing.T) {
	objects := parse(t, shop)
	c, _ := cluster.New(objects, cluster.Options{})
	slices.Reverse(objects)
	d, _ := cluster.New(objects, cluster.Options{})
	want(t, "workloads", names(c), names(d))
	for i, s := range c.Services {
		if s.Ref != d.Services[i].Ref || len(s.Pods) != len(d.Services[i].Pods) {
			t.Errorf("Service %v differs", s.Ref)
		}
	}
	for i, o := range c.Objects {
		if o.Ref != d.Objects[i].Ref {
			t.Errorf("object %d: %v and %v", i, o.Ref, d.Objects[i].Ref)
		}
	}
}
