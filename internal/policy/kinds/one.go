package kinds

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Of is the kind that compiles objects of gk, nil when none does.
func Of(gk object.GroupKind) *policy.Kind {
	for i := range All {
		if slices.Contains(All[i].GVKs, gk) {
			return &All[i]
		}
	}
	return nil
}

// Compare orders policies as policy.Set promises; parts of one object may be equal.
func Compare(p, q *policy.Policy) int { return compare(p, q) }

// Opaque is what objects of kinds that are not modelled decide.
func Opaque(objects ...*object.Object) []policy.Opaque {
	return policy.FindOpaque(&cluster.Cluster{Objects: objects}, func(gk object.GroupKind) bool { return Of(gk) != nil })
}
