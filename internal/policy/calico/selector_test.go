package calico

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// TestTerms pins what selectors come to.
func TestTerms(t *testing.T) {
	for _, c := range []struct{ selector, want string }{
		{``, "pods in any namespace"},
		{`all()`, "pods in any namespace"},
		{`all( )`, "pods in any namespace"},
		{`all == 'x'`, "pods labelled all=x in any namespace"},
		{`a=='b'`, "pods labelled a=b in any namespace"},
		{"\t a == \"it's\"  ", "pods labelled a=it's in any namespace"},
		{`a != 'b'`, "pods labelled a notin (b) in any namespace"},
		{`has(a.b/c-d_e)`, "pods labelled a.b/c-d_e in any namespace"},
		{`!has(a)`, "pods labelled !a in any namespace"},
		{`!!has(a)`, "pods labelled a in any namespace"},
		{`a in {'c','b','c',}`, "pods labelled a in (b,c) in any namespace"},
		{`a notin {"b"}`, "pods labelled a notin (b) in any namespace"},
		{`a starts  with 'x' && a endswith 'y'`, "pods labelled a ends with (y),a starts with (x) in any namespace"},
		{`! a contains 'x'`, "pods labelled !(a contains (x)) in any namespace"},
		{`(b == '2') && ((a == '1') && all())`, "pods labelled a=1,b=2 in any namespace"},
		{`a == 'b' || c == 'd'`, "pods labelled a=b in any namespace | pods labelled c=d in any namespace"},
		{`a == 'b' || a == 'c'`, "pods labelled a in (b,c) in any namespace"},
		{`!(a == 'b' || has(c))`, "pods labelled !c,a notin (b) in any namespace"},
		{`a == 'b' && a == 'c'`, "none"},
		{`a == 'b' && has(a)`, "pods labelled a=b in any namespace"},
		{`has(a) && !has(a)`, "none"},
		{`!all()`, "none"},
		{`all() || has(a)`, "pods in any namespace"},
		{`a in {}`, "none"},
		{`a not in {}`, "pods in any namespace"},
		{`projectcalico.org/namespace == 'n'`, "pods in namespace n"},
		{`projectcalico.org/namespace == 'n' && projectcalico.org/namespace != 'm'`, "pods in namespace n"},
		{`!has(projectcalico.org/namespace)`, "none"},
		{`has(projectcalico.org/namespace) && has(a)`, "pods labelled a in any namespace"},
		{`projectcalico.org/orchestrator == 'k8s'`, "pods in any namespace"},
		{`projectcalico.org/orchestrator != 'k8s'`, "none"},
		{`projectcalico.org/serviceaccount in {'a','b'}`, "pods with a service account labelled name() in (a,b) in any namespace"},
		{`pcns.team == 'x' && pcsa.tier == 'y'`, "pods with a service account labelled tier=y in a namespace labelled team=x"},
		{`pcns.projectcalico.org/name == 'n' && pcsa.projectcalico.org/name == 's'`, "pods with a service account labelled name()=s in namespace n"},
	} {
		x, err := parseSelector(c.selector)
		if err != nil {
			t.Errorf("%s: %v", c.selector, err)
			continue
		}
		ts, err := terms(x, newPodIndex(&cluster.Cluster{}))
		var words []string
		for _, t := range ts {
			words = append(words, t.String())
		}
		got := strings.Join(words, " | ")
		if got == "" {
			got = "none"
		}
		if err != nil || got != c.want {
			t.Errorf("%s: got %s (%v), want %s", c.selector, got, err, c.want)
		}
	}
}

