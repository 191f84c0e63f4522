package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var cni07 = pci.Check{
	ID: "CNI-07", Title: "a test proved on every node that the engine works", Since: "0.2.0", Severity: pci.Critical,
	Requirements: []string{"1.3.1", "11.4.5"}, Guidance: []string{"4.1"},
	Why: "That an engine is installed and configured does not say that it enforces on each node, in each address family. Two tries between two nodes do: one " +
		"that must connect, and one that must not.",
	Fix: "Find out why the engine does not enforce, or does not let through, on the nodes named.",
	Evidence: "The node controls of the last record of a test: from and to a node, what was to connect (allow) and what was not (deny). Each node of the input has " +
		"to be at both ends once; not every pair of nodes is asked for, and how many there were is said.",
	Run: runCni07,
}

func runCni07(in *pci.Input) []pci.Finding {
	tests := segTests(in)
	if len(tests) == 0 {
		return noTest("Was it tried between nodes that the engine lets through what it must, and nothing else?")
	}
	t := tests[len(tests)-1]
	list := t.spec.Get("nodes").List()
	if len(list) == 0 {
		return []pci.Finding{{Status: pci.Manual, Subject: t.object.Ref, Pos: t.object.Pos, Key: "absent", Message: "Was it tried on each node that the engine works? The record has no controls between nodes (nodes)."}}
	}
	type proof struct {
		node string
		to   bool
		v6   bool
	}
	good := map[proof]bool{}
	var found []pci.Finding
	holds := 0
	for i, v := range list {
		from, to, allow, deny := v.Get("from").Str(), v.Get("to").Str(), v.Get("allow").Str(), v.Get("deny").Str()
		f := pci.Finding{Subject: t.object.Ref, Pos: t.object.At(v), Key: fmt.Sprint("pair ", i)}
		switch {
		case deny == tryConnected:
			f.Status, f.Message = pci.Fail, fmt.Sprintf("from node %s to node %s a connection was made that policies close", from, to)
		case allow != tryConnected && (allow == tryFiltered || allow == tryRefused):
			f.Status, f.Message = pci.Fail, fmt.Sprintf("from node %s to node %s the connection that policies allow was not made, so the other one proves nothing", from, to)
		case allow == tryConnected && (deny == tryFiltered || deny == tryRefused) && from != "" && to != "":
			v6 := v.Get("family").Str() == "ipv6"
			good[proof{from, false, v6}], good[proof{to, true, v6}] = true, true
			holds++
			continue
		default:
			f.Status, f.Message = pci.Unknown, fmt.Sprintf("what was tried from node %q to node %q is not understood (allow %q, deny %q)", from, to, allow, deny)
		}
		found = append(found, f)
	}
	families := map[bool]bool{false: in.Cluster.IPv4, true: in.Cluster.IPv6}
	var missing []string
	var because []pci.Because
	for _, n := range in.Cluster.Nodes {
		for _, v6 := range []bool{false, true} {
			if families[v6] && (!good[proof{n.Name, false, v6}] || !good[proof{n.Name, true, v6}]) {
				missing = append(missing, n.Name)
				because = append(because, pci.Because{Ref: object.Ref{Kind: "Node", Name: n.Name}, Pos: n.Object.Pos, Msg: "is not proved in both directions"})
				break
			}
		}
	}
	if len(missing) > 0 {
		found = append(found, pci.Finding{Status: pci.Unknown, Subject: t.object.Ref, Pos: t.object.Pos, Key: "nodes", Because: tidy(because), Message: fmt.Sprintf("%d of %d nodes are not proved in both directions and address families: %s", len(missing), len(in.Cluster.Nodes), listed(missing))})
	}
	if len(in.Cluster.Nodes) == 0 {
		found = append(found, pci.Finding{Status: pci.Unknown, Subject: t.object.Ref, Pos: t.object.Pos, Key: "nodes", Message: "the nodes are not in the input, so whether each of them was tried is not known"})
	}
	return withSummary(found, len(list), holds, "pairs of nodes tried", "the engine lets through what it must, and nothing else")
}
