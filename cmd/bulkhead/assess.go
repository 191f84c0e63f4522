package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/checks"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

const assessDoc = `Assess runs the checks of PCI DSS network segmentation against SOURCE and reports each finding with the
objects that decide it, one packet that shows it, and a fix. The scope of the assessment comes from a
"kind: Segmentation" in the input, or from the label that --scope-label names; without either, the checks
that need no scope are run.

What a Segmentation states under spec.assume is taken for granted unless a flag says otherwise.

--standard adds what the evidence says of each requirement: supports, contradicts, insufficient or manual, with the
checks, how many of how many hold, what is missing to decide and what to ask people.

--baseline compares with an earlier state. What was found then is shown as known and does not fail; what is new, or
says something else now, does; what is gone is listed. A finding is known by its check and subject, not by lines.

What is due or expired is judged by the day: --today asks what holds on another one.

Examples:
  bulkhead assess manifests/
  bulkhead assess --today 2027-03-31 manifests/
  kubectl get all,networkpolicies,namespaces,nodes -A -o yaml | bulkhead assess -
  bulkhead assess chart/ --set web.replicas=3 -o sarif > bulkhead.sarif.json
  bulkhead assess --baseline main/manifests/ branch/manifests/

` // followed by the exit codes

type assessOptions struct {
	sourceOptions
	output, standard, baseline string
	verbose                    bool
}

func newAssess(g *globals) *cobra.Command {
	var o assessOptions
	cmd := &cobra.Command{
		Use: "assess SOURCE...", Short: "check the segmentation and report findings", Long: assessDoc + exitHelp,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runAssess(cmd.Context(), g, o, args) },
	}
	output(cmd, &o.output, report.Names(report.Formats, formatName))
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "text: also fixes as YAML, reasons of what passed, and notes")
	standard(cmd, &o.standard)
	cmd.Flags().StringVar(&o.baseline, "baseline", "", "compare with an earlier state and fail for what is new only: "+earlierHelp)
	o.flags(cmd)
	o.judging(cmd)
	o.probing(cmd)
	o.day(cmd)
	return cmd
}

// standard adds --standard with its choices.
func standard(cmd *cobra.Command, into *string) {
	var names []string
	for _, s := range pci.Standards() {
		names = append(names, string(s))
	}
	cmd.Flags().StringVar(into, "standard", "", "add the view by requirement, in the numbers of "+strings.Join(names, ", "))
	_ = cmd.RegisterFlagCompletionFunc("standard", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// viewed adds the view by requirement that --standard asks for.
func viewed(a *pci.Assessment, standard string) error {
	if standard == "" {
		return nil
	}
	s, err := pci.ParseStandard(standard)
	if err != nil {
		return fmt.Errorf("--standard: %w", err)
	}
	view := a.View(s)
	a.ByRequirement = &view
	return nil
}

func formatName(f report.Format) string { return f.Name }

func runAssess(ctx context.Context, g *globals, o assessOptions, sources []string) error {
	format, err := pick(report.Formats, formatName, o.output)
	if err != nil {
		return err
	}
	if err := g.fit(format); err != nil {
		return err
	}
	color, err := g.color(o.color)
	if err != nil {
		return err
	}
	if err := viewed(&pci.Assessment{}, o.standard); err != nil { // before anything is read
		return err
	}
	a, err := g.analyse(ctx, sources, &o.sourceOptions)
	if err != nil {
		return err
	}
	result := a.assess(g, checks.All)
	if o.baseline != "" {
		earlier, err := g.earlierResult(ctx, o.baseline, &o.sourceOptions)
		if err != nil {
			return fmt.Errorf("--baseline: %w", err)
		}
		result.Against(earlier, o.baseline)
	}
	if err := viewed(result, o.standard); err != nil {
		return err
	}
	if format.Name != "text" { // text shows them itself
		printProblems(g.stderr, result.Problems)
	}
	if err := format.Write(g.stdout, result, report.Options{Color: color, Verbose: o.verbose}); err != nil {
		return err
	}
	return answered(result.ExitCode())
}

// assess runs the checks on what was read.
func (a *analysis) assess(g *globals, list []pci.Check) *pci.Assessment {
	return a.judged(g, a.input(), list)
}

// judged is assess for an input of which some is computed already.
func (a *analysis) judged(g *globals, in *pci.Input, list []pci.Check) *pci.Assessment {
	result := pci.Assess(in, list)
	result.Tool.Version = g.version
	result.Assumed = append(result.Assumed, a.assumed...)
	result.Coverage = a.loaded.Coverage
	return result
}
