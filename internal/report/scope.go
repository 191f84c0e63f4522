package report

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// ScopeProtocol is the version of the record of the scope.
const ScopeProtocol = "bulkhead.dev/scope/v1"

// Scope is the record of "scope": what every workload is declared and computed to be. Lists are never null. It
// is a versioned promise; fields are added, never changed.
type Scope struct {
	Protocol  string           `json:"protocol"`
	Source    string           `json:"source"` // of the declared classes
	Digest    string           `json:"digest"` // stands for both classes of all workloads
	Declared  []pci.ClassCount `json:"declared"`
	Computed  []pci.ClassCount `json:"computed"`
	Workloads []ScopeWorkload  `json:"workloads"`
	Systems   []ScopeSystem    `json:"systems"`
	Paths     []ScopePath      `json:"paths"`
	Cut       []ScopeGate      `json:"cut"` // closes all paths
	Limits    []string         `json:"limits"`
	Problems  []object.Problem `json:"problems"`
	Coverage  any              `json:"coverage"`
}

// ScopeWorkload is one workload. Least is the class that is certain and Most the one that cannot be ruled out;
// Computed is both when they are the same, else "undecided". Agrees is "yes", "no" or "undecided".
type ScopeWorkload struct {
	Workload object.Ref    `json:"workload"`
	Pos      object.Pos    `json:"pos"`
	Zone     string        `json:"zone"`
	Declared string        `json:"declared"`
	Computed string        `json:"computed"`
	Least    string        `json:"least"`
	Most     string        `json:"most"`
	Agrees   string        `json:"agrees"`
	Reasons  []ScopeReason `json:"reasons"`
}

// ScopeReason is one fact that puts a workload into a class. Because is the rules that let a connection through.
type ScopeReason struct {
	Code    string        `json:"code"`
	Class   string        `json:"class"`
	Certain bool          `json:"certain"`
	Message string        `json:"message"`
	Object  object.Ref    `json:"object"`
	Pos     object.Pos    `json:"pos"`
	Because []pci.Because `json:"because"`
}

// ScopeSystem is something in scope that is no workload.
type ScopeSystem struct {
	Kind    string     `json:"kind"`
	Name    string     `json:"name"`
	Certain bool       `json:"certain"`
	Message string     `json:"message"`
	Object  object.Ref `json:"object,omitzero"`
	Pos     object.Pos `json:"pos,omitzero"`
}

// ScopePath is the shortest way of two or three connections to a workload. Cut closes every such way to it; null
// when it was not computed.
type ScopePath struct {
	To      object.Ref   `json:"to"`
	Certain bool         `json:"certain"`
	Hops    []Connection `json:"hops"`
	Cut     []ScopeGate  `json:"cut"`
}

// ScopeGate is what some workloads of a namespace may open to one destination.
type ScopeGate struct {
	From    []object.Ref  `json:"from"`
	To      object.Ref    `json:"to"`
	Conns   []Ports       `json:"conns"`
	Needed  bool          `json:"needed"` // some of it is declared to be needed
	Because []pci.Because `json:"because"`
	text    string
}

