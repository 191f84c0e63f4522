package main

import (
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/checks"
)

// TestNumbersAreKnown: whatever number a check names, the view by requirement has words for it.
func TestNumbersAreKnown(t *testing.T) {
	for _, s := range pci.Standards() {
		known := map[string]bool{}
		for _, r := range (&pci.Assessment{}).View(s).Requirements {
			known[r.Number] = true
		}
		for _, c := range checks.All {
			for _, n := range s.Of(&pci.Finding{Requirements: c.Requirements, Requirements321: pci.Old(c.Requirements), Guidance: c.Guidance}) {
				if !known[n] {
					t.Errorf("%s: %s names %s, which has no words", c.ID, s, n)
				}
			}
		}
	}
}
