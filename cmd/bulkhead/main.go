// Command bulkhead is the command line of bulkhead: it proves, explains and compares the network segmentation
// of Kubernetes clusters that handle card data. The same program is the kubectl plugin "kubectl bulkhead".
//
// stdout is the answer, stderr everything else. Exit codes are listed in exit.go.
package main

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/term"
)

func main() { os.Exit(mainCode(buildVersion())) }

// mainCode is main without the exit, so that deferred calls run.
func mainCode(version string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	g := &globals{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		env:      os.Getenv,
		outTTY:   term.IsTerminal(int(os.Stdout.Fd())),
		errTTY:   term.IsTerminal(int(os.Stderr.Fd())),
		version:  version,
		progName: os.Args[0],
	}
	return run(ctx, g, os.Args[1:])
}
