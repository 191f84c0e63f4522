package checks

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var den08 = pci.Check{
	ID: "DEN-08", Title: "no rule is swallowed by another", Since: "0.1.0", Severity: pci.Low,
	Requirements: []string{"1.2.7"},
	Why: "NetworkPolicy rules only add. An `except` that another rule of the same pods lets in again, or a narrow rule beside one that " +
		"allows everything, looks like a control and is none.",
	Fix:      "Delete the rule that has no effect, or narrow the one that swallows it.",
	Evidence: "Both rules, with file and line.",
	Run:      runDen08,
}

func runDen08(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	onlyAllow := onlyAllows(in)
	for i := range in.Policies.Policies {
		p := &in.Policies.Policies[i]
		for j := range p.Rules {
			r := &p.Rules[j]
			if r.Action != policy.Allow || len(p.Doubts)+len(r.Doubts) > 0 {
				continue
			}
			of++
			if f := swallowed(in, p, r, onlyAllow); f != nil {
				found = append(found, *f)
				continue
			}
			holds++
		}
	}
	return withSummary(found, of, holds, "rules", "have an effect of their own")
}

// onlyAllows tells whether no rule of the input denies or passes on. Otherwise what stands between two rules
// of an ordered kind decides whether one swallows the other.
func onlyAllows(in *pci.Input) bool {
	for _, p := range in.Policies.Policies {
		for _, r := range p.Rules {
			if r.Action != policy.Allow || len(p.Doubts)+len(r.Doubts) > 0 && !isNetworkPolicy(&p) {
				return false
			}
		}
	}
	return true
}

// isNetworkPolicy tells the upstream kind, whose rules have no order and an address peer only one block.
func isNetworkPolicy(p *policy.Policy) bool { return p.Ref.Group == "networking.k8s.io" }

// swallowed looks for another allow rule, of a policy that binds at least the same pods, that already
// allows all that r allows, or that lets in what an except of r leaves out.
func swallowed(in *pci.Input, p *policy.Policy, r *policy.Rule, onlyAllow bool) *pci.Finding {
	others := []*policy.Policy{p}
	if p.Namespace() != "" {
		others = in.PoliciesIn(p.Namespace())
	}
	for _, q := range others {
		unordered := isNetworkPolicy(p) && isNetworkPolicy(q)
		if q.Tier != p.Tier || len(q.Doubts) > 0 || !binds(q, p) || !unordered && !onlyAllow ||
			q != p && in.Profile.Honours(q.Ref.GroupKind()) != in.Profile.Honours(p.Ref.GroupKind()) {
			continue
		}
		for j := range q.Rules {
			s := &q.Rules[j]
			if s == r || s.Direction != r.Direction || s.Action != policy.Allow || len(s.Doubts) > 0 {
				continue
			}
			switch {
			case coversRule(s, r) && (!binds(p, q) || !coversRule(r, s) || before(q, s, p, r)):
				return swallowFinding(p, r, q, s, fmt.Sprintf("%s changes nothing: %s of %s already allows all of it", r.Path, s.Path, q.Ref))
			case unordered && reopens(s, r):
				return swallowFinding(p, r, q, s, fmt.Sprintf("%s leaves addresses out by except, and %s of %s lets them in again", r.Path, s.Path, q.Ref))
			}
		}
	}
	return nil
}

func swallowFinding(p *policy.Policy, r *policy.Rule, q *policy.Policy, s *policy.Rule, msg string) *pci.Finding {
	return &pci.Finding{
		Status: pci.Fail, Subject: p.Ref, Pos: r.Pos, Message: msg, Key: r.Path,
		Because: []pci.Because{{Ref: p.Ref, Pos: r.Pos, Msg: r.Path + " is swallowed"}, {Ref: q.Ref, Pos: s.Pos, Msg: s.Path + " swallows it"}},
		Fix:     &pci.Fix{Text: "delete the rule without effect, or narrow the other"},
	}
}

