package exposure

// The fields of each kind, from the CRDs of the versions named. ":any" is a part that has no bearing on who
// is reached, and is not looked into.

// Gateway API v1.7.0, experimental channel.
const (
	parentFields = ` parentRefs[]{group kind name namespace port:int sectionName} useDefaultGateways `
	refFields    = ` group kind name namespace port:int `
	authFields   = ` externalAuth{backendRef{` + refFields + `} forwardBody:any grpc:any http:any protocol} `
	mirrorFields = ` requestMirror{backendRef{` + refFields + `} fraction{denominator:int numerator:int} percent:int} `
	filterFields = ` filters[]{type cors:any extensionRef{group kind name} requestHeaderModifier:any responseHeaderModifier:any
		urlRewrite:any requestRedirect:any` + authFields + mirrorFields + `} `
	grpcFilterFields = ` filters[]{type extensionRef{group kind name} requestHeaderModifier:any responseHeaderModifier:any` + mirrorFields + `} `
	routeStatus      = ` status{parents[]{conditions[]{type status reason message:any lastTransitionTime:any observedGeneration:any}
		controllerName parentRef{group kind name namespace port:int sectionName}}} `
	selectorFields = ` selector{matchExpressions[]{key operator values[]} matchLabels{}} `
	listenerFields = ` listeners[]{name hostname port:int protocol
		allowedRoutes{kinds[]{group kind} namespaces{from` + selectorFields + `}}
		filters{requests[]{type extensionRef{group kind name}` + authFields + `}}
		tls{certificateRefs[]{group kind name namespace} mode options{}}} `

	gatewayClassFields = `spec{controllerName description:any parametersRef{group kind name namespace}}`
	gatewayFields      = `spec{gatewayClassName addresses[]{routability type value} allowedListeners{namespaces{from` + selectorFields + `}} defaultScope
		infrastructure{annotations{} labels{} parametersRef{group kind name}}` + listenerFields + ` tls:any}
		status{addresses[]{routability type value} attachedListenerSets:any conditions:any listeners:any}`
	listenerSetFields = `spec{parentRef{group kind name namespace}` + listenerFields + `}`
	httpRouteFields   = `spec{hostnames[]` + parentFields + `rules[]{name retry:any sessionPersistence:any timeouts:any
		backendRefs[]{weight:int` + refFields + filterFields + `}` + filterFields + `
		matches[]{headers:any method path{type value} queryParams:any}}}` + routeStatus
	grpcRouteFields = `spec{hostnames[]` + parentFields + `rules[]{name sessionPersistence:any
		backendRefs[]{weight:int` + refFields + grpcFilterFields + `}` + grpcFilterFields + `
		matches[]{headers:any method{method service type}}}}` + routeStatus
	tlsRouteFields = `spec{hostnames[]` + parentFields + `rules[]{name backendRefs[]{weight:int` + refFields + `}}}` + routeStatus
	l4RouteFields  = `spec{` + parentFields + `rules[]{name backendRefs[]{weight:int` + refFields + `}}}` + routeStatus
	grantFields    = `spec{from[]{group kind namespace} to[]{group kind name}}`
)

// Istio 1.31.
const (
	destinationFields  = ` destination{host port{number:int} subset} `
	istioGatewayFields = `spec{selector{} servers[]{bind defaultEndpoint hosts[] name port{name number:int protocol targetPort:int}
		tls{mode httpsRedirect:bool credentialName:any credentialNames:any caCertCredentialName:any caCertificates:any caCrl:any cipherSuites:any
		insecureSkipVerify:any maxProtocolVersion:any minProtocolVersion:any privateKey:any serverCertificate:any subjectAltNames:any
		tlsCertificates:any verifyCertificateHash:any verifyCertificateSpki:any}}}`
	virtualServiceFields = `spec{exportTo[] gateways[] hosts[]
		http[]{name corsPolicy:any delegate{name namespace} directResponse:any fault:any headers:any
			match[]{authority{exact prefix regex} gateways[] headers:any ignoreUriCase:any method:any name port:int queryParams:any scheme:any
				sourceLabels:any sourceNamespace:any statPrefix:any uri{exact prefix regex} withoutHeaders:any}
			mirror{host port{number:int} subset} mirrorPercent:int mirrorPercentage{value:num} mirror_percent:int
			mirrors[]{` + destinationFields + `percentage{value:num}}
			redirect:any retries:any rewrite:any route[]{` + destinationFields + `headers:any weight:int} timeout:any}
		tcp[]{match[]{destinationSubnets:any gateways[] port:int sourceLabels:any sourceNamespace:any sourceSubnet:any}
			route[]{` + destinationFields + `weight:int}}
		tls[]{match[]{destinationSubnets:any gateways[] port:int sniHosts[] sourceLabels:any sourceNamespace:any}
			route[]{` + destinationFields + `weight:int}}}`
)

