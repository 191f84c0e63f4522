package report

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// mostAnswers is how many questions of a requirement stand in text. JSON, tables and pages have all.
const mostAnswers = 4

// numbersOf is the requirements of a finding in the standard that was asked for, "" when there are none.
func numbersOf(a *pci.Assessment, f *pci.Finding) string {
	s := pci.PCI401
	if a.ByRequirement != nil {
		s = a.ByRequirement.Standard
	}
	list := s.Of(f)
	if len(list) == 0 {
		return ""
	}
	name := "PCI DSS "
	switch s {
	case pci.PCI321:
		name = "PCI DSS 3.2.1: "
	case pci.Containers2022:
		name = "containers "
	case pci.PCI401:
	}
	return name + strings.Join(list, ", ")
}

// byRequirement writes the view by requirement, when there is one.
func (p *printer) byRequirement(a *pci.Assessment) {
	v := a.ByRequirement
	if v == nil {
		return
	}
	p.line("")
	p.line("%s", p.bold("BY REQUIREMENT: "+line(v.Name)))
	p.para(2, "", standingNote)
	for i := range v.Requirements {
		r := &v.Requirements[i]
		p.line("")
		p.para(2, fmt.Sprintf("%-8s %-17s ", line(r.Number), line(r.Says())), r.Title)
		for _, c := range r.Checks {
			if c.Population.Of > 0 {
				p.para(11, fmt.Sprintf("%-8s %-14s  ", line(c.ID), line(string(c.Standing))), populationOf(c.Population))
			} else {
				p.line("           %-8s %s", line(c.ID), line(string(c.Standing)))
			}
		}
		p.answers("settle   ", r.Settle)
		p.answers("ask      ", r.Ask)
	}
}

func (p *printer) answers(label string, list []string) {
	for i, s := range list {
		if i == mostAnswers && len(list) > mostAnswers+1 {
			p.para(11, strings.Repeat(" ", len(label)), fmt.Sprintf("and %d more (-o json has all)", len(list)-i))
			return
		}
		p.para(11, label, s)
		label = strings.Repeat(" ", len(label))
	}
}

// mdByRequirement is the same as a table.
func mdByRequirement(b *bufio.Writer, a *pci.Assessment) {
	v := a.ByRequirement
	if v == nil {
		return
	}
	fmt.Fprintf(b, "\n### By requirement: %s\n\n%s\n\n| Requirement | | The evidence | Holds for | To be answered |\n|---|---|---|---|---|\n", md(v.Name), md(standingNote))
	for i := range v.Requirements {
		r := &v.Requirements[i]
		var holds []string
		for _, c := range r.Checks {
			if c.Population.Of > 0 {
				holds = append(holds, c.ID+": "+populationOf(c.Population))
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", md(r.Number), md(r.Title), md(r.Says()), mdCell(holds), mdCell(append(toSettle(r), r.Ask...)))
	}
}

// mdCell joins texts in one cell of a table.
func mdCell(list []string) string {
	out := make([]string, 0, len(list))
	for i, s := range list {
		if i == mostAnswers && len(list) > mostAnswers+1 {
			out = append(out, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		out = append(out, md(s))
	}
	return strings.Join(out, "<br>")
}