// ScopeOf makes the record of a computed scope, which must not be nil.
func ScopeOf(in *pci.Input, computed *scope.Result) *Scope {
	s := &Scope{
		Protocol: ScopeProtocol, Source: in.Scope.Source(), Digest: in.Scope.Digest(computed), Declared: []pci.ClassCount{}, Computed: []pci.ClassCount{},
		Workloads: []ScopeWorkload{}, Systems: []ScopeSystem{}, Paths: []ScopePath{}, Cut: []ScopeGate{}, Limits: []string{}, Problems: []object.Problem{}, Coverage: struct{}{},
	}
	for _, class := range pci.Classes() {
		s.Declared = append(s.Declared, pci.ClassCount{Class: string(class), Workloads: len(in.Scope.Of(class))})
	}
	classes, counts := computed.Counts()
	for i, class := range classes {
		s.Computed = append(s.Computed, pci.ClassCount{Class: string(class), Workloads: counts[i]})
	}
	for i := range computed.Workloads {
		s.Workloads = append(s.Workloads, scopedOf(in, &computed.Workloads[i]))
	}
	for _, x := range computed.Systems {
		s.Systems = append(s.Systems, ScopeSystem{x.Kind, x.Name, x.Sure, x.Msg, x.Ref, x.Pos})
	}
	for _, p := range computed.Paths.Found {
		x := ScopePath{To: p.To().Ref, Certain: p.Certain, Hops: []Connection{}, Cut: gatesOf(in, p.Cut)}
		for _, h := range p.Hops {
			x.Hops = append(x.Hops, ConnectionOf(h, in.Model.Reasons(h.Src, h.Dst)))
		}
		s.Paths = append(s.Paths, x)
	}
	s.Cut = gatesOf(in, computed.Paths.Cut)
	if computed.Paths.Limit != "" {
		s.Limits = append(s.Limits, computed.Paths.Limit)
	}
	s.Limits = append(s.Limits, computed.Open...)
	return s
}

func scopedOf(in *pci.Input, w *scope.Workload) ScopeWorkload {
	declared := in.Scope.Class(w.Workload)
	out := ScopeWorkload{
		Workload: w.Ref, Pos: w.Pos, Declared: string(declared), Computed: string(w.Class()), Least: string(w.Least), Most: string(w.Most),
		Agrees: agreement(declared, w), Reasons: []ScopeReason{},
	}
	if z := in.Scope.Zone(w.Workload); z != nil {
		out.Zone = z.Name
	}
	for _, r := range w.Reasons {
		x := ScopeReason{Code: r.Code, Class: string(r.Class), Certain: r.Sure, Message: r.Msg, Object: r.Ref, Pos: r.Pos, Because: []pci.Because{}}
		if r.Code == scope.Flow || r.Code == scope.Segment {
			src, dst := reach.OfWorkload(w.Workload), reach.OfWorkload(r.With)
			if r.Dir == policy.Egress {
				src, dst = dst, src
			}
			x.Because = append(x.Because, pci.LetThrough(in.Model, src, dst, r.Conns)...)
			if !r.Sure {
				x.Because = append(x.Because, pci.ReasonsOf(in.Model.Reasons(src, dst))...)
			}
		}
		out.Reasons = append(out.Reasons, x)
	}
	return out
}

// agreement tells whether what is computed bears out what is declared.
func agreement(declared pci.Class, w *scope.Workload) string {
	switch certain, possible := pci.Agrees(declared, w); {
	case certain:
		return "yes"
	case possible:
		return "undecided"
	}
	return "no"
}

// gatesOf is nil for a cut that was not computed.
func gatesOf(in *pci.Input, c *scope.Cut) []ScopeGate {
	if c == nil {
		return nil
	}
	out := []ScopeGate{}
	for _, g := range c.Gates {
		x := ScopeGate{From: refsOf(g.From), To: g.To.Ref, Conns: PortsOf(g.Conns), Needed: g.Needed, text: g.String() + " (" + g.Conns.String() + ")"}
		src, dst := reach.OfWorkload(g.From[0]), reach.OfWorkload(g.To)
		x.Because = append([]pci.Because{}, pci.LetThrough(in.Model, src, dst, in.Model.Between(src, dst).May)...)
		out = append(out, x)
	}
	return out
}

func refsOf(ws []*cluster.Workload) []object.Ref {
	out := make([]object.Ref, len(ws))
	for i, w := range ws {
		out[i] = w.Ref
	}
	return out
}

// ExitCode is the program's exit code: 1 when a declared class is certainly not what is computed, 3 when that
// is not decided somewhere, or input was lost, else 0.
func (s *Scope) ExitCode() int {
	code := 0
	for _, w := range s.Workloads {
		switch w.Agrees {
		case "no":
			return 1
		case "undecided":
			code = 3
		}
	}
	for _, p := range s.Problems {
		if p.Severity == object.Error {
			code = 3
		}
	}
	return code
}
