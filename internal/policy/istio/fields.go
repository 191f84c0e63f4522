package istio

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// fields is a line for every field of the kinds.
func fields() []policy.Field {
	const (
		authz, peer, request, sidecar, entry = "AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication", "Sidecar", "ServiceEntry"

		requests   = "decides about HTTP requests: kept and shown; an ALLOW rule allows the connection on ports that are declared HTTP and counts on no other; a DENY rule denies all of other ports"
		noBoundary = "says what the proxy knows or shapes traffic, and is no boundary"
		names      = "names hosts for the proxies; opens and closes nothing"
		token      = "a request without a token is let through, so no connection is refused"
		plugin     = "WasmPlugin"
		traffic    = "TrafficExtension"
		code       = "code in the proxy: it may refuse what policies allow, on every port and in the directions of match"
		identity   = "counts where the connection uses mTLS; under PERMISSIVE a client of the mesh may choose plain text, so a denial by identity is then undecided"
		waypoint   = "exact for a Gateway of this cluster; what acts at a waypoint is not modelled and leaves ambient pods undecided"
	)
	source, operation := "spec.rules[].from[].source", "spec.rules[].to[].operation"
	return slices.Concat(
		of(authz, true, "none selects every pod; in the root namespace those of all namespaces; labels that the injector adds are undecided", "spec.selector", "spec.selector.matchLabels{}"),
		of(authz, true, "ALLOW when missing; AUDIT has no effect", "spec.action"),
		of(authz, false, "an external authorizer decides: what it may deny is undecided", "spec.provider", "spec.provider.name"),
		of(authz, true, "none matches nothing, {} matches everything", "spec.rules[]"),
		of(authz, true, "", "spec.rules[].from[]", source, "spec.rules[].to[]", operation),
		of(authz, true, identity, source+".namespaces[]", source+".principals[]", source+".serviceAccounts[]"),
		of(authz, true, "plain text meets it", source+".notNamespaces[]", source+".notPrincipals[]", source+".notServiceAccounts[]"),
		of(authz, false, "exact for sidecars; undecided for ambient pods, whose agent does not look at it", source+".trustDomains[]", source+".notTrustDomains[]"),
		of(authz, true, "addresses of pods, nodes and hosts outside alike", source+".ipBlocks[]", source+".notIpBlocks[]"),
		of(authz, false, "what a proxy in front says is not modelled", source+".remoteIpBlocks[]", source+".notRemoteIpBlocks[]"),
		of(authz, false, requests, source+".requestPrincipals[]", source+".notRequestPrincipals[]",
			operation+".hosts[]", operation+".notHosts[]", operation+".methods[]", operation+".notMethods[]", operation+".paths[]", operation+".notPaths[]"),
		of(authz, true, "the port of the pod, not of the Service", operation+".ports[]", operation+".notPorts[]"),
		of(authz, true, "", "spec.rules[].when[]"),
		of(authz, false, "exact are source.ip, source.namespace, source.principal, source.serviceAccount and destination.port; request.* is about HTTP; the others are undecided",
			"spec.rules[].when[].key", "spec.rules[].when[].values[]", "spec.rules[].when[].notValues[]"),
		of(authz, false, waypoint, refs()...),

		of(peer, true, "none means the whole namespace, in the root namespace the whole mesh; with labels it has no effect there", "spec.selector", "spec.selector.matchLabels{}"),
		of(peer, true, "UNSET inherits; of several objects in one scope the oldest counts, and all are possible when their ages are not known", "spec.mtls", "spec.mtls.mode"),
		of(peer, true, "the port of the pod, not of the Service", "spec.portLevelMtls{}", "spec.portLevelMtls{}.mode"),

		of(request, true, "", "spec.selector", "spec.selector.matchLabels{}"),
		of(request, true, "what is attached to a gateway or waypoint is about requests as well", refs()...),
		of(request, true, token, below("spec.jwtRules[]", "audiences[]", "forwardOriginalToken", "fromCookies[]", "fromHeaders[]", "fromHeaders[].name",
			"fromHeaders[].prefix", "fromParams[]", "issuer", "jwks", "jwksUri", "jwks_uri", "outputClaimToHeaders[]", "outputClaimToHeaders[].claim",
			"outputClaimToHeaders[].header", "outputPayloadToHeader", "spaceDelimitedClaims[]", "timeout")...),

		of(sidecar, true, "", "spec.workloadSelector", "spec.workloadSelector.labels{}"),
		of(sidecar, true, noBoundary+"; a client that does not know all hosts is not taken to use mTLS", below("spec.egress[]", "bind", "captureMode", "hosts[]",
			"port", "port.name", "port.number", "port.protocol", "port.targetPort")...),
		of(sidecar, false, "with REGISTRY_ONLY what the proxy may stop is undecided", below("spec.outboundTrafficPolicy", "mode", "egressProxy", "egressProxy.host",
			"egressProxy.port", "egressProxy.port.number", "egressProxy.subset")...),
		of(sidecar, true, noBoundary, pool("spec.inboundConnectionPool")...),
		of(sidecar, false, "listeners of its own: which protocol a port speaks is then not known", below("spec.ingress[]", "bind", "captureMode", "defaultEndpoint",
			"port", "port.name", "port.number", "port.protocol", "port.targetPort")...),
		of(sidecar, true, noBoundary, pool("spec.ingress[].connectionPool")...),
		of(sidecar, false, "listeners of its own: which protocol a port speaks is then not known", below("spec.ingress[].tls", "caCertCredentialName", "caCertificates",
			"caCrl", "cipherSuites[]", "credentialName", "credentialNames[]", "httpsRedirect", "insecureSkipVerify", "maxProtocolVersion", "minProtocolVersion",
			"mode", "privateKey", "serverCertificate", "subjectAltNames[]", "tlsCertificates[]", "tlsCertificates[].caCertificates",
			"tlsCertificates[].privateKey", "tlsCertificates[].serverCertificate", "verifyCertificateHash[]", "verifyCertificateSpki[]")...),

		of(plugin, false, code, extension("spec.", "targetRef", "targetRef.group", "targetRef.kind", "targetRef.name", "targetRef.namespace")...),
		of(plugin, false, code, wasm("spec.")...),
		of(traffic, false, code, extension("spec.", "lua", "lua.inlineCode", "wasm")...),
		of(traffic, false, code, wasm("spec.wasm.")...),
		of(plugin, true, "none selects every pod; in the root namespace those of all namespaces", "spec.selector", "spec.selector.matchLabels{}"),
		of(traffic, true, "none selects every pod; in the root namespace those of all namespaces", "spec.selector", "spec.selector.matchLabels{}"),

		of(entry, true, names, "spec.addresses[]", "spec.exportTo[]", "spec.hosts[]", "spec.location", "spec.resolution", "spec.subjectAltNames[]",
			"spec.workloadSelector", "spec.workloadSelector.labels{}"),
		of(entry, true, names, below("spec.endpoints[]", "address", "labels{}", "locality", "network", "ports{}", "serviceAccount", "weight")...),
		of(entry, true, names, below("spec.ports[]", "name", "number", "protocol", "targetPort")...),
	)
}

