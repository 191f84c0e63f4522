package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/report"
)

const reportDoc = `Report writes a result that "assess -o json" saved in another format, without the input it was made from.
It exits 0 when the report is written, whatever the result says.

Examples:
  bulkhead assess manifests/ -o json > result.json
  bulkhead report --from result.json -o markdown --out report.md
`

type reportOptions struct {
	from, output, out, color, standard string
	verbose                            bool
}

func newReport(g *globals) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use: "report --from RESULT", Short: "write a saved result in another format", Long: reportDoc,
		Args: arguments(0, 0, "no arguments; the result is named by --from"),
		RunE: func(*cobra.Command, []string) error { return runReport(g, o) },
	}
	output(cmd, &o.output, report.Names(report.Formats, formatName))
	standard(cmd, &o.standard)
	cmd.Flags().StringVar(&o.from, "from", "", "the saved result, or - for standard input")
	cmd.Flags().StringVar(&o.out, "out", "", "write to this file instead of standard output")
	cmd.Flags().StringVar(&o.color, "color", "auto", "colours: auto, always, never")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "text: also fixes as YAML, reasons of what passed, and notes")
	return cmd
}

func runReport(g *globals, o reportOptions) error {
	format, err := pick(report.Formats, formatName, o.output)
	if err != nil {
		return err
	}
	if o.out == "" {
		if err := g.fit(format); err != nil {
			return err
		}
	}
	color, err := g.color(o.color)
	if err != nil {
		return err
	}
	if o.from == "" {
		return hint(errors.New("no result given"), "name it with --from, or --from - for standard input")
	}
	in := io.NopCloser(g.stdin)
	if o.from != "-" {
		if in, err = os.Open(o.from); err != nil {
			return fmt.Errorf("--from: %w", err)
		}
	}
	defer in.Close()
	a, err := report.Read(in)
	if err != nil {
		return fmt.Errorf("%s: %w", o.from, err)
	}
	if err := viewed(a, o.standard); err != nil {
		return err
	}
	opt := report.Options{Color: color && (o.out == "" || o.color == "always"), Verbose: o.verbose}
	if o.out == "" {
		return format.Write(g.stdout, a, opt)
	}
	f, err := os.Create(o.out)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return errors.Join(format.Write(f, a, opt), f.Close())
}
