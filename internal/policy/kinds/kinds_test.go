package kinds_test

import (
	"slices"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/fixture"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

func TestReach(t *testing.T) { fixture.RunReach(t, "testdata") }

// TestAll: every kind can be told to users, and no object is compiled by two of them.
func TestAll(t *testing.T) {
	by := map[object.GroupKind]string{}
	for _, k := range kinds.All {
		if k.Name == "" || k.Doc == "" || k.Since == "" || len(k.GVKs) == 0 || k.Compile == nil {
			t.Errorf("kind %q is not complete", k.Name)
		}
		for _, gk := range k.GVKs {
			if other, ok := by[gk]; ok {
				t.Errorf("%v is compiled by %q and by %q", gk, other, k.Name)
			}
			by[gk] = k.Name
		}
	}
}

// TestSorted: policies come in the order in which they are evaluated, problems by place.
func TestSorted(t *testing.T) {
	const in = `
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {namespace: a, name: last}
spec: {types: [Ingress], sel: x}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: without-order, uid: x}
spec: {types: [Ingress]}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: first}
spec: {types: [Ingress], order: 5}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: b, name: middle-b}
spec: {podSelector: {}, unknown: 1}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: a, name: middle-a}
spec: {podSelector: {}}
---
apiVersion: k8s.ovn.org/v1
kind: EgressFirewall
metadata: {namespace: a, name: opaque}
`
	objects, _, _ := load.Parse([]byte(in), "in.yaml", load.Limits{})
	slices.Reverse(objects)
	c, _ := cluster.New(objects, cluster.Options{})
	set := kinds.Compile(c)
	var names []string
	for _, p := range set.Policies {
		names = append(names, p.Ref.Name)
	}
	// "last" has an unknown field: its place is not trusted, so it comes before all others.
	if want := []string{"last", "first", "middle-a", "middle-b", "without-order"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	if len(set.Opaque) != 1 || set.Opaque[0].Ref.Name != "opaque" {
		t.Errorf("opaque: got %+v", set.Opaque)
	}
	if len(set.Problems) != 2 || set.Problems[0].Pos.Line > set.Problems[1].Pos.Line {
		t.Errorf("problems: got %v", set.Problems)
	}
}

// TestDeciding: an object counts once, whatever becomes of it, and what decides nothing, or is a setting, does not count.
func TestDeciding(t *testing.T) {
	const in = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: a, name: two-policies}
spec: {podSelector: {}, policyTypes: [Egress], ingress: [{}]}
---
apiVersion: projectcalico.org/v3
kind: StagedNetworkPolicy
metadata: {namespace: a, name: staged}
spec: {selector: all()}
---
apiVersion: k8s.ovn.org/v1
kind: EgressFirewall
metadata: {namespace: a, name: default}
spec: {egress: []}
---
apiVersion: v1
kind: Service
metadata: {namespace: a, name: s}
---
apiVersion: v1
kind: ConfigMap
metadata: {namespace: istio-system, name: istio}
data: {mesh: "outboundTrafficPolicy: {mode: REGISTRY_ONLY}"}
`
	objects, _, _ := load.Parse([]byte(in), "in.yaml", load.Limits{})
	slices.Reverse(objects)
	c, _ := cluster.New(objects, cluster.Options{})
	set := kinds.Compile(c)
	if !slices.ContainsFunc(set.Policies, func(p policy.Policy) bool { return p.Ref.Kind == "ConfigMap" }) {
		t.Error("the setting of the mesh makes no policy")
	}
	if len(set.Policies) < 3 {
		t.Fatalf("got %d policies, want one object to become two", len(set.Policies))
	}
	var got []string
	for _, o := range kinds.Deciding(c, set) {
		got = append(got, o.Ref.String())
	}
	if want := []string{"EgressFirewall a/default", "NetworkPolicy a/two-policies", "StagedNetworkPolicy a/staged"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
