// Package cyclonus_test is the cases of cyclonus, which people wrote to find what engines get wrong, put to
// kube-network-policies, to Felix and to ours. Its own simulator is not asked: it takes NotIn to need the key.
package cyclonus_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/mattfenwick/cyclonus/pkg/generator"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/oracle/calico"
	"github.com/bulkhead-sec/bulkhead/oracle/knp"
	"github.com/bulkhead-sec/bulkhead/oracle/world"
)

var (
	protocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
	ports     = []int32{80, 81}
)

// cluster is what a case begins with: namespaces x, y and z with pods a, b and c each.
func cluster() *world.World {
	w := &world.World{}
	n := &corev1.Node{}
	n.APIVersion, n.Kind, n.Name = "v1", "Node", "n0"
	w.Nodes = []*corev1.Node{n}
	for _, ns := range []string{"x", "y", "z"} {
		addNamespace(w, ns, map[string]string{"ns": ns})
		for _, pod := range []string{"a", "b", "c"} {
			addPod(w, ns, pod, map[string]string{"pod": pod})
		}
	}
	return w
}

func addNamespace(w *world.World, name string, labels map[string]string) {
	o := &corev1.Namespace{}
	o.APIVersion, o.Kind, o.Name = "v1", "Namespace", name
	setLabels(o, labels)
	w.Namespaces = append(w.Namespaces, o)
}

func setLabels(o *corev1.Namespace, labels map[string]string) {
	o.Labels = maps.Clone(labels)
	if o.Labels == nil {
		o.Labels = map[string]string{}
	}
	o.Labels[corev1.LabelMetadataName] = o.Name
}

func addPod(w *world.World, namespace, name string, labels map[string]string) {
	p := &corev1.Pod{}
	p.APIVersion, p.Kind, p.Namespace, p.Name, p.Labels = "v1", "Pod", namespace, name, labels
	p.Spec.NodeName = "n0"
	p.Status.Phase = corev1.PodRunning
	p.Status.PodIP = fmt.Sprintf("192.168.242.%d", 10+len(w.Pods))
	p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
	for _, port := range ports {
		for _, proto := range protocols {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{
				Name: fmt.Sprintf("cont-%d-%s", port, lower(proto)), Image: "agnhost",
				Ports: []corev1.ContainerPort{{Name: fmt.Sprintf("serve-%d-%s", port, lower(proto)), ContainerPort: port, Protocol: proto}},
			})
		}
	}
	w.Pods = append(w.Pods, p)
}

func lower(p corev1.Protocol) string {
	return map[corev1.Protocol]string{corev1.ProtocolTCP: "tcp", corev1.ProtocolUDP: "udp", corev1.ProtocolSCTP: "sctp"}[p]
}

func podAt(w *world.World, namespace, name string) *corev1.Pod {
	i := slices.IndexFunc(w.Pods, func(p *corev1.Pod) bool { return p.Namespace == namespace && p.Name == name })
	return w.Pods[i]
}

// apply does one action of a case.
func apply(w *world.World, a *generator.Action) {
	drop := func(namespace, name string) {
		w.Policies = slices.DeleteFunc(w.Policies, func(p *networkingv1.NetworkPolicy) bool { return p.Namespace == namespace && p.Name == name })
	}
	put := func(p *networkingv1.NetworkPolicy) {
		p = p.DeepCopy()
		p.APIVersion, p.Kind = "networking.k8s.io/v1", "NetworkPolicy"
		drop(p.Namespace, p.Name)
		w.Policies = append(w.Policies, p)
	}
	switch {
	case a.CreatePolicy != nil:
		put(a.CreatePolicy.Policy)
	case a.UpdatePolicy != nil:
		put(a.UpdatePolicy.Policy)
	case a.DeletePolicy != nil:
		drop(a.DeletePolicy.Namespace, a.DeletePolicy.Name)
	case a.CreateNamespace != nil:
		addNamespace(w, a.CreateNamespace.Namespace, a.CreateNamespace.Labels)
	case a.SetNamespaceLabels != nil:
		i := slices.IndexFunc(w.Namespaces, func(n *corev1.Namespace) bool { return n.Name == a.SetNamespaceLabels.Namespace })
		setLabels(w.Namespaces[i], a.SetNamespaceLabels.Labels)
	case a.DeleteNamespace != nil:
		gone := a.DeleteNamespace.Namespace
		w.Namespaces = slices.DeleteFunc(w.Namespaces, func(n *corev1.Namespace) bool { return n.Name == gone })
		w.Pods = slices.DeleteFunc(w.Pods, func(p *corev1.Pod) bool { return p.Namespace == gone })
		w.Policies = slices.DeleteFunc(w.Policies, func(p *networkingv1.NetworkPolicy) bool { return p.Namespace == gone })
	case a.CreatePod != nil:
		addPod(w, a.CreatePod.Namespace, a.CreatePod.Pod, a.CreatePod.Labels)
	case a.SetPodLabels != nil:
		podAt(w, a.SetPodLabels.Namespace, a.SetPodLabels.Pod).Labels = a.SetPodLabels.Labels
	case a.DeletePod != nil:
		gone := podAt(w, a.DeletePod.Namespace, a.DeletePod.Pod)
		w.Pods = slices.DeleteFunc(w.Pods, func(p *corev1.Pod) bool { return p == gone })
	}
	w.Spelling = make([]world.Spelling, len(w.Policies))
}

func packets(w *world.World) []world.Packet {
	var out []world.Packet
	for _, s := range w.Pods {
		for _, d := range w.Pods {
			for _, proto := range protocols {
				for _, port := range ports {
					out = append(out, world.Packet{Src: world.End{Pod: s}, Dst: world.End{Pod: d}, Proto: proto, Port: port})
				}
			}
		}
	}
	return out
}

func TestCases(t *testing.T) {
	for _, engine := range []struct {
		name, profile string
		engines       func(*world.World) ([]world.Engine, error)
	}{{"kube-network-policies", "kube", knp.NetworkPolicies}, {"felix", "calico", calico.Felix}} {
		t.Run(engine.name, func(t *testing.T) {
			profile, err := enforcer.Named(engine.profile)
			if err != nil {
				t.Fatal(err)
			}
			cases := generator.NewTestCaseGenerator(true, podAt(cluster(), "z", "c").Status.PodIP, []string{"x", "y", "z"}, nil, nil).GenerateTestCases()
			if len(cases) < 200 {
				t.Fatalf("%d cases: cyclonus has more", len(cases))
			}
			asked, allowed := 0, 0
			for _, c := range cases {
				w := cluster()
				for _, step := range c.Steps {
					for _, a := range step.Actions {
						apply(w, a)
					}
					n, ok := world.Contest{Engines: engine.engines, Profile: profile}.Ask(t, w, packets(w))
					asked, allowed = asked+n, allowed+ok
				}
			}
			t.Logf("%d cases, %d verdicts agree, %d allowed", len(cases), asked, allowed)
		})
	}
}
