// Package formats is the ways to write a diagram: pictures for eyes, and graphs for other tools.
//
// Names in a diagram come from foreign manifests. Each format escapes them for its reader.
package formats

import (
	"fmt"
	"io"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// Options are the reader's wishes. Formats without looks ignore them.
type Options struct {
	Theme string // a name of draw.Themes, "" for the default
	Paper string // "a4" or "a3": fit on the page; "" for the picture's own size
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
