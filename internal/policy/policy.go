// Package policy is the one rule form that every policy kind compiles to. Rules are data, never functions,
// so that they can be evaluated, printed, drawn, compared and reasoned about with labels nobody has yet.
//
// Evaluation (done by package reach), for one endpoint, one direction and one layer: tiers in order of Rank;
// in a tier the rules of the policies that select the endpoint, in order; the first rule that matches
// decides (Pass leaves the tier). What no rule of the tier matched is denied when one of those policies
// isolates the direction, and goes on to the next tier when none does. What passes all tiers is allowed. A
// connection needs every layer.
package policy

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
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

// Layer is an enforcement point of its own: a connection is allowed when every layer allows it.
type Layer uint8

// Network is the engine of the cluster's network (enforcer.Profile); Mesh is the proxies of a service mesh.
const (
	Network Layer = iota
	Mesh
)

// Layers is all of them, in the order users see.
var Layers = [2]Layer{Network, Mesh}

// String is "network" or "mesh".
func (l Layer) String() string {
	switch l {
	case Network:
		return "network"
	case Mesh:
		return "mesh"
	}
	return fmt.Sprintf("layer(%d)", uint8(l))
}

// IsMesh tells whether a kind is of a service mesh, whose proxies act whatever enforces on the network.
func IsMesh(gk object.GroupKind) bool {
	switch gk.Group {
	case "security.istio.io", "networking.istio.io", "extensions.istio.io", "policy.linkerd.io", "consul.hashicorp.com", "auth.consul.hashicorp.com", "kuma.io":
		return true
	}
	return false
}

// Habit is something some engines do that the API does not say. The profile knows which engine has it.
type Habit uint8

// RulesAlways: the rules of a NetworkPolicy count even when policyTypes does not name their direction
// (enforcer.Profile.RulesAlways).
const (
	NoHabit Habit = iota
	RulesAlways
)

// Tier is a group of policies that is evaluated as a whole. Lower Rank comes first. Policies are of one tier
// when rank and name are equal; the name also breaks equal ranks.
type Tier struct {
	Rank float64
	Name string
}

// The tiers that several kinds share. Ranks of the network layer are the orders of Calico's tiers, in which
// the upstream tiers have fixed places (Calico "Tier": kube-admin 1,000, default 1,000,000, kube-baseline
// 10,000,000). NetworkPolicyTier is where networking.k8s.io NetworkPolicy lives, and everything that is
// added up with it.
var (
	AdminTier         = Tier{Rank: 1000, Name: "Admin"}
	NetworkPolicyTier = Tier{Rank: 1_000_000, Name: "NetworkPolicy"}
	BaselineTier      = Tier{Rank: 10_000_000, Name: "Baseline"}
)

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
	Layer    Layer
	Tier     Tier
	Order    float64 // in the tier: lower first; equal orders go by Ref, unless Unordered
	Subjects []Term  // a pod is bound when any term matches it. Host-network pods are never bound
	Isolates [2]bool // by Direction: what the tier's rules leave over is denied
	Rules    []Rule
	// Under names the engines' habit that the policy exists by; most exist anyway.
	Under Habit
	// Unordered says that nothing specifies which comes first of this and another policy of the same tier
	// and order. Where that matters the answer is undecided.
	Unordered bool
	// Doubts, when not empty, say that the policy as a whole is not understood: it may do anything to its
	// subjects, and may as well not be there.
	Doubts []Doubt
	// Notes are shown with every answer about a subject, and change none: "leaves through gateway x".
	Notes []Doubt
}

// Namespace is the only namespace whose pods p can bind, "" when there may be several.
func (p *Policy) Namespace() string {
	for i := range p.Subjects {
		if p.Subjects[i].Namespace != p.Subjects[0].Namespace {
			return ""
		}
	}
	if len(p.Subjects) == 0 {
		return ""
	}
	return p.Subjects[0].Namespace
}

