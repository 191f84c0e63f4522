package pci_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

func classes(c *cluster.Cluster, s *pci.Scope) map[string]string {
	out := map[string]string{}
	for _, w := range c.Workloads {
		out[w.Ref.Name] = string(s.Class(w)) + map[bool]string{true: "?"}[s.Unsure(w)]
	}
	return out
}

func TestScope(t *testing.T) {
	for name, tc := range map[string]struct {
		spec, label string
		want        map[string]string
		problems    []string
	}{
		"zones": {
			"  zones:\n    - {name: card, scope: cde, role: dmz, serviceAccounts: [payer]}\n    - {name: rest, scope: out-of-scope, namespaces: [a, b]}\n", "",
			map[string]string{"pay": "cde", "web": "out-of-scope", "far": "out-of-scope"},
			[]string{"s.yaml:7 warning zones card and rest both claim Pod a/pay; the first one has it"},
		},
		"all criteria": {
			"  zones:\n    - {name: card, scope: cde, namespaces: [a], podSelector: {matchLabels: {app: far}}}\n", "",
			map[string]string{"pay": "unclassified", "web": "unclassified", "far": "unclassified"},
			[]string{"s.yaml:6 warning zone card takes no pod of the input"},
		},
		"namespace labels not known": {
			"  zones:\n    - {name: card, scope: cde, namespaceSelector: {matchLabels: {team: pay}}}\n    - {name: rest, scope: out-of-scope, podSelector: {}}\n", "",
			map[string]string{"pay": "cde", "web": "cde", "far": "unclassified?"},
			[]string{
				"s.yaml:6 error zone card selects namespaces by labels, and those of namespace b are not in the input",
				"s.yaml:7 warning zone rest takes no pod of the input",
				"s.yaml:7 warning zones card and rest both claim Pod a/pay; the first one has it",
				"s.yaml:7 warning zones card and rest both claim Pod a/web; the first one has it",
			},
		},
		"a later zone does not matter": {
			"  zones:\n    - {name: rest, scope: out-of-scope, podSelector: {}}\n    - {name: card, scope: cde, namespaceSelector: {matchLabels: {team: x}}}\n", "",
			map[string]string{"pay": "out-of-scope", "web": "out-of-scope", "far": "out-of-scope"},
			[]string{
				"s.yaml:7 error zone card selects namespaces by labels, and those of namespace b are not in the input",
				"s.yaml:7 warning zone card takes no pod of the input",
			},
		},
		"addresses only": {
			"  zones:\n    - {name: office, scope: out-of-scope, cidrs: [10.0.0.0/8]}\n", "",
			map[string]string{"pay": "unclassified", "web": "unclassified", "far": "unclassified"},
			nil,
		},
		"label and value": {
			"  zones: []\n", "app=pay",
			map[string]string{"pay": "cde", "web": "out-of-scope", "far": "out-of-scope"},
			nil,
		},
		"zones, then label": {
			"  zones:\n    - {name: card, scope: connected, serviceAccounts: [payer]}\n", "team",
			map[string]string{"pay": "connected-to", "web": "unclassified", "far": "unclassified?"},
			[]string{
				`shop.yaml:10 error label team: scope "pay": want cde, cde-store, connected-to, security-impacting or out-of-scope`,
				"shop.yaml:15 error the pod has no label team, and the labels of namespace b are not in the input",
			},
		},
		"short names": {
			"  zones:\n    - {name: a, scope: out, podSelector: {matchLabels: {app: pay}}}\n    - {name: b, scope: cde-store, podSelector: {matchLabels: {app: web}}}\n    - {name: c, scope: security-impacting, podSelector: {matchLabels: {app: far}}}\n", "",
			map[string]string{"pay": "out-of-scope", "web": "cde-store", "far": "security-impacting"},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, in, problems := build(t, head+tc.spec)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			var label pci.ScopeLabel
			if tc.label != "" {
				var err error
				if label, err = pci.ParseScopeLabel(tc.label); err != nil || label.String() != tc.label {
					t.Fatalf("label %q: got %q, %v", tc.label, label, err)
				}
			}
			s, problems := pci.ScopeOf(c, in, label)
			if diff := cmp.Diff(tc.want, classes(c, s)); diff != "" {
				t.Errorf("classes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.problems, texts(problems)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// TestScopeWorkloadOfTwoKinds: a workload whose pods differ has the most sensitive of their classes.
func TestScopeWorkloadOfTwoKinds(t *testing.T) {
	const set = `apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web, namespace: a, uid: u}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: a, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}]}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-2, namespace: a, labels: {app: web, card: "true"}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}]}
spec: {containers: [{name: c, image: i}]}
`
	c, _ := cluster.New(read(t, map[string]string{"a.yaml": set, "s.yaml": head +
		"  zones:\n    - {name: card, scope: cde, role: dmz, podSelector: {matchLabels: {card: \"true\"}}}\n    - {name: rest, scope: out-of-scope, podSelector: {matchExpressions: [{key: card, operator: DoesNotExist}]}}\n"}), cluster.Options{})
	in, _ := pci.ReadIntent(c)
	s, problems := pci.ScopeOf(c, in, pci.ScopeLabel{})
	if len(c.Workloads) != 1 || len(problems) > 0 {
		t.Fatalf("got %d workloads, %v", len(c.Workloads), problems)
	}
	w := c.Workloads[0]
	if !s.InCDE(w) || s.Role(w) != "dmz" || s.Zone(w).Name != "card" || len(s.Of(pci.CDE)) != 1 || len(s.Of(pci.OutOfScope)) != 0 {
		t.Errorf("got %s in %v", s.Class(w), s.Zone(w))
	}
	other := &cluster.Workload{}
	if s.Class(other) != pci.Unclassified || s.Role(other) != "" || s.Zone(other) != nil {
		t.Error("a workload of another cluster is unclassified and in no zone")
	}
	if want := "Segmentation s (s.yaml:1)"; s.Source() != want {
		t.Errorf("source: got %q, want %q", s.Source(), want)
	}
	if (&pci.Input{Scope: s}).SeverityFor(pci.Medium, w) != pci.High || (&pci.Input{}).SeverityFor(pci.Medium, w) != pci.Medium {
		t.Error("inside of the CDE a finding is one step worse, without a scope it is not")
	}
}

func TestScopeLabel(t *testing.T) {
	for _, bad := range []string{"", "=", "=cde", "app="} {
		if l, err := pci.ParseScopeLabel(bad); err == nil || !strings.Contains(err.Error(), "want KEY") {
			t.Errorf("%q: got %v, %v", bad, l, err)
		}
	}
	c, _, _ := build(t, head)
	s, _ := pci.ScopeOf(c, nil, pci.ScopeLabel{Key: "app", Value: "pay"})
	if s.Source() != "label app=pay" {
		t.Errorf("got %q", s.Source())
	}
}
