package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var tst03 = pci.Check{
	ID: "TST-03", Title: "the test found what the policies say", Since: "0.2.0", Severity: pci.Critical,
	Requirements: []string{"11.4.5"}, Guidance: []string{"4.1"},
	Why: "Where a test finds open what policies close, either the control does not work or the model of it is wrong. Both matter more than any single " +
		"connection, and neither may be explained away.",
	Fix: "Find out which of the two it is: look at the engine on both nodes, at what changed since the test, and at the trace of bulkhead why.",
	Evidence: "Each proved cell of the last test whose ends are in the input, against what policies allow there now. A cell on several ports is open when " +
		"one of them is. What changed between the test and the input shows here, too.",
	Run: runTst03,
}

func runTst03(in *pci.Input) []pci.Finding {
	tests := segTests(in)
	if len(tests) == 0 {
		return noTest("Did the last test of the segmentation find what the policies say?")
	}
	var groups []grouped
	of, holds := 0, 0
	t := tests[len(tests)-1]
	for _, c := range t.cells {
		open, doubt := c.proved()
		if c.err != "" || doubt != "" || c.src == nil || c.dst == nil || c.src.IsOutside() && c.dst.IsOutside() {
			continue
		}
		of++
		b := cellBounds(in, c)
		f := pci.Finding{Subject: t.object.Ref, Status: pci.Fail, Fix: &pci.Fix{Text: "look at the engine on both nodes, and at bulkhead why for this connection"}}
		switch {
		case open && !b.May.Overlaps(c.conns):
			f.Message = "found open, and policies allow none of it"
			groups = groupCells(groups, "open", f, c)
		case !open && b.Must.Overlaps(c.conns):
			f.Message = "found closed, and policies certainly allow it"
			groups = groupCells(groups, "closed", f, c)
		case open && !b.Must.Overlaps(c.conns):
			f.Status, f.Fix, f.Message = pci.Unknown, nil, "found open, and whether policies allow it is not decided"
			groups = groupCells(groups, "maybe open", f, c)
		case !open && b.May.Overlaps(c.conns):
			f.Status, f.Fix, f.Message = pci.Unknown, nil, "found closed, and whether policies allow it is not decided"
			groups = groupCells(groups, "maybe closed", f, c)
		default:
			holds++
		}
	}
	return withSummary(groupFindings(groups), of, holds, "proved cells of the last test", "as the policies say")
}

// cellBounds is what policies allow between the ends of a cell.
func cellBounds(in *pci.Input, c testCell) reach.Bounds {
	return within(in.Model.Between(*c.src, *c.dst), c.conns)
}
