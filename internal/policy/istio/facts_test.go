package istio_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/istio"
)

// factsOf writes the facts of each pod on a line: "name mesh=sidecar mtls=strict", "?" for what is not known.
func factsOf(c *cluster.Cluster, keys ...string) []string {
	facts := istio.Kind.Facts(c)
	var out []string
	for _, p := range c.Pods {
		line := p.Name
		for _, key := range keys {
			switch f, has := facts[p][key]; {
			case f.Unknown && f.Because != "":
				line += " " + key + "=?"
			case has:
				line += " " + key + "=" + f.Value
			}
		}
		out = append(out, line)
	}
	return out
}

const namespaces = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Namespace
metadata: {name: plain}
---
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: a}
spec: {containers: [{name: main}]}
---
apiVersion: v1
kind: Pod
metadata: {namespace: plain, name: b}
spec: {serviceAccountName: own, containers: [{name: main}]}
---
apiVersion: v1
kind: Pod
metadata: {namespace: dark, name: c}
spec: {containers: [{name: main}]}
---
apiVersion: v1
kind: Pod
metadata: {namespace: dark, name: d, labels: {istio.io/dataplane-mode: ambient}}
spec: {serviceAccountName: own, containers: [{name: main}]}
`

// TestFactsWithoutMesh: where nothing shows a mesh, a label makes membership open, and the lack of labels
// that the input does not have is no reason for doubt.
func TestFactsWithoutMesh(t *testing.T) {
	_, _, c := compile(t, namespaces)
	if diff := cmp.Diff([]string{"c", "d mesh=?", "b", "a mesh=?"}, factsOf(c, istio.FactMesh)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFactsWithMesh(t *testing.T) {
	_, _, c := compile(t, namespaces+`---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {namespace: istio-system, name: p}
spec: {mtls: {mode: STRICT}}
`)
	want := []string{
		"c mesh=? principal=? mtls=?",
		"d mesh=? principal=? mtls=?", // the namespace may be labelled for sidecars
		"b",
		"a mesh=sidecar principal=cluster.local/ns/shop/sa/default mtls=strict",
	}
	if diff := cmp.Diff(want, factsOf(c, istio.FactMesh, istio.FactPrincipal, istio.FactMTLS)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPlainText(t *testing.T) {
	for _, tt := range []struct {
		fact              policy.Fact
		certain, possible bool
	}{
		{policy.Fact{}, false, false},
		{policy.Fact{Value: "strict"}, false, false},
		{policy.Fact{Value: "by its listeners"}, false, false},
		{policy.Fact{Value: "permissive"}, true, true},
		{policy.Fact{Value: "strict; disable 8080"}, true, true},
		{policy.Fact{Value: "permissive or strict"}, false, true},
		{policy.Fact{Unknown: true}, false, true},
	} {
		certain, possible := istio.PlainText(policy.Facts{istio.FactMTLS: tt.fact})
		if certain != tt.certain || possible != tt.possible {
			t.Errorf("%+v: got %v, %v", tt.fact, certain, possible)
		}
	}
}

// TestFactPast: the ports that annotations keep from the proxy, and not those of the proxy itself.
func TestFactPast(t *testing.T) {
	const pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, name: %s, annotations: {traffic.sidecar.istio.io/%s: \"%s\"}}\nspec: {containers: [{name: main}]}\n"
	_, _, c := compile(t, namespaces+"---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {namespace: shop, name: p}\nspec: {mtls: {mode: STRICT}}\n"+
		fmt.Sprintf(pod, "e", "excludeInboundPorts", "9090, 15020")+fmt.Sprintf(pod, "f", "includeInboundPorts", "*"))
	if diff := cmp.Diff([]string{"c", "d", "b", "a", "e past=tcp/9090", "f"}, factsOf(c, istio.FactPast)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestPatchedProxy: a proxy that an EnvoyFilter changes may take plain text, whatever its mode.
func TestPatchedProxy(t *testing.T) {
	_, _, c := compile(t, namespaces+`---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {namespace: shop, name: p}
spec: {mtls: {mode: STRICT}}
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {namespace: shop, name: f}
spec: {configPatches: [{applyTo: LISTENER, match: {context: SIDECAR_INBOUND}}]}
`)
	facts := istio.Kind.Facts(c)
	for _, p := range c.Pods {
		if p.Name != "a" {
			continue
		}
		if certain, possible := istio.PlainText(facts[p]); certain || !possible {
			t.Errorf("got %v, %v for %v", certain, possible, facts[p])
		}
	}
}

// TestForm pins what users see of a rule: its place, its tier, and its conditions on requests.
func TestForm(t *testing.T) {
	policies, problems, _ := compile(t, `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: a, labels: {app: a}}
