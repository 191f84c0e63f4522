package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var pdfFormat = Format{Name: "pdf", Ext: ".pdf", Media: "application/pdf", Binary: true, Write: writePDF}

// Measures of the sheet, in millimetres, and of type, in points.
const (
	pdfMargin = 15.0
	pdfBottom = 18.0
	pdfWidth  = 210 - 2*pdfMargin
	pdfBody   = 9.0
	pdfSmall  = 7.5
	pdfTiny   = 6.5
)

// pdfTotal stands for the number of pages until it is known. No text of ours or of an input can hold it.
const pdfTotal = "\x01"

// sheet sets a page on paper. Errors stay in doc.
type sheet struct {
	doc    *fpdf.Fpdf
	page   *page
	titles func() // the head of the table that is being written, nil outside of tables
}

// writePDF sets the same page as HTML in A4. The fonts are those every reader has, so text stays text; what
// they lack is written as its code point. Streams are not compressed: the bytes then depend on nothing but
// the record, not on the release of a compressor.
func writePDF(w io.Writer, a *pci.Assessment, opt Options) error {
	p, err := newPage(a, opt)
	if err != nil {
		return err
	}
	s := &sheet{doc: fpdf.New("P", "mm", "A4", ""), page: p}
	s.setUp(a, opt.Origin.Created)
	s.head()
	s.basis()
	for _, t := range p.Standards {
		s.requirements(t)
	}
	s.checks()
	s.diagrams(opt.Diagrams)
	s.findings()
	s.registers(pageRegisters(opt.Registers, shownOnPaper))
	var b bytes.Buffer
	err = s.doc.Output(&b)
	return written(w, b.Bytes(), err)
}

func (s *sheet) setUp(a *pci.Assessment, made time.Time) {
	d := s.doc
	d.SetCompression(false)
	d.SetCatalogSort(true)
	if made.IsZero() { // it must be something; the page says what is known
		made = time.Unix(0, 0)
	}
	d.SetCreationDate(made.UTC())
	d.SetModificationDate(made.UTC())
	d.SetProducer(latin(strings.TrimSpace(line(a.Tool.Name)+" "+line(a.Tool.Version))), false)
	d.SetTitle(s.page.Title+": "+s.page.Verdict, false)
	d.SetLang("en")
	d.SetMargins(pdfMargin, pdfMargin, pdfMargin)
	d.SetAutoPageBreak(false, pdfBottom)
	d.AliasNbPages(pdfTotal)
	d.SetFooterFunc(func() {
		d.SetY(-12)
		s.font("", pdfSmall, 0x4a545e)
		wide, _ := d.GetPageSize() // diagrams may lie, or be on larger sheets
		half := wide/2 - pdfMargin
		d.CellFormat(half, 4, "bulkhead: network segmentation", "", 0, "L", false, 0, "")
		d.CellFormat(half, 4, fmt.Sprintf("%d / %s", d.PageNo(), pdfTotal), "", 0, "R", false, 0, "")
	})
	d.AddPage()
}

func (s *sheet) head() {
	s.font("B", 18, 0x1a1f24)
	s.para(s.page.Title, 8)
	s.font("B", 12, 0x1a1f24)
	s.para(s.page.Verdict, 6)
	s.font("", pdfBody, 0x4a545e)
	s.para(s.page.Claim, 4.4)
}

func (s *sheet) basis() {
	s.heading("What this stands on")
	for _, f := range s.page.Facts {
		s.row(pdfBody, column{28, f.Name, 0x4a545e, ""}, column{pdfWidth - 28, strings.Join(f.Values, "\n"), 0x1a1f24, ""})
		s.rule()
	}
	s.heading("Not covered")
	s.list(s.page.Gaps, s.page.NoGaps)
	s.heading("Problems with the input")
	var problems []string
	for _, p := range s.page.Problems {
		t := p.Severity + ": " + p.Text
		if p.Hint != "" {
			t += "\nhint: " + p.Hint
		}
		problems = append(problems, t)
	}
	s.list(problems, s.page.NoProblems)
}

