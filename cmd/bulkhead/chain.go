package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
)

const chainDoc = `Chain reads packages in order of time and says what held in all of them. Each package but the first must name
the one before it (evidence create --previous); where one does not, or comes later than --every days, that is a
gap. Between two packages nothing was looked at: what is said holds at the times of the packages alone. Of each
package the results are compared with its manifest; "evidence verify" checks the rest.

Exit codes: 0 the chain has no gap; 1 a link is broken; 2 unreadable input; 3 there is a gap.
`

type chainOptions struct {
	every  int
	output string
}

func newEvidenceChain(g *globals) *cobra.Command {
	var o chainOptions
	cmd := &cobra.Command{
		Use: "chain DIR...", Short: "what held in every one of several packages", Long: chainDoc, Args: arguments(2, -1, "two packages or more"),
		RunE: func(_ *cobra.Command, args []string) error { return runChain(g, o, args) },
	}
	cmd.Flags().IntVar(&o.every, "every", 0, "days after which the next package is due; a later one is a gap")
	output(cmd, &o.output, []string{"text", "json"})
	return cmd
}

func runChain(g *globals, o chainOptions, dirs []string) error {
	if o.every < 0 {
		return fmt.Errorf("--every: %d days", o.every)
	}
	c, err := evidence.ReadChain(dirs, time.Duration(o.every)*24*time.Hour)
	if err != nil {
		return err
	}
	if o.output == "json" {
		enc := json.NewEncoder(g.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(c); err != nil {
			return err
		}
		return answered(c.ExitCode())
	}
	gaps := 0
	for _, l := range c.Links {
		why := ""
		if l.Why != "" {
			why = ": " + l.Why
		}
		if l.State == "gap" {
			gaps++
		}
		fmt.Fprintf(g.stdout, "%s  %s  %s%s\n", harmless(l.Created), harmless(l.Dir), l.State, harmless(why))
	}
	for _, n := range c.Notes {
		fmt.Fprintf(g.stdout, "note: %s\n", harmless(n))
	}
	switch {
	case c.ExitCode() == 1:
		fmt.Fprintf(g.stdout, "\nWhat held can not be said: a link is broken\n")
	case gaps > 0:
		fmt.Fprintf(g.stdout, "\nPassed in all %d packages, gaps between them: %d: %s\n", len(c.Links), gaps, none(c.Held))
	default:
		fmt.Fprintf(g.stdout, "\nHeld in all %d packages: %s\n", len(c.Links), none(c.Held))
	}
	for _, x := range c.Changed {
		fmt.Fprintf(g.stdout, "%s  %s\n", harmless(x.Check), harmless(strings.Join(x.Statuses, " -> ")))
	}
	return answered(c.ExitCode())
}

func none(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return harmless(strings.Join(list, " "))
}
