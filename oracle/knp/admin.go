package knp

import (
	"fmt"
	"net"
	"slices"

	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
	npav1alpha1 "sigs.k8s.io/kube-network-policies/plugins/npa-v1alpha1"
	npav1alpha2 "sigs.k8s.io/kube-network-policies/plugins/npa-v1alpha2"
	"sigs.k8s.io/network-policy-api/apis/v1alpha1"
	"sigs.k8s.io/network-policy-api/apis/v1alpha2"
	npainformers "sigs.k8s.io/network-policy-api/pkg/client/informers/externalversions"

	"github.com/bulkhead-sec/bulkhead/oracle/world"
)

// resolver knows the addresses of names.
type resolver struct{}

// ContainsIP tells whether a name has an address.
func (resolver) ContainsIP(domain string, ip net.IP) bool {
	return slices.Contains(names[domain], ip.String())
}

// ClusterNetworkPolicies is the engine with v1alpha2.
func ClusterNetworkPolicies(w *world.World) ([]world.Engine, error) {
	return everyOrder(w, func(s *stores, f npainformers.SharedInformerFactory, np api.PolicyEvaluator, renamed []*v1alpha2.ClusterNetworkPolicy) ([]api.PolicyEvaluator, error) {
		i := f.Policy().V1alpha2().ClusterNetworkPolicies()
		for _, p := range renamed {
			if err := add(i.Informer(), p); err != nil {
				return nil, err
			}
		}
		nodes := s.core.Core().V1().Nodes().Lister()
		return []api.PolicyEvaluator{
			npav1alpha2.NewClusterNetworkPolicy(v1alpha2.AdminTier, i, resolver{}, nodes),
			np,
			npav1alpha2.NewClusterNetworkPolicy(v1alpha2.BaselineTier, i, resolver{}, nodes),
		}, nil
	})
}

// AdminNetworkPolicies is the engine with v1alpha1.
func AdminNetworkPolicies(w *world.World) ([]world.Engine, error) {
	return everyOrder(w, func(s *stores, f npainformers.SharedInformerFactory, np api.PolicyEvaluator, renamed []*v1alpha2.ClusterNetworkPolicy) ([]api.PolicyEvaluator, error) {
		admin, baseline := f.Policy().V1alpha1().AdminNetworkPolicies(), f.Policy().V1alpha1().BaselineAdminNetworkPolicies()
		for _, p := range renamed {
			var err error
			switch o := (older{p}).Object().(type) {
			case *v1alpha1.AdminNetworkPolicy:
				err = add(admin.Informer(), o)
			case *v1alpha1.BaselineAdminNetworkPolicy:
				err = add(baseline.Informer(), o)
			}
			if err != nil {
				return nil, err
			}
		}
		return []api.PolicyEvaluator{
			npav1alpha1.NewAdminNetworkPolicy(admin, resolver{}), np, npav1alpha1.NewBaselineAdminNetworkPolicy(baseline),
		}, nil
	})
}

// everyOrder is two engines for each order of policies of one tier and priority: the evaluator of NetworkPolicy as
// it is, and by direction. The engine goes by name there, so policies get names; the API says only that one of
// them decides.
func everyOrder(w *world.World, evaluators func(*stores, npainformers.SharedInformerFactory, api.PolicyEvaluator, []*v1alpha2.ClusterNetworkPolicy) ([]api.PolicyEvaluator, error)) ([]world.Engine, error) {
	s, err := newStores(w)
	if err != nil {
		return nil, err
	}
	nps, err := s.networkPolicies(w)
	if err != nil {
		return nil, err
	}
	var all []*v1alpha2.ClusterNetworkPolicy
	for _, o := range w.Other {
		switch o := o.(type) {
		case *v1alpha2.ClusterNetworkPolicy:
			all = append(all, o)
		case older:
			all = append(all, o.ClusterNetworkPolicy)
		}
	}
	var out []world.Engine
	for _, order := range orders(all) {
		var renamed []*v1alpha2.ClusterNetworkPolicy
		for i, p := range order {
			p = p.DeepCopy()
			p.Name = fmt.Sprintf("%03d", i)
			renamed = append(renamed, p)
		}
		for _, np := range nps {
			es, err := evaluators(s, npainformers.NewSharedInformerFactory(nil, 0), np, renamed)
			if err != nil {
				return nil, err
			}
			out = append(out, engine{networkpolicy.NewPolicyEngine(s.podInfo, es)})
		}
	}
	return out, nil
}

// orders is every order of the list in which policies that tie stand differently to each other.
func orders(list []*v1alpha2.ClusterNetworkPolicy) [][]*v1alpha2.ClusterNetworkPolicy {
	if len(list) == 0 {
		return [][]*v1alpha2.ClusterNetworkPolicy{nil}
	}
	first := list[0]
	var out [][]*v1alpha2.ClusterNetworkPolicy
	for _, rest := range orders(list[1:]) {
		out = append(out, slices.Insert(slices.Clone(rest), 0, first))
		for i, p := range rest {
			if p.Spec.Tier == first.Spec.Tier && p.Spec.Priority == first.Spec.Priority {
				out = append(out, slices.Insert(slices.Clone(rest), i+1, first))
			}
		}
	}
	return out
}
