// Package pci is the judgement: scope, checks and findings over a model of what can reach what, mapped to
// PCI DSS requirement numbers. It says what the evidence supports and never that a cluster meets a standard.
package pci

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Protocol is the version of the record. Fields are only ever added to it.
const Protocol = "bulkhead.dev/assessment/v1"

// Assessment is the record that every report is made from. It holds no wall-clock time: the same input
// gives the same bytes.
type Assessment struct {
	Protocol   string           `json:"protocol"`
	Tool       Tool             `json:"tool"`
	Enforcer   Enforcer         `json:"enforcer"`
	Assumed    []string         `json:"assumed"`          // facts stated by a person, each with who stated it
	Judged     string           `json:"judged,omitempty"` // the day that exceptions and needs that end were judged by; absent without any
	Scope      ScopeSummary     `json:"scope"`
	Population Counts           `json:"population"`
	Summary    Summary          `json:"summary"`
	Checks     []CheckResult    `json:"checks"`
	Findings   []Finding        `json:"findings"`
	Limits     []string         `json:"limits"` // what no verdict covers
	Problems   []object.Problem `json:"problems"`
	Coverage   any              `json:"coverage"`
	// Baseline is the comparison with an earlier record; nil when there was none.
	Baseline *Baseline `json:"baseline,omitempty"`
	// ByRequirement is the same by the requirements of one standard; nil when nobody asked for it.
	ByRequirement *View `json:"byRequirement,omitempty"`
	// Exceptions is every declared exception, by ID; absent when there is none.
	Exceptions []ExceptionResult `json:"exceptions,omitempty"`
}

// Tool says what made the record.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Enforcer is the engine the answers hold for.
type Enforcer struct {
	Name     string              `json:"name"`
	Stated   bool                `json:"stated"`
	Enforces string              `json:"enforces"`
	Because  []enforcer.Evidence `json:"because"`
}

// ScopeSummary counts workloads by scope class. Source is empty when nobody stated a scope.
type ScopeSummary struct {
	Source  string       `json:"source"`
	Classes []ClassCount `json:"classes"`
	// Computed counts by the class that connections, rights and nodes give, whatever is declared.
	Computed []ClassCount `json:"computed,omitempty"`
	Digest   string       `json:"digest,omitempty"` // of both classes of all workloads
}

// ClassCount is the number of workloads of a class.
type ClassCount struct {
	Class     string `json:"class"`
	Workloads int    `json:"workloads"`
}

// Counts is the population that was looked at: all of it, never a sample.
type Counts struct {
	Namespaces int `json:"namespaces"`
	Workloads  int `json:"workloads"`
	Pods       int `json:"pods"`
	Policies   int `json:"policies"`
	Services   int `json:"services"`
	Nodes      int `json:"nodes"`
}

// Summary counts findings by status.
type Summary struct {
	Fail          int `json:"fail"`
	Unknown       int `json:"unknown"`
	Error         int `json:"error"`
	Manual        int `json:"manual"`
	Accepted      int `json:"accepted"`
	NotApplicable int `json:"notApplicable"`
	Pass          int `json:"pass"`
}

// CheckResult is the outcome of one check: the worst status of its findings.
type CheckResult struct {
	ID              string     `json:"id"`
	Title           string     `json:"title"`
	Status          Status     `json:"status"`
	Severity        Severity   `json:"severity"`
	Requirements    []string   `json:"requirements"`
	Requirements321 []string   `json:"requirements321"`
	Guidance        []string   `json:"guidance"`
	Population      Population `json:"population,omitzero"`
}

// ExitCode is the program's exit code for the record: 1 when something is proved not to hold, else 3 when
// something is undecided or input was lost, else 0. Manual findings never change it: no input could. With a baseline
// only new and changed findings count.
func (a *Assessment) ExitCode() int {
	fails, undecided := a.Summary.Fail+a.Summary.Error, a.Summary.Unknown
	for i := range a.Findings {
		switch f := &a.Findings[i]; {
		case f.Since != Known: // also all without a baseline
		case f.Status == Fail, f.Status == Error:
			fails--
		case f.Status == Unknown:
			undecided--
		}
	}
	lost := slices.ContainsFunc(a.Problems, func(p object.Problem) bool { return p.Severity == object.Error })
	switch {
	case fails > 0:
		return 1
	case undecided > 0 || lost:
		return 3
	}
	return 0
}

