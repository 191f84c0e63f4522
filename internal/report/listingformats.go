package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// ListFormat is one way to write a Listing.
type ListFormat struct {
	Name  string
	Write func(io.Writer, *Listing, Options) error
}

// ListFormats is all of them; the first is the default.
var ListFormats = []ListFormat{
	{"text", listText},
	{"json", listJSON},
	{"csv", listCSV},
	{"markdown", listMarkdown},
	{"matrix", listMatrix},
}

// sets is Must and May of a connection.
func (c Connection) sets() (must, may netset.Conns) {
	if c.exact != nil {
		return c.exact.Must, c.exact.May
	}
	return conns(c.Must), conns(c.May)
}

// certainAndOpen splits a connection into what is allowed for sure and what is possibly allowed besides.
func (c Connection) certainAndOpen() (certain, open netset.Conns) {
	must, may := c.sets()
	return must, may.Subtract(must)
}

func blank(c netset.Conns) string {
	if c.IsEmpty() {
		return "-"
	}
	return c.String()
}

// listText writes when it has seen all connections: the columns must be as wide as their widest text.
func listText(w io.Writer, l *Listing, opt Options) error {
	p := newPrinter(w, opt)
	x := l.links()
	t := linkTable{x: x, why: reasons{x: x, seen: map[reach.Reason]bool{}}}
	x.each(newWhys, t.measure)
	if len(t.bounds) == 0 {
		p.line("no connection is allowed")
	} else {
		t.write(p)
	}
	p.footnotes(t.notes)
	if len(t.why.list) > 0 {
		p.line("")
		p.line("%s", p.bold("UNDECIDED BECAUSE"))
		for _, r := range t.why.list {
			p.para(2, "- ", r.String())
		}
	}
	if len(l.Exposure) > 0 {
		p.line("")
		p.exposure(l.Exposure)
	}
	p.lost(l)
	return p.w.Flush()
}

// inPart is said of connections that were found without all of the input.
const inPart = "part of the input could not be read; connections may be open that are not listed, and closed that are"

func (p *printer) lost(l *Listing) {
	if l.lost() {
		p.line("")
		p.para(0, "note: ", inPart)
	}
}

// lost tells whether part of the input could not be read or was not understood.
func (l *Listing) lost() bool {
	return slices.ContainsFunc(l.Problems, func(p object.Problem) bool { return p.Severity == object.Error })
}

// exposure shows every way in, with what policies make of it.
func (p *printer) exposure(list []Exposed) {
	rows := [][]string{{"EXPOSED BY", "HOW", "PUBLIC", "PORT", "LEADS TO", "POLICIES LET IN"}}
	for _, e := range list {
		row := []string{e.Via.String(), e.Kind, e.Public, strings.TrimSpace(e.Port + " " + e.Host + e.Path)}
		if len(e.Targets) == 0 {
			rows = append(rows, append(row, "nothing known", "-"))
		}
		for _, t := range e.Targets {
			to := t.Workload.String()
			if t.Port != 0 {
				to += fmt.Sprintf(" port %d", t.Port)
			}
			in := "nobody"
			switch {
			case len(t.Must) > 0:
				in = "yes"
			case len(t.May) > 0:
				in = "undecided"
			}
			rows = append(rows, append(slices.Clip(row), to, in))
		}
	}
	p.table(rows)
}

// table writes rows in columns. The first row is the heading; the last column is not padded. Rows are changed.
func (p *printer) table(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			row[i] = line(c)
			widths[i] = max(widths[i], len(row[i]))
		}
	}
	var b []byte
	for n, row := range rows {
		b = b[:0]
		for i, c := range row {
			b = append(b, c...)
			for range widths[i] - len(c) + 2 {
				b = append(b, ' ')
			}
		}
		s := string(bytes.TrimRight(b, " "))
		if n == 0 {
			s = p.bold(s)
		}
		p.line("%s", s)
	}
}

