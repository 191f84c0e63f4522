package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

const reviewDoc = `Review lists what the half-yearly review of network controls (PCI DSS 1.2.7) goes through: connections that are
allowed now and were not, and the other way round, each with the need that covers it; ways in, declarations and
objects that were added, removed or changed; and what is due: reviews of rules, scope and rights, needs to review
or to approve, needs, exceptions and attestations that ended or end within 30 days.

The earlier state is an evidence package, a snapshot, or any other SOURCE. The day to judge by is that of --today, of
SOURCE_DATE_EPOCH, or the clock's.

Exit codes: 0 when nobody has to act; 1 when something is overdue, or was added and nothing declares it; 3 when part
of the comparison is undecided or could not be read.

Examples:
  bulkhead review --since evidence-2026-05 manifests/
  bulkhead review --since evidence-2026-05 --today 2026-11-30 -o csv --cluster > review.csv

`

type reviewOptions struct {
	sourceOptions
	since, output string
}

func newReview(g *globals) *cobra.Command {
	var o reviewOptions
	cmd := &cobra.Command{
		Use: "review --since EARLIER SOURCE...", Short: "list what changed and what is due, for the half-yearly review", Long: reviewDoc + exitHelp,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runReview(cmd.Context(), g, &o, args) },
	}
	output(cmd, &o.output, report.Names(report.RenewalFormats, renewalName))
	cmd.Flags().StringVar(&o.since, "since", "", "the earlier state: an evidence package, a snapshot, or any other SOURCE")
	o.day(cmd)
	o.flags(cmd)
	return cmd
}

func renewalName(f report.RenewalFormat) string { return f.Name }

func runReview(ctx context.Context, g *globals, o *reviewOptions, sources []string) error {
	format, err := pick(report.RenewalFormats, renewalName, o.output)
	if err != nil {
		return err
	}
	color, err := g.color(o.color)
	if err != nil {
		return err
	}
	if o.since == "" {
		return hint(errors.New("no earlier state given"), "name it with --since: an evidence package, a snapshot, or any other SOURCE")
	}
	if err := o.check(sources); err != nil {
		return err
	}
	then, made, err := g.earlierAnalysis(ctx, o.since, &o.sourceOptions)
	if err != nil {
		return fmt.Errorf("--since: %w", err)
	}
	now, err := g.analyse(ctx, sources, &o.sourceOptions)
	if err != nil {
		return err
	}
	r := pci.Renew(then.reviewed(), now.reviewed(), func(p reach.Peer) string { return report.PeerOf(p).String() })
	r.Tool = pci.Tool{Name: "bulkhead", Version: g.version}
	r.Since = pci.Earlier{Source: o.since, Made: made}
	for _, p := range then.problems {
		p.Msg = "in the earlier state: " + p.Msg
		r.Problems = append(r.Problems, p)
	}
	r.Problems = append(r.Problems, now.problems...)
	printProblems(g.stderr, r.Problems)
	if err := format.Write(g.stdout, r, report.Options{Color: color}); err != nil {
		return err
	}
	return answered(r.ExitCode())
}

// reviewed is the state with the objects that decide about traffic or open ways in.
func (a *analysis) reviewed() pci.ReviewInput {
	decides := map[object.Ref]bool{}
	for _, o := range kinds.Deciding(a.cluster, a.policies) {
		decides[o.Ref] = true
	}
	for _, e := range a.exposure.Entries {
		decides[e.Via] = true
	}
	out := pci.ReviewInput{Input: a.input()}
	for _, o := range a.cluster.Objects {
		if decides[o.Ref] {
			out.Objects = append(out.Objects, o)
		}
	}
	return out
}
