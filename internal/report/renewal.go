package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// RenewalFormat is one way to write a review.
type RenewalFormat struct {
	Name  string
	Write func(io.Writer, *pci.Renewal, Options) error
}

// RenewalFormats is all of them; the first is the default.
var RenewalFormats = []RenewalFormat{
	{"text", renewalText},
	{"json", func(w io.Writer, r *pci.Renewal, _ Options) error { return encode(w, r) }},
	{"markdown", renewalMarkdown},
	{"csv", renewalCSV},
}

func sectionTitle(s pci.Section) string {
	switch s {
	case pci.DueItems:
		return "Due"
	case pci.Allows:
		return "Connections"
	case pci.WaysIn:
		return "Ways in from outside"
	case pci.Register:
		return "What is declared"
	case pci.Controls:
		return "Objects that decide"
	}
	return string(s)
}

// sinceLine is what a review compares with.
func sinceLine(r *pci.Renewal) string {
	s := r.Since.Source
	if r.Since.Made != "" {
		s += ", made " + r.Since.Made
	}
	return s
}

// renewalTally is the counts in a line: "3 to act on; 2 due, 5 connections, ...".
func renewalTally(r *pci.Renewal) string {
	act := 0
	for _, i := range r.Items {
		if i.Act {
			act++
		}
	}
	parts := []string{}
	for _, s := range pci.Sections() {
		n := 0
		for _, i := range r.Items {
			if i.Section == s {
				n++
			}
		}
		parts = append(parts, fmt.Sprintf("%s %d", strings.ToLower(sectionTitle(s)), n))
	}
	return fmt.Sprintf("%d to act on; %s", act, strings.Join(parts, ", "))
}

// itemText is an item behind its state.
func itemText(i pci.RenewalItem) string {
	s := i.What
	switch {
	case i.Now != "" && i.Before != "":
		s += "  now " + i.Now + "; before " + i.Before
	case i.Now != "":
		s += "  " + i.Now
	case i.Before != "":
		s += "  " + i.Before
	}
	if i.Day != "" {
		s += ", " + i.Day
	}
	if i.Need != "" {
		s += ", declared by " + i.Need
	}
	if i.Owner != "" {
		s += " (" + i.Owner + ")"
	}
	if i.Act && (i.Section == pci.Allows || i.Section == pci.WaysIn) {
		s += ", which nothing declares"
	}
	return s
}

func renewalText(w io.Writer, r *pci.Renewal, opt Options) error {
	p := newPrinter(w, opt)
	p.para(0, "Review of   ", r.Today)
	p.para(0, "Since       ", sinceLine(r))
	p.para(0, "Result      ", renewalTally(r))
	for _, s := range pci.Sections() {
		first := true
		for _, i := range r.Items {
			if i.Section != s {
				continue
			}
			if first {
				p.line("")
				p.line("%s", p.bold(strings.ToUpper(sectionTitle(s))))
				first = false
			}
			sign := " "
			if i.Act {
				sign = "!"
			}
			p.para(0, fmt.Sprintf("%s %-10s", p.mark(map[bool]string{true: "31", false: "0"}[i.Act], sign), line(i.State)), itemText(i))
		}
	}
	if len(r.Items) == 0 {
		p.line("")
		p.line("nothing changed, and nothing is due in the next 30 days")
	}
	p.line("")
	p.line("Lines with ! ask somebody to act. That the review was done is for people to record: spec.reviews of the Segmentation.")
	return p.w.Flush()
}

func renewalMarkdown(w io.Writer, r *pci.Renewal, _ Options) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "## Review of network controls, %s\n\n- **Since**: %s\n- **Result**: %s\n", md(r.Today), md(sinceLine(r)), md(renewalTally(r)))
	for _, s := range pci.Sections() {
		first := true
		for _, i := range r.Items {
			if i.Section != s {
				continue
			}
			if first {
				fmt.Fprintf(b, "\n### %s\n\n| | | What | Now | Before | Need | Owner | Day | PCI DSS |\n|---|---|---|---|---|---|---|---|---|\n", md(sectionTitle(s)))
				first = false
			}
			act := ""
			if i.Act {
				act = "**act**"
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", act, md(i.State), md(i.What), md(i.Now), md(i.Before), md(i.Need), md(i.Owner), md(i.Day), md(strings.Join(i.Requirements, ", ")))
		}
	}
	b.WriteString("\nReviewed by: ____________________  Date: ____________________\n")
	return b.Flush()
}

// renewalCSV writes a row for each item. The columns are a promise: new ones come at the end. The last three are for the
// reviewer to fill in.
func renewalCSV(w io.Writer, r *pci.Renewal, _ Options) error {
	rows := [][]string{{"section", "state", "act", "what", "now", "before", "need", "owner", "day", "requirements", "file", "line", "reviewer", "reviewed", "decision"}}
	for _, i := range r.Items {
		rows = append(rows, append([]string{
			string(i.Section), i.State, strconv.FormatBool(i.Act), i.What, i.Now, i.Before, i.Need, i.Owner, i.Day, strings.Join(i.Requirements, " "), i.Pos.File, lineNumber(i.Pos.Line),
		}, slices.Repeat([]string{""}, 3)...))
	}
	return writeRows(w, rows)
}
