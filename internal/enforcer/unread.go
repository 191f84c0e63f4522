package enforcer

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Unread is a part of a policy that the engine does not honour, or perhaps not. Engines refuse the whole policy
// for such a part, skip its rule, or read the rest: which of these is not said, so nothing of the policy is
// certain.
type Unread struct {
	Ref     object.Ref
	Pos     object.Pos
	Feature string // "endPort" or "SCTP"
	Honour  Answer // No, or Unknown
}

// Unread lists the parts of the policies in c that p does not surely honour, in the order of the objects, once
// for each policy and feature. There is nothing to list for an engine that does not surely enforce: then no part
// is certain.
func (p Profile) Unread(c *cluster.Cluster) []Unread {
	var out []Unread
	if p.Enforces != Yes {
		return nil
	}
	for _, o := range c.Objects {
		switch o.Ref.GroupKind() {
		case object.GroupKind{Group: "networking.k8s.io", Kind: "NetworkPolicy"},
			object.GroupKind{Group: "cilium.io", Kind: "CiliumNetworkPolicy"},
			object.GroupKind{Group: "cilium.io", Kind: "CiliumClusterwideNetworkPolicy"}:
		default:
			continue
		}
		if p.Honours(o.Ref.GroupKind()) == No {
			continue
		}
		for _, part := range []struct {
			feature string
			honour  Answer
			is      func(f object.Field) bool
		}{
			{"endPort", p.EndPort, func(f object.Field) bool { return f.Name == "endPort" && f.Value.IsSet() }},
			{"SCTP", p.SCTP, func(f object.Field) bool { return f.Name == "protocol" && f.Value.Str() == "SCTP" }},
		} {
			if part.honour == Yes {
				continue
			}
			v := find(o.Root.Get("spec"), part.is)
			if v == nil {
				v = find(o.Root.Get("specs"), part.is)
			}
			if v != nil {
				out = append(out, Unread{Ref: o.Ref, Pos: o.At(v), Feature: part.feature, Honour: part.honour})
			}
		}
	}
	return out
}

// find gives the first field below v, in the order of the file, that is looked for; nil when there is none.
func find(v *object.Value, is func(object.Field) bool) *object.Value {
	for _, f := range v.Map() {
		if is(f) {
			return f.Value
		}
		if found := find(f.Value, is); found != nil {
			return found
		}
	}
	for _, item := range v.List() {
		if found := find(item, is); found != nil {
			return found
		}
	}
	return nil
}
