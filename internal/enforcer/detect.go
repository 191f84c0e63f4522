package enforcer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Detect finds the engine by what it leaves in a cluster: its agents, its configuration, marks on nodes.
// With nothing to go by, or with two engines at once, the profile is "unknown".
func Detect(c *cluster.Cluster) Profile {
	d := detector{c: c, found: map[string]*Profile{}}
	d.agents()
	d.nodes()
	for _, o := range c.Kind("operator.tigera.io", "Installation") {
		d.see("calico", o, "an Installation of the Tigera operator")
	}
	for _, o := range c.Kind("config.openshift.io", "Network") {
		if kind := o.Root.Get("spec", "networkType").Str(); strings.EqualFold(kind, "OVNKubernetes") {
			d.see("ovn-kubernetes", o, "the OpenShift network is of type "+kind)
		}
	}
	return d.verdict()
}

type detector struct {
	c     *cluster.Cluster
	found map[string]*Profile
}

// see notes one sign of an engine and gives the profile to change.
func (d *detector) see(name string, o *object.Object, msg string) *Profile {
	p := d.found[name]
	if p == nil {
		q, err := Named(name)
		if err != nil { // an engine that enforces nothing and can not be stated
			q = Profile{Name: name, Enforces: No, PodsByAddr: No, NodesByAddr: No, EndPort: No, SCTP: No, Egress: No, OtherProtocols: No}
		}
		q.Stated = false
		p = &q
		d.found[name] = p
	}
	p.Because = append(p.Because, Evidence{Pos: o.Pos, Ref: o.Ref, Msg: msg})
	return p
}

// off marks an engine as present and switched off.
func (d *detector) off(p *Profile, o *object.Object, at *object.Value, msg string) {
	p.Enforces = No
	p.Because = append(p.Because, Evidence{Pos: o.At(at), Ref: o.Ref, Msg: msg})
}

// agents looks at DaemonSets, by their name or the image of a container.
func (d *detector) agents() {
	for _, w := range d.c.Workloads {
		if w.Ref.Kind != "DaemonSet" {
			continue
		}
		o, pod := w.Pods[0].Object, w.Pods[0]
		is := func(names ...string) bool {
			return slices.Contains(names, w.Ref.Name) || slices.ContainsFunc(pod.Containers, func(k cluster.Container) bool { return slices.Contains(names, image(k.Image)) })
		}
		switch {
		case is("calico-node", "canal"):
			d.see("calico", o, "DaemonSet "+w.Ref.Name+" is the agent of Calico")
		case w.Ref.Name == "anetd":
			d.see("gke", o, "DaemonSet anetd is GKE Dataplane V2")
		case is("cilium", "cilium-agent"):
			d.cilium(o)
		case is("aws-node"):
			d.aws(o, pod)
		case is("kube-router"):
			p := d.see("kube-router", o, "DaemonSet "+w.Ref.Name+" is kube-router")
			if arg(pod, "--run-firewall") == "false" {
				d.off(p, o, nil, "--run-firewall=false")
			}
		case is("weave-net", "weave-npc"):
			d.see("weave", o, "DaemonSet "+w.Ref.Name+" is Weave Net")
		case is("antrea-agent"):
			d.see("antrea", o, "DaemonSet "+w.Ref.Name+" is the agent of Antrea")
		case is("ovnkube-node"):
			d.see("ovn-kubernetes", o, "DaemonSet "+w.Ref.Name+" is the agent of OVN-Kubernetes")
		case is("azure-npm"):
			d.see("azure", o, "DaemonSet "+w.Ref.Name+" is Azure's policy manager")
		case is("kindnet", "kindnetd", "kube-network-policies"):
			d.kindnet(w, o, pod)
		case is("kube-flannel-ds", "kube-flannel", "flannel"):
			d.see("flannel", o, "DaemonSet "+w.Ref.Name+" is flannel, which enforces no policies by itself")
		}
	}
}

// image is an image's name without registry, tag and digest.
func image(ref string) string {
	ref, _, _ = strings.Cut(ref, "@")
	ref = ref[strings.LastIndexByte(ref, '/')+1:]
	ref, _, _ = strings.Cut(ref, ":")
	return ref
}

// arg is the value of a flag of any container, "true" for a flag without one, "" when it is not there.
func arg(p *cluster.Pod, name string) string {
	for _, k := range p.Containers {
		for _, a := range slices.Concat(k.Command, k.Args) {
			if a == name {
				return "true"
			}
			if v, ok := strings.CutPrefix(a, name+"="); ok {
				return v
			}
		}
	}
	return ""
}

