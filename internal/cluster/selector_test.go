package cluster_test

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"pgregory.net/rapid"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// selector reads "sel: ..." out of an object of the text.
func selector(t testing.TB, text string) (cluster.Selector, []object.Unknown) {
	t.Helper()
	o := parse(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\n"+text)[1]
	return cluster.ParseSelector(o.Root.Get("sel"))
}

func TestParseSelector(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "everything"},
		{"sel:", "everything"},
		{"sel: {}", "everything"},
		{"sel: {matchLabels: {}, matchExpressions: []}", "everything"},
		{"sel: {matchLabels: , matchExpressions: }", "everything"},
		{"sel: {matchLabels: {b: x, a: ''}}", "a=,b=x"},
		{"sel: {matchExpressions: [{key: a, operator: In, values: [z, w, z]}]}", "a in (w,z)"},
		{"sel: {matchExpressions: [{key: a, operator: In, values: [z]}]}", "a=z"},
		{"sel: {matchExpressions: [{key: a, operator: NotIn, values: [z]}, {key: c, operator: Exists}, {key: b, operator: DoesNotExist, values: []}]}", "!b,a notin (z),c"},
		{"sel: {matchLabels: {a: x}, matchExpressions: [{key: a, operator: In, values: [x, w]}]}", "a in (w,x),a=x"},
	} {
		s, bad := selector(t, c.text)
		if len(bad) > 0 || s.String() != c.want {
			t.Errorf("%s: %q %v, want %q", c.text, s, bad, c.want)
		}
	}
}

func TestParseSelectorBad(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"sel: app=web", " line 6: want a label selector, got a string"},
		{"sel: [a]", " line 6: want a label selector, got a list"},
		{"sel: {app: web}", "app line 6: unknown field"},
		{"sel:\n  matchLabels: [a]", "matchLabels line 7: want a map, got a list"},
		{"sel: {matchLabels: {a: 1}}", "matchLabels.a line 6: want a string, got a number"},
		{"sel: {matchLabels: {a: true}}", "matchLabels.a line 6: want a string, got a boolean"},
		{"sel: {matchLabels: {a: }}", "matchLabels.a line 6: want a string, got a null"},
		{"sel: {matchExpressions: {a: b}}", "matchExpressions line 6: want a list, got a map"},
		{"sel: {matchExpressions: [a]}", "matchExpressions[0] line 6: no key"},
		{"sel: {matchExpressions: [{operator: Exists}]}", "matchExpressions[0] line 6: no key"},
		{"sel: {matchExpressions: [{key: 1, operator: Exists}]}", "matchExpressions[0] line 6: key: want a string, got a number"},
		{"sel: {matchExpressions: [{key: a, operator: in, values: [b]}]}", `matchExpressions[0] line 6: operator "in": want In, NotIn, Exists or DoesNotExist`},
		{"sel: {matchExpressions: [{key: a}]}", `matchExpressions[0] line 6: operator "": want In, NotIn, Exists or DoesNotExist`},
		{"sel: {matchExpressions: [{key: a, operator: In}]}", "matchExpressions[0] line 6: operator In needs values"},
		{"sel: {matchExpressions: [{key: a, operator: NotIn, values: []}]}", "matchExpressions[0] line 6: operator NotIn needs values"},
		{"sel: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}", "matchExpressions[0] line 6: operator Exists takes no values"},
		{"sel: {matchExpressions: [{key: a, operator: In, values: [1]}]}", "matchExpressions[0] line 6: values: want strings, got a number"},
		{"sel: {matchExpressions: [{key: a, operator: In, values: b}]}", "matchExpressions[0] line 6: values: want a list, got a string"},
		{"sel: {matchExpressions: [{key: a, operator: In, value: [b]}]}", `matchExpressions[0] line 6: unknown field "value"`},
	} {
		_, bad := selector(t, c.text)
		var got []string
		for _, u := range bad {
			got = append(got, fmt.Sprintf("%s line %d: %s", u.Path, u.Line, u.Msg))
		}
		same(t, c.text, got, []string{c.want})
	}
}

// TestSelectorKeepsTheRest: one requirement that is not understood does not hide the others.
func TestSelectorKeepsTheRest(t *testing.T) {
	s, bad := selector(t, "sel: {matchLabels: {a: x}, matchExpressions: [{key: b}, {key: c, operator: Exists}], matchFields: []}")
	if len(bad) != 2 || s.String() != "a=x,c" {
		t.Errorf("got %q and %v", s, bad)
	}
}

