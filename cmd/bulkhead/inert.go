package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
)

// inert warns, once for each kind, of policies that have no effect because the engine does not honour their
// kind. The place is that of the first of them.
func inert(c *cluster.Cluster, set policy.Set, prof enforcer.Profile) []object.Problem {
	places := map[object.GroupKind][]object.Pos{}
	var order []object.GroupKind
	for _, o := range kinds.Deciding(c, set) {
		gk := o.Ref.GroupKind()
		if prof.Honours(gk) != enforcer.No {
			continue
		}
		if places[gk] == nil {
			order = append(order, gk)
		}
		places[gk] = append(places[gk], o.Pos)
	}
	var out []object.Problem
	for _, gk := range order {
		what, has := fmt.Sprintf("%d objects of %s (%s)", len(places[gk]), gk.Kind, gk.Group), "have"
		if len(places[gk]) == 1 {
			what, has = fmt.Sprintf("1 object of %s (%s)", gk.Kind, gk.Group), "has"
		}
		p := object.Problem{
			Severity: object.Warning, Pos: slices.MinFunc(places[gk], object.Pos.Compare),
			Msg:  fmt.Sprintf("%s %s no effect: the engine is %s", what, has, prof.Name),
			Hint: "check CNI-04 names each; --enforcer states another engine",
		}
		switch {
		case strings.HasPrefix(gk.Kind, "Staged"):
			p.Msg = fmt.Sprintf("%s %s no effect: staged policies are never enforced", what, has)
			p.Hint = "check CNI-04 names each; to enforce it, write it without Staged"
		case prof.Enforces == enforcer.No:
			p.Msg = fmt.Sprintf("%s %s no effect: nothing enforces policies with the engine %s", what, has, prof.Name)
		}
		out = append(out, p)
	}
	return out
}
