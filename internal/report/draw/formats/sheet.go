package formats

import (
	"math"

	"codeberg.org/go-pdf/fpdf"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// leastType is the smallest type on paper, in points; smaller ones are for a lens. typeSmall is the size in pixels of
// the ports at wires and the lines under names.
const (
	leastType = 4.2
	typeSmall = 10
)

// Readable tells whether the picture fits on a sheet with all of its texts large enough to be read. Bottom is the
// height in millimetres that is kept for a footer.
func Readable(p *draw.Picture, paper string, bottom float64) bool {
	_, _, k := fit(p, paper, bottom)
	return typeSmall*k*pointsPerMM >= leastType
}

// fit is the sheet that the picture gets larger on, upright or lying, and how many millimetres a pixel is then.
func fit(p *draw.Picture, paper string, bottom float64) (wide, high, k float64) {
	for _, lying := range []bool{true, false} {
		w, h := paperSize(paper, lying)
		m := sheetMargin / pointsPerMM
		s := math.Min((w-2*m)/float64(p.Scene.Width), (h-m-bottom)/float64(p.Scene.Height))
		if s > k {
			wide, high, k = w, h, s
		}
	}
	return wide, high, math.Min(k, pointsPerPixel/pointsPerMM)
}

// AddSheet draws the picture on a new page of a PDF whose unit is the millimetre: A4 where it can be read on that, else
// A3. It leaves the lowest millimetres free for a footer. Texts are set in the standard fonts; what they lack is written
// as its code point.
func AddSheet(doc *fpdf.Fpdf, p *draw.Picture, bottom float64) {
	paper := "a4"
	if !Readable(p, paper, bottom) {
		paper = "a3"
	}
	wide, high, k := fit(p, paper, bottom)
	doc.AddPageFormat("P", fpdf.SizeType{Wd: wide, Ht: high})
	themes := draw.Themes()
	d := pdfPen{f: doc, theme: themes[len(themes)-1], k: k, dx: (wide - k*float64(p.Scene.Width)) / 2, dy: sheetMargin / pointsPerMM, bare: true}
	d.scene(&p.Scene)
	doc.SetDashPattern(nil, 0)
}
