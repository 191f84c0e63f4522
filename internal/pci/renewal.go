package pci

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// RenewalProtocol is the version of the record of a review. Fields are only ever added to it.
const RenewalProtocol = "bulkhead.dev/review/v1"

// Renewal is the half-yearly review of PCI DSS 1.2.7: what changed since an earlier state, and what is due. It is what
// people go through; that they did is for them to record, as a review in the Segmentation. Lists are never null.
type Renewal struct {
	Protocol string           `json:"protocol"`
	Tool     Tool             `json:"tool"`
	Today    string           `json:"today"` // the day it is judged by
	Since    Earlier          `json:"since"`
	Items    []RenewalItem    `json:"items"` // in the order of Sections, then those to act on, then by name
	Problems []object.Problem `json:"problems"`
}

// Earlier is what was compared with.
type Earlier struct {
	Source string `json:"source"`
	Made   string `json:"made,omitempty"` // the day, where a package tells
}

// Section is a part of a review.
type Section string

// Sections in their order: connections, objects that decide on them, ways in from outside, the register, what is due.
const (
	Allows   Section = "allows"
	Controls Section = "controls"
	WaysIn   Section = "ways in"
	Register Section = "register"
	DueItems Section = "due"
)

// Sections is all of them, in their order.
func Sections() []Section { return []Section{DueItems, Allows, WaysIn, Register, Controls} }

// RenewalItem is one line of a review. State is added, removed or changed; of what is due overdue, soon, never, undated,
// ended or proposed; of connections also undecided.
type RenewalItem struct {
	Section Section `json:"section"`
	State   string  `json:"state"`
	What    string  `json:"what"`
	Now     string  `json:"now,omitempty"`    // what is allowed, or written, now and was not then
	Before  string  `json:"before,omitempty"` // and the other way round
	Need    string  `json:"need,omitempty"`   // that covers all that is new of a connection
	Owner   string  `json:"owner,omitempty"`
	Day     string  `json:"day,omitempty"`
	// Addresses are those outside of the cluster that a connection is with; What may name them in fewer words.
	Addresses netset.Addrs `json:"addresses,omitzero"`
	// Act says that somebody has to do something: nobody approved it, or a day has passed.
	Act          bool       `json:"act"`
	Requirements []string   `json:"requirements"` // PCI DSS 4.0.1
	Pos          object.Pos `json:"pos,omitzero"`
}

// ReviewInput is one of the two states. Objects are those that decide about traffic or open ways in.
type ReviewInput struct {
	*Input
	Objects []*object.Object
}

// soonDays is how long before its day something is told to be due.
const soonDays = 30

// Renew compares two states and lists what is due on the day of the second. Name says what to call an end of a
// connection. Tool and Since are the caller's.
func Renew(then, now ReviewInput, name func(reach.Peer) string) *Renewal {
	r := &Renewal{Protocol: RenewalProtocol, Today: now.Today, Items: []RenewalItem{}, Problems: []object.Problem{}}
	r.due(now.Input)
	r.allows(then, now, name)
	r.waysIn(then.Input, now.Input)
	r.register(then.Intent, now.Intent)
	r.controls(then.Objects, now.Objects)
	for i := range r.Items {
		r.Items[i].Requirements = nonNil(r.Items[i].Requirements)
	}
	order := Sections()
	slices.SortStableFunc(r.Items, func(a, b RenewalItem) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Section), slices.Index(order, b.Section)), -compareBools(a.Act, b.Act),
			cmp.Compare(a.What, b.What), cmp.Compare(a.State, b.State), cmp.Compare(a.Now, b.Now), cmp.Compare(a.Addresses.Key(), b.Addresses.Key()), a.Pos.Compare(b.Pos))
	})
	return r
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// ExitCode is 1 when somebody has to act, else 3 when part of the comparison is undecided or lost, else 0.
func (r *Renewal) ExitCode() int {
	undecided := slices.ContainsFunc(r.Problems, func(p object.Problem) bool { return p.Severity == object.Error })
	for _, i := range r.Items {
		if i.Act {
			return 1
		}
		undecided = undecided || i.State == "undecided"
	}
	if undecided {
		return 3
	}
	return 0
}

