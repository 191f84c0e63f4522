package report

import (
	"bufio"
	"fmt"
	"io"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// ChangesProtocol is the version of the record of a comparison.
const ChangesProtocol = "bulkhead.dev/changes/v1"

// Changes is the record of "diff": what a change allows and no longer allows. Lists are never null.
type Changes struct {
	Protocol string           `json:"protocol"`
	Changes  []Change         `json:"changes"`
	Problems []object.Problem `json:"problems"`
}

// Change is one pair of peers. Added and Removed are certain; MaybeAdded and MaybeRemoved depend on what is
// not known about one of the two sides.
type Change struct {
	Src          Peer    `json:"src"`
	Dst          Peer    `json:"dst"`
	Added        []Ports `json:"added"`
	Removed      []Ports `json:"removed"`
	MaybeAdded   []Ports `json:"maybeAdded"`
	MaybeRemoved []Ports `json:"maybeRemoved"`
}

// ChangeOf makes the record of a change.
func ChangeOf(c reach.Change) Change {
	return Change{
		Src: PeerOf(c.Src), Dst: PeerOf(c.Dst), Added: PortsOf(c.Added), Removed: PortsOf(c.Removed),
		MaybeAdded: PortsOf(c.MaybeAdded), MaybeRemoved: PortsOf(c.MaybeRemoved),
	}
}

// Certain tells whether something is certainly different.
func (c Changes) Certain() bool {
	for _, x := range c.Changes {
		if len(x.Added) > 0 || len(x.Removed) > 0 {
			return true
		}
	}
	return false
}

// ChangesFormat is one way to write Changes.
type ChangesFormat struct {
	Name  string
	Write func(io.Writer, *Changes, Options) error
}

// ChangesFormats is all of them; the first is the default.
var ChangesFormats = []ChangesFormat{
	{"text", changesText},
	{"json", func(w io.Writer, c *Changes, _ Options) error { return encode(w, c) }},
	{"markdown", changesMarkdown},
}

// mark is one way in which a pair differs, with its signs in text and its colour.
type mark struct {
	sign, word, color string
	conns             netset.Conns
}

func (c Change) marks() []mark {
	all := []mark{
		{"+", "now allowed", "32", conns(c.Added)},
		{"-", "no longer allowed", "31", conns(c.Removed)},
		{"?+", "possibly now allowed", "33", conns(c.MaybeAdded)},
		{"?-", "possibly no longer allowed", "33", conns(c.MaybeRemoved)},
	}
	var out []mark
	for _, m := range all {
		if !m.conns.IsEmpty() {
			out = append(out, m)
		}
	}
	return out
}

func changesText(w io.Writer, c *Changes, opt Options) error {
	p := newPrinter(w, opt)
	if len(c.Changes) == 0 {
		p.line("no difference: the same connections are allowed")
		return p.w.Flush()
	}
	added, removed, maybe := 0, 0, 0
	for _, x := range c.Changes {
		for _, m := range x.marks() {
			switch m.sign {
			case "+":
				added++
			case "-":
				removed++
			default:
				maybe++
			}
			p.line("%s", p.mark(m.color, fmt.Sprintf("%-2s %s -> %s  %s", m.sign, line(x.Src.String()), line(x.Dst.String()), m.conns)))
		}
	}
	p.line("")
	p.line("%s now allow more (+), %s allow less (-), %d undecided (?)", plural(added, "pair"), plural(removed, "pair"), maybe)
	return p.w.Flush()
}

func changesMarkdown(w io.Writer, c *Changes, _ Options) error {
	b := bufio.NewWriter(w)
	if len(c.Changes) == 0 {
		b.WriteString("No difference: the same connections are allowed.\n")
		return b.Flush()
	}
	b.WriteString("| Change | Source | Destination | Connections |\n|---|---|---|---|\n")
	for _, x := range c.Changes {
		for _, m := range x.marks() {
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", m.word, md(x.Src.String()), md(x.Dst.String()), md(m.conns.String()))
		}
	}
	return b.Flush()
}