func (s *sheet) requirements(t pageStandard) {
	s.heading(t.Name + ", by requirement")
	s.font("", pdfSmall, 0x4a545e)
	s.para(s.page.StandingNote, 3.8)
	s.space(2)
	if len(t.Rows) == 0 {
		s.list(nil, "No check speaks of a requirement.")
	}
	widths := [5]float64{37, 22, 21, 34, pdfWidth - 114}
	for i, r := range t.Rows {
		if i == 0 {
			s.table(pdfSmall, widths[:], "Requirement", "The evidence", "Checks", "Holds for", "To be answered")
		}
		names := make([]string, len(r.Checks))
		for i, c := range r.Checks {
			names[i] = c.Text
		}
		s.row(pdfSmall, column{widths[0], strings.TrimSpace(r.Number + " " + r.Title), 0x1a1f24, "B"}, column{widths[1], r.Said, standingColour(r.Standing), "B"},
			column{widths[2], strings.Join(names, ", "), 0x1a1f24, ""}, column{widths[3], several(r.Holds), 0x1a1f24, ""},
			column{widths[4], several(r.Questions), 0x1a1f24, ""})
		s.rule()
	}
	s.titles = nil
}

func (s *sheet) checks() {
	s.heading("Checks")
	widths := [7]float64{18, 50, 22, 15, 37, 22, pdfWidth - 164}
	for i, c := range s.page.Checks {
		if i == 0 {
			s.table(pdfSmall, widths[:], "Check", "What holds when it passes", "Result", "Severity", "Holds for", "4.0.1", "3.2.1")
		}
		s.row(pdfSmall, column{widths[0], c.ID, 0x1a1f24, "B"}, column{widths[1], c.Title, 0x1a1f24, ""}, column{widths[2], c.Status, statusColour(c.Key), "B"},
			column{widths[3], c.Severity, 0x1a1f24, ""}, column{widths[4], c.Holds, 0x1a1f24, ""}, column{widths[5], c.Requirements, 0x1a1f24, ""},
			column{widths[6], c.Requirements321, 0x1a1f24, ""})
		s.rule()
	}
	s.titles = nil
}

// diagrams are pages of their own: lines and texts, not pixels.
func (s *sheet) diagrams(list []Diagram) {
	begun := false
	for _, d := range list {
		for _, page := range d.Sheets {
			page.Add(s.doc)
			if !begun {
				s.doc.Bookmark("Diagrams", 0, 0)
				begun = true
			}
			s.doc.Bookmark(latin(line(page.Title)), 1, 0)
			_, high := s.doc.GetPageSize()
			s.doc.SetXY(pdfMargin, high-pdfBottom)
			if page.Note != "" {
				s.font("", pdfSmall, 0x4a545e)
				s.doc.CellFormat(0, 4, latin(line(page.Note)), "", 0, "L", false, 0, "")
			}
			s.doc.SetY(high) // what follows begins a page
		}
	}
}

func (s *sheet) findings() {
	s.heading("Findings")
	for _, sec := range s.page.Sections {
		if sec.Count == 0 {
			continue
		}
		s.space(3)
		s.keep(30)
		s.doc.Bookmark(latin(sec.Heading), 1, -1)
		s.font("B", 11, statusColour(sec.Key))
		s.para(fmt.Sprintf("%s (%d)", sec.Heading, sec.Count), 6)
		for _, g := range sec.Groups {
			s.group(g)
		}
	}
}

func (s *sheet) group(g pageGroup) {
	s.space(2.5)
	s.keep(24)
	s.font("B", 10, 0x1a1f24)
	s.para(strings.TrimSpace(g.Severity+"  "+g.Check+"  "+g.Title), 5)
	s.font("", pdfSmall, 0x4a545e)
	var about []string
	for _, l := range []struct{ name, text string }{
		{"PCI DSS 4.0.1: ", g.Requirements}, {"3.2.1: ", g.Requirements321}, {"Container guidance: ", g.Guidance}, {"Holds for ", g.Holds},
	} {
		if l.text != "" {
			about = append(about, l.name+l.text+".")
		}
	}
	s.para(strings.Join(about, " "), 3.8)
	if g.Fix != "" {
		s.para("Fix: "+g.Fix, 3.8)
	}
	for _, f := range g.Findings {
		s.finding(f)
	}
}

