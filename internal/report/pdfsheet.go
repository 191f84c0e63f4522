package report

import (
	"fmt"
	"strings"
)

// column is one cell of a row: its width in millimetres, its text with line ends, its colour as 0xRRGGBB, and
// its style: "", "B" for bold, "mono" for text that is set as it is written.
type column struct {
	width  float64
	text   string
	colour int
	style  string
}

func (s *sheet) font(style string, size float64, colour int) {
	family := "Helvetica"
	if style == "mono" {
		family, style = "Courier", ""
	}
	s.doc.SetFont(family, style, size)
	s.doc.SetTextColor(colour>>16, colour>>8&0xff, colour&0xff)
}

// keep begins a new sheet when less than height is left on this one; a table goes on under its head.
func (s *sheet) keep(height float64) {
	_, sheetHeight := s.doc.GetPageSize()
	if s.doc.GetY()+height <= sheetHeight-pdfBottom {
		return
	}
	s.doc.AddPage()
	if s.titles != nil {
		s.titles()
	}
}

func (s *sheet) space(height float64) { s.doc.SetY(s.doc.GetY() + height) }

// heading is a part of the report, with its place in the reader's outline.
func (s *sheet) heading(text string) {
	s.space(5)
	s.keep(45)
	s.doc.Bookmark(text, 0, -1)
	s.font("B", 13, 0x1a1f24)
	s.para(text, 6.5)
	s.rule()
	s.space(1)
}

// para writes text over the whole width in the font that is set.
func (s *sheet) para(text string, height float64) {
	for _, l := range s.broken(text, pdfWidth) {
		s.keep(height)
		s.doc.SetX(pdfMargin)
		s.doc.CellFormat(pdfWidth, height, l, "", 1, "L", false, 0, "")
	}
}

// rule draws a thin line over the whole width.
func (s *sheet) rule() {
	s.doc.SetDrawColor(0xc8, 0xd0, 0xd8)
	s.doc.SetLineWidth(0.2)
	y := s.doc.GetY() + 0.6
	s.doc.Line(pdfMargin, y, pdfMargin+pdfWidth, y)
	s.space(1.2)
}

// table writes the head of a table, here and on each sheet that follows until titles is nil again.
func (s *sheet) table(size float64, widths []float64, names ...string) {
	cells := make([]column, len(widths))
	for i, w := range widths {
		cells[i] = column{w, names[i], 0x4a545e, "B"}
	}
	s.titles = func() {
		s.row(size, cells...)
		s.rule()
	}
	s.titles()
}

func (s *sheet) list(items []string, none string) {
	if len(items) == 0 {
		s.font("", pdfBody, 0x1a1f24)
		s.para(none, 4.4)
	}
	for _, t := range items {
		s.row(pdfBody, column{4, "-", 0x1a1f24, ""}, column{pdfWidth - 4, t, 0x1a1f24, ""})
	}
}

// row writes cells beside each other, line by line, so that a row longer than a sheet goes on on the next.
func (s *sheet) row(size float64, cells ...column) {
	height := size * 0.5
	broken := make([][]string, len(cells))
	most := 0
	for i, c := range cells {
		s.font(c.style, size, c.colour)
		broken[i] = s.broken(c.text, c.width)
		most = max(most, len(broken[i]))
	}
	if float64(most)*height < 60 {
		s.keep(float64(most) * height)
	}
	for n := range most {
		s.keep(height)
		x := pdfMargin
		for i, c := range cells {
			if n < len(broken[i]) {
				s.font(c.style, size, c.colour)
				s.doc.SetX(x)
				s.doc.CellFormat(c.width, height, broken[i][n], "", 0, "L", false, 0, "")
			}
			x += c.width
		}
		s.space(height)
	}
}

// broken is text in lines that fit the width in the font that is set, in the encoding of the fonts.
func (s *sheet) broken(text string, width float64) []string {
	var out []string
	for l := range strings.SplitSeq(text, "\n") {
		indent := l[:len(l)-len(strings.TrimLeft(l, " "))]
		parts := s.doc.SplitLines([]byte(latin(l)), width)
		if len(parts) == 0 {
			out = append(out, "")
		}
		for i, p := range parts {
			if i > 0 && len(indent) < 40 {
				out = append(out, indent+string(p))
				continue
			}
			out = append(out, string(p))
		}
	}
	return out
}

// latin writes text in the encoding of the fonts (Windows-1252); what it lacks is written as its code point.
func latin(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x7f, r >= 0xa0 && r <= 0xff:
			b.WriteByte(byte(r))
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
	}
	return b.String()
}
