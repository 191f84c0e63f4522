package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var exp12 = pci.Check{
	ID: "EXP-12", Title: "IPv4 and IPv6 are filtered alike", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.4.2"}, Guidance: []string{"4.1"},
	Why: "0.0.0.0/0 holds no IPv6 address, and ::/0 no IPv4 one. A filter written for one family leaves the other as it was: shut when " +
		"the pod is isolated, open when another rule lets it in.",
	Fix:      "Write each rule for addresses in both families, or take the second family off the Service.",
	Evidence: "For each workload, what the public addresses of each family may connect to, counted over all of them.",
	Run:      runExp12,
}

// family is what the public addresses of one family may do with a workload.
type family struct {
	name     string
	isThere  bool         // pods have addresses of it, as far as the input shows
	some     reach.Bounds // what at least one address may
	all      reach.Bounds // what every address may
	src, dst reach.Peer
}

func runExp12(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	for _, w := range in.Cluster.Workloads {
		if len(boundPods(w)) == 0 {
			continue
		}
		of++
		f := uneven(in, w)
		if f == nil {
			holds++
			continue
		}
		found = append(found, *f)
	}
	return withSummary(found, of, holds, "workloads", "treat clients of both address families alike")
}

func familyOf(in *pci.Input, w *cluster.Workload, name string, public netset.Addrs) family {
	f := family{name: name, src: reach.OfAddrs(public), dst: reach.OfWorkload(w)}
	// Between speaks of every address with Must and of any with May; the other two come from the groups.
	f.some.May = in.Model.Between(f.src, f.dst).May.Intersect(netset.Transport())
	f.all.Must = in.Model.Between(f.src, f.dst).Must.Intersect(netset.Transport())
	var seen netset.Addrs
	f.all.May = netset.Transport()
	for _, e := range in.Model.Outside(w, policy.Ingress) {
		if e.Src.Addrs.Overlaps(public) {
			seen = seen.Union(e.Src.Addrs)
			f.some.Must = f.some.Must.Union(e.Must.Intersect(netset.Transport()))
			f.all.May = f.all.May.Intersect(e.May)
		}
	}
	if !seen.Covers(public) {
		f.all.May = netset.None()
	}
	return f
}

// uneven compares the two families of one workload: nil when they are treated alike.
func uneven(in *pci.Input, w *cluster.Workload) *pci.Finding {
	public := pci.PublicAddrs().Subtract(in.Cluster.PodCIDRs).Subtract(in.Cluster.NodeAddrs)
	v4, v6 := familyOf(in, w, "IPv4", public.V4()), familyOf(in, w, "IPv6", public.V6())
	v4.isThere, v6.isThere = in.Cluster.IPv4, in.Cluster.IPv6
	for _, p := range [][2]family{{v6, v4}, {v4, v6}} {
		open, other := p[0], p[1]
		wide := open.all.Must.Subtract(other.all.May)
		if wide.IsEmpty() || open.isThere && !other.isThere { // pods of one family: nothing to compare
			continue
		}
		f := &pci.Finding{
			Subject: w.Ref, Pos: w.Pos, Status: pci.Fail, Severity: in.SeverityFor(pci.High, w), Key: open.name,
			Because: letThrough(in.Model, open.src, open.dst, wide),
			Witness: pci.WitnessOf(in.Model.Witness(open.src, open.dst, wide)),
			Fix:     &pci.Fix{Text: "write the rules that name addresses for both families"},
			Message: fmt.Sprintf("every %s client may connect on %s, and %s clients are filtered there", open.name, wide, other.name),
		}
		if len(f.Because) > 0 {
			f.Pos = f.Because[0].Pos
		}
		switch shut := !other.some.May.Overlaps(wide); {
		case !open.isThere:
			f.Status = pci.Unknown
			f.Message += fmt.Sprintf("; whether the pods have %s addresses is not in the input", open.name)
		case shut && open.name == "IPv4":
			f.Status, f.Severity = pci.Manual, pci.Info
			f.Message = fmt.Sprintf("Are IPv6 clients meant to stay out? A rule opens %s to all of IPv4, and 0.0.0.0/0 does not hold IPv6, which stays denied.", wide)
		}
		return f
	}
	maybe := v6.all.May.Subtract(v4.all.Must).Union(v4.all.May.Subtract(v6.all.Must))
	if !v4.isThere || !v6.isThere || maybe.IsEmpty() || !differ(v4, v6) {
		return nil
	}
	return &pci.Finding{
		Subject: w.Ref, Pos: w.Pos, Status: pci.Unknown, Severity: in.SeverityFor(pci.High, w),
		Message: fmt.Sprintf("it is not decided whether IPv4 and IPv6 clients are treated alike on %s", maybe),
		Because: tidy(pci.ReasonsOf(append(in.Model.Reasons(v4.src, v4.dst), in.Model.Reasons(v6.src, v6.dst)...))),
	}
}

// differ tells whether doubts weigh on one family and not the other.
func differ(a, b family) bool { return !a.all.Must.Equal(b.all.Must) || !a.all.May.Equal(b.all.May) }
