package enforcer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// agent is how the DaemonSet of an engine is recognised: by its name or by an image in it.
type agent struct {
	engine string
	names  []string
	images []string // as imageName gives them
	// switched tells whether the agent in a pod enforces, in words that follow "the agent of X: "; nil when
	// there is no switch.
	switched func(*detector, *cluster.Pod) (Answer, string)
	// fine reads what the agent's release and settings say of fine points and kinds; nil when they say nothing.
	fine func(*detector, *cluster.Workload, *Profile)
}

// agents is every agent that is known, the first that fits counts: anetd runs Cilium's image, and the
// flannel chart can put kube-network-policies into flannel's DaemonSet.
func agents() []agent {
	return []agent{
		{
			engine: "gke", names: []string{"anetd"},
			switched: (*detector).ciliumSwitches, fine: (*detector).ciliumFine,
		},
		{
			engine: "cilium", names: []string{"cilium"}, images: []string{"cilium-agent"},
			switched: (*detector).ciliumSwitches, fine: (*detector).ciliumFine,
		},
		{
			engine: "calico", names: []string{"calico-node", "canal", "rke2-canal"}, images: []string{"calico-node"},
			fine: (*detector).calicoFine,
		},
		{
			engine: "aws", names: []string{"aws-node"}, images: []string{"amazon-k8s-cni", "aws-network-policy-agent"},
			switched: (*detector).awsSwitch, fine: (*detector).awsFine,
		},
		{engine: "azure", names: []string{"azure-npm"}, images: []string{"azure-npm"}},
		{engine: "kube-router", names: []string{"kube-router"}, images: []string{"kube-router"}, switched: (*detector).kubeRouterSwitch},
		{engine: "weave", names: []string{"weave-net"}, images: []string{"weave-npc", "weave-kube"}, switched: (*detector).weaveSwitch},
		{
			engine: "antrea", names: []string{"antrea-agent"},
			images: []string{"antrea-ubuntu", "antrea-ubi", "antrea-agent-ubuntu", "antrea-agent-ubi"},
			fine:   (*detector).antreaFine,
		},
		{
			engine: "ovn-kubernetes", names: []string{"ovnkube-node"},
			images: []string{"ovn-kube-u", "ovn-kube-f", "ovn-kube-ubuntu", "ovn-kube-fedora"}, fine: (*detector).ovnFine,
		},
		{
			engine: "kindnet", names: []string{"kindnet", "kube-network-policies"},
			images:   []string{"kindnetd", "kube-network-policies"},
			switched: (*detector).kindnetVersion, fine: (*detector).knpFine,
		},
		{
			engine: "flannel", names: []string{"kube-flannel", "kube-flannel-ds"}, images: []string{"flannel"},
			switched: (*detector).flannelSwitch,
		},
	}
}

// agentOf finds the agent that a DaemonSet is.
func agentOf(w *cluster.Workload) (agent, bool) {
	for _, a := range agents() {
		if slices.Contains(a.names, w.Ref.Name) {
			return a, true
		}
		for _, p := range w.Pods {
			if slices.ContainsFunc(p.Containers, func(c cluster.Container) bool { return slices.Contains(a.images, imageName(c)) }) {
				return a, true
			}
		}
	}
	return agent{}, false
}

// imageName is the last part of the image's name without tag and digest. Rancher puts "mirrored-" and
// "hardened-" before the names of others. Two projects give their images names that say too little:
// calico/node becomes "calico-node"; cilium becomes "cilium-agent", but only where the agent runs, since
// Cilium's check before an upgrade is a DaemonSet of the same image.
func imageName(c cluster.Container) string {
	path, _, _ := strings.Cut(c.Image, "@")
	dir, base := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir, base = path[:i], path[i+1:]
	}
	base, _, _ = strings.Cut(base, ":")
	base = strings.TrimPrefix(strings.TrimPrefix(base, "mirrored-"), "hardened-")
	switch base {
	case "node":
		if dir == "calico" || strings.HasSuffix(dir, "/calico") {
			return "calico-node"
		}
	case "calico": // rancher/hardened-calico
		if c.Name == "calico-node" {
			return "calico-node"
		}
	case "cilium", "cilium-cilium":
		if c.Name == "cilium-agent" || len(c.Command) > 0 && c.Command[0] == "cilium-agent" {
			return "cilium-agent"
		}
		return ""
	case "flannel-flannel", "flannelcni-flannel":
		return "flannel"
	}
	return base
}

