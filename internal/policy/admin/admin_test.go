package admin_test

import (
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/fixture"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/admin"
)

func TestFields(t *testing.T) { fixture.CheckFields(t, admin.Kind, "testdata/crd_fields.txt") }

func compile(t testing.TB, text string) (policies []policy.Policy, problems []object.Problem) {
	t.Helper()
	objects, _, _ := load.Parse([]byte(text), "in.yaml", load.Limits{})
	c, _ := cluster.New(objects, cluster.Options{})
	for _, gk := range admin.Kind.GVKs {
		for _, o := range c.Kind(gk.Group, gk.Kind) {
			p, bad := admin.Kind.Compile(o, c)
			policies, problems = append(policies, p...), append(problems, bad...)
		}
	}
	return policies, problems
}

func TestReach(t *testing.T) { fixture.RunReach(t, "testdata") }
