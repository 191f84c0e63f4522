package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var egr07 = pci.Check{
	ID: "EGR-07", Title: "no undeclared administration or clear-text protocol leaves the cardholder data environment", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"1.2.6", "1.3.2"}, Guidance: []string{"4.1"}, NeedsScope: true,
	Why: "FTP (21), telnet (23), SMTP (25) and LDAP (389) carry data in clear text; SSH (22), SMB (445) and RDP (3389) are how intruders move " +
		"on. An outward rule without ports holds them all.",
	Fix:      "Give the outward rules ports. Declare a protocol that must stay as a need, with its mitigation.",
	Evidence: "Which of these ports policies let each workload reach outside the cluster. What is spoken on a port is not in the input.",
	Run:      runEgr07,
}

func runEgr07(in *pci.Input) []pci.Finding {
	ports, out := tcp(21, 22, 23, 25, 389, 445, 3389), in.Foreign()
	return eachWayOut(in, "no such protocol leaves undeclared", func(w *cluster.Workload) *pci.Finding {
		q := ask{severity: pci.Medium, likely: tcp(22), where: func([]reach.Peer) string { return "addresses outside the cluster" }}
		return q.finding(in, w, leaving(in, w, out, ports))
	})
}
