package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var text = Format{Name: "text", Ext: ".txt", Media: "text/plain; charset=utf-8", Write: writeText}

func writeText(w io.Writer, a *pci.Assessment, opt Options) error {
	p := newPrinter(w, opt)
	p.header(a)
	p.numbers = func(f *pci.Finding) string { return numbersOf(a, f) }
	for _, s := range pci.Statuses() {
		switch s {
		case pci.Fail, pci.Unknown, pci.Error, pci.Manual:
			p.section(s, fresh(a.Findings))
		case pci.Accepted, pci.NotApplicable, pci.Pass:
			p.oneLiners(s, a.Findings)
		}
	}
	p.known(a)
	p.byRequirement(a)
	p.exceptions(a.Exceptions)
	p.problems(a.Problems)
	p.gaps(a)
	p.more(a)
	p.line("")
	p.line("%s", p.bold("Result: "+tally(a)))
	return p.w.Flush()
}

// width is where running text is broken. Paths, names and addresses are never broken.
const width = 100

// printer writes lines for a terminal. All foreign text goes through line first; errors stay in w.
type printer struct {
	w       *bufio.Writer
	opt     Options
	numbers func(*pci.Finding) string // of requirements
}

func newPrinter(w io.Writer, opt Options) *printer {
	return &printer{w: bufio.NewWriterSize(w, writeSize), opt: opt, numbers: func(*pci.Finding) string { return "" }}
}

// writeSize is how much is written at once: a listing may be gigabytes.
const writeSize = 64 << 10

func (p *printer) line(format string, args ...any) {
	fmt.Fprintf(p.w, format, args...)
	p.w.WriteByte('\n')
}

// para writes s, made safe, wrapped and indented; label stands in front of the first line.
func (p *printer) para(indent int, label, s string) {
	pad := strings.Repeat(" ", indent)
	for i, l := range wrap(line(s), width-indent-len(label)) {
		if i > 0 {
			label = strings.Repeat(" ", len(label))
		}
		p.line("%s%s%s", pad, label, l)
	}
}

func (p *printer) mark(code, s string) string {
	if !p.opt.Color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) bold(s string) string { return p.mark("1", s) }

func (p *printer) severity(s pci.Severity) string {
	padded := fmt.Sprintf("%-8s", line(string(s)))
	switch s {
	case pci.Critical, pci.High:
		return p.mark("1;31", padded)
	case pci.Medium:
		return p.mark("33", padded)
	case pci.Low, pci.Info:
		return padded
	}
	return padded
}

// section lists the findings of a status, those of one check and severity under one heading.
func (p *printer) section(s pci.Status, findings []pci.Finding) {
	var group []pci.Finding
	first := true
	for i, f := range findings {
		if f.Status != s {
			continue
		}
		if first {
			p.line("")
			p.line("%s", p.bold(heading(s)))
			first = false
		}
		group = append(group, f)
		if i+1 == len(findings) || findings[i+1].Status != s || findings[i+1].Check != f.Check || findings[i+1].Severity != f.Severity {
			p.group(group)
			group = nil
		}
	}
}

// group writes findings of one check. What they share, the population and the fix, is written once.
func (p *printer) group(findings []pci.Finding) {
	f := findings[0]
	holds, fix := f.Population, fixText(f)
	for _, g := range findings {
		if g.Population != holds {
			holds = pci.Population{}
		}
		if fixText(g) != fix {
			fix = ""
		}
	}
	p.line("")
	p.line("%s  %s  %s  %s", p.severity(f.Severity), p.bold(line(f.Check)), line(f.Title), p.requirements(&f))
	if holds.Of > 0 {
		p.para(2, "holds    ", "for "+populationOf(holds))
	}
	for _, g := range findings {
		p.finding(g, holds.Of > 0, fix != "" && len(findings) > 1)
	}
	if fix != "" && len(findings) > 1 {
		p.para(2, "fix      ", fix)
	}
}

