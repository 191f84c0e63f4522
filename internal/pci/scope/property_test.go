package scope_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// drawn is a small cluster in which every declared namespace denies what no rule allows. Namespace c is not
// declared, so that selectors of its labels are not decided.
func drawn(t *rapid.T) (base string, rule func(label string) string) {
	var b strings.Builder
	for _, n := range []string{"a", "b"} {
		fmt.Fprintf(&b, "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {team: %s}}\n---\n", n, n)
		fmt.Fprintf(&b, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: %s}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n---\n", n)
	}
	says := rapid.SampledFrom([]string{"account", "outside", "outside", "inside", "unsure", "nothing"})
	names := []string{"p", "q", "r"}
	for _, n := range []string{"a", "b", "c"} {
		for _, p := range names {
			if n == "a" || rapid.Bool().Draw(t, "there") {
				fmt.Fprintf(&b, "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s, labels: {app: %s, declared: %s}}\nspec: {nodeSelector: {on: %s-%s}, automountServiceAccountToken: false, containers: [{name: c, image: i}]}\n---\n",
					p, n, p, says.Draw(t, "declared"), n, p)
			}
		}
	}
	peer := rapid.SampledFrom([]string{
		"{}", "[]", "[{podSelector: {}}]", "[{podSelector: {matchLabels: {app: p}}}]", "[{namespaceSelector: {}}]",
		"[{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: {app: q}}}]", "[{namespaceSelector: {matchLabels: {team: b}}}]",
		"[{namespaceSelector: {matchLabels: {team: c}}}]",
	})
	n := 0
	return b.String(), func(label string) string {
		n++
		way := rapid.SampledFrom([][3]string{{"Ingress", "ingress", "from"}, {"Egress", "egress", "to"}}).Draw(t, label)
		item := "{}"
		if p := peer.Draw(t, label); p != "{}" {
			item = "{" + way[2] + ": " + p + "}"
			if rapid.Bool().Draw(t, label) {
				item = "{" + way[2] + ": " + p + ", ports: [{port: 80}]}"
			}
		}
		return fmt.Sprintf("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x%d, namespace: %s}\nspec: {podSelector: {matchLabels: {app: %s}}, policyTypes: [%s], %s: [%s]}\n---\n",
			n, rapid.SampledFrom([]string{"a", "b"}).Draw(t, label), rapid.SampledFrom(names).Draw(t, label), way[0], way[1], item)
	}
}

func computed(t *rapid.T, tb testing.TB, text string) (*scope.Input, *scope.Result) {
	objects, problems, _ := load.Parse([]byte(text), "in.yaml", load.Limits{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	in := inputOf(tb, objects, cluster.Options{}, "kube")
	return in, scope.Compute(in)
}

// TestMonotone: one more allowed connection never takes a workload out of scope, neither for certain nor
// possibly.
func TestMonotone(t *testing.T) {
	moved := 0
	rapid.Check(t, func(rt *rapid.T) {
		text, rule := drawn(rt)
		for range rapid.IntRange(0, 5).Draw(rt, "rules") {
			text += rule("rule")
		}
		_, before := computed(rt, t, text)
		_, after := computed(rt, t, text+rule("more"))
		for i := range before.Workloads {
			x, y := &before.Workloads[i], &after.Workloads[i]
			if y.Least.Rank() > x.Least.Rank() || y.Most.Rank() > x.Most.Rank() {
				rt.Fatalf("%s: %s to %s became %s to %s", x.Ref, x.Least, x.Most, y.Least, y.Most)
			}
			if x.Least != y.Least || x.Most != y.Most {
				moved++
			}
		}
	})
	if moved == 0 {
		t.Error("no class ever changed")
	}
}

// TestOutIsOut: what is out of scope for certain cannot exchange a packet with the environment, and no path is
// left that a cut does not close.
func TestOutIsOut(t *testing.T) {
	out, paths := 0, 0
	check := func(rt *rapid.T) {
		text, rule := drawn(rt)
		for range rapid.IntRange(0, 8).Draw(rt, "rules") {
			text += rule("rule")
		}
		in, r := computed(rt, t, text)
		for i := range r.Workloads {
			x := &r.Workloads[i]
			if x.Most == scope.OutOfScope {
				out++
			}
			for j := range r.Workloads {
				if y := &r.Workloads[j]; x.Most == scope.OutOfScope && y.Most == scope.CDE {
					a, b := reach.OfWorkload(x.Workload), reach.OfWorkload(y.Workload)
					if y.Has(scope.Unstated, false) && y.Declared == scope.Nothing {
						continue // nobody thinks that it handles account data
					}
					if !in.Model.Between(a, b).May.IsEmpty() || !in.Model.Between(b, a).May.IsEmpty() {
						rt.Fatalf("%s is out of scope and has a connection with %s", x.Ref, y.Ref)
					}
				}
			}
		}
		for _, p := range r.Paths.Found {
			paths++
			for _, c := range []*scope.Cut{p.Cut, r.Paths.Cut} {
				if !slices.ContainsFunc(p.Hops, func(h reach.Edge) bool {
					return slices.ContainsFunc(c.Gates, func(g scope.Gate) bool { return g.To == h.Dst.Workload && slices.Contains(g.From, h.Src.Workload) })
				}) {
					rt.Fatalf("no gate of %v is on the path %v", c, p)
				}
			}
			for _, h := range p.Hops {
				if b := in.Model.Between(h.Src, h.Dst); b.May.IsEmpty() || p.Certain && b.Must.IsEmpty() {
					rt.Fatalf("hop %s -> %s is closed", h.Src, h.Dst)
				}
			}
		}
	}
	for range 20 { // paths are rare
		if rapid.Check(t, check); out > 0 && paths > 0 {
			break
		}
	}
	if out == 0 || paths == 0 {
		t.Errorf("%d workloads out of scope, %d paths: too few", out, paths)
	}
}
