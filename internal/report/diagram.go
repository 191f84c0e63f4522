package report

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"codeberg.org/go-pdf/fpdf"
)

// Diagram is a picture that stands in a report.
type Diagram struct {
	Name  string // of its file, without an extension
	Title string
	SVG   string   // one <svg> element without style, program or reference
	Facts []string // what it shows, for who can not see it
	// Sheets is the picture on paper: all of it on the first one, parts of it that could not be read there on others.
	Sheets []Sheet
}

// Sheet is a page that somebody else draws. Add begins it in a document whose unit is the millimetre, and leaves the
// lowest FooterHeight free.
type Sheet struct {
	Title, Note string // the note stands under the picture
	Add         func(*fpdf.Fpdf)
}

// FooterHeight is what a page of a report needs for its footer, in millimetres.
const FooterHeight = pdfBottom

// Theme is the style of the diagrams of a page: rules for classes, a constant of the program that drew them.
type Theme string

// svgKnown is the elements of a diagram with the attributes each may have. Nothing in them loads, links or runs.
func svgKnown(element string) (attributes string, ok bool) {
	switch element {
	case "svg":
		return "xmlns width height viewBox role aria-labelledby class", true
	case "title", "desc":
		return "id", true
	case "g":
		return "class data-id data-ends", true
	case "rect":
		return "class x y width height rx", true
	case "path":
		return "class d fill stroke-width stroke-dasharray", true
	case "text":
		return "class x y font-size", true
	}
	return "", false
}

// markup gives the element for a page, after a look at all of it: who makes a report trusts the drawing no more
// than any other text.
func (d *Diagram) markup() (template.HTML, error) {
	dec := xml.NewDecoder(strings.NewReader(d.SVG))
	depth, roots := 0, 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("diagram %s: %w", d.Name, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
			known, ok := svgKnown(tok.Name.Local)
			if !ok || (depth == 1) != (tok.Name.Local == "svg") {
				return "", fmt.Errorf("diagram %s: an element <%s>", d.Name, tok.Name.Local)
			}
			for _, a := range tok.Attr {
				if !slices.Contains(strings.Fields(known), a.Name.Local) || a.Name.Space != "" {
					return "", fmt.Errorf("diagram %s: <%s> has an attribute %s", d.Name, tok.Name.Local, a.Name.Local)
				}
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && len(strings.TrimSpace(string(tok))) > 0 {
				return "", fmt.Errorf("diagram %s: text beside the element", d.Name)
			}
		default:
			return "", fmt.Errorf("diagram %s: something that is no element and no text", d.Name)
		}
	}
	if roots != 1 {
		return "", fmt.Errorf("diagram %s: %d elements, want one <svg>", d.Name, roots)
	}
	return template.HTML(d.SVG), nil //nolint:gosec // every element and attribute was looked at
}
