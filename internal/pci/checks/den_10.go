package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var den10 = pci.Check{
	ID: "DEN-10", Title: "nodes count as connected to the pods they run", Since: "0.1.0", Severity: pci.Info,
	Requirements: []string{"12.5.2"}, Guidance: []string{"16.2"},
	Why: "A node reaches the pods that run on it whatever pod policies say: health probes need it, and engines let it through. Whoever holds " +
		"a node that runs the cardholder data environment is inside of it.",
	Fix:      "List the nodes as connected systems, run the cardholder data environment on nodes of its own, and control who gets onto them.",
	Evidence: "The nodes of the input, and the workloads into which policies let other nodes as well. A person has to class the nodes.",
	Run:      runDen10,
}

func runDen10(in *pci.Input) []pci.Finding {
	if len(in.Cluster.Pods) == 0 {
		return []pci.Finding{{Status: pci.NotApplicable, Message: "there are no pods to look at", Key: "none"}}
	}
	f := pci.Finding{Status: pci.Manual, Key: "nodes"}
	var names []string
	for _, n := range in.Cluster.Nodes {
		names = append(names, n.Name)
		f.Because = append(f.Because, pci.Because{Ref: object.Ref{Kind: "Node", Name: n.Name}, Pos: n.Object.Pos, Msg: "reaches the pods it runs, whatever policies say"})
	}
	who := "the nodes, which the input does not list,"
	if len(names) > 0 {
		who = fmt.Sprintf("%d nodes (%s)", len(names), listed(names))
	}
	f.Message = "a node reaches the pods it runs whatever pod policies say. Are " + who + " in scope as connected systems?"
	var entered []*cluster.Workload
	for _, w := range in.Cluster.Workloads {
		if in.Scope != nil && !in.Scope.InCDE(w) || len(boundPods(w)) == 0 {
			continue
		}
		src, dst := reach.Peer{Entity: reach.Nodes}, reach.OfWorkload(w)
		conns := in.Model.Between(src, dst).May.Intersect(netset.Transport())
		if conns.IsEmpty() {
			continue
		}
		entered = append(entered, w)
		f.Because = append(f.Because, letThrough(in.Model, src, dst, conns)...)
	}
	if len(entered) > 0 {
		f.Message += fmt.Sprintf(" Policies also let nodes that do not run them into %s.", listed(refs(entered)))
	}
	f.Because = tidy(f.Because)
	return []pci.Finding{f}
}