// OpenShift API of 2025-09.
const openshiftRouteFields = `spec{alternateBackends[]{kind name weight:int} host httpHeaders:any path port{targetPort:port} subdomain
	tls{caCertificate:any certificate:any destinationCACertificate:any externalCertificate:any insecureEdgeTerminationPolicy key:any termination}
	to{kind name weight:int} wildcardPolicy}
	status{ingress[]{conditions[]{type status reason message:any lastTransitionTime:any} host routerCanonicalHostname routerName wildcardPolicy}}`

// Traefik 3.5; its older versions have no other fields that matter.
const (
	traefikBackend = ` name namespace port:port weight:int nativeLB:any nodePortLB:any serversTransport:any `
	traefikHTTP    = traefikBackend + ` kind healthCheck:any passiveHealthCheck:any passHostHeader:any responseForwarding:any scheme:any
		sticky:any strategy:any `
	traefikTLS         = ` certResolver:any domains:any options:any secretName:any store:any `
	ingressRouteFields = `spec{entryPoints[] parentRefs[]{name namespace} routes[]{kind match middlewares:any observability:any priority:any syntax
		services[]{` + traefikHTTP + `}} tls{` + traefikTLS + `}}`
	ingressRouteTCPFields = `spec{entryPoints[] routes[]{match middlewares:any priority:any syntax
		services[]{` + traefikBackend + ` proxyProtocol:any terminationDelay:any tls:any}} tls{passthrough:bool` + traefikTLS + `}}`
	ingressRouteUDPFields = `spec{entryPoints[] routes[]{services[]{` + traefikBackend + `}}}`
	traefikServiceFields  = `spec{weighted{services[]{` + traefikHTTP + `} sticky:any}
		mirroring{maxBodySize:any mirrorBody:any mirrors[]{percent:int` + traefikHTTP + `}` + traefikHTTP + `}}`
)

// Contour 1.33.
const (
	contourServices = ` services[]{name port:int weight:int mirror:bool protocol:any healthPort:any cookieRewritePolicies:any
		requestHeadersPolicy:any responseHeadersPolicy:any slowStartPolicy:any validation:any} `
	contourConditions = ` conditions[]{exact header:any prefix queryParameter:any regex} `
	httpProxyFields   = `spec{ingressClassName includes[]{name namespace` + contourConditions + `}
		routes[]{` + contourConditions + contourServices + ` permitInsecure:bool requestRedirectPolicy:any directResponsePolicy:any
			ipAllowPolicy:any ipDenyPolicy:any authPolicy:any cookieRewritePolicies:any enableWebsockets:any healthCheckPolicy:any
			internalRedirectPolicy:any jwtVerificationPolicy:any loadBalancerPolicy:any pathRewritePolicy:any rateLimitPolicy:any
			requestHeadersPolicy:any responseHeadersPolicy:any retryPolicy:any timeoutPolicy:any}
		tcpproxy{` + contourServices + ` healthCheckPolicy:any include{name namespace} includes{name namespace} loadBalancerPolicy:any}
		virtualhost{fqdn authorization:any corsPolicy:any ipAllowPolicy:any ipDenyPolicy:any jwtProviders:any rateLimitPolicy:any
			tls{passthrough:bool secretName clientValidation:any enableFallbackCertificate:any maximumProtocolVersion:any minimumProtocolVersion:any}}}`
)
