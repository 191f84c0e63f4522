package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var exp06 = pci.Check{
	ID: "EXP-06", Title: "the cardholder data environment does not listen on nodes", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.3.1"}, Guidance: []string{"3.1", "4.1"}, NeedsScope: true,
	Why: "A host port is open on the address of the node, and a pod on its node's network has every port open there, declared or not. The " +
		"latter is bound by no pod policy at all.",
	Fix:      "Drop hostPort and hostNetwork, and use a Service.",
	Evidence: "The pods and ports, with file and line; for host ports, whether policies let anybody in.",
	Run:      runExp06,
}

func runExp06(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	ws, holds := guarded(in), 0
	for _, w := range ws {
		n := len(found)
		if pods := len(w.Pods) - len(boundPods(w)); pods > 0 {
			found = append(found, hostNetwork(in, w, pods))
		}
		if f := hostPorts(in, w); f != nil {
			found = append(found, *f)
		}
		if len(found) == n {
			holds++
		}
	}
	return withSummary(found, len(ws), holds, "workloads of the cardholder data environment", "have no port on a node that lets anybody in")
}

func hostNetwork(in *pci.Input, w *cluster.Workload, pods int) pci.Finding {
	f := pci.Finding{
		Subject: w.Ref, Pos: w.Pos, Status: pci.Fail, Severity: in.SeverityFor(pci.High, w), Key: exposure.HostNetwork,
		Message: fmt.Sprintf("%d of %d pods use their node's network: every port they open is open on the node, and no pod policy binds them", pods, len(w.Pods)),
		Fix:     &pci.Fix{Text: "drop hostNetwork"},
	}
	for _, p := range w.Pods {
		if p.HostNetwork {
			f.Pos = p.Object.At(p.Spec.Get("hostNetwork"))
			f.Because = append(f.Because, pci.Because{Ref: w.Ref, Pos: f.Pos, Msg: "hostNetwork"})
			break
		}
	}
	f.Witness = fromAnywhere(in.Model, w, policy.Ingress)
	whenSure(in, w, &f)
	return f
}

// hostPorts judges the host ports of pods that have their own address.
func hostPorts(in *pci.Input, w *cluster.Workload) *pci.Finding {
	for _, h := range ways(in, exposure.HostPort) {
		h = h.to(w)
		if len(h.entries) == 0 || h.isDeclared(in) {
			continue
		}
		p := through(in, h, abroad(in))
		if p.open == enforcer.No {
			return nil
		}
		f := h.finding(in, pci.Fail, pci.High, "%s on every node it runs on leads to %s, and policies let clients in", h.text(), h.behind())
		f.Fix, f.Witness, f.Key = &pci.Fix{Text: "drop hostPort, and use a Service"}, p.witness, exposure.HostPort
		if p.open == enforcer.Unknown {
			f.Status = pci.Unknown
			f.Message = fmt.Sprintf("%s leads to %s, and whether policies let clients in is not decided", h.text(), h.behind())
		}
		f.Because = append(f.Because, p.because...)
		whenSure(in, w, &f)
		return &f
	}
	return nil
}