// TestRefused: texts that Calico refuses, and texts that are only too big for us.
func TestRefused(t *testing.T) {
	for _, text := range []string{
		`a == 'b`, `a == b`, `a in 'b'`, `a in {'b'`, `a in {'b' 'c'}`, `a in {,}`, `a == 'b' c`, `a == 'b' &&`, `|| has(a)`, `has()`, `has(a`, `has (a)`,
		`'a' == 'b'`, `a = 'b'`, `a & b`, `;`, `()`, `!`, `a`, `has(a) has(b)`, `a inx {'b'}`, `a 'in' {'b'}`, `a "==" 'b'`, "has(a)\n", "has(a) &&\nhas(b)", `(has(a)`, `has(a))`,
		"a\u00e4 == 'b'", `has(` + strings.Repeat("a", maxKey+1) + `)`, strings.Repeat("a", maxKey+1) + ` == 'b'`,
	} {
		if _, err := parseSelector(text); err == nil || errors.Is(err, errTooBig) {
			t.Errorf("%s: got error %v", text, err)
		}
	}
	var wide []string
	for i := range 100 {
		wide = append(wide, fmt.Sprintf("(has(a%d) || has(b%d))", i, i))
	}
	for _, text := range []string{
		strings.Repeat("(", 200) + "has(a)" + strings.Repeat(")", 200),
		strings.Repeat("!", 200) + "has(a)",
		strings.Repeat(" ", maxText) + "has(a)",
		strings.Join(wide, " && "),
		strings.ReplaceAll(strings.Join(wide, " && "), "&&", "||"),
	} {
		x, err := parseSelector(text)
		if err == nil {
			_, err = terms(x, newPodIndex(&cluster.Cluster{}))
		}
		if !errors.Is(err, errTooBig) {
			t.Errorf("%.40s...: got error %v", text, err)
		}
	}
}

// endpoint is what a pod is to selectors.
type endpoint struct{ pod, namespace, account map[string]string }

// seen is the labels that Calico gives the pod: its own before those of its namespace and account.
func (e endpoint) seen() map[string]string {
	all := map[string]string{}
	for k, v := range e.account {
		all["pcsa."+k] = v
	}
	for k, v := range e.namespace {
		all["pcns."+k] = v
	}
	all["pcns.projectcalico.org/name"] = e.namespace[cluster.NameLabel]
	all["pcsa.projectcalico.org/name"] = e.account[cluster.AccountName]
	delete(all, "pcsa."+cluster.AccountName)
	maps.Copy(all, e.pod)
	all["projectcalico.org/namespace"] = e.namespace[cluster.NameLabel]
	all["projectcalico.org/orchestrator"] = "k8s"
	all["projectcalico.org/serviceaccount"] = e.account[cluster.AccountName]
	return all
}

func (e endpoint) meets(t policy.Term) bool {
	where := t.NamespaceSelector.Matches(e.namespace)
	if t.Namespace != "" {
		where = t.Namespace == e.namespace[cluster.NameLabel]
	}
	return where && t.Pods.Matches(e.pod) && t.ServiceAccounts.Matches(e.account)
}

// sentence is a random selector: its text, and what it says of labels.
type sentence struct {
	text  string
	holds func(map[string]string) bool
}

var testKeys = []string{
	"a", "b", "pcns.t", "pcns.projectcalico.org/name", "pcns.kubernetes.io/metadata.name", "pcsa.t", "pcsa.projectcalico.org/name",
	"projectcalico.org/namespace", "projectcalico.org/orchestrator", "projectcalico.org/serviceaccount",
}

var testValues = []string{"", "x", "xy", "y", "k8s", "n", "m"}

func drawSentence(t *rapid.T, depth int) sentence {
	kind := rapid.IntRange(0, 10).Draw(t, "kind")
	if depth == 0 {
		kind %= 8
	}
	key := rapid.SampledFrom(testKeys).Draw(t, "key")
	value := rapid.SampledFrom(testValues).Draw(t, "value")
	values := rapid.SliceOfN(rapid.SampledFrom(testValues), 0, 3).Draw(t, "values")
	set := "{"
	for _, v := range values {
		set += "'" + v + "', "
	}
	set += "}"
	on := func(op string, f func(v string, has bool) bool) sentence {
		return sentence{key + op, func(l map[string]string) bool { v, has := l[key]; return f(v, has) }}
	}
	switch kind {
	case 0:
		return on(" == '"+value+"'", func(v string, has bool) bool { return has && v == value })
	case 1:
		return on(` != "`+value+`"`, func(v string, has bool) bool { return !has || v != value })
	case 2:
		return on(" in "+set, func(v string, has bool) bool { return has && slices.Contains(values, v) })
	case 3:
		return on(" not in "+set, func(v string, has bool) bool { return !has || !slices.Contains(values, v) })
	case 4:
		return on(" contains '"+value+"'", func(v string, has bool) bool { return has && strings.Contains(v, value) })
	case 5:
		return on(" starts with '"+value+"'", func(v string, has bool) bool { return has && strings.HasPrefix(v, value) })
	case 6:
		return on(" ends with '"+value+"'", func(v string, has bool) bool { return has && strings.HasSuffix(v, value) })
	case 7:
		return sentence{"has( " + key + " )", func(l map[string]string) bool { _, has := l[key]; return has }}
	case 8:
		s := drawSentence(t, depth-1)
		return sentence{"!(" + s.text + ")", func(l map[string]string) bool { return !s.holds(l) }}
	}
	s, u := drawSentence(t, depth-1), drawSentence(t, depth-1)
	if kind == 9 {
		return sentence{"(" + s.text + " || " + u.text + ")", func(l map[string]string) bool { return s.holds(l) || u.holds(l) }}
	}
	return sentence{"(" + s.text + ") && " + u.text, func(l map[string]string) bool { return s.holds(l) && u.holds(l) }}
}

