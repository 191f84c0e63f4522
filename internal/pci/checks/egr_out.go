package checks

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// guarded is the workloads that checks of the cardholder data environment look at: those in it, and those
// of which the input does not tell whether they are.
func guarded(in *pci.Input) []*cluster.Workload {
	var out []*cluster.Workload
	for _, w := range in.Cluster.Workloads {
		if in.Scope.InCDE(w) || in.Scope.Unsure(w) {
			out = append(out, w)
		}
	}
	return out
}

// whenSure turns a failure into an undecided finding where the class of the workload is not known.
func whenSure(in *pci.Input, w *cluster.Workload, f *pci.Finding) {
	if f.Status == pci.Fail && in.Scope != nil && in.Scope.Unsure(w) {
		f.Status = pci.Unknown
		f.Message = "if it belongs to the cardholder data environment, which the input leaves open: " + f.Message
	}
}

// outflow is what one workload may send to some peers and no need declares.
type outflow struct {
	sure, maybe []reach.Edge // Must, and what May adds to it; sorted by destination
	declared    []reach.Edge // what needs cover
}

func (o outflow) isEmpty() bool { return len(o.sure)+len(o.maybe) == 0 }

// parts is how peers are judged: addresses in pieces that declared needs treat alike.
func parts(in *pci.Input, a netset.Addrs) []netset.Addrs {
	if in.Intent == nil || a.IsEmpty() {
		return []netset.Addrs{a}
	}
	cuts := []netset.Addrs{a, pci.PublicAddrs(), in.Cluster.NodeAddrs, in.Cluster.PodCIDRs, in.Cluster.ServiceCIDRs}
	for _, z := range in.Intent.Zones {
		cuts = append(cuts, z.Addrs)
	}
	for _, n := range in.Intent.Needs {
		if p, hostBits, err := netset.PrefixFrom(n.To); err == nil && !hostBits {
			cuts = append(cuts, netset.AddrsOf(p))
		}
	}
	return slices.DeleteFunc(netset.Partition(cuts...), func(p netset.Addrs) bool { return !a.Covers(p) })
}

// add judges one edge. Connections of different protocols keep their own bounds.
func (o *outflow) add(in *pci.Input, e reach.Edge) {
	covered, _ := in.Covered(e.Src, e.Dst, e.May)
	if !covered.IsEmpty() {
		o.declared = join(o.declared, reach.Edge{Src: e.Src, Dst: e.Dst, Bounds: reach.Bounds{Must: covered, May: covered}})
	}
	must, may := e.Must.Subtract(covered), e.May.Subtract(covered)
	if !must.IsEmpty() {
		o.sure = join(o.sure, reach.Edge{Src: e.Src, Dst: e.Dst, Bounds: reach.Bounds{Must: must, May: may}})
	}
	if rest := may.Subtract(must); !rest.IsEmpty() {
		o.maybe = join(o.maybe, reach.Edge{Src: e.Src, Dst: e.Dst, Bounds: reach.Bounds{May: rest}})
	}
}

// join puts addresses with equal bounds into one edge.
func join(edges []reach.Edge, e reach.Edge) []reach.Edge {
	for i, o := range edges {
		if e.Dst.IsOutside() && o.Dst.IsOutside() && o.Must.Equal(e.Must) && o.May.Equal(e.May) {
			edges[i].Dst = reach.OfAddrs(o.Dst.Addrs.Union(e.Dst.Addrs))
			return edges
		}
	}
	return append(edges, e)
}

// leaving is what w may send to addresses, on some connections.
func leaving(in *pci.Input, w *cluster.Workload, to netset.Addrs, conns netset.Conns) outflow {
	var o outflow
	for _, e := range in.Model.Outside(w, policy.Egress) {
		hit := e.Dst.Addrs.Intersect(to)
		if hit.IsEmpty() {
			continue
		}
		for _, a := range parts(in, hit) {
			o.add(in, reach.Edge{Src: e.Src, Dst: reach.OfAddrs(a), Bounds: within(e.Bounds, conns)})
		}
	}
	return o
}

