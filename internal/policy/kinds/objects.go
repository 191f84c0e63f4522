package kinds

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Object is where an object stands.
type Object struct {
	Ref object.Ref
	Pos object.Pos
}

// Deciding lists, by Ref and place, the objects of c that decide about traffic or look as if they did: those
// compiled in set, each once however many policies it became, those that are not modelled, and Calico's staged
// policies, which become nothing.
func Deciding(c *cluster.Cluster, set policy.Set) []Object {
	var out []Object
	compiled := map[object.GroupKind]bool{}
	for _, k := range All {
		for _, gk := range k.GVKs {
			compiled[gk] = true
		}
	}
	for _, p := range set.Policies {
		if compiled[p.Ref.GroupKind()] { // and not settings
			out = append(out, Object{p.Ref, p.Pos})
		}
	}
	for _, o := range set.Opaque {
		out = append(out, Object{o.Ref, o.Pos})
	}
	for _, o := range c.Objects {
		if strings.HasPrefix(o.Ref.Kind, "Staged") && strings.HasSuffix(o.Ref.Group, "projectcalico.org") {
			out = append(out, Object{o.Ref, o.Pos})
		}
	}
	slices.SortFunc(out, func(a, b Object) int { return cmp.Or(a.Ref.Compare(b.Ref), a.Pos.Compare(b.Pos)) })
	return slices.Compact(out)
}
