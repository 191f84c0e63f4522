package checks

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var cni03 = pci.Check{
	ID: "CNI-03", Title: "the engine's agent is ready on every node that runs pods", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"10.7.2"}, Guidance: []string{"4.1"},
	Why: "Policies are enforced by an agent on each node. Where it does not run, new pods are not isolated and changes of policies have no effect: a " +
		"control that failed, which has to be noticed and answered.",
	Fix: "Let the DaemonSet of the agent tolerate every taint, find out why its pods are not ready, and alert on it.",
	Evidence: "The status of the agent's DaemonSet, and which nodes with pods have a pod of it. It is the state when the input was taken. Engines that " +
		"are a part of the node show nothing. Source: Kubernetes API reference, DaemonSetStatus.",
	Run: runCni03,
}

func runCni03(in *pci.Input) []pci.Finding {
	if in.Profile.Enforces == enforcer.No {
		return []pci.Finding{{Status: pci.NotApplicable, Key: "none", Message: "nothing enforces policies here (CNI-01), so no agent is to be ready"}}
	}
	var found []pci.Finding
	of, holds := 0, 0
	for _, a := range enforcer.Agents(in.Cluster) {
		if a.Enforces == enforcer.No {
			continue
		}
		of++
		if f := agentReady(in, a.Workload); f != nil {
			f.Message = "the agent of " + a.Engine + ": " + f.Message
			found = append(found, *f)
			continue
		}
		holds++
	}
	if of == 0 {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: "Is the engine's agent ready on every node? No agent is in the input: add the DaemonSets of kube-system with their status, and the nodes."}}
	}
	return withSummary(found, of, holds, "agents", "are ready on every node that runs pods")
}

func agentReady(in *pci.Input, w *cluster.Workload) *pci.Finding {
	f := &pci.Finding{Subject: w.Ref, Pos: w.Pos, Key: "ready", Fix: &pci.Fix{Text: "find out why it is not ready there; until then policies do not hold on these nodes"}}
	var status *object.Value
	for _, o := range in.Cluster.Kind(w.Ref.Group, w.Ref.Kind) {
		if o.Ref == w.Ref {
			status = o.Root.Get("status")
			if v := status.Get("numberReady"); v.IsSet() {
				f.Pos = o.At(v)
			}
		}
	}
	want, known := status.Get("desiredNumberScheduled").Int()
	ready, _ := status.Get("numberReady").Int()
	runs := map[string]bool{}
	for _, p := range w.Pods {
		if !p.Template && p.NodeName != "" && p.Object.Root.Get("status", "phase").Str() == "Running" {
			runs[p.NodeName] = true
		}
	}
	var without []string
	for _, n := range in.Cluster.Nodes {
		if len(runs) > 0 && !runs[n.Name] && enforcer.Without(in.Profile.Name, n) == "" {
			without = append(without, n.Name)
		}
	}
	slices.Sort(without)
	switch nodes := len(in.Cluster.Nodes); {
	case known && ready < want:
		f.Status, f.Message = pci.Fail, fmt.Sprintf("ready on %d of the %d nodes it is to run on", ready, want)
		if len(without) > 0 {
			f.Message += "; no pod of it runs on " + listed(without)
		}
	case len(without) > 0:
		f.Status, f.Message = pci.Fail, fmt.Sprintf("%d of %d nodes have no running pod of it: %s", len(without), nodes, listed(without))
	case !known:
		f.Status, f.Fix, f.Message = pci.Manual, nil, "is it ready on every node? Its status is not in the input"
	case nodes == 0:
		f.Status, f.Fix, f.Message = pci.Unknown, nil, fmt.Sprintf("ready on all %d nodes it is to run on; whether these are all nodes is not known, as the input has none", want)
	case len(runs) == 0 && want < nodes-withoutAgents(in):
		f.Status, f.Message = pci.Fail, fmt.Sprintf("is to run on %d of %d nodes only", want, nodes)
	default:
		return nil
	}
	return f
}

// withoutAgents counts the nodes on which no agent of the engine can run; DEN-12 speaks of the pods there.
func withoutAgents(in *pci.Input) int {
	n := 0
	for _, node := range in.Cluster.Nodes {
		if enforcer.Without(in.Profile.Name, node) != "" {
			n++
		}
	}
	return n
}
