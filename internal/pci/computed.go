package pci

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci/scope"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// ComputeScope computes the scope from what is declared to handle account data, or gives what is computed
// already. It is nil when nobody states a scope. It takes about as long as listing every connection.
func (in *Input) ComputeScope() *scope.Result {
	if in.Computed != nil || in.Scope == nil {
		return in.Computed
	}
	from := &scope.Input{Cluster: in.Cluster, Model: in.Model, Profile: in.Profile, Exposure: in.Exposure, Declared: in.Scope.declared}
	if in.Intent != nil && len(in.Intent.Needs) > 0 {
		from.Needed = func(src, dst *cluster.Workload, conns netset.Conns) bool {
			covered, _ := in.Covered(reach.OfWorkload(src), reach.OfWorkload(dst), conns)
			return !covered.IsEmpty()
		}
	}
	return scope.Compute(from)
}

// declared is what a class says beyond what is computed.
func (s *Scope) declared(w *cluster.Workload) scope.Declared {
	switch class := s.Class(w); {
	case s.Unsure(w):
		return scope.Unsure
	case class.InCDE():
		return scope.Account
	case class == OutOfScope:
		return scope.Outside
	case class == Unclassified:
		return scope.Nothing
	}
	return scope.Inside
}

// Digest stands for both classes, the declared and the computed one, of every workload that is or may be in scope
// by either, so that a confirmation of the scope can name what was confirmed: "sha256:" and 64 digits. What is
// out of scope by both for certain may come and go.
func (s *Scope) Digest(computed *scope.Result) string {
	h := sha256.New()
	for i := range computed.Workloads {
		w := &computed.Workloads[i]
		class := s.Class(w.Workload)
		if class != OutOfScope || w.Most != scope.OutOfScope {
			fmt.Fprintf(h, "%q %q %q %q %s %s %s\n", w.Ref.Group, w.Ref.Kind, w.Ref.Namespace, w.Ref.Name, class, w.Least, w.Most)
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func isDigest(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	_, err := hex.DecodeString(digits)
	return ok && err == nil && len(digits) == 2*sha256.Size && strings.ToLower(digits) == digits
}

// Agrees tells whether what is computed of a workload bears out the class it is declared to be: certain says
// that it certainly does, possible that it may.
func Agrees(declared Class, w *scope.Workload) (certain, possible bool) {
	fits := func(c scope.Class) bool {
		switch declared {
		case CDE, CDEStore: // who handles account data is for people to say
			return true
		case ConnectedTo:
			return c == scope.ConnectedTo
		case SecurityImpacting: // what such a system does need not show in a cluster
			return c != scope.CDE
		case OutOfScope:
			return c == scope.OutOfScope
		case Unclassified:
		}
		return false
	}
	certain = true
	for _, c := range scope.Classes()[w.Most.Rank() : w.Least.Rank()+1] {
		certain, possible = certain && fits(c), possible || fits(c)
	}
	return certain, possible
}
