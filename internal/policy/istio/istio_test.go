package istio_test

import (
	"slices"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/fixture"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/istio"
)

func TestReach(t *testing.T) { fixture.RunReach(t, "testdata") }

func TestFields(t *testing.T) { fixture.CheckFields(t, istio.Kind, "testdata/crd_fields.txt") }

func compile(t testing.TB, text string) (policies []policy.Policy, problems []object.Problem, c *cluster.Cluster) {
	t.Helper()
	objects, _, _ := load.Parse([]byte(text), "in.yaml", load.Limits{})
	c, _ = cluster.New(objects, cluster.Options{})
	for _, gk := range istio.Kind.GVKs {
		for _, o := range c.Kind(gk.Group, gk.Kind) {
			p, bad := istio.Kind.Compile(o, c)
			policies, problems = append(policies, p...), append(problems, bad...)
		}
	}
	return policies, problems, c
}

// FuzzCompile: whatever the bytes, compiling never panics, all policies are of the mesh layer, and an object
// with an error leaves a doubt somewhere: it must not prove anything by its whole self.
func FuzzCompile(f *testing.F) {
	for _, seed := range fixture.Manifests(f, "testdata", "istio.io") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		policies, problems, c := compile(t, string(data))
		istio.Kind.Facts(c)
		more, _ := istio.Kind.Settings(c)
		policies = append(policies, more...)
		doubted := map[object.Ref]bool{}
		for _, p := range policies {
			if p.Layer != policy.Mesh || len(p.Subjects) == 0 {
				t.Fatalf("%s: layer %s, subjects %v", p.Ref, p.Layer, p.Subjects)
			}
			doubted[p.Ref] = doubted[p.Ref] || len(p.Doubts) > 0 || slices.ContainsFunc(p.Rules, func(r policy.Rule) bool {
				return len(r.Doubts)+len(r.Limits) > 0
			})
		}
		for _, p := range problems {
			if p.Severity == object.Error && p.Ref.Kind != "ServiceEntry" && !doubted[p.Ref] {
				t.Fatalf("an error without any doubt: %s", p)
			}
		}
	})
}
