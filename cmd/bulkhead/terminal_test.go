package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/report"
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

// What is no text goes to files and pipes, not to terminals.
func TestBinaryFormatsAreNotForTerminals(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1772323200") // reviews that the example declares are due later
	dir := t.TempDir()
	saved := filepath.Join(dir, "saved.json")
	program := func(tty bool, args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		g := &globals{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: func(string) string { return "" }, outTTY: tty, version: "v0.0.0-test", progName: "bulkhead"}
		code := run(t.Context(), g, args)
		return code, out.String(), errs.String()
	}
	_, record, _ := program(false, "assess", "-o", "json", "../../examples/card-shop/5-works")
	if err := os.WriteFile(saved, []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Formats {
		for _, args := range [][]string{{"assess", "-o", f.Name, "../../examples/card-shop/5-works"}, {"report", "--from", saved, "-o", f.Name}} {
			code, out, errs := program(true, args...)
			if f.Binary != (code == exitUsage) || f.Binary != (out == "") || f.Binary != strings.Contains(errs, "> report"+f.Ext) {
				t.Errorf("%v on a terminal: code %d, %d bytes, %q", args, code, len(out), errs)
			}
			if code, out, _ := program(false, args...); code != exitHolds || out == "" {
				t.Errorf("%v: code %d, %d bytes", args, code, len(out))
			}
		}
		out := filepath.Join(dir, "out"+f.Ext)
		if code, _, errs := program(true, "report", "--from", saved, "-o", f.Name, "--out", out); code != exitHolds {
			t.Errorf("report -o %s --out: code %d, %s", f.Name, code, errs)
		}
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
