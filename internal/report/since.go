package report

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// sinceText is the comparison with a baseline in one line, "" without one.
func sinceText(a *pci.Assessment) string {
	b := a.Baseline
	if b == nil {
		return ""
	}
	s := fmt.Sprintf("%d new, %d changed, %d known, %d gone; compared with %s", b.New, b.Changed, b.Known, len(b.Gone), b.Source)
	if was := strings.TrimSpace(b.Tool.Name + " " + b.Tool.Version); was != strings.TrimSpace(a.Tool.Name+" "+a.Tool.Version) {
		s += " of " + was
	}
	if len(b.NewChecks) > 0 {
		s += "; checks that did not run then: " + strings.Join(b.NewChecks, ", ")
	}
	return s
}

// sinceOf is a finding's message with what it is against the baseline.
func sinceOf(f pci.Finding) string {
	switch f.Since {
	case pci.Changed:
		return f.Message + " (changed; it was: " + f.Was + ")"
	case pci.Known:
		return f.Message + " (known)"
	case pci.New:
	}
	return f.Message
}

// fresh is the findings that are not known from the baseline; all of them without one.
func fresh(findings []pci.Finding) []pci.Finding {
	out := make([]pci.Finding, 0, len(findings))
	for _, f := range findings {
		if f.Since != pci.Known {
			out = append(out, f)
		}
	}
	return out
}

// known lists what was found then already, and what is gone, a line each.
func (p *printer) known(a *pci.Assessment) {
	if a.Baseline == nil {
		return
	}
	first := true
	for _, f := range a.Findings {
		if f.Since != pci.Known {
			continue
		}
		if first {
			p.line("")
			p.line("%s", p.bold("KNOWN FROM THE BASELINE"))
			first = false
		}
		p.para(2, fmt.Sprintf("%-8s %-8s ", line(f.Check), line(string(f.Status))), aboutSubject(subject(f), f.Message))
	}
	for i, g := range a.Baseline.Gone {
		if i == 0 {
			p.line("")
			p.line("%s", p.bold("GONE SINCE THE BASELINE"))
		}
		p.para(2, fmt.Sprintf("%-8s %-8s ", line(g.Check), line(string(g.Status))), goneText(g))
	}
}

func goneText(g pci.Gone) string {
	s := aboutSubject(g.Subject, g.Message)
	if g.Now != "" {
		s += " (now " + string(g.Now) + ")"
	}
	return s
}

// aboutSubject puts the subject in front of a message that does not name it.
func aboutSubject(subject, msg string) string {
	if subject == "" || strings.Contains(msg, subject) {
		return msg
	}
	return subject + ": " + msg
}

// mdKnown is the same, folded.
func mdKnown(b *bufio.Writer, a *pci.Assessment) {
	if a.Baseline == nil {
		return
	}
	var was, gone []string
	for _, f := range a.Findings {
		if f.Since == pci.Known {
			was = append(was, fmt.Sprintf("%s %s: %s", f.Check, f.Status, aboutSubject(subject(f), f.Message)))
		}
	}
	for _, g := range a.Baseline.Gone {
		gone = append(gone, fmt.Sprintf("%s %s: %s", g.Check, g.Status, goneText(g)))
	}
	for _, part := range []struct {
		title string
		list  []string
	}{{"Known from the baseline", was}, {"Gone since the baseline", gone}} {
		if len(part.list) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n<details><summary>%s (%d)</summary>\n\n", part.title, len(part.list))
		for _, t := range part.list {
			fmt.Fprintf(b, "- %s\n", md(t))
		}
		b.WriteString("\n</details>\n")
	}
}