// allows compares the connections. What is new and nothing declares is to be acted on, but for what stays among systems
// that are out of scope, and between them and the outside.
func (r *Renewal) allows(then, now ReviewInput, name func(reach.Peer) string) {
	inScope := func(p reach.Peer) bool {
		return p.Entity != "" || p.Workload != nil && (now.Scope == nil || now.Scope.Class(p.Workload) != OutOfScope)
	}
	for _, c := range reach.Diff(then.Model, now.Model) {
		item := RenewalItem{
			Section: Allows, What: name(c.Src) + " -> " + name(c.Dst), Addresses: c.Src.Addrs.Union(c.Dst.Addrs), Requirements: []string{"1.2.5", "1.2.7"},
		}
		if !c.Added.IsEmpty() || !c.Removed.IsEmpty() {
			sure := item
			sure.State, sure.Now, sure.Before = "changed", text(c.Added), text(c.Removed)
			switch {
			case c.Removed.IsEmpty():
				sure.State = "added"
			case c.Added.IsEmpty():
				sure.State = "removed"
			}
			if !c.Added.IsEmpty() {
				covered, need := now.Covered(c.Src, c.Dst, c.Added)
				sure.Act = !covered.Covers(c.Added) && (inScope(c.Src) || inScope(c.Dst))
				if need != nil && covered.Covers(c.Added) {
					sure.Need, sure.Owner = need.ID, need.Owner
				}
			}
			r.Items = append(r.Items, sure)
		}
		if !c.MaybeAdded.IsEmpty() || !c.MaybeRemoved.IsEmpty() {
			item.State, item.Now, item.Before = "undecided", text(c.MaybeAdded), text(c.MaybeRemoved)
			r.Items = append(r.Items, item)
		}
	}
}

func text(c netset.Conns) string {
	if c.IsEmpty() {
		return ""
	}
	return c.String()
}

// waysIn compares the ways in from outside. One that may be public and is no declared entry is to be acted on.
func (r *Renewal) waysIn(then, now *Input) {
	type way struct {
		name string
		pos  object.Pos
		act  bool
		by   string
	}
	list := func(in *Input) []way {
		var out []way
		for i := range in.Exposure.Entries {
			e := &in.Exposure.Entries[i]
			port := strings.ToLower(e.Protocol.String())
			if e.AllPorts {
				port = "all ports"
			} else if e.Port > 0 {
				port += "/" + itoa(e.Port)
			}
			w := way{name: strings.Join(strings.Fields(e.Kind+" "+e.Via.String()+" "+port+" "+e.Host+e.Path), " "), pos: e.Pos}
			declared := in.EntryFor(e.Via, targetsOf(e))
			w.act = declared == nil && e.Public != no
			if declared != nil {
				w.by = declared.Name()
			}
			out = append(out, w)
		}
		return out
	}
	was, is := list(then), list(now)
	has := func(l []way, name string) bool {
		return slices.ContainsFunc(l, func(w way) bool { return w.name == name })
	}
	for _, w := range is {
		if !has(was, w.name) {
			r.Items = append(r.Items, RenewalItem{Section: WaysIn, State: "added", What: w.name, Need: w.by, Act: w.act, Pos: w.pos, Requirements: []string{"1.4.2"}})
		}
	}
	for _, w := range was {
		if !has(is, w.name) {
			r.Items = append(r.Items, RenewalItem{Section: WaysIn, State: "removed", What: w.name, Requirements: []string{"1.4.2"}})
		}
	}
	r.Items = slices.CompactFunc(r.Items, func(a, b RenewalItem) bool {
		return a.Section == WaysIn && a.Section == b.Section && a.State == b.State && a.What == b.What
	})
}

