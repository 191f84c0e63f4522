package report

import (
	"bufio"
	"bytes"
	"encoding/json"
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

// certainAndOpen splits a connection into what is allowed for sure and what is possibly allowed besides.
func (c Connection) certainAndOpen() (certain, open netset.Conns) {
	if c.exact != nil {
		return c.exact.Must, c.exact.May.Subtract(c.exact.Must)
	}
	certain = conns(c.Must)
	return certain, conns(c.May).Subtract(certain)
}

func blank(c netset.Conns) string {
	if c.IsEmpty() {
		return "-"
	}
	return c.String()
}

func listText(w io.Writer, l *Listing, opt Options) error {
	p := newPrinter(w, opt)
	rows := [][]string{{"SOURCE", "DESTINATION", "ALLOWED", "UNDECIDED"}}
	var notes footnotes
	for _, c := range l.Connections {
		certain, open := c.certainAndOpen()
		rows = append(rows, []string{notes.short(c.Src), notes.short(c.Dst), blank(certain), blank(open)})
	}
	if len(l.Connections) == 0 {
		p.line("no connection is allowed")
	} else {
		p.table(rows)
	}
	p.footnotes(notes)
	if reasons := l.Reasons(); len(reasons) > 0 {
		p.line("")
		p.line("%s", p.bold("UNDECIDED BECAUSE"))
		for _, r := range reasons {
			p.para(2, "- ", r.String())
		}
	}
	if len(l.Exposure) > 0 {
		p.line("")
		p.exposure(l.Exposure)
	}
	return p.w.Flush()
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
	b := bufio.NewWriter(w)
	rest := *l
	rest.Connections = []Connection{}
	var frame bytes.Buffer
	if err := encode(&frame, rest); err != nil {
		return err
	}
	head, tail, _ := bytes.Cut(frame.Bytes(), []byte(`"connections": [`))
	b.Write(head)
	b.WriteString(`"connections": [`)
	parts := partsCache{}
	for i, c := range l.Connections {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		for _, part := range []struct {
			name string
			key  any
			v    any
		}{
			{`{"src":`, peerKey(c.Src), c.Src},
			{`,"dst":`, peerKey(c.Dst), c.Dst},
			{`,"must":`, portsKey(c.Must), c.Must},
			{`,"may":`, portsKey(c.May), c.May},
			{`,"because":`, becauseKey(c.Because), c.Because},
		} {
			text, err := parts.encode(part.key, part.v)
			if err != nil {
				return err
			}
			b.WriteString(part.name)
			b.Write(text)
		}
		b.WriteByte('}')
	}
	if len(l.Connections) > 0 {
		b.WriteString("\n  ")
	}
	b.Write(tail)
	return b.Flush()
}

// partsCache keeps the JSON of what many connections share.
type partsCache map[any][]byte

// encode gives the JSON of v in one line, from the cache when key is not nil.
func (p partsCache) encode(key, v any) ([]byte, error) {
	if text, ok := p[key]; ok && key != nil {
		return text, nil
	}
	var one bytes.Buffer
	enc := json.NewEncoder(&one)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	text := escapeUnsafe(bytes.TrimRight(one.Bytes(), "\n"))
	if key != nil {
		p[key] = text
	}
	return text, nil
}

// The keys are what tells two values apart; nil for those that are not worth keeping.

func peerKey(p Peer) any {
	if p.Kind == "" {
		return nil
	}
	return object.Ref{Kind: p.Kind, Namespace: p.Namespace, Name: p.Name}
}

func portsKey(p []Ports) any {
	switch len(p) {
	case 0:
		return [0]Ports{}
	case 1:
		return p[0]
	case 5: // every protocol; the ports of each decide
		return [5]Ports(p)
	}
	return nil
}

func becauseKey(rs []reach.Reason) any {
	switch len(rs) {
	case 0:
		return [0]reach.Reason{}
	case 1:
		return rs[0]
	}
	return nil
}

// footnotes are addresses too many for a column: "addresses [1]" stands for them.
type footnotes []string

// longName is how many bytes of addresses a column has room for.
const longName = 44

func (n *footnotes) short(p Peer) string {
	name := p.String()
	if len(p.CIDRs) == 0 || len(name) <= longName {
		return name
	}
	i := slices.Index(*n, name)
	if i < 0 {
		i = len(*n)
		*n = append(*n, name)
	}
	return fmt.Sprintf("addresses [%d]", i+1)
}

func (p *printer) footnotes(notes footnotes) {
	if len(notes) > 0 {
		p.line("")
	}
	for i, n := range notes {
		p.para(0, fmt.Sprintf("[%d] ", i+1), n)
	}
}

func listCSV(w io.Writer, l *Listing, _ Options) error {
	rows := [][]string{{"src_kind", "src_namespace", "src_name", "src_other", "dst_kind", "dst_namespace", "dst_name", "dst_other", "must", "may", "because"}}
	for _, c := range l.Connections {
		var why []string
		for _, r := range c.Because {
			why = append(why, r.String())
		}
		rows = append(rows, []string{
			c.Src.Kind, c.Src.Namespace, c.Src.Name, c.Src.other(), c.Dst.Kind, c.Dst.Namespace, c.Dst.Name, c.Dst.other(),
			conns(c.Must).String(), conns(c.May).String(), strings.Join(why, "; "),
		})
	}
	return writeRows(w, rows)
}

// other is the peer when it is no workload.
func (p Peer) other() string { return strings.Join(p.CIDRs, " ") + p.Entity + p.FQDN }

func listMarkdown(w io.Writer, l *Listing, _ Options) error {
	b := bufio.NewWriter(w)
	b.WriteString("| Source | Destination | Allowed | Undecided |\n|---|---|---|---|\n")
	for _, c := range l.Connections {
		certain, open := c.certainAndOpen()
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", md(c.Src.String()), md(c.Dst.String()), md(blank(certain)), md(blank(open)))
	}
	var why []string
	for _, r := range l.Reasons() {
		why = append(why, r.String())
	}
	mdList(b, "Undecided because", why)
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
	return b.Flush()
}
