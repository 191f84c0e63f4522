package exposure_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
)

// edge is a Gateway of Istio with the pods and the Service that its controller made.
const edge = shop + `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: istio}
spec: {controllerName: istio.io/gateway-controller}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gw-istio, namespace: edge}
spec: {template: {metadata: {labels: {gateway.networking.k8s.io/gateway-name: gw}}, spec: {containers: [{name: istio-proxy, image: istio/proxyv2}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: gw-istio, namespace: edge, labels: {gateway.networking.k8s.io/gateway-name: gw}}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {gateway.networking.k8s.io/gateway-name: gw}, ports: [{name: a, port: 80}, {name: b, port: 443}]}
---
`

func gatewayOf(listeners string) string {
	return "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: edge}\nspec:\n  gatewayClassName: istio\n  listeners: [" + listeners + "]\n---\n"
}

// routeOf is a route of the namespace shop; spec is entries of a flow map.
func routeOf(kind, spec string) string {
	return "apiVersion: gateway.networking.k8s.io/v1\nkind: " + kind + "\nmetadata: {name: r, namespace: shop}\nspec: {" + spec + "}\n---\n"
}

const (
	httpAll   = "{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}"
	toGW      = "parentRefs: [{name: gw, namespace: edge}], "
	toWeb     = "rules: [{backendRefs: [{name: web, port: 80}]}]"
	plainWeb  = `route r tcp/80 ""/ tls=no public=yes kept=no by=gw-istio to=web:8080`
	maybeWeb  = `route r tcp/80 ""/ tls=no public=unknown kept=no by=gw-istio to=web:8080`
	unusedGW  = `route gw "" tls=unknown public=no kept=no from=none dangling`
	unattache = `route r "" tls=unknown public=no kept=no from=none dangling`
)

