// Package world is a random generator of clusters and packets, and the referee between an engine that somebody
// else wrote and ours. Both read the same API objects.
//
// Every construct that a policy may hold is noted where it is drawn, together with something else that could
// stand in its place. The referee puts that in, asks the engine again and so learns whether the construct
// decided a packet at all. A run that never saw some construct decide proves nothing about it, and fails.
package world

import (
	"bytes"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// World is one cluster.
type World struct {
	Nodes      []*corev1.Node
	Namespaces []*corev1.Namespace
	Accounts   []*corev1.ServiceAccount
	Pods       []*corev1.Pod
	Policies   []*networkingv1.NetworkPolicy
	Other      []any // pointers to objects of the engine's own kinds, or Disguised, in the order they were drawn
	Sites      []Site
	// Spelling says how absent lists of a NetworkPolicy are written, by its place in Policies.
	Spelling []Spelling
}

// Disguised is an object that is drawn in one API and written in another that can say the same.
type Disguised interface{ Object() any }

// Site is one construct in one object of a world.
type Site struct {
	Construct string
	replace   func() (restore func())
}

// Spelling is how an empty list is written. The API server takes all three for the same.
type Spelling uint8

// The spellings.
const (
	Absent Spelling = iota
	Null
	Brackets
)

// String is the construct that the referee counts.
func (s Spelling) String() string {
	switch s {
	case Null:
		return "lists written null"
	case Brackets:
		return "lists written []"
	}
	return "lists left out"
}

// Without calls f while something else stands in the place of a construct.
func (w *World) Without(s Site, f func()) {
	restore := s.replace()
	defer restore()
	f()
}

// JSON is the cluster as API objects, one a line.
func (w *World) JSON() []byte {
	var out bytes.Buffer
	for _, o := range w.objects() {
		out.Write(mustMarshal(o))
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// YAML is the same for people, without what the types of the API write for nothing.
func (w *World) YAML() string {
	var out bytes.Buffer
	for _, o := range w.objects() {
		var tree any
		if err := json.Unmarshal(mustMarshal(o), &tree); err != nil {
			panic(err) // it was marshalled a line ago
		}
		tidy(tree)
		y, err := yaml.Marshal(tree)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&out, "---\n%s", y)
	}
	return out.String()
}

func tidy(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			tidy(e)
		}
	case map[string]any:
		for _, noise := range []string{"resources", "nodeInfo", "daemonEndpoints", "creationTimestamp"} {
			delete(v, noise)
		}
		for _, k := range []string{"spec", "status"} {
			if m, ok := v[k].(map[string]any); ok && len(m) == 0 {
				delete(v, k)
			}
		}
		for _, e := range v {
			tidy(e)
		}
	}
}

func (w *World) objects() []any {
	var out []any
	for _, o := range w.Nodes {
		out = append(out, o)
	}
	for _, o := range w.Namespaces {
		out = append(out, o)
	}
	for _, o := range w.Accounts {
		out = append(out, o)
	}
	for _, o := range w.Pods {
		out = append(out, o)
	}
	for i, o := range w.Policies {
		out = append(out, spelled(o, w.Spelling[i]))
	}
	for _, o := range w.Other {
		if d, ok := o.(Disguised); ok {
			o = d.Object()
		}
		out = append(out, o)
	}
	return out
}

// mustMarshal writes API types, which cannot fail.
func mustMarshal(o any) []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}

// spelled writes the empty lists of a policy in one of three ways.
func spelled(p *networkingv1.NetworkPolicy, s Spelling) any {
	if s == Absent {
		return p
	}
	var tree map[string]any
	if err := json.Unmarshal(mustMarshal(p), &tree); err != nil {
		panic(err)
	}
	var empty any
	if s == Brackets {
		empty = []any{}
	}
	fill := func(m map[string]any, names ...string) {
		for _, n := range names {
			if _, there := m[n]; !there {
				m[n] = empty
			}
		}
	}
	spec, _ := tree["spec"].(map[string]any)
	fill(spec, "ingress", "egress", "policyTypes")
	for _, d := range []struct{ rules, peers string }{{"ingress", "from"}, {"egress", "to"}} {
		rules, _ := spec[d.rules].([]any)
		for _, r := range rules {
			rule, _ := r.(map[string]any)
			fill(rule, d.peers, "ports")
			peers, _ := rule[d.peers].([]any)
			for _, p := range peers {
				peer, _ := p.(map[string]any)
				if b, ok := peer["ipBlock"].(map[string]any); ok {
					fill(b, "except")
				}
				for _, sel := range []string{"podSelector", "namespaceSelector"} {
					if m, ok := peer[sel].(map[string]any); ok {
						fill(m, "matchExpressions")
					}
				}
			}
		}
	}
	return tree
}

// named begins an object.
func named(apiVersion, kind, namespace, name string) (metav1.TypeMeta, metav1.ObjectMeta) {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}, metav1.ObjectMeta{Namespace: namespace, Name: name}
}
