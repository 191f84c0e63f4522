package cilium

// constructs is everything that the generator draws and a long run has to see decide a packet.
var constructs = []string{
	"CiliumClusterwideNetworkPolicy", "CiliumNetworkPolicy", "NetworkPolicy", "cidrGroupRef",
	"cidrGroupRef denied", "egress", "egress rules under policyTypes [Ingress]", "egress: []", "egressDeny",
	"egressDeny: []", "enableDefaultDeny.egress: false", "enableDefaultDeny.egress: true",
	"enableDefaultDeny.ingress: false", "enableDefaultDeny.ingress: true", "endPort", "endPort before port",
	"endPort denied", "endPort of a NetworkPolicy", "endpointSelector DoesNotExist", "endpointSelector Exists",
	"endpointSelector In", "endpointSelector NotIn", "endpointSelector by cluster", "endpointSelector by label",
	"endpointSelector by label that is filtered", "endpointSelector by label under kubernetes.io",
	"endpointSelector by label with a source", "endpointSelector by service account",
	"endpointSelector matchLabels", "endpointSelector {}", "entity all", "entity all denied", "entity cluster",
	"entity cluster denied", "entity cluster-mesh", "entity cluster-mesh denied", "entity host",
	"entity host denied", "entity kube-apiserver", "entity kube-apiserver denied", "entity remote-node",
	"entity remote-node denied", "entity world", "entity world denied", "except", "except denied", "from... []",
	"from... [] denied", "fromCIDR", "fromCIDR denied", "fromCIDRSet", "fromCIDRSet denied", "fromEndpoints",
	"fromEndpoints denied", "fromEndpoints {}", "fromEndpoints {} denied", "fromNodes, refused", "icmps",
	"icmps denied", "ingress", "ingress rules under policyTypes [Egress]", "ingress: []", "ingressDeny",
	"ingressDeny: []", "ipBlock", "k8sService", "k8sServiceSelector", "named port", "named port denied",
	"named port in capitals", "named port of a NetworkPolicy", "named port of any protocol",
	"named port of any protocol denied", "namespaceSelector DoesNotExist", "namespaceSelector Exists",
	"namespaceSelector In", "namespaceSelector NotIn", "peer DoesNotExist", "peer Exists", "peer In", "peer NotIn",
	"peer by cluster", "peer by label", "peer by label that is filtered", "peer by label under kubernetes.io",
	"peer by label with a source", "peer by namespace", "peer by namespace labels", "peer by service account",
	"peer matchLabels", "policyTypes [Egress]", "port 0", "port 0 denied", "port of ANY", "port of ANY denied",
	"port without protocol", "port without protocol denied", "reserved label", "rules.http", "spec beside specs",
	"specs", "to... []", "to... [] denied", "toCIDR", "toCIDR denied", "toCIDRSet", "toCIDRSet denied",
	"toEndpoints", "toEndpoints denied", "toEndpoints {}", "toEndpoints {} denied", "toNodes, refused",
	"toPorts []", "toPorts [] denied", "toPorts without ports", "toPorts without ports denied",
	"two peer fields, refused",
}

// inert is drawn, too, and decides nothing. No packet has such an end, or the DNS answer is not there.
var inert = []string{
	"entity health", "entity health denied", "entity ingress", "entity ingress denied", "entity init",
	"entity init denied", "entity none", "entity none denied", "entity unmanaged", "entity unmanaged denied",
	"nodeSelector", "toFQDNs",
}
