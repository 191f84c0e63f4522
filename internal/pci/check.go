package pci

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// Check is one question put to a cluster, with its documentation. Why, Fix and Evidence are plain
// paragraphs: why it matters, how to mend it, what a result proves and what it does not.
type Check struct {
	ID           string // "DEN-01"; never given to another question
	Title        string // what holds when the check passes
	Since        string // the version of bulkhead that first had it
	Severity     Severity
	Requirements []string // PCI DSS 4.0.1
	Guidance     []string // sections of the PCI SSC guidance for containers, 2022
	Why          string
	Fix          string
	Evidence     string
	NeedsScope   bool // without a scope the check asks for one and does nothing else
	// Run gives the findings in any order. Assess adds to each what it knows from the Check.
	Run func(*Input) []Finding
	// After is in place of Run for a check that asks what became of exceptions. It runs when all others have.
	After func(*Input, []ExceptionResult) []Finding
}

// Input is everything checks may look at. Nothing in it is changed by them.
type Input struct {
	Model    *reach.Model
	Cluster  *cluster.Cluster
	Policies policy.Set
	Profile  enforcer.Profile
	Exposure exposure.Set
	Scope    *Scope        // nil when nobody stated one
	Computed *scope.Result // what the scope is computed to be; Assess sees to it. nil without a Scope
	Intent   *Intent       // the declared segmentation; nil when there is none
	// Today is the day to judge by, "2026-01-31", or "" when nobody says: then no exception holds.
	Today        string
	LoadProblems []object.Problem
	known        *remembered // nil outside of Assess
}

// ReasonsOf turns the engine's reasons for an undecided answer into evidence, in their order.
func ReasonsOf(reasons []reach.Reason) []Because {
	out := make([]Because, 0, len(reasons))
	for _, r := range reasons {
		out = append(out, Because{Ref: r.Ref, Pos: r.Pos, Msg: r.Msg})
	}
	return out
}

// WitnessOf turns the engine's packet into that of a finding.
func WitnessOf(w reach.Witness) *Witness {
	return &Witness{
		Src: w.Src, Dst: w.Dst, SrcAddress: w.SrcAddr, DstAddress: w.DstAddr,
		Protocol: w.Protocol.String(), Port: int(w.Port), Text: w.String(),
	}
}
