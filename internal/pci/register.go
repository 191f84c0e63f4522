package pci

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Entry is a declared public entry point. Conns is everything when no ports are given.
type Entry struct {
	v1alpha1.Entry
	Conns netset.Conns
	Ref   object.Ref
	Pos   object.Pos
}

// Name is the namespace/name of what it declares.
func (e *Entry) Name() string { return cmp.Or(e.Service, e.Workload) }

// Need is a declared connection, with its ports read.
type Need struct {
	v1alpha1.Need
	Conns netset.Conns
	Ref   object.Ref // the Segmentation
	Pos   object.Pos
}

// HoldsOn tells whether the need is still one on a day, "2026-01-31". Without a day, one that expires does not.
func (n *Need) HoldsOn(day string) bool { return n.Expires == "" || day != "" && day <= n.Expires }

// field is a field of an entry in a list, by its name in the file.
type field struct{ name, text string }

// days reports the first of the fields that is given and is no day. what names the entry and its end.
func (r *intentReader) days(o *object.Object, v *object.Value, what, so string, fields ...field) bool {
	for _, f := range fields {
		if _, err := time.Parse(time.DateOnly, f.text); err != nil && f.text != "" {
			r.problem(o, v.Get(f.name), wantDay, "%s: %s: %q is no date, so %s", what, f.name, f.text, so)
			return false
		}
	}
	return true
}

// oneOf reports a text that is given and is none of those.
func (r *intentReader) oneOf(o *object.Object, v *object.Value, what, so string, f field, of []string) bool {
	if f.text == "" || slices.Contains(of, f.text) {
		return true
	}
	r.problem(o, v.Get(f.name), "want one of "+strings.Join(of, ", "), "%s: %s: %q is not known, so %s", what, f.name, f.text, so)
	return false
}

// Protections is what a need may say of how its data is protected on the way.
func Protections() []string {
	return []string{"tls", "mtls", "ipsec", "wireguard", "ssh", "application", "none"}
}

func (r *intentReader) entry(o *object.Object, v *object.Value, e v1alpha1.Entry) {
	out := Entry{Entry: e, Conns: netset.All(), Ref: o.Ref, Pos: o.At(v)}
	name := e.Service + e.Workload
	var err error
	switch {
	case name == "":
		r.problem(o, v, wantEntry, "an entry without a service")
		return
	case e.Service != "" && e.Workload != "", strings.Count(name, "/") != 1, strings.HasPrefix(name, "/"), strings.HasSuffix(name, "/"):
		r.problem(o, v, wantEntry, "an entry of service %q and workload %q declares nothing", e.Service, e.Workload)
		return
	case strings.TrimSpace(e.Justification) == "":
		r.problem(o, v, "say what the entry point is for (PCI DSS 1.2.5)", "entry %s has no justification and declares nothing", name)
		return
	case !r.days(o, v, "entry "+name, "the entry declares nothing", field{"approved", e.Approved}, field{"review", e.Review}):
		return
	}
	if e.Ports != "" {
		if out.Conns, err = netset.Parse(e.Ports); err != nil {
			r.problem(o, v.Get("ports"), wantPorts, "entry %s: ports: %v", name, err)
			return
		}
	}
	r.Entries = append(r.Entries, out)
}

func (r *intentReader) need(o *object.Object, v *object.Value, n v1alpha1.Need) {
	if n == (v1alpha1.Need{}) {
		r.problem(o, v, wantNeed, "a need without anything")
		return
	}
	for _, f := range [...]field{{"id", n.ID}, {"from", n.From}, {"to", n.To}, {"ports", n.Ports}, {"justification", n.Justification}} {
		if strings.TrimSpace(f.text) == "" && (f.name != "justification" || !n.Proposed) {
			r.problem(o, v, wantNeed, "need %s has no %s and declares nothing", cmp.Or(n.ID, "without an id"), f.name)
			return
		}
	}
	const so = "the need declares nothing"
	what := "need " + n.ID
	if !r.days(o, v, what, so, field{"approved", n.Approved}, field{"reviewed", n.Reviewed}, field{"review", n.Review}, field{"expires", n.Expires}) ||
		!r.oneOf(o, v, what, so, field{"protection", n.Protection}, Protections()) {
		return
	}
	same := func(m Need) bool { return m.ID == n.ID }
	if slices.ContainsFunc(r.Needs, same) || slices.ContainsFunc(r.Proposed, same) {
		r.problem(o, v.Get("id"), "give each need an id of its own", "need %s is declared twice; this one declares nothing", n.ID)
		return
	}
	conns, err := netset.Parse(n.Ports)
	if err != nil {
		r.problem(o, v.Get("ports"), wantPorts, "need %s: ports: %v", n.ID, err)
		return
	}
	out := Need{Need: n, Conns: conns, Ref: o.Ref, Pos: o.At(v)}
	if !n.Proposed {
		r.Needs = append(r.Needs, out)
		return
	}
	if n.Approver+n.Approved != "" {
		r.problem(o, v.Get("proposed"), "take the line proposed away, or the approval", "need %s is proposed and approved; it covers nothing", n.ID)
	}
	r.Proposed = append(r.Proposed, out)
}

// endedNeeds warns of needs that cover nothing any more.
func endedNeeds(in *Input) []object.Problem {
	if in.Intent == nil {
		return nil
	}
	var out []object.Problem
	for i := range in.Intent.Needs {
		n := &in.Intent.Needs[i]
		if n.HoldsOn(in.Today) {
			continue
		}
		msg := "need " + n.ID + ": it ended on " + n.Expires + " and covers nothing any more"
		if in.Today == "" {
			msg = "need " + n.ID + ": it ends, and the day to judge by is not known, so it covers nothing"
		}
		out = append(out, object.Problem{Severity: object.Warning, Pos: n.Pos, Ref: n.Ref, Msg: msg, Hint: "renew it, or close the connection"})
	}
	return out
}
