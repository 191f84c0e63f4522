package pci_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// TestRequirements: the worst of the findings that name a requirement is its standing, and nothing is ever
// better than what was looked at.
func TestRequirements(t *testing.T) {
	find := func(check string, s pci.Status, msg string, numbers ...string) pci.Finding {
		return pci.Finding{Check: check, Status: s, Message: msg, Requirements: numbers, Requirements321: []string{"1.1." + check}}
	}
	a := &pci.Assessment{Findings: []pci.Finding{
		find("1", pci.Pass, "", "1.2.1", "1.2.10"),
		find("2", pci.Fail, "open", "1.2.1"),
		find("3", pci.Manual, "who?", "1.2.10", "1.2.9"),
		find("4", pci.Unknown, "which engine?", "1.2.9"),
		find("5", pci.NotApplicable, "", "1.4.1"),
		find("6", pci.Error, "broke", "1.4.2"),
		{Check: "7", Status: pci.Pass, Requirements: []string{"1.5.1"}, Population: pci.Population{Of: 3, Holds: 3, What: "pods"}},
		find("8", pci.Accepted, "by need F-1", "1.5.2"),
	}}
	type line struct {
		Number    string
		Standing  pci.Standing
		Checks    []string
		Questions []string
	}
	var got []line
	for _, r := range a.Requirements(false) {
		got = append(got, line{r.Number, r.Standing, r.Checks, r.Questions})
	}
	want := []line{
		{"1.2.1", pci.Contradicts, []string{"1", "2"}, []string{}},
		{"1.2.9", pci.Insufficient, []string{"3", "4"}, []string{"3: who?", "4: which engine?"}},
		{"1.2.10", pci.AsksFor, []string{"1", "3"}, []string{"3: who?"}},
		{"1.4.1", pci.Unconcerned, []string{"5"}, []string{}},
		{"1.4.2", pci.Insufficient, []string{"6"}, []string{}},
		{"1.5.1", pci.Supports, []string{"7"}, []string{}},
		{"1.5.2", pci.AsksFor, []string{"8"}, []string{"8: by need F-1"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if old := a.Requirements(true); len(old) != 7 || old[0].Number != "1.1.1" {
		t.Errorf("3.2.1: got %+v", old)
	}
}
