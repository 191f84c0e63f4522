package formats

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

const (
	pointsPerPixel = 0.75
	pointsPerMM    = 72 / 25.4
	sheetMargin    = 8 * pointsPerMM
	otherFont      = "go" // for texts that Helvetica has no letters for
)

// writePDF writes a page for the picture and one for each of Options.Pages. Text stays text. The file holds no
// time but that of the title, so the same pictures give the same bytes.
func writePDF(w io.Writer, p *draw.Picture, o Options) error {
	theme, err := draw.ThemeNamed(o.Theme)
	if err != nil {
		return err
	}
	f := fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: fpdf.SizeType{Wd: 100, Ht: 100}})
	at := p.Graph.Title.Time.UTC()
	if at.IsZero() {
		at = time.Unix(0, 0).UTC()
	}
	f.SetCreationDate(at)
	f.SetModificationDate(at)
	f.SetCatalogSort(true)
	f.SetProducer("bulkhead", true)
	f.SetTitle(p.Headline(), true)
	f.SetLang("en")
	f.SetAutoPageBreak(false, 0)
	f.AddUTF8FontFromBytes(otherFont, "", goregular.TTF)
	f.AddUTF8FontFromBytes(otherFont, "B", gobold.TTF)
	for _, page := range append([]*draw.Picture{p}, o.Pages...) {
		pdfPage(f, page, theme, o.Paper)
	}
	if err := f.Error(); err != nil {
		return fmt.Errorf("write PDF: %w", err)
	}
	return f.Output(w)
}

func pdfPage(f *fpdf.Fpdf, p *draw.Picture, theme draw.Theme, paper string) {
	s := &p.Scene
	k, dx, dy := pointsPerPixel, 0.0, 0.0
	wide, high := float64(s.Width)*k, float64(s.Height)*k
	if paper != "" {
		mw, mh := paperSize(paper, s.Width >= s.Height)
		wide, high = mw*pointsPerMM, mh*pointsPerMM
		k = math.Min(k, math.Min((wide-2*sheetMargin)/float64(s.Width), (high-2*sheetMargin)/float64(s.Height)))
		dx, dy = (wide-k*float64(s.Width))/2, sheetMargin
	}
	f.AddPageFormat("P", fpdf.SizeType{Wd: wide, Ht: high})
	d := pdfPen{f: f, theme: theme, k: k, dx: dx, dy: dy}
	d.fill(draw.Ink("page"))
	f.Rect(0, 0, wide, high, "F")
	d.scene(s)
}

// pdfPen draws in the coordinates of a scene.
type pdfPen struct {
	f      *fpdf.Fpdf
	theme  draw.Theme
	k      float64 // units of the file for one pixel
	dx, dy float64
	bare   bool // the file has the standard fonts only
}

func (d pdfPen) scene(s *draw.Scene) {
	for _, m := range s.Marks {
		switch {
		case m.Figure != nil:
			d.figure(m.Figure)
		case m.Text != nil:
			d.text(m.Text)
		}
	}
}

// rgb reads "#RRGGBB".
func rgb(c string) (r, g, b int) {
	n, err := strconv.ParseUint(c[1:], 16, 32)
	if err != nil {
		return 0, 0, 0 // themes are constants; their test reads them
	}
	return int(n >> 16), int(n >> 8 & 255), int(n & 255)
}

func (d pdfPen) fill(i draw.Ink) { d.f.SetFillColor(rgb(d.theme.Colors[i])) }

func (d pdfPen) at(x, y float64) (float64, float64) { return d.dx + x*d.k, d.dy + y*d.k }

func (d pdfPen) figure(g *draw.Figure) {
	style := ""
	if g.Fill != "" {
		d.fill(g.Fill)
		style = "F"
	}
	if g.Stroke != "" {
		d.f.SetDrawColor(rgb(d.theme.Colors[g.Stroke]))
		d.f.SetLineWidth(g.Width * d.k)
		dash := make([]float64, len(g.Dash))
		for i := range dash {
			dash[i] = g.Dash[i] * d.k
		}
		d.f.SetDashPattern(dash, 0)
		style += "D"
	}
	for _, s := range g.Steps {
		x, y := d.at(s.X, s.Y)
		switch s.Op {
		case 'M':
			d.f.MoveTo(x, y)
		case 'L':
			d.f.LineTo(x, y)
		case 'C':
			x1, y1 := d.at(s.X1, s.Y1)
			x2, y2 := d.at(s.X2, s.Y2)
			d.f.CurveBezierCubicTo(x1, y1, x2, y2, x, y)
		case 'Z':
			d.f.ClosePath()
		}
	}
	d.f.DrawPath(style)
}

func (d pdfPen) text(t *draw.Text) {
	style, family, text := "", "Helvetica", ""
	if t.Bold {
		style = "B"
	}
	latin, ok := latin1(t.Text)
	switch {
	case ok:
		text = latin
	case d.bare:
		text = numbered(t.Text)
	default:
		family, text = otherFont, writable(t.Text)
	}
	d.f.SetFont(family, style, d.f.UnitToPointConvert(t.Size*d.k))
	d.f.SetTextColor(rgb(d.theme.Colors[t.Ink]))
	w := d.f.GetStringWidth(text)
	room := float64(t.Room) * d.k
	squeeze := w > room && room > 0
	if squeeze {
		w, room = room, w
	}
	x, y := d.at(t.X, t.Y)
	switch t.Anchor {
	case draw.Middle:
		x -= w / 2
	case draw.End:
		x -= w
	case draw.Start:
	}
	if squeeze {
		d.f.TransformBegin()
		d.f.TransformScaleX(100*w/room, x, y)
	}
	d.f.Text(x, y, text)
	if squeeze {
		d.f.TransformEnd()
	}
}

// writable is the text with the numbers of the characters that a font of PDF can not name: those above 16 bits.
func writable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 0xFFFF {
			fmt.Fprintf(&b, "<U+%04X>", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// numbered is the text with the numbers of all characters that the standard fonts lack.
func numbered(s string) string {
	var b strings.Builder
	for _, r := range s {
		if latin, ok := latin1(string(r)); ok {
			b.WriteString(latin)
		} else {
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
	}
	return b.String()
}

// latin1 gives the text in the encoding of the standard fonts. ok is false when it has letters they lack.
func latin1(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if r < ' ' || r > '~' && r < 0xA0 || r > 0xFF {
			return "", false
		}
		out = append(out, byte(r))
	}
	return string(out), true
}
