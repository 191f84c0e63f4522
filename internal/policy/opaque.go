package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// scope is whose traffic an opaque object can change.
type scope uint8

const (
	clusterWide  scope = iota // any pod
	ownNamespace              // pods of the object's namespace; any pod when it names none
)

// opaqueKind is a kind that decides about traffic and that no policy.Kind models. Restricts: it can only
// take away what the network layer allows.
type opaqueKind struct {
	scope     scope
	restricts bool
}

// opaqueKinds leaves out kinds that do nothing by themselves (tiers, groups, address sets) and copies that
// an engine computes of policies which are in the input anyway.
var opaqueKinds = map[object.GroupKind]opaqueKind{
	{Group: "crd.antrea.io", Kind: "NetworkPolicy"}:        {ownNamespace, false},
	{Group: "crd.antrea.io", Kind: "ClusterNetworkPolicy"}: {clusterWide, false},
	// The group that Antrea had before 1.0.
	{Group: "security.antrea.tanzu.vmware.com", Kind: "NetworkPolicy"}:        {ownNamespace, false},
	{Group: "security.antrea.tanzu.vmware.com", Kind: "ClusterNetworkPolicy"}: {clusterWide, false},

	{Group: "k8s.ovn.org", Kind: "EgressFirewall"}:               {ownNamespace, false},
	{Group: "network.openshift.io", Kind: "EgressNetworkPolicy"}: {ownNamespace, false},
	{Group: "networking.gke.io", Kind: "FQDNNetworkPolicy"}:      {ownNamespace, false},

	// Networks of their own for namespaces: pods of different ones do not meet, and have no way around
	// policies (ovn-kubernetes, "User defined networks").
	{Group: "k8s.ovn.org", Kind: "UserDefinedNetwork"}:        {ownNamespace, true},
	{Group: "k8s.ovn.org", Kind: "ClusterUserDefinedNetwork"}: {clusterWide, true},
	// On the ports of pods that an annotation names (kube-ovn, "Security Group").
	{Group: "kubeovn.io", Kind: "SecurityGroup"}: {clusterWide, true},

	{Group: "networking.k8s.aws", Kind: "ApplicationNetworkPolicy"}: {ownNamespace, false},
	{Group: "networking.k8s.aws", Kind: "ClusterNetworkPolicy"}:     {clusterWide, false},
	// Pods with security groups have an interface of their own, on which in some modes no policy is enforced
	// (Amazon EKS "Assign security groups to individual Pods", considerations).
	{Group: "vpcresources.k8s.aws", Kind: "SecurityGroupPolicy"}: {ownNamespace, false},

	{Group: "crd.nsx.vmware.com", Kind: "SecurityPolicy"}: {ownNamespace, false},
	{Group: "nsx.vmware.com", Kind: "SecurityPolicy"}:     {ownNamespace, false},

	{Group: "neuvector.com", Kind: "NvSecurityRule"}:        {ownNamespace, true},
	{Group: "neuvector.com", Kind: "NvGroupDefinition"}:     {clusterWide, true},
	{Group: "neuvector.com", Kind: "NvClusterSecurityRule"}: {clusterWide, true},

	// What processes may do, protocols of the network among it (KubeArmor "Security Policy Specification").
	{Group: "security.kubearmor.com", Kind: "KubeArmorPolicy"}:        {ownNamespace, true},
	{Group: "security.kubearmor.com", Kind: "KubeArmorClusterPolicy"}: {clusterWide, true},

	// Without policies it closes a node, apart from its profiles and the failsafe ports.
	{Group: "projectcalico.org", Kind: "HostEndpoint"}:     {clusterWide, true},
	{Group: "crd.projectcalico.org", Kind: "HostEndpoint"}: {clusterWide, true},

	// Policies of secondary networks: they never open what is closed on the primary one.
	{Group: "k8s.cni.cncf.io", Kind: "MultiNetworkPolicy"}: {ownNamespace, true},

	// Meshes come on top of the network layer: they only refuse.
	{Group: "policy.linkerd.io", Kind: "Server"}:                     {ownNamespace, true},
	{Group: "policy.linkerd.io", Kind: "ServerAuthorization"}:        {ownNamespace, true},
	{Group: "policy.linkerd.io", Kind: "AuthorizationPolicy"}:        {ownNamespace, true},
	{Group: "policy.linkerd.io", Kind: "EgressNetwork"}:              {clusterWide, true},
	{Group: "consul.hashicorp.com", Kind: "ServiceIntentions"}:       {clusterWide, true},
	{Group: "auth.consul.hashicorp.com", Kind: "TrafficPermissions"}: {clusterWide, true},
	{Group: "kuma.io", Kind: "MeshTrafficPermission"}:                {clusterWide, true},
	{Group: "kuma.io", Kind: "TrafficPermission"}:                    {clusterWide, true},
	{Group: "kuma.io", Kind: "MeshPassthrough"}:                      {clusterWide, true},
	{Group: "access.smi-spec.io", Kind: "TrafficTarget"}:             {clusterWide, true},
	{Group: "policy.openservicemesh.io", Kind: "Egress"}:             {clusterWide, true},
	{Group: "policy.openservicemesh.io", Kind: "IngressBackend"}:     {ownNamespace, true},
}

