package admin_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/fixture"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/admin"
)

const fieldList = "testdata/crd_fields.txt"

func TestReach(t *testing.T) { fixture.RunReach(t, "testdata") }

func TestFields(t *testing.T) { fixture.CheckFields(t, admin.Kind, fieldList) }

func compile(t testing.TB, text string) (policies []policy.Policy, problems []object.Problem) {
	t.Helper()
	objects, _, _ := load.Parse([]byte(text), "in.yaml", load.Limits{})
	c, _ := cluster.New(objects, cluster.Options{})
	for _, gk := range admin.Kind.GVKs {
		for _, o := range c.Kind(gk.Group, gk.Kind) {
			p, bad := admin.Kind.Compile(o, c)
			if len(p) == 0 || len(p) > 2 {
				t.Fatalf("%s compiled to %d policies, want one or two", o.Ref, len(p))
			}
			policies, problems = append(policies, p...), append(problems, bad...)
		}
	}
	return policies, problems
}

// TestReadsEveryField: an object with any one field of the CRD is read without an unknown field, and a
// field beside it that the CRD does not have is found.
func TestReadsEveryField(t *testing.T) {
	data, err := os.ReadFile(fieldList)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{"AdminNetworkPolicy": "v1alpha1", "BaselineAdminNetworkPolicy": "v1alpha1", "ClusterNetworkPolicy": "v1alpha2"}
	for line := range strings.Lines(string(data)) {
		kind, path, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || kind == "#" {
			continue
		}
		for _, beside := range []string{"", "zzz"} {
			if beside != "" && strings.HasSuffix(path, "{}") {
				continue // a label of any name is fine
			}
			o := map[string]any{"apiVersion": "policy.networking.k8s.io/" + versions[kind], "kind": kind, "metadata": map[string]any{"name": "default"}}
			put(o, strings.Split(path, "."), beside)
			text, err := yaml.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			_, problems := compile(t, string(text))
			unknown := slices.DeleteFunc(problems, func(p object.Problem) bool { return !strings.Contains(p.Msg, "unknown field") })
			if beside == "" && len(unknown) != 0 {
				t.Errorf("%s %s: %v", kind, path, unknown)
			}
			if beside != "" && (len(unknown) != 1 || !strings.Contains(unknown[0].Msg, beside)) {
				t.Errorf("%s %s with a field %s beside it: %v", kind, path, beside, unknown)
			}
		}
	}
}

// put sets the field at a path, and another one in the same map.
func put(o map[string]any, path []string, beside string) {
	name, isList := strings.CutSuffix(path[0], "[]")
	name, isMap := strings.CutSuffix(name, "{}")
	var value any = "x"
	if len(path) > 1 {
		inner := map[string]any{}
		put(inner, path[1:], beside)
		value = inner
	} else if beside != "" {
		o[beside] = "x"
	}
	if isList {
		value = []any{value}
	}
	if isMap {
		value = map[string]any{"k": "v"}
	}
	o[name] = value
}

const three = `apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: top}
spec:
  tier: Admin
  priority: 7
  subject:
    pods:
      namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}
      podSelector: {matchLabels: {app: db}}
  ingress:
  - name: web to db
    action: Accept
    from:
    - namespaces: {matchLabels: {team: web}}
    protocols:
    - tcp: {destinationPort: {number: 5432}}
    - destinationNamedPort: pg
  egress:
  - action: Pass
    to:
    - nodes: {matchLabels: {role: worker}}
    - networks: [10.0.0.0/8, fd00::/8]
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: mid}
spec: {priority: 3, subject: {namespaces: {}}}
---
apiVersion: policy.networking.k8s.io/v1alpha1
kind: BaselineAdminNetworkPolicy
metadata: {name: default}
spec: {subject: {namespaces: {}}, egress: [{action: Deny, to: [{nodes: {}}]}]}
`

// TestForm pins the compiled form: tiers, order, places, paths.
func TestForm(t *testing.T) {
	policies, problems := compile(t, three)
	if len(policies) != 3 {
		t.Fatalf("got %d policies", len(policies))
	}
	for _, p := range problems {
		if p.Severity != object.Note {
			t.Errorf("unexpected %s: %s", p.Severity, p)
		}
	}
	top, mid, base := policies[0], policies[1], policies[2]
	if top.Tier != policy.AdminTier || top.Order != 7 || !top.Unordered || top.Isolates != [2]bool{} {
		t.Errorf("top: got %+v", top)
	}
	if s := top.Subjects; len(s) != 1 || s[0].Namespace != "shop" || s[0].NamespaceSelector != nil || s[0].Pods.String() != "app=db" {
		t.Errorf("top: got subjects %+v", s)
	}
	if mid.Tier != policy.AdminTier || mid.Order != 3 || len(mid.Rules) != 0 {
		t.Errorf("mid: got %+v", mid)
	}
	if base.Tier != policy.BaselineTier || base.Order != 0 || len(base.Rules) != 1 {
		t.Errorf("base: got %+v", base)
	}
	if len(top.Rules) != 2 {
		t.Fatalf("top: got %d rules", len(top.Rules))
	}
	in, out := top.Rules[0], top.Rules[1]
	if in.Direction != policy.Ingress || in.Action != policy.Allow || in.Path != `spec.ingress[0] "web to db"` || in.Pos.Line != 12 ||
		!in.Conns.Equal(netset.Ports(netset.TCP, 5432, 5432)) || len(in.Named) != 1 || !in.Named[0].AnyProtocol || in.Named[0].Name != "pg" {
		t.Errorf("ingress: got %+v", in)
	}
	if q := in.Peers; len(q) != 1 || q[0].Kind != policy.PodPeer || q[0].NamespaceSelector.String() != "team=web" || q[0].Pos.Line != 15 {
		t.Errorf("ingress: got peers %+v", q)
	}
	if out.Direction != policy.Egress || out.Action != policy.Pass || out.Path != "spec.egress[0]" || !out.Conns.Equal(netset.All()) {
		t.Errorf("egress: got %+v", out)
	}
	if q := out.Peers; len(q) != 2 || q[0].Kind != policy.NodePeer || q[0].Nodes.String() != "role=worker" ||
		q[1].Kind != policy.AddrPeer || q[1].Reach != policy.ByProfile || q[1].Addrs.String() != "10.0.0.0/8,fd00::/8" {
		t.Errorf("egress: got peers %+v", q)
	}
}

