package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/handshake"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

const probeDoc = `Probe asks running systems what no manifest tells. It is the only command, with --probe-tls, that connects to what
is judged; everything else reads.

`

const probeTLSDoc = `Tls tries TLS 1.0 to 1.3 on each TARGET, version by version and cipher by cipher, and writes what it took as objects
(kind TLSHandshake) with the time, the address that answered and its certificates. Put the output among the input:
TLS-06, TLS-08 to TLS-10, TLS-12, TLS-13 and FLO-03 judge it. assess --probe-tls does both in one step, for what the
input exposes.

A TARGET is host and port, with the name to ask for before it when that is another. Nothing is sent after the first
messages of a handshake, and no redirect is followed; logs of the servers show handshakes that were broken off. At
most 256 targets are tried, eight at a time with one connection each. SSL, and ciphers with DHE, without encryption
or for export, are not tried: what takes nothing else is undecided.

Examples:
  bulkhead probe tls shop.example.com:443 10.0.0.1:6443 > handshakes.yaml
  bulkhead probe tls shop.example.com@203.0.113.9:443

`

func newProbe(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use: "probe", Short: "try what ports speak", Long: probeDoc, Args: arguments(0, 0, "one of tls"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var timeout time.Duration
	try := &cobra.Command{
		Use: "tls TARGET...", Short: "try TLS on ports", Long: probeTLSDoc, Args: arguments(1, -1, "at least one host and port"),
		RunE: func(cmd *cobra.Command, args []string) error { return runProbeTLS(cmd.Context(), g, timeout, args) },
	}
	try.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "for each connection with its handshake, at most a minute")
	cmd.AddCommand(try)
	return cmd
}

func runProbeTLS(ctx context.Context, g *globals, timeout time.Duration, args []string) error {
	if timeout <= 0 || timeout > handshake.MaxTimeout {
		return hint(fmt.Errorf("--timeout %s", timeout), "want more than nothing and at most %s", handshake.MaxTimeout)
	}
	var targets []handshake.Target
	for _, a := range args {
		t, ok := handshake.Named(a)
		if !ok {
			return hint(fmt.Errorf("%q is no target", a), "write host:port or name@host:port, such as shop.example.com:443 or shop.example.com@10.0.0.9:443")
		}
		if !slices.Contains(targets, t) {
			targets = append(targets, t)
		}
	}
	if _, left := handshake.Cut(targets); left > 0 {
		return fmt.Errorf("%d targets: want at most %d", len(targets), handshake.MaxTargets)
	}
	now, err := clock()
	if err != nil {
		return err
	}
	dial := g.dial
	if dial == nil {
		dial = handshake.Anywhere // a person named it
	}
	results := handshake.All(ctx, targets, handshake.Options{Dial: dial, Timeout: timeout, Time: now})
	if ctx.Err() != nil {
		return errors.New("stopped before all targets were tried")
	}
	for _, r := range results {
		fmt.Fprintf(g.stderr, "%s: %s\n", r.Address, harmless(r.Says()))
	}
	text, err := handshake.YAML(results)
	if err != nil {
		return err
	}
	_, err = g.stdout.Write(text)
	return err
}

// probe adds to the input what the ports that it exposes answer. A newer answer takes the place of an older one.
func (g *globals) probe(ctx context.Context, loaded *load.Result, o *sourceOptions, p *progress) error {
	p.phase("trying TLS")
	now, err := clock()
	if err != nil {
		return err
	}
	opt, err := o.facts()
	if err != nil {
		return err
	}
	c, _ := cluster.New(loaded.Objects, opt)
	targets, left := handshake.Cut(handshake.Targets(c, exposure.Find(c)))
	results := handshake.All(ctx, targets, handshake.Options{Dial: g.dial, Time: now})
	if ctx.Err() != nil {
		return errors.New("stopped before all targets were tried")
	}
	objects, err := handshake.Objects(results)
	if err != nil {
		return err
	}
	loaded.Objects = slices.DeleteFunc(slices.Clone(loaded.Objects), func(old *object.Object) bool {
		return slices.ContainsFunc(objects, func(o *object.Object) bool { return o.Ref == old.Ref })
	})
	loaded.Objects = append(loaded.Objects, objects...)
	add := func(msg, why string) {
		loaded.Problems = append(loaded.Problems, object.Problem{Severity: object.Warning, Pos: object.Pos{File: "handshakes"}, Msg: msg, Hint: why})
	}
	if left > 0 {
		add(fmt.Sprintf("%d targets were not tried: one run tries %d", left, handshake.MaxTargets), "bulkhead probe tls tries those that are named")
	}
	if len(targets) == 0 {
		add("nothing in the input says what could be dialed", "bulkhead probe tls tries what is named")
	}
	slices.SortStableFunc(loaded.Problems, func(a, b object.Problem) int { return cmp.Or(a.Pos.Compare(b.Pos)) })
	return nil
}
