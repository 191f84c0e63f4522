package cluster_test

import (
	"maps"
	"testing"

	"k8s.io/apimachinery/pkg/labels"
	"pgregory.net/rapid"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// selector reads the field "selector" of a document.
func selector(t testing.TB, text string) (cluster.Selector, []object.Unknown) {
	t.Helper()
	return cluster.ParseSelector(parse(t, "apiVersion: v1\nkind: X\nmetadata: {name: x}\nselector: "+text+"\n")[0].Root.Get("selector"))
}

func TestParseSelector(t *testing.T) {
	for text, wanted := range map[string]string{
		"{}":   "everything",
		"null": "everything",
		"{matchLabels: null, matchExpressions: null}":                                         "everything",
		"{matchLabels: {b: x, a: z}}":                                                         "a=z,b=x",
		"{matchExpressions: [{key: a, operator: In, values: [z, x, z]}]}":                     "a in (x,z)",
		"{matchExpressions: [{key: a, operator: In, values: [x]}]}":                           "a=x",
		"{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}":                        "a notin (x)",
		"{matchExpressions: [{key: a, operator: Exists, values: null}]}":                      "a",
		"{matchExpressions: [{key: a, operator: DoesNotExist, values: []}], matchLabels: {}}": "!a",
		"{matchExpressions: [{key: b, operator: Exists}], matchLabels: {c: d, a: ''}}":        "a=,b,c=d",
	} {
		s, bad := selector(t, text)
		if bad != nil || s.String() != wanted {
			t.Errorf("%s: got %q, %v; want %q", text, s, bad, wanted)
		}
	}
	if s, bad := cluster.ParseSelector(nil); s != nil || bad != nil {
		t.Errorf("what is not there: %v, %v", s, bad)
	}
}

func TestParseSelectorBad(t *testing.T) {
	for text, u := range map[string]object.Unknown{
		"[a]":                          {Msg: "want a label selector, got a list"},
		"all()":                        {Msg: "want a label selector, got a string"},
		"{matchLabel: {a: b}}":         {Path: "matchLabel", Msg: "unknown field"},
		"{matchLabels: [a]}":           {Path: "matchLabels", Msg: "want a map, got a list"},
		"{matchLabels: {a: 1}}":        {Path: "matchLabels.a", Msg: "want a string, got a number"},
		"{matchLabels: {a: null}}":     {Path: "matchLabels.a", Msg: "want a string, got a null"},
		"{matchExpressions: {key: a}}": {Path: "matchExpressions", Msg: "want a list, got a map"},
		"{matchExpressions: [a]}":      {Path: "matchExpressions[0]", Msg: "no key"},
		"{matchExpressions: [{key: a, operator: Exists}, {operator: Exists}]}": {Path: "matchExpressions[1]", Msg: "no key"},
		"{matchExpressions: [{key: '', operator: Exists}]}":                    {Path: "matchExpressions[0]", Msg: "no key"},
		"{matchExpressions: [{key: 5, operator: Exists}]}":                     {Path: "matchExpressions[0]", Msg: "key: want a string, got a number"},
		"{matchExpressions: [{key: a, operator: true}]}":                       {Path: "matchExpressions[0]", Msg: "operator: want a string, got a boolean"},
		"{matchExpressions: [{key: a, operator: exists}]}":                     {Path: "matchExpressions[0]", Msg: `operator "exists": want In, NotIn, Exists or DoesNotExist`},
		"{matchExpressions: [{key: a}]}":                                       {Path: "matchExpressions[0]", Msg: `operator "": want In, NotIn, Exists or DoesNotExist`},
		"{matchExpressions: [{key: a, operator: In}]}":                         {Path: "matchExpressions[0]", Msg: "operator In needs values"},
		"{matchExpressions: [{key: a, operator: NotIn, values: []}]}":          {Path: "matchExpressions[0]", Msg: "operator NotIn needs values"},
		"{matchExpressions: [{key: a, operator: In, values: b}]}":              {Path: "matchExpressions[0]", Msg: "values: want a list, got a string"},
		"{matchExpressions: [{key: a, operator: Exists, values: b}]}":          {Path: "matchExpressions[0]", Msg: "values: want a list, got a string"},
		"{matchExpressions: [{key: a, operator: In, values: [1]}]}":            {Path: "matchExpressions[0]", Msg: "values: want strings, got a number"},
		"{matchExpressions: [{key: a, operator: DoesNotExist, values: [b]}]}":  {Path: "matchExpressions[0]", Msg: "operator DoesNotExist takes no values"},
		"{matchExpressions: [{key: a, operator: In, values: [b], value: c}]}":  {Path: "matchExpressions[0]", Msg: `unknown field "value"`},
	} {
		u.Line = 4
		s, bad := selector(t, text)
		if len(bad) != 1 || bad[0] != u {
			t.Errorf("%s: got %v (%v), want %v", text, bad, s, u)
		}
	}
}

func TestOperator(t *testing.T) {
	for op, want := range map[cluster.Operator]string{
		cluster.In: "In", cluster.NotIn: "NotIn", cluster.Exists: "Exists", cluster.DoesNotExist: "DoesNotExist", 9: "operator(9)",
	} {
		if got := op.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	r := cluster.Requirement{Key: "a", Op: 9}
	if r.Matches(map[string]string{"a": "b"}) || r.Matches(nil) || r.String() != "" {
		t.Error("an operator that does not exist matches or has a form")
	}
}

// Selectors match what the API machinery's own selectors match.
func TestMatchesAgrees(t *testing.T) {
	key, value := rapid.SampledFrom([]string{"a", "b", "c"}), rapid.SampledFrom([]string{"", "x", "y", "z"})
	labelSet := rapid.MapOf(key, value)
	ops := rapid.SampledFrom([]cluster.Operator{cluster.In, cluster.NotIn, cluster.Exists, cluster.DoesNotExist})
	rapid.Check(t, func(t *rapid.T) {
		match := labelSet.Draw(t, "matchLabels")
		theirs := metav1.LabelSelector{MatchLabels: match}
		ours := cluster.MatchLabels(match)
		for range rapid.IntRange(0, 3).Draw(t, "expressions") {
			r := cluster.Requirement{Key: key.Draw(t, "key"), Op: ops.Draw(t, "op")}
			if r.Op == cluster.In || r.Op == cluster.NotIn {
				r.Values = rapid.SliceOfNDistinct(value, 1, 3, rapid.ID[string]).Draw(t, "values")
			}
			ours = append(ours, r)
			theirs.MatchExpressions = append(theirs.MatchExpressions, metav1.LabelSelectorRequirement{Key: r.Key, Operator: metav1.LabelSelectorOperator(r.Op.String()), Values: r.Values})
		}
		sel, err := metav1.LabelSelectorAsSelector(&theirs)
		if err != nil {
			t.Fatal(err)
		}
		l := labelSet.Draw(t, "labels")
		if got, want := ours.Matches(l), sel.Matches(labels.Set(maps.Clone(l))); got != want {
			t.Errorf("%s on %v: %v, want %v", ours, l, got, want)
		}
	})
}
