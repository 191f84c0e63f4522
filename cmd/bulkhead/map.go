package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/report"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw/formats"
)

const mapDoc = `Map draws what may talk to what. The picture shows the effect of all policies, taken from the same model as
every other answer, in a notation grown from KDL; its legend explains it.

Views are
  network   zones, namespaces, workloads, Services and every connection (PCI DSS 1.2.3)
  dataflow  the cardholder data environment and what has connections with it (PCI DSS 1.2.4)
  exposure  from outside to the ways in, and what policies let pass from there

Of a large cluster namespaces, and then zones, are drawn as one box each; --expand opens one, --focus shows the
surroundings of one workload.

Examples:
  bulkhead map manifests/ > network.svg
  bulkhead map --view dataflow --out flows.svg manifests/
  bulkhead map --focus shop/web --hops 2 manifests/ > web.svg

`

type mapOptions struct {
	sourceOptions
	output, out, view, theme, paper string
	name, reviewer, asOf            string
	focus                           []string
	hops, budget                    int
	check                           bool
	expand                          []string
}

func newMap(g *globals) *cobra.Command {
	var o mapOptions
	cmd := &cobra.Command{
		Use: "map SOURCE...", Short: "draw the network and data-flow diagrams", Long: mapDoc + exitHelp,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runMap(cmd.Context(), g, o, args) },
	}
	output(cmd, &o.output, report.Names(formats.Formats, mapName))
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "write to this file instead of standard output")
	f.StringVar(&o.view, "view", string(draw.Network), "what to draw: "+strings.Join(views(), ", "))
	f.StringVar(&o.theme, "theme", "", "colours: light, dark, print")
	f.StringVar(&o.paper, "paper", "", "fit on a sheet: a4, a3")
	f.StringSliceVar(&o.focus, "focus", nil, "draw only these workloads and what they have connections with")
	f.IntVar(&o.hops, "hops", 1, "with --focus: over how many connections")
	f.StringSliceVar(&o.expand, "expand", nil, "namespaces and zones that are never drawn as one box")
	f.IntVar(&o.budget, "budget", 0, "boxes above which namespaces and zones are drawn as one (default 90)")
	f.BoolVar(&o.check, "check", false, "draw nothing; say whether the diagram shows what the model says, both ways")
	f.StringVar(&o.name, "name", "", "name of the cluster in the title")
	f.StringVar(&o.asOf, "as-of", "", "date or time of the input, for the title, such as 2026-11-21 or 2026-11-21T08:00:00Z")
	f.StringVar(&o.reviewer, "reviewer", "", "who reviewed the diagram, for the title")
	o.flags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("view", cobra.FixedCompletions(views(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func mapName(f formats.Format) string { return f.Name }

func views() []string {
	return []string{string(draw.Network), string(draw.Dataflow), string(draw.Exposure)}
}

func runMap(ctx context.Context, g *globals, o mapOptions, sources []string) error {
	format, err := pick(formats.Formats, mapName, o.output)
	if err != nil {
		return err
	}
	if _, err := pick(views(), func(v string) string { return v }, o.view); err != nil {
		return hint(fmt.Errorf("no view %q", o.view), "want %s", strings.Join(views(), ", "))
	}
	if _, err := draw.ThemeNamed(o.theme); err != nil {
		return fmt.Errorf("--theme: %w", err)
	}
	if err := formats.CheckPaper(o.paper); err != nil {
		return fmt.Errorf("--paper: %w", err)
	}
	if format.Binary && o.out == "" && g.outTTY {
		return hint(fmt.Errorf("%s is not for a terminal", format.Name), "name a file with --out")
	}
	a, err := g.analyse(ctx, sources, &o.sourceOptions)
	if err != nil {
		return err
	}
	printProblems(g.stderr, a.problems)
	opt, err := a.drawing(g, &o, sources)
	if err != nil {
		return err
	}
	graph := draw.Build(a.input(), opt)
	if o.check {
		return a.checkMap(g, graph)
	}
	p, err := draw.Draw(graph)
	if err != nil {
		return err
	}
	return g.write(o.out, func(w io.Writer) error {
		return format.Write(w, p, formats.Options{Theme: o.theme, Paper: o.paper})
	})
}

// checkMap says whether a diagram and the model agree.
func (a *analysis) checkMap(g *globals, graph *draw.Graph) error {
	if graph.View == draw.Exposure {
		return hint(errors.New("the view exposure shows ways in, which the model does not list"), "check another view")
	}
	bad := draw.Check(graph)
	for _, line := range bad {
		fmt.Fprintf(g.stdout, "%s\n", printable(line))
	}
	if len(bad) > 0 {
		return exitError(exitFails)
	}
	fmt.Fprintf(g.stdout, "the %s diagram shows what the model says: %d wires and %d groups\n", graph.View, len(graph.Wires), len(graph.Groups))
	if lost(a.problems) {
		return exitError(exitUndecided)
	}
	return nil
}

// drawing is the options of the picture that flags state.
func (a *analysis) drawing(g *globals, o *mapOptions, sources []string) (draw.Options, error) {
	opt := draw.Options{View: draw.View(o.view), Budget: o.budget, Expand: o.expand, Hops: o.hops, LetIn: a.letIn}
	if opt.View == draw.Dataflow && a.scope == nil {
		return opt, hint(errors.New("which workloads are the cardholder data environment? Nothing in the input says so"), "give a Segmentation file or --scope-label")
	}
	for _, name := range o.focus {
		ws, err := a.workloads(name, &o.sourceOptions)
		if err != nil {
			return opt, fmt.Errorf("--focus: %w", err)
		}
		opt.Focus = append(opt.Focus, ws...)
	}
	asOf, err := moment(o.asOf)
	if err != nil {
		return opt, err
	}
	sum, err := digest(a.loaded)
	if err != nil {
		return opt, err
	}
	filter := ""
	if len(o.focus) > 0 {
		filter = fmt.Sprintf("focus %s, %d hops", strings.Join(o.focus, ", "), o.hops)
	}
	if o.name == "" && a.intent != nil && len(a.intent.Objects) == 1 {
		o.name = a.intent.Objects[0].Ref.Name
	}
	opt.Title = draw.Title{Cluster: o.name, Time: asOf, Digest: sum, Tool: "bulkhead " + g.version, Source: strings.Join(sources, " "), Filter: filter, Reviewer: o.reviewer}
	return opt, nil
}

// moment reads --as-of. The clock is never asked, so that the same input gives the same picture.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, hint(fmt.Errorf("--as-of: %q is no date", text), "write 2026-11-21 or 2026-11-21T08:00:00Z")
}

// digest is the SHA-256 of what "bulkhead snapshot" writes of the same input.
func digest(loaded *load.Result) (string, error) {
	data, err := snapshotOf(loaded)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(data)), nil
}

// workloads are those that a name on the command line stands for.
func (a *analysis) workloads(name string, o *sourceOptions) ([]*cluster.Workload, error) {
	f, err := namer{a.cluster, o.namespace}.find(name)
	if err != nil {
		return nil, err
	}
	var out []*cluster.Workload
	for _, p := range f.peers {
		switch {
		case p.Workload != nil:
			out = append(out, p.Workload)
		case p.Pod != nil:
			out = append(out, p.Pod.Workload)
		}
	}
	if len(out) == 0 {
		return nil, hint(fmt.Errorf("%q is no workload", name), "write namespace/name")
	}
	return out, nil
}

// write gives standard output, or the file that is named.
func (g *globals) write(name string, write func(io.Writer) error) error {
	if name == "" {
		return write(g.stdout)
	}
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return errors.Join(write(f), f.Close())
}
