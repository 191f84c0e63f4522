package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// manyLookups is how often needs are held against connections: a cluster of a thousand workloads has a million
// connections. Above it the registers say that nobody looked.
const manyLookups = 2_000_000

const notLookedUp = "not looked up: too many connections"

// FlowRegisters are the registers that go over all connections of the model.
type FlowRegisters struct {
	Flows  Register // every connection that policies allow or may allow, with the needs that declare it
	Scope  Register // every workload: its declared and its computed class, and whether it has connections with the CDE
	Review Register // every need and exception, with what there is to review
}

// Flows computes them in one walk over the edges of the model.
func Flows(in *pci.Input) FlowRegisters {
	f := flowWalk{in: in, texts: map[string]string{}, link: map[*cluster.Workload]*linked{}}
	f.alone = f.needsAlone()
	f.covers = make([]int, len(f.alone))
	var edges []reach.Edge
	for e := range in.Model.Edges() {
		edges = append(edges, e)
	}
	f.looked = len(edges)*(len(f.alone)+1) <= manyLookups
	out := Register{
		Name: "flows", Title: "Connections", About: "Every connection that policies allow for sure, or possibly: the first column of ports is certain, the second is all that may be open.",
		Head: []string{
			"src_kind", "src_namespace", "src_name", "src_other", "dst_kind", "dst_namespace", "dst_name", "dst_other", "must", "may", "because",
			"src_class", "dst_class", "declared", "needs",
		},
	}
	for _, e := range edges {
		out.Rows = append(out.Rows, f.row(e))
	}
	return FlowRegisters{Flows: out, Scope: f.scope(), Review: f.review()}
}

// flowWalk is what the walk remembers.
type flowWalk struct {
	in     *pci.Input
	alone  []*pci.Input // for each need, the input with that need only
	covers []int        // for each need, how many connections it covers some of
	looked bool
	texts  map[string]string // of sets of connections, which many edges share
	link   map[*cluster.Workload]*linked
}

// linked is what connections a workload has with the CDE: "", "possible" or "certain" by direction.
type linked struct{ to, from string }

func (f *flowWalk) needsAlone() []*pci.Input {
	if f.in.Intent == nil {
		return nil
	}
	out := make([]*pci.Input, len(f.in.Intent.Needs))
	for i := range out {
		intent := *f.in.Intent
		intent.Needs = intent.Needs[i : i+1 : i+1]
		one := *f.in
		one.Intent = &intent
		out[i] = &one
	}
	return out
}

func (f *flowWalk) text(c netset.Conns) string {
	key := c.Key()
	s, ok := f.texts[key]
	if !ok {
		s = c.String()
		f.texts[key] = s
	}
	return s
}

func (f *flowWalk) row(e reach.Edge) []string {
	src, dst := PeerOf(e.Src), PeerOf(e.Dst)
	var why []string
	if !e.Must.Equal(e.May) {
		for _, r := range f.in.Model.Reasons(e.Src, e.Dst) {
			why = append(why, r.String())
		}
	}
	from, to := workloadOf(e.Src), workloadOf(e.Dst)
	f.connect(from, to, e.Bounds)
	fromClass, _ := classAndZone(f.in.Scope, from)
	toClass, _ := classAndZone(f.in.Scope, to)
	declared, needs := f.declared(e)
	return []string{
		src.Kind, src.Namespace, src.Name, src.other(), dst.Kind, dst.Namespace, dst.Name, dst.other(), f.text(e.Must), f.text(e.May), strings.Join(why, "; "),
		fromClass, toClass, declared, needs,
	}
}

func workloadOf(p reach.Peer) *cluster.Workload {
	if p.Pod != nil {
		return p.Pod.Workload
	}
	return p.Workload
}

// connect notes a connection with the CDE at its other end.
func (f *flowWalk) connect(from, to *cluster.Workload, b reach.Bounds) {
	if f.in.Scope == nil || from == nil || to == nil || from == to {
		return
	}
	said := "possible"
	if !b.Must.IsEmpty() {
		said = "certain"
	}
	at := func(w *cluster.Workload) *linked {
		if f.link[w] == nil {
			f.link[w] = &linked{}
		}
		return f.link[w]
	}
	if l := at(from); f.in.Scope.InCDE(to) && l.to != "certain" {
		l.to = said
	}
	if l := at(to); f.in.Scope.InCDE(from) && l.from != "certain" {
		l.from = said
	}
}

// declared says how much of a connection the needs cover together, and names those that cover some of it.
func (f *flowWalk) declared(e reach.Edge) (string, string) {
	if len(f.alone) == 0 {
		return "", ""
	}
	if !f.looked {
		return notLookedUp, ""
	}
	said, whole := "no", true
	used := make([]bool, len(f.alone))
	for _, part := range f.parts(e) {
		covered, _ := f.in.Covered(part.Src, part.Dst, e.May)
		if whole = whole && covered.Equal(e.May); covered.IsEmpty() {
			continue
		}
		said = "in part"
		for i, one := range f.alone {
			if c, _ := one.Covered(part.Src, part.Dst, e.May); !c.IsEmpty() {
				used[i] = true
			}
		}
	}
	if whole {
		said = "yes"
	}
	var ids []string
	for i, is := range used {
		if is {
			f.covers[i]++
			ids = append(ids, f.in.Intent.Needs[i].ID)
		}
	}
	return said, strings.Join(ids, " ")
}

