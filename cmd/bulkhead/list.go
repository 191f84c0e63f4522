package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

const listDoc = `List prints every allowed connection, workload to workload and to and from addresses outside. ALLOWED is
certain; UNDECIDED depends on something the input does not tell, and the reasons are named. What is in
neither column is denied. Traffic inside one workload is left out. With -n only connections with an end in
that namespace are shown.

The JSON record is bulkhead.dev/connections/v1.

Examples:
  bulkhead list manifests/
  bulkhead list --to shop/db --port tcp/5432 manifests/
  bulkhead list -o matrix manifests/

` // followed by names and exit codes

type listOptions struct {
	sourceOptions
	output, from, to, port string
	exposure               bool
}

func newList(g *globals) *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use: "list SOURCE...", Short: "print every allowed connection", Long: listDoc + namesHelp + "\n" + exitHelp,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runList(cmd.Context(), g, o, args) },
	}
	output(cmd, &o.output, report.Names(report.ListFormats, listName))
	cmd.Flags().StringVar(&o.from, "from", "", "only connections from SRC")
	cmd.Flags().StringVar(&o.to, "to", "", "only connections to DST")
	cmd.Flags().StringVar(&o.port, "port", "", "only these ports, such as 443 or \"tcp/80,443 udp/53\"")
	cmd.Flags().BoolVar(&o.exposure, "exposure", false, "also list how the outside reaches in")
	o.flags(cmd)
	return cmd
}

func listName(f report.ListFormat) string { return f.Name }

func runList(ctx context.Context, g *globals, o listOptions, sources []string) error {
	format, err := pick(report.ListFormats, listName, o.output)
	if err != nil {
		return err
	}
	color, err := g.color(o.color)
	if err != nil {
		return err
	}
	ports := netset.All()
	if o.port != "" {
		if ports, err = netset.Parse(o.port); err != nil {
			return fmt.Errorf("--port: %w", err)
		}
	}
	a, err := g.analyse(ctx, sources, &o.sourceOptions)
	if err != nil {
		return err
	}
	from, err := a.filter("from", o.from, &o.sourceOptions)
	if err != nil {
		return err
	}
	to, err := a.filter("to", o.to, &o.sourceOptions)
	if err != nil {
		return err
	}
	l := a.connections()
	if o.from != "" || o.to != "" || o.port != "" || o.namespace != "" {
		l.Source.Keep = func(e *reach.Edge) bool {
			e.Must, e.May = e.Must.Intersect(ports), e.May.Intersect(ports)
			return !e.May.IsEmpty() && from(&e.Src) && to(&e.Dst) && o.inNamespace(*e)
		}
	}
	if o.exposure {
		l.Exposure = a.exposed()
	}
	printProblems(g.stderr, a.problems)
	return format.Write(g.stdout, l, report.Options{Color: color})
}

// connections is every connection, made when it is written.
func (a *analysis) connections() *report.Listing {
	return &report.Listing{
		Protocol: report.ListingProtocol, Problems: append([]object.Problem{}, a.problems...), Coverage: a.loaded.Coverage,
		Source: &report.Source{Model: a.model},
	}
}

// inNamespace holds for edges with an end in the namespace of -n, and for all without it.
func (o *listOptions) inNamespace(e reach.Edge) bool {
	in := func(p reach.Peer) bool { return p.Workload != nil && p.Workload.Ref.Namespace == o.namespace }
	return o.namespace == "" || in(e.Src) || in(e.Dst)
}

// filter gives the test of --from or --to. Where the name is addresses, the peer is cut down to them.
func (a *analysis) filter(flag, text string, o *sourceOptions) (func(*reach.Peer) bool, error) {
	if text == "" {
		return func(*reach.Peer) bool { return true }, nil
	}
	f, err := namer{a.cluster, o.namespace}.find(text)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	return func(p *reach.Peer) bool {
		for _, q := range f.peers {
			switch {
			case q.Entity != "":
				if p.Entity != "" {
					return true
				}
			case q.IsOutside():
				if cut := p.Addrs.Intersect(q.Addrs); p.IsOutside() && !cut.IsEmpty() {
					p.Addrs = cut
					return true
				}
			case p.Workload != nil && (q.Workload == p.Workload || q.Pod != nil && q.Pod.Workload == p.Workload):
				return true
			}
		}
		return false
	}, nil
}
