package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// The exit codes of every command. Scripts rely on them; they never change.
const (
	exitHolds     = 0 // everything asked for holds
	exitFails     = 1 // something is proved not to hold
	exitUsage     = 2 // wrong usage or unreadable input
	exitUndecided = 3 // undecided
)

// exitHelp is their documentation in the help of every command.
var exitHelp = fmt.Sprintf(`Exit codes:
  %d  everything asked for holds
  %d  something is proved not to hold
  %d  wrong usage or unreadable input
  %d  undecided: the input does not tell enough
`, exitHolds, exitFails, exitUsage, exitUndecided)

// exitError ends the program with a code after the answer was printed; it has no message of its own.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// answered turns the code of an answer into the error that carries it, nil for exitHolds.
func answered(code int) error {
	if code == exitHolds {
		return nil
	}
	return exitError(code)
}

// lost tells whether part of the input was lost or not understood. What was lost may hold the policy that
// decides, so an answer without it is not a proof.
func lost(problems []object.Problem) bool {
	return slices.ContainsFunc(problems, func(p object.Problem) bool { return p.Severity == object.Error })
}

// hinted is an error with advice, which is printed on a line of its own.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func hint(err error, format string, args ...any) error {
	return hinted{err, fmt.Sprintf(format, args...)}
}

// exitCode prints err, if it says something, and gives the code for it.
func exitCode(stderr io.Writer, prog string, err error) int {
	var code exitError
	switch {
	case err == nil:
		return exitHolds
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(stderr, "%s: %v\n", prog, printable(err.Error()))
	if h, ok := errors.AsType[hinted](err); ok {
		fmt.Fprintf(stderr, "hint: %s\n", printable(h.hint))
	}
	return exitUsage
}
