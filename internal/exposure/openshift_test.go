package exposure_test

import (
	"strings"
	"testing"
)

// openshift is the default router, public on ports 80 and 443.
const openshift = shop + `
apiVersion: apps/v1
kind: Deployment
metadata: {name: router-default, namespace: openshift-ingress}
spec: {template: {metadata: {labels: {ingresscontroller.operator.openshift.io/deployment-ingresscontroller: default}}, spec: {containers: [{name: router, image: "quay.io/x@sha256:1", ports: [{containerPort: 80}, {containerPort: 443}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: router-default, namespace: openshift-ingress}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {ingresscontroller.operator.openshift.io/deployment-ingresscontroller: default}, ports: [{name: http, port: 80, targetPort: 80}, {name: https, port: 443, targetPort: 443}]}
---
`

func openshiftRoute(spec string) string {
	return "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: r, namespace: shop, labels: {shard: a}}\nspec: {host: a.example.com, " + spec + "}\n"
}

func ingressController(spec string) string {
	return "apiVersion: operator.openshift.io/v1\nkind: IngressController\nmetadata: {name: default, namespace: openshift-ingress-operator}\nspec: {" + spec + "}\n---\n"
}

func TestOpenShiftRoute(t *testing.T) {
	const toWeb = "to: {kind: Service, name: web}"
	plain := `route r tcp/80 "a.example.com"/ tls=no public=yes kept=no by=router-default to=web:8080`
	secure := `route r tcp/443 "a.example.com"/ tls=yes public=yes kept=no by=router-default to=web:8080`
	none := `route r "a.example.com" tls=unknown public=no kept=no from=none dangling`
	dangling := `route r tcp/80 "a.example.com"/ tls=no public=yes kept=no by=router-default dangling`
	maybe := strings.Replace(plain, "public=yes", "public=unknown", 1)
	flawed := "not modelled r public=unknown kept=unknown\n" + maybe
	runRoutes(t, openshift, []routeCase{
		{name: "in clear text", yaml: openshiftRoute(toWeb), want: plain},
		{name: "edge", yaml: openshiftRoute(toWeb + ", tls: {termination: edge}"), want: secure},
		{name: "edge, and clear text besides", yaml: openshiftRoute(toWeb + ", tls: {termination: edge, insecureEdgeTerminationPolicy: Allow}"), want: plain + "\n" + secure},
		{name: "reencrypt, redirecting", yaml: openshiftRoute(toWeb + ", tls: {termination: reencrypt, insecureEdgeTerminationPolicy: Redirect}"), want: secure},
		{name: "passthrough", yaml: openshiftRoute(toWeb + ", tls: {termination: passthrough}"), want: strings.Replace(secure, `"/`, `"`, 1), because: "TLS is passed on unopened"},
		{name: "a path", yaml: openshiftRoute(toWeb + ", path: /x"), want: strings.Replace(plain, `"/`, `"/x`, 1)},
		{name: "weights", yaml: openshiftRoute(toWeb + ", alternateBackends: [{kind: Service, name: pay, weight: 0}]"), want: plain, because: "pay has weight 0"},
		{name: "alternates", yaml: openshiftRoute("to: {kind: Service, name: web, weight: 0}, alternateBackends: [{kind: Service, name: pay}], port: {targetPort: b}"), want: strings.Replace(plain, "web:8080", "pay:9001", 1)},
		{name: "a target port by number is that of the pods", yaml: openshiftRoute("to: {kind: Service, name: pay}, port: {targetPort: 9000}"), want: strings.Replace(plain, "web:8080", "pay:9000", 1)},
		{name: "a number of the Service is none of the pods", yaml: openshiftRoute("to: {kind: Service, name: pay}, port: {targetPort: 90}"), want: dangling, because: "has no port 90"},
		{name: "without a port it is all of them", yaml: openshiftRoute("to: {kind: Service, name: pay}"), want: strings.Replace(plain, "web:8080", "pay:9000 to=pay:9001", 1)},
		{name: "a subdomain", yaml: openshiftRoute(toWeb + ", wildcardPolicy: Subdomain"), want: strings.Replace(plain, `"a.`, `"*.`, 1)},
		{name: "a subdomain that the router refuses", yaml: ingressController("") + openshiftRoute(toWeb+", wildcardPolicy: Subdomain"), want: strings.Replace(none, `"a.`, `"*.`, 1), because: "does not take Routes with wildcardPolicy Subdomain"},
		{name: "a subdomain that the router takes", yaml: ingressController("routeAdmission: {wildcardPolicy: WildcardsAllowed}") + openshiftRoute(toWeb+", wildcardPolicy: Subdomain"), want: strings.Replace(plain, `"a.`, `"*.`, 1)},
		{name: "routes of a shard", yaml: ingressController("routeSelector: {matchLabels: {shard: a}}") + openshiftRoute(toWeb), want: plain},
		{name: "routes of another shard", yaml: ingressController("routeSelector: {matchLabels: {shard: b}}") + openshiftRoute(toWeb), want: none, because: "routeSelector is shard=b"},
		{name: "namespaces of another shard", yaml: ingressController("namespaceSelector: {matchLabels: {tier: back}}") + openshiftRoute(toWeb), want: none},
		{
			name: "namespaces whose labels are not known", yaml: ingressController("namespaceSelector: {matchLabels: {tier: back}}") + strings.Replace(openshiftRoute(toWeb), "namespace: shop", "namespace: other", 1),
			want: strings.Replace(dangling, "public=yes", "public=unknown", 1), because: "by namespaceSelector is not known",
		},
		{name: "not admitted", yaml: openshiftRoute(toWeb) + "status: {ingress: [{routerName: default, conditions: [{type: Admitted, status: 'False', reason: HostAlreadyClaimed}]}]}\n", want: maybe, because: "HostAlreadyClaimed"},
		{name: "a name outside", yaml: openshiftRoute("to: {kind: Service, name: outside}"), want: dangling, because: "db.example.com, which may be outside"},

		{name: "an unknown field", yaml: openshiftRoute(toWeb + ", hosts: [x]"), want: flawed, problem: "spec.hosts: unknown field"},
		{
			name: "a termination that nobody knows", yaml: openshiftRoute(toWeb + ", tls: {termination: none}"),
			want: strings.Replace(plain, "tls=no", "tls=unknown", 1) + "\n" + strings.Replace(secure, "tls=yes", "tls=unknown", 1), problem: "tls termination none",
		},
		{name: "a policy that nobody knows", yaml: openshiftRoute(toWeb + ", tls: {termination: edge, insecureEdgeTerminationPolicy: Perhaps}"), want: maybe + "\n" + secure, because: "Perhaps is not known"},
		{name: "a backend of another kind", yaml: openshiftRoute("to: {kind: Pod, name: web}"), want: "not modelled r public=unknown kept=unknown\n" + dangling, because: "backend Pod web is not modelled"},
		{name: "a weight that is no number", yaml: openshiftRoute("to: {kind: Service, name: web, weight: heavy}"), want: flawed, problem: "spec.to.weight: want a number"},
		{name: "another version", yaml: strings.Replace(openshiftRoute(toWeb), "io/v1", "io/v2", 1), want: "not modelled r public=unknown kept=unknown"},
	})
	runRoutes(t, shop, []routeCase{
		{name: "no router in the input", yaml: openshiftRoute(toWeb), want: `route r tcp/80 "a.example.com"/ tls=no public=unknown kept=no to=web:8080`, because: "no router is in the input"},
	})
}
