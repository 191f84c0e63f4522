package enforcer

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// adminGroup is the group of the upstream policies of cluster administrators.
const adminGroup = "policy.networking.k8s.io"

// The kinds of adminGroup. The first two are v1alpha1, and gave way to the third, v1alpha2.
var (
	adminKind    = object.GroupKind{Group: adminGroup, Kind: "AdminNetworkPolicy"}
	baselineKind = object.GroupKind{Group: adminGroup, Kind: "BaselineAdminNetworkPolicy"}
	clusterKind  = object.GroupKind{Group: adminGroup, Kind: "ClusterNetworkPolicy"}
)

// Honours tells whether the engine acts on objects of a kind. It speaks of kinds that decide about traffic
// and says nothing of others. Kinds of a mesh, and of agents that run beside any engine, do not hang on the
// engine.
func (p Profile) Honours(gk object.GroupKind) Answer {
	if strings.HasPrefix(gk.Kind, "Staged") { // Calico: staged policies are never enforced
		return No
	}
	switch gk.Group {
	case "security.istio.io", "networking.istio.io", "extensions.istio.io":
		return p.Mesh
	case "policy.linkerd.io", "consul.hashicorp.com", "auth.consul.hashicorp.com", "kuma.io":
		return Yes
	case "k8s.cni.cncf.io", "neuvector.com", "vpcresources.k8s.aws": // by controllers of their own
		return Unknown
	case "networking.k8s.io", "extensions":
		return p.Enforces
	}
	if p.Enforces != Yes {
		return p.Enforces
	}
	if i := slices.IndexFunc(p.Kinds, func(k KindAnswer) bool { return k.Kind == gk }); i >= 0 {
		return p.Kinds[i].Honour
	}
	return honoursByName(p.Name, gk)
}

// honoursByName is what the name of an engine tells of a kind. Kinds that came with some version, or with a
// switch, are Unknown: Detect knows more.
func honoursByName(name string, gk object.GroupKind) Answer {
	only := func(engine string, a Answer) Answer {
		if name == engine {
			return a
		}
		return No
	}
	switch gk.Group {
	case "projectcalico.org", "crd.projectcalico.org":
		return only("calico", Yes)
	case "cilium.io":
		if name == "gke" { // CiliumClusterwideNetworkPolicy when switched on (GKE API, NetworkConfig); nothing is said of others
			return Unknown
		}
		return only("cilium", Yes)
	case "crd.antrea.io", "controlplane.antrea.io":
		return only("antrea", Yes)
	case "k8s.ovn.org":
		return only("ovn-kubernetes", Yes)
	case "network.openshift.io": // OpenShift SDN's; OVN-Kubernetes has EgressFirewall in its place (OpenShift, "Migrating")
		return No
	case "networking.k8s.aws": // with a version and a mode of the cluster (Amazon EKS, "Network policies")
		return only("aws", Unknown)
	case "networking.gke.io": // with a switch (GKE, "Control Pod egress traffic using FQDN network policies")
		return only("gke", Unknown)
	case adminGroup:
		return honoursAdmin(name, gk)
	}
	return Unknown
}

// honoursAdmin is about the policies of administrators.
func honoursAdmin(name string, gk object.GroupKind) Answer {
	switch name {
	case "kube": // who states it means what the APIs of Kubernetes say
		return Yes
	case "weave", "azure":
		return No // both were given up before that API came
	case "cilium":
		if gk == clusterKind { // since 1.20 with enable-k8s-cluster-network-policy
			return Unknown
		}
		return No // watches no other kind of the group (cilium 1.20.2, pkg/policy/k8s/watcher.go)
	}
	// Antrea: a feature gate that is off by default ("AdminNetworkPolicy API Support in Antrea"). OVN-Kubernetes: a
	// switch ("AdminNetworkPolicy"; off in OpenShift 4.14). Calico: one kind up to 3.31 and the other since 3.32
	// (release notes). kube-network-policies: an image of its own for each (its README).
	return Unknown
}

// setKind notes what is known of a kind. A second answer that differs leaves it open.
func (p *Profile) setKind(gk object.GroupKind, a Answer) {
	for i := range p.Kinds {
		if p.Kinds[i].Kind == gk {
			p.Kinds[i].Honour = agree(p.Kinds[i].Honour, a)
			return
		}
	}
	p.Kinds = append(p.Kinds, KindAnswer{Kind: gk, Honour: a})
	slices.SortFunc(p.Kinds, func(a, b KindAnswer) int {
		return cmp.Or(cmp.Compare(a.Kind.Group, b.Kind.Group), cmp.Compare(a.Kind.Kind, b.Kind.Kind))
	})
}

// closedBy notes a setting that may close pods which no policy selects.
func (p *Profile) closedBy(e Evidence) {
	p.ClosedBy = append(p.ClosedBy, e)
	slices.SortFunc(p.ClosedBy, Evidence.compare)
	p.ClosedBy = slices.Compact(p.ClosedBy)
}
