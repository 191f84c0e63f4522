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
		if c.Name != "cilium-agent" && imageName(c) != "cilium-agent" {
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
		enforces, why = Unknown, "whether it enforces policies is not known, as ConfigMap cilium-config is not in the input"
	}
	for _, s := range all {
		for _, key := range []string{
			"enable-policy", "policy-audit-mode",
			"enable-k8s-networkpolicy", "enable-cilium-network-policy", "enable-cilium-clusterwide-network-policy",
		} {
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

// ciliumAnswer tells whether policies are enforced under a setting. With one kind of policy left out, the
// others still are.
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

// ciliumFeatures reads whether SCTP is switched on, and whether the version of every agent reads endPort: those
// before 1.16 ignore it or refuse the whole policy (cilium/cilium#28684, #28704).
func (d *detector) ciliumFeatures(w *cluster.Workload, p *Profile) {
	all, _ := d.ciliumSettings(w.Pods[0])
	for _, s := range all {
		if v, ok := s.get("enable-sctp"); ok && !s.part && v == "true" {
			p.SCTP = Yes
			d.see(s.ref, s.at("enable-sctp"), `enable-sctp is "true"`)
		}
	}
	p.EndPort = Unknown
	for i, pod := range w.Pods {
		a := ciliumEndPort(pod)
		if i > 0 && a != p.EndPort {
			a = Unknown
		}
		if p.EndPort = a; a == Unknown {
			return
		}
	}
}

// ciliumEndPort judges by the tag of the agent's image, such as v1.17.4.
func ciliumEndPort(pod *cluster.Pod) Answer {
	for _, c := range pod.Containers {
		if c.Name != "cilium-agent" && imageName(c) != "cilium-agent" {
			continue
		}
		image, _, _ := strings.Cut(c.Image, "@")
		_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
		major, rest, _ := strings.Cut(strings.TrimPrefix(tag, "v"), ".")
		minor, _, ok := strings.Cut(rest, ".")
		x, err1 := strconv.Atoi(major)
		y, err2 := strconv.Atoi(minor)
		switch {
		case !ok || err1 != nil || err2 != nil:
			return Unknown
		case x > 1 || x == 1 && y >= 16:
			return Yes
		}
		return No
	}
	return Unknown
}
