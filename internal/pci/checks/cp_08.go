package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var cp08 = pci.Check{
	ID: "CP-08", Title: "scheduler and controller-manager listen to their own machine only", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.3.1", "2.2.4"}, Guidance: []string{"4.2"},
	Why: "Both serve metrics and profiling on all addresses of the node unless told otherwise (tcp/10257 and tcp/10259). Nothing but their own " +
		"health probes needs them. The kubelet (tcp/10250) must listen to the API server, and to nobody else.",
	Fix: "Start both with --bind-address=127.0.0.1. Let the nodes' firewall allow tcp/10250 from the control plane and the metrics server only.",
	Evidence: "The flags of each kube-controller-manager and kube-scheduler in the input. Who reaches the kubelet is a question of the nodes' " +
		"firewall: CP-06 judges it, and without one in the input it is asked. Source: Kubernetes documentation, kube-scheduler, kube-controller-manager, ports and protocols.",
	Run: runCp08,
}

func runCp08(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of := 0
	for _, program := range []string{"kube-controller-manager", "kube-scheduler"} {
		for _, c := range components(in, program) {
			of++
			if f := boundWide(c); f != nil {
				f.Message = program + " " + f.Message
				found = append(found, c.finish(*f))
			}
		}
	}
	var out []pci.Finding
	if of == 0 {
		out = hidden(in, "Do kube-controller-manager and kube-scheduler listen on 127.0.0.1 only? Add their manifests to the input.")
	} else {
		out = withSummary(found, of, of-len(found), "runs of scheduler and controller-manager", "listen to their own machine only")
	}
	if _, firewalls := openings(in); firewalls > 0 {
		return out // CP-06 judges it
	}
	return append(out, pci.Finding{Status: pci.Manual, Key: "kubelet", Message: "Does the firewall of the nodes let only the control plane and the metrics server connect to the kubelet (tcp/10250)?"})
}

func boundWide(c component) *pci.Finding {
	f, set, sure := c.get("bind-address")
	switch {
	case set && sure && loopback(f.value):
		return nil
	case !sure:
		return &pci.Finding{Status: pci.Unknown, Pos: f.pos, Key: "bind", Message: "listens where is not known"}
	case !set:
		f.value = "all addresses, its default"
	}
	return &pci.Finding{
		Status: pci.Fail, Pos: f.pos, Key: "bind", Message: fmt.Sprintf("listens on %s", f.value),
		Fix: &pci.Fix{Text: "start it with --bind-address=127.0.0.1"},
	}
}
