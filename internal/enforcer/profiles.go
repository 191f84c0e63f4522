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
	}
}

// profiles is every engine that can be stated, in the order users see. The differences are those of the
// engines' own documentation and of running their code (docs/design/0003).
func profiles() []Profile {
	with := func(p Profile, change func(*Profile)) Profile {
		change(&p)
		return p
	}
	return []Profile{
		full("kube"),
		with(full("calico"), func(p *Profile) { p.OtherProtocols = Yes }),
		// Cilium: CIDR rules match neither pods nor nodes unless policy-cidr-match-mode says so.
		with(full("cilium"), func(p *Profile) { p.PodsByAddr, p.NodesByAddr, p.OtherProtocols = No, No, Yes }),
		full("antrea"), full("ovn-kubernetes"), full("kube-router"), full("kindnet"), full("k3s"),
		// Weave Net's policy controller reads no endPort and its documentation promises TCP and UDP.
		with(full("weave"), func(p *Profile) { p.EndPort, p.SCTP = Unknown, Unknown }),
		with(full("aws"), func(p *Profile) { p.PodsByAddr, p.NodesByAddr = Unknown, Unknown }),
		with(full("gke"), func(p *Profile) { p.PodsByAddr, p.NodesByAddr = No, No }), // Dataplane V2 is Cilium
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
	case "security.istio.io", "networking.istio.io", "policy.linkerd.io", "consul.hashicorp.com", "k8s.cni.cncf.io":
		return Yes
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
		return only("cilium", "gke")
	case "crd.antrea.io", "controlplane.antrea.io":
		return only("antrea")
	case "k8s.ovn.org", "network.openshift.io":
		return only("ovn-kubernetes")
	case "policy.networking.k8s.io":
		switch p.Name {
		case "kube", "calico", "cilium", "antrea", "ovn-kubernetes", "kindnet":
			return Unknown // depends on the version and its feature switches
		}
		return No
	}
	return Unknown
}
