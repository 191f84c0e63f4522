package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/report"
)

const initDoc = `Init writes a draft of a "kind: Segmentation" from what SOURCE holds: a zone for each namespace, every way in
from outside as a comment, and every connection between zones that is certainly open now as a proposed need.
Proposals cover nothing: a person approves them, line by line. When SOURCE has a Segmentation already, the
draft holds what that one lacks.

State what enforces policies with --enforcer when the input does not show it: without it nothing is certain and
no need is proposed.

Examples:
  bulkhead init manifests/ > segmentation.yaml
  bulkhead init --scope-label pci-scope --cluster > segmentation.yaml
  bulkhead schema > segmentation.schema.json

`

func newInit(g *globals) *cobra.Command {
	var o sourceOptions
	cmd := &cobra.Command{
		Use: "init SOURCE...", Short: "draft the intent from what is there", Long: initDoc + exitHelp,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runInit(cmd.Context(), g, &o, args) },
	}
	o.flags(cmd)
	return cmd
}

func runInit(ctx context.Context, g *globals, o *sourceOptions, sources []string) error {
	a, err := g.analyse(ctx, sources, o)
	if err != nil {
		return err
	}
	printProblems(g.stderr, a.problems)
	return report.Draft(g.stdout, a.input())
}
