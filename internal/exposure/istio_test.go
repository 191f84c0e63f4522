package exposure_test

import (
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// mesh is Istio's ingress gateway, public on ports 80 and 443, and on 15443 inside only.
const mesh = shop + `
apiVersion: apps/v1
kind: Deployment
metadata: {name: igw, namespace: istio-system}
spec: {template: {metadata: {labels: {istio: ingressgateway}}, spec: {containers: [{name: istio-proxy, image: istio/proxyv2, args: [proxy, router]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: igw, namespace: istio-system}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {istio: ingressgateway}, ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 443, targetPort: 8443}]}
---
apiVersion: v1
kind: Service
metadata: {name: igw-inner, namespace: istio-system}
spec: {selector: {istio: ingressgateway}, ports: [{port: 15443}]}
---
`

func istioGateway(servers string) string {
	return "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: istio-system}\nspec: {selector: {istio: ingressgateway}, servers: [" + servers + "]}\n---\n"
}

func virtualService(spec string) string {
	return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: shop}\nspec: {" + spec + "}\n---\n"
}

const (
	http80   = "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}"
	bound    = "gateways: [istio-system/gw], hosts: [a.example.com], "
	httpWeb  = "http: [{route: [{destination: {host: web}}]}]"
	vsWeb    = `route v tcp/80 "a.example.com"/ tls=no public=yes kept=no by=igw to=web:8080`
	vsNone   = `route v "a.example.com" tls=unknown public=no kept=no from=none dangling`
	gwUnused = `route gw "" tls=unknown public=no kept=no from=none dangling`
)

func TestIstioGateway(t *testing.T) {
	server := func(port, more string) string {
		return istioGateway("{port: {name: x, " + port + "}, hosts: ['*']" + more + "}")
	}
	runRoutes(t, mesh, []routeCase{
		{name: "bound", yaml: istioGateway(http80) + virtualService(bound+httpWeb), want: vsWeb, because: "LoadBalancer of Service istio-system/igw: public yes"},
		{name: "nothing bound", yaml: istioGateway(http80), want: gwUnused, because: "no VirtualService of the input is bound to port 80 of Gateway istio-system/gw"},
		{
			name: "no pod has the labels", yaml: strings.Replace(istioGateway(http80), "ingressgateway", "other", 1) + virtualService(bound+httpWeb),
			want: `route v tcp/80 "a.example.com"/ tls=no public=unknown kept=no to=web:8080`, because: "no pod of the input has the labels",
		},
		{name: "without a selector it is every gateway", yaml: strings.Replace(istioGateway(http80), "selector: {istio: ingressgateway}, ", "", 1) + virtualService(bound+httpWeb), want: vsWeb},
		{
			name: "a port that only a Service inside has", yaml: server("number: 15443, protocol: HTTP", "") + virtualService(bound+httpWeb),
			want: `route v tcp/15443 "a.example.com"/ tls=no public=unknown kept=no by=igw to=web:8080`, because: "none to the ports on which it takes this traffic",
		},
		{
			name: "a port of no Service", yaml: server("number: 9999, protocol: HTTP", "") + virtualService(bound+httpWeb),
			want: `route v tcp/9999 "a.example.com"/ tls=no public=unknown kept=no by=igw to=web:8080`, because: "which of these ways lead to port 9999",
		},
		{
			name: "bound to the loopback", yaml: server("number: 80, protocol: HTTP", ", bind: 127.0.0.1") + virtualService(bound+httpWeb),
			want: `route v tcp/80 "a.example.com"/ tls=no public=no kept=no from=none by=igw to=web:8080`,
		},
		{
			name: "TLS ended", yaml: server("number: 443, protocol: HTTPS", ", tls: {mode: SIMPLE, credentialName: c}") + virtualService(bound+httpWeb),
			want: `route v tcp/443 "a.example.com"/ tls=yes public=yes kept=no by=igw to=web:8080`,
		},
		{name: "redirects of clear text", yaml: server("number: 80, protocol: HTTP", ", tls: {httpsRedirect: true}") + virtualService(bound+httpWeb), want: strings.Replace(vsWeb, "tls=no", "tls=unknown", 1), because: "requests in clear text are redirected"},
		{name: "every Service of the mesh by name", yaml: server("number: 443, protocol: TLS", ", tls: {mode: AUTO_PASSTHROUGH}"), want: "not modelled gw public=unknown kept=unknown", because: "AUTO_PASSTHROUGH leads to every Service"},
	})
}

