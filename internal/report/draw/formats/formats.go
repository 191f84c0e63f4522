// Package formats is the ways to write a diagram: pictures for eyes, and graphs for other tools.
//
// To put a diagram into another page take Inline for the element and Style for its style; to put it into a file of
// its own take a Format.
//
// Names in a diagram come from foreign manifests. Each format escapes them for its reader.
package formats

import (
	"fmt"
	"io"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/workbook"
)

// Options are the reader's wishes. Formats without looks ignore them.
type Options struct {
	Theme string          // a name of draw.Themes, "" for the default
	Paper string          // "a4" or "a3": fit on the page; "" for the picture's own size
	Pages []*draw.Picture // pdf: pages that follow
}

// Format is one way to write a picture. Binary ones do not belong on a terminal.
type Format struct {
	Name, Ext, Media string
	Binary           bool
	Write            func(io.Writer, *draw.Picture, Options) error
}

// Formats is all of them in the order they are offered; the first is the default.
var Formats = []Format{
	{"svg", ".svg", "image/svg+xml", false, writeSVG},
	{"html", ".html", "text/html; charset=utf-8", false, writeHTML},
	{"png", ".png", "image/png", true, writePNG},
	{"pdf", ".pdf", "application/pdf", true, writePDF},
	{"text", ".txt", "text/plain; charset=utf-8", false, writeText},
	{"csv", ".csv", "text/csv; charset=utf-8", false, writeCSV},
	{"xlsx", workbook.Ext, workbook.Media, true, writeXLSX},
	{"json", ".json", "application/json", false, writeJSON},
	{"dot", ".dot", "text/vnd.graphviz", false, writeDOT},
	{"mermaid", ".mmd", "text/vnd.mermaid", false, writeMermaid},
	{"d2", ".d2", "text/plain", false, writeD2},
	{"drawio", ".drawio", "application/vnd.jgraph.mxfile", false, writeDrawio},
}

// paperSize is the width and height of a sheet in millimetres, as ISO 216 has them.
func paperSize(paper string, wide bool) (w, h float64) {
	w, h = 210, 297
	if paper == "a3" {
		w, h = 297, 420
	}
	if wide {
		w, h = h, w
	}
	return w, h
}

// CheckPaper tells whether there is such a sheet.
func CheckPaper(name string) error {
	switch name {
	case "", "a4", "a3":
		return nil
	}
	return fmt.Errorf("no paper %q: want a4 or a3", name)
}

// GraphsOnly is the formats that have boxes and lines and nothing else: they can not hold a matrix.
func GraphsOnly() []string { return []string{"dot", "mermaid", "d2", "drawio"} }
