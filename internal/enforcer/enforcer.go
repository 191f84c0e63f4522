// Package enforcer is what really enforces policies in a cluster: which engine it is, how sure we are, and
// the fine points in which engines differ. Policies under an engine that ignores them are documents, not
// controls.
package enforcer

import (
	"cmp"
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Answer is yes, no, or not known. The zero value is Unknown, so that a fact nobody stated is never taken
// for a fact.
type Answer uint8

// The three answers.
const (
	Unknown Answer = iota
	Yes
	No
)

// String is "unknown", "yes" or "no".
func (a Answer) String() string {
	switch a {
	case Unknown:
		return "unknown"
	case Yes:
		return "yes"
	case No:
		return "no"
	}
	return fmt.Sprintf("answer(%d)", uint8(a))
}

// Profile is an engine with its fine points.
type Profile struct {
	Name     string // "kube" (upstream semantics), "calico", "cilium", ..., "none", "unknown"
	Stated   bool   // the user said so; otherwise it was detected
	Enforces Answer // are NetworkPolicies enforced at all?
	// PodsByAddr: does an ipBlock match the address of a pod? Upstream and Calico yes, Cilium no.
	PodsByAddr Answer
	// NodesByAddr: does an ipBlock match the address of a node (and of host-network pods)?
	NodesByAddr Answer
	// EndPort, SCTP, Egress: is that part of NetworkPolicy honoured? A policy that uses a part of which this
	// is not Yes may be refused or misread as a whole (Unread).
	EndPort, SCTP, Egress Answer
	// OtherProtocols: are ICMP and protocols besides TCP, UDP and SCTP denied to an isolated pod?
	// Upstream leaves it open ("the behaviour may vary").
	OtherProtocols Answer
	// NodePeers: do peers of admin policies that name nodes match them? When this is not Yes the engine may
	// also refuse the whole policy for such a peer, or take its rule for more than it says.
	NodePeers Answer
	// RulesAlways: do rules of a NetworkPolicy count even when policyTypes leaves their direction out? They
	// isolate then, too.
	RulesAlways Answer
	// BaselineOverIsolation: does an accept in the baseline tier open what a NetworkPolicy isolates?
	BaselineOverIsolation Answer
	// BaselineByDirection: does the baseline tier count in a direction for which no NetworkPolicy selects a pod,
	// when one selects it for the other? The API leaves it open (ClusterNetworkPolicy, Tier).
	BaselineByDirection Answer
	// HostPods: do selectors of pods and namespaces, as peers, match host-network pods? As subjects they never
	// do. Upstream leaves it open.
	HostPods Answer
	// FromOwnNode: is what comes into a pod from its own node let in, whatever policies say?
	FromOwnNode Answer
	// ToOwnNode: do egress policies decide about what a pod sends to its own node, as about any other
	// destination? No: it is let out in any case.
	ToOwnNode Answer
	// DropsToOwnNode: is what a pod sends to its own node dropped even where policies allow it?
	DropsToOwnNode Answer
	// BarePods: do policies bind pods that no controller owns?
	BarePods Answer
	// ClosedBy is the settings that may close pods which no policy selects, sorted by place.
	ClosedBy []Evidence
	// Mesh: is the control plane of Istio here? Its kinds count beside the engine's.
	Mesh Answer
	// Kinds is what is known of single kinds, sorted by kind; it goes before what the engine's name says.
	Kinds   []KindAnswer
	Because []Evidence // what was seen, sorted by place; when stated by the user, only what bears on that (Stated)
}

// KindAnswer tells whether objects of one kind count.
type KindAnswer struct {
	Kind   object.GroupKind
	Honour Answer
}

// Evidence is one thing that speaks for a detected engine.
type Evidence struct {
	Pos object.Pos `json:"pos"`
	Ref object.Ref `json:"object,omitzero"`
	Msg string     `json:"message"`
}

func (e Evidence) compare(f Evidence) int {
	return cmp.Or(e.Pos.Compare(f.Pos), e.Ref.Compare(f.Ref), cmp.Compare(e.Msg, f.Msg))
}