func of(kind string, exact bool, remark string, paths ...string) []policy.Field {
	var out []policy.Field
	for _, p := range paths {
		out = append(out, policy.Field{Kinds: []string{kind}, Path: p, Exact: exact, Remark: remark})
	}
	return out
}

// below is a path and those of the fields in it.
func below(path string, names ...string) []string {
	out := []string{path}
	for _, n := range names {
		out = append(out, path+"."+n)
	}
	return out
}

func refs() []string {
	return slices.Concat(below("spec.targetRef", "group", "kind", "name", "namespace"), below("spec.targetRefs[]", "group", "kind", "name", "namespace"))
}

// extension is the fields that the two kinds of extensions share, and more.
func extension(path string, more ...string) []string {
	var out []string
	for _, n := range append(more, "match[]", "match[].mode", "match[].ports[]", "match[].ports[].number", "phase", "priority",
		"targetRefs[]", "targetRefs[].group", "targetRefs[].kind", "targetRefs[].name", "targetRefs[].namespace") {
		out = append(out, path+n)
	}
	return out
}

// wasm is the fields of a module.
func wasm(path string) []string {
	var out []string
	for _, n := range []string{
		"failStrategy", "imagePullPolicy", "imagePullSecret", "pluginConfig", "pluginName", "sha256", "type", "url", "verificationKey",
		"vmConfig", "vmConfig.env[]", "vmConfig.env[].name", "vmConfig.env[].value", "vmConfig.env[].valueFrom",
	} {
		out = append(out, path+n)
	}
	return out
}

func pool(path string) []string {
	return below(path, "http", "http.h2UpgradePolicy", "http.http1MaxPendingRequests", "http.http2KeepAlive", "http.http2KeepAlive.interval",
		"http.http2KeepAlive.timeout", "http.http2MaxRequests", "http.idleTimeout", "http.maxConcurrentStreams", "http.maxRequestsPerConnection",
		"http.maxRetries", "http.useClientProtocol", "tcp", "tcp.connectTimeout", "tcp.idleTimeout", "tcp.maxConnectionDuration", "tcp.maxConnections",
		"tcp.tcpKeepalive", "tcp.tcpKeepalive.interval", "tcp.tcpKeepalive.probes", "tcp.tcpKeepalive.time")
}
