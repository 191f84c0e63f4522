package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
)

const chainDoc = `Chain reads packages in order of time and says what held in all of them. Each package but the first must name
the one before it (evidence create --previous); where one does not, that is a gap. Between two packages nothing
was looked at: what is said holds at the times of the packages alone.

Exit codes: 0 the chain has no gap; 1 a link is broken; 2 unreadable input; 3 there is a gap.
`

func newEvidenceChain(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "chain DIR...", Short: "what held in every one of several packages", Long: chainDoc, Args: arguments(2, -1, "two packages or more"),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := evidence.ReadChain(args)
			if err != nil {
				return err
			}
			for _, l := range c.Links {
				fmt.Fprintf(g.stdout, "%s  %s  %s\n", harmless(l.Created), harmless(l.Dir), l.State)
			}
			fmt.Fprintf(g.stdout, "\nHeld in all %d packages: %s\n", len(c.Links), none(c.Held))
			for _, x := range c.Changed {
				fmt.Fprintf(g.stdout, "%s  %s\n", x.Check, strings.Join(x.Statuses, " -> "))
			}
			return answered(c.ExitCode())
		},
	}
}

func none(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, " ")
}
