package checks

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var tst05 = pci.Check{
	ID: "TST-05", Title: "the test names its tester, method, tool and log", Since: "0.2.0", Severity: pci.Medium,
	Requirements: []string{"11.4.5"}, Guidance: []string{"16.1"},
	Why:      "A test counts when somebody qualified did it who does not answer for what was tested, and when others can follow it from the log.",
	Fix:      "Write tester (name, organisation, independence), method, tool (name, version) and log (file, sha256) into the record.",
	Evidence: "The fields of the last record of a test. Whether the tester is qualified and independent is a person's judgement.",
	Run:      runTst05,
}

func runTst05(in *pci.Input) []pci.Finding {
	tests := segTests(in)
	if len(tests) == 0 {
		return noTest("Who did the last test of the segmentation, how, and where is the log?")
	}
	t := tests[len(tests)-1]
	var missing []string
	for _, path := range [][]string{{"tester", "name"}, {"tester", "organisation"}, {"tester", "independence"}, {"method"}, {"tool", "name"}, {"tool", "version"}, {"log", "file"}, {"log", "sha256"}} {
		if strings.TrimSpace(t.spec.Get(path...).Str()) == "" {
			missing = append(missing, strings.Join(path, "."))
		}
	}
	f := pci.Finding{Subject: t.object.Ref, Pos: t.object.Pos, Key: "record"}
	if len(missing) > 0 {
		f.Status, f.Message = pci.Fail, "the record has no "+strings.Join(missing, ", ")
		f.Fix = &pci.Fix{Text: "complete the record"}
		return []pci.Finding{f}
	}
	f.Status = pci.Manual
	f.Message = "Is " + t.spec.Get("tester", "name").Str() + " of " + t.spec.Get("tester", "organisation").Str() + " qualified, and independent of those who run the cluster? The record says: " + t.spec.Get("tester", "independence").Str()
	return []pci.Finding{f}
}
