package checks

import (
	"net/netip"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var egr05 = pci.Check{
	ID: "EGR-05", Title: "the cardholder data environment reaches private networks outside the cluster only where declared", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.3.2"}, Guidance: []string{"4.1"}, NeedsScope: true,
	Why: "The company's own network is full of systems that are out of scope. Every one of them that the cardholder data environment can " +
		"reach becomes a connected system.",
	Fix:      "Isolate the workload for egress, allow single addresses and ports, and declare each as a need.",
	Evidence: "The private ranges (RFC 1918, RFC 6598, RFC 4193) that are not pods, Services or nodes and that policies let each workload reach.",
	Run:      runEgr05,
}

// privateRanges is what companies number their own networks with.
func privateRanges() []netset.Addrs {
	var out []netset.Addrs
	for _, p := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"} {
		out = append(out, netset.AddrsOf(netip.MustParsePrefix(p)))
	}
	return out
}

// rangesText names whole ranges that a holds all of, as far as they are in all, and then what is left.
func rangesText(a, all netset.Addrs) string {
	var texts []string
	for _, r := range privateRanges() {
		switch part := a.Intersect(r); {
		case part.IsEmpty():
		case part.Covers(r.Intersect(all)):
			texts = append(texts, r.String())
		default:
			texts = append(texts, someAddrs(part))
		}
	}
	return strings.Join(texts, ", ")
}

func runEgr05(in *pci.Input) []pci.Finding {
	c := in.Cluster
	// What is left is outside for certain only when the cluster's own ranges are known.
	known := !c.PodCIDRs.IsEmpty() && !c.ServiceCIDRs.IsEmpty() && c.NodesKnown
	var corporate netset.Addrs
	for _, r := range privateRanges() {
		corporate = corporate.Union(r)
	}
	corporate = corporate.Intersect(in.Foreign()).Subtract(c.NodeAddrs).Subtract(metadata())
	return eachWayOut(in, "no way to private networks that is not declared", func(w *cluster.Workload) *pci.Finding {
		o := leaving(in, w, corporate, netset.Transport())
		q := ask{severity: pci.High, likely: tcp(443), where: func(dst []reach.Peer) string {
			return "private networks outside the cluster (" + rangesText(addrsOf(dst), corporate) + ")"
		}}
		f := q.finding(in, w, o)
		if f == nil || f.Status != pci.Fail || known || reachesAll(o, corporate) {
			return f
		}
		// A part of the private ranges, and it may be the cluster's own.
		f.Status, f.Fix = pci.Unknown, &pci.Fix{Text: "state the cluster's own ranges with --pod-cidr, --service-cidr and --node-cidr"}
		f.Message += "; the addresses of pods, Services and nodes are not all known, so these may be the cluster's own"
		return f
	})
}

// reachesAll tells whether every address of a is certainly reached on some port.
func reachesAll(o outflow, a netset.Addrs) bool {
	var have netset.Addrs
	for _, e := range o.sure {
		have = have.Union(e.Dst.Addrs)
	}
	return have.V4().Covers(a.V4()) || have.V6().Covers(a.V6())
}
