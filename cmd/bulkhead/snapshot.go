package main

import (
	"bytes"
	"context"

	"github.com/spf13/cobra"

	"github.com/bulkhead-sec/bulkhead/internal/load"
)

const snapshotDoc = `Snapshot writes everything that was read as one JSON file, with the place each object stood at and what could
not be read. Every command takes it as SOURCE and gives the same answers. Contents of Secrets are left out.

Examples:
  bulkhead snapshot --cluster > snapshot.json
  bulkhead assess snapshot.json

`

func newSnapshot(g *globals) *cobra.Command {
	var o sourceOptions
	cmd := &cobra.Command{
		Use: "snapshot SOURCE...", Short: "save the input as one file", Long: snapshotDoc + exitHelp,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runSnapshot(cmd.Context(), g, &o, args) },
	}
	o.flags(cmd)
	o.probing(cmd)
	return cmd
}

func runSnapshot(ctx context.Context, g *globals, o *sourceOptions, sources []string) error {
	p := &progress{}
	if g.errTTY && !o.noProgress {
		p.w = g.stderr
	}
	defer p.done()
	loaded, err := g.read(ctx, sources, o, p)
	if err != nil {
		return err
	}
	printProblems(g.stderr, loaded.Problems)
	return load.WriteSnapshot(g.stdout, loaded)
}

// snapshotOf is the snapshot of what was read, in memory.
func snapshotOf(loaded *load.Result) ([]byte, error) {
	var b bytes.Buffer
	err := load.WriteSnapshot(&b, loaded)
	return b.Bytes(), err
}
