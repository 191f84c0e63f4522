package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

func render(t *testing.T, f Format, a *pci.Assessment, opt Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, a, opt); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b.Bytes()
}

// golden compares with testdata/name; BULKHEAD_UPDATE=1 rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("BULKHEAD_UPDATE") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// Every format of every record, from the saved JSON: what one command saves, another can write.
func TestGoldens(t *testing.T) {
	for name, a := range map[string]*pci.Assessment{"sample": sample(), "hostile": hostile(), "clean": clean()} {
		saved := render(t, jsonFormat, a, Options{})
		golden(t, name+".json", saved)
		back, err := Read(bytes.NewReader(saved))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, f := range Formats {
			golden(t, name+f.Ext, render(t, f, back, Options{}))
		}
		golden(t, name+".verbose.txt", render(t, text, back, Options{Verbose: true}))
	}
}

func TestReadWritesTheSameBytes(t *testing.T) {
	for _, a := range []*pci.Assessment{sample(), hostile(), clean()} {
		want := render(t, jsonFormat, a, Options{})
		back, err := Read(bytes.NewReader(want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(render(t, jsonFormat, back, Options{}))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	good := string(render(t, jsonFormat, sample(), Options{}))
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", "not a saved result"},
		{"not json", "FAILED  DEN-01", "not a saved result"},
		{"a list", "[]", "not a saved result"},
		{"no protocol", "{}", `no "protocol"`},
		{"another protocol", `{"protocol": "bulkhead.dev/assessment/v9"}`, "this program reads bulkhead.dev/assessment/v1"},
		{"hostile protocol", "{\"protocol\": \"\\u001b[2J\"}", `"<U+001B>[2J"`},
		{"unknown field", strings.Replace(good, `"tool"`, `"surprise": 1, "tool"`, 1), "surprise"},
		{"cut off", good[:len(good)/2], "not a saved result"},
		{"two records", good + good, "not a saved result"},
	} {
		_, err := Read(strings.NewReader(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestHostileTextCanNotDriveTheTerminal(t *testing.T) {
	for _, opt := range []Options{{}, {Verbose: true}, {Color: true, Verbose: true}} {
		out := string(render(t, text, hostile(), opt))
		if opt.Color {
			for _, ours := range []string{"\x1b[1m", "\x1b[0m", "\x1b[1;31m", "\x1b[33m"} {
				out = strings.ReplaceAll(out, ours, "")
			}
		}
		for i, r := range out + string(render(t, jsonFormat, hostile(), opt)) {
			if r != '\n' && unsafeRune(r) {
				t.Errorf("%+v: %U at byte %d: %q", opt, r, i, out[max(0, min(i, len(out))-30):min(len(out), i+30)])
			}
		}
	}
}

func TestHostileTextIsNoFormula(t *testing.T) {
	rows, err := csv.NewReader(bytes.NewReader(render(t, csvFormat, hostile(), Options{}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := len(hostile().Findings) + 1; len(rows) != want {
		t.Fatalf("%d rows, want %d", len(rows), want)
	}
	for _, row := range rows {
		for _, c := range row {
			if strings.ContainsAny(c, "\t\r\n\x1b\x00") {
				t.Errorf("cell %q has control characters", c)
			}
			if s := strings.TrimLeft(c, " "); s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
				t.Errorf("cell %q is a formula", c)
			}
		}
	}
}

func TestHostileTextIsNoMarkup(t *testing.T) {
	out := outsideFences(string(render(t, markdown, hostile(), Options{})))
	for _, bad := range []string{"<script", "<img", "</details><", "](http:", "@everyone", "http://"} {
		if strings.Contains(out, bad) {
			t.Errorf("markdown holds %q", bad)
		}
	}
	// A table row must have as many cells as its heading, whatever the texts hold.
	for l := range strings.SplitSeq(out, "\n") {
		if strings.HasPrefix(l, "| ") {
			if got := strings.Count(l, "|") - strings.Count(l, `\|`); got != 6 {
				t.Errorf("row of %d bars, want 6: %s", got, l)
			}
		}
	}
	if strings.Count(out, "<details>") != strings.Count(out, "</details>") {
		t.Error("details are not closed")
	}
}

// outsideFences drops code blocks, whose text is literal.
func outsideFences(s string) string {
	var out []string
	fence := ""
	for l := range strings.SplitSeq(s, "\n") {
		ticks := l[:len(l)-len(strings.TrimLeft(l, "`"))]
		switch {
		case fence == "" && len(ticks) >= 3:
			fence = ticks
		case fence != "" && l == ticks && len(ticks) >= len(fence):
			fence = ""
		case fence == "":
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// JUnit must parse, and nothing but a pass may look passed.
func TestJUnitPassesOnlyWhatPassed(t *testing.T) {
	for _, a := range []*pci.Assessment{sample(), hostile(), clean()} {
		var got junitSuites
		dec := xml.NewDecoder(bytes.NewReader(render(t, junit, a, Options{})))
		if err := dec.Decode(&got); err != nil {
			t.Fatal(err)
		}
		for {
			tok, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if c, ok := tok.(xml.CharData); err != nil || !ok || len(bytes.TrimSpace(c)) > 0 {
				t.Fatalf("behind the document: %v, %v", tok, err)
			}
		}
		passed := 0
		for _, s := range got.Suites {
			for _, c := range s.Cases {
				if c.Failure == nil && c.Error == nil && c.Skipped == nil {
					passed++
				}
			}
		}
		if want := count(a, pci.Pass); passed != want {
			t.Errorf("%d cases look passed, want %d", passed, want)
		}
		if want := count(a, pci.Fail); got.Failures != want || got.Tests != len(a.Findings) {
			t.Errorf("%d failures of %d tests, want %d of %d", got.Failures, got.Tests, want, len(a.Findings))
		}
	}
}

// SARIF must be valid by its schema, and nothing but a pass may be of kind "pass".
func TestSARIF(t *testing.T) {
	for _, a := range []*pci.Assessment{sample(), hostile(), clean()} {
		out := render(t, sarifFormat, a, Options{})
		obeys(t, "sarif-2.1.0.json", out)
		log, err := sarif.FromBytes(out)
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Validate(); err != nil {
			t.Error(err)
		}
		var doc struct {
			Runs []struct {
				Tool struct {
					Driver struct {
						Rules []struct{ ID string } `json:"rules"`
					} `json:"driver"`
				} `json:"tool"`
				Results []struct {
					RuleID, Kind, Level string
					RuleIndex           int
					PartialFingerprints map[string]string
					Suppressions        []any
				} `json:"results"`
			} `json:"runs"`
		}
		if err := json.Unmarshal(out, &doc); err != nil {
			t.Fatal(err)
		}
		run := doc.Runs[0]
		if len(run.Results) != len(a.Findings) {
			t.Fatalf("%d results, want %d", len(run.Results), len(a.Findings))
		}
		for i, r := range run.Results {
			f := a.Findings[i]
			if (r.Kind == "pass") != (f.Status == pci.Pass) {
				t.Errorf("%s: status %s is kind %s", f.Check, f.Status, r.Kind)
			}
			if (r.Level == "none") != (r.Kind != "fail") {
				t.Errorf("%s: kind %s has level %s", f.Check, r.Kind, r.Level)
			}
			if (len(r.Suppressions) > 0) != (f.Status == pci.Accepted) {
				t.Errorf("%s: status %s has %d suppressions", f.Check, f.Status, len(r.Suppressions))
			}
			check := strings.ToValidUTF8(f.Check, "\ufffd\ufffd") // as JSON writes the two bytes of the sample
			if r.RuleID != check || run.Tool.Driver.Rules[r.RuleIndex].ID != check || r.PartialFingerprints["bulkhead/v1"] != f.Fingerprint {
				t.Errorf("result %d does not match finding %s", i, f.Check)
			}
		}
	}
}

func TestNamed(t *testing.T) {
	for _, f := range Formats {
		got, err := Named(f.Name)
		if err != nil || got.Name != f.Name || !strings.HasPrefix(got.Ext, ".") || got.Media == "" {
			t.Errorf("Named(%q) = %+v, %v", f.Name, got, err)
		}
	}
	if _, err := Named("xml"); err == nil || !strings.Contains(err.Error(), "text, json, sarif, junit, markdown, csv") {
		t.Errorf("got %v", err)
	}
}

// broken fails every write.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriteErrorsAreReported(t *testing.T) {
	for _, f := range Formats {
		if f.Write(broken{}, sample(), Options{}) == nil {
			t.Errorf("%s: a failed write is not reported", f.Name)
		}
	}
	for _, f := range ListFormats {
		if f.Write(broken{}, &Listing{}, Options{}) == nil {
			t.Errorf("list %s: a failed write is not reported", f.Name)
		}
	}
	for _, f := range ChangesFormats {
		if f.Write(broken{}, &Changes{}, Options{}) == nil {
			t.Errorf("changes %s: a failed write is not reported", f.Name)
		}
	}
}
