package exposure_test

import (
	"strings"
	"testing"
)

func contourWith(args string) string {
	return shop + `
apiVersion: apps/v1
kind: Deployment
metadata: {name: contour, namespace: projectcontour}
spec: {template: {metadata: {labels: {app: contour}}, spec: {containers: [{name: contour, image: ghcr.io/projectcontour/contour, args: [serve` + args + `]}]}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: envoy, namespace: projectcontour}
spec: {template: {metadata: {labels: {app: envoy}}, spec: {containers: [{name: shutdown-manager, image: ghcr.io/projectcontour/contour}, {name: envoy, image: docker.io/envoyproxy/envoy, ports: [{containerPort: 8080}, {containerPort: 8443}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: envoy, namespace: projectcontour}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {app: envoy}, ports: [{name: http, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 8443}]}
---
`
}

func httpProxy(name, spec string) string {
	return "apiVersion: projectcontour.io/v1\nkind: HTTPProxy\nmetadata: {name: " + name + ", namespace: shop}\nspec: {" + spec + "}\n---\n"
}

func TestContour(t *testing.T) {
	const vhost = "virtualhost: {fqdn: a.example.com}, "
	const secret = "virtualhost: {fqdn: a.example.com, tls: {secretName: c}}, "
	const web = "services: [{name: web, port: 80}]"
	plain := `route p tcp/80 "a.example.com"/ tls=no public=yes kept=no by=envoy to=web:8080`
	secure := `route p tcp/443 "a.example.com"/ tls=yes public=yes kept=no by=envoy to=web:8080`
	dangling := strings.Replace(plain, "to=web:8080", "dangling", 1)
	maybe := strings.Replace(plain, "public=yes", "public=unknown", 1)
	none := `route p "a.example.com" tls=unknown public=no kept=no from=none dangling`
	orphan := `route c "" tls=unknown public=no kept=no from=none dangling`
	runRoutes(t, contourWith(""), []routeCase{
		{name: "in clear text", yaml: httpProxy("p", vhost+"routes: [{"+web+"}]"), want: plain, because: "its controller looks to be DaemonSet projectcontour/envoy"},
		{name: "TLS, redirecting", yaml: httpProxy("p", secret+"routes: [{"+web+"}]"), want: secure},
		{
			name: "TLS, and clear text for one route", yaml: httpProxy("p", secret+"routes: [{"+web+"}, {conditions: [{prefix: /open}], permitInsecure: true, "+web+"}]"),
			want: strings.Replace(plain, `"/`, `"/open`, 1) + "\n" + secure + "\n" + strings.Replace(secure, `"/`, `"/open`, 1),
		},
		{name: "TLS passed on", yaml: httpProxy("p", "virtualhost: {fqdn: a.example.com, tls: {passthrough: true}}, tcpproxy: {"+web+"}"), want: strings.Replace(secure, `"/`, `"`, 1), because: "TLS is passed on unopened"},
		{name: "a tcpproxy takes the place of routes for TLS", yaml: httpProxy("p", secret+"tcpproxy: {"+web+"}, routes: [{services: [{name: pay, port: 80}]}]"), want: strings.Replace(secure, `"/`, `"`, 1)},
		{name: "included", yaml: httpProxy("p", vhost+"includes: [{name: c, conditions: [{prefix: /x}]}]") + httpProxy("c", "routes: [{conditions: [{prefix: /y}], "+web+"}]"), want: strings.Replace(plain, `"/`, `"/x/y`, 1), because: "by way of HTTPProxy shop/c"},
		{name: "included by nobody", yaml: httpProxy("c", "routes: [{"+web+"}]"), want: orphan, because: "no root HTTPProxy includes it"},
		{name: "an include that is not there", yaml: httpProxy("p", vhost+"includes: [{name: c}]"), want: dangling, because: "HTTPProxy shop/c, which it includes, is not in the input"},
		{
			name: "an included root", yaml: httpProxy("p", vhost+"includes: [{name: c}]") + httpProxy("c", "virtualhost: {fqdn: b.example.com}, routes: [{"+web+"}]"),
			want: strings.Replace(strings.Replace(plain, "route p", "route c", 1), `"a.`, `"b.`, 1) + "\n" + dangling, because: "is a root, and cannot be included",
		},
		{name: "an included tcpproxy", yaml: httpProxy("p", "virtualhost: {fqdn: a.example.com, tls: {passthrough: true}}, tcpproxy: {include: {name: c}}") + httpProxy("c", "tcpproxy: {"+web+"}"), want: strings.Replace(secure, `"/`, `"`, 1)},
		{name: "services are of the namespace of their proxy", yaml: httpProxy("p", vhost+"includes: [{name: c, namespace: other}]") + strings.Replace(httpProxy("c", "routes: [{"+web+"}]"), "namespace: shop", "namespace: other", 1), want: dangling, because: "Service other/web is not in the input"},
		{name: "weights", yaml: httpProxy("p", vhost+"routes: [{services: [{name: web, port: 80, weight: 10}, {name: pay, port: 80}]}]"), want: plain, because: "pay has weight 0"},
		{name: "no weights", yaml: httpProxy("p", vhost+"routes: [{services: [{name: web, port: 80}, {name: pay, port: 80}]}]"), want: strings.Replace(plain, "to=web", "to=pay:9000 to=web", 1)},
		{name: "a mirror", yaml: httpProxy("p", vhost+"routes: [{services: [{name: web, port: 80, weight: 10}, {name: pay, port: 80, mirror: true}]}]"), want: strings.Replace(plain, "to=web", "to=pay:9000 to=web", 1)},
		{name: "a redirect", yaml: httpProxy("p", vhost+"routes: [{requestRedirectPolicy: {hostname: b}}]"), want: dangling, because: "answers with a redirect"},
		{name: "two roots of one host", yaml: httpProxy("p", vhost+"routes: [{"+web+"}]") + httpProxy("q", vhost+"routes: []"), want: maybe + "\n" + strings.Replace(none, "route p", "route q", 1), because: "has the same fqdn"},
		{name: "a class of its own", yaml: httpProxy("p", "ingressClassName: other, "+vhost+"routes: [{"+web+"}]"), want: maybe, because: "takes class other is not known"},

		{
			name: "includes in a circle", yaml: httpProxy("p", vhost+"includes: [{name: c}], routes: [{"+web+"}]") + httpProxy("c", "includes: [{name: c}]"),
			want: "not modelled p public=unknown kept=unknown\n" + maybe, because: "what it includes is not understood in full",
		},
		{
			name: "includes without end", yaml: httpProxy("p", vhost+"includes: ["+strings.Repeat("{name: c}, ", 50)+"{name: c}]") + httpProxy("c", "includes: ["+strings.Repeat("{name: d}, ", 50)+"{name: d}]") + httpProxy("d", "includes: ["+strings.Repeat("{name: e}, ", 50)+"{name: e}]"),
			want: "not modelled p public=unknown kept=unknown\n" + strings.Replace(maybe, "to=web:8080", "dangling", 1),
		},
		{name: "an unknown field", yaml: httpProxy("p", vhost+"routes: [{"+web+"}], route: []"), want: "not modelled p public=unknown kept=unknown\n" + maybe, problem: "spec.route: unknown field"},
		{
			name: "an unknown field of an included proxy", yaml: httpProxy("p", vhost+"includes: [{name: c}]") + httpProxy("c", "routes: [{"+web+", x: 1}]"),
			want: "not modelled c public=unknown kept=unknown\nnot modelled p public=unknown kept=unknown\n" + maybe, problem: "spec.routes[0].x: unknown field",
		},
		{name: "a tcpproxy without TLS", yaml: httpProxy("p", vhost+"tcpproxy: {"+web+"}, routes: [{"+web+"}]"), want: maybe, problem: "tcpproxy needs tls.passthrough"},
		{name: "a port that is a text", yaml: httpProxy("p", vhost+"routes: [{services: [{name: web, port: http}]}]"), want: "not modelled p public=unknown kept=unknown\n" + maybe, problem: "services[0].port: want a number"},
	})
	runRoutes(t, contourWith(", --ingress-class-name=inner"), []routeCase{
		{name: "a Contour of another class", yaml: httpProxy("p", vhost+"routes: [{"+web+"}]"), want: none, because: "takes class inner only"},
		{name: "its own class", yaml: httpProxy("p", "ingressClassName: inner, "+vhost+"routes: [{"+web+"}]"), want: plain},
	})
	runRoutes(t, contourWith(", --root-namespaces=roots"), []routeCase{
		{name: "roots of other namespaces", yaml: httpProxy("p", vhost+"routes: [{"+web+"}]"), want: none, because: "takes roots of namespaces roots only"},
	})
	runRoutes(t, shop, []routeCase{
		{name: "no Contour in the input", yaml: httpProxy("p", vhost+"routes: [{"+web+"}]"), want: `route p tcp/80 "a.example.com"/ tls=no public=unknown kept=no to=web:8080`, because: "no Envoy of a Contour is in the input"},
	})
}
