package reach_test

import (
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// A policy with a peer that names nodes decides nothing under an engine that may refuse it for that; without
// such a peer, or where such peers work, it does.
func TestNodePeersRefused(t *testing.T) {
	c := pods(t, threePods)
	gk := object.GroupKind{Group: "policy.networking.k8s.io", Kind: "ClusterNetworkPolicy"}
	deny := func(peers ...policy.Peer) policy.Set {
		return policy.Set{Policies: []policy.Policy{{
			Ref: object.Ref{Group: gk.Group, Kind: gk.Kind, Name: "p"}, Tier: policy.AdminTier, Subjects: []policy.Term{{}},
			Rules: []policy.Rule{
				{Direction: policy.Egress, Action: policy.Allow, Conns: netset.All(), Peers: peers},
				{Direction: policy.Egress, Action: policy.Deny, Conns: netset.All(), Peers: []policy.Peer{{Kind: policy.PodPeer}}},
			},
		}}}
	}
	nodes := policy.Peer{Kind: policy.NodePeer, Nodes: cluster.MatchLabels(map[string]string{"a": "b"})}
	for _, tt := range []struct {
		name    string
		set     policy.Set
		works   enforcer.Answer
		decided bool
	}{
		{"no such peer", deny(policy.Peer{Kind: policy.AddrPeer}), enforcer.Unknown, true},
		{"it works", deny(nodes), enforcer.Yes, true},
		{"it may not work", deny(nodes), enforcer.Unknown, false},
		{"it does not work", deny(nodes), enforcer.No, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			prof := must(enforcer.Named("calico"))
			prof.Kinds, prof.NodePeers = []enforcer.KindAnswer{{Kind: gk, Honour: enforcer.Yes}}, tt.works
			m := reach.Compile(c, tt.set, prof)
			a, b := reach.OfPod(c.Pods[0]), reach.OfPod(c.Pods[1])
			got := m.Between(a, b)
			switch {
			case !got.Must.IsEmpty():
				t.Errorf("certainly allowed: %s", got.Must)
			case got.May.IsEmpty() != tt.decided:
				t.Errorf("possibly allowed: %s", got.May)
			}
			if rs := m.Reasons(a, b); !tt.decided && (len(rs) == 0 || !strings.Contains(rs[0].Msg, "calico may refuse a policy with peers that name nodes")) {
				t.Errorf("reasons: %v", rs)
			}
			if len(tt.set.Policies[0].Doubts) > 0 {
				t.Error("the policies given were changed")
			}
		})
	}
}
