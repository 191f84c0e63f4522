package calico_test

import (
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

// TestSelectorText pins how selectors are read, by the subject they give.
func TestSelectorText(t *testing.T) {
	for _, c := range []struct{ selector, want string }{
		{``, "everything"},
		{`all()`, "everything"},
		{`a=='b'`, "a=b"},
		{`  a == "it's"  `, "a=it's"},
		{`a != 'b'`, "a notin (b)"},
		{`has(a.b/c-d_e)`, "a.b/c-d_e"},
		{`! has( a )`, "!a"},
		{`a in {'c','b','c'}`, "a in (b,c)"},
		{`a not in {"b"}`, "a notin (b)"},
		{`(b == '2') && ((a == '1') && all())`, "a=1,b=2"},
		{`a == 'b' || c == 'd'`, ""},
		{`!(a == 'b')`, ""},
		{`!all()`, ""},
		{`a contains 'b'`, ""},
		{`a starts with 'b'`, ""},
		{`global()`, ""},
		{`a == 'b`, ""},
		{`a == b`, ""},
		{`a in {}`, ""},
		{`a in {'b'`, ""},
		{`a == 'b' c`, ""},
		{`a == 'b' &&`, ""},
		{`has()`, ""},
		{`has(a`, ""},
		{`'a' == 'b'`, ""},
		{`a = 'b'`, ""},
		{`;`, ""},
		{strings.Repeat("(", 60) + "has(a)" + strings.Repeat(")", 60), ""},
	} {
		text := strings.ReplaceAll(c.selector, `"`, `\"`)
		policies, problems := compile(t, "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n  selector: \""+text+"\"\n  types: [Ingress]\n")
		if len(policies) != 1 {
			t.Fatalf("%s: got %d policies", c.selector, len(policies))
		}
		understood := len(policies[0].Doubts) == 0
		switch got := policies[0].Subjects[0].Pods.String(); {
		case understood != (c.want != ""):
			t.Errorf("%s: understood is %v, problems %v", c.selector, understood, problems)
		case understood && got != c.want:
			t.Errorf("%s: got %s, want %s", c.selector, got, c.want)
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
		dropped := func(p object.Problem) bool {
			return strings.Contains(p.Msg, "has no effect") || strings.Contains(p.Msg, "staged")
		}
		if slices.ContainsFunc(problems, isError) && doubts == 0 && !slices.ContainsFunc(problems, dropped) {
			t.Fatalf("errors without any doubt: %v", problems)
		}
	})
}