// toPeer is what w may send to a peer that is not addresses.
func toPeer(in *pci.Input, w *cluster.Workload, dst reach.Peer, conns netset.Conns) outflow {
	var o outflow
	src := reach.OfWorkload(w)
	o.add(in, reach.Edge{Src: src, Dst: dst, Bounds: within(in.Model.Between(src, dst), conns)})
	return o
}

func within(b reach.Bounds, conns netset.Conns) reach.Bounds {
	return reach.Bounds{Must: b.Must.Intersect(conns), May: b.May.Intersect(conns)}
}

// and adds the edges of another outflow of the same workload.
func (o outflow) and(p outflow) outflow {
	return outflow{append(o.sure, p.sure...), append(o.maybe, p.maybe...), append(o.declared, p.declared...)}
}

// ask is one question about the way out of a workload.
type ask struct {
	severity pci.Severity
	where    func(dst []reach.Peer) string // what the destinations are, for the message
	likely   netset.Conns                  // what a packet that shows it is chosen from, when allowed
	at       netset.Addrs                  // where that packet goes, when allowed
}

// finding is the answer for w: nil when everything that can leave is declared.
func (q ask) finding(in *pci.Input, w *cluster.Workload, o outflow) *pci.Finding {
	if o.isEmpty() {
		return nil
	}
	f := &pci.Finding{Subject: w.Ref, Pos: w.Pos, Severity: in.SeverityFor(q.severity, w), Status: pci.Fail}
	edges := o.sure
	if len(edges) == 0 {
		f.Status, edges = pci.Unknown, o.maybe
	}
	var peers []reach.Peer
	var conns netset.Conns
	for _, e := range edges {
		peers, conns = append(peers, e.Dst), conns.Union(e.May)
		if f.Status == pci.Fail {
			f.Because = append(f.Because, letThrough(in.Model, e.Src, e.Dst, e.Must)...)
		} else {
			f.Because = append(f.Because, pci.ReasonsOf(in.Model.Reasons(e.Src, e.Dst))...)
		}
	}
	f.Because = tidy(f.Because)
	if f.Status == pci.Fail {
		conns = netset.None()
		for _, e := range edges {
			conns = conns.Union(e.Must)
		}
		first := edges[0]
		f.Message = fmt.Sprintf("reaches %s on %s%s", q.where(peers), conns, undeclared(in))
		if a := first.Dst.Addrs.Intersect(q.at); !a.IsEmpty() {
			first.Dst = reach.OfAddrs(a)
		}
		f.Witness = pci.WitnessOf(in.Model.Witness(first.Src, first.Dst, prefer(first.Must, q.likely)))
		f.Fix = closeEgress(in, w)
		if i := slices.IndexFunc(f.Because, func(b pci.Because) bool { return b.Ref.Kind != w.Ref.Kind }); i >= 0 {
			f.Pos = f.Because[i].Pos
		} else {
			f.Because = append(f.Because, nearPolicies(in, w.Ref.Namespace, policy.Egress)...)
		}
	} else {
		f.Message = fmt.Sprintf("it is not decided whether it reaches %s on %s%s", q.where(peers), conns, undeclared(in))
	}
	whenSure(in, w, f)
	return f
}

// undeclared ends a sentence about traffic when there is a register that it could stand in.
func undeclared(in *pci.Input) string {
	if in.Intent == nil {
		return ""
	}
	return ", and no need declares it"
}

// prefer is the part of conns that is likely, or all of conns when nothing is.
func prefer(conns, likely netset.Conns) netset.Conns {
	if part := conns.Intersect(likely); !part.IsEmpty() {
		return part
	}
	return conns
}

func tcp(ports ...int) netset.Conns {
	var out netset.Conns
	for _, p := range ports {
		out = out.Union(netset.Ports(netset.TCP, p, p))
	}
	return out
}

