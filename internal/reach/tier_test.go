package reach_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

const threePods = `
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {app: a}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: x, labels: {app: b}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: c, namespace: x, labels: {app: c}}
spec: {containers: [{name: c, image: i}]}
`

func pods(t *testing.T, yaml string) *cluster.Cluster {
	t.Helper()
	objects, problems, _ := load.Parse([]byte(yaml), "pods.yaml", load.Limits{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c, problems := cluster.New(objects, cluster.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return c
}

// tierPolicies makes random ordered policies for ingress with all three actions in three tiers.
func tierPolicies(r *rand.Rand) []policy.Policy {
	var out []policy.Policy
	app := func() cluster.Selector {
		if r.IntN(4) == 0 {
			return nil
		}
		return cluster.MatchLabels(map[string]string{"app": pickOne(r, []string{"a", "b", "c"})})
	}
	for rank := range 3 {
		for i := range r.IntN(3) {
			p := policy.Policy{
				Ref:      object.Ref{Group: "networking.k8s.io", Kind: "P", Name: fmt.Sprintf("t%dp%d", rank, i)},
				Tier:     policy.Tier{Rank: float64(rank), Name: fmt.Sprint(rank)},
				Order:    float64(i),
				Subjects: []policy.Term{{Namespace: "x", Pods: app()}},
			}
			p.Isolates[policy.Ingress] = r.IntN(2) == 0
			for range r.IntN(4) {
				rule := policy.Rule{Action: policy.Action(r.IntN(3)), Conns: netset.All()}
				if r.IntN(2) == 0 {
					lo := 1 + r.IntN(4)
					rule.Conns = netset.Ports(netset.TCP, lo, lo+r.IntN(4))
				}
				rule.Peers = []policy.Peer{{Kind: policy.PodPeer, Term: policy.Term{Namespace: "x", Pods: app()}}}
				if r.IntN(4) == 0 {
					rule.Peers = []policy.Peer{{Kind: policy.AnyPeer}}
				}
				switch r.IntN(10) {
				case 0:
					rule.Doubts = []policy.Doubt{{Msg: "unknown field"}}
				case 1:
					rule.Peers = []policy.Peer{{Kind: policy.DoubtPeer, Doubt: &policy.Doubt{Msg: "unknown peer"}}}
				case 2:
					rule.Limits = []policy.Doubt{{Msg: "further condition"}}
				case 3:
					rule.Peers[0].Doubt = &policy.Doubt{Msg: "perhaps"}
				}
				p.Rules = append(p.Rules, rule)
			}
			out = append(out, p)
		}
	}
	return out
}

// settle picks one truth for every doubt: a doubtful rule matches everything or nothing.
func settle(r *rand.Rand, ps []policy.Policy) []policy.Policy {
	out := make([]policy.Policy, len(ps))
	for i, p := range ps {
		out[i] = p
		out[i].Rules = nil
		for _, rule := range p.Rules {
			if len(rule.Limits) > 0 || rule.Peers[0].Doubt != nil && rule.Peers[0].Kind != policy.DoubtPeer {
				if r.IntN(2) == 0 {
					continue // or as it stands
				}
				rule.Limits, rule.Peers = nil, slices.Clone(rule.Peers)
				rule.Peers[0].Doubt = nil
			}
			doubt := len(rule.Doubts) > 0 || rule.Peers[0].Kind == policy.DoubtPeer
			if doubt {
				if r.IntN(2) == 0 {
					continue
				}
				if len(rule.Doubts) > 0 {
					rule.Conns = netset.All()
				}
				rule.Doubts, rule.Peers = nil, []policy.Peer{{Kind: policy.AnyPeer}}
			}
			out[i].Rules = append(out[i].Rules, rule)
		}
	}
	return out
}

// runTiers decides one packet to dst by walking the tiers in order, as the package comment of policy says.
func runTiers(ps []policy.Policy, src, dst *cluster.Pod, port uint16) bool {
	for rank := range 3 {
		isolated, passed := false, false
		for _, p := range ps {
			if int(p.Tier.Rank) != rank || !p.Subjects[0].Pods.Matches(dst.Labels) || passed {
				continue
			}
			isolated = isolated || p.Isolates[policy.Ingress]
			for _, rule := range p.Rules {
				q := rule.Peers[0]
				if (q.Kind == policy.AnyPeer || q.Pods.Matches(src.Labels)) && rule.Conns.Contains(netset.TCP, port) {
					switch rule.Action {
					case policy.Allow:
						return true
					case policy.Deny:
						return false
					case policy.Pass:
						passed = true
					}
					break
				}
			}
		}
		if isolated && !passed {
			return false
		}
	}
	return true
}

// TestTiers compares ordered tiers with a walk packet by packet, and checks that whatever a doubt turns out
// to be, the truth lies between Must and May.
func TestTiers(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 0))
	c := pods(t, threePods)
	open, differ := 0, 0
	for range cases(t, 60_000) / 20 {
		doubtful := tierPolicies(r)
		certain := settle(r, doubtful)
		exact := reach.Compile(c, policy.Set{Policies: certain}, upstream(t, true))
		bounds := reach.Compile(c, policy.Set{Policies: doubtful}, upstream(t, true))
		for _, src := range c.Pods {
			for _, dst := range c.Pods {
				if src == dst {
					continue
				}
				e := exact.Between(reach.OfPod(src), reach.OfPod(dst))
				b := bounds.Between(reach.OfPod(src), reach.OfPod(dst))
				if !e.Decided() {
					t.Fatalf("no doubt, and yet undecided: %+v", e)
				}
				for port := uint16(1); port <= 9; port++ {
					want := runTiers(certain, src, dst, port)
					if got := e.Must.Contains(netset.TCP, port); got != want {
						t.Fatalf("%s -> %s tcp/%d: walk %v, engine %v\n%+v", src.Name, dst.Name, port, want, got, certain)
					}
					if (b.Must.Contains(netset.TCP, port) && !want) || (want && !b.May.Contains(netset.TCP, port)) {
						t.Fatalf("%s -> %s tcp/%d: truth %v outside of must %s may %s\n%+v", src.Name, dst.Name, port, want, b.Must, b.May, doubtful)
					}
					if want {
						open++
					}
				}
				if !b.Decided() {
					differ++
					if len(bounds.Reasons(reach.OfPod(src), reach.OfPod(dst))) == 0 {
						t.Fatal("undecided without a reason")
					}
				}
			}
		}
	}
	if open == 0 || differ == 0 {
		t.Errorf("too one-sided: %d open, %d undecided", open, differ)
	}
}
