package reach

import (
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// match is what a rule matches at a point, certainly and possibly.
func (m *Model) match(p binding, k pick, j int, f family, i int) Bounds {
	q := &m.policies[k.policy]
	r, s := &q.Rules[j], &q.rules[j]
	if len(r.Doubts) > 0 {
		return Bounds{May: netset.All()}
	}
	if !m.possibleAt(s, f, i) {
		return Bounds{}
	}
	b := Bounds{May: m.ruleConns(p, r, i)}
	if k.sure && len(r.Limits) == 0 && m.certainAt(s, f, i) {
		b.Must = b.May
	}
	return b
}

// effect is what one policy does to the connections that reach it: what it allows and passes, what it may
// deny, and what it leaves. Must of left also counts what the policy may already have allowed.
type effect struct {
	allowed, passed Bounds
	denied          netset.Conns // possibly
	left            Bounds
}

// apply runs the rules of one policy on what is live at a point.
func (m *Model) apply(p binding, k pick, f family, i int, live Bounds) effect {
	e := effect{left: live}
	q := &m.policies[k.policy]
	if len(q.Doubts) > 0 {
		e.allowed.May = live.May
		if q.Ref.Group != "networking.k8s.io" { // NetworkPolicy can only allow; others may deny
			e.left.Must, e.denied = netset.Conns{}, live.May
		}
		return e
	}
	for j := range q.Rules {
		if q.Rules[j].Direction != p.dir {
			continue
		}
		b := m.match(p, k, j, f, i)
		hit := Bounds{e.left.Must.Intersect(b.Must), e.left.May.Intersect(b.May)}
		switch q.Rules[j].Action {
		case policy.Allow:
			e.allowed = e.allowed.union(hit)
		case policy.Deny:
			e.denied = e.denied.Union(hit.May)
			e.left.Must = e.left.Must.Subtract(b.May)
		case policy.Pass:
			e.passed = e.passed.union(hit)
			e.left.Must = e.left.Must.Subtract(b.May)
		}
		e.left.May = e.left.May.Subtract(b.Must)
	}
	return e
}

// tied tells where the run of policies ends that begins at pick number at and has no order among it.
func (m *Model) tied(picks []pick, at int) int {
	first := &m.policies[picks[at].policy]
	unordered, end := first.Unordered, at+1
	for ; end < len(picks); end++ {
		q := &m.policies[picks[end].policy]
		if q.Tier != first.Tier || q.Order != first.Order {
			break
		}
		unordered = unordered || q.Unordered
	}
	if !unordered || m.policies[picks[end-1].policy].Ref == first.Ref { // parts of one object have an order
		return at + 1
	}
	return end
}

// inTurn runs policies one after the other.
func (m *Model) inTurn(p binding, picks []pick, f family, i int, live Bounds) effect {
	out := effect{left: live}
	for _, k := range picks {
		e := m.apply(p, k, f, i, out.left)
		out.allowed, out.passed = out.allowed.union(e.allowed), out.passed.union(e.passed)
		out.denied, out.left = out.denied.Union(e.denied), e.left
	}
	return out
}

// applyTied runs policies of which any may come first. Certain is only what holds in every order: what one
// certainly allows and no other may deny or pass.
func (m *Model) applyTied(p binding, picks []pick, f family, i int, live Bounds) effect {
	var single []effect
	for at := 0; at < len(picks); {
		end := at + 1
		for end < len(picks) && m.policies[picks[end].policy].Ref == m.policies[picks[at].policy].Ref {
			end++
		}
		single = append(single, m.inTurn(p, picks[at:end], f, i, live))
		at = end
	}
	out := effect{left: live}
	for n := range single {
		e := &single[n]
		var otherDenies, otherPasses netset.Conns
		for o := range single {
			if o != n {
				otherDenies = otherDenies.Union(single[o].denied)
				otherPasses = otherPasses.Union(single[o].passed.May)
			}
		}
		out.allowed.Must = out.allowed.Must.Union(e.allowed.Must.Subtract(otherDenies).Subtract(otherPasses))
		out.passed.Must = out.passed.Must.Union(e.passed.Must.Subtract(otherDenies))
		out.allowed.May = out.allowed.May.Union(e.allowed.May)
		out.passed.May = out.passed.May.Union(e.passed.May)
		out.denied = out.denied.Union(e.denied)
		out.left.Must = out.left.Must.Intersect(e.left.Must)
		out.left.May = out.left.May.Intersect(e.left.May)
	}
	return out
}

// evalTier is what a tier does at a point, whatever reaches it: each connection goes through it for itself,
// so what it does to everything says what it does to any part.
func (m *Model) evalTier(t *tier, f family, i int) effectID {
	var out, passed Bounds
	live := allBounds
	isolated, maybeIsolated := false, false
	spared := netset.All() // what every policy that only perhaps isolates allows if it does
	for at := 0; at < len(t.picks); {
		end := m.tied(t.picks, at)
		for _, k := range t.picks[at:end] {
			q := &m.policies[k.policy]
			isolated = isolated || (k.sure && q.Isolates[t.dir])
			maybeIsolated = maybeIsolated || q.Isolates[t.dir] || len(q.Doubts) > 0
			switch {
			case len(q.Doubts) > 0:
				spared = netset.Conns{}
			case q.Isolates[t.dir]:
				spared = spared.Intersect(m.apply(t.binding, pick{k.policy, true}, f, i, allBounds).allowed.Must)
			}
		}
		var e effect
		if end == at+1 {
			e = m.apply(t.binding, t.picks[at], f, i, live)
		} else {
			e = m.applyTied(t.binding, t.picks[at:end], f, i, live)
		}
		out, passed, live = out.union(e.allowed), passed.union(e.passed), e.left
		at = end
	}
	var denied Bounds // by isolation: Must certainly, May possibly
	if isolated {
		denied.Must = live.May
	}
	switch {
	case isolated:
		denied.May = netset.All()
	case maybeIsolated:
		denied.May = netset.All().Subtract(spared)
	}
	switch t.iso {
	case atOnce:
		live = Bounds{live.Must.Subtract(denied.May), live.May.Subtract(denied.Must)}.union(passed)
	case never:
		live = live.union(passed)
	case alone:
		if maybeIsolated {
			denied.May = denied.May.Intersect(live.Must.Union(live.May))
		}
		out, live = Bounds{}, Bounds{netset.All().Subtract(denied.May), netset.All().Subtract(denied.Must)}
	}
	return m.conns.effect(effectIDs{m.conns.boundsOf(out), m.conns.boundsOf(live)})
}
