package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// withSummary ends a check's findings: with a pass that gives the whole population when nothing was found,
// else with the population on the first finding, so that "3 of 12 pods" stands beside the failure.
func withSummary(found []pci.Finding, of, holds int, what, sentence string) []pci.Finding {
	n := pci.Population{Of: of, Holds: holds, What: what}
	if of == 0 {
		return append(found, pci.Finding{Status: pci.NotApplicable, Message: "there are no " + what + " to look at", Key: "none"})
	}
	if len(found) == 0 {
		return []pci.Finding{{Status: pci.Pass, Population: n, Message: fmt.Sprintf("%d of %d %s: %s", holds, of, what, sentence), Key: "summary"}}
	}
	for i := range found {
		found[i].Population = n
	}
	return found
}

// boundPods is the pods of w that pod policies can bind: all that do not use their node's network.
func boundPods(w *cluster.Workload) []*cluster.Pod {
	var out []*cluster.Pod
	for _, p := range w.Pods {
		if !p.HostNetwork {
			out = append(out, p)
		}
	}
	return out
}

// policiesBecause names the policies that decide.
func policiesBecause(ps []*policy.Policy, msg string) []pci.Because {
	out := make([]pci.Because, 0, len(ps))
	for _, p := range ps {
		out = append(out, pci.Because{Ref: p.Ref, Pos: p.Pos, Msg: msg})
	}
	return out
}

// fromAnywhere is a packet that shows an open direction: one from or to an outside address. nil when a layer
// above the network may still refuse all of them.
func fromAnywhere(m *reach.Model, w *cluster.Workload, d policy.Direction) *pci.Witness {
	for _, e := range m.Outside(w, d) {
		if !e.Must.IsEmpty() {
			return pci.WitnessOf(m.Witness(e.Src, e.Dst, e.Must))
		}
	}
	return nil
}

// denyAll is the YAML of a policy that isolates every pod of a namespace in one direction. Its name is free
// there: applying it must not replace another policy.
func denyAll(in *pci.Input, namespace string, d policy.Direction) string {
	types := map[policy.Direction]string{policy.Ingress: "Ingress", policy.Egress: "Egress"}
	name := freeName(in.Cluster, namespace, "default-deny-"+d.String(), nil)
	return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: " + name +
		"\n  namespace: " + namespace + "\nspec:\n  podSelector: {}\n  policyTypes:\n    - " + types[d] + "\n"
}

// isolateFix is the deny-all of a namespace, or what must come first when nothing would enforce it.
func isolateFix(in *pci.Input, namespace string, d policy.Direction) *pci.Fix {
	if in.Profile.Enforces == enforcer.No {
		return &pci.Fix{Text: "run an engine that enforces NetworkPolicy; without one no policy has any effect"}
	}
	return &pci.Fix{Text: "isolate the namespace; connections that no other policy allows will then stop", YAML: denyAll(in, namespace, d)}
}

func namespaceRef(ns *cluster.Namespace) object.Ref {
	return object.Ref{Kind: "Namespace", Name: ns.Name}
}

// inside is the addresses that pods and nodes have or may have: all when that is not known.
func inside(in *pci.Input) netset.Addrs {
	c := in.Cluster
	if c.PodCIDRs.IsEmpty() || !c.NodesKnown {
		return netset.AllAddrs()
	}
	return c.PodCIDRs.Union(c.NodeAddrs)
}
