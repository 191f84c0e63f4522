package cluster

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// scope is where objects of a kind live. The zero value is for kinds that nobody listed.
type scope uint8

const (
	scopeUnknown scope = iota
	scopeNamespace
	scopeCluster
)

// kinds tells the scope of the kinds of one API group: those in but are the exception.
type kinds struct {
	scope scope
	but   []string
}

// kindsOf gives the API groups of which every kind that matters here is known, from their resource
// definitions.
func kindsOf(group string) (k kinds, ok bool) {
	switch group {
	case "apps", "apps.openshift.io", "autoscaling", "batch", "discovery.k8s.io", "route.openshift.io", "security.istio.io",
		"networking.istio.io", "policy.linkerd.io", "k8s.cni.cncf.io", "traefik.io", "traefik.containo.us", "projectcontour.io",
		"k8s.nginx.org", "getambassador.io", "metallb.io", "serving.knative.dev":
		return kinds{scopeNamespace, nil}, true
	case "":
		return kinds{scopeNamespace, []string{"Namespace", "Node", "PersistentVolume", "ComponentStatus"}}, true
	case "extensions", "policy":
		return kinds{scopeNamespace, []string{"PodSecurityPolicy"}}, true
	case "networking.k8s.io":
		return kinds{scopeNamespace, []string{"IngressClass", "IPAddress", "ServiceCIDR"}}, true
	case "rbac.authorization.k8s.io":
		return kinds{scopeNamespace, []string{"ClusterRole", "ClusterRoleBinding"}}, true
	case "gateway.networking.k8s.io":
		return kinds{scopeNamespace, []string{"GatewayClass"}}, true
	case "argoproj.io":
		return kinds{scopeNamespace, []string{"ClusterWorkflowTemplate", "ClusterAnalysisTemplate"}}, true
	case "policy.networking.k8s.io", "config.openshift.io":
		return kinds{scopeCluster, nil}, true
	case "crd.projectcalico.org", "projectcalico.org":
		return kinds{scopeCluster, []string{"NetworkPolicy", "NetworkSet", "StagedNetworkPolicy", "StagedKubernetesNetworkPolicy"}}, true
	}
	return kinds{}, false
}

// scopeOf looks a kind up.
func scopeOf(gk object.GroupKind) scope {
	if g, ok := kindsOf(gk.Group); ok {
		if !slices.Contains(g.but, gk.Kind) {
			return g.scope
		}
		if g.scope == scopeCluster {
			return scopeNamespace
		}
		return scopeCluster
	}
	in := func(names ...string) bool { return slices.Contains(names, gk.Kind) }
	switch gk.Group {
	case "cilium.io":
		switch {
		case in("CiliumNetworkPolicy", "CiliumEndpoint", "CiliumEnvoyConfig", "CiliumLocalRedirectPolicy", "CiliumNodeConfig"):
			return scopeNamespace
		case in("CiliumClusterwideNetworkPolicy", "CiliumCIDRGroup", "CiliumEgressGatewayPolicy", "CiliumClusterwideEnvoyConfig",
			"CiliumLoadBalancerIPPool", "CiliumIdentity", "CiliumNode"):
			return scopeCluster
		}
	case "crd.antrea.io":
		switch {
		case in("NetworkPolicy", "Group"):
			return scopeNamespace
		case in("ClusterNetworkPolicy", "ClusterGroup", "Tier"):
			return scopeCluster
		}
	case "k8s.ovn.org":
		if in("EgressFirewall", "EgressQoS", "EgressService", "UserDefinedNetwork") {
			return scopeNamespace
		}
	case "kyverno.io":
		switch {
		case in("Policy"):
			return scopeNamespace
		case in("ClusterPolicy"):
			return scopeCluster
		}
	}
	return scopeUnknown
}

// ClusterScoped tells whether objects of the kind have no namespace. Kinds that nobody listed count as cluster
// scoped, because inventing a namespace for them would be a guess.
func ClusterScoped(gk object.GroupKind) bool { return scopeOf(gk) != scopeNamespace }
