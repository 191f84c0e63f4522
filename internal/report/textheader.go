package report

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// fact is one line of a report's header.
type fact struct{ name, value string }

// header is what a reader must know before any finding: what was looked at and what was taken for granted.
func header(a *pci.Assessment) []fact {
	facts := []fact{{"Tool", strings.TrimSpace(a.Tool.Name + " " + a.Tool.Version)}}
	if c, ok := coverageOf(a.Coverage); ok {
		facts = append(facts, fact{"Input", fmt.Sprintf("%s (%s, %s)", strings.Join(c.Sources, ", "), plural(c.Files, "file"), plural(c.Objects, "object"))})
	}
	for i, s := range a.Assumed {
		facts = append(facts, fact{[2]string{"Assumed", ""}[min(i, 1)], s})
	}
	facts = append(facts, fact{"Enforcer", enforcerText(a)}, fact{"Scope", scopeText(a)})
	if len(a.Scope.Computed) > 0 {
		facts = append(facts, fact{"", "computed: " + countsText(a.Scope.Computed)})
	}
	facts = append(facts, fact{"Population", populationText(a)}, fact{"Result", tally(a)})
	if s := sinceText(a); s != "" {
		facts = append(facts, fact{"Baseline", s})
	}
	return facts
}

func enforcerText(a *pci.Assessment) string {
	e := a.Enforcer
	s := e.Name
	switch {
	case e.Stated:
		s += ", as stated"
	case len(e.Because) > 0:
		b := e.Because[0]
		s += ", found: " + because(b.Pos, b.Ref, b.Msg)
	}
	switch e.Enforces {
	case "yes":
		return s + "; it enforces NetworkPolicy"
	case "no":
		return s + "; it does NOT enforce NetworkPolicy"
	}
	return s + "; whether it enforces NetworkPolicy is not known"
}

func scopeText(a *pci.Assessment) string {
	if a.Scope.Source == "" {
		return "not stated; checks that need a scope were not done"
	}
	return "workloads: " + countsText(a.Scope.Classes) + "; by " + a.Scope.Source
}

func populationText(a *pci.Assessment) string {
	n := a.Population
	return strings.Join([]string{plural(n.Namespaces, "namespace"), plural(n.Workloads, "workload"), plural(n.Pods, "pod"), plural(n.Policies, "policy"), plural(n.Services, "Service"), plural(n.Nodes, "node")}, ", ")
}

func (p *printer) header(a *pci.Assessment) {
	for _, f := range header(a) {
		p.para(0, fmt.Sprintf("%-12s", f.name), f.value)
	}
}
