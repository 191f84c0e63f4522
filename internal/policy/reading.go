package policy

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Reading is what compiling an object may look at besides the object itself.
type Reading uint16

// What there is to look at. A change that bears on AllOfKind may change what any object of the kind means; an object
// that reads ForOthers passes on what it reads to what other objects mean.
const (
	Services   Reading = 1 << iota // Services, their endpoints, and the pods behind them
	Namespaced                     // policies of the kind that live in namespaces
	Prefixed                       // those of them whose names begin with that of their tier
	Unprefixed                     // the others of them
	Global                         // policies of the kind that do not
	Upstream                       // NetworkPolicy of networking.k8s.io
	Namespaces                     // labels of namespaces
	ForOthers
	AllOfKind
)

// Siblings is what other policies of the kind are read for.
const Siblings = Namespaced | Prefixed | Unprefixed | Global

// Change is what a change of a cluster consists of.
type Change struct {
	Objects []*object.Object // before and after, without nil
	Pods    []*cluster.Pod   // those that went and those that came; one that changed did both
}

// Bears is what bears on kinds alike: of Services, Upstream and Namespaces.
func (c *Change) Bears() Reading {
	var out Reading
	for _, o := range c.Objects {
		switch o.Ref.GroupKind() {
		case object.GroupKind{Kind: "Service"}, object.GroupKind{Kind: "Endpoints"}, object.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"}:
			out |= Services
		case object.GroupKind{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:
			out |= Upstream
		case object.GroupKind{Kind: "Namespace"}:
			out |= Namespaces
		}
	}
	return out
}

// Holds tells whether a word is the name of a field, or a text, somewhere in v.
func Holds(v *object.Value, word string) bool {
	if v == nil {
		return false
	}
	for i := range v.Fields {
		if v.Fields[i].Name == word || Holds(v.Fields[i].Value, word) {
			return true
		}
	}
	return v.Text == word || slices.ContainsFunc(v.Items, func(x *object.Value) bool { return Holds(x, word) })
}
