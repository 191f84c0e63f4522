package world

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// DefaultedPod does what the API server does (k8s.io/kubernetes, pkg/apis/core/v1/defaults.go).
func DefaultedPod(p *corev1.Pod) *corev1.Pod {
	p = p.DeepCopy()
	for i := range p.Spec.Containers {
		for j := range p.Spec.Containers[i].Ports {
			if port := &p.Spec.Containers[i].Ports[j]; port.Protocol == "" {
				port.Protocol = corev1.ProtocolTCP
			}
		}
	}
	return p
}

// Defaulted does what the API server does (k8s.io/kubernetes, pkg/apis/networking/v1/defaults.go). Empty lists
// come back from it as absent ones; the engine takes an empty list that is there for a rule that allows everything.
func Defaulted(p *networkingv1.NetworkPolicy) *networkingv1.NetworkPolicy {
	p = p.DeepCopy()
	tcp := corev1.ProtocolTCP
	fill := func(ports []networkingv1.NetworkPolicyPort) {
		for i := range ports {
			if ports[i].Protocol == nil {
				ports[i].Protocol = &tcp
			}
		}
	}
	for i := range p.Spec.Ingress {
		fill(p.Spec.Ingress[i].Ports)
	}
	for i := range p.Spec.Egress {
		fill(p.Spec.Egress[i].Ports)
	}
	if len(p.Spec.Ingress) == 0 {
		p.Spec.Ingress = nil
	}
	if len(p.Spec.Egress) == 0 {
		p.Spec.Egress = nil
	}
	if len(p.Spec.PolicyTypes) == 0 {
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if p.Spec.Egress != nil {
			p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		}
	}
	return p
}