spec: {containers: [{name: main}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: a}
spec: {selector: {app: a}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {namespace: shop, name: p}
spec:
  rules:
  - from: [{source: {namespaces: [ops, dev]}}]
    to: [{operation: {methods: [GET, HEAD], notPaths: [/admin], ports: ["8080"]}}]
`)
	if len(policies) != 1 || len(problems) != 0 {
		t.Fatalf("got %d policies and problems %v", len(policies), problems)
	}
	p := policies[0]
	if p.Layer != policy.Mesh || p.Tier != istio.AllowTier || !p.Isolates[policy.Ingress] || p.Isolates[policy.Egress] || p.Namespace() != "shop" {
		t.Errorf("got %+v", p)
	}
	var rule *policy.Rule
	for i := range p.Rules {
		if p.Rules[i].Path == "spec.rules[0]" {
			rule = &p.Rules[i]
		}
	}
	if rule == nil {
		t.Fatalf("no rule spec.rules[0] in %+v", p.Rules)
	}
	if rule.Pos.Line != 20 || !rule.Conns.Equal(netset.Ports(netset.TCP, 8080, 8080)) || len(rule.Limits) != 0 {
		t.Errorf("got %+v", rule)
	}
	if got := strings.Join(rule.Only, "; "); got != "HTTP methods GET, HEAD; HTTP paths other than /admin" {
		t.Errorf("only: got %q", got)
	}
	q := rule.Peers[0]
	if q.Kind != policy.PodPeer || q.NamespaceSelector.String() != "kubernetes.io/metadata.name in (dev,ops)" || q.Doubt != nil {
		t.Errorf("first peer: got %+v", q)
	}
}

// TestNotes: the kinds that decide nothing say what they do.
func TestNotes(t *testing.T) {
	policies, _, _ := compile(t, `apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {namespace: shop, name: s}
spec: {egress: [{hosts: ["./*"]}]}
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {namespace: shop, name: r}
spec: {jwtRules: [{issuer: x}]}
`)
	if len(policies) != 2 {
		t.Fatalf("got %d policies, want 2", len(policies))
	}
	for _, p := range policies {
		if len(p.Notes) != 1 || len(p.Rules) != 0 || len(p.Doubts) != 0 {
			t.Errorf("%s: got %+v", p.Ref, p)
		}
	}
}

// TestHugeObject: an object at the limits of the API is compiled in good time, and beyond ours is in doubt.
func TestHugeObject(t *testing.T) {
	var b strings.Builder
	b.WriteString(namespaces + "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {namespace: shop, name: p, uid: u}\nspec:\n  rules:\n")
	for i := range 512 {
		fmt.Fprintf(&b, "  - from: [{source: {principals: [cluster.local/ns/a/sa/s%d]}}]\n    to: [{operation: {ports: [\"%d\"]}}]\n", i, i+1)
	}
	b.WriteString("  - from:\n")
	for i := range 512 {
		fmt.Fprintf(&b, "    - source: {namespaces: [n%d]}\n", i)
	}
	b.WriteString("    to:\n")
	for i := range 512 {
		fmt.Fprintf(&b, "    - operation: {ports: [\"%d\"]}\n", i+1)
	}
	start := time.Now()
	policies, problems, _ := compile(t, b.String())
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("compiled in %s", d)
	}
	if len(problems) != 1 || !strings.Contains(problems[0].Msg, "262144 pairs of from and to") {
		t.Errorf("got problems %v", problems)
	}
	last := policies[0].Rules[len(policies[0].Rules)-1]
	if last.Path != "spec.rules[512]" || len(last.Doubts) != 1 {
		t.Errorf("got %+v", last)
	}
}

// BenchmarkCompile is a mesh of 1,000 workloads in 50 namespaces, with 1,000 policies.
func BenchmarkCompile(b *testing.B) {
	var s strings.Builder
	for n := range 50 {
		fmt.Fprintf(&s, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n%d, labels: {istio-injection: enabled}}\n", n)
	}
	for i := range 1000 {
		n := i % 50
		fmt.Fprintf(&s, "---\napiVersion: v1\nkind: Pod\nmetadata: {namespace: n%d, name: p%d, labels: {app: p%d}}\nspec: {containers: [{name: main}]}\n", n, i, i)
		fmt.Fprintf(&s, "---\napiVersion: v1\nkind: Service\nmetadata: {namespace: n%d, name: p%d}\nspec: {selector: {app: p%d}, ports: [{name: http, port: 80}]}\n", n, i, i)
		fmt.Fprintf(&s, "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {namespace: n%d, name: p%d}\n"+
			"spec: {selector: {matchLabels: {app: p%d}}, rules: [{from: [{source: {namespaces: [n%d]}}]}]}\n", n, i, i, (n+1)%50)
	}
	for b.Loop() {
		compile(b, s.String())
	}
}

// TestClusterNote: what rests on nobody outside having an identity says so, unless there is a sign of further
// clusters; and what does not rest on it does not.
func TestClusterNote(t *testing.T) {
	const strict = "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {namespace: shop, name: p}\nspec: {mtls: {mode: STRICT}}\n"
	const byAddress = "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {namespace: shop, name: p}\n" +
		"spec: {rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]}\n"
	const remote = "---\napiVersion: v1\nkind: Secret\nmetadata: {namespace: istio-system, name: s, labels: {istio/multiCluster: \"true\"}}\n"
	for _, tt := range []struct {
		name, text string
		want       bool
	}{
		{"strict", strict, true},
		{"strict, with a remote cluster", strict + remote, false},
		{"by principal", strings.Replace(byAddress, "ipBlocks: [10.0.0.0/8]", "namespaces: [shop]", 1), true},
		{"by address", byAddress, false},
	} {
		policies, _, _ := compile(t, namespaces+tt.text)
		got := false
		for _, p := range policies {
			for _, n := range p.Notes {
				got = got || strings.Contains(n.Msg, "the Secrets with which clusters join a mesh are not read")
			}
		}
		if len(policies) == 0 || got != tt.want {
			t.Errorf("%s: note %v in %d policies", tt.name, got, len(policies))
		}
	}
}
