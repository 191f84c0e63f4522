package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// openReportsOf reads what was written, each document checked by the schema of its kind.
func openReportsOf(t *testing.T, a *pci.Assessment, opt Options) (out []openReport) {
	t.Helper()
	for doc := range bytes.SplitSeq(render(t, openReports, a, opt), []byte("\n---\n")) {
		data, err := yaml.YAMLToJSONStrict(doc)
		if err != nil {
			t.Fatal(err)
		}
		var r openReport
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		obeys(t, map[string]string{"Report": "openreports-report-v1alpha1.json", "ClusterReport": "openreports-clusterreport-v1alpha1.json"}[r.Kind], data)
		out = append(out, r)
	}
	return out
}

// Every finding is in exactly one report of valid name and place, and nothing but a pass passes.
func TestOpenReports(t *testing.T) {
	for _, a := range []*pci.Assessment{sample(), hostile(), clean(), {Protocol: pci.Protocol}} {
		for _, opt := range []Options{{}, {Origin: Origin{Created: time.Unix(1767225600, 0)}}} {
			passed, n := 0, 0
			places := map[string]bool{}
			for _, r := range openReportsOf(t, a, opt) {
				place := r.Kind + " " + r.Metadata.Namespace + "/" + r.Metadata.Name
				if places[place] || (r.Kind == "Report") != (r.Metadata.Namespace != "") || r.Metadata.Namespace != "" && !namespaceName.MatchString(r.Metadata.Namespace) {
					t.Errorf("a report at %q", place)
				}
				places[place] = true
				s := r.Summary
				if s.Pass+s.Fail+s.Warn+s.Error+s.Skip != len(r.Results) {
					t.Errorf("%s: summary %+v of %d results", place, s, len(r.Results))
				}
				n += len(r.Results)
				passed += s.Pass
				for _, f := range r.Results {
					if (f.Result == "pass") != (f.Properties["status"] == string(pci.Pass)) || (f.Timestamp == nil) != opt.Origin.Created.IsZero() {
						t.Errorf("%+v", f)
					}
				}
			}
			if n != len(a.Findings) || passed != count(a, pci.Pass) {
				t.Errorf("%d results, %d passed; want %d and %d", n, passed, len(a.Findings), count(a, pci.Pass))
			}
		}
	}
}

// Text that looks like YAML is read back as text.
func TestHostileTextIsNoYAML(t *testing.T) {
	for _, s := range []string{
		"x\n---\nkind: Secret", "a: b", "- a", "&a *a", "!!binary aGk=", "null", "true", "0x10", "{a: b}", "# no", "'\"", "|\n  x", "? a", "\x00\x1b", "\u2028---", "<<: *x", "%YAML 1.1",
	} {
		a := clean()
		a.Findings = []pci.Finding{finding(s, pci.Fail, pci.High, object.Ref{Kind: s, Namespace: "shop", Name: s}, object.Pos{File: s}, s)}
		reports := openReportsOf(t, a, Options{})
		if len(reports) != 2 || len(reports[1].Results) != 1 {
			t.Fatalf("%q: %d reports", s, len(reports))
		}
		if f := reports[1].Results[0]; f.Message != line(s) || f.Policy != strings.TrimSpace(line(s)) || f.Resources[0].Name != line(s) {
			t.Errorf("%q became %+v", s, f)
		}
	}
}

// Many findings are spread over objects that a cluster takes.
func TestOpenReportsAreSmallEnough(t *testing.T) {
	a := clean()
	for i := range 2*openReportSize + 1 {
		a.Findings = append(a.Findings, finding("DEN-01", pci.Fail, pci.High, object.Ref{Kind: "Pod", Namespace: "shop", Name: fmt.Sprint("p", i)}, object.Pos{}, strings.Repeat("m", 1000)))
	}
	var names []string
	for _, r := range openReportsOf(t, a, Options{}) {
		if r.Kind == "Report" {
			names = append(names, r.Metadata.Name)
		}
	}
	if got := strings.Join(names, " "); got != "bulkhead bulkhead-2 bulkhead-3" {
		t.Errorf("reports %s", got)
	}
	for _, doc := range regexp.MustCompile(`(?m)^---$`).Split(string(render(t, openReports, a, Options{})), -1) {
		if len(doc) > 1<<20 {
			t.Errorf("a document of %d bytes", len(doc))
		}
	}
}
