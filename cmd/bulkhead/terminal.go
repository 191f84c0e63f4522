package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

// color tells whether to mark up stdout.
func (g *globals) color(choice string) (bool, error) {
	switch choice {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		return g.outTTY && g.env("NO_COLOR") == "" && g.env("TERM") != "dumb", nil
	}
	return false, hint(fmt.Errorf("--color %q", choice), "want auto, always or never")
}

// fit refuses to write to a terminal what is no text.
func (g *globals) fit(f report.Format) error {
	if f.Binary && g.outTTY {
		return hint(fmt.Errorf("%s is not for a terminal", f.Name), "write it to a file: > report%s", f.Ext)
	}
	return nil
}

// printable makes foreign text harmless for a terminal, keeping line ends.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			return '?'
		}
		return r
	}, s)
}

// printProblems tells what is wrong with the input, one problem a line, hints below. Notes are left out.
func printProblems(w io.Writer, problems []object.Problem) {
	for _, p := range problems {
		if p.Severity == object.Note {
			continue
		}
		fmt.Fprintf(w, "%s: %s\n", p.Severity, printable(strings.ReplaceAll(p.String(), "\n", " ")))
		if p.Hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", printable(p.Hint))
		}
	}
}

// progress shows how far long work is, on a terminal only, on one line that is wiped at the end.
type progress struct {
	w     io.Writer // nil: show nothing
	last  int64
	shown bool
}

// progressStep is how many bytes pass between two signs of life.
const progressStep = 4 << 20

func (p *progress) update(done, _ int64, what string) {
	if p.w == nil || (done >= p.last && done-p.last < progressStep) {
		return
	}
	p.last, p.shown = done, true
	fmt.Fprintf(p.w, "\r\x1b[Kreading %s: %d MiB", printable(what), done>>20)
}

func (p *progress) phase(what string) {
	if p.w != nil {
		p.shown = true
		fmt.Fprintf(p.w, "\r\x1b[K%s ...", what)
	}
}

func (p *progress) done() {
	if p.shown {
		fmt.Fprintf(p.w, "\r\x1b[K")
	}
}
