package reach

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Model is the model after the last event. It stays as it is when more events follow, and another goroutine may have
// it. When something changed since the last call it is a copy: numbers and pointers of every class, profile and
// policy, while sets and rows are shared.
func (l *Live) Model() *Model {
	if l.shown != nil {
		return l.shown
	}
	c := l.pic.Cluster()
	if !l.plain {
		l.shown = l.m
		return l.shown
	}
	l.Settle()
	m := l.m
	m.cluster = c
	l.freshNotes(c)
	out := *m
	out.policies, out.order, out.kept = slices.Clone(m.policies), slices.Clone(m.order), slices.Clone(l.all)
	out.points, out.classes = slices.Clone(m.points), slices.Clone(m.classes)
	out.terms = termIndex{spaces: slices.Clone(m.terms.spaces), byName: m.terms.byName}
	out.index, out.hostIndex, out.builders, out.addrGroups, out.peerSets, out.placed = nil, nil, [2][2]*profileBuilder{}, nil, nil, nil
	out.lined, out.asking, out.podsIn, out.noted, out.sweep = nil, nil, nil, nil, nil
	out.peers, out.freePeers = slices.Clone(m.peers), nil
	out.conns = m.conns.shown()
	l.lineShown = true
	for _, s := range l.sides() {
		out.byClass[s.layer][s.dir] = slices.Clone(m.byClass[s.layer][s.dir])
		out.profiles[s.layer][s.dir] = copied(m.profiles[s.layer][s.dir])
	}
	l.shown = &out
	return l.shown
}

// copied is profiles with tiers of their own. Rows, once made, are never changed.
func copied(profiles []*profile) []*profile {
	out, all := make([]*profile, len(profiles)), make([]profile, len(profiles))
	tiers := map[*tier]*tier{}
	copyTiers := func(list []*tier) []*tier {
		next := make([]*tier, 0, len(list))
		for _, t := range list {
			if len(t.picks) == 0 {
				continue
			}
			if tiers[t] == nil {
				c := *t // its rows are up to date
				tiers[t] = &c
			}
			next = append(next, tiers[t])
		}
		return next
	}
	for i, p := range profiles {
		p.allPicks()
		all[i] = *p
		all[i].tiers = copyTiers(p.tiers)
		if p.alt != nil {
			all[i].alt = copyTiers(p.alt)
		}
		out[i] = &all[i]
	}
	return out
}

// shown is a table that goes its own way from here.
func (t *table) shown() *table {
	const n = 10
	return &table{
		sets: slices.Clip(t.sets), pairs: slices.Clip(t.pairs), effects: slices.Clip(t.effects),
		setIDs: maps.Clone(t.setIDs), pairIDs: maps.Clone(t.pairIDs), effIDs: maps.Clone(t.effIDs),
		or: newCache(n), and: newCache(n), orB: newCache(n), andB: newCache(n), then: newCache(n), last: newCache(n),
	}
}

// adminRefs is the objects of administrators' kinds, those that were and those that are in c.
func (l *Live) adminRefs(c *cluster.Cluster) []object.Ref {
	out := slices.Collect(maps.Keys(l.admins))
	for _, gk := range administered {
		if gk.Group == adminGroup {
			for _, o := range c.Kind(gk.Group, gk.Kind) {
				out = append(out, o.Ref)
			}
		}
	}
	slices.SortFunc(out, object.Ref.Compare)
	return slices.Compact(out)
}

func equalPolicies(a, b *policy.Policy) bool {
	return cmp.Compare(a.Order, b.Order) == 0 && reflect.DeepEqual(a, b)
}
