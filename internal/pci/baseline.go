package pci

import (
	"regexp"
	"slices"
)

// Since is what a finding is against a baseline.
type Since string

// New was not found then, or was not as bad. Changed was found then and says something else now, such as more ports.
// Known says what it said.
const (
	New     Since = "new"
	Changed Since = "changed"
	Known   Since = "known"
)

// Baseline is the comparison of a record with an earlier one. Only open findings are compared: failed, undecided, not
// checked, and those for a person.
type Baseline struct {
	Source  string `json:"source"` // what was compared with, as the user named it
	Tool    Tool   `json:"tool"`   // what made the earlier record
	New     int    `json:"new"`
	Changed int    `json:"changed"`
	Known   int    `json:"known"`
	// NewChecks ran now and not then: their findings are all new.
	NewChecks []string `json:"newChecks"`
	Gone      []Gone   `json:"gone"`
}

// Gone is a finding of the baseline that is not open any more. Now is what became of it: "accepted", or "" when nothing
// is found.
type Gone struct {
	Check       string   `json:"check"`
	Status      Status   `json:"status"`
	Severity    Severity `json:"severity"`
	Subject     string   `json:"subject"`
	Message     string   `json:"message"`
	Now         Status   `json:"now,omitempty"`
	Fingerprint string   `json:"fingerprint"`
}

func open(s Status) bool {
	switch s {
	case Fail, Unknown, Error, Manual:
		return true
	case Accepted, NotApplicable, Pass:
	}
	return false
}

// Against compares the record with an earlier one and marks its open findings. What was accepted then is new when it is
// open now. A finding is the same by its check, subject and key; lines and order play no part.
func (a *Assessment) Against(earlier *Assessment, source string) {
	b := &Baseline{Source: source, Tool: earlier.Tool, NewChecks: []string{}, Gone: []Gone{}}
	pool := map[string][]*Finding{}
	ran := map[string]bool{}
	for i := range earlier.Findings {
		f := &earlier.Findings[i]
		if open(f.Status) {
			pool[f.Fingerprint] = append(pool[f.Fingerprint], f)
		}
	}
	for _, c := range earlier.Checks {
		ran[c.ID] = true
	}
	for _, c := range a.Checks {
		if !ran[c.ID] {
			b.NewChecks = append(b.NewChecks, c.ID)
		}
	}
	for _, exact := range []bool{true, false} { // what says the same is matched first
		for i := range a.Findings {
			f := &a.Findings[i]
			if open(f.Status) && f.Since == "" {
				f.match(pool, exact)
			}
		}
	}
	accepted := map[string]bool{}
	for i := range a.Findings {
		f := &a.Findings[i]
		switch {
		case f.Since == Known:
			b.Known++
		case f.Since == Changed:
			b.Changed++
		case open(f.Status):
			f.Since = New
			b.New++
		case f.Status == Accepted:
			accepted[f.Fingerprint] = true
		}
	}
	for i := range earlier.Findings { // in their order
		f := &earlier.Findings[i]
		if !slices.Contains(pool[f.Fingerprint], f) {
			continue
		}
		g := Gone{Check: f.Check, Status: f.Status, Severity: f.Severity, Subject: f.Subject.String(), Message: f.Message, Fingerprint: f.Fingerprint}
		if f.Subject.Kind == "" {
			g.Subject = ""
		}
		if accepted[f.Fingerprint] {
			g.Now = Accepted
		}
		b.Gone = append(b.Gone, g)
	}
	a.Baseline = b
}

// match takes the finding's counterpart out of the pool and marks the finding. Exact takes only what says the same;
// else also what says something else, and what was worse then.
func (f *Finding) match(pool map[string][]*Finding, exact bool) {
	take := func(print string, i int) {
		pool[print] = slices.Delete(slices.Clone(pool[print]), i, i+1)
	}
	for i, was := range pool[f.Fingerprint] {
		same := f.Severity.rank() >= was.Severity.rank() && placeless(f.Message) == placeless(was.Message) && f.Rest == was.Rest
		switch {
		case same:
			f.Since = Known
		case exact:
			continue
		default:
			f.Since, f.Was = Changed, was.Message
		}
		take(f.Fingerprint, i)
		return
	}
	if exact || f.Status != Unknown {
		return
	}
	worse := *f
	worse.Status = Fail
	if print := fingerprint(&worse); len(pool[print]) > 0 {
		f.Since = Known
		take(print, 0)
	}
}

var inFile = regexp.MustCompile(`[^\s(]*?([^\s(/]+\.(?:ya?ml|json|tpl|iptables)):\d+`)

// placeless is a message without lines and folders: the same object may stand elsewhere.
func placeless(s string) string { return inFile.ReplaceAllString(s, "$1") }