func udp(ports ...int) netset.Conns {
	var out netset.Conns
	for _, p := range ports {
		out = out.Union(netset.Ports(netset.UDP, p, p))
	}
	return out
}

// addrsOf is the addresses of all peers together.
func addrsOf(peers []reach.Peer) netset.Addrs {
	var out netset.Addrs
	for _, p := range peers {
		out = out.Union(p.Addrs)
	}
	return out
}

// someAddrs writes addresses; of more than five prefixes it gives the number of the rest.
func someAddrs(a netset.Addrs) string {
	var texts []string
	for _, p := range a.Prefixes() {
		texts = append(texts, p.String())
	}
	return listed(texts)
}

// howMany says how many of the addresses of a family are meant: "every public IPv4 address", "12 public
// IPv4 addresses". It is "" for none.
func howMany(have, all netset.Addrs, what string) string {
	n := have.Count()
	switch {
	case have.IsEmpty():
		return ""
	case have.Covers(all):
		return "every " + what + " address"
	case n.Cmp(big.NewInt(1)) == 0:
		return "1 " + what + " address"
	case n.BitLen() > 63:
		return fmt.Sprintf("more than 2^%d %s addresses", n.BitLen()-1, what)
	}
	return n.String() + " " + what + " addresses"
}

// closeEgress is the policy that leaves w only the pods of the cluster and what is declared, when no other
// policy allows anything; a policy that was added could not take back what others allow.
func closeEgress(in *pci.Input, w *cluster.Workload) *pci.Fix {
	if in.Profile.Enforces == enforcer.No {
		return &pci.Fix{Text: "run an engine that enforces NetworkPolicy; without one no policy has any effect"}
	}
	pods := boundPods(w)
	if len(pods) < len(w.Pods) {
		return &pci.Fix{Text: "drop hostNetwork: pods on their node's network are bound by no pod policy"}
	}
	for _, p := range pods {
		if in.Model.Isolation(p, policy.Egress).May {
			return &pci.Fix{Text: "narrow the allowing rules named here to declared addresses, with `except` where a range must stay wide: another NetworkPolicy can only add to what they allow"}
		}
	}
	fix := &pci.Fix{
		Text: "allow it the pods of the cluster and declared addresses only; its traffic with nodes and with the API server stops too",
		YAML: insideOnly(in, w),
	}
	if fix.YAML == "" {
		fix.Text = "isolate it for egress by a policy that selects its pods alone; labels do not tell them apart today"
	}
	return fix
}

// insideOnly writes that policy; "" when labels cannot name w.
func insideOnly(in *pci.Input, w *cluster.Workload) string {
	labels, ok := ownLabels(w)
	if !ok || !selectsOnly(in.Cluster, w, labels) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: %s-egress\n  namespace: %s\nspec:\n  podSelector:\n", w.Ref.Name, w.Ref.Namespace)
	writeLabels(&b, "    ", labels)
	b.WriteString("  policyTypes: [Egress]\n  egress:\n    - to:\n        - namespaceSelector: {}\n")
	for _, e := range leaving(in, w, in.Foreign(), netset.Transport()).declared {
		b.WriteString("    - to:\n")
		for _, p := range e.Dst.Addrs.Prefixes() {
			fmt.Fprintf(&b, "        - ipBlock: {cidr: %q}\n", p)
		}
		writePorts(&b, e.May)
	}
	return b.String()
}

// eachWayOut puts a question to every workload of the cardholder data environment.
func eachWayOut(in *pci.Input, sentence string, judge func(*cluster.Workload) *pci.Finding) []pci.Finding {
	var found []pci.Finding
	ws := guarded(in)
	for _, w := range ws {
		if f := judge(w); f != nil {
			found = append(found, *f)
		}
	}
	return withSummary(found, len(ws), len(ws)-len(found), "workloads of the cardholder data environment", sentence)
}
