package rbac_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/rbac"
)

func read(t *testing.T, yaml string) rbac.Access {
	t.Helper()
	objects, problems, _ := load.Parse([]byte(yaml), "in.yaml", load.Limits{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c, _ := cluster.New(objects, cluster.Options{})
	return rbac.Read(c)
}

func lines(a rbac.Access) []string {
	var out []string
	for _, g := range a.Grants {
		out = append(out, strings.Join([]string{g.Subject.String(), "in", "[" + g.Namespace + "]", "by", g.Binding.Name, "of", g.Role.String(), strings.Join(g.Rule.Verbs, ","), strings.Join(g.Rule.Resources, ","), g.Pos.String()}, " "))
	}
	for _, d := range a.Dangling {
		out = append(out, strings.Join([]string{d.Subject.String(), "in", "[" + d.Namespace + "]", "by", d.Binding.Name, "dangles", d.Role.String()}, " "))
	}
	return out
}

const roles = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: pods, labels: {sum: "yes"}}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: sum, labels: {sum: "yes", all: "yes"}}
aggregationRule:
  clusterRoleSelectors:
  - matchLabels: {sum: "yes"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: all}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {all: "yes"}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: five}
roleRef: {kind: ClusterRole, name: all}
subjects: [{kind: Group, name: dev}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: pods, namespace: b}
rules:
- {apiGroups: [""], resources: [pods/exec], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: one, namespace: a}
roleRef: {kind: ClusterRole, name: sum}
subjects:
- {kind: ServiceAccount, name: web}
- {kind: ServiceAccount, name: web, namespace: c}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: two, namespace: b}
roleRef: {kind: Role, name: pods}
subjects: [{kind: User, name: "system:serviceaccount:a:job"}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: three, namespace: a}
roleRef: {kind: Role, name: pods}
subjects: [{kind: Group, name: ops}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: four}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: root}]
`

// TestRead: a ClusterRole in a RoleBinding holds in its namespace, a collecting role has what it collects, a
// Role is looked up in its own namespace only, and cluster-admin is known without being there.
func TestRead(t *testing.T) {
	got := lines(read(t, roles))
	want := []string{
		"Group dev in [] by five of ClusterRole all get pods in.yaml:6",
		"ServiceAccount a/job in [b] by two of Role b/pods create pods/exec in.yaml:30",
		"ServiceAccount a/web in [a] by one of ClusterRole sum get pods in.yaml:6",
		"ServiceAccount c/web in [a] by one of ClusterRole sum get pods in.yaml:6",
		"User root in [] by four of ClusterRole cluster-admin * * in.yaml:52",
		"Group ops in [a] by three dangles Role a/pods",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if a := read(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"); a.Known {
		t.Error("an input without RBAC counts as known")
	}
}

// TestOrder: the order of the input changes nothing.
func TestOrder(t *testing.T) {
	docs := strings.Split(roles, "---\n")
	want := read(t, roles)
	for i := range docs {
		turned := strings.Join(append(append([]string{}, docs[i:]...), docs[:i]...), "---\n")
		got := read(t, turned)
		if len(got.Grants) != len(want.Grants) {
			t.Fatalf("turned by %d: %d grants, want %d", i, len(got.Grants), len(want.Grants))
		}
		for j := range got.Grants {
			if got.Grants[j].Subject != want.Grants[j].Subject || got.Grants[j].Binding != want.Grants[j].Binding {
				t.Errorf("turned by %d: grant %d is %v, want %v", i, j, got.Grants[j], want.Grants[j])
			}
		}
	}
}

// TestAllows follows the API server's matching of rules.
func TestAllows(t *testing.T) {
	for _, tt := range []struct {
		rule      rbac.Rule
		group     string
		resources string
		verb      string
		want      bool
	}{
		{rbac.Rule{Groups: []string{""}, Resources: []string{"nodes/proxy"}, Verbs: []string{"get"}}, "", "nodes/proxy", "get", true},
		{rbac.Rule{Groups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"*"}}, "", "nodes/proxy", "get", false},
		{rbac.Rule{Groups: []string{""}, Resources: []string{"nodes/*"}, Verbs: []string{"*"}}, "", "nodes/proxy", "get", false},
		{rbac.Rule{Groups: []string{""}, Resources: []string{"*/proxy"}, Verbs: []string{"*"}}, "", "nodes/proxy", "get", true},
		{rbac.Rule{Groups: []string{""}, Resources: []string{"*"}, Verbs: []string{"get"}}, "", "nodes/proxy", "get", true},
		{rbac.Rule{Groups: []string{"apps"}, Resources: []string{"*"}, Verbs: []string{"*"}}, "", "nodes/proxy", "get", false},
		{rbac.Rule{Groups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"list"}}, "", "pods", "get", false},
		{rbac.Rule{Groups: []string{""}, Resources: []string{"pods"}, Names: []string{"x"}, Verbs: []string{"*"}}, "", "pods", "create", false},
		{rbac.Rule{Groups: []string{""}, Resources: []string{"pods"}, Names: []string{"x"}, Verbs: []string{"*"}}, "", "pods", "patch", true},
		{rbac.Rule{}, "", "pods", "get", false},
	} {
		if got := tt.rule.Allows(tt.group, []string{tt.resources}, []string{tt.verb}); got != tt.want {
			t.Errorf("%+v on %q %s %s: got %v", tt.rule, tt.group, tt.resources, tt.verb, got)
		}
	}
}
