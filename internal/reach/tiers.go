package reach

import (
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// match is what a rule matches at a point, certainly and possibly.
func (m *Model) match(p *profile, k pick, j int, f family, i int) Bounds {
	q := &m.policies[k.policy]
	r, s := &q.Rules[j], &q.rules[j]
	if len(r.Doubts) > 0 {
		return Bounds{May: netset.All()}
	}
	if !s.possible[f].has(i) {
		return Bounds{}
	}
	b := Bounds{May: m.ruleConns(p, r, i)}
	if k.sure && len(r.Limits) == 0 && s.certain[f].has(i) {
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
func (m *Model) apply(p *profile, k pick, f family, i int, live Bounds) effect {
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
func (m *Model) tied(p *profile, at int) int {
	first := &m.policies[p.picks[at].policy]
	unordered, end := first.Unordered, at+1
	for ; end < len(p.picks); end++ {
		q := &m.policies[p.picks[end].policy]
		if q.Tier != first.Tier || q.Order != first.Order {
			break
		}
		unordered = unordered || q.Unordered
	}
	if !unordered {
		return at + 1
	}
	return end
}

// applyTied runs policies of which any may come first. Certain is only what holds in every order: what one
// certainly allows and no other may deny or pass.
func (m *Model) applyTied(p *profile, picks []pick, f family, i int, live Bounds) effect {
	single := make([]effect, len(picks))
	for n, k := range picks {
		single[n] = m.apply(p, k, f, i, live)
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

// eval runs the tiers of a layer for one point.
func (m *Model) eval(p *profile, f family, i int) Bounds {
	out := m.evalTiers(p, f, i, m.profile.BaselineOverIsolation == enforcer.Yes)
	if m.profile.BaselineOverIsolation == enforcer.Unknown { // the other reading can only allow more
		out.May = m.evalTiers(p, f, i, true).May
	}
	for _, o := range p.opaque {
		out.Must = netset.Conns{}
		if !m.opaque[o].Restricts {
			out.May = netset.All()
		}
	}
	return out
}

// evalTiers keeps four sets (docs/design/0002): out is the answer so far; live is what certainly (Must) and
// possibly (May) still waits for a decision in this tier, where Must also counts what a rule may already
// have allowed; passed likewise for the next tier. With late set the isolation of the NetworkPolicy tier
// comes after all tiers (enforcer.Profile.BaselineOverIsolation).
func (m *Model) evalTiers(p *profile, f family, i int, late bool) Bounds {
	var out Bounds
	live := allBounds
	var lateIsolated, lateMaybe netset.Conns // what the end of all tiers still denies, certainly and possibly
	for at := 0; at < len(p.picks); {
		tier := m.policies[p.picks[at].policy].Tier
		var passed Bounds
		isolated, maybeIsolated := false, false
		for at < len(p.picks) && m.policies[p.picks[at].policy].Tier == tier {
			end := m.tied(p, at)
			for _, k := range p.picks[at:end] {
				q := &m.policies[k.policy]
				isolated = isolated || (k.sure && q.Isolates[p.dir])
				maybeIsolated = maybeIsolated || q.Isolates[p.dir] || len(q.Doubts) > 0
			}
			var e effect
			if end == at+1 {
				e = m.apply(p, p.picks[at], f, i, live)
			} else {
				e = m.applyTied(p, p.picks[at:end], f, i, live)
			}
			out, passed, live = out.union(e.allowed), passed.union(e.passed), e.left
			at = end
		}
		switch {
		case late && tier == policy.NetworkPolicyTier:
			if isolated {
				lateIsolated = live.May
			}
			if maybeIsolated {
				lateMaybe = live.Must.Union(live.May)
			}
		default:
			if maybeIsolated {
				live.Must = netset.Conns{}
			}
			if isolated {
				live.May = netset.Conns{}
			}
		}
		live = live.union(passed)
	}
	return out.union(Bounds{live.Must.Subtract(lateMaybe), live.May.Subtract(lateIsolated)})
}