// controls compares the objects that decide about traffic, without what the API server writes into them.
func (r *Renewal) controls(then, now []*object.Object) {
	was, is := map[object.Ref]*object.Object{}, map[object.Ref]*object.Object{}
	for _, o := range then {
		was[o.Ref] = o
	}
	for _, o := range now {
		is[o.Ref] = o
	}
	add := func(state string, o *object.Object, pos object.Pos) {
		what := o.Ref.String()
		if g := o.Ref.Group; g != "" && g != "networking.k8s.io" { // kinds of one name
			what += " (" + g + ")"
		}
		r.Items = append(r.Items, RenewalItem{Section: Controls, State: state, What: what, Pos: pos, Requirements: []string{"1.2.2"}})
	}
	for ref, o := range is {
		switch earlier := was[ref]; {
		case earlier == nil:
			add("added", o, o.Pos)
		case written(earlier) != written(o):
			add("changed", o, o.Pos)
		}
	}
	for ref, o := range was {
		if is[ref] == nil {
			add("removed", o, object.Pos{})
		}
	}
}

// written is what people write into an object, as text to compare.
func written(o *object.Object) string {
	var b []byte
	for _, f := range o.Root.Map() {
		switch f.Name {
		case "status", "apiVersion":
		case "metadata":
			b = f.Value.Get("labels").AppendJSON(append(b, "labels"...))
		default:
			b = f.Value.AppendJSON(append(b, f.Name...))
		}
	}
	return string(b)
}

// due lists what has a day that passed or comes soon, and what has none though it should.
func (r *Renewal) due(in *Input) {
	if in.Intent == nil {
		r.Items = append(r.Items, RenewalItem{Section: DueItems, State: "never", What: "a flow register: no Segmentation is in the input", Act: true, Requirements: []string{"1.2.5", "1.2.7"}})
		return
	}
	add := func(what, owner, day string, ends bool, pos object.Pos, requirements ...string) {
		item := RenewalItem{Section: DueItems, What: what, Owner: owner, Day: day, Pos: pos, Requirements: requirements}
		switch {
		case day == "":
			item.State, item.Act = "undated", true
		case in.Today > day:
			item.State, item.Act = "overdue", true
			if ends {
				item.State = "ended"
			}
		case daysAfter(in.Today, soonDays) >= day:
			item.State = "soon"
		default:
			return
		}
		r.Items = append(r.Items, item)
	}
	for _, d := range in.Intent.Dues() {
		what := map[string]string{"rules": "review of the rules", "scope": "confirmation of the scope", "segmentation-test": "test of the segmentation", "access": "review of who may do what"}[d.Of]
		if d.Last == nil {
			r.Items = append(r.Items, RenewalItem{Section: DueItems, State: "never", What: what, Act: true, Requirements: []string{d.Requirement}})
			continue
		}
		add(what, d.Last.By, d.Until, false, d.Last.Pos, d.Requirement)
	}
	for i := range in.Intent.Needs {
		n := &in.Intent.Needs[i]
		if n.HoldsOn(in.Today) {
			add("review of need "+n.ID, n.Owner, in.Intent.ReviewDue(n), false, n.Pos, "1.2.7")
		}
		if n.Expires != "" {
			add("end of need "+n.ID, n.Owner, n.Expires, true, n.Pos, "1.2.5")
		}
	}
	for i := range in.Intent.Proposed {
		n := &in.Intent.Proposed[i]
		r.Items = append(r.Items, RenewalItem{Section: DueItems, State: "proposed", What: "approval of need " + n.ID, Owner: n.Owner, Act: true, Pos: n.Pos, Requirements: []string{"1.2.5"}})
	}
	for i := range in.Intent.Exceptions {
		e := &in.Intent.Exceptions[i]
		add("end of exception "+e.ID+" ("+e.Check+" for "+e.Subject+")", e.Owner, e.Expires, true, e.Pos, "1.2.7")
	}
	for i := range in.Intent.Entries {
		if e := &in.Intent.Entries[i]; e.Review != "" {
			add("review of entry "+e.Name(), e.Owner, e.Review, false, e.Pos, "1.2.7")
		}
	}
	for i := range in.Intent.ExternalParties {
		if x := &in.Intent.ExternalParties[i]; x.AttestedUntil != "" {
			add("attestation of "+x.Name, x.Owner, x.AttestedUntil, true, x.Pos, "12.8.4")
		}
	}
}

// daysAfter is a day some days later; "" for what is no day.
func daysAfter(day string, n int) string {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return ""
	}
	return t.AddDate(0, 0, n).Format(time.DateOnly)
}
