package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/formats"
)

// endings are those of the formats of diagrams.
func endings() []string {
	var out []string
	for _, f := range formats.Formats {
		out = append(out, f.Ext)
	}
	return out
}

// ending finds the format that a file's name asks for.
func ending(file string) (formats.Format, error) {
	ext := filepath.Ext(file)
	for _, f := range formats.Formats {
		if f.Ext == ext {
			return f, nil
		}
	}
	return formats.Format{}, hint(fmt.Errorf("--map %s: no diagram has the ending %q", file, ext), "want %s", strings.Join(endings(), ", "))
}

// drawChange draws the new cluster with what is new in it and what is gone.
func drawChange(g *globals, before, after *analysis, file string) error {
	format, err := ending(file)
	if err != nil {
		return err
	}
	sum, err := digest(after.loaded)
	if err != nil {
		return err
	}
	title := draw.Title{Tool: "bulkhead " + g.version, Digest: sum, Filter: "new and removed connections"}
	if after.intent != nil && len(after.intent.Objects) == 1 {
		title.Cluster = after.intent.Objects[0].Ref.Name
	}
	p, err := draw.Draw(draw.Build(after.input(), draw.Options{Before: before.input(), Title: title}))
	if err != nil {
		return err
	}
	return g.write(file, func(w io.Writer) error { return format.Write(w, p, formats.Options{}) })
}
