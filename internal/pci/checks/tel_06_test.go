package checks

import (
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// TestStrictFixCloses: the object that TEL-06 offers settles the finding, and is offered only where none is in its
// way.
func TestStrictFixCloses(t *testing.T) {
	for name, offered := range map[string]int{"tel_06_fail_default": 1, "tel_06_fail_permissive": 0, "tel_06_fail_disable": 0, "tel_06_fail_excluded_port": 0} {
		a, err := txtar.ParseFile("testdata/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		files, opt, _ := readArchive(t, a)
		tried := 0
		for _, f := range assess(t, files, opt).Findings {
			if f.Check != "TEL-06" || f.Status != pci.Fail {
				continue
			}
			if f.Fix == nil || f.Fix.Text == "" {
				t.Errorf("%s: no fix for %s", name, f.Subject)
				continue
			}
			if f.Fix.YAML == "" {
				continue
			}
			tried++
			files["fix.yaml"] = f.Fix.YAML
			if left := find(assess(t, files, opt), f); left != nil {
				t.Errorf("%s: with the fix applied: %s", name, left.Message)
			}
			delete(files, "fix.yaml")
		}
		if tried != offered {
			t.Errorf("%s: %d objects are offered, want %d", name, tried, offered)
		}
	}
}

// TestStrictnessInScope: inside of the cardholder data environment the same is worse.
func TestStrictnessInScope(t *testing.T) {
	a, err := txtar.ParseFile("testdata/tel_06_fail_outside.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files, opt, _ := readArchive(t, a)
	n := 0
	for _, f := range assess(t, files, opt).Findings {
		if f.Check == "TEL-06" && f.Status == pci.Fail {
			n++
			if f.Severity != pci.Critical || f.Population.Of != 2 || f.Population.Holds != 1 {
				t.Errorf("got %+v", f)
			}
		}
	}
	if n != 1 {
		t.Errorf("got %d findings", n)
	}
}
