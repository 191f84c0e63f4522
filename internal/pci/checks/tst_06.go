package checks

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tst06 = pci.Check{
	ID: "TST-06", Title: "nothing is left of the test", Since: "0.2.0", Severity: pci.Low,
	Requirements: []string{"11.4.5"}, Guidance: []string{"16.1"},
	Why:      "Pods, listeners and policies of a test are ways in that nobody needs once it is over.",
	Fix:      "Delete them, and write cleanedUp: true into the record.",
	Evidence: "Objects with the label " + testLabel + " in the input, and what the last record states.",
	Run:      runTst06,
}

// testLabel marks what was made for a test.
const testLabel = "bulkhead.dev/segmentation-test"

func runTst06(in *pci.Input) []pci.Finding {
	var because []pci.Because
	for _, o := range in.Cluster.Objects {
		if o.Ref.Group != imports && o.Root.Get("metadata", "labels", testLabel).IsSet() {
			because = append(because, pci.Because{Ref: o.Ref, Pos: o.Pos, Msg: "was made for a test"})
		}
	}
	tests := segTests(in)
	switch {
	case len(because) > 0:
		return []pci.Finding{{
			Status: pci.Fail, Subject: because[0].Ref, Pos: because[0].Pos, Key: "left", Because: because,
			Message: fmt.Sprintf("%d objects of a test are still there", len(because)), Fix: &pci.Fix{Text: "delete them"},
		}}
	case len(tests) == 0:
		return []pci.Finding{{Status: pci.NotApplicable, Key: "none", Message: "no record of a test is in the input, and nothing in it was made for one"}}
	}
	t := tests[len(tests)-1]
	if !t.spec.Get("cleanedUp").True() {
		return []pci.Finding{{Status: pci.Manual, Subject: t.object.Ref, Pos: t.object.Pos, Key: "stated", Message: "Was everything that was made for the test removed? The record does not say so (cleanedUp), and nothing with its label is in the input."}}
	}
	return []pci.Finding{{Status: pci.Pass, Key: "summary", Message: "nothing in the input was made for a test, and the last record says that it was cleaned up"}}
}
