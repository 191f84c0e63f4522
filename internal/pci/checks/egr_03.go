package checks

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var egr03 = pci.Check{
	ID: "EGR-03", Title: "pods of the cardholder data environment with a token reach the API server only where declared", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"1.3.2", "7.2.5"}, Guidance: []string{"1.5", "4.2"}, NeedsScope: true,
	Why: "Kubernetes puts a token for its API into every pod unless told otherwise. With a way to the API server, whoever takes over the pod " +
		"can use it.",
	Fix: "Set automountServiceAccountToken: false where the API is not used, and isolate the workload for egress. A workload that needs the " +
		"API gets a declared need.",
	Evidence: "The addresses of the API server, from the Service kubernetes in namespace default and its endpoints, that policies let each " +
		"workload with a token reach. What the token may do is a question of RBAC and not looked at.",
	Run: runEgr03,
}

func runEgr03(in *pci.Input) []pci.Finding {
	api := apiServer(in)
	return eachWayOut(in, "no pod with a token has a way to the API server that is not declared", func(w *cluster.Workload) *pci.Finding {
		pos, token := mountsToken(in.Cluster, w)
		if !token {
			return nil
		}
		q := ask{severity: pci.Medium, likely: tcp(443, 6443), where: func([]reach.Peer) string { return "the API server" }}
		var o outflow
		for _, e := range api {
			o = o.and(leaving(in, w, e.Dst.Addrs, e.May))
		}
		f := q.finding(in, w, o)
		if f == nil && len(api) < 2 {
			f = apiAnywhere(in, w, q)
		}
		if f != nil {
			f.Because = append(f.Because, pci.Because{Ref: w.Ref, Pos: pos, Msg: "its pods carry a token for the API"})
		}
		return f
	})
}

// apiServer gives the known addresses of the API server: those of its Service, and those of its endpoints,
// which is what most engines compare with rules. One or none of the two may be in the input.
func apiServer(in *pci.Input) []reach.Edge {
	var out []reach.Edge
	for _, s := range in.Cluster.Services {
		if s.Ref.Namespace != "default" || s.Ref.Name != "kubernetes" {
			continue
		}
		var own netset.Addrs
		for _, a := range s.ClusterIPs {
			own = own.Union(netset.OneAddr(a))
		}
		var ports, targets netset.Conns
		for _, p := range s.Ports {
			ports = ports.Union(tcp(p.Port))
			if p.TargetNumber == 0 {
				targets = netset.Of(netset.TCP) // by name: the endpoints' port is not known
			}
			targets = targets.Union(tcp(p.TargetNumber))
		}
		for _, e := range []reach.Edge{{Dst: reach.OfAddrs(own), Bounds: reach.Bounds{May: ports}}, {Dst: reach.OfAddrs(s.Foreign), Bounds: reach.Bounds{May: targets}}} {
			if !e.Dst.Addrs.IsEmpty() {
				out = append(out, e)
			}
		}
	}
	return out
}

// apiAnywhere judges when the API server's addresses are not all known: it may be any node and any address,
// so only a workload that can send nothing there is settled, and one that can reach everything.
func apiAnywhere(in *pci.Input, w *cluster.Workload, q ask) *pci.Finding {
	ports := tcp(443, 6443)
	nodes := toPeer(in, w, reach.Peer{Entity: reach.Nodes}, ports)
	out := leaving(in, w, netset.AllAddrs().Subtract(in.Cluster.PodCIDRs), ports)
	all := nodes.and(out)
	f := q.finding(in, w, all)
	if f == nil {
		return nil
	}
	if f.Status == pci.Fail && (len(nodes.sure) <= 0 || !nodes.sure[0].Must.Equal(ports) || !reachesAll(out, in.Foreign().Subtract(in.Cluster.NodeAddrs))) {
		f.Status, f.Witness, f.Fix = pci.Unknown, nil, &pci.Fix{Text: "add the Service kubernetes of namespace default and its EndpointSlice to the input"}
		f.Message = "it is not decided whether it reaches the API server, whose addresses are not all in the input: some addresses outside are open to it on tcp/443,6443"
	}
	return f
}

// mountsToken tells whether some pod of w has a token for the API, and where that is said. A ServiceAccount
// that is not in the input counts as one that does not object: the API's default is to mount.
func mountsToken(c *cluster.Cluster, w *cluster.Workload) (object.Pos, bool) {
	for _, p := range w.Pods {
		for _, v := range p.Spec.Get("volumes").List() {
			if slices.ContainsFunc(v.Get("projected", "sources").List(), func(s *object.Value) bool { return s.Get("serviceAccountToken").IsSet() }) {
				return p.Object.At(v), true
			}
		}
		if p.AutomountToken != nil {
			if *p.AutomountToken {
				return p.Object.At(p.Spec.Get("automountServiceAccountToken")), true
			}
			continue
		}
		refused := slices.ContainsFunc(c.Kind("", "ServiceAccount"), func(o *object.Object) bool {
			v := o.Root.Get("automountServiceAccountToken")
			return o.Ref.Namespace == w.Ref.Namespace && o.Ref.Name == p.ServiceAccount && v.IsSet() && !v.True()
		})
		if !refused {
			return p.Pos(), true
		}
	}
	return object.Pos{}, false
}
