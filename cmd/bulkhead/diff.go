package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

const diffDoc = `Diff says what a change allows and no longer allows: it compares the connections, not the text. Each
side is read by its own Segmentation (spec.assume); flags hold for both sides.

Exit codes: 0 when nothing changes, 1 when something certainly changes, 3 when changes are undecided only, or
when none is seen and part of the input could not be read.

Examples:
  bulkhead diff main/manifests/ branch/manifests/
  bulkhead diff --map change.svg main/manifests/ branch/manifests/

` // followed by the exit codes

type diffOptions struct {
	sourceOptions
	output, drawing string
	skin, previous  string // of the drawing
}

func newDiff(g *globals) *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use: "diff OLD NEW", Short: "print what a change allows and no longer allows", Long: diffDoc + exitHelp,
		Args: arguments(2, 2, "two sources, OLD and NEW"),
		RunE: func(cmd *cobra.Command, args []string) error { return runDiff(cmd.Context(), g, o, args[0], args[1]) },
	}
	output(cmd, &o.output, report.Names(report.ChangesFormats, changesName))
	cmd.Flags().StringVar(&o.drawing, "map", "", "also draw the change to this file; its ending is the format: "+strings.Join(endings(), ", "))
	cmd.Flags().StringVar(&o.skin, "skin", "kdl", skinUsage)
	cmd.Flags().StringVar(&o.previous, "previous", "", previousUsage)
	o.flags(cmd)
	return cmd
}

func changesName(f report.ChangesFormat) string { return f.Name }

func runDiff(ctx context.Context, g *globals, o diffOptions, before, after string) error {
	format, err := pick(report.ChangesFormats, changesName, o.output)
	if err != nil {
		return err
	}
	look, err := o.look()
	if err != nil {
		return err
	}
	color, err := g.color(o.color)
	if err != nil {
		return err
	}
	if o.live {
		return hint(errUnfit("diff", "--cluster"), "save the cluster with \"kubectl get ... -A -o yaml\" and compare with the file")
	}
	x, err := g.analyse(ctx, []string{before}, &o.sourceOptions)
	if err != nil {
		return err
	}
	y, err := g.analyse(ctx, []string{after}, &o.sourceOptions)
	if err != nil {
		return err
	}
	out := &report.Changes{Protocol: report.ChangesProtocol, Changes: []report.Change{}, Problems: []object.Problem{}}
	out.Problems = append(append(out.Problems, x.problems...), y.problems...)
	for _, c := range reach.Diff(x.model, y.model) {
		out.Changes = append(out.Changes, report.ChangeOf(c))
	}
	printProblems(g.stderr, out.Problems)
	if err := format.Write(g.stdout, out, report.Options{Color: color}); err != nil {
		return err
	}
	if o.drawing != "" {
		if err := drawChange(g, x, y, o.drawing, look); err != nil {
			return err
		}
	}
	switch {
	case out.Certain():
		return exitError(exitFails)
	case len(out.Changes) == 0 && !lost(out.Problems):
		return nil
	}
	return exitError(exitUndecided)
}
