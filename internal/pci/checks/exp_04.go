package checks

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var exp04 = pci.Check{
	ID: "EXP-04", Title: "no node port leads around what filters clients", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.4.2", "2.2.4"}, Guidance: []string{"4.1"},
	Why: "A node port is open on every node, for whoever reaches one. A Service of type LoadBalancer opens one for each port too, and a " +
		"client that uses it goes past the load balancer and its source ranges.",
	Fix:      "Set allocateLoadBalancerNodePorts: false where the load balancer does not need them, use ClusterIP instead of NodePort, and filter the nodes.",
	Evidence: "Each Service with node ports, whether nodes have public addresses, and whether the policies of the pods let clients in. Firewalls around the nodes are not in the input.",
	Run:      runExp04,
}

func runExp04(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	all, holds := ways(in, exposure.NodePort), 0
	balancers := ways(in, exposure.LoadBalancer)
	for _, w := range all {
		var lb *way
		if i := slices.IndexFunc(balancers, func(b way) bool { return b.via == w.via }); i >= 0 {
			lb = &balancers[i]
		}
		if f := nodePort(in, w, lb); f != nil {
			found = append(found, *f)
			continue
		}
		holds++
	}
	return withSummary(found, len(all), holds, "Services with node ports", "closed, declared or not public")
}

// nodePort judges the node ports of one Service; lb is its load balancer, nil for type NodePort.
func nodePort(in *pci.Input, w way, lb *way) *pci.Finding {
	filtered := lb != nil && (lb.public() == enforcer.No || !isWide(lb.clients()))
	if w.isDeclared(in) && !filtered {
		return nil
	}
	p := through(in, w, abroad(in))
	if p.open == enforcer.No && (len(w.workloads()) > 0 || in.Cluster.Complete) {
		return nil
	}
	around := ""
	if filtered {
		around = ", past the limits of its load balancer"
	}
	var f pci.Finding
	switch public := w.public(); {
	case public == enforcer.No:
		sensitive := in.Scope == nil || slices.ContainsFunc(w.workloads(), in.Scope.InCDE)
		if !filtered && !sensitive {
			return nil
		}
		f = w.finding(in, pci.Manual, pci.High, "Which firewall keeps clients off the nodes? Whoever reaches a node reaches %s by its node port%s.", w.behind(), around)
	case len(w.workloads()) == 0:
		f = w.finding(in, pci.Unknown, pci.High, "it opens a port on every node, and the pods behind it are not in the input")
	case public == enforcer.Yes && p.open == enforcer.Yes:
		f = w.finding(in, pci.Fail, pci.High, "it opens a port on every node, and nodes have public addresses: the internet reaches %s%s", w.behind(), around)
	case public == enforcer.Yes:
		f = w.finding(in, pci.Unknown, pci.High, "it opens a port on every node, nodes have public addresses, and whether policies let clients reach %s is not decided", w.behind())
	default:
		f = w.finding(in, pci.Unknown, pci.High, "it opens a port on every node%s, and whether nodes have public addresses is not in the input; behind it is %s", around, w.behind())
	}
	f.Because = append(f.Because, p.because...)
	f.Witness = p.witness
	f.Fix = &pci.Fix{Text: "make it type ClusterIP"}
	if lb != nil {
		f.Fix.Text = "set allocateLoadBalancerNodePorts: false when the load balancer does not use node ports, and remove the ports already given"
	}
	return &f
}