// binds tells whether q certainly binds every pod that p binds, by its selectors.
func binds(q, p *policy.Policy) bool {
	if q == p {
		return true
	}
	if p.Namespace() == "" || q.Namespace() != p.Namespace() {
		return false
	}
	for _, t := range p.Subjects {
		if !slices.ContainsFunc(q.Subjects, func(u policy.Term) bool { return u.Covers(t) }) {
			return false
		}
	}
	return true
}

// before breaks the tie between two equal rules, so that only the later one is reported.
func before(q *policy.Policy, s *policy.Rule, p *policy.Policy, r *policy.Rule) bool {
	if c := q.Ref.Compare(p.Ref); c != 0 {
		return c < 0
	}
	return cmp.Or(s.Pos.Compare(r.Pos), cmp.Compare(s.Path, r.Path)) < 0
}

// coversRule tells whether s certainly matches all that r matches.
func coversRule(s, r *policy.Rule) bool {
	if !s.Conns.Covers(r.Conns) || len(s.NotNamed) > 0 || !s.Never.IsEmpty() || len(s.Limits) > 0 || len(s.Doubts) > 0 {
		return false
	}
	for _, n := range r.Named {
		named := slices.ContainsFunc(s.Named, func(o policy.NamedPort) bool { return o.Name == n.Name && o.Protocol == n.Protocol })
		if !named && !s.Conns.Covers(netset.Of(n.Protocol)) {
			return false
		}
	}
	for i := range r.Peers {
		if !slices.ContainsFunc(s.Peers, func(have policy.Peer) bool { return coversPeer(&have, &r.Peers[i]) }) {
			return false
		}
	}
	return len(r.Peers) > 0
}

// coversPeer tells whether have certainly matches all that want matches.
func coversPeer(have, want *policy.Peer) bool {
	switch {
	case have.Doubt != nil || have.Kind != want.Kind && have.Kind != policy.AnyPeer:
		return false
	case have.Kind == policy.AnyPeer:
		return true
	case have.Kind == policy.AddrPeer:
		return have.Reach == want.Reach && have.Addrs.Covers(want.Addrs)
	case have.Kind == policy.PodPeer:
		return have.Within == nil && have.Covers(want.Term)
	}
	return false
}

// reopens tells whether s takes the point out of an except of r: s allows a wider block over it on some port
// of r, or all of it on every port of r. A rule for part of what was left out is meant.
func reopens(s, r *policy.Rule) bool {
	if !s.Conns.Overlaps(r.Conns) {
		return false
	}
	var mine netset.Addrs
	for _, q := range r.Peers {
		mine = mine.Union(q.Addrs)
	}
	for _, q := range r.Peers {
		left := hole(q.Addrs).Subtract(mine)
		for _, o := range s.Peers {
			addrs := o.Addrs
			if o.Kind == policy.AnyPeer {
				addrs = netset.AllAddrs()
			}
			wider := addrs.Overlaps(left) && !left.Covers(addrs)
			if wider || s.Conns.Covers(r.Conns) && reopensRange(addrs, left) {
				return true
			}
		}
	}
	return false
}

func reopensRange(addrs, left netset.Addrs) bool {
	for _, span := range left.Ranges() {
		if addrs.Covers(netset.AddrRange(span.Lo, span.Hi)) {
			return true
		}
	}
	return false
}

// hole is what an ipBlock leaves out by except: what the smallest block around its addresses holds besides.
// An except at the very edge may go unseen.
func hole(a netset.Addrs) netset.Addrs {
	spans := a.Ranges()
	if len(spans) == 0 {
		return netset.Addrs{}
	}
	lo, hi := spans[0].Lo, spans[len(spans)-1].Hi
	for bits := lo.BitLen(); bits >= 0; bits-- {
		if block := netip.PrefixFrom(lo, bits).Masked(); block.Contains(hi) {
			return netset.AddrsOf(block).Subtract(a)
		}
	}
	return netset.Addrs{} // two families: no one block
}
