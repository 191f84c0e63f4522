package enforcer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// settings is what configures Cilium's agent in one place.
type settings struct {
	ref  object.Ref
	at   func(key string) object.Pos
	get  func(key string) (string, bool)
	part bool // of some nodes only
}

// ciliumSettings is all places that configure the agent in p: its ConfigMap, the settings of some nodes, and its
// command line. The ConfigMap is false when it is not in the input.
func (d *detector) ciliumSettings(p *cluster.Pod) (all []settings, configMap bool) {
	tree := func(o *object.Object, part bool, path ...string) settings {
		v := o.Root.Get(path...)
		return settings{
			ref: o.Ref, part: part,
			at:  func(key string) object.Pos { return o.At(v.Get(key)) },
			get: func(key string) (string, bool) { return strings.TrimSpace(v.Get(key).Str()), v.Get(key).IsSet() },
		}
	}
	for _, o := range d.c.Kind("", "ConfigMap") {
		if o.Ref.Name == "cilium-config" && o.Ref.Namespace == p.Workload.Ref.Namespace {
			all, configMap = append(all, tree(o, false, "data")), true
		}
	}
	for _, o := range d.c.Kind("cilium.io", "CiliumNodeConfig") {
		all = append(all, tree(o, true, "spec", "defaults"))
	}
	for _, c := range p.Containers {
		if !isCilium(c) {
			continue
		}
		pos := p.Pos()
		pos.Line = c.Line
		all = append(all, settings{
			ref: p.Object.Ref, at: func(string) object.Pos { return pos },
			get: func(key string) (string, bool) { return flag(c, key) },
		})
	}
	return all, configMap
}

// ciliumSwitches reads the options that make Cilium let everything through.
func (d *detector) ciliumSwitches(p *cluster.Pod) (Answer, string) {
	all, configMap := d.ciliumSettings(p)
	enforces, why := Yes, "it enforces policies"
	if !configMap && p.Workload.Ref.Name != "anetd" {
		enforces, why = d.untold("cilium"), "whether it enforces policies is not known, as ConfigMap cilium-config is not in the input"
	}
	for _, s := range all {
		for _, key := range []string{"enable-policy", "policy-audit-mode", "enable-k8s-networkpolicy"} {
			v, ok := s.get(key)
			if !ok {
				continue
			}
			answer := ciliumAnswer(key, v)
			if answer == Yes {
				continue
			}
			msg := fmt.Sprintf("%s is %q", key, v)
			d.see(s.ref, s.at(key), msg)
			if answer == No && s.part {
				answer = Unknown
			}
			if enforces != No {
				enforces, why = answer, "whether it enforces policies is not known, as "+msg
			}
			if answer == No {
				why = "it enforces no policy, as " + msg
			}
		}
	}
	return enforces, why
}

// ciliumAnswer tells whether policies are enforced under a setting. With NetworkPolicy left out, other kinds
// still are.
func ciliumAnswer(key, v string) Answer {
	switch key {
	case "enable-policy":
		switch strings.ToLower(v) {
		case "default", "always", "":
			return Yes
		case "never":
			return No
		}
		return Unknown
	case "policy-audit-mode":
		on, err := strconv.ParseBool(v)
		switch {
		case err != nil && v != "":
			return Unknown
		case on:
			return No
		}
		return Yes
	}
	if on, err := strconv.ParseBool(v); err != nil && v != "" || err == nil && !on {
		return Unknown
	}
	return Yes
}

// ciliumAddresses reads whether CIDR rules match the addresses of nodes and pods.
func (d *detector) ciliumAddresses(pod *cluster.Pod, p *Profile) {
	const key = "policy-cidr-match-mode"
	all, _ := d.ciliumSettings(pod)
	for _, s := range all {
		v, ok := s.get(key)
		if !ok || v == "" && !s.part {
			continue
		}
		d.see(s.ref, s.at(key), fmt.Sprintf("%s is %q", key, v))
		if s.part { // nodes differ
			p.NodesByAddr, p.PodsByAddr = Unknown, Unknown
			continue
		}
		for _, mode := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
			switch mode {
			case "nodes":
				p.NodesByAddr = Yes
			case "pods":
				p.PodsByAddr = Yes
			default:
				p.NodesByAddr, p.PodsByAddr = Unknown, Unknown
			}
		}
	}
}