// Kind is a policy kind: how to recognise its objects and how to compile them.
type Kind struct {
	Name  string             // "NetworkPolicy"
	GVKs  []object.GroupKind // the API kinds it compiles
	Since string             // first version of bulkhead that has it
	Doc   string             // one paragraph for users
	// Fields says of every field of the objects what becomes of it, for the documentation. Paths are those
	// of the CRD schema from spec on, lists as "[]": "spec.ingress[].from[].ipBlock".
	Fields []Field
	// Compile turns one object into policies. It returns every problem it sees and never fails: what is
	// not understood becomes a Doubt of what it would have affected.
	Compile func(o *object.Object, c *cluster.Cluster) ([]Policy, []object.Problem)
	// Begin, when not nil, looks at the cluster once and gives what does the same as Compile, Settings and Facts. It
	// is there for kinds that would look at all pods for every object.
	Begin func(c *cluster.Cluster) Begun
	// Settings, when not nil, makes policies of settings of the cluster that are no objects of GVKs. Their Ref and
	// Pos are those of the object with the setting.
	Settings func(c *cluster.Cluster) ([]Policy, []object.Problem)
	// Facts, when not nil, gives what the kind's terms ask of pods beyond labels. Keys of facts must not
	// clash with those of other kinds.
	Facts func(c *cluster.Cluster) map[*cluster.Pod]Facts
	// Reads is what Compile of an object may look at besides it, and Bears what a change bears on. Where what an object
	// reads and what a change bears on have nothing in common, the object means the same after the change. Both are
	// nil for kinds of which that is not told. They do not speak of nodes and of service accounts.
	Reads func(o *object.Object) Reading
	Bears func(c *Change) Reading
	// Ties, when not nil, tells whether p may mean something else beside q than without it. It narrows what Siblings
	// stand for.
	Ties func(p, q *object.Object) bool
}

// Begun is Compile, Settings and Facts of a Kind for one cluster. Settings and Facts may be nil.
type Begun struct {
	Compile  func(o *object.Object) ([]Policy, []object.Problem)
	Settings func() ([]Policy, []object.Problem)
	Facts    func() map[*cluster.Pod]Facts
	// Again, when not nil, does the same for the cluster as it is after changes that do not bear on AllOfKind, and
	// costs less than to begin.
	Again func(c *cluster.Cluster) Begun
}

// For begins to compile a cluster.
func (k *Kind) For(c *cluster.Cluster) Begun {
	if k.Begin != nil {
		return k.Begin(c)
	}
	b := Begun{Compile: func(o *object.Object) ([]Policy, []object.Problem) { return k.Compile(o, c) }}
	if k.Settings != nil {
		b.Settings = func() ([]Policy, []object.Problem) { return k.Settings(c) }
	}
	if k.Facts != nil {
		b.Facts = func() map[*cluster.Pod]Facts { return k.Facts(c) }
	}
	return b
}

// Field is one line of the documentation of a kind.
type Field struct {
	Kinds  []string // of the API; nil for all kinds that have the path
	Path   string
	Exact  bool   // handled exactly; otherwise it leaves answers undecided
	Remark string // why it is undecided, or what an exact field means here; may be empty when Exact
}

// Facts is what is known of one pod beyond its labels, by key: "mesh", "principal".
type Facts map[string]Fact

// Fact is the value of a fact. A pod that lacks a fact certainly has none.
type Fact struct {
	Value   string
	Unknown bool   // whether the pod has the fact, and its value, is not known
	Because string // why Unknown, for the reader: a whole sentence without its full stop
}

// Set is all policies of a cluster.
type Set struct {
	Policies []Policy // sorted by layer, tier, order, Ref
	Opaque   []Opaque // policy objects of kinds that are recognised but not modelled
	Facts    map[*cluster.Pod]Facts
	Problems []object.Problem
}

// Opaque is an object that decides about traffic and that we do not model.
type Opaque struct {
	Ref       object.Ref
	Pos       object.Pos
	Namespace string // of the pods it can affect, "" for all
	Restricts bool   // it can only take away; otherwise it may allow or deny anything
	// Hosts says that it is about nodes and host-network pods, not about pods.
	Hosts bool
	Msg   string // what it does, when there is more to say than that its kind is not modelled
}
