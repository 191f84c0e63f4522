package cilium_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/fixture"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/cilium"
)

func TestReach(t *testing.T) { fixture.RunReach(t, "testdata") }

func TestFields(t *testing.T) { fixture.CheckFields(t, cilium.Kind, "testdata/crd_fields.txt") }

func compile(t testing.TB, text string) (policies []policy.Policy, problems []object.Problem) {
	t.Helper()
	objects, _, _ := load.Parse([]byte(text), "in.yaml", load.Limits{})
	c, _ := cluster.New(objects, cluster.Options{})
	for _, gk := range cilium.Kind.GVKs {
		for _, o := range c.Kind(gk.Group, gk.Kind) {
			p, bad := cilium.Kind.Compile(o, c)
			policies, problems = append(policies, p...), append(problems, bad...)
		}
	}
	return policies, problems
}

// TestForm pins the compiled form: a tier for what is denied, one for what is allowed, places and paths.
func TestForm(t *testing.T) {
	policies, problems := compile(t, `apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {namespace: shop, name: p}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingressDeny:
  - fromEntities: [world]
  egress:
  - toEndpoints: [{matchLabels: {app: web}}]
    toPorts:
    - ports: [{port: "80", protocol: TCP}]
    - ports: [{port: http, protocol: TCP}, {port: DNS}]
specs:
- endpointSelector: {matchLabels: {app: web}}
  ingress:
  - toPorts: [{ports: [{port: "53"}]}]
`)
	if len(policies) != 3 || len(problems) != 0 {
		t.Fatalf("got %d policies and problems %v, want three and none", len(policies), problems)
	}
	deny, allow, second := policies[0], policies[1], policies[2]
	if deny.Tier.Rank >= policy.NetworkPolicyTier.Rank || deny.Isolates != [2]bool{} || deny.Subjects[0].Namespace != "shop" {
		t.Errorf("deny: got %+v", deny)
	}
	if len(deny.Rules) != 1 || deny.Rules[0].Action != policy.Deny || deny.Rules[0].Path != "spec.ingressDeny[0]" ||
		deny.Rules[0].Pos.Line != 7 || !deny.Rules[0].Conns.Equal(netset.All()) {
		t.Errorf("deny: got rules %+v", deny.Rules)
	}
	if q := deny.Rules[0].Peers; len(q) != 1 || q[0].Kind != policy.AddrPeer || q[0].Reach != policy.OutsideOnly || !q[0].Addrs.IsAll() {
		t.Errorf("deny: got peers %+v", q)
	}
	if allow.Tier != policy.NetworkPolicyTier || allow.Isolates != [2]bool{true, true} || len(allow.Rules) != 2 {
		t.Fatalf("allow: got %+v", allow)
	}
	if allow.Subjects[0].String() != "pods labelled app=db in namespace shop" {
		t.Errorf("allow: got subject %s", allow.Subjects[0])
	}
	first, named := allow.Rules[0], allow.Rules[1]
	if first.Path != "spec.egress[0].toPorts[0]" || first.Pos.Line != 11 || first.Conns.String() != "tcp/80" {
		t.Errorf("first rule: got %+v", first)
	}
	if first.Peers[0].Namespace != "shop" || first.Peers[0].Pods.String() != "app=web" || first.Peers[0].Pos.Line != 9 {
		t.Errorf("first rule: got peer %+v", first.Peers[0])
	}
	want := []policy.NamedPort{
		{Protocol: netset.TCP, Name: "http", Pos: object.Pos{File: "in.yaml", Line: 12}},
		{Protocol: netset.TCP, AnyProtocol: true, Name: "dns", Pos: object.Pos{File: "in.yaml", Line: 12}},
	}
	if d := cmp.Diff(want, named.Named); d != "" || !named.Conns.IsEmpty() {
		t.Errorf("named ports (-want +got):\n%s", d)
	}
	if second.Isolates != [2]bool{true, false} || second.Rules[0].Path != "specs[0].ingress[0]" || second.Rules[0].Peers[0].Kind != policy.AnyPeer {
		t.Errorf("second: got %+v", second)
	}
}

