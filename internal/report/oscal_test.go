package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// obeys checks JSON by a schema in testdata/schema, which says where it is from.
func obeys(t *testing.T, schema string, data []byte) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	s, err := compiler.Compile(filepath.Join("testdata", "schema", schema))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%v\n%.2000s", err, data)
	}
}

// A schema that takes everything would prove nothing: it must refuse a document that lacks something.
func TestSchemasRefuse(t *testing.T) {
	files, err := os.ReadDir(filepath.Join("testdata", "schema"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		s, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", "schema", f.Name()))
		if err != nil {
			t.Errorf("%s: %v", f.Name(), err)
			continue
		}
		if s.Validate(map[string]any{}) == nil {
			t.Errorf("%s takes an empty document", f.Name())
		}
	}
}

func TestOSCALObeysItsSchema(t *testing.T) {
	empty := clean()
	empty.Findings, empty.Checks = []pci.Finding{}, []pci.CheckResult{}
	for _, a := range []*pci.Assessment{sample(), hostile(), clean(), empty, {Protocol: pci.Protocol}} {
		for _, opt := range []Options{{}, {Origin: Origin{Created: time.Unix(1767225600, 0), Subject: "shop\x1b", Rules: "r"}}} {
			obeys(t, "oscal-assessment-results-1.1.3.json", render(t, oscalFormat, a, opt))
		}
	}
}

// A finding says "satisfied" only where everything that speaks of the requirement passed, and points to an
// objective of ours and not to the requirement. What is open has none.
func TestOSCALStates(t *testing.T) {
	a := clean()
	for i, s := range pci.Statuses() {
		f := finding("T-0"+string(rune('1'+i)), s, pci.High, a.Findings[0].Subject, a.Findings[0].Pos, "m")
		f.Requirements, f.Fingerprint = []string{"9.9." + string(rune('1'+i))}, string(s)
		a.Findings = append(a.Findings, f)
	}
	var doc oscalDocument
	if err := json.Unmarshal(render(t, oscalFormat, a, Options{}), &doc); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	result := doc.Results.Results[0]
	for _, f := range result.Findings {
		if f.Target.Type != "objective-id" || f.Target.Status.Remarks != oscalObjective {
			t.Errorf("%s: target %+v", f.Title, f.Target)
		}
		got[f.Target.ID] = f.Target.Status.State
	}
	want := map[string]string{
		"pci-dss-4.0.1-1.3.1_obj.bulkhead": "satisfied", "pci-dss-4.0.1-1.4.2_obj.bulkhead": "satisfied",
		"pci-dss-4.0.1-9.9.1_obj.bulkhead": "not-satisfied", "pci-dss-4.0.1-9.9.7_obj.bulkhead": "satisfied",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
	for _, open := range []string{"9.9.2 (insufficient)", "9.9.3 (insufficient)", "9.9.4 (manual)", "9.9.5 (manual)"} {
		if !strings.Contains(result.Remarks, open) {
			t.Errorf("the remarks do not name %s: %s", open, result.Remarks)
		}
	}
	if len(result.Observations) != len(a.Findings) || len(result.Risks) != 1 || result.Risks[0].Status != "deviation-approved" {
		t.Errorf("%d observations, risks %+v", len(result.Observations), result.Risks)
	}
}

// Every identifier is given once, and every reference points to one.
func TestOSCALReferences(t *testing.T) {
	for _, a := range []*pci.Assessment{sample(), hostile()} {
		out := string(render(t, oscalFormat, a, Options{}))
		ids := map[string]int{}
		for _, m := range regexp.MustCompile(`"uuid": "([^"]+)"`).FindAllStringSubmatch(out, -1) {
			ids[m[1]]++
		}
		for id, n := range ids {
			if n > 1 {
				t.Errorf("%s is given %d times", id, n)
			}
		}
		refs := regexp.MustCompile(`"(?:observation-uuid|subject-uuid|risk-uuid)": "([^"]+)"|"href": "#([^"]+)"`).FindAllStringSubmatch(out, -1)
		if len(refs) < 5 {
			t.Errorf("only %d references", len(refs))
		}
		for _, m := range refs {
			if ids[m[1]+m[2]] != 1 {
				t.Errorf("%q names nothing", m[0])
			}
		}
	}
}

// Names have identifiers of version 5 (RFC 9562), each its own.
func TestUUID5(t *testing.T) {
	want := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if a, b := uuid5("a"), uuid5("b"); !want.MatchString(a) || a == b || uuid5("plan") != "fbb398ac-a950-5010-977d-421048b9f1a4" { // by Python's uuid.uuid5
		t.Errorf("got %s and %s", a, b)
	}
}
