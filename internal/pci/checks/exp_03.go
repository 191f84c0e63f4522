package checks

import (
	"math/big"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var exp03 = pci.Check{
	ID: "EXP-03", Title: "no load balancer is public by accident", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.4.2"}, Guidance: []string{"4.1"},
	Why: "On every large cloud a Service of type LoadBalancer is public unless it says otherwise: one word in a manifest puts a workload on " +
		"the internet.",
	Fix: "Use type ClusterIP or an internal load balancer, limit the clients with loadBalancerSourceRanges, close the pods by policy, or " +
		"declare the entry.",
	Evidence: "Each public load balancer without ranges that limit it and without a declaration, and whether the policies of the pods " +
		"behind it let the internet in, with a packet. Firewalls of the cloud are not in the input.",
	Run: runExp03,
}

func runExp03(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	lbs, holds := ways(in, exposure.LoadBalancer), 0
	for _, w := range lbs {
		f := balancer(in, w)
		if f == nil || f.Status == pci.Pass {
			holds++
		}
		if f != nil {
			found = append(found, *f)
		}
	}
	return withSummary(found, len(lbs), holds, "load balancers", "internal, limited, closed or declared")
}

func balancer(in *pci.Input, w way) *pci.Finding {
	public, clients := w.public(), w.clients()
	if public == enforcer.No || w.isDeclared(in) {
		return nil
	}
	if !isWide(clients) {
		if clients.V4().Count().Cmp(big.NewInt(1<<16)) <= 0 && clients.V6().Count().Cmp(new(big.Int).Lsh(big.NewInt(1), 96)) <= 0 {
			return nil
		}
		f := w.finding(in, pci.Manual, pci.High, "Are these all known clients? The source ranges let in %s.", howMany(clients, pci.PublicAddrs(), "public"))
		return &f
	}
	p := through(in, w, pci.PublicAddrs())
	var f pci.Finding
	switch {
	case len(w.workloads()) == 0 && in.Cluster.Complete:
		return nil // nothing stands behind it
	case len(w.workloads()) == 0:
		f = w.finding(in, pci.Unknown, pci.High, "%s is public through nothing but its type, LoadBalancer, and the pods behind it are not in the input", w.via)
	case p.open == enforcer.No:
		f = w.finding(in, pci.Pass, pci.High, "%s has the type LoadBalancer and is public, but policies certainly close %s to the internet", w.via, w.behind())
	case p.open == enforcer.Yes && public == enforcer.Yes:
		f = w.finding(in, pci.Fail, pci.High, "%s is public through nothing but its type, LoadBalancer: no source ranges limit it, %s, so the internet reaches %s", w.via, barrier(in, w), w.behind())
	case p.open == enforcer.Yes:
		f = w.finding(in, pci.Unknown, pci.High, "%s has the type LoadBalancer, and whether that makes it public is not known; if it does, the internet reaches %s", w.via, w.behind())
	default:
		f = w.finding(in, pci.Unknown, pci.High, "%s is public through its type, LoadBalancer, and whether policies keep the internet from %s is not decided", w.via, w.behind())
	}
	f.Because = append(f.Because, p.because...)
	if f.Status != pci.Pass {
		f.Witness = p.witness
		f.Fix = &pci.Fix{Text: "make it type ClusterIP or an internal load balancer, limit it with loadBalancerSourceRanges, or declare it as an entry of the Segmentation"}
	}
	return &f
}

// isWide tells whether clients are the whole internet, of one family or both.
func isWide(clients netset.Addrs) bool {
	public := pci.PublicAddrs()
	return clients.Covers(public.V4()) || clients.Covers(public.V6())
}

// barrier says why policies do not stop the clients.
func barrier(in *pci.Input, w way) string {
	for _, e := range w.entries {
		for _, t := range e.Targets {
			if in.Model.Isolation(t.Pod, policy.Ingress).May {
				return "policies let it pass"
			}
		}
	}
	return "no policy isolates the pods"
}
