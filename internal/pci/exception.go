package pci

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Exception is a declared exception with its place.
type Exception struct {
	v1alpha1.Exception
	Ref object.Ref // the Segmentation
	Pos object.Pos
}

const wantException = "an exception has id, check, subject, reason, owner, approver and expires"

func (r *intentReader) exception(o *object.Object, v *object.Value, e v1alpha1.Exception) {
	if e == (v1alpha1.Exception{}) {
		if len(v.Map()) == 0 {
			r.problem(o, v, wantException, "an exception without anything")
		}
		return
	}
	for _, f := range [...][2]string{
		{"id", e.ID}, {"check", e.Check}, {"subject", e.Subject}, {"reason", e.Reason}, {"owner", e.Owner}, {"approver", e.Approver}, {"expires", e.Expires},
	} {
		if strings.TrimSpace(f[1]) == "" {
			r.problem(o, v, wantException, "exception %s has no %s and accepts nothing", cmp.Or(e.ID, "without an id"), f[0])
			return
		}
	}
	for _, f := range [...][2]string{{"approved", e.Approved}, {"expires", e.Expires}} {
		if _, err := time.Parse(time.DateOnly, f[1]); err != nil && f[1] != "" {
			r.problem(o, v.Get(f[0]), `write the day as "2026-01-31"`, "exception %s: %s: %q is no date, so the exception accepts nothing", e.ID, f[0], f[1])
			return
		}
	}
	if slices.ContainsFunc(r.Exceptions, func(x Exception) bool { return x.ID == e.ID }) {
		r.problem(o, v.Get("id"), "give each exception an id of its own", "exception %s is declared twice; this one accepts nothing", e.ID)
		return
	}
	r.Exceptions = append(r.Exceptions, Exception{e, o.Ref, o.At(v)})
}

// covers tells whether the exception speaks of a subject.
func (e *Exception) covers(subject object.Ref) bool {
	name := subject.Name
	if subject.Namespace != "" {
		name = subject.Namespace + "/" + subject.Name
	}
	if ns, all := strings.CutSuffix(e.Subject, "/*"); all {
		return ns != "" && (subject.Namespace == ns || subject.Kind == "Namespace" && subject.Name == ns)
	}
	return e.Subject == name || e.Subject == subject.Kind+" "+name
}

// exceptions applies those of an intent, and remembers which were of use.
type exceptions struct {
	list  []Exception
	today string
	used  map[string]bool // by ID: it accepts something, or would if it still held
}

func newExceptions(in *Input) *exceptions {
	x := &exceptions{today: in.Today, used: map[string]bool{}}
	if in.Intent != nil {
		x.list = in.Intent.Exceptions
	}
	return x
}

// holds tells whether an exception holds today. Dates compare as text. Without a day none holds.
func (x *exceptions) holds(e *Exception) bool { return x.today != "" && x.today <= e.Expires }

// apply accepts the failed findings that an exception covers.
func (x *exceptions) apply(found []Finding) {
	for i := range found {
		f := &found[i]
		if f.Status != Fail {
			continue
		}
		for k := range x.list {
			e := &x.list[k]
			if e.Check != f.Check || !e.covers(f.Subject) {
				continue
			}
			x.used[e.ID] = true
			said := fmt.Sprintf("exception %s of %s, approved by %s, until %s: %s", e.ID, e.Owner, e.Approver, e.Expires, e.Reason)
			if !x.holds(e) {
				said = fmt.Sprintf("exception %s does not hold any more: it ended on %s", e.ID, e.Expires)
				if x.today == "" {
					said = fmt.Sprintf("exception %s is not counted, because the day to judge by is not known", e.ID)
				}
			}
			f.Because = append(f.Because, Because{Ref: e.Ref, Pos: e.Pos, Msg: said})
			if x.holds(e) {
				f.Status = Accepted
				break
			}
		}
	}
}

// problems tells of exceptions that ended, that nothing needs, and of checks that do not exist.
func (x *exceptions) problems(checks []Check) []object.Problem {
	var out []object.Problem
	say := func(e *Exception, hint, format string, args ...any) {
		out = append(out, object.Problem{Severity: object.Warning, Pos: e.Pos, Ref: e.Ref, Msg: fmt.Sprintf("exception "+e.ID+": "+format, args...), Hint: hint})
	}
	for i := range x.list {
		e := &x.list[i]
		switch {
		case !slices.ContainsFunc(checks, func(k Check) bool { return k.ID == e.Check }):
			say(e, "bulkhead checks lists them", "there is no check %s", e.Check)
		case !x.used[e.ID]:
			say(e, "remove it", "%s finds nothing about %s: the exception is not needed", e.Check, e.Subject)
		case !x.holds(e) && x.today != "":
			say(e, "renew it, or mend what it excused", "it ended on %s", e.Expires)
		}
	}
	return out
}
