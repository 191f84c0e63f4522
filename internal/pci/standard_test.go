package pci_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// TestView: one requirement of each standing, with the population, the questions and what would settle it.
func TestView(t *testing.T) {
	web := object.Ref{Kind: "Deployment", Namespace: "a", Name: "web"}
	find := func(check string, s pci.Status, msg string, numbers ...string) pci.Finding {
		return pci.Finding{Check: check, Title: "T", Status: s, Subject: web, Message: msg, Requirements: numbers, Requirements321: pci.Old(numbers), Guidance: []string{"4.1"}}
	}
	fixed := find("B-2", pci.Unknown, "which engine?", "1.2.8")
	fixed.Fix = &pci.Fix{Text: "state the engine"}
	resting := find("B-3", pci.Unknown, "open?", "1.2.8")
	resting.Because = []pci.Because{{Msg: "labels are not known"}, {Msg: "labels are not known"}}
	counted := find("A-1", pci.Pass, "", "1.2.5", "1.2.7")
	counted.Population = pci.Population{Of: 312, Holds: 312, What: "pods"}
	a := &pci.Assessment{Findings: []pci.Finding{
		counted, fixed, resting, find("C-1", pci.Fail, "open", "1.3.1"), find("C-1", pci.Manual, "who?", "1.3.1"), find("D-1", pci.NotApplicable, "", "1.4.1"), find("E-1", pci.Pass, "", "99.1"),
	}}
	byNumber := func(s pci.Standard) map[string]pci.RequirementView {
		out := map[string]pci.RequirementView{}
		for _, r := range a.View(s).Requirements {
			r.Title = ""
			out[r.Number] = r
		}
		return out
	}
	got := byNumber(pci.PCI401)
	for number, want := range map[string]pci.RequirementView{
		"1.2.5": {Extent: pci.Whole, Standing: pci.Supports, Checks: []pci.CheckEvident{{ID: "A-1", Title: "T", Standing: pci.Supports, Population: counted.Population}}, Ask: []string{}, Settle: []string{}},
		"1.2.7": {Extent: pci.Part, Standing: pci.Supports, Checks: []pci.CheckEvident{{ID: "A-1", Title: "T", Standing: pci.Supports, Population: counted.Population}}, Ask: []string{"Show the record of the last review, and who did it."}, Settle: []string{}},
		"1.2.8": {
			Extent: pci.Part, Standing: pci.Insufficient, Checks: []pci.CheckEvident{{ID: "B-2", Title: "T", Standing: pci.Insufficient, Findings: 1}, {ID: "B-3", Title: "T", Standing: pci.Insufficient, Findings: 1}},
			Ask: []string{"Who can change the repository that the policies come from, and how is it compared with the cluster?"}, Settle: []string{"B-2: state the engine", "B-3: labels are not known"},
		},
		"1.3.1": {Extent: pci.Whole, Standing: pci.Contradicts, Checks: []pci.CheckEvident{{ID: "C-1", Title: "T", Standing: pci.Contradicts, Findings: 2}}, Ask: []string{"C-1: Deployment a/web: who?"}, Settle: []string{}},
		"1.4.1": {Extent: pci.Whole, Standing: pci.Unconcerned, Checks: []pci.CheckEvident{{ID: "D-1", Title: "T", Standing: pci.Unconcerned}}, Ask: []string{}, Settle: []string{}},
		"1.3.2": {Extent: pci.Whole, Standing: pci.AsksFor, Checks: []pci.CheckEvident{}, Ask: []string{"No check looked at it. What shows it?"}, Settle: []string{}},
		"99.1":  {Extent: pci.Part, Standing: pci.Supports, Checks: []pci.CheckEvident{{ID: "E-1", Title: "T", Standing: pci.Supports}}, Ask: []string{}, Settle: []string{}},
	} {
		want.Number = number
		if diff := cmp.Diff(want, got[number]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for number, want := range map[string]string{"1.2.5": "supports", "1.2.7": "supports in part", "99.1": "supports in part", "1.3.1": "contradicts"} {
		if r := got[number]; r.Says() != want {
			t.Errorf("%s: says %q, want %q", number, r.Says(), want)
		}
	}
	if r := byNumber(pci.PCI321)["1.1.6"]; r.Standing != pci.Supports || r.Says() != "supports in part" {
		t.Errorf("3.2.1: %+v", r)
	}
	if r := byNumber(pci.Containers2022)["4.1"]; r.Standing != pci.Contradicts || len(r.Checks) != 6 {
		t.Errorf("containers: %+v", r)
	}
}

// TestStandards: the tables are sorted, say something of each requirement, and never that something is compliant.
func TestStandards(t *testing.T) {
	for _, s := range pci.Standards() {
		if got, err := pci.ParseStandard(string(s)); got != s || err != nil {
			t.Errorf("%s: got %s, %v", s, got, err)
		}
		var numbers []string
		for _, r := range (&pci.Assessment{}).View(s).Requirements {
			numbers = append(numbers, r.Number)
			said := r.Title + strings.Join(r.Ask, " ")
			if r.Title == "" || len(r.Ask) == 0 || strings.Contains(strings.ToLower(said), "complian") || r.Extent == pci.None && !strings.HasSuffix(r.Ask[0], "?") && !strings.HasSuffix(r.Ask[0], ".") {
				t.Errorf("%s %s: %+v", s, r.Number, r)
			}
		}
		unique := slices.Compact(slices.Sorted(slices.Values(numbers)))
		if len(unique) != len(numbers) || len(numbers) < 20 {
			t.Errorf("%s: %d of %d numbers are different", s, len(unique), len(numbers))
		}
	}
	for _, bad := range []string{"", "pci", "pci@4.0", "PCI@4.0.1", "pci@4.0.1 "} {
		if _, err := pci.ParseStandard(bad); err == nil || !strings.Contains(err.Error(), "want pci@4.0.1, pci@3.2.1, pci-containers@2022") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestOldNumbers: every number that something became of has words of its own in the 3.2.1 table, and none has the
// words that 4.0.1 has for another number.
func TestOldNumbers(t *testing.T) {
	titles := map[string]string{}
	for _, r := range (&pci.Assessment{}).View(pci.PCI321).Requirements {
		titles[r.Number] = r.Title
	}
	reached := map[string]bool{}
	for _, r := range append((&pci.Assessment{}).View(pci.PCI401).Requirements, pci.RequirementView{Number: "8.4.1"}) {
		for _, n := range pci.Old([]string{r.Number}) {
			reached[n] = true
			if titles[n] == "" {
				t.Errorf("%s, which became %s, is not in the table of 3.2.1", n, r.Number)
			}
		}
	}
	for n := range titles {
		if !reached[n] {
			t.Errorf("nothing of 4.0.1 leads to %s", n)
		}
	}
	if a, b := titles["1.2.1"], titles["1.2.2"]; a == b || strings.Contains(a, ";") {
		t.Errorf("1.2.1 %q, 1.2.2 %q", a, b)
	}
}