func TestVirtualServiceBinding(t *testing.T) {
	hosts := func(list string) string {
		return istioGateway("{port: {number: 80, name: http, protocol: HTTP}, hosts: [" + list + "]}")
	}
	runRoutes(t, mesh, []routeCase{
		{name: "for sidecars only", yaml: istioGateway(http80) + virtualService("hosts: [a.example.com], "+httpWeb), want: gwUnused},
		{name: "a gateway of its own namespace", yaml: strings.Replace(istioGateway(http80), "namespace: istio-system", "namespace: shop", 1) + virtualService("gateways: [mesh, gw], hosts: [a.example.com], "+httpWeb), want: vsWeb},
		{name: "a gateway by the older name", yaml: istioGateway(http80) + virtualService("gateways: [gw.istio-system.svc.cluster.local], hosts: [a.example.com], "+httpWeb), want: vsWeb},
		{
			name: "a gateway that is not in the input", yaml: virtualService("gateways: [gone], hosts: [a.example.com], " + httpWeb),
			want: `route v "a.example.com"/ tls=unknown public=unknown kept=no to=web:8080`, because: "Gateway shop/gone is not in the input",
		},
		{name: "a gateway that is not in the cluster", opt: cluster.Options{Complete: true}, yaml: virtualService("gateways: [gone], hosts: [a.example.com], " + httpWeb), want: vsNone},
		{name: "no host in common", yaml: hosts("b.example.com") + virtualService(bound+httpWeb), want: gwUnused + "\n" + vsNone, because: "has none of its hosts"},
		{name: "a host under a wildcard", yaml: hosts("'*.example.com'") + virtualService(bound+httpWeb), want: vsWeb},
		{name: "hosts of its namespace", yaml: hosts("'shop/*'") + virtualService(bound+httpWeb), want: vsWeb},
		{name: "hosts of the gateway's namespace", yaml: hosts("'./*'") + virtualService(bound+httpWeb), want: gwUnused + "\n" + vsNone},
		{name: "not exported", yaml: istioGateway(http80) + virtualService("exportTo: ['.'], "+bound+httpWeb), want: gwUnused + "\n" + vsNone, because: "it is not exported"},
		{name: "exported by name", yaml: istioGateway(http80) + virtualService("exportTo: [istio-system], "+bound+httpWeb), want: vsWeb},
	})
}

func TestVirtualServiceRules(t *testing.T) {
	rule := func(text string) string { return istioGateway(http80) + virtualService(bound+"http: ["+text+"]") }
	dangling := `route v tcp/80 "a.example.com"/ tls=no public=yes kept=no by=igw dangling`
	v1 := "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d, namespace: shop}\nspec: {host: web, subsets: [{name: one, labels: {version: v1}}, {name: two, labels: {version: v2}}]}\n---\n"
	passed := istioGateway("{port: {number: 443, name: tls, protocol: TLS}, hosts: ['*'], tls: {mode: PASSTHROUGH}}")
	delegate := "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: inner, namespace: shop}\nspec: {http: [{match: [{uri: {prefix: /a/b}}], route: [{destination: {host: web}}]}]}\n---\n"
	runRoutes(t, mesh, []routeCase{
		{name: "a full name and a port", yaml: rule("{route: [{destination: {host: pay.shop.svc.cluster.local, port: {number: 90}}}]}"), want: strings.Replace(vsWeb, "web:8080", "pay:9001", 1)},
		{name: "without a port it is that of the server", yaml: rule("{route: [{destination: {host: pay}}]}"), want: strings.Replace(vsWeb, "web:8080", "pay:9000", 1)},
		{name: "a name with a namespace is a full name", yaml: rule("{route: [{destination: {host: web.shop}}]}"), want: dangling, because: "Service shop/web was probably meant"},
		{name: "a short name is of the namespace of the VirtualService", yaml: strings.Replace(rule("{route: [{destination: {host: web}}]}"), "namespace: shop", "namespace: other", 1), want: dangling, because: "Service other/web is not in the input"},
		{name: "weights", yaml: rule("{route: [{destination: {host: web}, weight: 100}, {destination: {host: pay}, weight: 0}]}"), want: vsWeb, because: "pay has weight 0"},
		{name: "a single destination needs no weight", yaml: rule("{route: [{destination: {host: web}, weight: 0}]}"), want: vsWeb},
		{name: "a mirror", yaml: rule("{route: [{destination: {host: web}}], mirror: {host: pay}}"), want: strings.Replace(vsWeb, "to=web", "to=pay:9000 to=web", 1)},
		{name: "a redirect", yaml: rule("{redirect: {uri: /x}}"), want: dangling, because: "answers with a redirect"},
		{name: "a match for sidecars", yaml: rule("{match: [{gateways: [mesh]}], route: [{destination: {host: web}}]}"), want: dangling, because: "no rule of it is for traffic of this server"},
		{name: "a match of another port", yaml: rule("{match: [{port: 443}], route: [{destination: {host: web}}]}"), want: dangling},
		{name: "paths", yaml: rule("{match: [{uri: {prefix: /x}}], route: [{destination: {host: web}}]}"), want: strings.Replace(vsWeb, `"/`, `"/x`, 1)},
		{name: "a subset", yaml: v1 + rule("{route: [{destination: {host: web, subset: one}}]}"), want: vsWeb},
		{name: "a subset of no pods", yaml: v1 + rule("{route: [{destination: {host: web, subset: two}}]}"), want: dangling, because: "no pod is behind"},
		{name: "a subset of no rule", yaml: rule("{route: [{destination: {host: web, subset: one}}]}"), want: vsWeb, because: "has subset one"},
		{
			name: "a host of a ServiceEntry", yaml: rule("{route: [{destination: {host: x.example.com}}]}") + "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: s, namespace: shop}\nspec: {hosts: [x.example.com], ports: [{number: 80, name: http}], workloadSelector: {labels: {app: pay}}}\n",
			want: strings.Replace(vsWeb, "web:8080", "pay:0", 1),
		},
		{name: "delegated", yaml: rule("{match: [{uri: {prefix: /a}}], delegate: {name: inner}}") + delegate, want: strings.Replace(vsWeb, `"/`, `"/a/b`, 1), because: "delegated to VirtualService shop/inner"},
		{name: "delegated to nobody", yaml: rule("{delegate: {name: inner, namespace: other}}"), want: dangling, because: "VirtualService other/inner, which is not in the input"},
		{
			name: "TLS by name", yaml: passed + virtualService(bound+"tls: [{match: [{sniHosts: [a.example.com]}], route: [{destination: {host: web, port: {number: 80}}}]}], http: [{route: [{destination: {host: pay}}]}]"),
			want: `route v tcp/443 "a.example.com" tls=yes public=yes kept=no by=igw to=web:8080`, because: "for TLS to a.example.com",
		},
		{
			name: "connections", yaml: istioGateway("{port: {number: 443, name: tcp, protocol: TCP}, hosts: ['*']}") + virtualService(bound+"tcp: [{match: [{port: 443}], route: [{destination: {host: web, port: {number: 80}}}]}]"),
			want: `route v tcp/443 "a.example.com" tls=unknown public=yes kept=no by=igw to=web:8080`,
		},
	})
}