// listJSON writes a connection a line, one at a time: a big cluster has millions.
func listJSON(w io.Writer, l *Listing, _ Options) error {
	b := bufio.NewWriterSize(w, writeSize)
	rest := *l
	rest.Connections = []Connection{}
	var frame bytes.Buffer
	if err := encode(&frame, rest); err != nil {
		return err
	}
	head, tail, _ := bytes.Cut(frame.Bytes(), []byte(`"connections": [`))
	b.Write(head)
	b.WriteString(`"connections": [`)
	x := l.links()
	words := linkWords{x: x, because: map[reach.Why][]byte{}}
	first := true
	x.each(whole, func(k *link) bool {
		if !first {
			b.WriteByte(',')
		}
		first = false
		b.WriteString("\n    {\"src\":")
		b.Write(words.peer(k.src))
		b.WriteString(`,"dst":`)
		b.Write(words.peer(k.dst))
		b.Write(words.bound(k.bounds))
		b.Write(words.why(k.why))
		return b.WriteByte('}') == nil && words.err == nil
	})
	if words.err != nil {
		return words.err
	}
	if !first {
		b.WriteString("\n  ")
	}
	b.Write(tail)
	return b.Flush()
}

// footnotes are addresses too many for a column: "addresses [1]" stands for them.
type footnotes struct {
	names []string
	index map[string]int
}

// longName is how many bytes of addresses a column has room for.
const longName = 44

func (n *footnotes) short(p Peer) string {
	name := p.String()
	if len(p.CIDRs) == 0 || len(name) <= longName {
		return name
	}
	if n.index == nil {
		n.index = map[string]int{}
	}
	i, ok := n.index[name]
	if !ok {
		i = len(n.names)
		n.names = append(n.names, name)
		n.index[name] = i
	}
	return fmt.Sprintf("addresses [%d]", i+1)
}

func (p *printer) footnotes(notes footnotes) {
	if len(notes.names) > 0 {
		p.line("")
	}
	for i, n := range notes.names {
		p.para(0, fmt.Sprintf("[%d] ", i+1), n)
	}
}

func listCSV(w io.Writer, l *Listing, _ Options) error {
	out := newRows(w)
	err := out.write("src_kind", "src_namespace", "src_name", "src_other", "dst_kind", "dst_namespace", "dst_name", "dst_other", "must", "may", "because")
	var why []string
	texts := map[reach.Reason]string{}
	for c := range l.all() {
		if err != nil {
			return err
		}
		why = why[:0]
		for _, r := range c.Because {
			text, ok := texts[r]
			if !ok {
				text = r.String()
				texts[r] = text
			}
			why = append(why, text)
		}
		must, may := c.sets()
		err = out.write(c.Src.Kind, c.Src.Namespace, c.Src.Name, c.Src.other(), c.Dst.Kind, c.Dst.Namespace, c.Dst.Name, c.Dst.other(),
			must.String(), may.String(), strings.Join(why, "; "))
	}
	return errors.Join(err, out.flush())
}

// other is the peer when it is no workload.
func (p Peer) other() string { return strings.Join(p.CIDRs, " ") + p.Entity + p.FQDN }

func listMarkdown(w io.Writer, l *Listing, _ Options) error {
	b := bufio.NewWriterSize(w, writeSize)
	b.WriteString("| Source | Destination | Allowed | Undecided |\n|---|---|---|---|\n")
	why := reasons{seen: map[reach.Reason]bool{}}
	for c := range l.all() {
		certain, open := c.certainAndOpen()
		why.addAll(c.Because)
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", md(c.Src.String()), md(c.Dst.String()), md(blank(certain)), md(blank(open)))
	}
	var because []string
	for _, r := range why.list {
		because = append(because, r.String())
	}
	mdList(b, "Undecided because", because)
	if len(l.Exposure) > 0 {
		b.WriteString("\n| Exposed by | How | Public | Port | Leads to |\n|---|---|---|---|---|\n")
	}
	for _, e := range l.Exposure {
		var to []string
		for _, t := range e.Targets {
			to = append(to, t.Workload.String())
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", md(e.Via.String()), md(e.Kind), md(e.Public), md(strings.TrimSpace(e.Port+" "+e.Host+e.Path)), md(strings.Join(to, ", ")))
	}
	if l.lost() {
		fmt.Fprintf(b, "\n%s\n", md("Note: "+inPart+"."))
	}
	return b.Flush()
}
