package checks

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
)

var sco05 = pci.Check{
	ID: "SCO-05", Title: "nothing out of scope gets into the cardholder data environment through a connected system", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"12.5.2"}, Guidance: []string{"16.1"}, NeedsScope: true,
	Why: "A system that cannot reach the cardholder data environment itself may still get there over one that can: whoever takes over the " +
		"connected system in the middle goes on from it. Whether that system stops this is not visible in policies.",
	Fix: "Cut one of the connections of the path, or show that the system in the middle does not pass traffic on and is hardened and watched.",
	Evidence: "For each workload of the cardholder data environment the shortest path of two or three connections from a workload that is not " +
		"declared to be in scope and has no connection with the environment itself, and the fewest connections to close so that none is left: " +
		"exact for such paths. Needed connections are kept where they can be.",
	Run: runSco05,
}

func runSco05(in *pci.Input) []pci.Finding {
	paths := &in.Computed.Paths
	of := 0
	for i := range in.Computed.Workloads {
		if w := &in.Computed.Workloads[i]; w.Has(scope.Stated, false) || w.Has(scope.Segment, false) {
			of++
		}
	}
	var found []pci.Finding
	for i := range paths.Found {
		found = append(found, pathFinding(in, &paths.Found[i]))
	}
	holds := of - len(found)
	if paths.Limit != "" {
		found = append(found, pci.Finding{Status: pci.Unknown, Key: "limit", Message: paths.Limit})
	}
	return withSummary(found, of, holds, "workloads", "no path of two or three connections leads to them")
}

func pathFinding(in *pci.Input, p *scope.Path) pci.Finding {
	to := p.To()
	f := pci.Finding{Subject: to.Ref, Pos: to.Pos, Status: pci.Manual}
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
	f.Message = fmt.Sprintf("%s. What stops whoever takes over %s?", text.String(), p.Hops[len(p.Hops)-1].Src)
	if !p.Certain {
		f.Status = pci.Unknown
		f.Message = "it is not decided whether this path is open: " + text.String()
	}
	if p.Cut != nil {
		f.Fix = &pci.Fix{Text: "no such path is left when these are closed, and none of them can stay open: " + gates(p.Cut)}
	}
	return f
}

// gates writes what a cut closes.
func gates(c *scope.Cut) string {
	var texts []string
	for i := range c.Gates {
		g := &c.Gates[i]
		text := fmt.Sprintf("%s (%s)", g.String(), g.Conns)
		if g.Needed {
			text += ", which is declared to be needed"
		}
		texts = append(texts, text)
	}
	return listed(texts)
}
