package load

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Kind is a kind that answers rest on. Exactly these are listed from a live cluster.
type Kind struct {
	Group    string
	Kind     string
	Resource string   // the plural in URLs, for messages: a server says itself where it serves the kind
	Names    []string // only these objects of NamesIn are fetched, by name; empty: all are listed
	NamesIn  string
	// Match are names, or beginnings of names that end in "*": only such objects are fetched, of any namespace.
	// Of all others the server sends nothing but metadata, of which nothing is kept. Except are names left out.
	Match, Except []string
	With          string // an API group: where the cluster does not have it, the kind is not read
	Wide          bool   // objects of other namespaces matter to the pods of one, so all namespaces are read
	Optional      bool   // not part of every cluster: its absence is no loss
	Aside         bool   // no answer about connections rests on it: a cluster read without it may still be complete
}

// Kinds is the list, in the order of reading. A kind may be there twice, with other names. Secrets are not in it
// and never will be.
func Kinds() []Kind {
	core := func(kind, resource string) Kind { return Kind{Kind: kind, Resource: resource} }
	in := func(group string, pairs ...string) []Kind {
		var ks []Kind
		for i := 0; i < len(pairs); i += 2 {
			ks = append(ks, Kind{Group: group, Kind: pairs[i], Resource: pairs[i+1], Optional: true})
		}
		return ks
	}
	wide := func(ks []Kind) []Kind {
		for i := range ks {
			ks[i].Wide = true
		}
		return ks
	}
	matching := func(with string, match ...string) Kind {
		return Kind{Kind: "ConfigMap", Resource: "configmaps", Match: match, With: with}
	}
	must := func(ks []Kind) []Kind {
		for i := range ks {
			ks[i].Optional = false
		}
		return ks
	}
	aside := func(ks []Kind) []Kind {
		for i := range ks {
			ks[i].Aside = true
		}
		return ks
	}
	return slices.Concat(
		[]Kind{
			core("Namespace", "namespaces"),
			core("Node", "nodes"),
			core("Pod", "pods"),
			core("Service", "services"),
			core("Endpoints", "endpoints"),
			core("ReplicationController", "replicationcontrollers"),
			core("ServiceAccount", "serviceaccounts"),
			{Kind: "PersistentVolumeClaim", Resource: "persistentvolumeclaims", Optional: true},
			{Kind: "ConfigMap", Resource: "configmaps", NamesIn: "kube-system", Names: []string{
				"amazon-vpc-cni", "antrea-agent-tweaker", "antrea-config", "calico-config", "canal-config", "cilium-config",
				"coredns", "kube-flannel-cfg", "kube-proxy", "kube-router-cfg", "weave-net",
			}},
			{Kind: "ConfigMap", Resource: "configmaps", NamesIn: "kube-system", Names: []string{"aws-auth", "kubelet-config"}, Aside: true},
			{Kind: "ConfigMap", Resource: "configmaps", NamesIn: "kube-public", Names: []string{"cluster-info"}, Aside: true},
			istioConfig(),
			matching("crd.antrea.io", "antrea-config-*"),
			matching("k8s.ovn.org", "ovnkube-config"),
		},
		must(in("apps", "DaemonSet", "daemonsets", "Deployment", "deployments", "ReplicaSet", "replicasets", "StatefulSet", "statefulsets")),
		must(in("batch", "CronJob", "cronjobs", "Job", "jobs")),
		in("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
		must(in("discovery.k8s.io", "EndpointSlice", "endpointslices")),
		must(in("networking.k8s.io", "Ingress", "ingresses", "IngressClass", "ingressclasses", "NetworkPolicy", "networkpolicies")),
		in("networking.k8s.io", "IPAddress", "ipaddresses", "ServiceCIDR", "servicecidrs"),
		in("policy.networking.k8s.io", "AdminNetworkPolicy", "adminnetworkpolicies",
			"BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies", "ClusterNetworkPolicy", "clusternetworkpolicies"),
		in("crd.projectcalico.org", calico()...),
		in("projectcalico.org", calico()...),
		in("cilium.io", "CiliumNetworkPolicy", "ciliumnetworkpolicies", "CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies",
			"CiliumCIDRGroup", "ciliumcidrgroups", "CiliumLocalRedirectPolicy", "ciliumlocalredirectpolicies",
			"CiliumEgressGatewayPolicy", "ciliumegressgatewaypolicies", "CiliumEnvoyConfig", "ciliumenvoyconfigs",
			"CiliumClusterwideEnvoyConfig", "ciliumclusterwideenvoyconfigs", "CiliumLoadBalancerIPPool", "ciliumloadbalancerippools",
			"CiliumNodeConfig", "ciliumnodeconfigs"),
		in("crd.antrea.io", "ClusterNetworkPolicy", "clusternetworkpolicies", "NetworkPolicy", "networkpolicies",
			"ClusterGroup", "clustergroups", "Group", "groups", "Tier", "tiers"),
		in("security.antrea.tanzu.vmware.com", "ClusterNetworkPolicy", "clusternetworkpolicies", "NetworkPolicy", "networkpolicies"),
		in("k8s.ovn.org", "ClusterUserDefinedNetwork", "clusteruserdefinednetworks", "EgressFirewall", "egressfirewalls",
			"UserDefinedNetwork", "userdefinednetworks"),
		in("network.openshift.io", "EgressNetworkPolicy", "egressnetworkpolicies"),
		in("kubeovn.io", "SecurityGroup", "security-groups"),
		in("networking.gke.io", "FQDNNetworkPolicy", "fqdnnetworkpolicies", "MultiClusterIngress", "multiclusteringresses",
			"MultiClusterService", "multiclusterservices"),
		in("networking.k8s.aws", "ApplicationNetworkPolicy", "applicationnetworkpolicies", "ClusterNetworkPolicy", "clusternetworkpolicies"),
		in("vpcresources.k8s.aws", "SecurityGroupPolicy", "securitygrouppolicies"),
		in("eks.amazonaws.com", "IngressClassParams", "ingressclassparams", "NodeClass", "nodeclasses"),
		in("crd.nsx.vmware.com", "SecurityPolicy", "securitypolicies"),
		in("nsx.vmware.com", "SecurityPolicy", "securitypolicies"),
		in("neuvector.com", "NvClusterSecurityRule", "nvclustersecurityrules", "NvGroupDefinition", "nvgroupdefinitions",
			"NvSecurityRule", "nvsecurityrules"),
		in("security.kubearmor.com", "KubeArmorClusterPolicy", "kubearmorclusterpolicies", "KubeArmorPolicy", "kubearmorpolicies"),
		in("k8s.cni.cncf.io", "MultiNetworkPolicy", "multi-networkpolicies"),
		wide(in("security.istio.io", "AuthorizationPolicy", "authorizationpolicies", "PeerAuthentication", "peerauthentications",
			"RequestAuthentication", "requestauthentications")),
		wide(in("networking.istio.io", "DestinationRule", "destinationrules", "EnvoyFilter", "envoyfilters", "Gateway", "gateways",
			"Sidecar", "sidecars", "WorkloadEntry", "workloadentries", "WorkloadGroup", "workloadgroups")),
		in("networking.istio.io", "ServiceEntry", "serviceentries", "VirtualService", "virtualservices"),
		wide(in("extensions.istio.io", "TrafficExtension", "trafficextensions", "WasmPlugin", "wasmplugins")),
		wide(in("install.istio.io", "IstioOperator", "istiooperators")),
		in("sailoperator.io", "Istio", "istios"),
		in("policy.linkerd.io", "AuthorizationPolicy", "authorizationpolicies", "EgressNetwork", "egressnetworks",
			"MeshTLSAuthentication", "meshtlsauthentications", "NetworkAuthentication", "networkauthentications",
			"Server", "servers", "ServerAuthorization", "serverauthorizations"),
		in("consul.hashicorp.com", "ServiceIntentions", "serviceintentions"),
		in("auth.consul.hashicorp.com", "TrafficPermissions", "trafficpermissions"),
		in("kuma.io", "MeshPassthrough", "meshpassthroughs", "MeshTrafficPermission", "meshtrafficpermissions",
			"TrafficPermission", "trafficpermissions"),
		in("access.smi-spec.io", "TrafficTarget", "traffictargets"),
		in("policy.openservicemesh.io", "Egress", "egresses", "IngressBackend", "ingressbackends"),
		in("gateway.networking.k8s.io", "Gateway", "gateways", "GatewayClass", "gatewayclasses", "GRPCRoute", "grpcroutes",
			"HTTPRoute", "httproutes", "ListenerSet", "listenersets", "ReferenceGrant", "referencegrants", "TCPRoute", "tcproutes", "TLSRoute", "tlsroutes", "UDPRoute", "udproutes"),
		in("gateway.networking.x-k8s.io", "XListenerSet", "xlistenersets"),
		in("gateway.k8s.aws", "LoadBalancerConfiguration", "loadbalancerconfigurations"),
		in("route.openshift.io", "Route", "routes"),
		in("operator.openshift.io", "IngressController", "ingresscontrollers"),
		in("traefik.io", traefik()...),
		in("traefik.containo.us", traefik()...),
		in("projectcontour.io", "HTTPProxy", "httpproxies"),
		in("k8s.nginx.org", "TransportServer", "transportservers", "VirtualServer", "virtualservers"),
		in("configuration.konghq.com", "TCPIngress", "tcpingresses", "UDPIngress", "udpingresses"),
		in("getambassador.io", "Listener", "listeners", "Mapping", "mappings", "TCPMapping", "tcpmappings"),
		in("x.getambassador.io", "Listener", "listeners", "Mapping", "mappings", "TCPMapping", "tcpmappings"),
		in("multicluster.x-k8s.io", "ServiceExport", "serviceexports"),
		in("elbv2.k8s.aws", "IngressClassParams", "ingressclassparams"),
		in("metallb.io", "IPAddressPool", "ipaddresspools"),
		in("config.openshift.io", "Network", "networks"),
		in("operator.openshift.io", "Network", "networks"),
		in("operator.tigera.io", "Installation", "installations"),
		in("argoproj.io", "Rollout", "rollouts"),
		in("bulkhead.dev", "Segmentation", "segmentations"),
		in("kyverno.io", "ClusterPolicy", "clusterpolicies", "Policy", "policies"),
		must(in("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations",
			"ValidatingWebhookConfiguration", "validatingwebhookconfigurations")),
		aside(in("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", "ClusterRoleBinding", "clusterrolebindings",
			"Role", "roles", "RoleBinding", "rolebindings")),
		aside(in("monitoring.coreos.com", "Alertmanager", "alertmanagers", "PodMonitor", "podmonitors", "Probe", "probes", "Prometheus", "prometheuses",
			"PrometheusAgent", "prometheusagents", "PrometheusRule", "prometheusrules", "RemoteWrite", "remotewrites", "ScrapeConfig", "scrapeconfigs", "ServiceMonitor", "servicemonitors")),
		aside(in("opentelemetry.io", "OpenTelemetryCollector", "opentelemetrycollectors")),
		aside(in("elasticsearch.k8s.elastic.co", "Elasticsearch", "elasticsearches")),
		aside(in("kibana.k8s.elastic.co", "Kibana", "kibanas")),
		aside(in("logging.banzaicloud.io", "ClusterOutput", "clusteroutputs", "Output", "outputs")),
		aside(in("logging.openshift.io", "ClusterLogForwarder", "clusterlogforwarders")),
		aside(in("observability.openshift.io", "ClusterLogForwarder", "clusterlogforwarders")),
		aside(in("externaldns.k8s.io", "DNSEndpoint", "dnsendpoints")),
		aside(in("argoproj.io", "Application", "applications")),
		aside(in("kustomize.toolkit.fluxcd.io", "Kustomization", "kustomizations")),
		aside(in("helm.toolkit.fluxcd.io", "HelmRelease", "helmreleases")),
		aside(in("cert-manager.io", "Certificate", "certificates")),
		aside(in("certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests")),
		aside(in("apiregistration.k8s.io", "APIService", "apiservices")),
		in("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "validatingadmissionpolicies",
			"ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
	)
}

// istioConfig is the ConfigMaps that Istio's control plane and injector read, of any revision and in whatever
// namespace; not the certificates that it puts into every namespace.
func istioConfig() Kind {
	return Kind{
		Kind: "ConfigMap", Resource: "configmaps", With: "networking.istio.io",
		Match: []string{"istio", "istio-*"}, Except: []string{"istio-ca-root-cert", "istio-ca-crl"},
	}
}

func calico() []string {
	return []string{
		"BGPConfiguration", "bgpconfigurations", "FelixConfiguration", "felixconfigurations",
		"GlobalNetworkPolicy", "globalnetworkpolicies", "GlobalNetworkSet", "globalnetworksets", "HostEndpoint", "hostendpoints",
		"IPPool", "ippools", "KubeControllersConfiguration", "kubecontrollersconfigurations",
		"NetworkPolicy", "networkpolicies", "NetworkSet", "networksets", "Profile", "profiles",
		"StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies", "StagedKubernetesNetworkPolicy", "stagedkubernetesnetworkpolicies",
		"StagedNetworkPolicy", "stagednetworkpolicies", "Tier", "tiers",
	}
}

func traefik() []string {
	return []string{
		"IngressRoute", "ingressroutes", "IngressRouteTCP", "ingressroutetcps", "IngressRouteUDP", "ingressrouteudps",
		"Middleware", "middlewares", "TLSOption", "tlsoptions", "TraefikService", "traefikservices",
	}
}

// matches tells whether an object of this name is to be fetched.
func (k Kind) matches(name string) bool {
	return !slices.Contains(k.Except, name) && slices.ContainsFunc(k.Match, func(pattern string) bool {
		start, open := strings.CutSuffix(pattern, "*")
		return name == pattern || open && strings.HasPrefix(name, start)
	})
}

// kindTable finds the kinds that answers rest on.
func kindTable() map[object.GroupKind]Kind {
	m := map[object.GroupKind]Kind{}
	for _, k := range Kinds() {
		m[object.GroupKind{Group: k.Group, Kind: k.Kind}] = k
	}
	return m
}
