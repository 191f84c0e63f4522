package formats

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// fontStack begins with the fonts whose widths the layout knows, and fonts with the same widths.
const fontStack = `Helvetica, Arial, "Liberation Sans", Arimo, sans-serif`

func writeSVG(w io.Writer, p *draw.Picture, o Options) error {
	b := bufio.NewWriter(w)
	theme, err := draw.ThemeNamed(o.Theme)
	if err != nil {
		return err
	}
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	svg(b, p, "img", baseStyle+styleOf(theme, ".map "), o)
	return b.Flush()
}

// Inline gives a picture as one <svg> element to stand in a page of somebody else: no style, no program, no request,
// and IDs that no other view has. The page needs Style once. A file of its own, with style, is the format svg.
func Inline(p *draw.Picture) (string, error) {
	var out strings.Builder
	b := bufio.NewWriter(&out)
	svg(b, p, "img", "", Options{})
	err := b.Flush()
	return out.String(), err
}

// PictureOf draws any view, the matrix too.
func PictureOf(in *pci.Input, opt draw.Options) (*draw.Picture, error) {
	if opt.View == draw.Zones {
		return draw.DrawMatrix(in, opt.Title), nil
	}
	return draw.Draw(draw.Build(in, opt))
}

// Style is the style of what Inline gives: light, dark where the reader's screen is, and sparing on paper. It is a
// constant text, so that a page can allow just this one by its hash.
func Style() string {
	themes := draw.Themes()
	return baseStyle + styleOf(themes[0], ".map ") +
		"@media screen and (prefers-color-scheme: dark){\n" + styleOf(themes[1], ".map ") + "}\n" +
		"@media print{\n" + styleOf(themes[2], ".map ") + "}\n"
}

const baseStyle = ".map{font-family:" + fontStack + ";max-width:100%;height:auto}.map text{white-space:pre}.map .b{font-weight:bold}.map .m{text-anchor:middle}.map .e{text-anchor:end}\n"

// styleOf gives each ink its classes. scope is put before every rule.
func styleOf(t draw.Theme, scope string) string {
	var b strings.Builder
	for _, i := range t.Inks() {
		fmt.Fprintf(&b, "%s.f-%s{fill:%s}%s.s-%s{stroke:%s}\n", scope, i, t.Colors[i], scope, i, t.Colors[i])
	}
	return b.String()
}

// svg writes the element, with no style of its own when style is "". Its size is that of the picture, or that of the
// paper it is to fit on. Its role is "img" where it is only looked at, and "group" where things in it can be chosen.
func svg(b *bufio.Writer, p *draw.Picture, role, style string, o Options) {
	s := &p.Scene
	width, height := num(float64(s.Width)), num(float64(s.Height))
	if o.Paper != "" {
		pw, ph := paperSize(o.Paper, s.Width >= s.Height)
		width, height = num(pw)+"mm", num(ph)+"mm"
	}
	id := "map-" + string(p.Graph.View)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %d %d" role="%s" aria-labelledby="%s-title %s-desc" class="map">`+"\n",
		width, height, s.Width, s.Height, role, id, id)
	fmt.Fprintf(b, "<title id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">%s</desc>\n", id, xml(p.Headline()), id, xml(strings.Join(p.Facts(), "\n")))
	if style != "" {
		b.WriteString("<style>\n" + style + "</style>\n")
	}
	fmt.Fprintf(b, `<rect class="f-page" width="%d" height="%d"/>`+"\n", s.Width, s.Height)
	for _, m := range s.Marks {
		switch {
		case m.Open != nil:
			openGroup(b, m.Open)
		case m.Figure != nil:
			figure(b, m.Figure)
		case m.Text != nil:
			text(b, m.Text)
		default:
			b.WriteString("</g>\n")
		}
	}
	b.WriteString("</svg>\n")
}

func openGroup(b *bufio.Writer, h *draw.Handle) {
	fmt.Fprintf(b, `<g class="%s" data-id="%s"`, xml(h.Class), xml(draw.Safe(h.ID)))
	if len(h.Ends) > 0 {
		ends := make([]string, len(h.Ends))
		for i, e := range h.Ends {
			ends[i] = draw.Safe(e)
		}
		fmt.Fprintf(b, ` data-ends="%s"`, xml(strings.Join(ends, "\n")))
	}
	fmt.Fprintf(b, "><title>%s</title>\n", xml(h.Name))
}

func figure(b *bufio.Writer, f *draw.Figure) {
	var class []string
	if f.Fill != "" {
		class = append(class, "f-"+string(f.Fill))
	}
	if f.Stroke != "" {
		class = append(class, "s-"+string(f.Stroke))
	}
	fmt.Fprintf(b, `<path class="%s"`, strings.Join(class, " "))
	if f.Fill == "" {
		b.WriteString(` fill="none"`)
	}
	if f.Stroke != "" {
		fmt.Fprintf(b, ` stroke-width="%s"`, num(f.Width))
	}
	if len(f.Dash) > 0 {
		parts := make([]string, len(f.Dash))
		for i, d := range f.Dash {
			parts[i] = num(d)
		}
		fmt.Fprintf(b, ` stroke-dasharray="%s"`, strings.Join(parts, " "))
	}
	b.WriteString(` d="`)
	for _, s := range f.Steps {
		b.WriteByte(s.Op)
		switch s.Op {
		case 'C':
			b.WriteString(num(s.X1) + " " + num(s.Y1) + " " + num(s.X2) + " " + num(s.Y2) + " " + num(s.X) + " " + num(s.Y))
		case 'M', 'L':
			b.WriteString(num(s.X) + " " + num(s.Y))
		}
	}
	b.WriteString("\"/>\n")
}

func text(b *bufio.Writer, t *draw.Text) {
	class := "f-" + string(t.Ink)
	if t.Bold {
		class += " b"
	}
	switch t.Anchor {
	case draw.Middle:
		class += " m"
	case draw.End:
		class += " e"
	case draw.Start:
	}
	fmt.Fprintf(b, "<text class=\"%s\" x=\"%s\" y=\"%s\" font-size=\"%s\">%s</text>\n", class, num(t.X), num(t.Y), num(t.Size), xml(t.Text))
}

// num writes a length with at most two decimals.
func num(f float64) string {
	s := strconv.FormatFloat(f, 'f', 2, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

// xml escapes text for elements and for attributes in double quotes. Characters that XML can not hold become the
// replacement character.
func xml(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&#39;")
		case r == '\n':
			b.WriteString("&#10;")
		case r == '\t':
			b.WriteString("&#9;")
		case unicode.Is(unicode.Cf, r): // not seen, and some turn the direction of writing in the file
			fmt.Fprintf(&b, "&#x%X;", r)
		case r < ' ', r == 0xFFFE, r == 0xFFFF:
			b.WriteRune('\uFFFD')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
