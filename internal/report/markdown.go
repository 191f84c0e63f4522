package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var markdown = Format{Name: "markdown", Ext: ".md", Media: "text/markdown; charset=utf-8", Write: writeMarkdown}

// writeMarkdown is made for pull requests: a table of what needs attention, the reasons folded below it.
func writeMarkdown(w io.Writer, a *pci.Assessment, _ Options) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "## Network segmentation: %s\n\n", verdict(a))
	for _, f := range header(a) {
		if f.name == "" {
			fmt.Fprintf(b, "  - %s\n", md(f.value))
			continue
		}
		fmt.Fprintf(b, "- **%s**: %s\n", f.name, md(f.value))
	}
	for _, s := range []pci.Status{pci.Fail, pci.Unknown, pci.Error, pci.Manual} {
		mdSection(b, s, a)
	}
	for _, s := range []pci.Status{pci.Accepted, pci.NotApplicable, pci.Pass} {
		mdFolded(b, s, a.Findings)
	}
	mdKnown(b, a)
	mdByRequirement(b, a)
	var problems []string
	for _, q := range a.Problems {
		if q.Severity != object.Note {
			problems = append(problems, fmt.Sprintf("%s: %s", q.Severity, q))
		}
	}
	mdList(b, "Problems with the input", problems)
	mdList(b, "Not covered", gaps(a))
	return b.Flush()
}

// verdict is the one line a reviewer reads. It says what was shown, never that rules are met.
func verdict(a *pci.Assessment) string {
	fails, open := count(a, pci.Fail)+count(a, pci.Error), count(a, pci.Unknown)
	if b := a.Baseline; b != nil {
		return fmt.Sprintf("%s and %d changed since the baseline, %d known, %d gone", plural(b.New, "new finding"), b.Changed, b.Known, len(b.Gone))
	}
	switch {
	case fails > 0:
		return plural(fails, "finding") + " to fix"
	case open > 0:
		return "undecided on " + plural(open, "point")
	case count(a, pci.Manual) > 0:
		return "nothing failed; " + plural(count(a, pci.Manual), "point") + " to be checked by a person"
	}
	return "nothing failed"
}

func mdSection(b *bufio.Writer, s pci.Status, a *pci.Assessment) {
	var rows []pci.Finding
	for _, f := range fresh(a.Findings) {
		if f.Status == s {
			rows = append(rows, f)
		}
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n| Severity | Check | Subject | Finding | Where |\n|---|---|---|---|---|\n", md(heading(s)))
	for _, f := range rows {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", md(string(f.Severity)), md(f.Check), md(subject(f)), md(sinceOf(f)), md(f.Pos.String()))
	}
	b.WriteString("\n<details><summary>Reasons and fixes</summary>\n")
	for _, f := range rows {
		mdReasons(b, a, f)
	}
	b.WriteString("\n</details>\n")
}

func mdReasons(b *bufio.Writer, a *pci.Assessment, f pci.Finding) {
	fmt.Fprintf(b, "\n**%s** %s%s\n\n", md(f.Check), md(f.Message), mdRequirements(a, f))
	if w := witnessText(f.Witness); w != "" {
		fmt.Fprintf(b, "- packet: %s\n", md(w))
	}
	for _, t := range becauseTexts(f) {
		fmt.Fprintf(b, "- because: %s\n", md(t))
	}
	if f.Fix == nil {
		return
	}
	if f.Fix.Text != "" {
		fmt.Fprintf(b, "- fix: %s\n", md(f.Fix.Text))
	}
	if f.Fix.YAML != "" {
		lines := block(f.Fix.YAML)
		fence := "```"
		for strings.Contains(strings.Join(lines, "\n"), fence) {
			fence += "`"
		}
		fmt.Fprintf(b, "\n%syaml\n%s\n%s\n", fence, strings.Join(lines, "\n"), fence)
	}
}

func mdRequirements(a *pci.Assessment, f pci.Finding) string {
	if n := numbersOf(a, &f); n != "" {
		return md(" (" + n + ")")
	}
	return ""
}

func mdFolded(b *bufio.Writer, s pci.Status, findings []pci.Finding) {
	var items []string
	for _, f := range findings {
		if f.Status == s {
			t := f.Check + " " + f.Title
			if sub := subject(f); sub != "" {
				t += ", " + sub
			}
			items = append(items, t+": "+f.Message)
		}
	}
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "\n<details><summary>%s (%d)</summary>\n\n", md(heading(s)), len(items))
	for _, t := range items {
		fmt.Fprintf(b, "- %s\n", md(t))
	}
	b.WriteString("\n</details>\n")
}

func mdList(b *bufio.Writer, title string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n", title)
	for _, t := range items {
		fmt.Fprintf(b, "- %s\n", md(t))
	}
}

// md makes foreign text literal inside a paragraph or a table cell: no markup, no HTML, no links, no
// mentions of people and no references to issues.
func md(s string) string {
	s = line(s)
	s = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "|", "\\|", "\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_",
		"[", "\\[", "]", "\\]", "!", "\\!", "~", "\\~", "@", "&#64;", "://", "&#58;//", "#", "&#35;").Replace(s)
	if strings.HasPrefix(s, "- ") || strings.HasPrefix(s, "+ ") {
		s = "\\" + s
	}
	return s
}