// policyObjects counts the objects that policies come from: one may compile to several.
func policyObjects(in *Input) int {
	seen := map[object.Ref]bool{}
	for i := range in.Policies.Policies {
		seen[in.Policies.Policies[i].Ref] = true
	}
	return len(seen) + len(in.Policies.Opaque)
}

// Assess runs the checks in order and sorts what they find.
func Assess(in *Input, checks []Check) *Assessment {
	own := *in
	own.known, in = &remembered{}, &own
	if in.Computed == nil && in.Scope != nil {
		own.Computed = in.ComputeScope()
	}
	c := in.Cluster
	a := &Assessment{
		Protocol: Protocol, Tool: Tool{Name: "bulkhead"},
		Enforcer:   Enforcer{in.Profile.Name, in.Profile.Stated, in.Profile.Enforces.String(), nonNil(in.Profile.Because)},
		Scope:      in.Scope.summary(c, in.Computed),
		Population: Counts{len(c.Namespaces), len(c.Workloads), len(c.Pods), policyObjects(in), len(c.Services), len(c.Nodes)},
		Checks:     []CheckResult{}, Findings: []Finding{}, Limits: []string{}, Assumed: []string{}, Problems: nonNil(in.LoadProblems), Coverage: struct{}{},
	}
	for _, l := range in.Model.Limits() {
		a.Limits = append(a.Limits, l.Msg)
	}
	accepted := newExceptions(in)
	all := make([][]Finding, len(checks))
	for _, after := range []bool{false, true} {
		for i := range checks {
			if k := &checks[i]; (k.After != nil) == after {
				all[i] = run(k, in, func() []ExceptionResult { return accepted.results(checks) })
				accepted.apply(all[i])
			}
		}
	}
	for i := range checks {
		k, found := &checks[i], all[i]
		res := CheckResult{ID: k.ID, Title: k.Title, Status: NotApplicable, Severity: k.Severity, Requirements: nonNil(k.Requirements), Requirements321: nonNil(Old(k.Requirements)), Guidance: nonNil(k.Guidance)}
		for _, f := range found {
			if f.Status.rank() < res.Status.rank() || (f.Status == Pass && res.Status == NotApplicable) {
				res.Status = f.Status
			}
			if f.Population.Of > 0 {
				res.Population = f.Population
			}
			a.Summary.count(f.Status)
		}
		a.Checks = append(a.Checks, res)
		a.Findings = append(a.Findings, found...)
	}
	slices.SortFunc(a.Findings, compareFindings)
	a.Exceptions = accepted.results(checks)
	a.Problems = append(append(a.Problems, accepted.problems(checks)...), endedNeeds(in)...)
	slices.SortStableFunc(a.Problems, object.Problem.Compare)
	if in.Intent != nil && (len(in.Intent.Exceptions) > 0 || slices.ContainsFunc(in.Intent.Needs, func(n Need) bool { return n.Expires != "" })) {
		a.Judged = in.Today
	}
	return a
}

// run gives the check's findings with everything filled in that comes from the check itself.
func run(k *Check, in *Input, exceptions func() []ExceptionResult) []Finding {
	var found []Finding
	if k.NeedsScope && in.Scope == nil {
		found = []Finding{{Status: Manual, Message: "Which workloads are the cardholder data environment? Nothing in the input says so: give a Segmentation file or --scope-label."}}
	} else if k.After != nil {
		found = k.After(in, exceptions())
	} else {
		found = k.Run(in)
	}
	for i := range found {
		f := &found[i]
		f.Check, f.Title = k.ID, k.Title
		if f.Requirements == nil { // a finding may concern fewer of them than its check
			f.Requirements = k.Requirements
		}
		f.Requirements, f.Requirements321, f.Guidance = nonNil(f.Requirements), nonNil(Old(f.Requirements)), nonNil(k.Guidance)
		f.Because = nonNil(f.Because)
		if f.Severity == "" {
			f.Severity = k.Severity
		}
		f.unmark()
		f.Fingerprint = fingerprint(f)
	}
	return found
}

func (s *Summary) count(st Status) {
	switch st {
	case Fail:
		s.Fail++
	case Unknown:
		s.Unknown++
	case Error:
		s.Error++
	case Manual:
		s.Manual++
	case Accepted:
		s.Accepted++
	case NotApplicable:
		s.NotApplicable++
	case Pass:
		s.Pass++
	}
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
