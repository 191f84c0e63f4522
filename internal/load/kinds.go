package load

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Kind is a kind that answers rest on. Exactly these are listed from a live cluster.
type Kind struct {
	Group    string
	Kind     string
	Resource string   // the plural in URLs
	Names    []string // only these objects of NamesIn are fetched, by name; empty: all are listed
	NamesIn  string
	Optional bool // not part of every cluster: its absence is no loss
}

// Kinds is the list, by group and kind. Secrets are not in it and never will be.
func Kinds() []Kind {
	core := func(kind, resource string) Kind { return Kind{Kind: kind, Resource: resource} }
	in := func(group string, pairs ...string) []Kind {
		var ks []Kind
		for i := 0; i < len(pairs); i += 2 {
			ks = append(ks, Kind{Group: group, Kind: pairs[i], Resource: pairs[i+1], Optional: true})
		}
		return ks
	}
	must := func(ks []Kind) []Kind {
		for i := range ks {
			ks[i].Optional = false
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
			{Kind: "ConfigMap", Resource: "configmaps", NamesIn: "kube-system", Names: []string{
				"amazon-vpc-cni", "antrea-agent-tweaker", "antrea-config", "calico-config", "canal-config", "cilium-config",
				"coredns", "kube-flannel-cfg", "kube-proxy", "kube-router-cfg", "weave-net",
			}},
		},
		must(in("apps", "DaemonSet", "daemonsets", "Deployment", "deployments", "ReplicaSet", "replicasets", "StatefulSet", "statefulsets")),
		must(in("batch", "CronJob", "cronjobs", "Job", "jobs")),
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
			"CiliumClusterwideEnvoyConfig", "ciliumclusterwideenvoyconfigs", "CiliumLoadBalancerIPPool", "ciliumloadbalancerippools"),
		in("crd.antrea.io", "ClusterNetworkPolicy", "clusternetworkpolicies", "NetworkPolicy", "networkpolicies",
			"ClusterGroup", "clustergroups", "Group", "groups", "Tier", "tiers"),
		in("k8s.ovn.org", "EgressFirewall", "egressfirewalls"),
		in("security.istio.io", "AuthorizationPolicy", "authorizationpolicies", "PeerAuthentication", "peerauthentications",
			"RequestAuthentication", "requestauthentications"),
		in("networking.istio.io", "DestinationRule", "destinationrules", "Gateway", "gateways", "ServiceEntry", "serviceentries",
			"Sidecar", "sidecars", "VirtualService", "virtualservices", "WorkloadEntry", "workloadentries", "WorkloadGroup", "workloadgroups"),
		in("policy.linkerd.io", "AuthorizationPolicy", "authorizationpolicies", "MeshTLSAuthentication", "meshtlsauthentications",
			"NetworkAuthentication", "networkauthentications", "Server", "servers", "ServerAuthorization", "serverauthorizations"),
		in("gateway.networking.k8s.io", "Gateway", "gateways", "GatewayClass", "gatewayclasses", "GRPCRoute", "grpcroutes",
			"HTTPRoute", "httproutes", "ListenerSet", "listenersets", "ReferenceGrant", "referencegrants", "TCPRoute", "tcproutes", "TLSRoute", "tlsroutes", "UDPRoute", "udproutes"),
		in("gateway.networking.x-k8s.io", "XListenerSet", "xlistenersets"),
		in("gateway.k8s.aws", "LoadBalancerConfiguration", "loadbalancerconfigurations"),
		in("route.openshift.io", "Route", "routes"),
		in("operator.openshift.io", "IngressController", "ingresscontrollers"),
		in("traefik.io", traefik()...),
		in("traefik.containo.us", traefik()...),
		in("projectcontour.io", "HTTPProxy", "httpproxies"),
		in("config.openshift.io", "Network", "networks"),
		in("operator.openshift.io", "Network", "networks"),
		in("operator.tigera.io", "Installation", "installations"),
		in("argoproj.io", "Rollout", "rollouts"),
		in("bulkhead.dev", "Segmentation", "segmentations"),
		in("kyverno.io", "ClusterPolicy", "clusterpolicies", "Policy", "policies"),
		must(in("admissionregistration.k8s.io", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations",
			"ValidatingWebhookConfiguration", "validatingwebhookconfigurations")),
		in("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "validatingadmissionpolicies",
			"ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
	)
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
		"Middleware", "middlewares", "TraefikService", "traefikservices",
	}
}

// kindTable finds the kinds that answers rest on.
func kindTable() map[object.GroupKind]Kind {
	m := map[object.GroupKind]Kind{}
	for _, k := range Kinds() {
		m[object.GroupKind{Group: k.Group, Kind: k.Kind}] = k
	}
	return m
}
