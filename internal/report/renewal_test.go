package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// What stands in a review is of foreign files: no format lets it act.
func TestHostileRenewal(t *testing.T) {
	for _, s := range []string{"\x1b[2J\x1b]0;x\a", "=HYPERLINK(1)", "@SUM(1)", "<script>alert(1)</script>", "a | b\n\n# c", "\u202e", strings.Repeat("x", 10000), ""} {
		item := pci.RenewalItem{State: s, What: s, Now: s, Before: s, Need: s, Owner: s, Day: s, Act: true, Requirements: []string{s}, Pos: object.Pos{File: s}}
		r := &pci.Renewal{Protocol: pci.RenewalProtocol, Today: s, Since: pci.Earlier{Source: s, Made: s}}
		for _, section := range pci.Sections() {
			item.Section = section
			r.Items = append(r.Items, item)
		}
		out := map[string]string{}
		for _, f := range RenewalFormats {
			var b bytes.Buffer
			if err := f.Write(&b, r, Options{}); err != nil {
				t.Fatal(err)
			}
			out[f.Name] = b.String()
			if strings.ContainsAny(b.String(), "\x1b\a\u202e") {
				t.Errorf("%s: a terminal would act on %q", f.Name, s)
			}
		}
		if strings.Contains(out["markdown"], "<script") || strings.Contains(out["markdown"], "\n# c") {
			t.Errorf("markup in %s", out["markdown"])
		}
		rows, err := csv.NewReader(strings.NewReader(out["csv"])).ReadAll()
		if err != nil || len(rows) != 1+len(r.Items) {
			t.Fatalf("%d rows: %v", len(rows), err)
		}
		for _, row := range rows[1:] {
			for _, c := range row {
				if c != "" && strings.ContainsAny(c[:1], "=+-@") {
					t.Errorf("a formula: %q", c)
				}
			}
		}
		var back pci.Renewal
		if err := json.Unmarshal([]byte(out["json"]), &back); err != nil || back.Items[0].What != s {
			t.Errorf("%q is not read back: %v", s, err)
		}
	}
}
