package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var egr06 = pci.Check{
	ID: "EGR-06", Title: "the cardholder data environment does not reach the nodes' own services", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.3.1", "1.3.2"}, Guidance: []string{"4.2"}, NeedsScope: true,
	Why: "The kubelet (10250, read-only 10255), etcd (2379), the controller manager (10257), the scheduler (10259) and SSH (22) listen on " +
		"nodes. From a pod they are the shortest way to the control of the cluster. No application needs them.",
	Fix:      "Isolate the workload for egress; cut the nodes' addresses out of wide ranges with `except`.",
	Evidence: "Which of these ports policies let each workload reach on other nodes. Traffic with a pod's own node depends on the engine and is not judged here.",
	Run:      runEgr06,
}

func runEgr06(in *pci.Input) []pci.Finding {
	ports := tcp(22, 2379, 10250, 10255, 10257, 10259)
	return eachWayOut(in, "no way to the nodes' own services", func(w *cluster.Workload) *pci.Finding {
		q := ask{severity: pci.High, likely: tcp(10250), where: func([]reach.Peer) string { return "nodes" }}
		return q.finding(in, w, toPeer(in, w, reach.Peer{Entity: reach.Nodes}, ports))
	})
}
