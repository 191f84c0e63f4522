package enforcer_test

import (
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
)

func TestSees(t *testing.T) {
	for _, c := range []struct {
		engine, key string
		want        enforcer.Answer
	}{
		{"calico", "pod-template-hash", enforcer.Yes},
		{"cilium", "app", enforcer.Yes},
		{"cilium", "app.kubernetes.io/name", enforcer.Yes},
		{"cilium", "example.com/kubernetes.io", enforcer.Yes},
		{"cilium", "pod-template-hash", enforcer.Unknown},
		{"cilium", "statefulset.kubernetes.io/pod-name", enforcer.Unknown},
		{"gke", "topology.kubernetes.io/zone", enforcer.Unknown},
		{"cilium", "node.beta.kubernetes.io/x", enforcer.Unknown},
		{"unknown", "kubernetes.io/arch", enforcer.Unknown},
		{"unknown", "app", enforcer.Yes},
	} {
		p, err := enforcer.Named(c.engine)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Sees(c.key); got != c.want {
			t.Errorf("%s sees %s: %s, want %s", c.engine, c.key, got, c.want)
		}
	}
}
