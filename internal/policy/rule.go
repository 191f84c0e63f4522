package policy

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

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

// Term is a conjunction of conditions on a pod; the zero value matches every pod. Selectors that say "or"
// are lists of terms.
type Term struct {
	Namespace         string           // the only namespace, "" for all that NamespaceSelector matches
	NamespaceSelector cluster.Selector // used when Namespace is ""
	Pods              cluster.Selector // labels of the pod
	// ServiceAccounts selects by the labels of the pod's service account. The account's name is the
	// pseudo-label cluster.AccountName.
	ServiceAccounts cluster.Selector
	Facts           cluster.Selector // on Set.Facts; a pod that lacks a fact has no such key
}

// String describes the pods: "pods labelled app=web in namespace shop".
func (t Term) String() string {
	s := "pods"
	if len(t.Pods) > 0 {
		s += " labelled " + t.Pods.String()
	}
	if len(t.ServiceAccounts) > 0 {
		s += " with a service account labelled " + t.ServiceAccounts.String()
	}
	if len(t.Facts) > 0 {
		s += " with " + t.Facts.String()
	}
	switch {
	case t.Namespace != "":
		s += " in namespace " + t.Namespace
	case len(t.NamespaceSelector) > 0:
		s += " in a namespace labelled " + t.NamespaceSelector.String()
	default:
		s += " in any namespace"
	}
	return s
}

// Covers tells whether t certainly matches all that u matches; it goes by the words of the selectors.
func (t Term) Covers(u Term) bool {
	where := t.Namespace == "" && len(t.NamespaceSelector) == 0 ||
		t.Namespace == u.Namespace && t.NamespaceSelector.String() == u.NamespaceSelector.String()
	return where && coversSelector(t.Pods, u.Pods) && coversSelector(t.ServiceAccounts, u.ServiceAccounts) && coversSelector(t.Facts, u.Facts)
}

func coversSelector(s, u cluster.Selector) bool { return len(s) == 0 || s.String() == u.String() }

// Rule is one entry of a policy. It matches a packet when one of Peers and one of the ports match.
type Rule struct {
	Direction Direction
	Action    Action
	Peers     []Peer       // none: matches nothing
	Conns     netset.Conns // ports of the destination, all for "not restricted by port"
	Named     []NamedPort  // further ports, resolved on the destination pod of each flow
	NotNamed  []NamedPort  // ports taken away from Conns and Named again, resolved likewise
	Never     netset.Conns // ports taken away from Conns and Named again, by number
	Pos       object.Pos
	// Path is the rule's place in the object: "spec.ingress[0]".
	Path string
	// Doubts, when not empty, say that the ports or the whole rule are not understood: it certainly
	// matches nothing and possibly everything.
	Doubts []Doubt
	// Limits, when not empty, are further conditions of the rule that are not modelled, such as source
	// ports or ICMP types: it certainly matches nothing, and possibly what Peers and ports say.
	Limits []Doubt
	// Only is conditions on what goes through an allowed connection, for the reader: "HTTP GET /public".
	// The connection itself is allowed.
	Only []string
}

// NamedPort is a port by name, as declared by containers of the destination pod.
type NamedPort struct {
	Protocol netset.Protocol
	// AnyProtocol takes the protocol from the container port, Protocol is then unused.
	AnyProtocol bool
	Name        string
	Pos         object.Pos
}

// PeerKind tells which fields of a Peer count.
type PeerKind uint8

// AnyPeer matches every pod, node and address. PodPeer matches pods (never host-network pods) by its Term.
// AddrPeer matches addresses; what it matches inside the cluster is told by Reach. NodePeer matches nodes,
// their processes and host-network pods. DoubtPeer certainly matches nothing and possibly everything.
const (
	AnyPeer PeerKind = iota
	PodPeer
	AddrPeer
	NodePeer
	DoubtPeer
)

// AddrReach is what an AddrPeer matches inside the cluster.
type AddrReach uint8

// ByProfile leaves it to the enforcer whether addresses of pods and nodes count (Profile.PodsByAddr and
// NodesByAddr). Everywhere counts them in any case. OutsideOnly counts neither: only addresses outside.
// PodsOnly matches pods by address, and nothing else.
const (
	ByProfile AddrReach = iota
	Everywhere
	OutsideOnly
	PodsOnly
)

// Peer is the other side of a rule.
type Peer struct {
	Kind PeerKind
	Term // PodPeer
	// Within narrows a PodPeer to pods whose address is in it (whatever the enforcer); nil for any.
	Within *netset.Addrs
	Addrs  netset.Addrs // AddrPeer
	Reach  AddrReach    // AddrPeer
	// Nodes selects nodes by label; it counts for a NodePeer. Node labels are often not in the input: then
	// the match is not certain.
	Nodes cluster.Selector
	Pos   object.Pos
	// Doubt, when not nil, says that the peer matches nothing for certain and possibly what it says. A
	// DoubtPeer has one always.
	Doubt *Doubt
}
