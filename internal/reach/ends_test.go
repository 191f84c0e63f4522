package reach_test

import (
	"math/rand/v2"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// TestEnds: without doubts, each packet that is denied is denied by a rule that it comes to or at the end of a tier, and
// one that is allowed comes to no such end. With doubts, what an end denies is denied whatever they turn out to be.
func TestEnds(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 0))
	c := pods(t, threePods)
	asked := netset.Ports(netset.TCP, 1, 9)
	ends, rules := 0, 0
	for range cases(t, 60_000) / 200 {
		doubtful := tierPolicies(r)
		certain := settle(r, doubtful)
		exact := reach.Compile(c, policy.Set{Policies: certain}, upstream(t, true))
		bounds := reach.Compile(c, policy.Set{Policies: doubtful}, upstream(t, true))
		for _, src := range c.Pods {
			for _, dst := range c.Pods {
				if src == dst {
					continue
				}
				a, b := reach.OfPod(src), reach.OfPod(dst)
				byEnd, byRule := denials(exact.Explain(a, b, asked).Ingress)
				perhaps, _ := denials(bounds.Explain(a, b, asked).Ingress)
				for port := uint16(1); port <= 9; port++ {
					open := runTiers(certain, src, dst, port)
					end, rule := byEnd.Contains(netset.TCP, port), byRule.Contains(netset.TCP, port)
					switch {
					case open == (end || rule), end && rule:
						t.Fatalf("%s -> %s tcp/%d: open %v, denied by an end %v, by a rule %v\n%+v", src.Name, dst.Name, port, open, end, rule, certain)
					case open && perhaps.Contains(netset.TCP, port):
						t.Fatalf("%s -> %s tcp/%d: open, and an end denies it\n%+v\nwith doubts\n%+v", src.Name, dst.Name, port, certain, doubtful)
					case end:
						ends++
					case rule:
						rules++
					}
				}
			}
		}
	}
	if ends == 0 || rules == 0 {
		t.Errorf("too one-sided: %d denied by ends, %d by rules", ends, rules)
	}
}

// denials is what the ends of tiers deny, and what rules do that are not late.
func denials(s reach.Side) (byEnd, byRule netset.Conns) {
	for _, p := range s.Policies {
		for _, r := range p.Rules {
			if r.Rule.Action == policy.Deny {
				byRule = byRule.Union(r.Certain.Subtract(r.Late))
			}
		}
		byEnd = byEnd.Union(p.Ends)
	}
	return byEnd, byRule
}
