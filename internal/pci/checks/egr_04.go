package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var egr04 = pci.Check{
	ID: "EGR-04", Title: "the cardholder data environment asks only the cluster's own DNS", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"1.3.2"}, Guidance: []string{"4.1", "16"}, NeedsScope: true,
	Why: "Port 53 is open nearly everywhere, so data is smuggled out in names. Even the cluster's DNS carries it out when it resolves names " +
		"of the internet for the cardholder data environment.",
	Fix: "Allow port 53 to the pods of the cluster's DNS only, and let it resolve for these workloads only the names they need " +
		"(a CoreDNS view or a policy by name).",
	Evidence: "Where policies let each workload send to port 53. What the DNS server answers to whom is asked, not computed.",
	Run:      runEgr04,
}

func runEgr04(in *pci.Input) []pci.Finding {
	port := tcp(53).Union(netset.Ports(netset.UDP, 53, 53))
	servers := clusterDNS(in.Cluster)
	// A link-local address of NodeLocal DNSCache (its documented default) is the cluster's DNS as well.
	out := in.Foreign().Subtract(nodeLocalDNS())
	found := eachWayOut(in, "port 53 only to the cluster's DNS", func(w *cluster.Workload) *pci.Finding {
		o := leaving(in, w, out, port)
		for _, other := range in.Cluster.Workloads {
			if other != w && !slices.Contains(servers, other) && declaresPort(other, port) {
				o = o.and(toPeer(in, w, reach.OfWorkload(other), port))
			}
		}
		q := ask{severity: pci.Medium, likely: netset.Ports(netset.UDP, 53, 53), where: func(dst []reach.Peer) string { return resolvers(dst) }}
		f := q.finding(in, w, o)
		if f != nil && f.Status == pci.Fail && len(servers) == 0 && in.Cluster.ServiceCIDRs.IsEmpty() && !publicEdges(o) {
			f.Status = pci.Unknown
			f.Message += "; the cluster's DNS is not in the input, so these may be its addresses"
		}
		return f
	})
	if ask := recursion(in, servers, port); ask != nil {
		found = append(found, *ask)
	}
	return found
}

func nodeLocalDNS() netset.Addrs {
	a, err := netset.ParseAddrs("169.254.20.10/32")
	if err != nil {
		return netset.Addrs{}
	}
	return a
}

// resolvers names the destinations; of addresses it says only whether the internet is among them.
func resolvers(dst []reach.Peer) string {
	var names []string
	var outside netset.Addrs
	for _, p := range dst {
		if p.IsOutside() {
			outside = outside.Union(p.Addrs)
			continue
		}
		names = append(names, p.String())
	}
	switch {
	case outside.Overlaps(pci.PublicAddrs()):
		names = append(names, "name servers on the internet")
	case !outside.IsEmpty():
		names = append(names, someAddrs(outside))
	}
	return listed(names)
}

func publicEdges(o outflow) bool {
	return slices.ContainsFunc(o.sure, func(e reach.Edge) bool { return !e.Dst.IsOutside() || e.Dst.Addrs.Overlaps(pci.PublicAddrs()) })
}

func declaresPort(w *cluster.Workload, conns netset.Conns) bool {
	return slices.ContainsFunc(w.Pods, func(p *cluster.Pod) bool {
		return slices.ContainsFunc(p.Ports, func(q cluster.Port) bool { return conns.Contains(q.Protocol, uint16(q.Number)) })
	})
}

// clusterDNS finds the workloads that resolve names for the cluster: those behind the Services that installers
// create (label k8s-app=kube-dns, which kubeadm, the clouds and most distributions keep; OpenShift's
// dns-default), and pods with that label.
func clusterDNS(c *cluster.Cluster) []*cluster.Workload {
	var out []*cluster.Workload
	add := func(w *cluster.Workload) {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	for _, s := range c.Services {
		named := s.Ref.Namespace == "kube-system" && (s.Ref.Name == "kube-dns" || s.Ref.Name == "coredns") ||
			s.Ref.Namespace == "openshift-dns" && s.Ref.Name == "dns-default"
		if !named && s.Object.Root.Get("metadata", "labels", "k8s-app").Str() != "kube-dns" {
			continue
		}
		for _, p := range s.Pods {
			add(p.Workload)
		}
	}
	for _, p := range c.Pods {
		if p.Namespace.Name == "kube-system" && p.Labels["k8s-app"] == "kube-dns" {
			add(p.Workload)
		}
	}
	slices.SortFunc(out, func(a, b *cluster.Workload) int { return a.Ref.Compare(b.Ref) })
	return out
}

// recursion asks what the cluster's DNS resolves, when some workload of the cardholder data environment can
// ask it.
func recursion(in *pci.Input, servers []*cluster.Workload, port netset.Conns) *pci.Finding {
	for _, s := range servers {
		var clients []*cluster.Workload
		for _, w := range guarded(in) {
			if w != s && in.Model.Between(reach.OfWorkload(w), reach.OfWorkload(s)).May.Overlaps(port) {
				clients = append(clients, w)
			}
		}
		if len(clients) == 0 {
			continue
		}
		f := &pci.Finding{Status: pci.Manual, Subject: s.Ref, Pos: s.Pos, Key: "recursion", Message: fmt.Sprintf(
			"the cluster's DNS answers %s. Does it resolve names of the internet for them? Then data can leave inside of queries, whatever policies say.", listed(refs(clients)))}
		for _, o := range in.Cluster.Kind("", "ConfigMap") {
			for _, d := range o.Root.Get("data").Map() {
				if o.Ref.Namespace == s.Ref.Namespace && d.Name == "Corefile" && strings.Contains(d.Value.Str(), "forward .") {
					f.Because = append(f.Because, pci.Because{Ref: o.Ref, Pos: object.Pos{File: o.Pos.File, Line: d.Line}, Msg: "forwards every name that the cluster does not know"})
				}
			}
		}
		return f
	}
	return nil
}