// parts splits a connection with addresses outside by the zones these are in, and the rest of them into public and
// private ones: a need speaks of a zone, and covers a peer only when it covers every address.
func (f *flowWalk) parts(e reach.Edge) []reach.Edge {
	outside := e.Dst
	if e.Src.IsOutside() {
		outside = e.Src
	}
	if !outside.IsOutside() {
		return []reach.Edge{e}
	}
	var out []reach.Edge
	rest := outside.Addrs
	take := func(some netset.Addrs) {
		both := rest.Intersect(some)
		if both.IsEmpty() {
			return
		}
		part := e
		if e.Src.IsOutside() {
			part.Src = reach.OfAddrs(both)
		} else {
			part.Dst = reach.OfAddrs(both)
		}
		out = append(out, part)
		rest = rest.Subtract(both)
	}
	for i := range f.in.Intent.Zones {
		take(f.in.Intent.Zones[i].Addrs)
	}
	take(pci.PublicAddrs())
	take(netset.AllAddrs())
	return out
}

// mostReasons is how many reasons for a computed class a cell holds. The command scope tells all of them.
const mostReasons = 4

// scope has a row for each workload: what was stated, what is computed, and why.
func (f *flowWalk) scope() Register {
	r := Register{
		Name: "scope", Title: "Scope", About: "What was stated of each workload, what is computed from connections, rights and nodes, and whether the two agree.",
		Head: []string{"kind", "namespace", "name", "class", "computed_class", "agrees", "class_known", "zone", "role", "opens_to_cde", "opened_from_cde", "because", "file", "line"},
	}
	computed := computedClasses(f.in)
	for _, w := range f.in.Cluster.Workloads {
		class, zone := classAndZone(f.in.Scope, w)
		known, role, to, from, agrees := "", "", "", "", ""
		if s := f.in.Scope; s != nil {
			known, role = strconv.FormatBool(!s.Unsure(w)), s.Role(w)
			l := linked{}
			if have := f.link[w]; have != nil {
				l = *have
			}
			to, from = orNone(l.to), orNone(l.from)
		}
		var why []string
		if c := computed[w]; c != nil {
			agrees = agreement(f.in.Scope.Class(w), c)
			for _, reason := range c.Reasons[:min(len(c.Reasons), mostReasons)] {
				why = append(why, reason.Msg)
			}
			if left := len(c.Reasons) - mostReasons; left > 0 {
				why = append(why, fmt.Sprintf("%d more", left))
			}
		}
		r.Rows = append(r.Rows, []string{
			w.Ref.Kind, w.Ref.Namespace, w.Ref.Name, class, computedClass(computed[w]), agrees, known, zone, role, to, from, strings.Join(why, "; "), w.Pos.File, lineNumber(w.Pos.Line),
		})
	}
	return r
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// review has a row for each declared need and exception.
func (f *flowWalk) review() Register {
	r := Register{
		Name: "review", Title: "Needs and exceptions", About: "What was declared, by whom, how many connections it covers, and when it is to be looked at again.",
		Head: []string{
			"type", "id", "from", "to", "ports", "check", "subject", "justification", "mitigation", "data_class", "owner", "approver", "approved", "until", "ticket",
			"covers", "date", "file", "line",
		},
	}
	if f.in.Intent == nil {
		return r
	}
	for i := range f.in.Intent.Needs {
		n := &f.in.Intent.Needs[i]
		covers := strconv.Itoa(f.covers[i])
		if !f.looked {
			covers = notLookedUp
		}
		r.Rows = append(r.Rows, []string{
			"need", n.ID, n.From, n.To, n.Ports, "", "", n.Justification, n.Mitigation, n.DataClass, n.Owner, n.Approver, n.Approved, n.Review, n.Ticket,
			covers, f.dateSays(n.Review, "review is due", "review is not due yet"), n.Pos.File, lineNumber(n.Pos.Line),
		})
	}
	for i := range f.in.Intent.Exceptions {
		x := &f.in.Intent.Exceptions[i]
		r.Rows = append(r.Rows, []string{
			"exception", x.ID, "", "", "", x.Check, x.Subject, x.Reason, "", "", x.Owner, x.Approver, x.Approved, x.Expires, x.Ticket,
			"", f.dateSays(x.Expires, "ended", "holds"), x.Pos.File, lineNumber(x.Pos.Line),
		})
	}
	return r
}

// dateSays compares a date with the day to judge by; dates compare as text.
func (f *flowWalk) dateSays(date, past, ahead string) string {
	switch {
	case date == "":
		return "no date is given"
	case f.in.Today == "":
		return "not known: the day to judge by is not known"
	case date < f.in.Today:
		return past
	}
	return ahead
}

// ZoneCell is what one zone may open to another.
type ZoneCell struct {
	From, To, Verdict, Certain, Undecided string
	Needs, Requirements                   []string
	Missing                               bool // an end is in the CDE, and a part is declared by no need
}

// ZoneMatrix is the register of zones by zones.
func ZoneMatrix(cells []ZoneCell) Register {
	r := Register{
		Name: "matrix", Title: "Zones", About: "What each zone may open to each other one: certain, and undecided beside it.",
		Head: []string{"from", "to", "verdict", "certain", "undecided", "needs", "need_missing", "requirements"},
	}
	for _, c := range cells {
		r.Rows = append(r.Rows, []string{c.From, c.To, c.Verdict, c.Certain, c.Undecided, strings.Join(c.Needs, " "), strconv.FormatBool(c.Missing), strings.Join(c.Requirements, " ")})
	}
	return r
}
