package calico_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/fixture"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/calico"
)

func TestReach(t *testing.T) { fixture.RunReach(t, "testdata") }

func TestFields(t *testing.T) { fixture.CheckFields(t, calico.Kind, "testdata/crd_fields.txt") }

func compile(t testing.TB, text string) (policies []policy.Policy, problems []object.Problem) {
	t.Helper()
	objects, _, _ := load.Parse([]byte(text), "in.yaml", load.Limits{})
	c, _ := cluster.New(objects, cluster.Options{})
	for _, gk := range calico.Kind.GVKs {
		for _, o := range c.Kind(gk.Group, gk.Kind) {
			p, bad := calico.Kind.Compile(o, c)
			policies, problems = append(policies, p...), append(problems, bad...)
		}
	}
	return policies, problems
}

// TestParts: a rule that asks something of the pod's own side is a part of its own, and the order of the rules is
// kept.
func TestParts(t *testing.T) {
	policies, problems := compile(t, `apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {namespace: shop, name: p}
spec:
  order: 7
  selector: has(app)
  types: [Ingress]
  ingress:
  - {action: Deny, protocol: UDP}
  - {action: Allow, destination: {selector: app == "db"}, http: {methods: [GET, HEAD], paths: [{prefix: /a}, {exact: /b}]}}
  - {action: Pass}
`)
	if len(policies) != 3 || len(problems) != 0 {
		t.Fatalf("got %d policies, problems %v", len(policies), problems)
	}
	for i, want := range []string{"pods labelled app in namespace shop", "pods labelled app=db in namespace shop", "pods labelled app in namespace shop"} {
		p := policies[i]
		if len(p.Subjects) != 1 || p.Subjects[0].String() != want || p.Order != 7 || p.Tier != policy.NetworkPolicyTier || !p.Isolates[policy.Ingress] {
			t.Errorf("part %d: got %+v", i, p)
		}
		if len(p.Rules) != 1 || p.Rules[0].Path != fmt.Sprintf("spec.ingress[%d]", i) || p.Rules[0].Pos.Line != 9+i {
			t.Errorf("part %d: got rules %+v", i, p.Rules)
		}
	}
	if got := policies[1].Rules[0].Only; !slices.Equal(got, []string{"HTTP GET,HEAD /a*,/b"}) {
		t.Errorf("got conditions %q", got)
	}
}

// TestUnordered: only policies whose order the version decides are marked.
func TestUnordered(t *testing.T) {
	const global = "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: g}\nspec: {%s, ingress: [{action: %s}]}\n---\n"
	const namespaced = "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {namespace: a, name: p}\nspec: {%s, ingress: [{action: %s}]}\n---\n"
	const other = "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {namespace: b, name: p}\nspec: {order: 5, ingress: [{action: Deny}]}\n---\n"
	const upstream = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {namespace: a, name: np}\nspec: {podSelector: {}}\n---\n"
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"global and namespaced", fmt.Sprintf(global, "order: 5", "Deny") + fmt.Sprintf(namespaced, "order: 5", "Allow"), 2},
		{"both without order", fmt.Sprintf(global, "types: [Ingress]", "Pass") + fmt.Sprintf(namespaced, "types: [Ingress]", "Log"), 2},
		{"allows only", fmt.Sprintf(global, "order: 5", "Allow") + fmt.Sprintf(namespaced, "order: 5", "Allow"), 0},
		{"other order", fmt.Sprintf(global, "order: 5", "Deny") + fmt.Sprintf(namespaced, "order: 6", "Deny"), 0},
		{"other namespace", fmt.Sprintf(namespaced, "order: 5", "Deny") + other, 0},
		{"other tier", fmt.Sprintf(global, "tier: kube-admin, order: 5", "Deny") + fmt.Sprintf(namespaced, "order: 5", "Deny"), 0},
		{"NetworkPolicy", fmt.Sprintf(namespaced, "order: 1000", "Deny") + upstream, 1},
		{"NetworkPolicy and allows only", fmt.Sprintf(namespaced, "order: 1000", "Allow") + upstream, 0},
		{"host endpoints only", fmt.Sprintf(global, "doNotTrack: true, applyOnForward: true, order: 5", "Deny") + fmt.Sprintf(namespaced, "order: 5", "Deny"), 0},
	} {
		policies, problems := compile(t, c.text)
		got := 0
		for _, p := range policies {
			if p.Unordered {
				got++
			}
		}
		warned := 0
		for _, p := range problems {
			if strings.Contains(p.Msg, "the order is the same") {
				warned++
			}
		}
		if got != c.want || warned != c.want {
			t.Errorf("%s: %d policies are without order, and %d warned of, want %d: %v", c.name, got, warned, c.want, problems)
		}
	}
}

// FuzzCompile: whatever the bytes, nothing panics, and an error leaves a doubt somewhere.
func FuzzCompile(f *testing.F) {
	for _, seed := range fixture.Manifests(f, "testdata", "NetworkPolicy") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		policies, problems := compile(t, string(data))
		doubts := 0
		for _, p := range policies {
			doubts += len(p.Doubts)
			for _, r := range p.Rules {
				doubts += len(r.Doubts) + len(r.Limits)
				for _, q := range r.Peers {
					if q.Kind == policy.DoubtPeer && q.Doubt == nil {
						t.Fatalf("peer %+v lacks its doubt", q)
					}
					if q.Doubt != nil {
						doubts++
					}
				}
			}
		}
		// What is wrong with a set, tier or profile, or with a policy that has no effect, needs no doubt.
		for _, p := range problems {
			switch p.Ref.Kind {
			case "NetworkPolicy", "GlobalNetworkPolicy":
				if p.Severity == object.Error && doubts == 0 && !withoutEffect(problems, p.Ref) {
					t.Fatalf("error without any doubt: %v", p)
				}
			}
		}
	})
}

func withoutEffect(problems []object.Problem, ref object.Ref) bool {
	return slices.ContainsFunc(problems, func(p object.Problem) bool {
		return p.Ref == ref && (strings.Contains(p.Msg, "has no effect") || strings.Contains(p.Msg, "binds host endpoints only") ||
			strings.Contains(p.Msg, "matches nothing"))
	})
}
