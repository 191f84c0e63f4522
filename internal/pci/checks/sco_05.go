package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var sco05 = pci.Check{
	ID: "SCO-05", Title: "nothing out of scope gets into the cardholder data environment through a connected system", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"12.5.2"}, Guidance: []string{"16.1"}, NeedsScope: true,
	Why: "A system that cannot reach the cardholder data environment itself may still get there over one that can: whoever takes over the " +
		"connected system in the middle goes on from it. Whether that system stops this is not visible in policies.",
	Fix:      "Cut one of the connections of the path, or show that the system in the middle does not pass traffic on and is hardened and watched.",
	Evidence: "For each workload of the cardholder data environment the shortest path of two or three connections from an out-of-scope workload.",
	Run:      runSco05,
}

// mostHops is how long a path may be; longer ones say little about a segmentation.
const mostHops = 3

func runSco05(in *pci.Input) []pci.Finding {
	cde, out := in.Scope.Of(pci.CDE, pci.CDEStore), in.Scope.Of(pci.OutOfScope, pci.Unclassified)
	between := func(w *cluster.Workload) bool {
		c := in.Scope.Class(w)
		return c == pci.ConnectedTo || c == pci.SecurityImpacting
	}
	var found []pci.Finding
	holds := 0
	for _, c := range cde {
		var far []*cluster.Workload // the others have a connection of their own, of which SCO-03 speaks
		for _, w := range out {
			if in.Model.Between(reach.OfWorkload(w), reach.OfWorkload(c)).May.IsEmpty() {
				far = append(far, w)
			}
		}
		paths := in.Model.Paths(far, []*cluster.Workload{c}, between, mostHops)
		if len(paths) == 0 {
			holds++
			continue
		}
		found = append(found, pathFinding(in, c, paths[0]))
	}
	return withSummary(found, len(cde), holds, "workloads", "no path over connected systems leads to them")
}

func pathFinding(in *pci.Input, c *cluster.Workload, p reach.Path) pci.Finding {
	f := pci.Finding{Subject: c.Ref, Pos: c.Pos, Status: pci.Manual}
	var text strings.Builder
	text.WriteString(p.Hops[0].Src.String())
	for _, h := range p.Hops {
		conns := h.Must
		if conns.IsEmpty() {
			conns = h.May
		}
		fmt.Fprintf(&text, " -> %s (%s)", h.Dst, conns)
		if p.Certain {
			f.Because = append(f.Because, letThrough(in.Model, h.Src, h.Dst, conns)...)
		} else if h.Must.IsEmpty() {
			f.Because = append(f.Because, pci.ReasonsOf(in.Model.Reasons(h.Src, h.Dst))...)
		}
	}
	f.Because = tidy(f.Because)
	middle := p.Hops[len(p.Hops)-1].Src
	f.Message = fmt.Sprintf("%s. What stops whoever takes over %s?", text.String(), middle)
	f.Fix = &pci.Fix{Text: fmt.Sprintf("cut the %s of %s towards %s, or the way into it", policy.Egress, middle, c.Ref)}
	if !p.Certain {
		f.Status = pci.Unknown
		f.Message = "it is not decided whether this path is open: " + text.String()
	}
	return f
}