func (d *detector) kubeRouterSwitch(p *cluster.Pod) (Answer, string) {
	for _, c := range p.Containers {
		v, ok := flag(c, "run-firewall")
		if !ok {
			continue
		}
		on, err := strconv.ParseBool(v)
		if err != nil {
			return Unknown, fmt.Sprintf("--run-firewall=%s is not understood", v)
		}
		if !on {
			return No, "it enforces no policy (--run-firewall=false)"
		}
	}
	return Yes, "it enforces policies"
}

func (d *detector) weaveSwitch(p *cluster.Pod) (Answer, string) {
	for _, c := range p.Containers {
		if c.Name == "weave-npc" || imageName(c) == "weave-npc" {
			return Yes, "it enforces policies"
		}
	}
	return No, "it enforces no policy, as it has no container weave-npc"
}

// kindnetSince is the date in the tag of the first kindnet image of a kind release that enforces policies.
const kindnetSince = "20240813" // kind 0.24

func (d *detector) kindnetVersion(p *cluster.Pod) (Answer, string) {
	for _, c := range p.Containers {
		switch imageName(c) {
		case "kube-network-policies":
			return Yes, "it enforces policies"
		case "kindnetd":
			date, _, _ := strings.Cut(strings.TrimPrefix(imageTag(c), "v"), "-")
			if _, err := strconv.ParseUint(date, 10, 64); err == nil && len(date) == len(kindnetSince) && date >= kindnetSince {
				return Yes, "it enforces policies"
			}
			return Unknown, fmt.Sprintf("kindnet enforces policies since kind 0.24, and image %s is older or does not tell", c.Image)
		}
	}
	return d.untold("kindnet"), "kindnet enforces policies since kind 0.24, and its version is not known"
}

func (d *detector) flannelSwitch(*cluster.Pod) (Answer, string) {
	return No, "it carries traffic and enforces no policy"
}

// flag is the value of a command line flag, "true" when it stands alone. The last one given counts. An
// argument may be a line for a shell, so its words are looked at.
func flag(c cluster.Container, name string) (value string, ok bool) {
	var words []string
	for _, a := range slices.Concat(c.Command, c.Args) {
		words = append(words, strings.Fields(a)...)
	}
	for i, w := range words {
		f, v, has := strings.Cut(w, "=")
		if f != "--"+name && f != "-"+name {
			continue
		}
		if !has && i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
			v, has = words[i+1], true
		}
		if !has {
			v = "true"
		}
		value, ok = strings.Trim(v, `"'`), true
	}
	return value, ok
}

// k3sArgs reads the arguments of a k3s process, as k3s writes them: a JSON list in which a flag's value is
// an item of its own. No words are returned for the arguments of an agent, which do not tell.
func k3sArgs(text string) (Answer, string) {
	var args []string
	if err := json.Unmarshal([]byte(text), &args); err != nil || len(args) == 0 || args[0] != "server" && args[0] != "agent" {
		return Unknown, "k3s, with arguments that are not understood"
	}
	if args[0] == "agent" {
		return Unknown, ""
	}
	v, ok := flag(cluster.Container{Args: args}, "disable-network-policy")
	off, err := strconv.ParseBool(v)
	switch {
	case !ok:
		return Yes, "a k3s server; it enforces policies"
	case err != nil:
		return Unknown, fmt.Sprintf("a k3s server; --disable-network-policy=%s is not understood", v)
	case off:
		return No, "a k3s server; it enforces no policy (--disable-network-policy)"
	}
	return Yes, "a k3s server; it enforces policies (--disable-network-policy=false)"
}
