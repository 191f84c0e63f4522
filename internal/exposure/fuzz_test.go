package exposure_test

import (
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/load"
)

// FuzzFind reads any input without panic, gives a reason for every entry, and never calls an entry internal
// because of a value it could not read.
func FuzzFind(f *testing.F) {
	f.Add([]byte(controllers + ingressRules + web))
	f.Add([]byte(onAzure + "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: LoadBalancer, loadBalancerSourceRanges: [[], {}, 7], externalIPs: {}, ports: [{port: 80}]}\n"))
	f.Add([]byte(onAWS + one("alb.ingress.kubernetes.io/scheme: [], alb.ingress.kubernetes.io/group.name: 1", "ingressClassName: alb, ")[5:]))
	f.Fuzz(func(t *testing.T, data []byte) {
		objs, _, _ := load.Parse(data, "in.yaml", load.Limits{DocBytes: 1 << 16, Depth: 30, AliasNodes: 1000})
		c, _ := cluster.New(objs, cluster.Options{})
		unread := map[string]bool{}
		set := exposure.Find(c)
		for _, p := range set.Problems {
			unread[p.Ref.String()] = true
		}
		for _, e := range set.Entries {
			if len(e.Because) == 0 {
				t.Errorf("%s %s does not say why", e.Kind, e.Via)
			}
			if e.Kind == exposure.LoadBalancer && unread[e.Via.String()] && !e.Sources.IsAll() {
				t.Errorf("%s narrows its sources by a range that was not understood: %s", e.Via, line(e))
			}
			if e.Kind == exposure.NotModelled && e.Public != enforcer.Unknown {
				t.Errorf("%s is not modelled and public=%s", e.Via, e.Public)
			}
		}
	})
}
