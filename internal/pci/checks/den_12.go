package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var den12 = pci.Check{
	ID: "DEN-12", Title: "no pod runs where the engine does not enforce", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"1.3.1"}, Guidance: []string{"4.1", "9.2"},
	Why: "An engine acts through an agent on each node. Fargate and virtual nodes run none, and most engines have none for Windows. A pod there is " +
		"open whatever its policies say, and nothing in its own manifest shows it.",
	Fix: "Keep the workload off these nodes by a nodeSelector or taints, or filter it by what the place itself offers, such as security groups for pods.",
	Evidence: "The nodes of the input on which the engine has no agent, with the pods that run there; and pods that ask for such a node. Sources: Amazon " +
		"EKS, choosing pod networking use cases; Azure AKS, virtual nodes; Kubernetes, Windows containers.",
	Run: runDen12,
}

func runDen12(in *pci.Input) []pci.Finding {
	bare := map[string]string{}
	for _, n := range in.Cluster.Nodes {
		if why := enforcer.Without(in.Profile.Name, n); why != "" {
			bare[n.Name] = why
		}
	}
	var found []pci.Finding
	of, holds := 0, 0
	for _, w := range in.Cluster.Workloads {
		sure, maybe := 0, 0
		var why string
		pods := boundPods(w)
		for _, p := range pods {
			switch on, certain := unguarded(in, bare, p); {
			case on == "":
				holds++
			case certain:
				sure, why = sure+1, on
			default:
				maybe++
				if sure == 0 {
					why = on
				}
			}
		}
		if of += len(pods); sure+maybe == 0 {
			continue
		}
		f := pci.Finding{Subject: w.Ref, Pos: w.Pos, Status: pci.Unknown, Severity: in.SeverityFor(pci.High, w), Key: "node"}
		f.Message = "it is not known on which nodes its pods run, and " + why + " is among those that would take them"
		if sure > 0 {
			f.Status = pci.Fail
			f.Message = fmt.Sprintf("%d of %d pods run on %s, where the agent of %s does not run and no policy binds them", sure, len(pods), why, in.Profile.Name)
			f.Fix = &pci.Fix{Text: "run them on nodes with the engine's agent, or filter them by what the place offers"}
		}
		found = append(found, f)
	}
	return withSummary(found, of, holds, "pods", "run, or will run, where the engine has its agent")
}

// unguarded says on what kind of place without the engine's agent a pod runs, "" for none. certain is false when
// the pod has no node yet and such a node may take it.
func unguarded(in *pci.Input, bare map[string]string, p *cluster.Pod) (why string, certain bool) {
	engine := in.Profile.Name
	windows := p.Spec.Get("os", "name").Str() == "windows" || p.NodeSelector["kubernetes.io/os"] == "windows"
	switch {
	case p.NodeName != "":
		return bare[p.NodeName], true
	case windows && engine != "calico" && engine != "antrea":
		return "a Windows node", true
	case p.NodeSelector["eks.amazonaws.com/compute-type"] == "fargate" || p.Labels["eks.amazonaws.com/fargate-profile"] != "":
		return "a Fargate node", true
	case p.NodeSelector["type"] == "virtual-kubelet" || p.NodeSelector["kubernetes.io/role"] == "agent" && p.NodeSelector["type"] != "":
		return "a virtual node", true
	case windows:
		return "", true
	}
	for _, n := range in.Cluster.Nodes {
		if bare[n.Name] == "" {
			continue
		}
		fits := n.OS != "windows" || p.NodeSelector["kubernetes.io/os"] == ""
		for k, v := range p.NodeSelector {
			fits = fits && n.Labels[k] == v
		}
		if fits && tolerates(p, n) {
			return bare[n.Name], false
		}
	}
	return "", true
}

// tolerates tells whether the taints of a node let a pod be scheduled there. Tolerations of Pods are not kept, so
// where they may matter the answer is yes for a live Pod.
func tolerates(p *cluster.Pod, n *cluster.Node) bool {
	for _, t := range n.Object.Root.Get("spec", "taints").List() {
		if e := t.Get("effect").Str(); e != "NoSchedule" && e != "NoExecute" {
			continue
		}
		ok := !p.Template
		for _, q := range p.Spec.Get("tolerations").List() {
			key, value := q.Get("key").Str(), q.Get("value").Str()
			any := q.Get("operator").Str() == "Exists"
			if (key == "" && any || key == t.Get("key").Str()) && (any || value == t.Get("value").Str()) {
				ok = true
			}
		}
		if !ok {
			return false
		}
	}
	return true
}
