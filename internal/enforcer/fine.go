package enforcer

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// last is later than every release.
var last = version{major: 1 << 30}

// calicoFine goes by the release: AdminNetworkPolicy came with 3.29 and BaselineAdminNetworkPolicy later, and
// ClusterNetworkPolicy took the place of both with 3.32 (release notes of 3.29.0 and 3.32.0).
func (d *detector) calicoFine(w *cluster.Workload, p *Profile) {
	is := func(c cluster.Container) bool { return imageName(c) == "calico-node" }
	p.setKind(adminKind, releases(w, is, from(version{3, 29, 0}, version{3, 32, 0})))
	p.setKind(baselineKind, releases(w, is, func(v version) Answer {
		if v.less(version{3, 29, 0}) || !v.less(version{3, 32, 0}) {
			return No
		}
		return Unknown
	}))
	p.setKind(clusterKind, releases(w, is, from(version{3, 32, 0}, last)))
	d.calicoToHost(w, p)
}

// calicoToHost reads what becomes of traffic of a pod to its own node: the agent's environment goes before
// FelixConfiguration (Calico "Configuring Felix"), and neither has to be in the input.
func (d *detector) calicoToHost(w *cluster.Workload, p *Profile) {
	const env = "FELIX_DEFAULTENDPOINTTOHOSTACTION"
	for _, pod := range w.Pods {
		if v := envOf(pod, env); v.IsSet() {
			d.see(pod.Object.Ref, pod.Object.At(v), fmt.Sprintf("%s is %q", env, v.Str()))
			p.DropsToOwnNode = drops(v.Str())
			return
		}
	}
	said, one := false, Unknown
	for _, group := range []string{"projectcalico.org", "crd.projectcalico.org"} {
		for _, o := range d.c.Kind(group, "FelixConfiguration") {
			v := o.Root.Get("spec", "defaultEndpointToHostAction")
			if !v.IsSet() {
				continue
			}
			d.see(o.Ref, o.At(v), fmt.Sprintf("defaultEndpointToHostAction is %q", v.Str()))
			a := drops(v.Str())
			if o.Ref.Name != "default" { // of one node
				a = Unknown
			}
			if said {
				a = agree(one, a)
			}
			said, one = true, a
		}
	}
	p.DropsToOwnNode = one
}

func drops(action string) Answer {
	switch strings.ToLower(action) {
	case "drop":
		return Yes
	case "accept":
		return No
	}
	return Unknown // Return: the node's own rules decide
}

// envOf is the value of an environment variable of some container, nil when none has it by value.
func envOf(p *cluster.Pod, name string) *object.Value {
	for _, c := range p.Spec.Get("containers").List() {
		for _, e := range c.Get("env").List() {
			if e.Get("name").Str() == name {
				return e.Get("value")
			}
		}
	}
	return nil
}

// antreaFine reads the feature gates. The admin kinds are off by default, Antrea's own are on (Antrea "Feature
// Gates").
func (d *detector) antreaFine(w *cluster.Workload, p *Profile) {
	for _, o := range d.c.Kind("", "ConfigMap") {
		if o.Ref.Namespace != w.Ref.Namespace || !strings.HasPrefix(o.Ref.Name, "antrea-config") {
			continue
		}
		v := o.Root.Get("data", "antrea-controller.conf")
		if on, ok := gate(v.Str(), "AdminNetworkPolicy", ":"); ok {
			d.see(o.Ref, o.At(v), "feature gate AdminNetworkPolicy is "+on)
			p.setKind(adminKind, isTrue(on))
			p.setKind(baselineKind, isTrue(on))
		}
		for _, key := range []string{"antrea-controller.conf", "antrea-agent.conf"} {
			v := o.Root.Get("data", key)
			on, ok := gate(v.Str(), "AntreaPolicy", ":")
			if !ok || isTrue(on) == Yes {
				continue
			}
			d.see(o.Ref, o.At(v), "feature gate AntreaPolicy is "+on)
			for _, kind := range []string{"NetworkPolicy", "ClusterNetworkPolicy"} {
				p.setKind(object.GroupKind{Group: "crd.antrea.io", Kind: kind}, isTrue(on))
			}
			p.setKind(adminKind, isTrue(on)) // needs it too
			p.setKind(baselineKind, isTrue(on))
		}
	}
}

// ovnFine reads the switch of the admin kinds. An AdminNetworkPolicy with a priority above 99 is not put in force
// (ovn-kubernetes "AdminNetworkPolicy"), so one such leaves the kind open.
func (d *detector) ovnFine(w *cluster.Workload, p *Profile) {
	for _, o := range d.c.Kind("", "ConfigMap") {
		if o.Ref.Namespace != w.Ref.Namespace || o.Ref.Name != "ovnkube-config" {
			continue
		}
		v := o.Root.Get("data", "ovnkube.conf")
		on, ok := gate(v.Str(), "enable-admin-network-policy", "=")
		if !ok {
			continue
		}
		d.see(o.Ref, o.At(v), "enable-admin-network-policy is "+on)
		p.setKind(baselineKind, isTrue(on))
		p.setKind(adminKind, isTrue(on))
		for _, anp := range d.c.Kind(adminGroup, adminKind.Kind) {
			if n, ok := anp.Root.Get("spec", "priority").Int(); ok && n > 99 && isTrue(on) == Yes {
				d.see(anp.Ref, anp.At(anp.Root.Get("spec", "priority")), "OVN-Kubernetes reads no priority above 99")
				p.setKind(adminKind, Unknown)
			}
		}
	}
}

// gate finds the last line "name sep value" in a configuration file. Comments and quotes are left out.
func gate(text, name, sep string) (value string, ok bool) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		k, v, has := strings.Cut(line, sep)
		if has && strings.Trim(strings.TrimSpace(k), `"'`) == name {
			value, ok = strings.Trim(strings.TrimSpace(v), `"'`), true
		}
	}
	return value, ok
}

func isTrue(v string) Answer {
	switch strings.ToLower(v) {
	case "true":
		return Yes
	case "false":
		return No
	}
	return Unknown
}

// knpFine goes by the image of kube-network-policies: there is one for each version of the admin API, and one
// without (kube-network-policies, README). Releases before 1.0 had switches in their place, and kindnet embeds some
// release.
func (d *detector) knpFine(w *cluster.Workload, p *Profile) {
	for _, pod := range w.Pods {
		for _, c := range pod.Containers {
			if imageName(c) != "kube-network-policies" {
				continue
			}
			old, new := Unknown, Unknown
			switch v, ok := imageVersion(c); {
			case ok && v.major > 0 && strings.HasSuffix(imageTag(c), "-npa-v1alpha1"):
				old, new = Yes, No
			case ok && v.major > 0 && strings.HasSuffix(imageTag(c), "-npa-v1alpha2"):
				old, new = No, Yes
			}
			p.setKind(adminKind, old)
			p.setKind(baselineKind, old)
			p.setKind(clusterKind, new)
		}
	}
}
