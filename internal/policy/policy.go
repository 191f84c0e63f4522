// Package policy is the one rule form that every policy kind compiles to. Rules are data, never functions,
// so that they can be evaluated, printed, drawn, compared and reasoned about with labels nobody has yet.
//
// Evaluation (done by package reach), for one endpoint and one direction: tiers in order of Rank; in a tier
// the rules of the policies that select the endpoint, in order; the first rule that matches decides (Pass
// leaves the tier). What no rule of the tier matched is denied when one of those policies isolates the
// direction, and goes on to the next tier when none does. What passes all tiers is allowed.
package policy

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Direction is seen from the policy's subject.
type Direction uint8

// Ingress is traffic to the subject, Egress from it.
const (
	Ingress Direction = iota
	Egress
)

// Directions is both, in order.
var Directions = [2]Direction{Ingress, Egress}

// String is "ingress" or "egress".
func (d Direction) String() string {
	switch d {
	case Ingress:
		return "ingress"
	case Egress:
		return "egress"
	}
	return fmt.Sprintf("direction(%d)", uint8(d))
}

// Action is what a matching rule does.
type Action uint8

// Pass skips the rest of the tier.
const (
	Allow Action = iota
	Deny
	Pass
)

// String is "allow", "deny" or "pass".
func (a Action) String() string {
	switch a {
	case Allow:
		return "allow"
	case Deny:
		return "deny"
	case Pass:
		return "pass"
	}
	return fmt.Sprintf("action(%d)", uint8(a))
}

// Tier is a group of policies that is evaluated as a whole. Lower Rank comes first.
type Tier struct {
	Rank float64
	Name string
}

// NetworkPolicyTier is where networking.k8s.io NetworkPolicy lives. Kinds that come before it have a lower
// rank, baseline kinds a higher one.
var NetworkPolicyTier = Tier{Rank: 1000, Name: "NetworkPolicy"}

// Doubt says that something of a policy was not understood, or can not be known from the input. A doubt on
// a policy, subject or peer never makes an answer wrong, only undecided.
type Doubt struct {
	Pos object.Pos
	Ref object.Ref
	Msg string
}

// Policy is one compiled object, or one part of an object that holds several.
type Policy struct {
	Ref      object.Ref
	Pos      object.Pos
	Tier     Tier
	Order    float64 // in the tier: lower first; equal orders go by Ref
	Subject  Subject
	Isolates [2]bool // by Direction: what the tier's rules leave over is denied
	Rules    []Rule
	// Doubts, when not empty, say that the policy as a whole is not understood: it may do anything to its
	// subjects, and may as well not be there.
	Doubts []Doubt
}

// Subject is whom a policy binds: pods whose namespace and labels match. Host-network pods are never
// subjects of pod policies.
type Subject struct {
	Namespace         string           // the only namespace, "" for all that NamespaceSelector matches
	NamespaceSelector cluster.Selector // used when Namespace is ""
	Pods              cluster.Selector
	ServiceAccounts   cluster.Selector // reserved for kinds that select by the account's labels; nil means any
}

// Rule is one entry of a policy. It matches a packet when one of Peers and one of the ports match.
type Rule struct {
	Direction Direction
	Action    Action
	Peers     []Peer
	Conns     netset.Conns // ports of the destination, all for "not restricted by port"
	Named     []NamedPort  // further ports, resolved on the destination pod of each flow
	Pos       object.Pos
	// Path is the rule's place in the object: "spec.ingress[0]".
	Path string
	// Doubts, when not empty, say that the ports or the whole rule are not understood: it certainly
	// matches nothing and possibly everything.
	Doubts []Doubt
}

// NamedPort is a port by name, as declared by containers of the destination pod.
type NamedPort struct {
	Protocol netset.Protocol
	Name     string
	Pos      object.Pos
}

// PeerKind tells which fields of a Peer count.
type PeerKind uint8

// AnyPeer matches every pod, node and address. PodPeer matches pods (never host-network pods) by namespace
// and labels. AddrPeer matches addresses; whether it also matches pods is the enforcer's business.
// DoubtPeer certainly matches nothing and possibly everything.
const (
	AnyPeer PeerKind = iota
	PodPeer
	AddrPeer
	DoubtPeer
)

// Peer is the other side of a rule.
type Peer struct {
	Kind              PeerKind
	Namespace         string           // PodPeer: the only namespace, "" for all that NamespaceSelector matches
	NamespaceSelector cluster.Selector // PodPeer with Namespace "": nil selects all namespaces
	Pods              cluster.Selector // PodPeer: nil selects all pods
	Addrs             netset.Addrs     // AddrPeer
	Pos               object.Pos
	Doubt             *Doubt // DoubtPeer
}

// Kind is a policy kind: how to recognise its objects and how to compile them.
type Kind struct {
	Name  string             // "NetworkPolicy"
	GVKs  []object.GroupKind // the API kinds it compiles
	Since string             // first version of bulkhead that has it
	Doc   string             // one paragraph for users
	// Compile turns one object into policies. It returns every problem it sees and never fails: what is
	// not understood becomes a Doubt of what it would have affected.
	Compile func(o *object.Object, c *cluster.Cluster) ([]Policy, []object.Problem)
}

// Set is all policies of a cluster.
type Set struct {
	Policies []Policy // sorted by tier, order, Ref
	Opaque   []Opaque // policy objects of kinds that are recognised but not modelled
	Problems []object.Problem
}

// Opaque is an object that decides about traffic and that we do not model. Restricts says it can only take
// away (a mesh authorization layer); otherwise it may allow or deny anything.
type Opaque struct {
	Ref       object.Ref
	Pos       object.Pos
	Namespace string // of the pods it can affect, "" for all
	Restricts bool
}