// TestMatches compares with the selectors of Kubernetes' own library on random labels and requirements.
func TestMatches(t *testing.T) {
	ops := map[cluster.Operator]selection.Operator{
		cluster.In: selection.In, cluster.NotIn: selection.NotIn, cluster.Exists: selection.Exists, cluster.DoesNotExist: selection.DoesNotExist,
	}
	word := rapid.SampledFrom([]string{"a", "b", "c"})
	value := rapid.SampledFrom([]string{"", "a", "b"}) // an empty value is not an absent label
	rapid.Check(t, func(t *rapid.T) {
		theirs := labels.NewSelector()
		var ours cluster.Selector
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			r := cluster.Requirement{Key: word.Draw(t, "key"), Op: cluster.Operator(rapid.IntRange(0, 3).Draw(t, "op"))}
			if r.Op == cluster.In || r.Op == cluster.NotIn {
				r.Values = rapid.SliceOfN(value, 1, 3).Draw(t, "values")
			}
			their, err := labels.NewRequirement(r.Key, ops[r.Op], slices.Clone(r.Values))
			if err != nil {
				t.Fatal(err)
			}
			theirs = theirs.Add(*their)
			ours = append(ours, r)
		}
		set := rapid.MapOf(word, value).Draw(t, "labels")
		if got, want := ours.Matches(set), theirs.Matches(labels.Set(set)); got != want {
			t.Fatalf("%q matches %v: %v, want %v", ours, set, got, want)
		}
	})
}

func TestMatchLabels(t *testing.T) {
	s := cluster.MatchLabels(map[string]string{"b": "2", "a": "1"})
	if s.String() != "a=1,b=2" || !s.Matches(map[string]string{"a": "1", "b": "2", "c": "3"}) || s.Matches(map[string]string{"a": "1"}) {
		t.Errorf("got %q", s)
	}
	if all := cluster.MatchLabels(nil); all.String() != "everything" || !all.Matches(nil) {
		t.Errorf("no labels give %q", all)
	}
}

func TestOperatorString(t *testing.T) {
	var got []string
	for op := cluster.In; op <= cluster.NotEndsWith+1; op++ {
		got = append(got, op.String())
	}
	same(t, "names", got, []string{
		"In", "NotIn", "Exists", "DoesNotExist", "Contains", "NotContains", "StartsWith", "NotStartsWith",
		"EndsWith", "NotEndsWith", "operator(10)",
	})
	unheard := cluster.Requirement{Key: "a", Op: 99}
	if unheard.String() != "" || unheard.Matches(map[string]string{"a": "b"}) || unheard.Not().Op != 99 {
		t.Error("an operator nobody knows matches")
	}
}

// TestParts: the operators on parts of values, each with its opposite, with a label, another and none.
func TestParts(t *testing.T) {
	for _, c := range []struct {
		op    cluster.Operator
		text  string
		value string
		want  bool
	}{
		{cluster.Contains, "a contains (web)", "my-web-1", true},
		{cluster.Contains, "a contains (web)", "my-db-1", false},
		{cluster.StartsWith, "a starts with (web)", "web-1", true},
		{cluster.StartsWith, "a starts with (web)", "my-web", false},
		{cluster.EndsWith, "a ends with (web)", "my-web", true},
		{cluster.EndsWith, "a ends with (web)", "web-1", false},
	} {
		r := cluster.Requirement{Key: "a", Op: c.op, Values: []string{"web"}}
		if got := r.Matches(map[string]string{"a": c.value}); got != c.want || r.String() != c.text {
			t.Errorf("%s matches a=%s: %v", r, c.value, got)
		}
		if r.Matches(map[string]string{"b": c.value}) {
			t.Errorf("%s matches an object without the label", r)
		}
		not := r.Not()
		if not.Matches(map[string]string{"a": c.value}) == c.want || !not.Matches(nil) || not.String() != "!("+c.text+")" {
			t.Errorf("%s: not the opposite of %s", not, r)
		}
	}
}

func TestNewSelector(t *testing.T) {
	s := cluster.NewSelector(
		cluster.Requirement{Key: "b", Op: cluster.In, Values: []string{"z", "y", "z"}}, cluster.Requirement{Key: "a", Op: cluster.Exists},
		cluster.Requirement{Key: "a", Op: cluster.Exists},
	)
	if s.String() != "a,b in (y,z)" {
		t.Errorf("got %s", s)
	}
}