func fixText(f pci.Finding) string {
	if f.Fix == nil {
		return ""
	}
	return f.Fix.Text
}

func (p *printer) requirements(f *pci.Finding) string {
	if n := p.numbers(f); n != "" {
		return line("[" + n + "]")
	}
	return ""
}

// finding writes one finding, without the population or the fix where its group has them.
func (p *printer) finding(f pci.Finding, sharedPopulation, sharedFix bool) {
	head := ""
	if s := subject(f); s != "" && !strings.Contains(f.Message, s) {
		head = s + ": "
	}
	p.para(2, "- ", head+sinceOf(f))
	if f.Pos.File != "" {
		p.para(4, "at       ", f.Pos.String())
	}
	if f.Population.Of > 0 && !sharedPopulation {
		p.para(4, "holds    ", "for "+populationOf(f.Population))
	}
	if w := witnessText(f.Witness); w != "" {
		p.para(4, "packet   ", w)
	}
	for i, b := range becauseTexts(f) {
		label := "because  "
		if i > 0 {
			label = "         "
		}
		p.para(4, label, b)
	}
	if f.Fix == nil {
		return
	}
	if f.Fix.Text != "" && !sharedFix {
		p.para(4, "fix      ", f.Fix.Text)
	}
	if f.Fix.YAML != "" && p.opt.Verbose {
		for _, l := range block(f.Fix.YAML) {
			p.line("             %s", l)
		}
	}
}

// more tells where the rest of what is known can be read.
func (p *printer) more(a *pci.Assessment) {
	for _, f := range a.Findings {
		if f.Status != pci.Pass && f.Status != pci.NotApplicable {
			p.line("")
			p.line("%q explains a check; -v shows fixes as YAML and the reasons of what passed.", "bulkhead checks "+line(f.Check))
			return
		}
	}
}

// oneLiners lists what asks for no action, one line each.
func (p *printer) oneLiners(s pci.Status, findings []pci.Finding) {
	first := true
	for _, f := range findings {
		if f.Status != s {
			continue
		}
		if first {
			p.line("")
			p.line("%s", p.bold(heading(s)))
			first = false
		}
		what := f.Title
		if sub := subject(f); sub != "" {
			what += ": " + sub
		}
		if s != pci.Pass || p.opt.Verbose {
			what += ": " + f.Message
		} else if f.Population.Of > 0 {
			what += " (" + populationOf(f.Population) + ")"
		}
		p.para(2, fmt.Sprintf("%-8s ", line(f.Check)), what)
	}
}

// exceptions lists what was declared, with what became of it.
func (p *printer) exceptions(list []pci.ExceptionResult) {
	for i, e := range list {
		if i == 0 {
			p.line("")
			p.line("%s", p.bold("EXCEPTIONS"))
		}
		text := fmt.Sprintf("%s for %s, until %s", e.Check, e.Subject, e.Expires)
		switch {
		case e.Fault != "":
			text += ": " + e.Fault
		case e.Findings > 0:
			text += ", " + plural(e.Findings, "finding")
		}
		p.para(2, fmt.Sprintf("%-9s %s  ", line(string(e.State)), line(e.ID)), text)
	}
}

func (p *printer) problems(problems []object.Problem) {
	first := true
	for _, q := range problems {
		if q.Severity == object.Note && !p.opt.Verbose {
			continue
		}
		if first {
			p.line("")
			p.line("%s", p.bold("PROBLEMS WITH THE INPUT"))
			first = false
		}
		p.para(2, "", fmt.Sprintf("%s: %s", q.Severity, q))
		if q.Hint != "" {
			p.para(4, "hint: ", q.Hint)
		}
	}
}

func (p *printer) gaps(a *pci.Assessment) {
	p.line("")
	p.line("%s", p.bold("NOT COVERED"))
	g := gaps(a)
	for _, s := range g {
		p.para(2, "- ", s)
	}
	if len(g) == 0 {
		p.line("  nothing is known to be missing")
	}
}