func TestIstioHostile(t *testing.T) {
	maybe := strings.Replace(vsWeb, "public=yes", "public=unknown", 1)
	runRoutes(t, mesh, []routeCase{
		{name: "an unknown field", yaml: istioGateway(http80) + virtualService(bound+"http: [{routes: [], route: [{destination: {host: web}}]}]"), want: "not modelled v public=unknown kept=unknown\n" + maybe, problem: "spec.http[0].routes: unknown field"},
		{name: "gateways that are no list", yaml: istioGateway(http80) + virtualService("gateways: istio-system/gw, hosts: [a], "+httpWeb), want: gwUnused + "\nnot modelled v public=unknown kept=unknown", problem: "spec.gateways: want a list"},
		{name: "hosts that are no list", yaml: istioGateway(http80) + virtualService("gateways: [istio-system/gw], hosts: a, "+httpWeb), want: gwUnused + "\nnot modelled v public=unknown kept=unknown", problem: "spec.hosts: want a list"},
		{name: "a negative weight", yaml: istioGateway(http80) + virtualService(bound+"http: [{route: [{destination: {host: web}, weight: -5}, {destination: {host: pay}, weight: 0}]}]"), want: vsWeb, problem: "weight -5"},
		{
			name: "a protocol that nobody knows", yaml: istioGateway("{port: {number: 80, name: x, protocol: SMTP}, hosts: ['*']}") + virtualService(bound+"tcp: [{route: [{destination: {host: web, port: {number: 80}}}]}]"),
			want: `route v tcp/80 "a.example.com" tls=unknown public=yes kept=no by=igw to=web:8080`, problem: "protocol SMTP",
		},
		{
			name: "a tls mode that nobody knows", yaml: istioGateway("{port: {number: 443, name: x, protocol: HTTPS}, hosts: ['*'], tls: {mode: MAYBE}}") + virtualService(bound+httpWeb),
			want: `route v tcp/443 "a.example.com"/ tls=unknown public=yes kept=no by=igw to=web:8080`, problem: "tls mode MAYBE",
		},
		{
			name: "a misread gateway", yaml: istioGateway(http80+", {port: 80}") + virtualService(bound+httpWeb),
			want: "not modelled gw public=unknown kept=unknown\n" + gwUnused + "\n" + maybe, problem: "spec.servers[1].port: want a map, got a number",
		},
		{
			name: "delegates in a circle", yaml: istioGateway(http80) + virtualService(bound+"http: [{delegate: {name: v}}]"),
			want: `route v tcp/80 "a.example.com"/ tls=no public=yes kept=no by=igw dangling`, because: "a delegate cannot delegate on",
		},
	})
}
