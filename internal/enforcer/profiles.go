package enforcer

import (
	"fmt"
	"strings"
)

// full is an engine that does all that upstream documents. What upstream leaves open is Unknown.
func full(name string) Profile {
	return Profile{
		Name: name, Stated: true, Enforces: Yes, PodsByAddr: Yes, NodesByAddr: Yes,
		EndPort: Yes, SCTP: Yes, Egress: Yes, OtherProtocols: Unknown,
		NodePeers: Unknown, RulesAlways: Unknown, BaselineOverIsolation: No,
		HostPods: Unknown, FromOwnNode: Yes, ToOwnNode: Unknown, DropsToOwnNode: No, BarePods: Yes,
	}
}

// ciliumLike is Cilium, stated without a version.
func ciliumLike(name string) Profile {
	p := full(name)
	// By default CIDR rules match neither pods nor nodes (Cilium "policy-cidr-match-mode"; cilium/cilium#9209).
	p.PodsByAddr, p.NodesByAddr = No, No
	// What is neither TCP, UDP nor, when switched on, SCTP is dropped ("SCTP support (beta)"). endPort is read
	// since 1.16, before that the whole policy was refused (cilium/cilium#28704): that holds for the stated
	// engine, and Detect looks at the version.
	p.OtherProtocols, p.SCTP = Yes, Unknown
	// Both sections are walked, whatever policyTypes names (cilium 1.20.2, pkg/k8s/network_policy.go; by running it).
	p.RulesAlways = Yes
	// A ClusterNetworkPolicy with a peer that names nodes is refused unless enable-node-selector-labels is on
	// (pkg/k8s/cluster_network_policy.go). In 1.20.2 an accept of the baseline tier comes before the default
	// deny (by running it); other versions were not looked at.
	p.NodePeers, p.BaselineOverIsolation = Unknown, Unknown
	// Host-network pods have the identity of their node ("Layer 3 Examples"), and the entity "host" is a peer
	// like others, except that what it sends is let in (allow-localhost, which is "always" under Kubernetes).
	p.HostPods, p.ToOwnNode, p.BaselineByDirection = No, Yes, Yes
	return p
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
		// are left open, and so are host-network pods and the way out to the own node (Kubernetes "Network
		// Policies"). Rules are of the types that policyTypes names (NetworkPolicySpec), node peers match nodes
		// (network-policy-api v1alpha2, ClusterNetworkPolicyEgressPeer).
		with(full("kube"), func(p *Profile) { p.NodePeers, p.RulesAlways = Yes, No }),
		// A tier that no rule of matches ends in a drop of every protocol (Calico "Get started with Calico network
		// policy", default deny); the rest by running its rules (projectcalico/calico, felix). Of node peers 3.32
		// makes nothing in an accept and everything in a deny. Host-network pods are no endpoints
		// (libcalico-go/lib/backend/k8s/conversion, IsHostNetworked). What a pod sends to its node is first for its
		// egress policy, then for defaultEndpointToHostAction (felix/config; manifests set ACCEPT, the default is DROP).
		with(full("calico"), func(p *Profile) {
			p.OtherProtocols, p.RulesAlways, p.HostPods, p.ToOwnNode, p.DropsToOwnNode = Yes, No, No, Yes, Unknown
			p.BaselineByDirection = Yes // a tier counts for the directions of its policies (felix, polprog)
		}),
		ciliumLike("cilium"),
		// Runs the upstream conformance tests (antrea-io/antrea, "Network Policy"). It makes rules of both sections
		// without asking policyTypes (pkg/controller/networkpolicy, processNetworkPolicy).
		full("antrea"),
		// The same tests (ovn-kubernetes, "Network Policy"). The node's addresses are in the address set of one
		// namespace, so that selectors of namespaces can match them (go-controller, HostNetworkNamespace).
		full("ovn-kubernetes"),
		// Address sets hold what they are given, and endPort is passed on; rules are made for the policyTypes;
		// host-network pods are left out (kube-router pkg/controllers/netpol: policy.go, isNetPolActionable); SCTP is an
		// open request (cloudnativelabs/kube-router#1019).
		with(full("kube-router"), kubeRouter),
		// Embeds kube-network-policies, a plain reading of the API (by running it). Its resolver of addresses knows
		// no host-network pods (pkg/podinfo); a node peer matches the pods of the node (plugins/npa-v1alpha2).
		with(full("kindnet"), func(p *Profile) { p.RulesAlways, p.HostPods, p.BaselineByDirection = No, No, No }),
		with(full("k3s"), kubeRouter), // embeds kube-router's controller (K3s "Networking Services")
		// Reads no endPort (weaveworks/weave npc/analyser.go; its last release is older than the field). The
		// protocol is handed to iptables as it is.
		with(full("weave"), func(p *Profile) { p.EndPort, p.SCTP = No, Unknown }),
		// Nothing is documented of addresses of pods and nodes, nor of SCTP. Pods without an owner had no policies
		// (Amazon EKS "Limit pod traffic with Kubernetes network policies", considerations), which may have changed.
		with(full("aws"), func(p *Profile) {
			p.PodsByAddr, p.NodesByAddr, p.SCTP, p.BarePods = Unknown, Unknown, Unknown, Unknown
		}),
		// Dataplane V2 is Cilium (GKE "About GKE Dataplane V2"); of other protocols nothing is said.
		with(ciliumLike("gke"), func(p *Profile) { p.OtherProtocols = Unknown }),
		// endPort was a request (Azure/azure-container-networking#2313); what came of it is not documented.
		with(full("azure"), func(p *Profile) { p.EndPort, p.SCTP = Unknown, Unknown }),
		{
			Name: "none", Stated: true, Enforces: No, PodsByAddr: No, NodesByAddr: No, EndPort: No, SCTP: No, Egress: No,
			OtherProtocols: No, NodePeers: No, RulesAlways: No, BaselineOverIsolation: No, BaselineByDirection: No, HostPods: No, FromOwnNode: Yes,
			ToOwnNode: No, DropsToOwnNode: No, BarePods: No,
		},
		{Name: "unknown", Stated: true},
	}
}

func kubeRouter(p *Profile) { p.SCTP, p.RulesAlways, p.HostPods = Unknown, No, No }

// Names is the engines that Named knows.
func Names() []string {
	var out []string
	for _, p := range profiles() {
		out = append(out, p.Name)
	}
	return out
}

// Named is the profile of a stated engine. The error lists what may be stated. Of a mesh it knows nothing
// (SeeMesh).
func Named(name string) (Profile, error) {
	for _, p := range profiles() {
		if p.Name == name {
			return p, nil
		}
	}
	return Profile{}, fmt.Errorf("enforcer %q is not known; want one of %s", name, strings.Join(Names(), ", "))
}