// cilium reads the ConfigMap cilium-config (Cilium agent options enable-policy, policy-audit-mode and
// policy-cidr-match-mode).
func (d *detector) cilium(agent *object.Object) {
	p := d.see("cilium", agent, "DaemonSet "+agent.Ref.Name+" is the agent of Cilium")
	for _, o := range d.c.Kind("", "ConfigMap") {
		if o.Ref.Name != "cilium-config" {
			continue
		}
		data := o.Root.Get("data")
		if v := data.Get("enable-policy"); v.Str() == "never" {
			d.off(p, o, v, "enable-policy: never")
		}
		if v := data.Get("policy-audit-mode"); v.Str() == "true" {
			d.off(p, o, v, "policy-audit-mode: true, so that policies only record")
		}
		mode := data.Get("policy-cidr-match-mode")
		if strings.Contains(mode.Str(), "nodes") {
			p.NodesByAddr = Yes
		}
		if strings.Contains(mode.Str(), "pods") {
			p.PodsByAddr = Yes
		}
		if mode.Str() != "" {
			p.Because = append(p.Because, Evidence{Pos: o.At(mode), Ref: o.Ref, Msg: "policy-cidr-match-mode: " + mode.Str()})
		}
	}
}

// aws: the VPC CNI enforces only with its second container and only when that is told to (Amazon EKS user
// guide, network policies); the ConfigMap alone does nothing.
func (d *detector) aws(o *object.Object, pod *cluster.Pod) {
	p := d.see("aws", o, "DaemonSet aws-node is the Amazon VPC CNI")
	if arg(pod, "--enable-network-policy") != "true" {
		d.off(p, o, nil, "no container has --enable-network-policy=true")
	}
}

// kindnet enforces since kind 0.24; an older one is told by its lack of the network-policy controller's
// image generation, which the input does not always show.
func (d *detector) kindnet(w *cluster.Workload, o *object.Object, pod *cluster.Pod) {
	p := d.see("kindnet", o, "DaemonSet "+w.Ref.Name+" is kindnet or kube-network-policies")
	for _, k := range pod.Containers {
		_, tag, _ := strings.Cut(k.Image[strings.LastIndexByte(k.Image, '/')+1:], ":")
		// kindnetd images carry their date; policies came with kind 0.24 of August 2024.
		if image(k.Image) == "kindnetd" && len(tag) >= 9 && tag[0] == 'v' && tag < "v20240801" {
			d.off(p, o, nil, "kindnetd "+tag+" is older than its support for NetworkPolicy (kind 0.24)")
		}
	}
}

// nodes looks for k3s, whose policy controller is built in and on unless switched off.
func (d *detector) nodes() {
	var p *Profile
	for _, n := range d.c.Nodes {
		args, ok := n.Annotations["k3s.io/node-args"]
		if !ok {
			continue
		}
		if p == nil {
			p = d.see("k3s", n.Object, fmt.Sprintf("node %s runs k3s, which enforces NetworkPolicy by default", n.Name))
		}
		if strings.Contains(args, "--disable-network-policy") && !strings.Contains(args, `"--disable-network-policy=false"`) {
			d.off(p, n.Object, nil, "k3s.io/node-args holds --disable-network-policy")
		}
	}
}

// verdict settles on one engine. Engines that only carry packets (flannel) step back behind one that
// enforces; k3s's own controller does when another engine is installed.
func (d *detector) verdict() Profile {
	var names []string
	for n := range d.found {
		names = append(names, n)
	}
	slices.Sort(names)
	if len(names) > 1 {
		names = slices.DeleteFunc(names, func(n string) bool { return n == "flannel" || n == "k3s" && d.found[n].Enforces == No })
	}
	switch len(names) {
	case 0:
		return Profile{Name: "unknown", Because: nil}
	case 1:
		p := *d.found[names[0]]
		p.Because = sorted(p.Because)
		return p
	}
	p := Profile{Name: "unknown"}
	for _, n := range names {
		p.Because = append(p.Because, d.found[n].Because...)
	}
	p.Because = sorted(p.Because)
	return p
}

func sorted(es []Evidence) []Evidence {
	slices.SortFunc(es, func(a, b Evidence) int {
		return cmp.Or(a.Pos.Compare(b.Pos), a.Ref.Compare(b.Ref), cmp.Compare(a.Msg, b.Msg))
	})
	return es
}
