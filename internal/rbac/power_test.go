package rbac_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/rbac"
)

// role makes a ClusterRole of one rule, bound to a group of its name in a namespace, or everywhere with "".
func role(name, rule, namespace string) string {
	kind, in := "ClusterRoleBinding", ""
	if namespace != "" {
		kind, in = "RoleBinding", ", namespace: "+namespace
	}
	return fmt.Sprintf(`apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %[1]s}
rules: [%[2]s]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: %[3]s
metadata: {name: %[1]s%[4]s}
roleRef: {kind: ClusterRole, name: %[1]s}
subjects: [{kind: Group, name: %[1]s}]
---
`, name, rule, kind, in)
}

// TestOver: each power is given by its rights, where they hold, and by nothing that looks like them.
func TestOver(t *testing.T) {
	for rule, want := range map[string][2]string{ // in namespace pay, everywhere
		`{apiGroups: [""], resources: [pods/exec], verbs: [create]}`:                                               {"exec", "exec"},
		`{apiGroups: [""], resources: [pods/attach], verbs: [get]}`:                                                {"exec", "exec"},
		`{apiGroups: [""], resources: ["*/exec"], verbs: ["*"]}`:                                                   {"exec", "exec"},
		`{apiGroups: [""], resources: ["*/portforward"], verbs: [create]}`:                                         {"port-forward", "port-forward"},
		`{apiGroups: [""], resources: [services/proxy], verbs: [get]}`:                                             {"proxy", "proxy"},
		`{apiGroups: [""], resources: [pods/ephemeralcontainers], verbs: [patch]}`:                                 {"ephemeral-containers", "ephemeral-containers"},
		`{apiGroups: [""], resources: [nodes/proxy], verbs: [get]}`:                                                {"", "nodes-proxy"},
		`{apiGroups: [""], resources: [secrets], verbs: [list]}`:                                                   {"read-secrets", "read-secrets"},
		`{apiGroups: [""], resources: [secrets], resourceNames: [x], verbs: [get]}`:                                {"read-secrets", "read-secrets"},
		`{apiGroups: [""], resources: [serviceaccounts/token], verbs: [create]}`:                                   {"tokens", "tokens"},
		`{apiGroups: [""], resources: [pods], verbs: [patch]}`:                                                     {"write-pods", "write-pods"},
		`{apiGroups: [""], resources: [pods, secrets], verbs: [create]}`:                                           {"create-pods", "create-pods"},
		`{apiGroups: [batch], resources: [cronjobs], verbs: [update]}`:                                             {"create-pods", "create-pods"},
		`{apiGroups: [""], resources: [namespaces], verbs: [patch]}`:                                               {"write-namespaces", "write-namespaces"},
		`{apiGroups: [""], resources: [namespaces], resourceNames: [shop], verbs: [patch]}`:                        {"", ""},
		`{apiGroups: [""], resources: [namespaces], resourceNames: [pay], verbs: [patch]}`:                         {"write-namespaces", "write-namespaces"},
		`{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [update]}`:                            {"write-services", "write-services"},
		`{apiGroups: [""], resources: [users], verbs: [impersonate]}`:                                              {"", "impersonate"},
		`{apiGroups: [""], resources: [serviceaccounts], verbs: [impersonate]}`:                                    {"impersonate", "impersonate"},
		`{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [escalate]}`:                          {"escalate", "escalate"},
		`{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [create]}`:                            {"", ""},
		`{apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/approval], verbs: [update]}`:    {"", "sign"},
		`{apiGroups: [admissionregistration.k8s.io], resources: [mutatingwebhookconfigurations], verbs: [create]}`: {"", "admission"},
		`{apiGroups: [""], resources: [nodes], verbs: [patch]}`:                                                    {"", "nodes"},
		`{apiGroups: [""], resources: [persistentvolumes], verbs: [create]}`:                                       {"", "volumes"},
		`{apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [delete]}`:                          {"write-policies", "write-policies"},
		`{apiGroups: [cilium.io], resources: [ciliumclusterwidenetworkpolicies], verbs: [patch]}`:                  {"", "write-policies"},
		`{apiGroups: [apps], resources: [pods], verbs: ["*"]}`:                                                     {"", ""},
		`{apiGroups: [""], resources: [pods, services, namespaces, configmaps], verbs: [get, list, watch]}`:        {"", ""},
		`{apiGroups: [""], resources: [pods/exec, secrets], verbs: [create, get]}`:                                 {"exec read-secrets", "exec read-secrets"},
	} {
		for k, namespace := range []string{"pay", ""} {
			var got []string
			for _, h := range read(t, role("x", rule, namespace)).Over([]string{"cards", "pay"}) {
				for _, p := range h.Powers {
					got = append(got, p.Name)
					if p.Does == "" || strings.HasSuffix(p.Does, ".") {
						t.Errorf("%s: says %q", p.Name, p.Does)
					}
				}
			}
			if text := strings.Join(got, " "); text != want[k] {
				t.Errorf("%s in %q: got %q, want %q", rule, namespace, text, want[k])
			}
		}
		if got := read(t, role("x", rule, "shop")).Over([]string{"pay"}); len(got) > 0 {
			t.Errorf("%s in another namespace: got %v", rule, got)
		}
	}
}

// TestOverAll: a rule for everything gives every power, once each.
func TestOverAll(t *testing.T) {
	held := read(t, role("x", `{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}`, "")).Over([]string{"pay"})
	if len(held) != 1 {
		t.Fatalf("got %d", len(held))
	}
	var names []string
	for _, p := range held[0].Powers {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	if len(names) != 18 || len(slices.Compact(names)) != 18 {
		t.Errorf("got %d: %v", len(names), names)
	}
}

func TestUnsettled(t *testing.T) {
	bind := func(name, namespace, role string) string {
		kind, in := "ClusterRoleBinding", ""
		if namespace != "" {
			kind, in = "RoleBinding", ", namespace: "+namespace
		}
		return fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: %s\nmetadata: {name: %s%s}\nroleRef: {kind: ClusterRole, name: %s}\nsubjects: [{kind: User, name: ann}]\n---\n", kind, name, in, role)
	}
	a := read(t, bind("here", "pay", "gone")+bind("all", "", "gone")+bind("there", "shop", "gone")+bind("harmless", "pay", "view"))
	var got []string
	for _, d := range a.Unsettled([]string{"pay"}) {
		got = append(got, d.Binding.Name)
	}
	if diff := cmp.Diff([]string{"all", "here"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestIdentities(t *testing.T) {
	var got []string
	for _, s := range rbac.Identities("shop", "web") {
		got = append(got, s.String())
	}
	want := []string{"ServiceAccount shop/web", "Group system:serviceaccounts", "Group system:serviceaccounts:shop", "Group system:authenticated"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
