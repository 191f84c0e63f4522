package pci

import (
	"net/netip"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// remembered is what many checks ask of the same input. Assess keeps it while the checks run; without it each answer
// is worked out anew.
type remembered struct {
	services map[*cluster.Workload][]*cluster.Service
	policies map[string][]*policy.Policy // by namespace
	foreign  *netset.Addrs
}

// ServicesOf gives the Services with a pod of w behind them, in the order of Cluster.Services.
func (in *Input) ServicesOf(w *cluster.Workload) []*cluster.Service {
	if in.known != nil && in.known.services != nil {
		return in.known.services[w]
	}
	all := map[*cluster.Workload][]*cluster.Service{}
	for _, s := range in.Cluster.Services {
		for i, p := range s.Pods {
			if i > 0 && p.Workload == s.Pods[i-1].Workload {
				continue
			}
			if of := all[p.Workload]; len(of) == 0 || of[len(of)-1] != s {
				all[p.Workload] = append(of, s)
			}
		}
	}
	if in.known != nil {
		in.known.services = all
	}
	return all[w]
}

// PoliciesIn gives the policies of a namespace, or with "" those of none, in their order.
func (in *Input) PoliciesIn(namespace string) []*policy.Policy {
	if in.known != nil && in.known.policies != nil {
		return in.known.policies[namespace]
	}
	all := map[string][]*policy.Policy{}
	for i := range in.Policies.Policies {
		p := &in.Policies.Policies[i]
		all[p.Namespace()] = append(all[p.Namespace()], p)
	}
	if in.known != nil {
		in.known.policies = all
	}
	return all[namespace]
}

// Foreign is every address that is not known to be a pod's or a Service's.
func (in *Input) Foreign() netset.Addrs {
	if in.known != nil && in.known.foreign != nil {
		return *in.known.foreign
	}
	var services []netip.Prefix
	for _, s := range in.Cluster.Services {
		for _, a := range s.ClusterIPs {
			services = append(services, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	out := netset.AllAddrs().Subtract(in.Cluster.PodCIDRs).Subtract(in.Cluster.ServiceCIDRs).Subtract(netset.AddrsOf(services...))
	if in.known != nil {
		in.known.foreign = &out
	}
	return out
}