func (s *sheet) finding(f pageFinding) {
	s.space(1.5)
	s.keep(12)
	message := f.Message
	if f.Subject != "" {
		message = f.Subject + ": " + message
	}
	s.row(pdfBody, column{4, "-", 0x1a1f24, "B"}, column{pdfWidth - 4, message, 0x1a1f24, ""})
	for _, l := range []struct{ name, text string }{
		{"At", f.At}, {"Holds for", f.Holds}, {"Packet", f.Packet}, {"Because", several(f.Because)}, {"PCI DSS", f.Requirements}, {"Fix", f.Fix},
	} {
		if l.text != "" {
			s.row(pdfSmall, column{4, "", 0, ""}, column{18, l.name, 0x4a545e, ""}, column{pdfWidth - 22, l.text, 0x1a1f24, ""})
		}
	}
	if f.YAML != "" {
		s.row(pdfSmall, column{4, "", 0, ""}, column{18, "As YAML", 0x4a545e, ""}, column{pdfWidth - 22, f.YAML, 0x1a1f24, "mono"})
	}
	s.row(pdfSmall, column{4, "", 0, ""}, column{18, "Fingerprint", 0x4a545e, ""}, column{pdfWidth - 22, f.Fingerprint, 0x4a545e, ""})
}

// registers sets each register as a table whose columns are as wide as their texts ask for.
func (s *sheet) registers(list []pageRegister) {
	if len(list) == 0 {
		return
	}
	s.heading("Registers")
	for _, r := range list {
		s.space(3)
		s.keep(40)
		s.doc.Bookmark(latin(r.Title), 1, -1)
		s.font("B", 11, 0x1a1f24)
		s.para(fmt.Sprintf("%s (%d)", r.Title, r.Of), 6)
		s.font("", pdfSmall, 0x4a545e)
		s.para(r.About, 3.8)
		if len(r.Rows) > 0 {
			widths := s.fitted(r)
			s.table(pdfTiny, widths, r.Head...)
			for _, row := range r.Rows {
				cells := make([]column, len(row))
				for i, c := range row {
					cells[i] = column{widths[i], c, 0x1a1f24, ""}
				}
				s.row(pdfTiny, cells...)
				s.rule()
			}
			s.titles = nil
		} else {
			s.para("There are none.", 3.8)
		}
		if r.Left != "" {
			s.font("", pdfSmall, 0x4a545e)
			s.para(r.Left, 3.8)
		}
	}
}

// fitted shares the width of the sheet: every column gets what its head and its longest word need, as long as
// there is room for words that long, and of the rest as much as its texts ask for in proportion.
func (s *sheet) fitted(r pageRegister) []float64 {
	const gap, longText = 2.6, 70.0
	words, asked := make([]float64, len(r.Head)), make([]float64, len(r.Head))
	heads := make([]float64, len(r.Head))
	for i, h := range r.Head {
		s.font("B", pdfTiny, 0)
		for word := range strings.FieldsSeq(h) {
			heads[i] = max(heads[i], s.doc.GetStringWidth(latin(word)))
		}
		s.font("", pdfTiny, 0)
		for _, row := range r.Rows {
			for word := range strings.FieldsSeq(row[i]) {
				words[i] = max(words[i], s.doc.GetStringWidth(latin(word)))
			}
			asked[i] = max(asked[i], min(s.doc.GetStringWidth(latin(row[i])), longText))
		}
	}
	least := make([]float64, len(r.Head))
	sum := pdfWidth
	for long := 26.0; long > 5 && sum > 0.8*pdfWidth; long -= 2 {
		sum = 0
		for i := range least {
			least[i] = max(heads[i], min(words[i], long)) + gap
			sum += least[i]
		}
	}
	all := 1.0
	for i := range least {
		asked[i] = max(0, asked[i]+gap-least[i])
		all += asked[i]
	}
	squeeze, scale := min(1, pdfWidth/sum), min(1, max(0, pdfWidth-sum)/all)
	for i := range least {
		least[i] = least[i]*squeeze + asked[i]*scale
	}
	return least
}

// several is a list in one cell: one item as it is, more behind dashes.
func several(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return "- " + strings.Join(list, "\n- ")
}

// The tones of the HTML page in light.

func statusColour(key string) int {
	switch key {
	case string(pci.Fail):
		return 0xb3261e
	case string(pci.Error):
		return 0x86198f
	case string(pci.Manual):
		return 0x0b57a4
	case string(pci.Accepted):
		return 0x5b4a94
	case string(pci.NotApplicable):
		return 0x545e68
	case string(pci.Pass):
		return 0x186a3b
	}
	return 0x855100
}

func standingColour(standing string) int {
	switch pci.Standing(standing) {
	case pci.Contradicts:
		return statusColour(string(pci.Fail))
	case pci.AsksFor:
		return statusColour(string(pci.Manual))
	case pci.Supports:
		return statusColour(string(pci.Pass))
	case pci.Unconcerned:
		return statusColour(string(pci.NotApplicable))
	case pci.Insufficient:
	}
	return statusColour(string(pci.Unknown))
}
