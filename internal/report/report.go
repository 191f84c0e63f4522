// Package report is the renderings of results: an assessment, a list of connections, a comparison and the
// answer to one question, each as text for eyes and as records for machines. One file a format.
//
// Results hold names and texts of foreign manifests. Every format makes them harmless for its reader: a
// terminal, a spreadsheet, a browser or an XML parser.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// Options are the reader's wishes, and what is known beside the record.
type Options struct {
	Color   bool // mark up for a terminal; never the only bearer of a meaning
	Verbose bool // text: also the fixes as YAML, and what passed with its reasons
	Origin  Origin
	// Registers and Diagrams stand in the reports for people (html, pdf, xlsx) where somebody gives them. A saved
	// result has none.
	Registers []Register
	Diagrams  []Diagram
	Theme     Theme // of the diagrams
}

// Origin is what an evidence package knows beside the record. Formats for people and those whose standard
// demands a time write it; the zero value is "not known", and they say so.
type Origin struct {
	Created time.Time
	Subject string   // what was looked at, as stated
	Rules   string   // digest of the checks and their texts
	Cluster string   // what tells the cluster from others, "" when the input does not say
	Sources []string // what was read, as the user named it
	Input   string   // SHA-256 of the snapshot
}

// Format is one way to write an assessment. Ext begins with a dot; Media is the content type; Binary is what no
// terminal shows. Write needs no other input than the record, so a saved result can be written again in any
// format.
type Format struct {
	Name, Ext, Media string
	Binary           bool
	Write            func(io.Writer, *pci.Assessment, Options) error
}

// Formats is all formats in the order they are offered; the first is the default.
var Formats = []Format{text, jsonFormat, sarifFormat, junit, markdown, csvFormat, htmlFormat, pdfFormat, oscalFormat, openReports, xlsxFormat}

// Named finds a format. The error names those there are.
func Named(name string) (Format, error) {
	i := slices.IndexFunc(Formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, fmt.Errorf("no output format %q: want %s", name, strings.Join(Names(Formats, func(f Format) string { return f.Name }), ", "))
	}
	return Formats[i], nil
}

// Names lists what name gives for each item, in order: the names of formats, for help and completion.
func Names[T any](items []T, name func(T) string) []string {
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = name(it)
	}
	return out
}