// TestConditions pins the text of what goes through an allowed connection.
func TestConditions(t *testing.T) {
	policies, problems := compile(t, `apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {namespace: shop, name: p}
spec:
  endpointSelector: {}
  egress:
  - toPorts:
    - ports: [{port: "80", protocol: TCP}]
      rules:
        http:
        - {}
        - {method: GET, path: /public, host: shop.example, headers: [X-A], headerMatches: [{name: X-B, value: "1"}, {name: X-D}, {name: X-C, mismatch: LOG}]}
    - ports: [{port: "53"}]
      rules: {dns: [{matchPattern: "*.example"}, {matchName: a.test}]}
    - ports: [{port: "443", protocol: TCP}]
      serverNames: [a.example, b.example]
      terminatingTLS: {secret: {name: s}}
    - ports: [{port: "9", protocol: TCP}]
      listener: {name: l, envoyConfig: {name: e}}
    - ports: [{port: "9092", protocol: TCP}]
      rules: {kafka: [{topic: orders, role: consume}]}
    - ports: [{port: "7", protocol: TCP}]
      rules: {l7proto: memcache, l7: [{opCode: get}]}
    - ports: [{port: "8", protocol: TCP}]
`)
	for _, p := range problems {
		if p.Severity != object.Note {
			t.Errorf("unexpected %v", p)
		}
	}
	var got []string
	for _, r := range policies[0].Rules {
		got = append(got, strings.Join(r.Only, "; "))
	}
	want := []string{
		"HTTP; HTTP GET /public host shop.example header X-A header X-B 1 header X-D",
		"DNS queries for *.example; DNS queries for a.test",
		"TLS to the name a.example or b.example; terminatingTLS: Cilium's proxy ends TLS and opens it anew",
		"what the Envoy listener l lets through",
		"kafka role=consume topic=orders",
		"l7 memcache opCode=get",
		"",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestNotes pins what is shown beside answers, and with whose.
func TestNotes(t *testing.T) {
	const service = `apiVersion: v1
kind: Service
metadata: {namespace: shop, name: dns}
spec: {selector: {app: dns}, ports: [{port: 53}]}
---
`
	const head = "apiVersion: cilium.io/v2\nmetadata: {namespace: shop, name: p}\n"
	const backend = "  redirectBackend: {localEndpointSelector: {matchLabels: {app: cache}}, toPorts: [{port: \"53\", protocol: UDP}]}\n"
	for _, c := range []struct {
		name, text, note string
		subjects         []string
	}{
		{
			"gateway", head + `kind: CiliumEgressGatewayPolicy
spec:
  selectors:
  - podSelector: {matchLabels: {app: db, "k8s:io.kubernetes.pod.namespace": shop}}
  - namespaceSelector: {matchLabels: {team: ops}}
    nodeSelector: {matchLabels: {zone: a}}
  destinationCIDRs: [0.0.0.0/0, "::/0"]
  excludedCIDRs: [10.0.0.0/8]
  egressGateway: {nodeSelector: {matchLabels: {egress: "yes"}}, egressIP: 203.0.113.7}
  egressGateways: [{nodeSelector: {}, interface: eth1}]
`, "traffic to 0.0.0.0/0, ::/0, except 10.0.0.0/8, leaves the cluster through a node labelled egress=yes with address 203.0.113.7 " +
				"or a node by interface eth1, and is dropped when there is no such node",
			[]string{"pods labelled app=db in namespace shop", "pods in a namespace labelled team=ops"},
		},
		{
			"gateway in doubt", head + "kind: CiliumEgressGatewayPolicy\nspec: {selectors: [{podSelector: {matchLabels: {\"cni:a\": b}}}], destinationCIDRs: [], egressGateway: {nodeSelector: {}}}\n",
			"the policy is not understood; it may send traffic of any pod through a gateway",
			[]string{"pods in any namespace"},
		},
		{
			"redirect of an address", head + "kind: CiliumLocalRedirectPolicy\nspec:\n" + backend +
				"  redirectFrontend: {addressMatcher: {ip: 169.254.20.10, toPorts: [{port: \"53\", protocol: UDP}]}}\n",
			"traffic to 169.254.20.10 UDP/53 is sent to UDP/53 on pods labelled app=cache in namespace shop, on the node where it begins",
			[]string{"pods labelled app=cache in namespace shop"},
		},
		{
			"redirect of a Service", service + head + "kind: CiliumLocalRedirectPolicy\nspec:\n" + backend +
				"  redirectFrontend: {serviceMatcher: {serviceName: dns, namespace: shop, toPorts: [{port: \"53\", protocol: UDP}]}}\n",
			"traffic to Service shop/dns UDP/53 is sent to UDP/53 on pods labelled app=cache in namespace shop, on the node where it begins",
			[]string{"pods labelled app=cache in namespace shop", "pods labelled app=dns in namespace shop"},
		},
	} {
		policies, _ := compile(t, c.text)
		if len(policies) != 1 || len(policies[0].Notes) != 1 {
			t.Errorf("%s: got %+v", c.name, policies)
			continue
		}
		p := policies[0]
		var subjects []string
		for _, s := range p.Subjects {
			subjects = append(subjects, s.String())
		}
		if d := cmp.Diff(c.subjects, subjects); d != "" {
			t.Errorf("%s: subjects (-want +got):\n%s", c.name, d)
		}
		if d := cmp.Diff(c.note, p.Notes[0].Msg); d != "" {
			t.Errorf("%s: (-want +got):\n%s", c.name, d)
		}
		if len(p.Rules)+len(p.Doubts) > 0 || p.Isolates != [2]bool{} {
			t.Errorf("%s: it decides something: %+v", c.name, p)
		}
	}
}

// TestFilteredLabels pins which labels of pods Cilium does not look at by default.
func TestFilteredLabels(t *testing.T) {
	for key, counts := range map[string]bool{
		"app": true, "app.kubernetes.io/name": true, "helm.sh/chart": true, "batch.kubernetes.io/job-name": true, "my.io/k8s.io": true,
		"kubernetes.io/role": false, "k8s.io/x": false, "io.kubernetes.pod.name": false, "beta.kubernetes.io/os": false,
		"node.beta.kubernetes.io/x": false, "pod-template-hash": false, "annotations": false, "etcd_node": false,
		"statefulset.kubernetes.io/pod-name": false, "topology.kubernetes.io/zone": false, "controller-uid": false,
	} {
		policies, problems := compile(t, `apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {namespace: shop, name: p}
spec:
  endpointSelector: {}
  ingress:
  - fromEndpoints: [{matchLabels: {"`+key+`": v}}]
`)
		peer := policies[0].Rules[0].Peers[0]
		if got := peer.Doubt == nil; got != counts || got != (len(problems) == 0) {
			t.Errorf("%s: counts is %v, want %v; problems %v", key, got, counts, problems)
		}
	}
}

// TestAuthentication: what must be authenticated is possibly denied as well, as no other rule may let it through.
func TestAuthentication(t *testing.T) {
	for mode, policiesWanted := range map[string]int{"disabled": 1, "required": 2, "test-always-fail": 2} {
		policies, _ := compile(t, `apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {namespace: shop, name: p}
spec:
  endpointSelector: {}
  ingress:
  - fromEndpoints: [{}]
    authentication: {mode: `+mode+`}
`)
		if len(policies) != policiesWanted {
			t.Errorf("%s: got %+v", mode, policies)
			continue
		}
		for _, p := range policies {
			if n := len(p.Rules[0].Limits); n != policiesWanted-1 {
				t.Errorf("%s: got %d limits on %s", mode, n, p.Rules[0].Action)
			}
		}
	}
}

// FuzzCompile: whatever the bytes, nothing panics, the form is sound and always the same, and an error leaves a
// doubt somewhere.
func FuzzCompile(f *testing.F) {
	for _, word := range []string{"CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "CiliumCIDRGroup", "CiliumEgressGatewayPolicy", "CiliumLocalRedirectPolicy"} {
		for _, seed := range fixture.Manifests(f, "testdata", word) {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		policies, problems := compile(t, string(data))
		doubts, decides := 0, false
		for i := range policies {
			p := &policies[i]
			kind := p.Ref.Kind
			decides = decides || kind == "CiliumNetworkPolicy" || kind == "CiliumClusterwideNetworkPolicy"
			doubts += len(p.Doubts)
			if len(p.Subjects) == 0 {
				t.Fatalf("%s binds nobody and is there: %+v", p.Ref, p)
			}
			for _, s := range p.Subjects {
				if kind == "CiliumNetworkPolicy" && s.Namespace != p.Ref.Namespace && len(s.NamespaceSelector) == 0 {
					t.Fatalf("%s binds pods of other namespaces: %v", p.Ref, s)
				}
			}
			for j := range p.Rules {
				r := &p.Rules[j]
				doubts += len(r.Doubts) + len(r.Limits)
				if inDenyTier := p.Tier != policy.NetworkPolicyTier; len(p.Doubts) == 0 && inDenyTier != (r.Action == policy.Deny) {
					t.Fatalf("%s: %s rule in tier %s", p.Ref, r.Action, p.Tier.Name)
				}
				for _, q := range r.Peers {
					if q.Kind == policy.DoubtPeer && q.Doubt == nil {
						t.Fatalf("%s: peer %+v in doubt without a doubt", p.Ref, q)
					}
					if q.Doubt != nil {
						doubts++
					}
				}
			}
		}
		isError := func(p object.Problem) bool {
			return p.Severity == object.Error && (p.Ref.Kind == "CiliumNetworkPolicy" || p.Ref.Kind == "CiliumClusterwideNetworkPolicy")
		}
		if i := slices.IndexFunc(problems, isError); i >= 0 && decides && doubts == 0 {
			t.Fatalf("an error without any doubt: %v", problems[i])
		}
		again, _ := compile(t, string(data))
		if !reflect.DeepEqual(policies, again) {
			t.Fatal("compiled again, the policies are others")
		}
	})
}
