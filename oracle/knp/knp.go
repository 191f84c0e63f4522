// Package knp is kube-network-policies, the engine that kindnet embeds, used as a library: it decides one
// packet at a time from the API objects themselves.
package knp

import (
	"context"
	"fmt"
	"net"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/network"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
	"sigs.k8s.io/kube-network-policies/pkg/podinfo"

	"github.com/bulkhead-sec/bulkhead/oracle/world"
)

// engine runs the evaluators of one cluster in order.
type engine struct{ *networkpolicy.PolicyEngine }

// Allows decides a packet at both ends.
func (e engine) Allows(f world.Flow) (bool, error) {
	family := corev1.IPv6Protocol
	if f.SrcAddr.Is4() {
		family = corev1.IPv4Protocol
	}
	return e.EvaluatePacket(context.Background(), &network.Packet{
		Family: family, Proto: f.Proto,
		SrcIP: net.IP(f.SrcAddr.AsSlice()), DstIP: net.IP(f.DstAddr.AsSlice()),
		SrcPort: f.SrcPort, DstPort: int(f.Port),
	})
}

// stores is the cluster as an engine's caches hold it.
type stores struct {
	core    informers.SharedInformerFactory
	podInfo api.PodInfoProvider
}

func newStores(w *world.World) (*stores, error) {
	s := &stores{core: informers.NewSharedInformerFactory(nil, 0)}
	v1 := s.core.Core().V1()
	resolver, err := podinfo.NewInformerResolver(v1.Pods().Informer())
	if err != nil {
		return nil, err
	}
	for _, n := range w.Nodes {
		if err := add(v1.Nodes().Informer(), n.DeepCopy()); err != nil {
			return nil, err
		}
	}
	for _, n := range w.Namespaces {
		if err := add(v1.Namespaces().Informer(), n.DeepCopy()); err != nil {
			return nil, err
		}
	}
	for _, p := range w.Pods {
		if err := add(v1.Pods().Informer(), world.DefaultedPod(p)); err != nil {
			return nil, err
		}
	}
	s.podInfo = podinfo.NewInformerProvider(v1.Pods(), v1.Namespaces(), v1.Nodes(), []podinfo.IPResolver{resolver})
	return s, nil
}

func add(i cache.SharedIndexInformer, o any) error {
	if err := i.GetIndexer().Add(o); err != nil {
		return fmt.Errorf("add %T: %w", o, err)
	}
	return nil
}

// perDirection is the evaluator of NetworkPolicy, once with the policies of each direction. By itself it lets
// a policy for one direction only keep the Baseline tier from deciding about the other; the API's words can be read
// so, but other engines go by direction.
type perDirection struct {
	*networkpolicy.StandardNetworkPolicy // the ingress ones
	egress                               *networkpolicy.StandardNetworkPolicy
}

// EvaluateEgress asks the evaluator that has the policies for egress.
func (p perDirection) EvaluateEgress(ctx context.Context, pkt *network.Packet, src, dst *api.PodInfo) (api.Verdict, error) {
	return p.egress.EvaluateEgress(ctx, pkt, src, dst)
}

// evaluator is the engine's, with the policies that are for any of the given directions.
func (s *stores) evaluator(w *world.World, directions ...networkingv1.PolicyType) (*networkpolicy.StandardNetworkPolicy, error) {
	i := informers.NewSharedInformerFactory(nil, 0).Networking().V1().NetworkPolicies()
	e := networkpolicy.NewStandardNetworkPolicy("", s.core.Core().V1().Namespaces(), s.core.Core().V1().Pods(), i)
	for _, p := range w.Policies {
		p = world.Defaulted(p)
		if slices.ContainsFunc(directions, func(t networkingv1.PolicyType) bool { return slices.Contains(p.Spec.PolicyTypes, t) }) {
			if err := add(i.Informer(), p); err != nil {
				return nil, err
			}
		}
	}
	return e, nil
}

// networkPolicies is the evaluator as it is, and the same by direction.
func (s *stores) networkPolicies(w *world.World) ([]api.PolicyEvaluator, error) {
	const ingress, egress = networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress
	whole, err := s.evaluator(w, ingress, egress)
	if err != nil {
		return nil, err
	}
	in, err := s.evaluator(w, ingress)
	if err != nil {
		return nil, err
	}
	out, err := s.evaluator(w, egress)
	return []api.PolicyEvaluator{whole, perDirection{in, out}}, err
}

// NetworkPolicies is the engine without admin policies.
func NetworkPolicies(w *world.World) ([]world.Engine, error) {
	s, err := newStores(w)
	if err != nil {
		return nil, err
	}
	np, err := s.networkPolicies(w)
	if err != nil {
		return nil, err
	}
	return []world.Engine{engine{networkpolicy.NewPolicyEngine(s.podInfo, np[:1])}}, nil
}
