package checks

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var cp07 = pci.Check{
	ID: "CP-07", Title: "only the API server and its own members reach etcd", Since: "0.1.0", Severity: pci.Critical,
	Requirements: []string{"1.3.1", "2.2.4"}, Guidance: []string{"4.2"},
	Why: "etcd holds everything the cluster knows, Secrets too. Who writes to it commands the cluster without asking the API server.",
	Fix: "Isolate etcd's pods and let in only the API server and the other members on 2379 and 2380. For etcd on a node's network do it in the " +
		"node's firewall.",
	Evidence: "For etcd in pods of the cluster, who may connect to 2379 and 2380 by the policies. For etcd on a node's network, the addresses it " +
		"listens on; the node's firewall is asked for. Source: Kubernetes documentation, ports and protocols.",
	Run: runCp07,
}

func runCp07(in *pci.Input) []pci.Finding {
	question := "Who reaches etcd (tcp/2379-2380)? Add etcd's manifest to the input, and look at the firewall of its nodes."
	runs := ownEtcd(in)
	if len(runs) == 0 {
		return hidden(in, question)
	}
	var found []pci.Finding
	friends := map[*cluster.Workload]bool{}
	for _, program := range []string{"kube-apiserver", "etcd"} {
		for _, c := range components(in, program) {
			friends[c.pod.Workload] = true
		}
	}
	for _, c := range runs {
		if f := etcdClients(in, c, friends); f != nil {
			found = append(found, c.finish(*f))
		}
	}
	return withSummary(found, len(runs), len(runs)-len(found), "runs of etcd", "only the API server and members reach it")
}

// ownEtcd is the etcd of a cluster, and not one that an application keeps: it stands in a namespace of the
// control plane, or beside an API server.
func ownEtcd(in *pci.Input) []component {
	var out []component
	servers := components(in, "kube-apiserver")
	for _, c := range components(in, "etcd") {
		own := c.ref.Namespace == "kube-system" || c.ref.Namespace == "openshift-etcd"
		for _, s := range servers {
			own = own || s.ref.Namespace == c.ref.Namespace
		}
		if own {
			out = append(out, c)
		}
	}
	return out
}

func etcdClients(in *pci.Input, c component, friends map[*cluster.Workload]bool) *pci.Finding {
	ports := netset.Ports(netset.TCP, 2379, 2380)
	if c.pod.HostNetwork {
		f, set, sure := c.get("listen-client-urls")
		if set && sure && loopback(f.value) {
			return nil
		}
		return &pci.Finding{Status: pci.Manual, Pos: f.pos, Key: "node", Message: "listens on its node's network, where pod policies do not bind. Does the node's firewall let in only API servers and members on tcp/2379-2380?"}
	}
	w := c.pod.Workload
	dst := reach.OfWorkload(w)
	var must, may []string
	var f pci.Finding
	weigh := func(name string, src reach.Peer, b reach.Bounds) {
		switch {
		case b.Must.Overlaps(ports):
			if len(must) == 0 {
				f.Witness = pci.WitnessOf(in.Model.Witness(src, dst, b.Must.Intersect(ports)))
				f.Because = letThrough(in.Model, src, dst, b.Must.Intersect(ports))
			}
			must = append(must, name)
		case b.May.Overlaps(ports):
			if len(may) == 0 {
				f.Because = append(f.Because, pci.ReasonsOf(in.Model.Reasons(src, dst))...)
			}
			may = append(may, name)
		}
	}
	for _, other := range in.Cluster.Workloads {
		if !friends[other] {
			src := reach.OfWorkload(other)
			weigh(other.Ref.String(), src, in.Model.Between(src, dst))
		}
	}
	for _, e := range in.Model.Outside(w, policy.Ingress) {
		if e.Src.IsOutside() {
			weigh("addresses outside", e.Src, e.Bounds)
		}
	}
	f.Because = tidy(f.Because)
	switch {
	case len(must) > 0:
		f.Status, f.Key = pci.Fail, "open"
		f.Message = fmt.Sprintf("%s may connect to etcd", listed(unique(must)))
		f.Fix = isolateFix(in, w.Ref.Namespace, policy.Ingress)
	case len(may) > 0:
		f.Status, f.Key, f.Witness = pci.Unknown, "open", nil
		f.Message = fmt.Sprintf("it is not decided whether %s may connect to etcd", listed(unique(may)))
	default:
		return nil
	}
	return &f
}

// loopback tells whether every address of a list of URLs or hosts is the machine's own.
func loopback(list string) bool {
	for s := range strings.SplitSeq(list, ",") {
		host := strings.Trim(strings.TrimSpace(s), "[]")
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			host = u.Hostname()
		}
		if host != "localhost" && host != "::1" && !strings.HasPrefix(host, "127.") {
			return false
		}
	}
	return true
}

// unique leaves out names that stand there twice, in their order.
func unique(names []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, n := range names {
		if !seen[n] {
			out = append(out, n)
		}
		seen[n] = true
	}
	return out
}
