package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var exp10 = pci.Check{
	ID: "EXP-10", Title: "policies that filter clients by address get to see it", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"1.3.1"}, Guidance: []string{"4.1"},
	Why: "With externalTrafficPolicy: Cluster, the default, traffic from a load balancer or node port arrives with the address of a node. An " +
		"ipBlock for clients then denies the right ones, and one that holds the nodes lets everybody in.",
	Fix:      "Set externalTrafficPolicy: Local, or filter at the load balancer with loadBalancerSourceRanges.",
	Evidence: "The Service, and each rule behind it that compares addresses of clients. Some engines keep the address by other means, which the input does not show.",
	Run:      runExp10,
}

func runExp10(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	for _, w := range ways(in, exposure.LoadBalancer, exposure.NodePort, exposure.ExternalIP) {
		rules, sure := filters(in, w)
		if len(rules) == 0 {
			continue
		}
		of++
		kept := enforcer.Yes
		for _, e := range w.entries {
			if e.SourcesKept == enforcer.No || e.SourcesKept == enforcer.Unknown && kept == enforcer.Yes {
				kept = e.SourcesKept
			}
		}
		if kept == enforcer.Yes {
			holds++
			continue
		}
		f := w.finding(in, pci.Fail, pci.Medium, "policies behind it filter clients by address, and they see the address of a node instead: its externalTrafficPolicy is Cluster")
		if kept == enforcer.Unknown || !sure {
			f.Status = pci.Unknown
			f.Message = "policies behind it compare addresses, and it is not decided whether they mean clients, or see them"
		}
		f.Because, f.Fix = rules, &pci.Fix{Text: "set externalTrafficPolicy: Local, or move the filter to loadBalancerSourceRanges"}
		found = append(found, f)
	}
	return withSummary(found, of, holds, "Services whose pods filter clients by address", "keep the address of the client")
}

// filters lists the ingress rules behind a way in that let in some addresses outside the cluster and not all.
// sure is false when each of them may as well mean pods or nodes.
func filters(in *pci.Input, w way) (rules []pci.Because, sure bool) {
	for _, e := range w.entries {
		for _, t := range e.Targets {
			for _, p := range in.Model.Isolation(t.Pod, policy.Ingress).Policies {
				for i := range p.Rules {
					r := &p.Rules[i]
					if r.Direction != policy.Ingress || !r.Conns.Overlaps(targetConns(e, t)) && len(r.Named) == 0 {
						continue
					}
					var addrs netset.Addrs
					for _, q := range r.Peers {
						if q.Kind == policy.AddrPeer {
							addrs = addrs.Union(q.Addrs)
						}
					}
					filter, certain := clientFilter(in.Cluster, addrs)
					if !filter {
						continue
					}
					sure = sure || certain
					rules = append(rules, pci.Because{Ref: p.Ref, Pos: r.Pos, Msg: fmt.Sprintf("%s lets in %s", r.Path, someAddrs(addrs))})
				}
			}
		}
	}
	return tidy(rules), sure
}

// clientFilter tells whether addresses single out some clients. Ranges of pods and nodes do not, nor does the
// whole internet of a family; certain is false when a private range may be the cluster's own.
func clientFilter(c *cluster.Cluster, a netset.Addrs) (filter, certain bool) {
	foreign := a.Subtract(c.PodCIDRs).Subtract(c.NodeAddrs).Subtract(c.ServiceCIDRs)
	public := pci.PublicAddrs().Subtract(c.PodCIDRs).Subtract(c.NodeAddrs).Subtract(c.ServiceCIDRs)
	for _, family := range [][2]netset.Addrs{{foreign.V4(), public.V4()}, {foreign.V6(), public.V6()}} {
		have, all := family[0], family[1]
		if have.IsEmpty() || have.Covers(all) {
			continue
		}
		filter = true
		certain = certain || have.Overlaps(all) || !c.PodCIDRs.IsEmpty() && c.NodesKnown
	}
	return filter, certain
}
