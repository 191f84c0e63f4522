package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var den04 = pci.Check{
	ID: "DEN-04", Title: "no pod escapes its policies by using the node's network", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.3.1", "2.2.4"}, Guidance: []string{"3.1", "4.1"},
	Why: "A pod with hostNetwork has its node's address. Pod policies do not bind it, in either direction, and peers that select " +
		"pods by label never match it; it also reaches every pod of its node.",
	Fix:      "Drop hostNetwork, or control the node itself: Cilium host firewall, Calico HostEndpoint, or the cloud's firewall.",
	Evidence: "The pods that use the node's network, with file and line.",
	Run:      runDen04,
}

func runDen04(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	hosts := hostPolicies(in)
	for _, w := range in.Cluster.Workloads {
		of += len(w.Pods)
		bound := len(boundPods(w))
		holds += bound
		if bound == len(w.Pods) {
			continue
		}
		f := pci.Finding{
			Subject: w.Ref, Pos: w.Pos, Status: pci.Manual, Severity: in.SeverityFor(pci.High, w),
			Message: fmt.Sprintf("%d of %d pods use the node's network, so no pod policy has an effect on them. Which host firewall controls these nodes?", len(w.Pods)-bound, len(w.Pods)),
			Fix:     &pci.Fix{Text: "drop hostNetwork, or protect the node by a host firewall"},
		}
		for _, p := range w.Pods {
			if v := p.Spec.Get("hostNetwork"); p.HostNetwork && v != nil {
				f.Pos = p.Object.At(v)
				break
			}
		}
		if in.Scope.InCDE(w) {
			f.Status = pci.Fail
			f.Message = fmt.Sprintf("%d of %d pods of the cardholder data environment use the node's network, so no pod policy has an effect on them", len(w.Pods)-bound, len(w.Pods))
			if len(hosts) > 0 {
				f.Status, f.Because = pci.Unknown, hosts
				f.Message += "; what the host policies of the input do is not modelled"
			}
		}
		found = append(found, f)
	}
	return withSummary(found, of, holds, "pods", "bound by pod policies")
}

// hostPolicies lists the objects by which engines police the nodes themselves: Calico HostEndpoints, Cilium
// policies with a nodeSelector and Antrea policies for nodes.
func hostPolicies(in *pci.Input) []pci.Because {
	var out []pci.Because
	for _, o := range in.Cluster.Objects {
		var host bool
		switch o.Ref.Group {
		case "projectcalico.org", "crd.projectcalico.org":
			host = o.Ref.Kind == "HostEndpoint"
		case "cilium.io":
			host = o.Ref.Kind == "CiliumClusterwideNetworkPolicy" && o.Root.Get("spec", "nodeSelector").IsSet()
		case "crd.antrea.io":
			for _, a := range o.Root.Get("spec", "appliedTo").List() {
				host = host || o.Ref.Kind == "ClusterNetworkPolicy" && a.Get("nodeSelector").IsSet()
			}
		}
		if host && in.Profile.Honours(o.Ref.GroupKind()) != enforcer.No {
			out = append(out, pci.Because{Ref: o.Ref, Pos: o.Pos, Msg: "polices nodes"})
		}
	}
	return out
}
