package checks

import (
	"fmt"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tst04 = pci.Check{
	ID: "TST-04", Title: "the segmentation was tested in time, and after the last change", Since: "0.2.0", Severity: pci.High,
	Requirements: []string{"11.4.5", "11.4.6"}, Guidance: []string{"16.1"},
	Why: "A test shows what held on its day. It is due every twelve months, every six for service providers, and after every change of the controls.",
	Fix: "Test again, and give the record to the input.",
	Evidence: "The day of the last record of a test, or of the last review of kind segmentation-test that the Segmentation states, against the period; and " +
		"network controls that were made after it. Changes of what was there already do not show in the objects: compare with the package of that day.",
	Run: runTst04,
}

func runTst04(in *pci.Input) []pci.Finding {
	tests := segTests(in)
	months, requirement := 12, "11.4.5"
	last, what := "", ""
	var ref object.Ref
	var pos object.Pos
	if in.Intent != nil {
		months, requirement = in.Intent.Periods.Months("segmentation-test")
		for _, r := range in.Intent.Reviews {
			if r.Of == "segmentation-test" && r.Done > last {
				last, what, ref, pos = r.Done, "the review that the Segmentation states", r.Ref, r.Pos
			}
		}
	}
	for _, t := range tests {
		if t.ended >= last && t.ended != "" {
			last, what, ref, pos = t.ended, t.object.Ref.String(), t.object.Ref, t.object.Pos
		}
	}
	if last == "" {
		if len(tests) > 0 {
			t := tests[len(tests)-1]
			return []pci.Finding{{Status: pci.Unknown, Subject: t.object.Ref, Pos: t.object.Pos, Key: "day", Message: "the record of the test states no day (ended)"}}
		}
		return noTest(fmt.Sprintf("When was the segmentation last tested? It is due every %d months (%s).", months, requirement))
	}
	base := pci.Finding{Subject: ref, Pos: pos, Requirements: []string{requirement}}
	day, _ := time.Parse(time.DateOnly, last) // checked where it was read
	due := day.AddDate(0, months, 0).Format(time.DateOnly)
	var found []pci.Finding
	f := base
	f.Key = "due"
	switch {
	case in.Today == "":
		f.Status, f.Message = pci.Unknown, fmt.Sprintf("the next test is due until %s, and the day to judge by is not given", due)
	case last > in.Today:
		f.Status, f.Message = pci.Fail, fmt.Sprintf("the test is said to have ended on %s, which is yet to come", last)
	case due < in.Today:
		f.Status, f.Message = pci.Fail, fmt.Sprintf("the last test ended on %s (%s), and the next was due until %s", last, what, due)
		f.Fix = &pci.Fix{Text: "test again"}
	}
	if f.Status != "" {
		found = append(found, f)
	}
	var because []pci.Because
	for _, o := range segmenting(in) {
		if made := madeOn(o); made > last {
			because = append(because, pci.Because{Ref: o.Ref, Pos: o.Pos, Msg: "made on " + made})
		}
	}
	if len(because) > 0 {
		f := base
		f.Status, f.Key, f.Because = pci.Fail, "changed", tidy(because)
		f.Message = fmt.Sprintf("%d network controls were made after the last test, which ended on %s", len(because), last)
		f.Fix = &pci.Fix{Text: "test what they are for"}
		found = append(found, f)
	}
	return withSummary(found, 1, 1, "periods", "tested in time, and no control was made since, as far as objects tell")
}

// madeOn is the day on which a live object was made, "" for others.
func madeOn(o *object.Object) string {
	return day(o.Root.Get("metadata", "creationTimestamp"))
}
