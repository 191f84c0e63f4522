package main

import (
	"errors"
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

// look is the options of the drawing that flags state. Nothing is drawn without --map.
func (o *diffOptions) look() (opt draw.Options, err error) {
	if o.drawing == "" {
		if o.previous != "" || o.skin != "kdl" {
			return opt, hint(errors.New("--skin and --previous need --map"), "name the file of the picture")
		}
		return opt, nil
	}
	if _, err := ending(o.drawing); err != nil {
		return opt, err
	}
	if opt.Skin, err = draw.SkinNamed(o.skin); err != nil {
		return opt, fmt.Errorf("--skin: %w", err)
	}
	opt.Previous, err = previousPlaces(o.previous)
	return opt, err
}

// drawChange draws the new cluster with what is new in it and what is gone.
func drawChange(g *globals, before, after *analysis, file string, opt draw.Options) error {
	format, err := ending(file)
	if err != nil {
		return err
	}
	sum, err := digest(after.loaded)
	if err != nil {
		return err
	}
	opt.Before = before.input()
	opt.Title = draw.Title{Tool: "bulkhead " + g.version, Digest: sum, Filter: "new and removed connections"}
	if after.intent != nil && len(after.intent.Objects) == 1 {
		opt.Title.Cluster = after.intent.Objects[0].Ref.Name
	}
	p, err := draw.Draw(draw.Build(after.input(), opt))
	if err != nil {
		return err
	}
	return g.write(file, func(w io.Writer) error { return format.Write(w, p, formats.Options{}) })
}
