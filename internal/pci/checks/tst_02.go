package checks

import (
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tst02 = pci.Check{
	ID: "TST-02", Title: "the test shows what it says, and no way into the cardholder data environment", Since: "0.2.0", Severity: pci.Critical,
	Requirements: []string{"11.4.5"}, Guidance: []string{"4.1", "16.1"}, NeedsScope: true,
	Why: "A connection that got no answer proves nothing unless the destination answers somebody: it may have been down. A refusal proves nothing unless " +
		"something listened: the packet may have arrived.",
	Fix: "Close what the test found open. Repeat the other tries with a listener on the destination and a control from a place that is allowed.",
	Evidence: "Each cell of the records of segmentation tests in the input. Open means connected; closed means no answer beside a control that connected, or a " +
		"refusal of a port on which something listened. All else is not decided.",
	Run: runTst02,
}

func runTst02(in *pci.Input) []pci.Finding {
	tests := segTests(in)
	if len(tests) == 0 {
		return noTest("What did the last test of the segmentation find, connection by connection?")
	}
	var groups []grouped
	of, holds := 0, 0
	for _, t := range tests[len(tests)-1:] {
		for _, c := range t.cells {
			of++
			f := pci.Finding{Subject: t.object.Ref}
			if c.err != "" {
				f.Status, f.Message = pci.Unknown, "a cell is not understood ("+c.err+")"
				groups = groupCells(groups, c.err, f, c)
				continue
			}
			open, doubt := c.proved()
			crossing := c.inCDE(in, c.dst) && c.strange(in, c.src) || c.inCDE(in, c.src) && c.strange(in, c.dst)
			switch {
			case open && crossing:
				f.Status, f.Message = pci.Fail, "connections between what is out of scope and the cardholder data environment were made"
				f.Fix = &pci.Fix{Text: "find what let them through (bulkhead why), close it, and test again"}
				groups = groupCells(groups, "open", f, c)
			case doubt != "":
				f.Status, f.Message = pci.Unknown, "proves nothing ("+doubt+")"
				groups = groupCells(groups, doubt, f, c)
			default:
				holds++
			}
		}
	}
	return withSummary(groupFindings(groups), of, holds, "cells of the last test", "proved, and none crosses into the cardholder data environment")
}
