package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// told is a register and a diagram whose texts are s.
func told(s string) Options {
	return Options{
		Registers: []Register{
			{Name: "flows", Title: "Connections", About: s, Head: []string{"src_kind", "src_namespace", "src_name", "src_other", "must", "empty", "file", "line"}, Rows: [][]string{
				{"Deployment", "shop", "db", "", s, "", "a.yaml", "7"}, {"", "", "", "10.0.0.0/8", s, "", "a.yaml", ""}, {"Namespace", "", s, "", "12", "", "", ""},
			}},
			{Name: "none", Title: "Nothing", Head: []string{"a"}},
		},
		Diagrams: []Diagram{{Name: "network", Title: s, Facts: []string{s}, SVG: `<svg xmlns="http://www.w3.org/2000/svg" class="map" role="img" aria-labelledby="m"><title id="m">&lt;b&gt;</title><path class="f-a" d="M0 0"/></svg>`}},
		Theme:    ".map .f-a{fill:#123456}\n",
	}
}

// People read what names one thing as one cell, and no column that is empty.
func TestRegisterForPeople(t *testing.T) {
	got := pageRegisters(told("x").Registers, 2)
	want := []pageRegister{
		{
			Name: "flows", Title: "Connections", About: "x", Of: 3, Head: []string{"from", "must", "at"}, Prose: []bool{false, false, false},
			Rows: [][]string{{"Deployment shop/db", "x", "a.yaml:7"}, {"10.0.0.0/8", "x", "a.yaml"}},
			Left: "These are the first 2 rows of 3. All of them are in registers/flows.csv.",
		},
		{Name: "none", Title: "Nothing", Head: []string{"a"}, Prose: []bool{false}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := named([]string{"", "", "", strings.Repeat("10.0.0.0/8 ", 100)}); got != strings.Repeat("10.0.0.0/8 ", 6)+"and 94 more ranges" {
		t.Errorf("got %s", got)
	}
	if long := pageRegisters(told(strings.Repeat("word ", proseWords)).Registers, 2); !cmp.Equal(long[0].Prose, []bool{false, true, false}) {
		t.Errorf("sentences are in the columns %v", long[0].Prose)
	}
	if all := pageRegisters(told("x").Registers, 3); all[0].Left != "" || all[0].Rows[2][0] != "Namespace x" {
		t.Errorf("got %+v", all[0])
	}
}

// Registers and diagrams stand in every report for people, and say the same in each.
func TestReportsHoldRegisters(t *testing.T) {
	opt := told("said")
	a := clean()
	page := string(render(t, htmlFormat, a, opt))
	for _, want := range []string{`<h3 id="r-flows">Connections</h3>`, `<td role="cell" data-label="from">Deployment shop/db</td>`, "There are none.", opt.Diagrams[0].SVG, "<li>said</li>", string(opt.Theme), integrity(htmlStyle + string(opt.Theme))[1:20]} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not hold %s", want)
		}
	}
	texts, _ := pdfStrings(t, render(t, pdfFormat, a, opt))
	said := strings.Join(texts, "\n")
	for _, want := range []string{"Registers", "Deployment shop/db", "10.0.0.0/8", "said", "a.yaml:7", "There are none."} {
		if !strings.Contains(said, want) {
			t.Errorf("the sheets do not say %q", want)
		}
	}
	book := readBook(t, render(t, xlsxFormat, a, opt))
	if diff := cmp.Diff([]string{"Namespace", "", "said", "", "12"}, book["Connections"][3]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Hostile texts of a register stay texts.
func TestHostileRegisters(t *testing.T) {
	for _, f := range hostile().Findings {
		opt := told(f.Message)
		var b bytes.Buffer
		if err := opt.Registers[0].WriteCSV(&b); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) != 4 || rows[1][4] != cell(f.Message) {
			t.Errorf("%q: %v, %v", f.Message, rows, err)
		}
		page := string(render(t, htmlFormat, clean(), opt))
		if strings.Contains(page, "<script>alert") || strings.Contains(page, "onerror=alert(1)>") || strings.Contains(page, "\x1b") {
			t.Errorf("%q stands in the page as it is", f.Message)
		}
		for _, text := range readBook(t, render(t, xlsxFormat, clean(), opt))["Connections"] {
			if strings.Contains(strings.Join(text, ""), "\x1b") {
				t.Errorf("%q is in the workbook as it is", f.Message)
			}
		}
		pdfStrings(t, render(t, pdfFormat, clean(), opt))
	}
}

// A drawing that could do more than be looked at is refused.
func TestDiagramMarkup(t *testing.T) {
	for _, bad := range []string{
		"", "text", "<svg>", `<svg></svg><svg></svg>`, `<svg></svg>x`, `<g></g>`, `<svg><svg></svg></svg>`, `<svg><script>1</script></svg>`, `<svg onload="x"></svg>`,
		`<svg><a href="http://evil.test"><text>x</text></a></svg>`, `<svg><foreignObject/></svg>`, `<svg><style>*{}</style></svg>`, `<svg><path style="x"/></svg>`,
		`<svg><!-- --></svg>`, `<!DOCTYPE svg [<!ENTITY a "b">]><svg/>`, `<?xml-stylesheet href="x"?><svg/>`, `<svg><image href="x"/></svg>`, `<svg xmlns:x="y"></svg>`, `<svg><use href="#a"/></svg>`,
	} {
		opt := Options{Diagrams: []Diagram{{Name: "d", SVG: bad}}}
		if err := htmlFormat.Write(&bytes.Buffer{}, clean(), opt); err == nil || !strings.Contains(err.Error(), "diagram d") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

// The view by requirement has a row for each requirement and check.
func TestRequirementRegister(t *testing.T) {
	a := sample()
	n := 0
	for _, r := range a.View(pci.PCI401).Requirements {
		n += len(r.Checks)
		if len(own(&r)) > 0 {
			n++
		}
	}
	got := Requirements(a, pci.PCI401)
	if len(got.Rows) != n || n < 50 {
		t.Fatalf("%d rows, want %d", len(got.Rows), n)
	}
	at := slices.IndexFunc(got.Rows, func(row []string) bool { return row[0] == "1.3.1" })
	want := []string{"1.3.1", "contradicts", "CNI-06", "Title of CNI-06", "unknown", "medium", "", "", "", "Whether an ipBlock matches pods is not known.", "only needed traffic gets into the cardholder data environment", "whole"}
	if diff := cmp.Diff(want, got.Rows[at]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = []string{"1.1.1", "manual", "", "", "", "", "", "", "", "Where are the procedures for network controls, who keeps them, and when were they last changed?", "procedures for network controls are written down and in use", "none"}
	if diff := cmp.Diff(want, got.Rows[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, row := range got.Rows {
		if len(row) != len(got.Head) {
			t.Errorf("%d cells, want %d: %v", len(row), len(got.Head), row)
		}
	}
}

// A register of a whole cluster must not make a page that no browser opens.
func TestRegisterIsCut(t *testing.T) {
	r := Register{Name: "flows", Title: "Connections", Head: []string{"n"}}
	for i := range 2 * shownOnPage {
		r.Rows = append(r.Rows, []string{fmt.Sprint("row", i)})
	}
	page := string(render(t, htmlFormat, clean(), Options{Registers: []Register{r}}))
	if !strings.Contains(page, "row1999<") || strings.Contains(page, "row2000<") || !strings.Contains(page, "first 2000 rows of 4000") {
		t.Error("the page does not hold the first rows only, or does not say so")
	}
	if rows := readBook(t, render(t, xlsxFormat, clean(), Options{Registers: []Register{r}}))["Connections"]; len(rows) != 1+2*shownOnPage {
		t.Errorf("the workbook has %d rows", len(rows))
	}
	for len(r.Rows) < shownInBook+7 {
		r.Rows = append(r.Rows, []string{"row"})
	}
	if rows := r.sheet().Rows; len(rows) != 2+shownInBook || rows[len(rows)-1][0].Text != "7 more rows: all of them are in registers/flows.csv" {
		t.Errorf("the sheet has %d rows, the last of them %v", len(rows), rows[len(rows)-1])
	}
}

// Registers and diagrams have names of their own, for who finds his way by landmarks, and heads for each column.
func TestRegistersAreAccessible(t *testing.T) {
	opt := told("Connections")
	doc, err := html.Parse(bytes.NewReader(render(t, htmlFormat, clean(), opt)))
	if err != nil {
		t.Fatal(err)
	}
	ids, regions := map[string]int{}, map[string]int{}
	for _, n := range elements(doc) {
		if id := attr(n, "id"); id != "" {
			if ids[id]++; ids[id] > 1 {
				t.Errorf("id %q stands twice", id)
			}
		}
		if attr(n, "role") == "region" {
			name := attr(n, "aria-label")
			if regions[name]++; regions[name] > 1 || name == "" || attr(n, "tabindex") != "0" {
				t.Errorf("a region named %q", name)
			}
		}
		if n.Data == "th" && attr(n, "scope") == "" {
			t.Errorf("a heading of a table without scope: %s", textOf(n))
		}
	}
	if len(regions) != 2 {
		t.Errorf("regions %v", regions)
	}
}
