package checks

import (
	"net/netip"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var egr02 = pci.Check{
	ID: "EGR-02", Title: "the cardholder data environment does not reach metadata services", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.3.2", "2.2.4"}, Guidance: []string{"4.1", "4.2"}, NeedsScope: true,
	Why: "Clouds answer on a few fixed addresses with the credentials of the node or the pod. Whoever can make a pod send one request there " +
		"may take over the account. A rule for 0.0.0.0/0 holds these addresses too.",
	Fix: "Isolate the workload for egress; where a rule must be wide, leave the addresses out with `except`. A pod that needs an identity of " +
		"the cloud gets a declared need for the one address.",
	Evidence: "The addresses that policies let each workload reach. Whether a cloud answers there, and hop limits, are not in the input. " +
		"Pods on their node's network always reach them.",
	Run: runEgr02,
}

// metadata is the fixed addresses on which clouds answer from inside: AWS, GCP, Azure, OpenStack, Oracle and
// DigitalOcean share the first; then AWS over IPv6, ECS tasks, EKS Pod Identity (two), Azure's wire server,
// Alibaba. These are the providers' documented addresses.
func metadata() netset.Addrs {
	var out netset.Addrs
	for _, a := range []string{"169.254.169.254", "fd00:ec2::254", "169.254.170.2", "169.254.170.23", "fd00:ec2::23", "168.63.129.16", "100.100.100.200"} {
		out = out.Union(netset.OneAddr(netip.MustParseAddr(a)))
	}
	return out
}

func runEgr02(in *pci.Input) []pci.Finding {
	return eachWayOut(in, "no way to metadata services that is not declared", func(w *cluster.Workload) *pci.Finding {
		q := ask{severity: pci.High, likely: tcp(80), at: netset.OneAddr(netip.AddrFrom4([4]byte{169, 254, 169, 254})), where: func(dst []reach.Peer) string {
			return "the addresses of metadata services (" + addrsOf(dst).String() + ")"
		}}
		return q.finding(in, w, leaving(in, w, metadata(), netset.Transport()))
	})
}
