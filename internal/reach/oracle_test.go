package reach_test

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The oracle decides one packet at a time, from the words of the NetworkPolicy API documentation
// (k8s.io/api/networking/v1 and kubernetes.io "Network Policies"). It shares no code with the engine: it
// reads the API's own types and compares strings and addresses one by one.

type oraclePod struct {
	namespace string
	labels    map[string]string
	ips       []netip.Addr
	ports     []corev1.ContainerPort
	host      bool
	node      string
}

type oracleWorld struct {
	namespaces map[string]map[string]string // name to labels
	policies   []networkingv1.NetworkPolicy
	podsByIP   bool // does an ipBlock match addresses of pods and nodes?
}

// oracleEnd is one end of a packet: a pod, or an address outside (pod nil).
type oracleEnd struct {
	pod *oraclePod
	ip  netip.Addr
}

// allowed decides a packet: "both the egress policy on the source pod and the ingress policy on the
// destination pod need to allow the connection".
func (w *oracleWorld) allowed(src, dst oracleEnd, proto corev1.Protocol, port int32) bool {
	if src.pod != nil && src.pod.host && dst.pod != nil && !dst.pod.host && src.pod.node != "" && src.pod.node == dst.pod.node {
		return true // "traffic to and from the node where a Pod is running is always allowed"
	}
	return w.side(networkingv1.PolicyTypeEgress, src, dst, dst, proto, port) &&
		w.side(networkingv1.PolicyTypeIngress, dst, src, dst, proto, port)
}

// side decides one direction: subject is the pod whose policies count, peer the other end.
func (w *oracleWorld) side(dir networkingv1.PolicyType, subject, peer, dst oracleEnd, proto corev1.Protocol, port int32) bool {
	if subject.pod == nil || subject.pod.host {
		return true
	}
	isolated := false
	for i := range w.policies {
		p := &w.policies[i]
		if p.Namespace != subject.pod.namespace || !oracleSelects(&p.Spec.PodSelector, subject.pod.labels) || !oracleHasType(p, dir) {
			continue
		}
		isolated = true
		if dir == networkingv1.PolicyTypeIngress {
			for _, r := range p.Spec.Ingress {
				if w.peers(p.Namespace, r.From, peer) && oraclePorts(r.Ports, dst, proto, port) {
					return true
				}
			}
			continue
		}
		for _, r := range p.Spec.Egress {
			if w.peers(p.Namespace, r.To, peer) && oraclePorts(r.Ports, dst, proto, port) {
				return true
			}
		}
	}
	return !isolated
}

// oracleHasType: "If this field is not specified, it will default based on the existence of ingress or
// egress rules; policies that contain an egress section are assumed to affect egress, and all policies
// (whether or not they contain an ingress section) are assumed to affect ingress.".
func oracleHasType(p *networkingv1.NetworkPolicy, dir networkingv1.PolicyType) bool {
	if len(p.Spec.PolicyTypes) > 0 {
		return slices.Contains(p.Spec.PolicyTypes, dir)
	}
	return dir == networkingv1.PolicyTypeIngress || len(p.Spec.Egress) > 0
}

// peers: "If this field is empty or missing, this rule matches all sources".
func (w *oracleWorld) peers(own string, peers []networkingv1.NetworkPolicyPeer, end oracleEnd) bool {
	if len(peers) == 0 {
		return true
	}
	for _, p := range peers {
		if p.IPBlock != nil {
			if (end.pod == nil || w.podsByIP) && oracleInBlock(p.IPBlock, end.ip) {
				return true
			}
			continue
		}
		if end.pod == nil || end.pod.host {
			continue
		}
		inNS := end.pod.namespace == own
		if p.NamespaceSelector != nil {
			inNS = oracleSelects(p.NamespaceSelector, w.namespaces[end.pod.namespace])
		}
		if inNS && (p.PodSelector == nil || oracleSelects(p.PodSelector, end.pod.labels)) {
			return true
		}
	}
	return false
}

func oracleInBlock(b *networkingv1.IPBlock, ip netip.Addr) bool {
	if !netip.MustParsePrefix(b.CIDR).Contains(ip) {
		return false
	}
	for _, e := range b.Except {
		if netip.MustParsePrefix(e).Contains(ip) {
			return false
		}
	}
	return true
}

// oraclePorts: "If this field is empty or missing, this rule matches all ports"; a named port is looked up
// on the destination pod.
func oraclePorts(ports []networkingv1.NetworkPolicyPort, dst oracleEnd, proto corev1.Protocol, port int32) bool {
	if len(ports) == 0 {
		return true
	}
	for _, p := range ports {
		want := corev1.ProtocolTCP
		if p.Protocol != nil {
			want = *p.Protocol
		}
		if want != proto {
			continue
		}
		switch {
		case p.Port == nil:
			return true
		case p.Port.StrVal != "":
			if dst.pod == nil || dst.pod.host {
				continue
			}
			for _, c := range dst.pod.ports {
				if c.Name == p.Port.StrVal && c.Protocol == proto && c.ContainerPort == port {
					return true
				}
			}
		case p.EndPort != nil:
			if port >= p.Port.IntVal && port <= *p.EndPort {
				return true
			}
		case p.Port.IntVal == port:
			return true
		}
	}
	return false
}

func oracleSelects(s *metav1.LabelSelector, labels map[string]string) bool {
	for k, v := range s.MatchLabels {
		if got, ok := labels[k]; !ok || got != v {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		got, has := labels[e.Key]
		in := has && slices.Contains(e.Values, got)
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			if !in {
				return false
			}
		case metav1.LabelSelectorOpNotIn:
			if in {
				return false
			}
		case metav1.LabelSelectorOpExists:
			if !has {
				return false
			}
		case metav1.LabelSelectorOpDoesNotExist:
			if has {
				return false
			}
		}
	}
	return true
}
