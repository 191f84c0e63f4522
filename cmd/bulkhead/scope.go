package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/report"
)

const scopeDoc = `Scope computes what each workload is to the cardholder data environment and holds it against what is
declared. It starts from the workloads that a "kind: Segmentation" in the input, or the label of
--scope-label, declares to handle account data, and believes no other declaration:

  cde                handles account data, or nothing at all is between it and what does
  connected-to       may exchange packets with that, in either direction
  security-impacting can change it without a packet (rights, webhooks, its node), or serves it (DNS, a way in)
  shared-node        runs on a node with it, and no more: in scope unless someone argues otherwise
  out-of-scope       none of these
  undecided          the input does not tell; the two classes are those that are certain and possible

What is in scope and no workload is listed, too: nodes, people and groups with rights over it, webhooks. Paths of
two and three connections into the environment are shown with the fewest connections to close, so that none is left.

The JSON record is bulkhead.dev/scope/v1. The exit code is 1 when a declared class is not the computed one.

Examples:
  bulkhead scope manifests/
  bulkhead scope --scope-label pci=cde -o csv manifests/ > scope.csv

` // followed by the exit codes

type scopeOptions struct {
	sourceOptions
	output  string
	verbose bool
}

func newScope(g *globals) *cobra.Command {
	var o scopeOptions
	cmd := &cobra.Command{
		Use: "scope SOURCE...", Short: "compute the scope and hold it against the declared one", Long: scopeDoc + exitHelp,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runScope(cmd.Context(), g, o, args) },
	}
	output(cmd, &o.output, report.Names(report.ScopeFormats, scopeName))
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "text: all reasons of each workload")
	o.flags(cmd)
	return cmd
}

func scopeName(f report.ScopeFormat) string { return f.Name }

func runScope(ctx context.Context, g *globals, o scopeOptions, sources []string) error {
	format, err := pick(report.ScopeFormats, scopeName, o.output)
	if err != nil {
		return err
	}
	color, err := g.color(o.color)
	if err != nil {
		return err
	}
	a, err := g.analyse(ctx, sources, &o.sourceOptions)
	if err != nil {
		return err
	}
	printProblems(g.stderr, a.problems)
	if a.scope == nil {
		return hint(errors.New("which workloads are the cardholder data environment? Nothing in the input says so"), "give a Segmentation file or --scope-label")
	}
	in := a.input()
	record := report.ScopeOf(in, in.ComputeScope())
	record.Problems, record.Coverage = append(record.Problems, a.problems...), a.loaded.Coverage
	if err := format.Write(g.stdout, record, report.Options{Color: color, Verbose: o.verbose}); err != nil {
		return err
	}
	return answered(record.ExitCode())
}
