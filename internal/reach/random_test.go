package reach_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// world is one random cluster: the API objects that the engine reads, and the same for the oracle.
type world struct {
	oracleWorld
	pods  []*oraclePod
	names []string // of pods, "ns/name"
}

var (
	someKeys   = []string{"app", "tier", "env"}
	someValues = []string{"a", "b", "c"}
	somePorts  = []int32{1, 53, 80, 81, 443, 8080, 65535}
	someNames  = []string{"http", "dns", "metrics"}
	someProtos = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
	someCIDRs  = []string{"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "192.168.0.0/16", "0.0.0.0/1", "128.0.0.0/1", "::/0", "fd00::/8", "fd00:1::/32", "fd00:1::3/128", "2000::/3"}
	someExcept = map[string][]string{
		"0.0.0.0/0": {"10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/16"}, "10.0.0.0/8": {"10.1.0.0/16", "10.1.2.3/32"},
		"10.1.0.0/16": {"10.1.2.0/24"}, "::/0": {"fd00::/8", "2000::/3"}, "fd00::/8": {"fd00:1::/32"},
	}
	outsideIPs = []string{"10.1.2.3", "10.1.2.4", "10.9.9.9", "192.168.7.7", "8.8.8.8", "200.1.1.1", "fd00:1::3", "fd00:2::1", "2001:db8::1"}
)

func pickOne[T any](r *rand.Rand, xs []T) T { return xs[r.IntN(len(xs))] }

func randomLabels(r *rand.Rand) map[string]string {
	m := map[string]string{}
	for _, k := range someKeys {
		if r.IntN(3) > 0 {
			m[k] = pickOne(r, someValues)
		}
	}
	return m
}

func randomSelector(r *rand.Rand) metav1.LabelSelector {
	var s metav1.LabelSelector
	switch r.IntN(5) {
	case 0:
	case 1, 2:
		s.MatchLabels = map[string]string{pickOne(r, someKeys): pickOne(r, someValues)}
	default:
		for range 1 + r.IntN(2) {
			e := metav1.LabelSelectorRequirement{Key: pickOne(r, someKeys)}
			e.Operator = pickOne(r, []metav1.LabelSelectorOperator{metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist})
			if e.Operator == metav1.LabelSelectorOpIn || e.Operator == metav1.LabelSelectorOpNotIn {
				for range 1 + r.IntN(2) {
					e.Values = append(e.Values, pickOne(r, someValues))
				}
			}
			s.MatchExpressions = append(s.MatchExpressions, e)
		}
	}
	return s
}

func randomNamespaceSelector(r *rand.Rand) metav1.LabelSelector {
	if r.IntN(3) == 0 {
		return metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": fmt.Sprintf("ns%d", r.IntN(3))}}
	}
	return randomSelector(r)
}

func randomPeers(r *rand.Rand) []networkingv1.NetworkPolicyPeer {
	var out []networkingv1.NetworkPolicyPeer
	for range r.IntN(3) {
		var p networkingv1.NetworkPolicyPeer
		switch r.IntN(4) {
		case 0:
			cidr := pickOne(r, someCIDRs)
			p.IPBlock = &networkingv1.IPBlock{CIDR: cidr}
			for _, e := range someExcept[cidr] {
				if r.IntN(3) == 0 {
					p.IPBlock.Except = append(p.IPBlock.Except, e)
				}
			}
		case 1:
			s := randomSelector(r)
			p.PodSelector = &s
		case 2:
			s := randomNamespaceSelector(r)
			p.NamespaceSelector = &s
		default:
			a, b := randomSelector(r), randomNamespaceSelector(r)
			p.PodSelector, p.NamespaceSelector = &a, &b
		}
		out = append(out, p)
	}
	return out
}

func randomPorts(r *rand.Rand) []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	for range r.IntN(3) {
		var p networkingv1.NetworkPolicyPort
		if r.IntN(2) == 0 {
			proto := pickOne(r, someProtos)
			p.Protocol = &proto
		}
		switch r.IntN(4) {
		case 0:
		case 1:
			n := intstr.FromString(pickOne(r, someNames))
			p.Port = &n
		case 2:
			lo, hi := pickOne(r, somePorts), pickOne(r, somePorts)
			n := intstr.FromInt32(min(lo, hi))
			end := max(lo, hi)
			p.Port, p.EndPort = &n, &end
		default:
			n := intstr.FromInt32(pickOne(r, somePorts))
			p.Port = &n
		}
		out = append(out, p)
	}
	return out
}

