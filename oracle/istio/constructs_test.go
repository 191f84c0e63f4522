package istio

// constructs is everything that the generator draws and a long run has to see decide a packet.
var constructs = []string{
	"AuthorizationPolicy of the mesh", "PeerAuthentication of a namespace", "PeerAuthentication of the mesh",
	"PeerAuthentication of workloads", "action ALLOW",
	"action ALLOW by default", "action CUSTOM", "action DENY", "dry run", "excludeInboundPorts", "hosts", "ipBlocks",
	"methods", "mtls DISABLE", "mtls PERMISSIVE", "mtls STRICT", "mtls UNSET", "namespaces", "no rules",
	"notHosts", "notIpBlocks", "notMethods", "notNamespaces", "notPaths", "notPorts", "notPrincipals",
	"notRemoteIpBlocks", "notServiceAccounts", "paths", "portLevelMtls DISABLE", "portLevelMtls PERMISSIVE",
	"portLevelMtls STRICT", "portLevelMtls UNSET", "ports", "principals", "remoteIpBlocks", "rule {}", "rules []",
	"selector", "serviceAccounts", "when connection.sni notValues", "when connection.sni values",
	"when destination.ip notValues", "when destination.ip values", "when destination.port notValues",
	"when destination.port values", "when request.auth.claims[iss] notValues",
	"when request.auth.claims[iss] values", "when request.headers[X-Flag] notValues",
	"when request.headers[X-Flag] values", "when source.ip notValues", "when source.ip values",
	"when source.namespace notValues", "when source.namespace values", "when source.principal notValues",
	"when source.principal values", "when source.serviceAccount notValues", "when source.serviceAccount values",
}

// inert is drawn, too, and decides nothing. The one only logs, and the other binds nobody
// (ComposePeerAuthentication).
var inert = []string{
	"action AUDIT", "PeerAuthentication with a selector in the root namespace",
}
