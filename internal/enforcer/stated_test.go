package enforcer_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
)

// TestStated holds a statement against what the input shows: what contradicts it leaves open what it claims.
func TestStated(t *testing.T) {
	cilium := ds("cilium", "{name: cilium-agent, image: 'quay.io/cilium/cilium:v1.20.2'}")
	for _, test := range []struct {
		name, engine string
		docs         []string
		instead      bool
		enforces     enforcer.Answer
		podsByAddr   enforcer.Answer
		seen         bool
	}{
		{name: "nothing shown", engine: "calico", enforces: enforcer.Yes, podsByAddr: enforcer.Yes},
		{name: "its agent, without settings", engine: "cilium", docs: []string{cilium}, enforces: enforcer.Yes, podsByAddr: enforcer.No, seen: true},
		{name: "its settings", engine: "cilium", docs: []string{cilium, config("policy-cidr-match-mode: pods")}, enforces: enforcer.Yes, podsByAddr: enforcer.Yes, seen: true},
		{name: "its settings alone", engine: "cilium", docs: []string{config("policy-cidr-match-mode: pods")}, enforces: enforcer.Yes, podsByAddr: enforcer.Yes, seen: true},
		{name: "switched off by settings alone", engine: "cilium", docs: []string{config("policy-audit-mode: 'true'")}, enforces: enforcer.Unknown, podsByAddr: enforcer.No, seen: true},
		{name: "switched off", engine: "cilium", docs: []string{cilium, config("enable-policy: never")}, enforces: enforcer.Unknown, podsByAddr: enforcer.No, seen: true},
		{name: "switched off, whatever is asked", engine: "cilium", docs: []string{cilium, config("policy-audit-mode: 'true'")}, instead: true, enforces: enforcer.Unknown, podsByAddr: enforcer.No, seen: true},
		{name: "another engine", engine: "calico", docs: []string{cilium}, enforces: enforcer.Unknown, podsByAddr: enforcer.Yes, seen: true},
		{name: "instead of another engine", engine: "calico", docs: []string{cilium}, instead: true, enforces: enforcer.Yes, podsByAddr: enforcer.Yes},
		{name: "another one beside it", engine: "cilium", docs: []string{cilium, ds("calico-node", "{name: calico-node, image: 'calico/node:v3.30.0'}")}, enforces: enforcer.Yes, podsByAddr: enforcer.No, seen: true},
		{name: "one that only carries", engine: "calico", docs: []string{ds("kube-flannel-ds", "{name: f, image: 'flannel/flannel:v0.27.0'}")}, enforces: enforcer.Yes, podsByAddr: enforcer.Yes},
		{name: "the words of the API, under an engine", engine: "kube", docs: []string{cilium}, enforces: enforcer.Yes, podsByAddr: enforcer.Yes},
		{name: "the words of the API, under none", engine: "kube", docs: []string{cilium, config("enable-policy: never")}, enforces: enforcer.Unknown, podsByAddr: enforcer.Yes, seen: true},
		{name: "a node without its agent", engine: "cilium", docs: []string{node("f", "labels: {eks.amazonaws.com/compute-type: fargate}")}, enforces: enforcer.Unknown, podsByAddr: enforcer.No, seen: true},
		{name: "none", engine: "none", docs: []string{cilium}, enforces: enforcer.No, podsByAddr: enforcer.No},
	} {
		t.Run(test.name, func(t *testing.T) {
			objects := parse(t, test.docs...)
			c, _ := cluster.New(objects, cluster.Options{})
			p, err := enforcer.Stated(test.engine, c, test.instead)
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != test.engine || !p.Stated || p.Enforces != test.enforces || p.PodsByAddr != test.podsByAddr || len(p.Because) > 0 != test.seen {
				t.Errorf("%s, stated %v, enforces %v, pods by address %v, because %v", p.Name, p.Stated, p.Enforces, p.PodsByAddr, p.Because)
			}
			slices.Reverse(objects)
			c, _ = cluster.New(objects, cluster.Options{})
			q, _ := enforcer.Stated(test.engine, c, test.instead)
			if d := cmp.Diff(p, q); d != "" {
				t.Errorf("another order of the input changes the profile (-first +reversed):\n%s", d)
			}
		})
	}
	if _, err := enforcer.Stated("magic", &cluster.Cluster{}, false); err == nil {
		t.Error("an engine that is not known was taken")
	}
}
