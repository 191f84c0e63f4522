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
		if len(doubts) == 0 {
			continue
		}
		if !cloned {
			policies, cloned = slices.Clone(policies), true
		}
		policies[i].Doubts = slices.Concat(policies[i].Doubts, doubts)
	}
	return policies
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
