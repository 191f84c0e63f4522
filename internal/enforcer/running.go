package enforcer

import "github.com/bulkhead-sec/bulkhead/internal/cluster"

// Agent is the DaemonSet of a known engine in a cluster.
type Agent struct {
	Engine   string // as in Profile.Name; "flannel" only carries traffic
	Workload *cluster.Workload
	Enforces Answer // what its settings say, whether or not its pods run
	Carrier  bool   // made to leave policies to another engine when it does not enforce
}

// Agents lists the DaemonSets of known engines, sorted by Ref. Engines that are a part of the node have none.
func Agents(c *cluster.Cluster) []Agent {
	var out []Agent
	d := detector{c: c, engines: map[string]*Profile{}}
	for _, w := range c.Workloads {
		if w.Ref.Kind != "DaemonSet" {
			continue
		}
		a, ok := agentOf(w)
		if !ok {
			continue
		}
		one := Agent{Engine: a.engine, Workload: w, Enforces: Yes, Carrier: carrier(a.engine)}
		if a.switched != nil {
			one.Enforces, _ = a.switched(&d, w.Pods[0])
		}
		out = append(out, one)
	}
	return out
}

// Without says why an engine's policies do not bind the pods of a node, "" when they do as far as is known: the
// engine's agent does not run on Fargate, on virtual nodes, and on Windows but for Calico and Antrea (Amazon EKS
// "Choosing Pod networking use cases"; AKS "Virtual nodes" limitations; Calico and Antrea on Windows).
func Without(engine string, n *cluster.Node) string {
	switch {
	case n.Labels["eks.amazonaws.com/compute-type"] == "fargate":
		return "a Fargate node"
	case n.Labels["type"] == "virtual-kubelet":
		return "a virtual node"
	case n.OS == "windows" && engine != "calico" && engine != "antrea":
		return "a Windows node"
	}
	return ""
}