func drawEndpoint(t *rapid.T) endpoint {
	maybe := func(m map[string]string, keys ...string) map[string]string {
		for _, k := range keys {
			if rapid.Bool().Draw(t, "has "+k) {
				m[k] = rapid.SampledFrom(testValues).Draw(t, k)
			}
		}
		return m
	}
	return endpoint{
		pod:       maybe(map[string]string{}, "a", "b", "pcns.t", "pcsa.t"),
		namespace: maybe(map[string]string{cluster.NameLabel: rapid.SampledFrom(testValues[1:]).Draw(t, "namespace")}, "t"),
		account:   maybe(map[string]string{cluster.AccountName: rapid.SampledFrom(testValues[1:]).Draw(t, "account")}, "t"),
	}
}

// TestTermsAgree: the terms of a random selector match just the pods that the words of the selector match, and
// so does the evaluation on labels.
func TestTermsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSentence(t, 4)
		x, err := parseSelector(s.text)
		if err != nil {
			t.Fatalf("%s: %v", s.text, err)
		}
		es := make([]endpoint, 4)
		c := &cluster.Cluster{}
		for i := range es {
			es[i] = drawEndpoint(t)
			c.Pods = append(c.Pods, &cluster.Pod{Labels: es[i].pod})
		}
		ts, err := terms(x, newPodIndex(c))
		if err != nil {
			t.Skip(err)
		}
		for _, e := range es {
			want := s.holds(e.seen())
			if got := slices.ContainsFunc(ts, e.meets); got != want {
				t.Fatalf("%s on %v: terms %v say %v", s.text, e, ts, got)
			}
			if must, may := x.eval(e.seen(), nil); must != want || may != want {
				t.Fatalf("%s on %v: evaluated to %v, %v", s.text, e, must, may)
			}
			// With a label unknown the answer is open or right, whatever the label is.
			hidden := rapid.SampledFrom(testKeys).Draw(t, "hidden")
			must, may := x.eval(e.seen(), func(key string) bool { return key == hidden })
			if must && !want || want && !may {
				t.Fatalf("%s on %v without %s: evaluated to %v, %v", s.text, e, hidden, must, may)
			}
		}
	})
}

// FuzzSelector: no text panics, and what is understood means the same by its terms and by evaluation.
func FuzzSelector(f *testing.F) {
	for _, s := range []string{
		`a == 'b' && (has(c) || !d in {"e"})`, `all() || global()`, `a starts with 'x' || a not in {'y',}`,
		`pcns.t == 'x' && projectcalico.org/namespace != "n"`, "(((", "!!!has(a)", "a == '\x00'", `has(a)|| `,
	} {
		f.Add(s, "a", "b")
	}
	f.Fuzz(func(t *testing.T, text, key, value string) {
		x, err := parseSelector(text)
		if err != nil || x == nil {
			return
		}
		e := endpoint{
			pod:       map[string]string{key: value},
			namespace: map[string]string{cluster.NameLabel: "n", "t": value},
			account:   map[string]string{cluster.AccountName: "s", "t": value},
		}
		ts, err := terms(x, newPodIndex(&cluster.Cluster{Pods: []*cluster.Pod{{Labels: e.pod}}}))
		if err != nil {
			return
		}
		if len(ts) > maxTerms {
			t.Fatalf("%d terms", len(ts))
		}
		must, may := x.eval(e.seen(), nil)
		if got := slices.ContainsFunc(ts, e.meets); got != must || got != may {
			t.Fatalf("%q on %v: terms %v say %v, evaluation %v", text, e, ts, got, must)
		}
	})
}
