package exposure_test

import (
	"strings"
	"testing"
)

func traefik(args string) string {
	return shop + `
apiVersion: apps/v1
kind: Deployment
metadata: {name: traefik, namespace: edge}
spec: {template: {metadata: {labels: {app: traefik}}, spec: {containers: [{name: t, image: "traefik:v3", args: [` + args + `]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: traefik, namespace: edge}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {app: traefik}, ports: [{name: web, port: 80, targetPort: 8000}, {name: websecure, port: 443, targetPort: 8443}, {name: dns, protocol: UDP, port: 53, targetPort: 5353}]}
---
`
}

const traefikArgs = "--providers.kubernetescrd, --entryPoints.web.address=:8000/tcp, --entryPoints.websecure.address=:8443/tcp, --entryPoints.dns.address=:5353/udp, --entryPoints.admin.address=:9999/tcp"

func ingressRoute(kind, spec string) string {
	return "apiVersion: traefik.io/v1alpha1\nkind: " + kind + "\nmetadata: {name: r, namespace: shop}\nspec: {" + spec + "}\n---\n"
}

func TestTraefik(t *testing.T) {
	rule := func(match, services string) string {
		return ingressRoute("IngressRoute", "entryPoints: [web], routes: [{kind: Rule, match: '"+match+"', services: ["+services+"]}]")
	}
	const web = "{name: web, port: 80}"
	plain := `route r tcp/80 "a.example.com"/ tls=no public=yes kept=no by=traefik to=web:8080`
	maybe := strings.Replace(plain, "public=yes", "public=unknown", 1)
	none := `route r "" tls=unknown public=no kept=no from=none dangling`
	a := "Host(`a.example.com`)"
	service := "apiVersion: traefik.io/v1alpha1\nkind: TraefikService\nmetadata: {name: ts, namespace: shop}\nspec: {"
	runRoutes(t, traefik(traefikArgs), []routeCase{
		{name: "an entry point", yaml: rule(a, web), want: plain, because: "it comes in at entry point web"},
		{name: "the older group", yaml: strings.Replace(rule(a, web), "traefik.io", "traefik.containo.us", 1), want: plain},
		{name: "TLS", yaml: ingressRoute("IngressRoute", "entryPoints: [websecure], tls: {}, routes: [{match: '"+a+"', services: ["+web+"]}]"), want: `route r tcp/443 "a.example.com"/ tls=yes public=yes kept=no by=traefik to=web:8080`},
		{name: "without entry points it is all of them", yaml: ingressRoute("IngressRoute", "routes: [{match: '"+a+"', services: ["+web+"]}]"), want: `route r "a.example.com"/ tls=unknown public=yes kept=no by=traefik to=web:8080`},
		{name: "an entry point that no Service leads to", yaml: strings.Replace(rule(a, web), "[web]", "[admin]", 1), want: `route r "a.example.com"/ tls=no public=unknown kept=no by=traefik to=web:8080`, because: "none to the ports"},
		{name: "an entry point that is not stated", yaml: strings.Replace(rule(a, web), "[web]", "[other]", 1), want: `route r "a.example.com"/ tls=no public=unknown kept=no by=traefik to=web:8080`, because: "on which port entry point other listens is not known"},
		{
			name: "hosts and paths", yaml: rule("(Host(`a.example.com`) || Host(`b.example.com`)) && PathPrefix(`/x`)", web),
			want: strings.Replace(plain, `"/`, `"/x`, 1) + "\n" + strings.Replace(strings.Replace(plain, `"/`, `"/x`, 1), `"a.`, `"b.`, 1),
		},
		{name: "a denied host is any other", yaml: rule("!Host(`a.example.com`)", web), want: strings.Replace(plain, "a.example.com", "", 1)},
		{name: "a pattern is any host", yaml: rule("HostRegexp(`.*`) && Method(`GET`)", web), want: strings.Replace(plain, "a.example.com", "", 1)},
		{name: "a port by name", yaml: rule(a, "{name: web, port: http}"), want: plain},
		{name: "weights", yaml: rule(a, web+", {name: pay, port: 80, weight: 0}"), want: plain, because: "pay has weight 0"},
		{name: "a TraefikService that mirrors", yaml: service + "mirroring: {name: web, port: 80, mirrors: [{name: pay, port: 90, percent: 10}]}}\n---\n" + rule(a, "{kind: TraefikService, name: ts}"), want: strings.Replace(plain, "to=web", "to=pay:9001 to=web", 1)},
		{name: "a TraefikService that spreads to itself", yaml: service + "weighted: {services: [{kind: TraefikService, name: ts}, {name: web, port: 80, weight: 0}]}}\n---\n" + rule(a, "{kind: TraefikService, name: ts}"), want: strings.Replace(plain, "to=web:8080", "dangling", 1)},
		{name: "a TraefikService that is not in the input", yaml: rule(a, "{kind: TraefikService, name: ts}"), want: "not modelled r public=unknown kept=unknown\n" + strings.Replace(plain, "to=web:8080", "dangling", 1)},
		{name: "a service of Traefik itself", yaml: rule(a, "{kind: TraefikService, name: api@internal}"), want: strings.Replace(plain, "to=web:8080", "dangling", 1), because: "api@internal is Traefik itself"},
		{name: "another namespace is closed", yaml: strings.Replace(rule(a, "{name: web, namespace: shop, port: 80}"), "namespace: shop}\nspec", "namespace: other}\nspec", 1), want: strings.Replace(plain, "to=web:8080", "dangling", 1), because: "which allowCrossNamespace does not open"},
		{name: "another class", yaml: strings.Replace(rule(a, web), "namespace: shop}", "namespace: shop, annotations: {kubernetes.io/ingress.class: other}}", 1), want: none, because: "no Traefik of the input takes it"},
		{name: "errors are answered by a Service", yaml: "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: e, namespace: shop}\nspec: {errors: {service: {name: pay, port: 80}}}\n---\n" + ingressRoute("IngressRoute", "entryPoints: [web], routes: [{match: '"+a+"', middlewares: [{name: e}], services: ["+web+"]}]"), want: strings.Replace(plain, "to=web", "to=pay:9000 to=web", 1)},
		{name: "a middleware that is not in the input", yaml: ingressRoute("IngressRoute", "entryPoints: [web], routes: [{match: '"+a+"', middlewares: [{name: e}], services: ["+web+"]}]"), want: "not modelled r public=unknown kept=unknown\n" + plain},
		{name: "TCP by name", yaml: ingressRoute("IngressRouteTCP", "entryPoints: [websecure], tls: {passthrough: true}, routes: [{match: 'HostSNI(`a.example.com`)', services: ["+web+"]}]"), want: `route r tcp/443 "a.example.com" tls=yes public=yes kept=no by=traefik to=web:8080`, because: "TLS is passed on unopened"},
		{name: "TCP of any name", yaml: ingressRoute("IngressRouteTCP", "entryPoints: [web], routes: [{match: 'HostSNI(`*`)', services: ["+web+"]}]"), want: `route r tcp/80 "" tls=unknown public=yes kept=no by=traefik to=web:8080`},
		{name: "UDP", yaml: ingressRoute("IngressRouteUDP", "entryPoints: [dns], routes: [{services: ["+web+"]}]"), want: `route r udp/53 "" tls=unknown public=yes kept=no by=traefik to=web:8080`},

		{name: "a rule that cannot be read", yaml: rule("Host(`a.example.com`", web), want: strings.Replace(maybe, "a.example.com", "", 1), problem: "match: want a comma or a closing bracket after Host"},
		{name: "a rule that is not there", yaml: ingressRoute("IngressRoute", "entryPoints: [web], routes: [{services: ["+web+"]}]"), want: strings.Replace(maybe, "a.example.com", "", 1), problem: "want a matcher"},
		{name: "brackets without end", yaml: rule(strings.Repeat("(", 500), web), want: strings.Replace(maybe, "a.example.com", "", 1), problem: "more than 50 brackets"},
		{name: "an unknown field", yaml: ingressRoute("IngressRoute", "entrypoints: [web], routes: [{match: '"+a+"', services: ["+web+"]}]"), want: "not modelled r public=unknown kept=unknown\n" + `route r "a.example.com"/ tls=unknown public=unknown kept=no by=traefik to=web:8080`, problem: "spec.entrypoints: unknown field"},
		{name: "services that are a text", yaml: ingressRoute("IngressRoute", "entryPoints: [web], routes: [{match: '"+a+"', services: web}]"), want: "not modelled r public=unknown kept=unknown\n" + strings.Replace(maybe, "to=web:8080", "dangling", 1), problem: "spec.routes[0].services: want a list"},
		{name: "a provider that is not read", yaml: rule(a, "{name: web@file, port: 80}"), want: "not modelled r public=unknown kept=unknown\n" + strings.Replace(plain, "to=web:8080", "dangling", 1)},
	})
	runRoutes(t, traefik(""), []routeCase{
		{name: "a Traefik whose file is not read", yaml: rule(a, web), want: `route r "a.example.com"/ tls=unknown public=unknown kept=no by=traefik to=web:8080`, because: "on which port entry point web listens is not known"},
	})
	runRoutes(t, traefik("--providers.kubernetesingress, --entryPoints.web.address=:8000"), []routeCase{
		{name: "a Traefik that does not read them", yaml: rule(a, web), want: none},
	})
	runRoutes(t, traefik(traefikArgs+", --providers.kubernetescrd.allowCrossNamespace=true, --entryPoints.web.http.redirections.entryPoint.to=websecure"), []routeCase{
		{name: "another namespace is open", yaml: strings.Replace(rule(a, "{name: web, namespace: shop, port: 80}"), "namespace: shop}\nspec", "namespace: other}\nspec", 1), want: strings.Replace(plain, "tls=no", "tls=unknown", 1)},
	})
	runRoutes(t, shop, []routeCase{
		{name: "no Traefik in the input", yaml: rule(a, web), want: `route r "a.example.com"/ tls=unknown public=unknown kept=no to=web:8080`, because: "no Traefik is in the input"},
	})
}
