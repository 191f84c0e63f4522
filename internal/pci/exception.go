package pci

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Exception is a declared exception with its place.
type Exception struct {
	v1alpha1.Exception
	Fault string     // why it was refused, "" when it was not
	Ref   object.Ref // the Segmentation
	Pos   object.Pos
}

const wantException = "an exception has id, check, subject, reason, owner, approver and expires"

func (r *intentReader) exception(o *object.Object, v *object.Value, e v1alpha1.Exception) {
	if e == (v1alpha1.Exception{}) {
		r.problem(o, v, wantException, "an exception without anything")
		return
	}
	before := len(r.problems)
	out := Exception{e, "", o.Ref, o.At(v)}
	if r.sound(o, v, e) {
		r.Exceptions = append(r.Exceptions, out)
		return
	}
	out.Fault = r.problems[before].Msg
	r.Refused = append(r.Refused, out)
}

// sound reports what is wrong with an exception.
func (r *intentReader) sound(o *object.Object, v *object.Value, e v1alpha1.Exception) bool {
	for _, f := range [...]field{
		{"id", e.ID}, {"check", e.Check}, {"subject", e.Subject}, {"reason", e.Reason}, {"owner", e.Owner}, {"approver", e.Approver}, {"expires", e.Expires},
	} {
		if strings.TrimSpace(f.text) == "" {
			r.problem(o, v, wantException, "exception %s has no %s and accepts nothing", cmp.Or(e.ID, "without an id"), f.name)
			return false
		}
	}
	if slices.ContainsFunc(r.Exceptions, func(x Exception) bool { return x.ID == e.ID }) {
		r.problem(o, v.Get("id"), "give each exception an id of its own", "exception %s is declared twice; this one accepts nothing", e.ID)
		return false
	}
	return r.days(o, v, "exception "+e.ID, "the exception accepts nothing", field{"approved", e.Approved}, field{"expires", e.Expires})
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
	list    []Exception
	refused []Exception
	today   string
	used    map[string]int // by ID: the findings it accepts, or would if it still held
}

func newExceptions(in *Input) *exceptions {
	x := &exceptions{today: in.Today, used: map[string]int{}}
	if in.Intent != nil {
		x.list, x.refused = in.Intent.Exceptions, in.Intent.Refused
	}
	return x
}

// ExceptionState is what became of an exception.
type ExceptionState string

// Matched exceptions accept findings, Unused ones would accept what nothing found, Expired ones ended, and Invalid
// ones accept nothing because something in them is wrong.
const (
	Matched ExceptionState = "matched"
	Unused  ExceptionState = "unused"
	Expired ExceptionState = "expired"
	Invalid ExceptionState = "invalid"
)

// ExceptionResult is one declared exception in the record. Findings is how many it speaks of, also of those that
// it does not accept any more.
type ExceptionResult struct {
	ID       string         `json:"id"`
	Check    string         `json:"check"`
	Subject  string         `json:"subject"`
	State    ExceptionState `json:"state"`
	Findings int            `json:"findings"`
	Reason   string         `json:"reason"`
	Owner    string         `json:"owner"`
	Approver string         `json:"approver"`
	Approved string         `json:"approved,omitempty"`
	Expires  string         `json:"expires"`
	Ticket   string         `json:"ticket,omitempty"`
	Fault    string         `json:"fault,omitempty"` // of invalid ones
	Pos      object.Pos     `json:"pos,omitzero"`
}

// results gives all exceptions with their states, by ID and place. One that is not known to hold counts as expired.
func (x *exceptions) results(checks []Check) []ExceptionResult {
	var out []ExceptionResult
	for _, e := range slices.Concat(x.list, x.refused) {
		r := ExceptionResult{
			ID: e.ID, Check: e.Check, Subject: e.Subject, State: Matched, Reason: e.Reason, Owner: e.Owner, Approver: e.Approver,
			Approved: e.Approved, Expires: e.Expires, Ticket: e.Ticket, Fault: e.Fault, Pos: e.Pos,
		}
		switch {
		case r.Fault != "":
		case !isCheck(checks, e.Check):
			r.Fault = "there is no check " + e.Check
		case x.early(&e):
			r.Fault = "it is said to be approved on " + e.Approved + ", which is yet to come"
		}
		switch {
		case r.Fault != "":
			r.State = Invalid
		case !x.holds(&e):
			r.State, r.Findings = Expired, x.used[e.ID]
		case x.used[e.ID] == 0:
			r.State = Unused
		default:
			r.Findings = x.used[e.ID]
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b ExceptionResult) int { return cmp.Or(cmp.Compare(a.ID, b.ID), a.Pos.Compare(b.Pos)) })
	return out
}

func isCheck(checks []Check, id string) bool {
	return slices.ContainsFunc(checks, func(k Check) bool { return k.ID == id })
}

// holds tells whether an exception holds today. Dates compare as text. Without a day none holds.
func (x *exceptions) holds(e *Exception) bool {
	return x.today != "" && x.today <= e.Expires && !x.early(e)
}

// early tells whether an exception is yet to be approved.
func (x *exceptions) early(e *Exception) bool { return x.today != "" && e.Approved > x.today }

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
			x.used[e.ID]++
			said := fmt.Sprintf("exception %s of %s, approved by %s, until %s: %s", e.ID, e.Owner, e.Approver, e.Expires, e.Reason)
			if !x.holds(e) {
				said = fmt.Sprintf("exception %s does not hold any more: it ended on %s", e.ID, e.Expires)
				switch {
				case x.today == "":
					said = fmt.Sprintf("exception %s is not counted, because the day to judge by is not known", e.ID)
				case x.early(e):
					said = fmt.Sprintf("exception %s does not hold yet: it is said to be approved on %s", e.ID, e.Approved)
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
		case !isCheck(checks, e.Check):
			say(e, "bulkhead checks lists them", "there is no check %s", e.Check)
		case x.early(e):
			say(e, "have it approved", "it is said to be approved on %s, which is yet to come, and accepts nothing", e.Approved)
		case x.used[e.ID] == 0:
			say(e, "remove it", "%s finds nothing about %s: the exception is not needed", e.Check, e.Subject)
		case !x.holds(e) && x.today != "":
			say(e, "renew it, or mend what it excused", "it ended on %s", e.Expires)
		}
	}
	return out
}
