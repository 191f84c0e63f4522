package enforcer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// full is an engine that does all that upstream documents.
func full(name string) Profile {
	return Profile{
		Name: name, Stated: true, Enforces: Yes, PodsByAddr: Yes, NodesByAddr: Yes,
		EndPort: Yes, SCTP: Yes, Egress: Yes, OtherProtocols: Unknown,
		NodePeers: Unknown, RulesAlways: No, BaselineOverIsolation: No,
	}
}

// profiles is every engine that can be stated, in the order users see. What nobody documents is Unknown
// (docs/design/0003).
func profiles() []Profile {
	with := func(p Profile, change func(*Profile)) Profile {
		change(&p)
		return p
	}
	return []Profile{
		// The words of the API: an ipBlock is matched against addresses, whosever they are; ICMP and the like
		// are left open (Kubernetes "Network Policies").
		with(full("kube"), func(p *Profile) { p.NodePeers = Yes }),
		// A tier that no rule of matches ends in a drop of every protocol (Calico "Get started with Calico network
		// policy", default deny); the rest by running its rules (projectcalico/calico, felix).
		with(full("calico"), func(p *Profile) { p.OtherProtocols = Yes }),
		// By default CIDR rules match neither pods nor nodes (Cilium "policy-cidr-match-mode"; cilium/cilium#9209).
		// What is neither TCP, UDP nor, when switched on, SCTP is dropped ("SCTP support (beta)"). endPort is read since
		// 1.16, before that the whole policy was refused (cilium/cilium#28704): that holds for the stated engine,
		// and Detect looks at the version.
		with(full("cilium"), func(p *Profile) {
			p.PodsByAddr, p.NodesByAddr, p.OtherProtocols, p.SCTP = No, No, Yes, Unknown
			p.RulesAlways, p.BaselineOverIsolation = Yes, Unknown
		}),
		full("antrea"),         // runs the upstream conformance tests (antrea-io/antrea, "Network Policy")
		full("ovn-kubernetes"), // the same (ovn-kubernetes, "Network Policy")
		// Address sets hold what they are given, and endPort is passed on (kube-router pkg/controllers/netpol); SCTP is an open
		// request (cloudnativelabs/kube-router#1019).
		with(full("kube-router"), func(p *Profile) { p.SCTP = Unknown }),
		full("kindnet"), // embeds kube-network-policies, a plain reading of the API
		with(full("k3s"), func(p *Profile) { p.SCTP = Unknown }), // embeds kube-router's controller (K3s "Networking Services")
		// Reads no endPort (weaveworks/weave npc/analyser.go; its last release is older than the field). The
		// protocol is handed to iptables as it is.
		with(full("weave"), func(p *Profile) { p.EndPort, p.SCTP = No, Unknown }),
		// Nothing is documented of addresses of pods and nodes, nor of SCTP (Amazon EKS "Limit pod traffic with
		// Kubernetes network policies").
		with(full("aws"), func(p *Profile) { p.PodsByAddr, p.NodesByAddr, p.SCTP = Unknown, Unknown, Unknown }),
		// Dataplane V2 is Cilium (GKE "About GKE Dataplane V2").
		with(full("gke"), func(p *Profile) {
			p.PodsByAddr, p.NodesByAddr, p.SCTP, p.RulesAlways, p.BaselineOverIsolation = No, No, Unknown, Yes, Unknown
		}),
		// endPort was a request (Azure/azure-container-networking#2313); what came of it is not documented.
		with(full("azure"), func(p *Profile) { p.EndPort, p.SCTP = Unknown, Unknown }),
		{Name: "none", Stated: true, Enforces: No, PodsByAddr: No, NodesByAddr: No, EndPort: No, SCTP: No, Egress: No, OtherProtocols: No},
		{Name: "unknown", Stated: true},
	}
}

// Names is the engines that Named knows.
func Names() []string {
	var out []string
	for _, p := range profiles() {
		out = append(out, p.Name)
	}
	return out
}

// Named is the profile of a stated engine. The error lists what may be stated.
func Named(name string) (Profile, error) {
	for _, p := range profiles() {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("enforcer %q is not known; want one of %s", name, strings.Join(Names(), ", "))
}

// Honours tells whether the engine acts on objects of a kind. It speaks of kinds that decide about traffic
// and says nothing of others. Mesh kinds are enforced beside the engine, whichever that is.
func (p Profile) Honours(gk object.GroupKind) Answer {
	if strings.HasPrefix(gk.Kind, "Staged") { // Calico: staged policies are never enforced
		return No
	}
	switch gk.Group {
	case "networking.k8s.io", "extensions":
		return p.Enforces
	case "security.istio.io", "networking.istio.io", "policy.linkerd.io", "consul.hashicorp.com":
		return Yes
	case "k8s.cni.cncf.io": // by a controller of its own, for further networks of a pod
		return Unknown
	}
	if p.Enforces != Yes {
		return p.Enforces
	}
	only := func(names ...string) Answer {
		if slices.Contains(names, p.Name) {
			return Yes
		}
		return No
	}
	switch gk.Group {
	case "projectcalico.org", "crd.projectcalico.org":
		return only("calico")
	case "cilium.io":
		if p.Name == "gke" { // CiliumClusterwideNetworkPolicy when switched on (GKE API, NetworkConfig); nothing is said of others
			return Unknown
		}
		return only("cilium")
	case "crd.antrea.io", "controlplane.antrea.io":
		return only("antrea")
	case "k8s.ovn.org", "network.openshift.io":
		return only("ovn-kubernetes")
	case "policy.networking.k8s.io":
		switch p.Name {
		case "weave", "azure":
			return No // both were given up before that API came
		}
		return Unknown // depends on the version and its feature switches
	}
	return Unknown
}