// OpaqueKinds is the kinds of the table, sorted by group and kind, for the documentation. Some may be compiled by
// a policy.Kind meanwhile.
func OpaqueKinds() []object.GroupKind {
	return slices.SortedFunc(maps.Keys(opaqueKinds), func(a, b object.GroupKind) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind))
	})
}

// FindOpaque lists, sorted by Ref, the objects that decide about traffic and are of no known kind: those of
// the table, and those of any kind whose name says that it is a network or firewall policy. known tells
// which kinds are compiled.
func FindOpaque(c *cluster.Cluster, known func(object.GroupKind) bool) []Opaque {
	var out []Opaque
	for _, o := range c.Objects {
		gk := o.Ref.GroupKind()
		if gk == ciliumWide && aboutNodes(o) {
			out = append(out, Opaque{Ref: o.Ref, Pos: o.Pos, Restricts: true, Hosts: true, Msg: ciliumHosts})
		}
		if known(gk) {
			continue
		}
		kind, listed := opaqueKinds[gk]
		if !listed && !soundsLikePolicy(gk) {
			continue
		}
		if !listed {
			kind = opaqueKind{ownNamespace, false}
		}
		op := Opaque{Ref: o.Ref, Pos: o.Pos, Restricts: kind.restricts}
		if kind.scope == ownNamespace {
			op.Namespace = o.Ref.Namespace
		}
		if gk.Kind == "HostEndpoint" {
			op.Hosts, op.Msg = true, calicoHosts
		}
		out = append(out, op)
	}
	return out
}

// ciliumWide is the kind whose rules are about nodes when they have a nodeSelector. What such rules do to nodes no
// kind can say, as policies bind pods only.
var ciliumWide = object.GroupKind{Group: "cilium.io", Kind: "CiliumClusterwideNetworkPolicy"}

const ciliumHosts = "it has a nodeSelector: where Cilium's host firewall is on, it decides which traffic nodes and host-network pods take part in"

const calicoHosts = "puts its node under Calico's policies, which decide which traffic the node and its host-network pods take part in; " +
	"failsafe ports of Felix (failsafeInboundHostPorts and failsafeOutboundHostPorts) are open in any case"

// aboutNodes tells whether one of the rules of o selects nodes.
func aboutNodes(o *object.Object) bool {
	for _, rule := range append([]*object.Value{o.Root.Get("spec")}, o.Root.Get("specs").List()...) {
		if rule.Get("nodeSelector") != nil {
			return true
		}
	}
	return false
}

// soundsLikePolicy judges kinds nobody listed by their name. Admission rules about policies, and the copies
// of policies that an engine keeps for its agents, decide about no traffic.
func soundsLikePolicy(gk object.GroupKind) bool {
	switch {
	case strings.HasSuffix(gk.Group, "gatekeeper.sh"), strings.HasSuffix(gk.Group, "kyverno.io"), gk.Group == "controlplane.antrea.io":
		return false
	case strings.HasSuffix(gk.Kind, "List"):
		return false
	}
	return strings.Contains(gk.Kind, "NetworkPolicy") || strings.Contains(gk.Kind, "FirewallPolicy")
}
