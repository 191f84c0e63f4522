package reach

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// doubtUnread adds a doubt to each policy that has a part which the engine does not surely honour. Engines
// refuse the whole policy for such a part, which opens what it closes, or take the rule for less or more
// than it says; so the doubt is about the whole. The policies given are left as they are.
func doubtUnread(c *cluster.Cluster, policies []policy.Policy, prof enforcer.Profile) []policy.Policy {
	more := map[object.Ref][]policy.Doubt{}
	for _, u := range prof.Unread(c) {
		text := "%s does not read %s, and what it makes of the policy is not known"
		if u.Honour == enforcer.Unknown {
			text = "it is not known whether %s reads %s, and what it makes of the policy if not"
		}
		more[u.Ref] = append(more[u.Ref], policy.Doubt{Pos: u.Pos, Ref: u.Ref, Msg: fmt.Sprintf(text, prof.Name, u.Feature)})
	}
	cloned := false
	for i := range policies {
		p := &policies[i]
		doubts := slices.Clone(more[p.Ref])
		if prof.Enforces == enforcer.Yes && prof.NodePeers != enforcer.Yes && p.Ref.Group == "policy.networking.k8s.io" {
			doubts = append(doubts, nodeDoubts(p, prof)...)
		}
		rules := p.Rules
		if prof.Name == "cilium" || prof.Name == "gke" {
			if p.Ref.Group == "policy.networking.k8s.io" || p.Ref.Group == "networking.k8s.io" {
				rules = widened(p)
			}
		}
		if len(doubts) == 0 && (len(rules) == 0 || &rules[0] == &p.Rules[0]) {
			continue
		}
		if !cloned {
			policies, cloned = slices.Clone(policies), true
		}
		policies[i].Doubts, policies[i].Rules = slices.Concat(policies[i].Doubts, doubts), rules
	}
	return policies
}

// widened adds to each rule with a peer that only says which namespaces and pods it is not: Cilium asks nothing of
// such a peer that only pods have, so that nodes and the outside may match it, too. ClusterNetworkPolicy does so in
// 1.20.2, NetworkPolicy unless policy-default-local-cluster is on (by running it). It gives the rules back
// unchanged when there is no such peer.
func widened(p *policy.Policy) []policy.Rule {
	out := p.Rules
	for j := range p.Rules {
		for _, q := range p.Rules[j].Peers {
			if q.Kind != policy.PodPeer || q.Namespace != "" || len(q.NamespaceSelector) == 0 || !negative(q.NamespaceSelector) || !negative(q.Pods) {
				continue
			}
			if &out[0] == &p.Rules[0] {
				out = slices.Clone(p.Rules)
			}
			doubt := policy.Doubt{Pos: q.Pos, Ref: p.Ref, Msg: "Cilium may take a peer that only says which namespaces it is not for nodes and the outside, too"}
			out[j].Peers = append(slices.Clone(out[j].Peers), policy.Peer{Kind: policy.DoubtPeer, Pos: q.Pos, Doubt: &doubt})
		}
	}
	return out
}

func negative(s cluster.Selector) bool {
	return !slices.ContainsFunc(s, func(r cluster.Requirement) bool { return r.Op != cluster.NotIn && r.Op != cluster.DoesNotExist })
}

// nodeDoubts is one doubt when a rule of p names nodes.
func nodeDoubts(p *policy.Policy, prof enforcer.Profile) []policy.Doubt {
	for _, r := range p.Rules {
		for _, q := range r.Peers {
			if q.Kind == policy.NodePeer {
				return []policy.Doubt{{Pos: q.Pos, Ref: p.Ref, Msg: fmt.Sprintf(
					"%s may refuse a policy with peers that name nodes, or take the rule for more than it says", prof.Name)}}
			}
		}
	}
	return nil
}
