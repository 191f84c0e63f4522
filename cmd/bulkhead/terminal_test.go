package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

func TestColorIsForTerminals(t *testing.T) {
	for _, c := range []struct {
		choice, noColor, term string
		tty, want             bool
	}{
		{choice: "auto"},
		{choice: "auto", tty: true, want: true},
		{choice: "auto", tty: true, noColor: "1"},
		{choice: "auto", tty: true, term: "dumb"},
		{choice: "always", noColor: "1", want: true},
		{choice: "never", tty: true},
	} {
		env := map[string]string{"NO_COLOR": c.noColor, "TERM": c.term}
		g := &globals{outTTY: c.tty, env: func(k string) string { return env[k] }}
		if got, err := g.color(c.choice); got != c.want || err != nil {
			t.Errorf("%+v: got %v, %v", c, got, err)
		}
	}
	if _, err := (&globals{}).color("green"); err == nil {
		t.Error("--color green is taken")
	}
}

// Progress writes on a terminal only, does not flood it, and leaves no trace.
func TestProgress(t *testing.T) {
	silent := &progress{}
	silent.update(100<<20, 0, "x")
	silent.phase("x")
	silent.done()

	var b bytes.Buffer
	p := &progress{w: &b}
	p.done()
	if b.Len() > 0 {
		t.Errorf("wiped a line that was never written: %q", &b)
	}
	for n := int64(0); n <= 64<<20; n += 64 << 10 {
		p.update(n, 0, "a\x1b[31mb")
	}
	if n := strings.Count(b.String(), "reading"); n < 4 || n > 64 {
		t.Errorf("%d signs of life for 64 MiB", n)
	}
	if strings.Contains(b.String(), "\x1b[31m") {
		t.Error("a file name drives the terminal")
	}
	p.phase("computing")
	p.done()
	if !strings.HasSuffix(b.String(), "computing ...\r\x1b[K") {
		t.Errorf("the line is not wiped: %q", b.String()[b.Len()-20:])
	}
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err    error
		want   int
		stderr string
	}{
		{nil, exitHolds, ""},
		{answered(exitHolds), exitHolds, ""},
		{answered(exitFails), exitFails, ""},
		{fmt.Errorf("wrapped: %w", answered(exitUndecided)), exitUndecided, ""},
		{errors.New("no"), exitUsage, "bulkhead: no\n"},
		{fmt.Errorf("--to: %w", hint(errors.New("no\x1b[2J"), "try %s", "that")), exitUsage, "bulkhead: --to: no?[2J\nhint: try that\n"},
	} {
		var b bytes.Buffer
		if got := exitCode(&b, "bulkhead", c.err); got != c.want || b.String() != c.stderr {
			t.Errorf("%v: got %d %q, want %d %q", c.err, got, &b, c.want, c.stderr)
		}
	}
}

func TestPrintProblems(t *testing.T) {
	var b bytes.Buffer
	printProblems(&b, []object.Problem{
		{Severity: object.Error, Pos: object.Pos{File: "a.yaml", Line: 3}, Ref: object.Ref{Kind: "Pod", Namespace: "x", Name: "y"}, Msg: "two\nlines", Hint: "do it"},
		{Severity: object.Note, Msg: "hidden"},
		{Severity: object.Warning, Msg: "shown"},
	})
	if want := "error: a.yaml:3: Pod x/y: two lines\n  hint: do it\nwarning: shown\n"; b.String() != want {
		t.Errorf("got %q, want %q", &b, want)
	}
}
