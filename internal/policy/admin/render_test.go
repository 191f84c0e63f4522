package admin_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

type obj = map[string]any

func selector(requirements []string) obj {
	expressions := []obj{}
	for _, r := range requirements {
		e := obj{"operator": "Exists", "key": r}
		if key, values, ok := strings.Cut(r, "!="); ok {
			e = obj{"operator": "NotIn", "key": key, "values": strings.Split(values, "|")}
		} else if key, values, ok := strings.Cut(r, "="); ok {
			e = obj{"operator": "In", "key": key, "values": strings.Split(values, "|")}
		} else if key, ok := strings.CutPrefix(r, "!"); ok {
			e = obj{"operator": "DoesNotExist", "key": key}
		}
		expressions = append(expressions, e)
	}
	return obj{"matchExpressions": expressions}
}

func (p oPort) object(kind string) obj {
	switch {
	case kind == "np" && p.name != "":
		return obj{"port": p.name, "protocol": "TCP"}
	case kind == "np":
		return obj{"port": p.lo, "endPort": p.hi, "protocol": p.proto}
	case kind == "cnp" && p.name != "":
		return obj{"destinationNamedPort": p.name}
	case kind == "cnp" && p.lo == p.hi:
		return obj{strings.ToLower(p.proto): obj{"destinationPort": obj{"number": p.lo}}}
	case kind == "cnp":
		return obj{strings.ToLower(p.proto): obj{"destinationPort": obj{"range": obj{"start": p.lo, "end": p.hi}}}}
	case p.name != "":
		return obj{"namedPort": p.name}
	case p.lo == p.hi:
		return obj{"portNumber": obj{"port": p.lo, "protocol": p.proto}}
	}
	return obj{"portRange": obj{"start": p.lo, "end": p.hi, "protocol": p.proto}}
}

func (q oPeer) object(kind string) obj {
	switch {
	case q.form == "networks":
		return obj{"networks": q.networks}
	case q.form == "nodes":
		return obj{"nodes": selector(q.nodes)}
	case kind == "np":
		return obj{"namespaceSelector": selector(q.namespaces), "podSelector": selector(q.pods)}
	case q.form == "namespaces":
		return obj{"namespaces": selector(q.namespaces)}
	}
	return obj{"pods": obj{"namespaceSelector": selector(q.namespaces), "podSelector": selector(q.pods)}}
}

func (p oPolicy) object() obj {
	spec := obj{}
	meta := obj{"name": p.name}
	for dir, field := range []string{"ingress", "egress"} {
		rules := []obj{}
		for _, r := range p.rules[dir] {
			peers, ports := []obj{}, []obj{}
			for _, q := range r.peers {
				peers = append(peers, q.object(p.kind))
			}
			for _, q := range r.ports {
				ports = append(ports, q.object(p.kind))
			}
			rule := obj{[]string{"from", "to"}[dir]: peers}
			if p.kind != "np" {
				rule["action"] = r.action
			}
			if p.kind == "cnp" && r.action == "Allow" {
				rule["action"] = "Accept"
			}
			if r.ports != nil {
				rule[map[bool]string{true: "protocols", false: "ports"}[p.kind == "cnp"]] = ports
			}
			rules = append(rules, rule)
		}
		spec[field] = rules
	}
	if p.kind == "np" {
		types := []string{}
		for dir, name := range []string{"Ingress", "Egress"} {
			if p.isolates[dir] {
				types = append(types, name)
			}
		}
		spec["policyTypes"], spec["podSelector"] = types, selector(p.pods)
		meta["namespace"] = strings.TrimPrefix(p.namespaces[0], "kubernetes.io/metadata.name=")
		return obj{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}
	}
	spec["subject"] = obj{"namespaces": selector(p.namespaces)}
	if p.pods != nil {
		spec["subject"] = obj{"pods": obj{"namespaceSelector": selector(p.namespaces), "podSelector": selector(p.pods)}}
	}
	version, kind := "v1alpha1", "BaselineAdminNetworkPolicy"
	switch p.kind {
	case "anp":
		kind, spec["priority"] = "AdminNetworkPolicy", p.priority
	case "cnp":
		version, kind, spec["priority"], spec["tier"] = "v1alpha2", "ClusterNetworkPolicy", p.priority, p.tier
	}
	return obj{"apiVersion": "policy.networking.k8s.io/" + version, "kind": kind, "metadata": meta, "spec": spec}
}

func (w *oWorld) json(t testing.TB) []byte {
	items := []obj{}
	for _, name := range slices.Sorted(maps.Keys(w.namespaces)) {
		items = append(items, obj{"apiVersion": "v1", "kind": "Namespace", "metadata": obj{"name": name, "labels": w.namespaces[name]}})
	}
	for i, name := range slices.Sorted(maps.Keys(w.nodes)) {
		items = append(items, obj{
			"apiVersion": "v1", "kind": "Node", "metadata": obj{"name": name, "labels": w.nodes[name]},
			"status": obj{"addresses": []obj{{"type": "InternalIP", "address": fmt.Sprintf("192.0.2.%d", 1+i)}}},
		})
	}
	for _, p := range w.pods {
		ports := []obj{}
		for _, q := range p.ports {
			ports = append(ports, obj{"name": q.name, "containerPort": q.lo, "protocol": q.proto})
		}
		items = append(items, obj{
			"apiVersion": "v1", "kind": "Pod", "metadata": obj{"namespace": p.namespace, "name": p.name, "labels": p.labels},
			"spec":   obj{"nodeName": p.node, "hostNetwork": p.host, "containers": []obj{{"name": "c", "ports": ports}}},
			"status": obj{"podIP": p.ip.String()},
		})
	}
	for _, p := range w.policies {
		items = append(items, p.object())
	}
	data, err := json.Marshal(obj{"apiVersion": "v1", "kind": "List", "items": items})
	if err != nil {
		t.Fatal(err)
	}
	return data
}
