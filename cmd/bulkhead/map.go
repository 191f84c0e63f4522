package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
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
  matrix    what each zone may open to each other one, with requirement numbers; also as text, csv and xlsx
  path      the shortest chain of connections from one workload to another (--from, --to)

Of a large cluster namespaces, and then zones, are drawn as one box each; --expand opens one, --focus shows the
surroundings of one workload.

Examples:
  bulkhead map manifests/ > network.svg
  bulkhead map --view dataflow --out flows.svg manifests/
  bulkhead map --view matrix -o text manifests/
  bulkhead map --view path --from shop/web --to shop/db manifests/ > path.svg
  bulkhead map --focus shop/web --hops 2 manifests/ > web.svg

`

const (
	skinUsage     = "look of boxes: kdl, icons (in the manner of the icons of the Kubernetes project)"
	previousUsage = "an older picture (svg or json): what is still there keeps its row and its order"
)

type mapOptions struct {
	sourceOptions
	output, out, view, theme, paper string
	skin                            string
	name, reviewer, asOf, previous  string
	from, to                        string
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
	f.StringVar(&o.skin, "skin", "kdl", skinUsage)
	f.StringVar(&o.paper, "paper", "", "fit on a sheet: a4, a3")
	f.StringSliceVar(&o.focus, "focus", nil, "draw only these workloads and what they have connections with")
	f.IntVar(&o.hops, "hops", 1, "with --focus: over how many connections")
	f.StringVar(&o.from, "from", "", "with --view path: where the chain begins")
	f.StringVar(&o.to, "to", "", "with --view path: where it ends")
	f.StringSliceVar(&o.expand, "expand", nil, "namespaces and zones that are never drawn as one box")
	f.IntVar(&o.budget, "budget", 0, "boxes above which namespaces and zones are drawn as one (default 90)")
	f.BoolVar(&o.check, "check", false, "draw nothing; say whether the diagram shows what the model says, both ways")
	f.StringVar(&o.name, "name", "", "name of the cluster in the title")
	f.StringVar(&o.asOf, "as-of", "", "date or time of the input, for the title, such as 2026-11-21 or 2026-11-21T08:00:00Z")
	f.StringVar(&o.previous, "previous", "", previousUsage)
	f.StringVar(&o.reviewer, "reviewer", "", "who reviewed the diagram, for the title")
	o.flags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("view", cobra.FixedCompletions(views(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func mapName(f formats.Format) string { return f.Name }

func views() []string {
	return []string{string(draw.Network), string(draw.Dataflow), string(draw.Exposure), string(draw.Zones), string(draw.Path)}
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
	if _, err := draw.SkinNamed(o.skin); err != nil {
		return fmt.Errorf("--skin: %w", err)
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
	looks := formats.Options{Theme: o.theme, Paper: o.paper}
	var p *draw.Picture
	switch {
	case opt.View == draw.Zones && o.check:
		return hint(errors.New("--check does not work with the view matrix"), "check another view")
	case opt.View == draw.Zones && slices.Contains(formats.GraphsOnly(), format.Name):
		return hint(fmt.Errorf("the view matrix can not be written as %s", format.Name), "want svg, html, png, pdf, text, csv, xlsx or json")
	case opt.View == draw.Zones:
		p = draw.DrawMatrix(a.input(), opt.Title)
	default:
		if format.Name == "html" {
			opt.Explain = a.rules
		}
		graph := draw.Build(a.input(), opt)
		if o.check {
			return a.checkMap(g, graph)
		}
		if p, err = draw.Draw(graph); err != nil {
			return err
		}
		if format.Name == "pdf" && o.paper != "" && graph.HasBundles() {
			pages, err := a.pages(opt, a.cluster.Namespaces)
			if err != nil {
				return err
			}
			for _, page := range pages {
				looks.Pages = append(looks.Pages, page.picture)
			}
		}
	}
	return g.write(o.out, func(w io.Writer) error { return format.Write(w, p, looks) })
}

// rules are the lines of "why" for a connection.
func (a *analysis) rules(src, dst reach.Peer, conns netset.Conns) []string {
	y := &report.Why{Protocol: report.TraceProtocol, Notes: []string{}, Answers: []report.Answer{report.AnswerOf(a.model.Explain(src, dst, conns), "", "")}, Problems: []object.Problem{}}
	var b strings.Builder
	if err := report.WhyFormats[0].Write(&b, y, report.Options{}); err != nil {
		return nil
	}
	return strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
}

// checkMap says whether a diagram and the model agree.
func (a *analysis) checkMap(g *globals, graph *draw.Graph) error {
	bad := draw.Check(graph)
	for _, line := range bad {
		fmt.Fprintf(g.stdout, "%s\n", printable(line))
	}
	if len(bad) > 0 {
		return exitError(exitFails)
	}
	against := "the model says"
	if graph.View == draw.Exposure {
		against = "was found of ways in"
	}
	fmt.Fprintf(g.stdout, "the %s diagram shows what %s: %d wires and %d groups\n", graph.View, against, len(graph.Wires), len(graph.Groups))
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
	var err error
	if opt.Skin, err = draw.SkinNamed(o.skin); err != nil {
		return opt, err
	}
	if opt.Previous, err = previousPlaces(o.previous); err != nil {
		return opt, err
	}
	way, err := a.chain(o)
	if err != nil {
		return opt, err
	}
	opt.Only, opt.Pairs = way.on, way.hops
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
	if opt.View == draw.Path {
		filter = fmt.Sprintf("from %s to %s, %s", o.from, o.to, way.sure)
	}
	if o.name == "" && a.intent != nil && len(a.intent.Objects) == 1 {
		o.name = a.intent.Objects[0].Ref.Name
	}
	opt.Title = draw.Title{Cluster: o.name, Time: asOf, Digest: sum, Tool: "bulkhead " + g.version, Source: strings.Join(sources, " "), Filter: filter, Reviewer: o.reviewer}
	return opt, nil
}

// previousPlaces reads where things stood; nil when no file is named.
func previousPlaces(file string) (map[string]draw.Placed, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--previous: %w", err)
	}
	places, err := formats.Places(data)
	if err != nil {
		return nil, hint(fmt.Errorf("--previous: %s: %w", file, err), "want a picture that \"bulkhead map -o svg\" or \"-o json\" wrote")
	}
	return places, nil
}

// way is a chain of connections: the workloads on it, and which opens connections to which.
type way struct {
	on   map[*cluster.Workload]bool
	hops map[[2]*cluster.Workload]bool
	sure string
}

// chain finds the shortest chain between --from and --to; none for other views.
func (a *analysis) chain(o *mapOptions) (way, error) {
	if o.view != string(draw.Path) {
		if o.from != "" || o.to != "" {
			return way{}, hint(errors.New("--from and --to need --view path"), "--focus shows the surroundings of a workload")
		}
		return way{}, nil
	}
	if o.from == "" || o.to == "" {
		return way{}, hint(errors.New("--view path needs --from and --to"), "name two workloads")
	}
	from, err := a.workloads(o.from, &o.sourceOptions)
	if err != nil {
		return way{}, fmt.Errorf("--from: %w", err)
	}
	to, err := a.workloads(o.to, &o.sourceOptions)
	if err != nil {
		return way{}, fmt.Errorf("--to: %w", err)
	}
	paths := a.model.Paths(from, to, nil, len(a.cluster.Workloads))
	if len(paths) == 0 {
		return way{}, hint(fmt.Errorf("nothing leads from %s to %s, over any number of connections between workloads", o.from, o.to), "\"bulkhead why\" tells which rules stop it")
	}
	w := way{on: map[*cluster.Workload]bool{}, hops: map[[2]*cluster.Workload]bool{}, sure: "certain"}
	if !paths[0].Certain {
		w.sure = "possible"
	}
	for _, h := range paths[0].Hops {
		w.on[h.Src.Workload], w.on[h.Dst.Workload] = true, true
		w.hops[[2]*cluster.Workload{h.Src.Workload, h.Dst.Workload}] = true
	}
	return w, nil
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
