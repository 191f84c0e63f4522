package pci

import (
	"fmt"
	"slices"
	"strings"
)

// Standard is a way to number requirements, as a command line names it.
type Standard string

// The standards. Words for requirements are ours; numbers are theirs.
const (
	PCI401         Standard = "pci@4.0.1"
	PCI321         Standard = "pci@3.2.1"
	Containers2022 Standard = "pci-containers@2022"
)

// Standards is all of them; the first is what checks are written by.
func Standards() []Standard { return []Standard{PCI401, PCI321, Containers2022} }

// ParseStandard reads the name of a standard.
func ParseStandard(s string) (Standard, error) {
	if i := slices.Index(Standards(), Standard(s)); i >= 0 {
		return Standards()[i], nil
	}
	names := make([]string, len(Standards()))
	for i, k := range Standards() {
		names[i] = string(k)
	}
	return "", fmt.Errorf("no standard %q: want %s", s, strings.Join(names, ", "))
}

// Name is what people call the standard.
func (s Standard) Name() string {
	switch s {
	case PCI401:
		return "PCI DSS 4.0.1"
	case PCI321:
		return "PCI DSS 3.2.1"
	case Containers2022:
		return "PCI SSC guidance for containers, 2022"
	}
	return string(s)
}

// Of gives the numbers that a finding has in the standard.
func (s Standard) Of(f *Finding) []string {
	switch s {
	case PCI321:
		return f.Requirements321
	case Containers2022:
		return f.Guidance
	case PCI401:
	}
	return f.Requirements
}

// table is the requirements of the standard, by number.
func (s Standard) table() []requirement {
	switch s {
	case Containers2022:
		return containers2022
	case PCI321:
		return dss321
	case PCI401:
	}
	return dss401
}

// View is an assessment by the requirements of one standard: those that network segmentation touches, whether a check
// speaks of them or people have to.
type View struct {
	Standard     Standard          `json:"standard"`
	Name         string            `json:"name"`
	Requirements []RequirementView `json:"requirements"`
}

// RequirementView is what the evidence says of one requirement.
type RequirementView struct {
	Number   string         `json:"number"`
	Title    string         `json:"title"`  // in words of ours, "" when we have none
	Extent   Extent         `json:"extent"` // how much of it the objects of a cluster can show
	Standing Standing       `json:"standing"`
	Checks   []CheckEvident `json:"checks"` // by identifier
	// Ask is what a person has to answer: what the checks leave to them, then what no check can show.
	Ask []string `json:"ask"`
	// Settle is what is missing to decide, each once.
	Settle []string `json:"settle"`
}

// Says is the standing in words: evidence for a part of a requirement supports no more than that part.
func (r *RequirementView) Says() string {
	if r.Standing == Supports && r.Extent != Whole {
		return string(Supports) + " in part"
	}
	return string(r.Standing)
}

// CheckEvident is what one check says of a requirement. Population is of all that it looked at, never of a sample.
type CheckEvident struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Standing   Standing   `json:"standing"`
	Population Population `json:"population,omitzero"`
	Findings   int        `json:"findings"` // open ones: failed, undecided, not checked or for a person
}

// View gives the requirements of a standard, sorted by number. A finding counts for the numbers it has.
func (a *Assessment) View(s Standard) View {
	out := View{Standard: s, Name: s.Name(), Requirements: []RequirementView{}}
	at := map[string]int{}
	add := func(r requirement) {
		at[r.number] = len(out.Requirements)
		out.Requirements = append(out.Requirements, RequirementView{
			Number: r.number, Title: r.title, Extent: r.extent, Standing: Unconcerned, Checks: []CheckEvident{}, Ask: []string{}, Settle: []string{},
		})
	}
	own := map[string]string{}
	for _, r := range s.table() {
		add(r)
		own[r.number] = r.ask
	}
	for i := range a.Findings {
		f := &a.Findings[i]
		for _, n := range s.Of(f) {
			if _, ok := at[n]; !ok {
				add(requirement{number: n, extent: Part})
			}
			out.Requirements[at[n]].add(f)
		}
	}
	for i := range out.Requirements {
		r := &out.Requirements[i]
		slices.SortFunc(r.Checks, func(a, b CheckEvident) int { return strings.Compare(a.ID, b.ID) })
		slices.Sort(r.Ask)
		slices.Sort(r.Settle)
		r.Ask, r.Settle = slices.Compact(r.Ask), slices.Compact(r.Settle)
		if ask := own[r.Number]; ask != "" {
			r.Ask = append(r.Ask, ask)
		}
		if len(r.Checks) == 0 { // nothing was looked at: people have to
			r.Standing = AsksFor
			if len(r.Ask) == 0 {
				r.Ask = append(r.Ask, "No check looked at it. What shows it?")
			}
		}
	}
	slices.SortFunc(out.Requirements, func(a, b RequirementView) int { return compareNumbers(a.Number, b.Number) })
	return out
}

func (r *RequirementView) add(f *Finding) {
	i := slices.IndexFunc(r.Checks, func(c CheckEvident) bool { return c.ID == f.Check })
	if i < 0 {
		i = len(r.Checks)
		r.Checks = append(r.Checks, CheckEvident{ID: f.Check, Title: f.Title, Standing: Unconcerned})
	}
	c := &r.Checks[i]
	if f.Population.Of > 0 {
		c.Population = f.Population
	}
	said := standingOf(f.Status)
	what := f.Check + ": "
	if name := f.Subject.String(); f.Subject.Kind != "" && !strings.Contains(f.Message, name) {
		what += name + ": "
	}
	switch said {
	case Contradicts:
		c.Findings++
	case AsksFor:
		c.Findings++
		r.Ask = append(r.Ask, what+f.Message)
	case Insufficient:
		c.Findings++
		r.Settle = append(r.Settle, settles(f)...)
	case Supports, Unconcerned:
	}
	if said.rank() < c.Standing.rank() {
		c.Standing = said
	}
	if said.rank() < r.Standing.rank() {
		r.Standing = said
	}
}

// settles is what would decide an undecided finding: what it says to do about it, else what it rests on.
func settles(f *Finding) []string {
	switch {
	case f.Fix != nil && f.Fix.Text != "":
		return []string{f.Check + ": " + f.Fix.Text}
	case len(f.Because) == 0:
		return []string{f.Check + ": " + f.Message}
	}
	out := make([]string, len(f.Because))
	for i, b := range f.Because {
		out[i] = f.Check + ": " + b.Msg
	}
	return out
}
