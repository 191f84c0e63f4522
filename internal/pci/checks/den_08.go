package checks

import (
	"fmt"

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
	for i := range in.Policies.Policies {
		p := &in.Policies.Policies[i]
		for j := range p.Rules {
			r := &p.Rules[j]
			if r.Action != policy.Allow || len(p.Doubts)+len(r.Doubts) > 0 {
				continue
			}
			of++
			if f := swallowed(in, p, r); f != nil {
				found = append(found, *f)
				continue
			}
			holds++
		}
	}
	return withSummary(found, of, holds, "rules", "have an effect of their own")
}

// swallowed looks for another allow rule, of a policy that binds at least the same pods, that already
// allows all that r allows, or that lets in what an except of r leaves out.
func swallowed(in *pci.Input, p *policy.Policy, r *policy.Rule) *pci.Finding {
	for i := range in.Policies.Policies {
		q := &in.Policies.Policies[i]
		if q.Tier != p.Tier || len(q.Doubts) > 0 || !binds(q, p) {
			continue
		}
		for j := range q.Rules {
			s := &q.Rules[j]
			if s == r || s.Direction != r.Direction || s.Action != policy.Allow || len(s.Doubts) > 0 {
				continue
			}
			wider := s.Conns.Covers(r.Conns) && len(r.Named) == 0
			same := wider && r.Conns.Covers(s.Conns) && samePeers(r, s)
			switch {
			case wider && coversPeers(s, r) && (!same || before(q, s, p, r)):
				return swallowFinding(p, r, q, s, fmt.Sprintf("%s changes nothing: %s of %s already allows all of it", r.Path, s.Path, q.Ref))
			case s.Conns.Overlaps(r.Conns) && reopens(s, r):
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
	if p.Subject.Namespace == "" || q.Subject.Namespace != p.Subject.Namespace {
		return false
	}
	return len(q.Subject.Pods) == 0 || q.Subject.Pods.String() == p.Subject.Pods.String()
}

// before breaks the tie between two equal rules, so that only the later one is reported.
func before(q *policy.Policy, s *policy.Rule, p *policy.Policy, r *policy.Rule) bool {
	if c := q.Ref.Compare(p.Ref); c != 0 {
		return c < 0
	}
	return s.Pos.Compare(r.Pos) < 0
}

func samePeers(r, s *policy.Rule) bool { return coversPeers(r, s) && coversPeers(s, r) }

// coversPeers tells whether every peer of r is certainly matched by one peer of s.
func coversPeers(s, r *policy.Rule) bool {
	for _, want := range r.Peers {
		ok := false
		for _, have := range s.Peers {
			ok = ok || coversPeer(&have, &want)
		}
		if !ok {
			return false
		}
	}
	return len(r.Peers) > 0
}

func coversPeer(have, want *policy.Peer) bool {
	switch {
	case have.Kind == policy.AnyPeer:
		return true
	case have.Kind != want.Kind:
		return false
	case have.Kind == policy.AddrPeer:
		return have.Addrs.Covers(want.Addrs)
	case have.Kind == policy.PodPeer:
		sameNS := have.Namespace == want.Namespace && have.NamespaceSelector.String() == want.NamespaceSelector.String()
		everyNS := have.Namespace == "" && len(have.NamespaceSelector) == 0
		return (sameNS || everyNS) && (len(have.Pods) == 0 || have.Pods.String() == want.Pods.String())
	}
	return false
}

// reopens tells whether s allows addresses that r has cut out of a range: r's ranges have a hole inside, and
// s covers some of it.
func reopens(s, r *policy.Rule) bool {
	var mine, theirs netset.Addrs
	for _, q := range r.Peers {
		if q.Kind != policy.AddrPeer {
			return false
		}
		mine = mine.Union(q.Addrs)
	}
	for _, q := range s.Peers {
		if q.Kind == policy.AddrPeer {
			theirs = theirs.Union(q.Addrs)
		}
	}
	return holes(mine.V4()).Overlaps(theirs) || holes(mine.V6()).Overlaps(theirs)
}

// holes is what lies between the first and the last address of a set without belonging to it.
func holes(a netset.Addrs) netset.Addrs {
	spans := a.Ranges()
	if len(spans) < 2 {
		return netset.Addrs{}
	}
	return netset.AddrRange(spans[0].Lo, spans[len(spans)-1].Hi).Subtract(a)
}
