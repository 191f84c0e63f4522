package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/checks"
)

const checksDoc = `Checks lists what assess checks. With an ID it prints the documentation of one check: why it matters, what
evidence it gives, how to fix a finding, and the requirements it speaks to.

Examples:
  bulkhead checks
  bulkhead checks DEN-01
`

func newChecks(g *globals) *cobra.Command {
	var format, numbers string
	cmd := &cobra.Command{
		Use: "checks [ID]", Short: "print the catalogue of checks, or the documentation of one", Long: checksDoc,
		Args: arguments(0, 1, "at most one ID"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var ids []string
			for _, c := range checks.All {
				ids = append(ids, c.ID+"\t"+c.Title)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return runChecks(g, format, numbers, args) },
	}
	output(cmd, &format, []string{"text", "json"})
	standard(cmd, &numbers)
	cmd.Flags().Lookup("standard").Usage = strings.Replace(cmd.Flags().Lookup("standard").Usage, "add the view by requirement, in the numbers", "list requirements in the numbers", 1)
	return cmd
}

func runChecks(g *globals, format, numbers string, args []string) error {
	s := pci.PCI401
	if numbers != "" {
		var err error
		if s, err = pci.ParseStandard(numbers); err != nil {
			return fmt.Errorf("--standard: %w", err)
		}
	}
	list := checks.All
	if len(args) == 1 {
		list = nil
		for _, c := range checks.All {
			if strings.EqualFold(c.ID, args[0]) {
				list = append(list, c)
			}
		}
		if len(list) == 0 {
			return hint(fmt.Errorf("no check %q", args[0]), "%s checks lists them", g.name())
		}
	}
	switch format {
	case "json":
		return checksJSON(g, list)
	case "text":
	default:
		return hint(fmt.Errorf("no output format %q", format), "want text, json")
	}
	if len(args) == 1 {
		return checkDoc(g, list[0])
	}
	for _, c := range list {
		if _, err := fmt.Fprintf(g.stdout, "%-7s %-9s %-62s %s\n", c.ID, c.Severity, c.Title, strings.Join(s.Of(&pci.Finding{Requirements: c.Requirements, Requirements321: pci.Old(c.Requirements), Guidance: c.Guidance}), " ")); err != nil {
			return err
		}
	}
	return nil
}

func checkDoc(g *globals, c pci.Check) error {
	scope := ""
	if c.NeedsScope {
		scope = "Needs a scope: a Segmentation in the input, or --scope-label.\n"
	}
	_, err := fmt.Fprintf(g.stdout, "%s  %s\n\nSeverity      %s\nSince         %s\nPCI DSS 4.0.1 %s\nPCI DSS 3.2.1 %s\nContainers    %s\n%s\nWhy it matters\n%s\nEvidence\n%s\nHow to fix\n%s",
		c.ID, c.Title, c.Severity, c.Since, listed(c.Requirements), listed(pci.Old(c.Requirements)), listed(c.Guidance), scope,
		paragraph(c.Why), paragraph(c.Evidence), paragraph(c.Fix))
	return err
}

func listed(s []string) string {
	if len(s) == 0 {
		return "-"
	}
	return strings.Join(s, ", ")
}

// paragraph wraps and indents documentation; empty lines part paragraphs.
func paragraph(s string) string {
	var b strings.Builder
	for para := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		col := 0
		for w := range strings.FieldsSeq(para) {
			switch {
			case col == 0:
				b.WriteString("  ")
				col = 2
			case col+1+len(w) > 100:
				b.WriteString("\n  ")
				col = 2
			default:
				b.WriteByte(' ')
				col++
			}
			b.WriteString(w)
			col += len(w)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// checkRecord is a check in JSON: bulkhead.dev/checks/v1, add-only.
type checkRecord struct {
	ID              string       `json:"id"`
	Title           string       `json:"title"`
	Severity        pci.Severity `json:"severity"`
	Since           string       `json:"since"`
	Requirements    []string     `json:"requirements"`
	Requirements321 []string     `json:"requirements321"`
	Guidance        []string     `json:"guidance"`
	NeedsScope      bool         `json:"needsScope"`
	Why             string       `json:"why"`
	Evidence        string       `json:"evidence"`
	Fix             string       `json:"fix"`
}

func checksJSON(g *globals, list []pci.Check) error {
	out := struct {
		Protocol string        `json:"protocol"`
		Checks   []checkRecord `json:"checks"`
	}{"bulkhead.dev/checks/v1", []checkRecord{}}
	for _, c := range list {
		out.Checks = append(out.Checks, checkRecord{
			c.ID, c.Title, c.Severity, c.Since, append([]string{}, c.Requirements...),
			append([]string{}, pci.Old(c.Requirements)...), append([]string{}, c.Guidance...), c.NeedsScope, c.Why, c.Evidence, c.Fix,
		})
	}
	enc := json.NewEncoder(g.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