func TestGatewayAttachment(t *testing.T) {
	runRoutes(t, edge, []routeCase{
		{name: "attached by name", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", toGW+toWeb), want: plainWeb, because: "LoadBalancer of Service edge/gw-istio: public yes"},
		{
			name: "to one of two listeners by section", yaml: gatewayOf(httpAll+", {name: other, port: 443, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}") +
				routeOf("HTTPRoute", "parentRefs: [{name: gw, namespace: edge, sectionName: other}], "+toWeb),
			want: unusedGW + "\n" + strings.Replace(plainWeb, "80", "443", 1),
		},
		{name: "to listeners of a port", yaml: gatewayOf(httpAll+", {name: other, port: 443, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}") +
			routeOf("HTTPRoute", "parentRefs: [{name: gw, namespace: edge, port: 80}], "+toWeb), want: unusedGW + "\n" + plainWeb},
		{
			name: "to a section that is not there", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", "parentRefs: [{name: gw, namespace: edge, sectionName: https}], "+toWeb),
			want: unusedGW + "\n" + unattache, because: "has no listener https",
		},
		{
			name: "by default only from the namespace of the gateway", yaml: gatewayOf("{name: http, port: 80, protocol: HTTP}") + routeOf("HTTPRoute", toGW+toWeb),
			want: unusedGW + "\n" + unattache, because: "takes those of its own namespace edge only, not of shop",
		},
		{name: "from namespaces with a label", yaml: gatewayOf("{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {tier: front}}}}}") +
			routeOf("HTTPRoute", toGW+toWeb), want: plainWeb},
		{name: "not from namespaces without it", yaml: gatewayOf("{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {tier: back}}}}}") +
			routeOf("HTTPRoute", toGW+toWeb), want: unusedGW + "\n" + unattache, because: "by tier=back, which shop does not meet"},
		{
			name: "a namespace whose labels are not known", yaml: gatewayOf("{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {tier: back}}}}}") +
				strings.Replace(routeOf("HTTPRoute", toGW+"rules: []"), "namespace: shop", "namespace: other", 1),
			want: `route r tcp/80 ""/ tls=no public=unknown kept=no by=gw-istio dangling`, because: "the labels of namespace other are not in the input",
		},
		{
			name: "its name is always known", yaml: gatewayOf("{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: other}}}}}") +
				strings.Replace(routeOf("HTTPRoute", toGW+"rules: []"), "namespace: shop", "namespace: other", 1),
			want: `route r tcp/80 ""/ tls=no public=yes kept=no by=gw-istio dangling`,
		},
		{name: "the protocol carries other kinds", yaml: gatewayOf(httpAll) + routeOf("TCPRoute", toGW+toWeb), want: unusedGW + "\n" + unattache, because: "protocol HTTP does not carry a TCPRoute"},
		{
			name: "the kinds leave it out", yaml: gatewayOf("{name: http, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: GRPCRoute}], namespaces: {from: All}}}") + routeOf("HTTPRoute", toGW+toWeb),
			want: unusedGW + "\n" + unattache, because: "HTTPRoute is not among the kinds",
		},
		{
			name: "the kinds of another group", yaml: gatewayOf("{name: http, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{group: x.example.com, kind: HTTPRoute}], namespaces: {from: All}}}") + routeOf("HTTPRoute", toGW+toWeb),
			want: unusedGW + "\n" + unattache, because: "is not among the kinds",
		},
		{name: "no parent", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", toWeb), want: unusedGW + "\n" + unattache, because: "it names no parent"},
		{name: "a Service as parent is for the mesh", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", "parentRefs: [{group: '', kind: Service, name: web}], "+toWeb), want: unusedGW},
		{
			name: "a parent of a kind that is not known", yaml: routeOf("HTTPRoute", "parentRefs: [{group: x.example.com, kind: Edge, name: e}], "+toWeb),
			want: `route r ""/ tls=unknown public=unknown kept=no to=web:8080`, because: "group x.example.com is not modelled",
		},
		{
			name: "a gateway that is not in the input", yaml: routeOf("HTTPRoute", "parentRefs: [{name: gone}], hostnames: [a.example.com], "+toWeb),
			want: `route r "a.example.com"/ tls=unknown public=unknown kept=no to=web:8080`, because: "Gateway shop/gone is not in the input",
		},
		{name: "a gateway that is not in the cluster", opt: cluster.Options{Complete: true}, yaml: routeOf("HTTPRoute", "parentRefs: [{name: gone}], "+toWeb), want: unattache, because: "is not in the cluster"},
		{
			name: "the status does not accept it", yaml: gatewayOf(httpAll) + strings.Replace(routeOf("HTTPRoute", toGW+toWeb), "}]}]}\n---",
				"}]}]}\nstatus: {parents: [{controllerName: c, parentRef: {name: gw, namespace: edge}, conditions: [{type: Accepted, status: 'False', reason: NotAllowedByListeners}]}]}\n---", 1),
			want: maybeWeb, because: "does not accept it: NotAllowedByListeners",
		},
		{
			name: "the status accepts what it should not", yaml: gatewayOf("{name: http, port: 80, protocol: HTTP}") + strings.Replace(routeOf("HTTPRoute", toGW+toWeb), "}]}]}\n---",
				"}]}]}\nstatus: {parents: [{controllerName: c, parentRef: {name: gw, namespace: edge}, conditions: [{type: Accepted, status: 'True', reason: Accepted}]}]}\n---", 1),
			want: unusedGW + "\n" + `route r ""/ tls=unknown public=unknown kept=no to=web:8080`, because: "its status says that Gateway edge/gw accepts it",
		},
		{name: "routes that ask for the default gateway", yaml: strings.Replace(gatewayOf(httpAll), "  gatewayClassName", "  defaultScope: All\n  gatewayClassName", 1) + routeOf("HTTPRoute", "useDefaultGateways: All, "+toWeb), want: plainWeb},
	})
}

func TestGatewayHosts(t *testing.T) {
	listener := func(host string) string {
		return gatewayOf("{name: http, port: 80, protocol: HTTP, hostname: '" + host + "', allowedRoutes: {namespaces: {from: All}}}")
	}
	entry := func(host string) string { return strings.Replace(plainWeb, `""`, `"`+host+`"`, 1) }
	runRoutes(t, edge, []routeCase{
		{name: "the route's host under the listener's wildcard", yaml: listener("*.example.com") + routeOf("HTTPRoute", toGW+"hostnames: [A.example.com, b.example.org], "+toWeb), want: entry("a.example.com")},
		{name: "a wildcard is any number of labels", yaml: listener("*.example.com") + routeOf("HTTPRoute", toGW+"hostnames: [a.b.example.com], "+toWeb), want: entry("a.b.example.com")},
		{
			name: "a wildcard is not the name itself", yaml: listener("*.example.com") + routeOf("HTTPRoute", toGW+"hostnames: [example.com], "+toWeb),
			want:    `route gw "*.example.com" tls=unknown public=no kept=no from=none dangling` + "\n" + `route r "example.com" tls=unknown public=no kept=no from=none dangling`,
			because: "none of the hosts of the route is one of those",
		},
		{name: "the listener's host under the route's wildcard", yaml: listener("a.example.com") + routeOf("HTTPRoute", toGW+"hostnames: ['*.example.com'], "+toWeb), want: entry("a.example.com")},
		{name: "two wildcards meet in the narrower", yaml: listener("*.example.com") + routeOf("HTTPRoute", toGW+"hostnames: ['*.a.example.com'], "+toWeb), want: entry("*.a.example.com")},
		{name: "a route without hosts takes the listener's", yaml: listener("a.example.com") + routeOf("HTTPRoute", toGW+toWeb), want: entry("a.example.com")},
	})
}

func TestGatewayRules(t *testing.T) {
	rules := func(text string) string { return gatewayOf(httpAll) + routeOf("HTTPRoute", toGW+"rules: ["+text+"]") }
	dangling := `route r tcp/80 ""/ tls=no public=yes kept=no by=gw-istio dangling`
	runRoutes(t, edge, []routeCase{
		{
			name: "each path is an entry, once", yaml: rules("{matches: [{path: {value: /b}}, {path: {value: /a}}, {path: {value: /b}, method: GET}], backendRefs: [{name: web, port: 80}]}"),
			want: strings.Replace(plainWeb, `""/`, `""/a`, 1) + "\n" + strings.Replace(plainWeb, `""/`, `""/b`, 1),
		},
		{name: "weights", yaml: rules("{backendRefs: [{name: web, port: 80, weight: 1}, {name: pay, port: 80, weight: 0}]}"), want: plainWeb, because: "backend pay has weight 0"},
		{name: "all weights are 0", yaml: rules("{backendRefs: [{name: web, port: 80, weight: 0}]}"), want: dangling},
		{name: "a redirect has no backend", yaml: rules("{filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}"), want: dangling, because: "answers with a redirect"},
		{
			name: "a mirror is a target too", yaml: rules("{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: pay, port: 90}}}], backendRefs: [{name: web, port: 80}]}"),
			want: `route r tcp/80 ""/ tls=no public=yes kept=no by=gw-istio to=pay:9001 to=web:8080`, because: "mirrored to pay",
		},
		{name: "a mirror of nothing is none", yaml: rules("{filters: [{type: RequestMirror, requestMirror: {percent: 0, backendRef: {name: pay, port: 90}}}], backendRefs: [{name: web, port: 80}]}"), want: plainWeb},
		{
			name: "a mirror of one backend", yaml: rules("{backendRefs: [{name: web, port: 80, filters: [{type: RequestMirror, requestMirror: {backendRef: {name: pay, port: 80}}}]}]}"),
			want: `route r tcp/80 ""/ tls=no public=yes kept=no by=gw-istio to=pay:9000 to=web:8080`,
		},
		{
			name: "an external authorizer is shown every request", yaml: rules("{filters: [{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: pay, port: 80}}}], backendRefs: [{name: web, port: 80}]}"),
			want: `route r tcp/80 ""/ tls=no public=yes kept=no by=gw-istio to=pay:9000 to=web:8080`,
		},
		{
			name: "an extension may lead anywhere", yaml: rules("{filters: [{type: ExtensionRef, extensionRef: {group: x, kind: Why, name: z}}], backendRefs: [{name: web, port: 80}]}"),
			want: "not modelled r public=unknown kept=unknown\n" + plainWeb, because: "filter Why z is not read",
		},
		{name: "a name outside", yaml: rules("{backendRefs: [{name: outside, port: 80}]}"), want: dangling, because: "db.example.com, which may be outside"},
		{name: "no such Service or port", yaml: rules("{backendRefs: [{name: gone, port: 80}, {name: web, port: 81}]}"), want: dangling, because: "Service shop/web has no port 81"},
		{
			name: "a backend of another kind", yaml: rules("{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: b}, {name: web, port: 80}]}"),
			want: "not modelled r public=unknown kept=unknown\n" + plainWeb, because: "Backend shop/b of group gateway.envoyproxy.io is not modelled",
		},
		{name: "no rules", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", toGW+"hostnames: [a]"), want: strings.Replace(dangling, `""`, `"a"`, 1)},
		{
			name: "methods of gRPC are paths", yaml: gatewayOf(httpAll) + routeOf("GRPCRoute", toGW+"rules: [{matches: [{method: {service: a.B, method: Get}}], backendRefs: [{name: web, port: 80}]}]"),
			want: strings.Replace(plainWeb, `""/`, `""/a.B/Get`, 1),
		},
	})
}

func TestReferenceGrant(t *testing.T) {
	route := gatewayOf("{name: http, port: 80, protocol: HTTP}") +
		"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: edge}\nspec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]}\n---\n"
	grant := func(spec string) string {
		return route + "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {name: g, namespace: shop}\nspec: {" + spec + "}\n"
	}
	dangling := `route r tcp/80 ""/ tls=no public=yes kept=no by=gw-istio dangling`
	runRoutes(t, edge, []routeCase{
		{name: "none", yaml: route, want: dangling, because: "no ReferenceGrant of namespace shop allows HTTPRoutes of edge"},
		{name: "of all Services", yaml: grant("from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: edge}], to: [{group: '', kind: Service}]"), want: plainWeb},
		{name: "of this Service", yaml: grant("from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: edge}], to: [{group: '', kind: Service, name: web}]"), want: plainWeb},
		{name: "of another Service", yaml: grant("from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: edge}], to: [{group: '', kind: Service, name: pay}]"), want: dangling},
		{name: "for another kind", yaml: grant("from: [{group: gateway.networking.k8s.io, kind: TCPRoute, namespace: edge}], to: [{group: '', kind: Service}]"), want: dangling},
		{name: "for another namespace", yaml: grant("from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}], to: [{group: '', kind: Service}]"), want: dangling},
		{
			name: "one that is not understood", yaml: grant("from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: edge}], to: all"),
			want: maybeWeb, because: "is not understood, and may allow", problem: "spec.to: want a list, got a string",
		},
		{
			name: "a certificate of another namespace", yaml: gatewayOf("{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: c, namespace: shop}]}, allowedRoutes: {namespaces: {from: All}}}") + routeOf("HTTPRoute", toGW+toWeb),
			want: `route r tcp/443 ""/ tls=yes public=unknown kept=no by=gw-istio to=web:8080`, because: "may have no certificate: no ReferenceGrant",
		},
	})
}

func TestGatewayProtocols(t *testing.T) {
	all := ", allowedRoutes: {namespaces: {from: All}}}"
	runRoutes(t, edge, []routeCase{
		{
			name: "HTTPS", yaml: gatewayOf("{name: l, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}"+all) + routeOf("HTTPRoute", toGW+toWeb),
			want: `route r tcp/443 ""/ tls=yes public=yes kept=no by=gw-istio to=web:8080`,
		},
		{
			name: "HTTPS whose certificate comes from elsewhere", yaml: gatewayOf("{name: l, port: 443, protocol: HTTPS, tls: {options: {x: why}}"+all) + routeOf("HTTPRoute", toGW+toWeb),
			want: `route r tcp/443 ""/ tls=unknown public=yes kept=no by=gw-istio to=web:8080`,
		},
		{
			name: "TLS passed on", yaml: gatewayOf("{name: l, port: 443, protocol: TLS, tls: {mode: Passthrough}"+all) + routeOf("TLSRoute", toGW+"hostnames: [a.example.com], "+toWeb),
			want: `route r tcp/443 "a.example.com" tls=yes public=yes kept=no by=gw-istio to=web:8080`, because: "TLS is passed on unopened",
		},
		{name: "TLS passed on carries no TCPRoute", yaml: gatewayOf("{name: l, port: 443, protocol: TLS, tls: {mode: Passthrough}"+all) + routeOf("TCPRoute", toGW+toWeb), want: unusedGW + "\n" + unattache},
		{
			name: "TLS ended for connections", yaml: gatewayOf("{name: l, port: 443, protocol: TLS, tls: {mode: Terminate, certificateRefs: [{name: c}]}"+all) + routeOf("TCPRoute", toGW+toWeb),
			want: `route r tcp/443 "" tls=yes public=yes kept=no by=gw-istio to=web:8080`,
		},
		{
			name: "TCP ignores host names", yaml: gatewayOf("{name: l, port: 443, protocol: TCP, hostname: a.example.com"+all) + routeOf("TCPRoute", toGW+toWeb),
			want: `route r tcp/443 "" tls=unknown public=yes kept=no by=gw-istio to=web:8080`,
		},
		{
			name: "UDP on a port that no UDP Service has", yaml: gatewayOf("{name: l, port: 443, protocol: UDP"+all) + routeOf("UDPRoute", toGW+toWeb),
			want: `route r udp/443 "" tls=unknown public=unknown kept=no by=gw-istio to=web:8080`, because: "which of these ways lead to port 443 of the gateway is not known",
		},
		{
			name: "a protocol of the controller's own", yaml: gatewayOf("{name: l, port: 443, protocol: x.example.com/quic"+all) + routeOf("TCPRoute", toGW+toWeb),
			want: `route r tcp/443 "" tls=unknown public=unknown kept=no by=gw-istio to=web:8080`, because: "up to its controller",
		},
		{
			name: "a kind that the protocol does not carry, by name", yaml: gatewayOf("{name: l, port: 443, protocol: TCP, allowedRoutes: {kinds: [{kind: TLSRoute}], namespaces: {from: All}}}") + routeOf("TLSRoute", toGW+"hostnames: [a], "+toWeb),
			want: `route r tcp/443 "a" tls=unknown public=unknown kept=no by=gw-istio to=web:8080`, because: "allows TLSRoute by name",
		},
	})
}

// Who stands in front of a Gateway.
func TestGatewayFront(t *testing.T) {
	route := routeOf("HTTPRoute", "parentRefs: [{name: gw}], "+toWeb)
	gateway := func(class, more string) string {
		return "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw, namespace: shop}\nspec: {gatewayClassName: " + class + ", listeners: [{name: http, port: 80, protocol: HTTP}]" + more + "\n---\n" + route
	}
	class := func(controller string) string {
		return "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: c}\nspec: {controllerName: " + controller + "}\n---\n"
	}
	deployment := func(name, labels, image string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: infra}\nspec: {template: {metadata: {labels: {" + labels + "}}, spec: {containers: [{name: c, image: " + image + ", ports: [{containerPort: 8000}]}]}}}\n---\n"
	}
	service := func(name, kind, selector, ports string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: infra}\nspec: {type: " + kind + ", allocateLoadBalancerNodePorts: false, selector: {" + selector + "}, ports: [" + ports + "]}\n---\n"
	}
	envoy := "gateway.envoyproxy.io/owning-gateway-name: gw, gateway.envoyproxy.io/owning-gateway-namespace: shop"
	entry := func(public, by string) string {
		return strings.Replace(`route r tcp/80 ""/ tls=no public=P kept=no`+by+` to=web:8080`, "=P", "="+public, 1)
	}
	aws := class("gateway.k8s.aws/alb")
	lbc := func(scheme string) string {
		return "apiVersion: gateway.k8s.aws/v1beta1\nkind: LoadBalancerConfiguration\nmetadata: {name: lb, namespace: shop}\nspec: {scheme: " + scheme + "}\n---\n"
	}
	runRoutes(t, shop, []routeCase{
		{name: "nothing is known", yaml: gateway("c", "}"), want: entry("unknown", ""), because: "that its controller makes for Gateway shop/gw are not in the input"},
		{name: "a public address", yaml: gateway("c", "}\nstatus: {addresses: [{type: IPAddress, value: 203.0.113.7}]}"), want: entry("yes", ""), because: "203.0.113.7 of Gateway shop/gw is public"},
		{name: "a private address", yaml: gateway("c", "}\nstatus: {addresses: [{type: IPAddress, value: 10.0.0.7}]}"), want: entry("no", "")},
		{name: "GKE, external", yaml: gateway("gke-l7-gxlb", "}"), want: entry("yes", "")},
		{name: "GKE, internal", yaml: gateway("gke-l7-rilb", "}"), want: entry("no", "")},
		{name: "GKE, internal by name and public by address", yaml: gateway("gke-l7-rilb", "}\nstatus: {addresses: [{value: 203.0.113.7}]}"), want: entry("yes", "")},
		{name: "AWS", yaml: aws + gateway("c", "}"), want: entry("no", ""), because: "makes internal load balancers by default"},
		{name: "AWS, internet-facing", yaml: aws + lbc("internet-facing") + gateway("c", ", infrastructure: {parametersRef: {group: gateway.k8s.aws, kind: LoadBalancerConfiguration, name: lb}}}"), want: entry("yes", "")},
		{name: "AWS, parameters not in the input", yaml: aws + gateway("c", ", infrastructure: {parametersRef: {group: gateway.k8s.aws, kind: LoadBalancerConfiguration, name: lb}}}"), want: entry("unknown", "")},
		{name: "pods of Envoy Gateway in another namespace", yaml: deployment("envoy", envoy, "envoyproxy/envoy") + service("envoy", "LoadBalancer", envoy, "{port: 80, targetPort: 10080}") + gateway("c", "}"), want: entry("yes", " by=envoy")},
		{name: "an internal Service", yaml: deployment("envoy", envoy, "envoyproxy/envoy") + strings.Replace(service("envoy", "LoadBalancer", envoy, "{port: 80, targetPort: 10080}"), "namespace: infra}", "namespace: infra, annotations: {networking.gke.io/load-balancer-type: Internal}}", 1) + gateway("c", "}"), want: entry("no", " by=envoy")},
		{
			name: "only another port is public", yaml: deployment("envoy", envoy, "envoyproxy/envoy") + service("inner", "ClusterIP", envoy, "{port: 80, targetPort: 10080}") + service("outer", "LoadBalancer", envoy, "{port: 443, targetPort: 10443}") + gateway("c", "}"),
			want: entry("unknown", " by=envoy"), because: "none to the ports on which it takes this traffic",
		},
		{name: "another port of the Service leads to the same pod port", yaml: deployment("envoy", envoy, "envoyproxy/envoy") + service("inner", "ClusterIP", envoy, "{port: 80, targetPort: 10080}") + service("outer", "LoadBalancer", envoy, "{port: 8888, targetPort: 10080}") + gateway("c", "}"), want: entry("yes", " by=envoy")},
		{name: "nothing leads to its pods", yaml: deployment("envoy", envoy, "envoyproxy/envoy") + gateway("c", "}"), want: entry("unknown", " by=envoy"), because: "nothing in the input leads to the controller from outside"},
		{name: "Cilium has a Service without pods", yaml: "apiVersion: v1\nkind: Service\nmetadata: {name: cilium-gateway-gw, namespace: shop, labels: {io.cilium.gateway/owning-gateway: gw}}\nspec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, ports: [{port: 80}]}\n---\n" + gateway("cilium", "}"), want: entry("yes", "")},
		{name: "a Service that the Gateway asks for", yaml: deployment("istio", "app: istio", "istio/proxyv2") + service("istio", "LoadBalancer", "app: istio", "{port: 80}") + gateway("c", ", addresses: [{type: Hostname, value: istio.infra.svc.cluster.local}]}"), want: entry("yes", " by=istio")},
		{name: "the one Traefik of all Gateways", yaml: class("traefik.io/gateway-controller") + deployment("traefik", "app: t", "traefik:v3") + service("t", "LoadBalancer", "app: t", "{port: 80, targetPort: 8000}") + gateway("c", "}"), want: entry("yes", " by=traefik")},
		{name: "labels of a Gateway of the same name elsewhere", yaml: deployment("envoy", "gateway.networking.k8s.io/gateway-name: gw", "envoyproxy/envoy") + gateway("c", "}"), want: entry("unknown", "")},
	})
}

func TestListenerSets(t *testing.T) {
	set := "apiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\nmetadata: {name: more, namespace: shop}\nspec: {parentRef: {name: gw, namespace: edge}, listeners: [{name: extra, port: 80, protocol: HTTP}]}\n---\n"
	gateway := func(allowed string) string {
		return strings.Replace(gatewayOf(""), "  gatewayClassName", "  "+allowed+"\n  gatewayClassName", 1)
	}
	route := routeOf("HTTPRoute", "parentRefs: [{kind: ListenerSet, name: more}], "+toWeb)
	runRoutes(t, edge, []routeCase{
		{name: "a gateway takes none by default", yaml: gatewayOf("") + set + routeOf("HTTPRoute", toWeb), want: unattache + "\n" + strings.Replace(unusedGW, " gw ", " more ", 1), because: "does not take its listeners"},
		{name: "nor a route to them", yaml: gatewayOf("") + set + route, want: unattache + "\n" + strings.Replace(unusedGW, " gw ", " more ", 1), because: "no Gateway takes the listeners of ListenerSet shop/more"},
		{name: "a route to a set that is not in the input", yaml: gatewayOf("") + route, want: `route r ""/ tls=unknown public=unknown kept=no to=web:8080`, because: "ListenerSet shop/more is not in the input"},
		{name: "of every namespace", yaml: gateway("allowedListeners: {namespaces: {from: All}}") + set + route, want: plainWeb, because: "listener extra of ListenerSet shop/more takes it"},
		{name: "of a namespace with a label", yaml: gateway("allowedListeners: {namespaces: {from: Selector, selector: {matchLabels: {tier: front}}}}") + set + route, want: plainWeb},
		{name: "a gateway that is not in the input", yaml: set, want: "not modelled more public=unknown kept=unknown", because: "Gateway edge/gw is not in the input"},
	})
}

// What the API server refuses, or no version knows.
func TestGatewayHostile(t *testing.T) {
	flawedWeb := "not modelled r public=unknown kept=unknown\n" + maybeWeb
	runRoutes(t, edge, []routeCase{
		{name: "an unknown field of a rule", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", toGW+"rules: [{backendRefs: [{name: web, port: 80}], backends: []}]"), want: flawedWeb, problem: "in.yaml:57: HTTPRoute shop/r: spec.rules[0].backends: unknown field"},
		{
			name: "parents that are no list", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", "parentRefs: {name: gw}, "+toWeb),
			want: unusedGW + "\nnot modelled r public=unknown kept=unknown\n" + unattache, problem: "spec.parentRefs: want a list, got a map",
		},
		{
			name: "a host that is a number", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", toGW+"hostnames: [7], "+toWeb),
			want: strings.Replace(flawedWeb, `""`, `"7"`, 1), problem: "hostnames[0]: want a string, got a number",
		},
		{name: "no spec", yaml: "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\n", want: "not modelled r public=unknown kept=unknown\n" + unattache, problem: "no spec"},
		{name: "no port of a Service", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", toGW+"rules: [{backendRefs: [{name: web}]}]"), want: maybeWeb, problem: "backend web names no port"},
		{name: "a negative weight", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", toGW+"rules: [{backendRefs: [{name: web, port: 80, weight: -1}]}]"), want: plainWeb, problem: "weight -1"},
		{
			name: "a port out of range", yaml: gatewayOf("{name: l, port: 99999, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}") + routeOf("HTTPRoute", toGW+toWeb),
			want: `route r ""/ tls=no public=yes kept=no by=gw-istio to=web:8080`, problem: "port 99999 of listener l",
		},
		{name: "from somewhere else", yaml: gatewayOf("{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Elsewhere}}}") + routeOf("HTTPRoute", toGW+toWeb), want: maybeWeb, problem: "from Elsewhere: want All"},
		{name: "a selector that is not there", yaml: gatewayOf("{name: l, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector}}}") + routeOf("HTTPRoute", toGW+toWeb), want: maybeWeb, because: "its selector of namespaces is not understood"},
		{
			name: "a filter that nobody knows", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", toGW+"rules: [{filters: [{type: Teleport}], backendRefs: [{name: web, port: 80}]}]"),
			want: "not modelled r public=unknown kept=unknown\n" + plainWeb, problem: "filter of type Teleport is not known",
		},
		{
			name: "a gateway that is misread", yaml: gatewayOf(httpAll+", {name: x, port: eighty, protocol: HTTP, tls: no}") + routeOf("HTTPRoute", toGW+toWeb),
			want: "not modelled gw public=unknown kept=unknown\n" + unusedGW + "\n" + maybeWeb, problem: "spec.listeners[1].port: want a number, got a string",
		},
		{name: "a redirect beside backends", yaml: gatewayOf(httpAll) + routeOf("HTTPRoute", toGW+"rules: [{filters: [{type: RequestRedirect, requestRedirect: {}}], backendRefs: [{name: web, port: 80}]}]"), want: plainWeb},
	})
}

// A route of absurd size is drawn together, and its targets stay.
func TestGatewayAbsurdSize(t *testing.T) {
	var hosts, paths []string
	for i := range 200 {
		hosts = append(hosts, fmt.Sprintf("h%d.example.com", i))
		paths = append(paths, fmt.Sprintf("{path: {value: /%d}}", i))
	}
	set := find(t, edge+gatewayOf(httpAll)+routeOf("HTTPRoute", toGW+"hostnames: ["+strings.Join(hosts, ", ")+"], rules: [{matches: ["+strings.Join(paths, ", ")+"], backendRefs: [{name: web, port: 80}]}]"), cluster.Options{})
	var got []string
	for _, e := range set.Entries {
		if e.Kind == exposure.Route {
			got = append(got, line(e))
		}
	}
	if len(got) != 1 || got[0] != plainWeb {
		t.Errorf("got %d entries, want one that leads to web: %q", len(got), got[:min(3, len(got))])
	}
}
