package pci

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Status is the result of a check. Unknown is never a pass.
type Status string

// The statuses, worst first. Unknown says that the input does not decide; Manual that a person must judge;
// Accepted that the intent declares the deviation with its mitigation.
const (
	Fail          Status = "fail"
	Unknown       Status = "unknown"
	Error         Status = "error"
	Manual        Status = "manual"
	Accepted      Status = "accepted"
	NotApplicable Status = "not-applicable"
	Pass          Status = "pass"
)

// Statuses is all of them, worst first: the order of reports.
func Statuses() []Status {
	return []Status{Fail, Unknown, Error, Manual, Accepted, NotApplicable, Pass}
}

func (s Status) rank() int {
	for i, t := range Statuses() {
		if s == t {
			return i
		}
	}
	return len(Statuses())
}

// Severity is how much a failed check matters.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
	Info     Severity = "info"
)

// Severities is all of them, worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low, Info} }

func (s Severity) rank() int {
	for i, t := range Severities() {
		if s == t {
			return i
		}
	}
	return len(Severities())
}

// Up is one step worse: what a finding inside the CDE gets. Info stays Info.
func (s Severity) Up() Severity {
	switch s {
	case High:
		return Critical
	case Medium:
		return High
	case Low:
		return Medium
	case Critical, Info:
	}
	return s
}

// Finding is one statement of a check about one subject.
type Finding struct {
	Check           string     `json:"check"`
	Title           string     `json:"title"`
	Status          Status     `json:"status"`
	Severity        Severity   `json:"severity"`
	Requirements    []string   `json:"requirements"`    // PCI DSS 4.0.1
	Requirements321 []string   `json:"requirements321"` // the same in PCI DSS 3.2.1
	Guidance        []string   `json:"guidance"`        // sections of the container guidance
	Subject         object.Ref `json:"subject,omitzero"`
	Pos             object.Pos `json:"pos,omitzero"`
	Message         string     `json:"message"`
	Population      Population `json:"population,omitzero"`
	Witness         *Witness   `json:"witness,omitempty"`
	Because         []Because  `json:"because"`
	Fix             *Fix       `json:"fix,omitempty"`
	// Rest is a digest of what the message counts and does not name ("and 7 more"), "" when it names all. It tells
	// findings apart whose messages are the same.
	Rest string `json:"rest,omitempty"`
	// Fingerprint is the same for the same finding in another run: no lines, no order go into it.
	Fingerprint string `json:"fingerprint"`
	Since       Since  `json:"since,omitempty"` // against a baseline, of open findings; "" without one
	Was         string `json:"was,omitempty"`   // the message then, of a changed one
	// Key tells findings of one check about one subject apart; it goes into the fingerprint only.
	Key string `json:"-"`
}

// Population is how many of how many subjects hold: "312 of 312 pods".
type Population struct {
	Of    int    `json:"of"`
	Holds int    `json:"holds"`
	What  string `json:"what"` // plural: "pods"
}

// Witness is one concrete packet that shows the finding.
type Witness struct {
	Src        string `json:"src"`
	Dst        string `json:"dst"`
	SrcAddress string `json:"srcAddress,omitempty"`
	DstAddress string `json:"dstAddress,omitempty"`
	Protocol   string `json:"protocol"`
	Port       int    `json:"port,omitempty"`
	Text       string `json:"text"`
}

// Because is one object or rule that decides.
type Because struct {
	Ref object.Ref `json:"object,omitzero"`
	Pos object.Pos `json:"pos,omitzero"`
	Msg string     `json:"message"`
}

// Fix is the smallest change that settles the finding. YAML, when there is one, can be applied as it is.
type Fix struct {
	Text string `json:"text"`
	YAML string `json:"yaml,omitempty"`
}

func fingerprint(f *Finding) string {
	h := sha256.Sum256([]byte(strings.Join([]string{f.Check, f.Subject.Group, f.Subject.String(), string(f.Status), f.Key}, "\x00")))
	return hex.EncodeToString(h[:8])
}

func compareFindings(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.Status.rank(), b.Status.rank()), cmp.Compare(a.Severity.rank(), b.Severity.rank()),
		cmp.Compare(a.Check, b.Check), a.Subject.Compare(b.Subject), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Message, b.Message))
}
