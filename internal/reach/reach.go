// Package reach is the exact engine: it says which connections are allowed between which endpoints, under
// all policies of a cluster and the engine that enforces them.
//
// Every answer is a pair of bounds. Must holds whatever is unknown turns out to be; May holds what at least
// one possible truth allows. Isolation is proved with May, reachability with Must; where they differ the
// answer is undecided and Reasons says why.
//
// Endpoints that every rule treats alike form a class, and only classes are ever compared. A pair costs one
// look-up in the source's egress row and one in the destination's ingress row.
package reach

import (
	"fmt"
	"iter"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Entities that are neither pods nor plain addresses. OwnNode is the node a pod runs on: its processes and
// its host-network pods. Nodes is any other node.
const (
	OwnNode = "own-node"
	Nodes   = "nodes"
)

// Peer is one end of a connection: exactly one field is set (Addrs when all others are zero).
type Peer struct {
	Workload *cluster.Workload
	Pod      *cluster.Pod
	Addrs    netset.Addrs
	Entity   string
}

// OfWorkload is any pod of w.
func OfWorkload(w *cluster.Workload) Peer { return Peer{Workload: w} }

// OfPod is the one pod p.
func OfPod(p *cluster.Pod) Peer { return Peer{Pod: p} }

// OfAddrs is addresses that no pod of the cluster has.
func OfAddrs(a netset.Addrs) Peer { return Peer{Addrs: a} }

// IsOutside tells whether p is addresses.
func (p Peer) IsOutside() bool { return p.Workload == nil && p.Pod == nil && p.Entity == "" }

// String names the peer as users see it.
func (p Peer) String() string {
	switch {
	case p.Workload != nil:
		return p.Workload.Ref.String()
	case p.Pod != nil && p.Pod.Template:
		return p.Pod.Workload.Ref.String()
	case p.Pod != nil:
		return p.Pod.Object.Ref.String()
	case p.Entity != "":
		return p.Entity
	}
	return p.Addrs.String()
}

// Bounds is an answer: what is certainly allowed and what is possibly allowed. Must ⊆ May.
type Bounds struct{ Must, May netset.Conns }

// Decided tells whether nothing is left open.
func (b Bounds) Decided() bool { return b.Must.Equal(b.May) }

func (b Bounds) union(c Bounds) Bounds {
	return Bounds{b.Must.Union(c.Must), b.May.Union(c.May)}
}

var allBounds = Bounds{Must: netset.All(), May: netset.All()}

// Edge is a connection set between two peers.
type Edge struct {
	Src, Dst Peer
	Bounds
}

// Reason says why an answer is not decided. Code is stable: "enforcer-unknown", "namespace-labels", "run-time-labels",
// "pod-address", "node-address", "same-node", "own-node", "not-understood", "kind-not-modelled", "kind-not-sure", "account-labels", "fact-not-known",
// "tie", "partly", "tunnel", "node-labels", "engine-habit",
// "addresses-differ", "pods-differ", "loopback", "other-protocols".
type Reason struct {
	Code string     `json:"code"`
	Msg  string     `json:"message"`
	Pos  object.Pos `json:"pos,omitzero"`
	Ref  object.Ref `json:"object,omitzero"`
}

// String gives the sentence with its place.
func (r Reason) String() string {
	if r.Pos.File == "" {
		return r.Msg
	}
	return fmt.Sprintf("%s (%s)", r.Msg, r.Pos)
}

// Model is a compiled cluster. Its answers never change, but it remembers what it computed on the way to them, so it
// is for one goroutine at a time; Packets is for many.
type Model struct {
	cluster *cluster.Cluster
	set     policy.Set
	profile enforcer.Profile

	// maybeOff[d] says that enforcement in a direction is not known: Must is then the enforced answer
	// and May is everything.
	maybeOff [2]bool
	// plainOff is the reason of every undecided pair when all that is not known is the engine.
	plainOff []Reason

	policies  []applied        // the policies that may have an effect, in the order that inOrder tells
	kept      []*policy.Policy // those of set, where they stand for themselves
	order     []int32          // their numbers in evaluation order; nil when they stand in it
	room      bool             // made with room for what comes later, and with what says where that goes:
	index     *classIndex
	hostIndex map[string]int // host classes, numbered from the first one, by node and addresses
	builders  [2][2]*profileBuilder
	opaque    []opaqueKind

	conns    *table
	families []family // one entry when addresses of pods never matter
	points   []point  // pod classes, then host classes, then address atoms
	classes  []uint32 // by number of the pod
	hosts    int      // index of the first host class
	atoms    int      // index of the first atom
	nodesAny int      // host point for Nodes
	placed   *places
	lined    *lines
	asking   *Neighbours
	podsIn   *podsIn // made on first use
	noted    []int32 // the policies with notes in evaluation order, made on first use
	tunnels  bool    // an ambient mesh may carry traffic between some pods
	line     addrLine
	terms    termIndex
	wide     int // how many wide sets were made
	sweep    *sweep

	// What makes peers into sets.
	everything *pointSet
	anyone     int // its number
	addrGroups []addrGroup
	peers      []matched // what peers match; equal peers have one place
	freePeers  []int     // places that are free
	peerSets   map[string]int

	fromOwnNode enforcer.Answer // the profile's answer, less sure where a policy may say otherwise

	layered  [2]bool          // which layers have policies at all; the network layer always counts
	profiles [2][2][]*profile // by layer and direction
	byClass  [2][2][]int      // class to profile, likewise
	hosted   []opaqueKind     // what decides about nodes and host-network pods and is not modelled
}

// applied is a policy with what the enforcer makes of it.
type applied struct {
	*policy.Policy
	sure   bool    // it is certainly in force
	allows [2]bool // by direction: its rules only allow, and each is understood
	named  [2]bool // by direction: some rule names ports
	acts   [2]bool // by direction: it says anything
	whom   matched // the classes it binds
	rules  []ruleSets
}

type opaqueKind struct {
	policy.Opaque
	sure bool
	idle bool // it is about pods only that no policy isolates
}

// Cluster is the picture the model was made from.
func (m *Model) Cluster() *cluster.Cluster { return m.cluster }

// Profile is the enforcer the model was compiled for.
func (m *Model) Profile() enforcer.Profile { return m.profile }

// Policies is the policies the model was made from, inert ones too, with what the engine makes doubtful.
func (m *Model) Policies() policy.Set {
	if m.kept == nil {
		return m.set
	}
	set := m.set
	set.Policies = make([]policy.Policy, len(m.kept))
	for i, p := range m.kept {
		set.Policies[i] = *p
	}
	return set
}

// Compile makes the model. The cost is about one look at every pod, plus one at every class for each rule
// that reaches beyond its own namespace.
func Compile(c *cluster.Cluster, set policy.Set, prof enforcer.Profile) *Model {
	return compile(c, set, prof, false)
}

// compile makes the model, on demand with room for classes, namespaces and cuts that come later.
func compile(c *cluster.Cluster, set policy.Set, prof enforcer.Profile, room bool) *Model {
	set.Policies = doubtUnread(c, set.Policies, prof)
	m := &Model{cluster: c, set: set, profile: prof, conns: newTable(len(set.Policies)), room: room}
	if prof.Enforces == enforcer.Unknown {
		m.maybeOff = [2]bool{true, true}
	}
	if prof.Egress == enforcer.Unknown {
		m.maybeOff[policy.Egress] = true
	}
	m.policies = make([]applied, 0, len(set.Policies))
	for i := range set.Policies {
		if a, ok := m.applied(&set.Policies[i]); ok {
			m.policies = append(m.policies, a)
		}
	}
	for _, o := range set.Opaque {
		on := m.honoured(o.Ref.GroupKind())
		switch {
		case on == enforcer.No:
		case o.Hosts:
			m.hosted = append(m.hosted, opaqueKind{Opaque: o, sure: on == enforcer.Yes})
		default:
			m.opaque = append(m.opaque, opaqueKind{Opaque: o, sure: on == enforcer.Yes})
		}
	}
	if prof.Enforces != enforcer.No {
		for _, e := range prof.ClosedBy {
			o := policy.Opaque{Ref: e.Ref, Pos: e.Pos, Restricts: true, Msg: "may close pods that no policy selects: " + e.Msg}
			m.opaque = append(m.opaque, opaqueKind{Opaque: o, idle: true})
		}
	}
	if prof.Enforces == enforcer.Unknown && len(m.opaque) == 0 {
		m.plainOff = []Reason{m.offReason(policy.Ingress)}
	}
	m.fromOwnNode = m.ownNodeLetIn()
	m.makePoints()
	m.terms.words = newTermWords()
	m.makeRuleSets()
	m.makeProfiles()
	m.terms.words = nil
	return m
}

// ownNodeLetIn is Profile.FromOwnNode. Cilium lets its node in before it looks at what policies allow, and after
// what they deny (by running it).
func (m *Model) ownNodeLetIn() enforcer.Answer {
	for i := range m.inOrder() {
		p := &m.policies[i]
		if p.Ref.Group != "cilium.io" {
			continue
		}
		for j := range p.Rules {
			if p.Rules[j].Action == policy.Deny && p.Rules[j].Direction == policy.Ingress {
				return both(m.profile.FromOwnNode, enforcer.Unknown)
			}
		}
	}
	return m.profile.FromOwnNode
}

// inOrder is the numbers of the policies in evaluation order.
func (m *Model) inOrder() iter.Seq[int] {
	return func(yield func(int) bool) {
		if m.order == nil {
			for i := range m.policies {
				if !yield(i) {
					return
				}
			}
		}
		for _, i := range m.order {
			if !yield(int(i)) {
				return
			}
		}
	}
}

// applied is a policy as the engine has it; ok is false when it has no effect.
func (m *Model) applied(p *policy.Policy) (a applied, ok bool) {
	switch m.inForce(p) {
	case enforcer.Yes:
		return newApplied(p, len(p.Doubts) == 0), true
	case enforcer.Unknown:
		return newApplied(p, false), true
	case enforcer.No:
	}
	return applied{}, false
}

func newApplied(p *policy.Policy, sure bool) applied {
	a := applied{Policy: p, sure: sure, allows: [2]bool{true, true}, acts: [2]bool{acts(p, policy.Ingress), acts(p, policy.Egress)}}
	for j := range p.Rules {
		r := &p.Rules[j]
		d := r.Direction
		a.allows[d] = a.allows[d] && r.Action == policy.Allow && len(r.Doubts)+len(r.Limits) == 0
		a.named[d] = a.named[d] || len(r.Named)+len(r.NotNamed) > 0
	}
	return a
}

// inForce tells whether a policy has an effect. The mesh has proxies of its own, whatever the network does.
func (m *Model) inForce(p *policy.Policy) enforcer.Answer {
	if p.Layer == policy.Mesh {
		return enforcer.Yes
	}
	on := m.honoured(p.Ref.GroupKind())
	switch p.Under {
	case policy.RulesAlways:
		on = both(on, m.profile.RulesAlways)
	case policy.NoHabit:
	}
	return on
}

// honoured tells whether objects of a kind have an effect. Plain NetworkPolicy under an engine that is not
// known counts as in force here: maybeOff carries the doubt, for all of them together.
func (m *Model) honoured(gk object.GroupKind) enforcer.Answer {
	if m.profile.Enforces == enforcer.No && !policy.IsMesh(gk) {
		return enforcer.No
	}
	if gk.Group == "networking.k8s.io" {
		return enforcer.Yes
	}
	return m.profile.Honours(gk)
}

// Limits is what no verdict of the model covers, in sentences for the reader.
func (m *Model) Limits() []Reason {
	var out []Reason
	if m.profile.OtherProtocols != enforcer.Yes && m.profile.Enforces != enforcer.No {
		out = append(out, Reason{Code: "other-protocols", Msg: "NetworkPolicy is defined for TCP, UDP and SCTP only; whether ICMP and other protocols to isolated pods are stopped depends on the engine and is not decided here"})
	}
	return out
}

func sortReasons(rs []Reason) []Reason {
	slices.SortFunc(rs, func(a, b Reason) int {
		if c := a.Pos.Compare(b.Pos); c != 0 {
			return c
		}
		if a.Code != b.Code {
			return cmpString(a.Code, b.Code)
		}
		return cmpString(a.Msg, b.Msg)
	})
	return slices.Compact(rs)
}
