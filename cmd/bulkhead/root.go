package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/handshake"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

const rootDoc = `bulkhead proves the network segmentation of Kubernetes clusters that handle card data. It reads
manifests, Helm charts, kustomizations, kubectl output or a live cluster, and answers from one exact
model: what is allowed for sure, what is denied for sure, and what is undecided and why.

SOURCE is any mix of manifest files and folders, "-" for standard input, a kustomization, a Helm chart,
the output of "kubectl get ... -A -o yaml", or a saved snapshot; --cluster reads the live cluster.

What bulkhead prints supports an assessment; the judgement is the assessor's.

` // followed by the exit codes

// globals is what every command gets from outside, so that tests need no process.
type globals struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
	outTTY, errTTY bool // stdout, stderr is a terminal
	version        string
	dial           handshake.Dialer // nil: the network
	progName       string           // as called; "kubectl-bulkhead" changes the help
}

// name is how the user calls the program.
func (g *globals) name() string {
	base := strings.TrimSuffix(filepath.Base(g.progName), ".exe")
	if base == "kubectl-bulkhead" {
		return "kubectl bulkhead"
	}
	return "bulkhead"
}

// run is the whole program.
func run(ctx context.Context, g *globals, args []string) int {
	root := newRoot(g)
	root.SetArgs(args)
	return exitCode(g.stderr, g.name(), root.ExecuteContext(ctx))
}

func newRoot(g *globals) *cobra.Command {
	root := &cobra.Command{
		Use: "bulkhead", Short: "prove the network segmentation of Kubernetes clusters",
		Long:          rootDoc + exitHelp,
		SilenceErrors: true, SilenceUsage: true, SuggestionsMinimumDistance: 2,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: g.name()},
		Args:        cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return hint(fmt.Errorf("no command %q", args[0]), "%s --help lists the commands%s", g.name(), suggestions(cmd, args[0]))
			}
			return cmd.Help()
		},
	}
	root.SetIn(g.stdin)
	root.SetOut(g.stdout)
	root.SetErr(g.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint(err, "%s --help lists the flags", cmd.CommandPath())
	})
	cobra.EnableCommandSorting = false
	root.AddCommand(newAssess(g), newList(g), newWhy(g), newScope(g), newDiff(g), newMap(g), newInit(g), newSchema(g), newSnapshot(g), newProbe(g), newEvidence(g), newReview(g), newReport(g), newChecks(g), newVersion(g))
	return root
}

func suggestions(cmd *cobra.Command, arg string) string {
	if s := cmd.SuggestionsFor(arg); len(s) > 0 {
		return "; did you mean " + strings.Join(s, " or ") + "?"
	}
	return ""
}

// output adds -o with its choices.
func output(cmd *cobra.Command, into *string, names []string) {
	cmd.Flags().StringVarP(into, "output", "o", names[0], "output format: "+strings.Join(names, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// pick finds a format by name.
func pick[T any](formats []T, name func(T) string, want string) (T, error) {
	for _, f := range formats {
		if name(f) == want {
			return f, nil
		}
	}
	var none T
	return none, hint(fmt.Errorf("no output format %q", want), "want %s", strings.Join(report.Names(formats, name), ", "))
}

// arguments checks their number and says what is wanted.
func arguments(least, most int, want string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || (most >= 0 && len(args) > most) {
			return hint(fmt.Errorf("%s: want %s", cmd.CommandPath(), want), "%s", cmd.UseLine())
		}
		return nil
	}
}
