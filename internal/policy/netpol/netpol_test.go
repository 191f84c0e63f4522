package netpol_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/fixture"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/netpol"
)

func TestReach(t *testing.T) { fixture.RunReach(t, "testdata") }

// TestFields compares the fields that are read with those of the API types, so that a new field of a newer
// API shows here and not as an unknown field of a user's cluster.
func TestFields(t *testing.T) {
	for _, c := range []struct {
		api  any
		want string
	}{
		{networkingv1.NetworkPolicySpec{}, "podSelector ingress egress policyTypes"},
		{networkingv1.NetworkPolicyIngressRule{}, "ports from"},
		{networkingv1.NetworkPolicyEgressRule{}, "ports to"},
		{networkingv1.NetworkPolicyPort{}, "protocol port endPort"},
		{networkingv1.NetworkPolicyPeer{}, "podSelector namespaceSelector ipBlock"},
		{networkingv1.IPBlock{}, "cidr except"},
		{metav1.LabelSelector{}, "matchLabels matchExpressions"},
		{metav1.LabelSelectorRequirement{}, "key operator values"},
	} {
		typ := reflect.TypeOf(c.api)
		var names []string
		for field := range typ.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			names = append(names, name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s has the fields %q, and %q are read", typ, got, c.want)
		}
	}
}

func compile(t testing.TB, text string) (policies []policy.Policy, problems []object.Problem) {
	t.Helper()
	objects, _, _ := load.Parse([]byte(text), "in.yaml", load.Limits{})
	c, _ := cluster.New(objects, cluster.Options{})
	for _, gk := range netpol.Kind.GVKs {
		for _, o := range c.Kind(gk.Group, gk.Kind) {
			p, bad := netpol.Kind.Compile(o, c)
			if len(p) != 1 && (len(p) != 2 || p[1].Under != policy.RulesAlways) {
				t.Fatalf("%s compiled to %d policies, want 1, and 1 more of rules without their type", o.Ref, len(p))
			}
			policies, problems = append(policies, p...), append(problems, bad...)
		}
	}
	return policies, problems
}

// TestForm pins the compiled form: places, paths, and the one namespace that a selector by name means.
func TestForm(t *testing.T) {
	policies, problems := compile(t, `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: p}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - ports:
    - port: 80
  - from:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ops}}
    - ipBlock:
        cidr: 10.0.0.0/8
    ports:
    - port: http
      protocol: SCTP
`)
	if len(policies) != 1 || len(problems) != 0 {
		t.Fatalf("got %d policies and problems %v, want one and none", len(policies), problems)
	}
	p := policies[0]
	if p.Tier != policy.NetworkPolicyTier || p.Order != 1000 || p.Subjects[0].Namespace != "shop" || p.Subjects[0].Pods.String() != "app=db" {
		t.Errorf("got tier %v, order %v, subject %+v", p.Tier, p.Order, p.Subjects)
	}
	if len(p.Rules) != 2 {
		t.Fatalf("got %d rules, want 2", len(p.Rules))
	}
	first, second := p.Rules[0], p.Rules[1]
	if first.Path != "spec.ingress[0]" || first.Pos.Line != 7 || first.Peers[0].Kind != policy.AnyPeer || !first.Conns.Equal(netset.Ports(netset.TCP, 80, 80)) {
		t.Errorf("first rule: got %+v", first)
	}
	if second.Path != "spec.ingress[1]" || second.Pos.Line != 9 || len(second.Peers) != 2 {
		t.Fatalf("second rule: got %+v", second)
	}
	if q := second.Peers[0]; q.Kind != policy.PodPeer || q.Namespace != "ops" || q.NamespaceSelector != nil || q.Pos.Line != 10 {
		t.Errorf("first peer: got %+v", q)
	}
	if q := second.Peers[1]; q.Kind != policy.AddrPeer || q.Addrs.String() != "10.0.0.0/8" || q.Pos.Line != 11 {
		t.Errorf("second peer: got %+v", q)
	}
	if n := second.Named; len(n) != 1 || n[0].Name != "http" || n[0].Protocol != netset.SCTP || n[0].Pos.Line != 14 || !second.Conns.IsEmpty() {
		t.Errorf("named ports: got %+v and %s", n, second.Conns)
	}
}

func TestHintNamesTheFieldMeant(t *testing.T) {
	_, problems := compile(t, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, ingres: []}\n")
	if len(problems) != 1 || !strings.Contains(problems[0].Hint, "ingress was probably meant") {
		t.Errorf("got %+v", problems)
	}
}

// FuzzCompile: whatever the bytes, compiling gives one policy per object and perhaps one of a habit, never panics, and leaves no error
// without a doubt: an object with an error must not prove anything by its whole self.
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
				doubts += len(r.Doubts)
				for _, q := range r.Peers {
					if (q.Kind == policy.DoubtPeer) != (q.Doubt != nil) {
						t.Fatalf("peer %+v: kind and doubt differ", q)
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
