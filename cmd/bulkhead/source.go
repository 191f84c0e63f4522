package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

// sourceOptions are the flags of every command that reads a SOURCE.
type sourceOptions struct {
	namespace  string
	all        bool
	enforcer   string
	podCIDRs   []string
	svcCIDRs   []string
	nodeCIDRs  []string
	scopeLabel string
	values     []string
	set        []string
	live       bool
	kubeconfig string
	context    string
	color      string
	noProgress bool
	history    string // only of commands that judge
	probeTLS   bool   // only of commands that take a new look
	today      string // the day, of commands that judge, instead of the clock's, 2026-01-31
}

func (o *sourceOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.namespace, "namespace", "n", "", "namespace of objects and names that state none; with --cluster the only one that is read")
	f.BoolVarP(&o.all, "all-namespaces", "A", false, "look at all namespaces (the default)")
	f.StringVar(&o.enforcer, "enforcer", "", "what enforces policies, instead of what the input shows: "+strings.Join(enforcer.Names(), ", "))
	f.StringSliceVar(&o.podCIDRs, "pod-cidr", nil, "where pods get addresses from")
	f.StringSliceVar(&o.svcCIDRs, "service-cidr", nil, "where Services get addresses from")
	f.StringSliceVar(&o.nodeCIDRs, "node-cidr", nil, "where nodes have their addresses; they have none outside")
	f.StringVar(&o.scopeLabel, "scope-label", "", "label of pods or namespaces that is their scope class (KEY), or that marks the CDE (KEY=VALUE)")
	f.StringSliceVar(&o.values, "values", nil, "values files for Helm charts")
	f.StringArrayVar(&o.set, "set", nil, "values for Helm charts, as in helm --set")
	f.BoolVar(&o.live, "cluster", false, "read the live cluster")
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file for --cluster")
	f.StringVar(&o.context, "context", "", "kubeconfig context for --cluster")
	f.StringVar(&o.color, "color", "auto", "colours: auto, always, never")
	f.BoolVar(&o.noProgress, "no-progress", false, "show no progress, not even on a terminal")
	cmd.MarkFlagsMutuallyExclusive("namespace", "all-namespaces")
	_ = cmd.RegisterFlagCompletionFunc("enforcer", cobra.FixedCompletions(enforcer.Names(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
}

// judging are the flags of commands that run the checks.
func (o *sourceOptions) judging(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.history, "history", "", "folder of earlier evidence packages, which OPS checks judge")
}

// probing is the flag of commands that may dial what the input names.
func (o *sourceOptions) probing(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.probeTLS, "probe-tls", false, "connect to what the input exposes, and try which versions of TLS it takes")
}

// day is the flag of commands whose answer depends on the day.
func (o *sourceOptions) day(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.today, "today", "", "the day to judge by, 2026-01-31, instead of that of the clock")
}

// check refuses what contradicts itself before anything is read.
func (o *sourceOptions) check(sources []string) error {
	switch {
	case len(sources) == 0 && !o.live:
		return hint(fmt.Errorf("no SOURCE given"), "name a file, a folder or - for standard input, or read the live cluster with --cluster")
	case !o.live && (o.kubeconfig != "" || o.context != ""):
		return hint(fmt.Errorf("--kubeconfig and --context need --cluster"), "without --cluster nothing is asked")
	}
	if o.today != "" {
		if _, err := time.Parse(time.DateOnly, o.today); err != nil {
			return hint(fmt.Errorf("--today: %q is no day", o.today), "write it as 2026-01-31")
		}
	}
	if o.enforcer != "" {
		if _, err := enforcer.Named(o.enforcer); err != nil {
			return fmt.Errorf("--enforcer: %w", err)
		}
	}
	return nil
}

// cidrs reads a repeated address flag.
func cidrs(flag string, list []string) (netset.Addrs, error) {
	if len(list) == 0 {
		return netset.Addrs{}, nil
	}
	a, err := netset.ParseAddrs(strings.Join(list, ","))
	if err != nil {
		return a, fmt.Errorf("--%s: %w", flag, err)
	}
	return a, nil
}
