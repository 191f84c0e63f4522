package report

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/report/workbook"
)

// readBook reads a workbook as a spreadsheet does: sheets by name, each a table of texts.
func readBook(t *testing.T, data []byte) map[string][][]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	part := func(name string, into any) {
		t.Helper()
		f, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err) // also when the checksum is wrong
		}
		if err := xml.Unmarshal(raw, into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	var book struct {
		Sheets []struct {
			Name string `xml:"name,attr"`
			ID   string `xml:"id,attr"`
		} `xml:"sheets>sheet"`
	}
	part("xl/workbook.xml", &book)
	var rels struct {
		Rel []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:",attr"`
		} `xml:"Relationship"`
	}
	part("xl/_rels/workbook.xml.rels", &rels)
	target := map[string]string{}
	for _, r := range rels.Rel {
		target[r.ID] = "xl/" + r.Target
	}
	var types struct {
		Override []struct {
			PartName string `xml:",attr"`
		}
	}
	part("[Content_Types].xml", &types)
	for _, o := range types.Override {
		if _, err := z.Open(o.PartName[1:]); err != nil {
			t.Errorf("%s has a type and is not there", o.PartName)
		}
	}
	part("xl/styles.xml", &struct{}{})
	part("_rels/.rels", &struct{}{})
	out := map[string][][]string{}
	for _, s := range book.Sheets {
		var sheet struct {
			Rows []struct {
				N     int `xml:"r,attr"`
				Cells []struct {
					At      string    `xml:"r,attr"`
					Type    string    `xml:"t,attr"`
					Value   string    `xml:"v"`
					Text    string    `xml:"is>t"`
					Formula *struct{} `xml:"f"`
				} `xml:"c"`
			} `xml:"sheetData>row"`
		}
		part(target[s.ID], &sheet)
		var table [][]string
		for i, r := range sheet.Rows {
			if r.N != i+1 {
				t.Errorf("%s: row %d says %d", s.Name, i+1, r.N)
			}
			var row []string
			for _, c := range r.Cells {
				column := 0
				for _, letter := range strings.TrimRight(c.At, "0123456789") {
					column = column*26 + int(letter-'A') + 1
				}
				for len(row) < column {
					row = append(row, "")
				}
				switch {
				case c.Formula != nil:
					t.Errorf("%s %s is a formula", s.Name, c.At)
				case c.Type == "inlineStr":
					row[column-1] = unescapeXString(c.Text)
				case c.Type == "":
					if _, err := strconv.Atoi(c.Value); err != nil {
						t.Errorf("%s %s: %v", s.Name, c.At, err)
					}
					row[column-1] = c.Value
				default:
					t.Errorf("%s %s is of type %q", s.Name, c.At, c.Type)
				}
			}
			table = append(table, row)
		}
		out[s.Name] = table
	}
	return out
}

// unescapeXString is what spreadsheets make of text (ST_Xstring).
func unescapeXString(s string) string {
	return regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`).ReplaceAllStringFunc(s, func(e string) string {
		n, _ := strconv.ParseUint(e[2:6], 16, 16)
		return string(rune(n))
	})
}

func TestXLSX(t *testing.T) {
	book := readBook(t, render(t, xlsxFormat, sample(), Options{}))
	if diff := cmp.Diff([]string{"fail", "critical", "SCO-03", "Title of SCO-03", "1.3.1 1.4.2", "1.2.1", "4.1", "Deployment", "shop", "db", "shop/a b.yaml", "12"}, book["Findings"][1][:12]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2", "4", "pods", "0123456789abcdef"}, book["Findings"][2][16:]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, want := range map[string]int{"About": 18, "Requirements 4.0.1": 1 + len(Requirements(sample(), pci.PCI401).Rows), "Requirements 3.2.1": 1 + len(Requirements(sample(), pci.PCI321).Rows), "Requirements containers-2022": 1 + len(Requirements(sample(), pci.Containers2022).Rows), "Findings": 10, "Checks": 10, "Population": 9} {
		if got := len(book[name]); got != want {
			t.Errorf("%s: %d rows, want %d", name, got, want)
		}
	}
	if diff := cmp.Diff([]string{"population", "pods", "4"}, book["Population"][3]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Every cell is a text or a number, whatever the texts hold, and says what the record says.
func TestHostileTextIsNoWorkbook(t *testing.T) {
	a := hostile()
	a.Findings[0].Message = "_x001B_x0041_ _x005F_ _x41_" + strings.Repeat("n", 50_000)
	book := readBook(t, render(t, xlsxFormat, a, Options{}))
	for i, f := range a.Findings {
		got, want := book["Findings"][i+1][12], line(f.Message)
		if i == 0 {
			if len(got) > workbook.MaxUnits || got[:30] != want[:30] || !strings.Contains(got, "(cut: 17") {
				t.Errorf("a cell of %d units: %.40s ... %s", len(got), got, got[max(0, len(got)-60):])
			}
			continue
		}
		if got != want {
			t.Errorf("finding %d says %q, want %q", i, got, want)
		}
	}
}

func TestXLSXIsRepeatable(t *testing.T) {
	for _, a := range []*pci.Assessment{sample(), hostile(), clean(), {Protocol: pci.Protocol}} {
		want := render(t, xlsxFormat, a, Options{})
		readBook(t, want)
		if !bytes.Equal(want, render(t, xlsxFormat, a, Options{Color: true, Verbose: true})) {
			t.Error("the same record gives other bytes")
		}
	}
}
