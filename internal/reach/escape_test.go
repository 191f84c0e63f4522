package reach_test

import (
	"math/rand/v2"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// everyLabels calls f with all label maps over the keys, where each is absent, one of the values that
// selectors use, or a value that none of them uses.
func everyLabels(keys []string, f func(map[string]string) bool) bool {
	if len(keys) == 0 {
		return f(map[string]string{})
	}
	return everyLabels(keys[1:], func(m map[string]string) bool {
		delete(m, keys[0])
		if f(m) {
			return true
		}
		for _, v := range []string{"a", "b", "c", "other"} {
			m[keys[0]] = v
			if f(m) {
				return true
			}
		}
		delete(m, keys[0])
		return false
	})
}

// TestEscape compares the symbolic search with trying every label set there is.
func TestEscape(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 0))
	counts := map[enforcer.Answer]int{}
	for range 400 {
		w := newWorld(r)
		for i := range w.policies { // more of them in one place, so that they sometimes cover everything
			w.policies[i].Namespace = "ns0"
		}
		m := compileJSON(t, w.json(false), upstream(t, true), cluster.Options{})
		for _, d := range policy.Directions {
			dir := networkingv1.PolicyTypeIngress
			if d == policy.Egress {
				dir = networkingv1.PolicyTypeEgress
			}
			isolated := func(labels map[string]string) bool {
				for i := range w.policies {
					p := &w.policies[i]
					if oracleHasType(p, dir) && oracleSelects(&p.Spec.PodSelector, labels) {
						return true
					}
				}
				return false
			}
			want := everyLabels(someKeys, func(m map[string]string) bool { return !isolated(m) })
			got := m.Escape(m.Cluster().Namespace("ns0"), d)
			counts[got.Found]++
			if (got.Found == enforcer.Yes) != want || got.Found == enforcer.Unknown {
				t.Fatalf("%s: some labels escape: %v, engine says %s\n%s", d, want, got.Found, w.json(false))
			}
			if got.Found == enforcer.Yes && isolated(got.PodLabels) {
				t.Fatalf("%s: %v is said to escape and does not\n%s", d, got.PodLabels, w.json(false))
			}
		}
	}
	if counts[enforcer.Yes] < 50 || counts[enforcer.No] < 50 {
		t.Errorf("the random policies are too one-sided: %v", counts)
	}
}

// TestEscapeNewNamespace: NetworkPolicy never reaches a namespace that does not exist yet.
func TestEscapeNewNamespace(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 0))
	w := newWorld(r)
	all := networkingv1.NetworkPolicy{}
	all.APIVersion, all.Kind, all.Namespace, all.Name = "networking.k8s.io/v1", "NetworkPolicy", "ns0", "all"
	all.Spec.PodSelector = metav1.LabelSelector{}
	w.policies = append(w.policies, all)
	m := compileJSON(t, w.json(false), upstream(t, true), cluster.Options{})
	if e := m.Escape(nil, policy.Ingress); e.Found != enforcer.Yes || len(e.Policies) != 0 {
		t.Errorf("got %+v, want an escape that no policy stands against", e)
	}
	if e := m.Escape(m.Cluster().Namespace("ns0"), policy.Ingress); e.Found != enforcer.No {
		t.Errorf("ns0 with an empty selector: got %s, want no", e.Found)
	}
}
