package report

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// Sentences that several formats say alike.

func heading(s pci.Status) string {
	switch s {
	case pci.Fail:
		return "FAILED"
	case pci.Unknown:
		return "UNDECIDED"
	case pci.Error:
		return "NOT CHECKED (error)"
	case pci.Manual:
		return "TO BE CHECKED BY A PERSON"
	case pci.Accepted:
		return "ACCEPTED"
	case pci.NotApplicable:
		return "NOT APPLICABLE"
	case pci.Pass:
		return "PASSED"
	}
	return strings.ToUpper(string(s))
}

func count(a *pci.Assessment, s pci.Status) int {
	n := 0
	for _, f := range a.Findings {
		if f.Status == s {
			n++
		}
	}
	return n
}

// statusWords is a status behind its count: "3 failed".
func statusWords(s pci.Status) string {
	switch s {
	case pci.Fail:
		return "failed"
	case pci.Unknown:
		return "undecided"
	case pci.Error:
		return "not checked"
	case pci.Manual:
		return "manual"
	case pci.Accepted:
		return "accepted"
	case pci.NotApplicable:
		return "not applicable"
	case pci.Pass:
		return "passed"
	}
	return string(s)
}

// tally is the counts in one line: "3 failed, 1 undecided, 0 errors, 2 manual, 0 accepted, 1 not applicable, 12 passed".
func tally(a *pci.Assessment) string {
	var parts []string
	for _, s := range pci.Statuses() {
		parts = append(parts, fmt.Sprintf("%d %s", count(a, s), statusWords(s)))
	}
	return strings.Join(parts, ", ")
}

// subject names what a finding is about, "" for findings about the input as a whole.
func subject(f pci.Finding) string {
	if f.Subject.Kind == "" {
		return ""
	}
	return f.Subject.String()
}

func witnessText(w *pci.Witness) string {
	if w == nil {
		return ""
	}
	if w.Text != "" {
		return w.Text
	}
	s := end(w.Src, w.SrcAddress) + " -> " + end(w.Dst, w.DstAddress) + " " + strings.ToLower(w.Protocol)
	if w.Port != 0 {
		s += fmt.Sprintf("/%d", w.Port)
	}
	return s
}

func end(name, addr string) string {
	switch {
	case addr == "" || addr == name:
		return name
	case name == "":
		return addr
	}
	return name + " (" + addr + ")"
}

// becauseTexts is the deciding objects, each "file:line Kind ns/name: message".
func becauseTexts(f pci.Finding) []string {
	out := make([]string, len(f.Because))
	for i, b := range f.Because {
		out[i] = because(b.Pos, b.Ref, b.Msg)
	}
	return out
}

func because(pos object.Pos, ref object.Ref, msg string) string {
	var parts []string
	if pos.File != "" {
		parts = append(parts, pos.String())
	}
	if ref.Kind != "" {
		parts = append(parts, ref.String())
	}
	head := strings.Join(parts, " ")
	switch {
	case head == "":
		return msg
	case msg == "":
		return head
	}
	return head + ": " + msg
}

// coverage is the part of the account of the input that reports speak of.
type coverage struct {
	Sources []string `json:"sources"`
	Files   int      `json:"files"`
	Objects int      `json:"objects"`
	Kinds   []struct {
		Kind  string `json:"kind"`
		Count int    `json:"count"`
	} `json:"kinds"`
	Skipped []struct {
		Pos    object.Pos `json:"pos"`
		Reason string     `json:"reason"`
	} `json:"skipped"`
	Missing []struct {
		What string     `json:"what"`
		Why  string     `json:"why"`
		Pos  object.Pos `json:"pos"`
	} `json:"missing"`
	Complete bool `json:"complete"`
}

// coverageOf reads the account, whoever wrote it. ok is false when there is none to be read.
func coverageOf(v any) (c coverage, ok bool) {
	if v == nil {
		return c, false
	}
	data, err := json.Marshal(v)
	return c, err == nil && json.Unmarshal(data, &c) == nil && len(c.Sources) > 0
}

// populationOf is "312 of 312 pods".
func populationOf(p pci.Population) string {
	return strings.TrimSpace(fmt.Sprintf("%d of %d %s", p.Holds, p.Of, p.What))
}

// gaps is what the answers do not cover: what the model leaves out, and what was not in the input.
func gaps(a *pci.Assessment) []string {
	out := append([]string{}, a.Limits...)
	c, ok := coverageOf(a.Coverage)
	if !ok {
		return append(out, "no account of the input: what was read, and what was not, is not known")
	}
	for _, m := range c.Missing {
		out = append(out, place("missing: "+m.What+": "+m.Why, m.Pos))
	}
	for _, s := range c.Skipped {
		out = append(out, place("not read: "+s.Reason, s.Pos))
	}
	if !c.Complete {
		out = append(out, "read from files, which need not be all that runs in the cluster; pods, namespaces and policies kept elsewhere are not covered")
	}
	return out
}

func place(msg string, pos object.Pos) string {
	if pos.File == "" {
		return msg
	}
	return msg + " (" + pos.String() + ")"
}
