package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
)

const verifyDoc = `Verify checks a package, with nothing but the folder and the public key.

A package of another version of bulkhead is evaluated by this one: every verdict that differs is told, and that the
rest can not be confirmed byte for byte. With --tsa-ca the timestamp is checked, too, against the certificates of
the time-stamping authority.

Exit codes: 0 everything holds; 1 something does not, and the file is named; 2 this is no package; 3 everything
that was checked holds, but not all could be checked (no key was given, the package is not signed, or another
version made it).
`

func newEvidenceVerify(g *globals) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use: "verify --key PUBLIC DIR", Short: "check a package", Long: verifyDoc, Args: arguments(1, 1, "one package"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := g.verify(cmd.Context(), args[0], &o)
			if err != nil {
				return err
			}
			return printReport(g.stdout, args[0], r, o.output)
		},
	}
	cmd.Flags().StringVar(&o.key, "key", "", "public key or certificate (PEM)")
	cmd.Flags().StringVar(&o.tsa, "tsa-ca", "", "certificates of the time-stamping authority or its roots (PEM)")
	output(cmd, &o.output, []string{"text", "json"})
	return cmd
}

type verifyOptions struct{ key, tsa, output string }

func (g *globals) verify(ctx context.Context, dir string, o *verifyOptions) (*evidence.Report, error) {
	var trust evidence.Trust
	var err error
	if o.key != "" {
		if trust.Key, err = readKey(o.key, evidence.ReadPublic); err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
	}
	if o.tsa != "" {
		if trust.TSA, err = readKey(o.tsa, evidence.ReadRoots); err != nil {
			return nil, fmt.Errorf("--tsa-ca: %w", err)
		}
	}
	return evidence.Verify(ctx, dir, trust, g.tool(), func(snapshot []byte, m *evidence.Manifest) ([]evidence.File, error) {
		files, _, err := g.derive(ctx, snapshot, m)
		return files, err
	})
}

func printReport(w io.Writer, dir string, r *evidence.Report, format string) error {
	if format == "json" {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return err
		}
		return answered(reportCode(r))
	}
	m := r.Manifest
	fmt.Fprintf(w, "Package   %s, made %s by %s %s\n", harmless(dir), harmless(m.Created), harmless(m.Tool.Name), harmless(m.Tool.Version))
	if m.Subject != "" {
		fmt.Fprintf(w, "Subject   %s\n", harmless(m.Subject))
	}
	signed := "no"
	if r.Signed {
		signed = "yes, by the key given"
	}
	fmt.Fprintf(w, "Signed    %s\nFiles     %d compared, %d computed again\n", signed, r.Files, r.Derived)
	if t := r.Timestamp; t != nil {
		fmt.Fprintf(w, "Stamped   %s, of %s, by %s\n", harmless(t.Time), harmless(t.Of), harmless(t.Authority))
	}
	if r.Version != nil {
		for _, d := range r.Version.Verdicts {
			fmt.Fprintf(w, "DIFFERENT  %s\n", harmless(d))
		}
	}
	for _, u := range r.Unchecked {
		fmt.Fprintf(w, "NOT CHECKED  %s\n", harmless(u))
	}
	for _, f := range r.Faults {
		fmt.Fprintf(w, "FAULT  %s: %s\n", harmless(f.Path), harmless(f.Msg))
	}
	switch {
	case len(r.Faults) > 0:
		fmt.Fprintf(w, "Result    %d faults: do not rely on this package\n", len(r.Faults))
	case r.Version != nil && len(r.Version.Verdicts) > 0:
		fmt.Fprintf(w, "Result    this version comes to other verdicts: have %s check it, too\n", harmless(r.Version.Made.Name+" "+r.Version.Made.Version))
	case len(r.Unchecked) > 0:
		fmt.Fprintf(w, "Result    what was checked holds\n")
	default:
		fmt.Fprintf(w, "Result    everything holds\n")
	}
	return answered(reportCode(r))
}

func reportCode(r *evidence.Report) int {
	switch {
	case len(r.Faults) > 0:
		return 1
	case len(r.Unchecked) > 0:
		return 3
	}
	return 0
}