// TestTwoAPIs: an object of v1alpha1 whose tier holds ClusterNetworkPolicies comes twice, perhaps before
// them all and certainly behind them all.
func TestTwoAPIs(t *testing.T) {
	const old = `apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: old}
spec: {priority: 900, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}
`
	const tiered = `---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: new}
spec: {tier: %s, priority: 0, subject: {namespaces: {}}}
`
	for _, c := range []struct {
		text string
		want []float64
	}{
		{old, []float64{900}},
		{old + fmt.Sprintf(tiered, "Baseline"), []float64{900}},
		{old + fmt.Sprintf(tiered, "Admin"), []float64{-101, 1901}},
		{old + fmt.Sprintf(tiered, "Other"), []float64{-101, 1901}},
	} {
		policies, _ := compile(t, c.text)
		var got []float64
		for _, p := range policies {
			if p.Ref.Name == "old" {
				got = append(got, p.Order)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("got orders %v, want %v of:\n%s", got, c.want, c.text)
		}
	}
	policies, _ := compile(t, old+fmt.Sprintf(tiered, "Admin"))
	for _, p := range policies {
		if doubted := len(p.Rules) > 0 && len(p.Rules[0].Limits) > 0; doubted != (p.Order < 0) {
			t.Errorf("%s at %v: doubted is %v", p.Ref, p.Order, doubted)
		}
	}
}

// TestBaselineNote: where engines part about the Baseline tier, the policy says so.
func TestBaselineNote(t *testing.T) {
	const base = `apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: base}
spec: {tier: %s, priority: 1, subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: shop}}}, egress: [{action: Deny, to: [{namespaces: {}}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: %s, name: in}
spec: {podSelector: {}, policyTypes: [%s]}
`
	for _, c := range []struct {
		tier, namespace, types string
		want                   bool
	}{
		{"Baseline", "shop", "Ingress", true},
		{"Baseline", "shop", "Egress", false},
		{"Baseline", "shop", "Ingress, Egress", false},
		{"Baseline", "shop", "", true},
		{"Baseline", "ops", "Ingress", false},
		{"Admin", "shop", "Ingress", false},
	} {
		policies, _ := compile(t, fmt.Sprintf(base, c.tier, c.namespace, c.types))
		got := len(policies) == 1 && len(policies[0].Notes) == 1 && strings.Contains(policies[0].Notes[0].Msg, "NetworkPolicy shop/in does not isolate for egress")
		if got != c.want {
			t.Errorf("%+v: got a note: %v", c, got)
		}
	}
}

// TestExperimental: a manifest with a field of the experimental channel is noted when no CRD is in the input.
func TestExperimental(t *testing.T) {
	_, problems := compile(t, three)
	var notes int
	for _, p := range problems {
		if p.Severity == object.Note && strings.Contains(p.Msg, "nodes is in the experimental channel") {
			notes++
		}
	}
	if notes != 2 || len(problems) != 2 {
		t.Errorf("got %v", problems)
	}
}

// FuzzCompile: whatever the bytes, compiling never panics, gives a policy for every object, and leaves no
// error without a doubt.
func FuzzCompile(f *testing.F) {
	for _, seed := range fixture.Manifests(f, "testdata", "policy.networking") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		policies, problems := compile(t, string(data))
		doubts := 0
		for _, p := range policies {
			if p.Isolates != [2]bool{} || p.Layer != policy.Network || len(p.Subjects) != 1 {
				t.Fatalf("got %+v", p)
			}
			doubts += len(p.Doubts)
			for _, r := range p.Rules {
				doubts += len(r.Doubts) + len(r.Limits)
				for _, q := range r.Peers {
					if q.Kind == policy.DoubtPeer && q.Doubt == nil {
						t.Fatalf("peer %+v: a doubt without a doubt", q)
					}
					if q.Doubt != nil {
						doubts++
					}
				}
			}
		}
		isError := func(p object.Problem) bool { return p.Severity == object.Error }
		if slices.ContainsFunc(problems, isError) && doubts == 0 {
			t.Fatalf("errors without any doubt: %v", problems)
		}
	})
}
