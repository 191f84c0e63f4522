package pci

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Standing is what the evidence says of one requirement. It is never "compliant": that is for an assessor to
// say, who looks at more than a cluster.
type Standing string

// Contradicts: something that the requirement asks for is proved not to hold. Insufficient: what was read
// does not decide. AsksFor: only people can answer. Supports: everything that was looked at holds.
const (
	Contradicts  Standing = "contradicts"
	Insufficient Standing = "insufficient"
	AsksFor      Standing = "manual"
	Supports     Standing = "supports"
	Unconcerned  Standing = "not-applicable"
)

// RequirementResult is one requirement with the checks that speak of it.
type RequirementResult struct {
	Number    string       `json:"number"` // "1.2.1"
	Standing  Standing     `json:"standing"`
	Checks    []string     `json:"checks"`    // identifiers, sorted
	Holds     []Population `json:"holds"`     // by check, for those that count: "312 of 312 pods"
	Questions []string     `json:"questions"` // what a person has to answer, and what input would settle the rest
}

// Requirements is the view by requirement of PCI DSS 4.0.1, or of 3.2.1 with old set, sorted by number. A
// finding counts for the requirements it names, which may be fewer than those of its check.
func (a *Assessment) Requirements(old bool) []RequirementResult {
	byNumber := map[string]*RequirementResult{}
	for i := range a.Findings {
		f := &a.Findings[i]
		numbers := f.Requirements
		if old {
			numbers = f.Requirements321
		}
		for _, n := range numbers {
			r := byNumber[n]
			if r == nil {
				r = &RequirementResult{Number: n, Standing: Unconcerned, Checks: []string{}, Holds: []Population{}, Questions: []string{}}
				byNumber[n] = r
			}
			r.add(f)
		}
	}
	out := make([]RequirementResult, 0, len(byNumber))
	for _, r := range byNumber {
		slices.Sort(r.Checks)
		slices.Sort(r.Questions)
		r.Questions = slices.Compact(r.Questions)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b RequirementResult) int { return compareNumbers(a.Number, b.Number) })
	return out
}

func (r *RequirementResult) add(f *Finding) {
	if !slices.Contains(r.Checks, f.Check) {
		r.Checks = append(r.Checks, f.Check)
	}
	if f.Population.Of > 0 {
		r.Holds = append(r.Holds, f.Population)
	}
	said := standingOf(f.Status)
	if said == Insufficient && f.Status != Error || said == AsksFor {
		r.Questions = append(r.Questions, f.Check+": "+f.Message)
	}
	if said.rank() < r.Standing.rank() {
		r.Standing = said
	}
}

// standingOf is what a finding of a status says of its requirements. A check that broke decides nothing.
func standingOf(s Status) Standing {
	switch s {
	case Fail:
		return Contradicts
	case Unknown, Error:
		return Insufficient
	case Manual, Accepted:
		return AsksFor
	case Pass:
		return Supports
	case NotApplicable:
	}
	return Unconcerned
}

// rank orders by what a reader must see first. A question that is open outweighs what holds.
func (s Standing) rank() int {
	return slices.Index([]Standing{Contradicts, Insufficient, AsksFor, Supports, Unconcerned}, s)
}

// compareNumbers sorts "1.2.10" behind "1.2.9".
func compareNumbers(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, errM := strconv.Atoi(x[i])
		n, errN := strconv.Atoi(y[i])
		if errM != nil || errN != nil {
			if c := cmp.Compare(x[i], y[i]); c != 0 {
				return c
			}
			continue
		}
		if c := cmp.Compare(m, n); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}
