package reach_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
)

// administered is a small cluster with policies of administrators in several versions: for everybody, for some
// namespaces, for some pods, with names of ports, of equal priority, and of the baseline tier.
func administered(t *testing.T) *pool {
	t.Helper()
	var docs []string
	doc := func(format string, args ...any) { docs = append(docs, fmt.Sprintf(format, args...)) }
	for i, labels := range []string{"{tenant: a, env: prod}", "{tenant: b, env: dev}", "{tenant: c, env: prod}", "{}"} {
		ns := fmt.Sprintf("n%d", i)
		doc("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: %s}", ns, labels)
		doc("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {tenant: b, env: prod}}", ns)
		for k, app := range []string{"web", "db"} {
			for _, label := range []string{app, "job"} {
				doc("apiVersion: v1\nkind: Pod\nmetadata: {name: %s-1, namespace: %s, labels: {app: %s}}\nspec: {containers: [{name: c, ports: [{name: http, containerPort: %d}]}]}\nstatus: {podIP: 10.%d.0.%d}",
					app, ns, label, 80+k+i%2, i, k+1)
			}
		}
		doc("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: close, namespace: %s}\nspec: {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}]}]}", ns)
		doc("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: close, namespace: %s}\nspec: {podSelector: {}, policyTypes: [Egress, Ingress]}", ns)
		for _, selector := range []string{"{}", "{matchLabels: {app: web}}"} {
			doc("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open, namespace: %s}\nspec: {podSelector: %s, policyTypes: [Ingress], ingress: [{ports: [{port: http}]}]}", ns, selector)
		}
	}
	subjects := []string{
		"{namespaces: {}}", "{namespaces: {matchExpressions: [{key: tenant, operator: Exists}]}}", "{namespaces: {matchLabels: {env: prod}}}",
		"{pods: {namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}}",
	}
	rules := []string{
		"ingress: [{action: Deny, from: [{namespaces: {matchLabels: {env: dev}}}]}]",
		"ingress: [{action: Allow, from: [{namespaces: {}}], ports: [{namedPort: http}]}]",
		"egress: [{action: Pass, to: [{namespaces: {matchLabels: {tenant: b}}}]}, {action: Deny, to: [{namespaces: {}}], ports: [{portNumber: {protocol: TCP, port: 8080}}]}]",
	}
	for i := range 5 {
		for k, s := range subjects {
			doc("apiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {name: p%d}\nspec: {priority: %d, subject: %s, %s}", i, i+k%2, s, rules[(i+k)%len(rules)])
		}
	}
	for k, s := range subjects[:3] {
		doc("apiVersion: policy.networking.k8s.io/v1alpha1\nkind: BaselineAdminNetworkPolicy\nmetadata: {name: default}\nspec: {subject: %s, %s}", s, strings.ReplaceAll(rules[k%2], "Pass", "Deny"))
	}
	objects, problems, _ := load.Parse([]byte(strings.Join(docs, "\n---\n")), "in.yaml", load.Limits{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return newPool(objects)
}

// TestLiveAdministrators is TestLive where policies bind all pods or many: profiles and tiers change where they are.
func TestLiveAdministrators(t *testing.T) {
	for _, name := range []string{"kube", "calico", "cilium", "kindnet", "unknown"} {
		t.Run(name, func(t *testing.T) {
			followed(t, must(enforcer.Named(name)), 2, 40, answers, func(uint64) *pool { return administered(t) })
		})
	}
}
