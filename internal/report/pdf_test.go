package report

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"codeberg.org/go-pdf/fpdf"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// pdfStrings takes the literal strings out of a PDF (ISO 32000-1, 7.3.4.2), and gives them apart from the rest.
func pdfStrings(t *testing.T, data []byte) (texts []string, rest string) {
	t.Helper()
	var outside, cur bytes.Buffer
	depth := 0
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case depth == 0 && c == '(':
			depth = 1
		case depth == 0:
			outside.WriteByte(c)
		case c == '\\':
			i++
			if data[i] == 'r' {
				cur.WriteByte('\r')
				continue
			}
			cur.WriteByte(data[i])
		case c == '(':
			depth++
			cur.WriteByte(c)
		case c == ')':
			if depth--; depth > 0 {
				cur.WriteByte(c)
				continue
			}
			texts = append(texts, cur.String())
			cur.Reset()
		default:
			cur.WriteByte(c)
		}
	}
	if depth != 0 {
		t.Fatal("a string that is not closed")
	}
	return texts, outside.String()
}

// squeezed is text without blanks, in which a line break or a hyphen of the setting makes no difference.
func squeezed(s string) string { return strings.Join(strings.Fields(s), "") }

// All of the record can be found in the PDF by searching for it.
func TestPDFSaysEverything(t *testing.T) {
	for _, a := range []*pci.Assessment{hostile(), sample(), clean()} {
		p, err := newPage(a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		texts, _ := pdfStrings(t, render(t, pdfFormat, a, Options{}))
		said := regexp.MustCompile(`bulkhead:networksegmentation[0-9]+/[0-9]+`).ReplaceAllString(squeezed(strings.Join(texts, "")), "")
		var want []string
		for _, f := range p.Facts {
			want = append(append(want, f.Name), f.Values...)
		}
		want = append(append(want, p.Title, p.Verdict, p.Claim), p.Gaps...)
		for _, q := range p.Problems {
			want = append(want, q.Text, q.Hint)
		}
		for _, sec := range p.Sections {
			for _, g := range sec.Groups {
				want = append(want, g.Title, g.Fix, g.Holds)
				for _, f := range g.Findings {
					want = append(append(want, f.Message, f.Subject, f.At, f.Packet, f.Fix, f.Fingerprint), f.Because...)
					want = append(want, strings.Split(f.YAML, "\n")...)
				}
			}
		}
		for _, w := range want {
			if !strings.Contains(said, squeezed(latin(w))) {
				t.Errorf("the sheets do not say %q", w)
			}
		}
	}
}

// Hostile text stays inside of strings: there it can neither act nor draw.
func TestHostileTextIsNoPDF(t *testing.T) {
	plain, foreign := render(t, pdfFormat, sample(), Options{}), render(t, pdfFormat, hostile(), Options{})
	for _, out := range [][]byte{plain, foreign} {
		texts, rest := pdfStrings(t, out)
		for _, s := range texts {
			for _, c := range []byte(s) {
				// The outline and the title are UTF-16 with a byte order mark, else all bytes are those of the fonts.
				if c < ' ' && !strings.HasPrefix(s, "\xfe\xff") || c == 0x7f {
					t.Errorf("byte %#x in %q", c, s)
				}
			}
		}
		for _, bad := range []string{"/JS", "/JavaScript", "/URI", "/Launch", "/AA", "/OpenAction /", "/Filespec", "/SubmitForm", "/Annot"} {
			if strings.Contains(rest, bad) {
				t.Errorf("the file says %s", bad)
			}
		}
	}
	names := regexp.MustCompile(`/[A-Za-z]+`)
	known := map[string]bool{}
	_, rest := pdfStrings(t, plain)
	for _, n := range names.FindAllString(rest, -1) {
		known[n] = true
	}
	_, rest = pdfStrings(t, foreign)
	for _, n := range names.FindAllString(rest, -1) {
		if !known[n] {
			t.Errorf("hostile text brings in the name %s", n)
		}
	}
}

// The bytes depend on the record alone, and no clock is read.
func TestPDFIsRepeatable(t *testing.T) {
	want := render(t, pdfFormat, sample(), Options{})
	t.Setenv("TZ", "Asia/Tokyo")
	if !bytes.Equal(want, render(t, pdfFormat, sample(), Options{Color: true, Verbose: true})) {
		t.Error("the same record gives other bytes")
	}
	if dates := regexp.MustCompile(`Date \((D:[^)]*)\)`).FindAllStringSubmatch(string(want), -1); len(dates) != 2 || !strings.HasPrefix(dates[0][1], "D:19700101000000") || dates[0][1] != dates[1][1] {
		t.Errorf("dates %q", dates)
	}
}

// Diagrams are pages of their own, of any size, in the reader's outline; what follows is on a page of the usual size.
func TestPDFDiagrams(t *testing.T) {
	page := func(title, note, text string, wide, high float64) Sheet {
		return Sheet{title, note, func(doc *fpdf.Fpdf) {
			doc.AddPageFormat("P", fpdf.SizeType{Wd: wide, Ht: high})
			doc.SetFont("Helvetica", "", 8)
			doc.Text(20, 20, text)
		}}
	}
	const svg = `<svg class="map"/>`
	opt := Options{Diagrams: []Diagram{
		{Name: "none", SVG: svg},
		{Name: "network", SVG: svg, Sheets: []Sheet{page("The network", "1 of 2 (below)", "whole", 420, 297), page("The network, namespace shop", "", "part", 210, 297)}},
	}}
	data := render(t, pdfFormat, sample(), opt)
	texts, rest := pdfStrings(t, data)
	for _, want := range []string{"Diagrams", "The network", "The network, namespace shop", "1 of 2 (below)", "whole", "part"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no %q", want)
		}
	}
	sizes := regexp.MustCompile(`/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]`).FindAllStringSubmatch(rest, -1)
	at := slices.IndexFunc(sizes, func(s []string) bool { return s[1] == "1190.55" && s[2] == "841.89" })
	if at < 0 {
		t.Fatalf("no page of 420 by 297 mm in %q", sizes)
	}
	for _, s := range sizes[at+1:] {
		if s[1] == "1190.55" {
			t.Errorf("what follows the large sheet is as large: %q", sizes)
		}
	}
	plain, _ := pdfStrings(t, render(t, pdfFormat, sample(), Options{}))
	if slices.Contains(plain, "Diagrams") {
		t.Error("a report without diagrams has a part for them")
	}
	footers := regexp.MustCompile(`bulkhead: network segmentation`).FindAllString(strings.Join(texts, "\n"), -1)
	if pages := strings.Count(rest, "/Type /Page\n"); len(footers) != pages || pages < 4 {
		t.Errorf("%d footers on %d pages", len(footers), pages)
	}
}

func TestLatin(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"}, {"Z\u00fcrich", "Z\xfcrich"}, {"\u4e2d", "<U+4E2D>"}, {"\u20ac", "<U+20AC>"}, {"\U0001f600", "<U+1F600>"}, {"\ufffd", "<U+FFFD>"}, {"", ""},
	} {
		if got := latin(c.in); got != c.want {
			t.Errorf("latin(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}