// ciliumFine reads the fine points off the settings and the release.
func (d *detector) ciliumFine(w *cluster.Workload, p *Profile) {
	d.ciliumRead(w.Pods[0], p)
	p.EndPort = releases(w, isCilium, from(version{1, 16, 0}, last)) // cilium/cilium#28684, #28704
	p.BaselineOverIsolation = releases(w, isCilium, func(v version) Answer {
		if v == (version{1, 20, 2}) {
			return Yes
		}
		return Unknown
	})
	d.ciliumKinds(w, p)
}

// ciliumRead reads the fine points that settings alone tell.
func (d *detector) ciliumRead(pod *cluster.Pod, p *Profile) {
	d.ciliumAddresses(pod, p)
	if on, _ := d.ciliumSwitch(pod, "enable-sctp"); on == Yes {
		p.SCTP = Yes
	}
	if on, _ := d.ciliumSwitch(pod, "enable-node-selector-labels"); on == Yes {
		p.NodePeers = Yes
	}
	d.ciliumLocalhost(pod, p)
	const key = "enable-policy"
	all, _ := d.ciliumSettings(pod)
	for _, s := range all {
		if v, _ := s.get(key); strings.EqualFold(v, "always") {
			p.closedBy(Evidence{s.at(key), s.ref, key + " is " + strconv.Quote(v)})
		}
	}
}

// ciliumAlone reads Cilium's settings where its agent is not in the input. It tells whether they say anything.
func (d *detector) ciliumAlone(p *Profile) bool {
	found := false
	for _, o := range d.c.Kind("", "ConfigMap") {
		if o.Ref.Name != "cilium-config" {
			continue
		}
		pod := &cluster.Pod{Workload: &cluster.Workload{Ref: object.Ref{Namespace: o.Ref.Namespace}}}
		enforces, why := d.ciliumSwitches(pod)
		d.see(o.Ref, o.Pos, "the settings of Cilium: "+why)
		d.ciliumRead(pod, p)
		p.Enforces, found = agree(p.Enforces, enforces), true
	}
	return found
}

func isCilium(c cluster.Container) bool {
	return c.Name == "cilium-agent" || imageName(c) == "cilium-agent"
}

// ciliumKinds reads which kinds are switched off, and for ClusterNetworkPolicy, which came with 1.20, whether it
// is switched on (cilium 1.20.2, pkg/defaults).
func (d *detector) ciliumKinds(w *cluster.Workload, p *Profile) {
	for _, of := range []struct{ key, kind string }{
		{"enable-cilium-network-policy", "CiliumNetworkPolicy"},
		{"enable-cilium-clusterwide-network-policy", "CiliumClusterwideNetworkPolicy"},
	} {
		if a, said := d.ciliumSwitch(w.Pods[0], of.key); said && a != Yes {
			p.setKind(object.GroupKind{Group: "cilium.io", Kind: of.kind}, a)
		}
	}
	a, said := d.ciliumSwitch(w.Pods[0], "enable-k8s-cluster-network-policy")
	switch releases(w, isCilium, from(version{1, 20, 0}, last)) {
	case No:
		p.setKind(clusterKind, No)
	case Yes:
		if said {
			p.setKind(clusterKind, a)
		}
	case Unknown:
		if said && a == No {
			p.setKind(clusterKind, No)
		}
	}
}

// ciliumSwitch reads an option that is on or off, and whether it is set at all. Places that disagree leave it
// open, and so does one that holds for some nodes only.
func (d *detector) ciliumSwitch(pod *cluster.Pod, key string) (answer Answer, said bool) {
	all, _ := d.ciliumSettings(pod)
	for _, s := range all {
		v, ok := s.get(key)
		if !ok {
			continue
		}
		d.see(s.ref, s.at(key), fmt.Sprintf("%s is %q", key, v))
		a := isTrue(v)
		if s.part || said && a != answer {
			a = Unknown
		}
		answer, said = a, true
	}
	return answer, said
}

// ciliumLocalhost reads whether a pod's own node always gets in: not with "policy".
func (d *detector) ciliumLocalhost(pod *cluster.Pod, p *Profile) {
	const key = "allow-localhost"
	all, _ := d.ciliumSettings(pod)
	for _, s := range all {
		v, ok := s.get(key)
		if !ok || v == "auto" || v == "always" || v == "" {
			continue
		}
		d.see(s.ref, s.at(key), fmt.Sprintf("%s is %q", key, v))
		p.FromOwnNode = Unknown
		if v == "policy" && !s.part {
			p.FromOwnNode = No
		}
	}
}