func randomPolicy(r *rand.Rand, i int) networkingv1.NetworkPolicy {
	var p networkingv1.NetworkPolicy
	p.APIVersion, p.Kind = "networking.k8s.io/v1", "NetworkPolicy"
	p.Namespace, p.Name = fmt.Sprintf("ns%d", r.IntN(3)), fmt.Sprintf("p%d", i)
	p.Spec.PodSelector = randomSelector(r)
	switch r.IntN(5) {
	case 0:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{"Ingress"}
	case 1:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{"Egress"}
	case 2:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{"Ingress", "Egress"}
	}
	for range r.IntN(3) {
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: randomPeers(r), Ports: randomPorts(r)})
	}
	for range r.IntN(3) {
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: randomPeers(r), Ports: randomPorts(r)})
	}
	return p
}

// newWorld makes a random cluster of three namespaces. Pods have one or two address families each.
func newWorld(r *rand.Rand) *world {
	w := &world{}
	w.namespaces = map[string]map[string]string{}
	w.podsByIP = r.IntN(4) > 0
	for i := range 3 {
		name := fmt.Sprintf("ns%d", i)
		w.namespaces[name] = randomLabels(r)
		w.namespaces[name]["kubernetes.io/metadata.name"] = name
	}
	stack := r.IntN(3) // 0: IPv4, 1: IPv6, 2: both, per pod at random
	for i := range 3 + r.IntN(6) {
		p := &oraclePod{namespace: fmt.Sprintf("ns%d", r.IntN(3)), labels: randomLabels(r), node: pickOne(r, []string{"n0", "n1"})}
		n := r.IntN(4)
		v4 := netip.AddrFrom4([4]byte{10, byte(1 + n%2), 2, byte(3 + i)})
		v6 := netip.AddrFrom16([16]byte{0xfd, 0, 0, byte(1 + n/2), 15: byte(3 + i)})
		has := stack
		if stack == 2 {
			has = r.IntN(3)
		}
		if has != 1 {
			p.ips = append(p.ips, v4)
		}
		if has != 0 {
			p.ips = append(p.ips, v6)
		}
		p.host = r.IntN(10) == 0
		for range r.IntN(3) {
			p.ports = append(p.ports, corev1.ContainerPort{Name: pickOne(r, someNames), ContainerPort: pickOne(r, somePorts), Protocol: pickOne(r, someProtos)})
		}
		w.pods, w.names = append(w.pods, p), append(w.names, fmt.Sprintf("%s/pod%d", p.namespace, i))
	}
	for i := range r.IntN(8) {
		w.policies = append(w.policies, randomPolicy(r, i))
	}
	return w
}

// json gives the cluster as API objects. hide leaves out what an assessor's files may not hold: pod
// addresses and the Namespace objects.
func (w *world) json(hide bool) []byte {
	var out []byte
	add := func(x any) {
		b, err := json.Marshal(x)
		if err != nil {
			panic(err)
		}
		out = append(append(out, b...), '\n')
	}
	if !hide {
		for name, labels := range w.namespaces {
			add(corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
		}
	}
	for i, p := range w.pods {
		pod := corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}}
		pod.Namespace, pod.Name, pod.Labels = p.namespace, fmt.Sprintf("pod%d", i), p.labels
		pod.Spec.HostNetwork = p.host
		pod.Spec.Containers = []corev1.Container{{Name: "c", Image: "i", Ports: p.ports}}
		if !hide {
			pod.Spec.NodeName = p.node
			for _, ip := range p.ips {
				pod.Status.PodIPs = append(pod.Status.PodIPs, corev1.PodIP{IP: ip.String()})
			}
		}
		add(pod)
	}
	for i := range w.policies {
		add(w.policies[i])
	}
	return out
}
