package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// ScopeFormat is one way to write a Scope.
type ScopeFormat struct {
	Name  string
	Write func(io.Writer, *Scope, Options) error
}

// ScopeFormats is all of them; the first is the default.
var ScopeFormats = []ScopeFormat{
	{"text", scopeAsText},
	{"json", func(w io.Writer, s *Scope, _ Options) error { return encode(w, s) }},
	{"csv", scopeCSV},
}

// between writes the classes that are left: "undecided, out-of-scope to connected-to".
func (w *ScopeWorkload) between() string {
	if w.Least == w.Most {
		return w.Computed
	}
	return w.Computed + ", " + w.Least + " to " + w.Most
}

func countsText(list []pci.ClassCount) string {
	var parts []string
	for _, c := range list {
		if c.Workloads > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.Workloads, c.Class))
		}
	}
	return strings.Join(parts, ", ")
}

// fewReasons is how many reasons of a workload the text has unless it is verbose.
const fewReasons = 4

func scopeAsText(w io.Writer, s *Scope, opt Options) error {
	p := newPrinter(w, opt)
	p.para(0, "Declared    ", countsText(s.Declared)+"; by "+s.Source)
	p.para(0, "Computed    ", countsText(s.Computed))
	p.para(0, "Digest      ", s.Digest)
	p.line("")
	rows := [][]string{{"WORKLOAD", "DECLARED", "COMPUTED", "AGREES"}}
	for i := range s.Workloads {
		x := &s.Workloads[i]
		rows = append(rows, []string{x.Workload.String(), x.Declared, x.between(), x.Agrees})
	}
	p.table(rows)
	for i := range s.Workloads {
		p.scoped(&s.Workloads[i])
	}
	if len(s.Systems) > 0 {
		p.line("")
		p.line("%s", p.bold("IN SCOPE AND NO WORKLOAD"))
	}
	for _, x := range s.Systems {
		perhaps := ""
		if !x.Certain {
			perhaps = "perhaps "
		}
		p.para(2, "- ", place(x.Kind+" "+x.Name+": "+perhaps+x.Message, x.Pos))
	}
	p.paths(s)
	if len(s.Limits) > 0 {
		p.line("")
		p.line("%s", p.bold("NOT KNOWN"))
	}
	for _, l := range s.Limits {
		p.para(2, "- ", l)
	}
	return p.w.Flush()
}

// scoped writes why a workload has its class. Those that only a declaration puts somewhere need no words.
func (p *printer) scoped(w *ScopeWorkload) {
	if len(w.Reasons) == 0 || len(w.Reasons) == 1 && w.Reasons[0].Code == "declared" {
		return
	}
	p.line("")
	p.line("%s", p.bold(line(w.Workload.String())+"  "+line(w.between())))
	for i, r := range w.Reasons {
		if i == fewReasons && !p.opt.Verbose && len(w.Reasons) > fewReasons+1 {
			p.para(2, "", fmt.Sprintf("%d more with -v or -o json", len(w.Reasons)-i))
			break
		}
		perhaps := ""
		if !r.Certain {
			perhaps = "perhaps "
		}
		p.para(2, "- ", perhaps+r.Class+": "+place(r.Message, r.Pos))
		for _, b := range r.Because {
			p.para(6, "", because(b.Pos, b.Ref, b.Msg))
		}
	}
}

func (p *printer) paths(s *Scope) {
	if len(s.Paths) == 0 {
		return
	}
	p.line("")
	p.line("%s", p.bold("PATHS INTO THE CARDHOLDER DATA ENVIRONMENT"))
	for _, x := range s.Paths {
		var b strings.Builder
		b.WriteString(x.Hops[0].Src.String())
		for _, h := range x.Hops {
			certain, open := h.certainAndOpen()
			fmt.Fprintf(&b, " -> %s (%s)", h.Dst, certain.Union(open))
		}
		if !x.Certain {
			b.WriteString(", perhaps")
		}
		p.para(2, "- ", b.String())
		p.gates(6, "cut ", x.Cut)
	}
	if len(s.Paths) > 1 {
		p.line("")
		p.para(2, "", "To close all of these:")
		p.gates(2, "- ", s.Cut)
	}
}

func (p *printer) gates(indent int, label string, gates []ScopeGate) {
	if gates == nil {
		p.para(indent, label, "not computed: the connections are too many")
	}
	for _, g := range gates {
		need := ""
		if g.Needed {
			need = "; declared to be needed"
		}
		p.para(indent, label, g.text+need)
		for _, b := range g.Because {
			p.para(indent+len(label), "", because(b.Pos, b.Ref, b.Msg))
		}
	}
}

// scopeCSV writes a row for each workload. The columns are a promise: new ones come at the end.
func scopeCSV(w io.Writer, s *Scope, _ Options) error {
	rows := [][]string{{"kind", "namespace", "name", "zone", "declared", "computed", "least", "most", "agrees", "reasons", "path", "cut", "file", "line"}}
	paths := map[string]*ScopePath{}
	for i := range s.Paths {
		paths[s.Paths[i].To.String()] = &s.Paths[i]
	}
	for _, x := range s.Workloads {
		var reasons, hops, cut []string
		for _, r := range x.Reasons {
			text := r.Class + ": " + place(r.Message, r.Pos)
			if !r.Certain {
				text = "perhaps " + text
			}
			reasons = append(reasons, text)
		}
		if path := paths[x.Workload.String()]; path != nil {
			hops = append(hops, path.Hops[0].Src.String())
			for _, h := range path.Hops {
				hops = append(hops, h.Dst.String())
			}
			for _, g := range path.Cut {
				cut = append(cut, g.text)
			}
		}
		rows = append(rows, []string{
			x.Workload.Kind, x.Workload.Namespace, x.Workload.Name, x.Zone, x.Declared, x.Computed, x.Least, x.Most, x.Agrees,
			strings.Join(reasons, "; "), strings.Join(hops, " -> "), strings.Join(cut, "; "), x.Pos.File, strconv.Itoa(x.Pos.Line),
		})
	}
	return writeRows(w, rows)
}
