package cluster_test

import (
	"slices"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
)

// FuzzNew: no input makes New fail or depend on its order, and its promises hold: every workload has a pod,
// every pod a workload and a namespace, every problem a place.
func FuzzNew(f *testing.F) {
	f.Add([]byte(shop + service("selector: {app: web}") + slice("s", "10.0.0.1")))
	f.Add([]byte(made("apps/v1", "ReplicaSet", "a", "apps/v1 ReplicaSet b", "") + made("apps/v1", "ReplicaSet", "b", "apps/v1 ReplicaSet a", "") + pod("p", "v1 Node n", "")))
	f.Add([]byte("apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {podCIDR: '::ffff:10.0.0.0/104', podCIDRs: [10.0.0.0/8, '::/0']}\nstatus: {addresses: [{type: InternalIP, address: 'fe80::1%eth0'}]}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, _, _ := load.Parse(data, "in.yaml", load.Limits{FileBytes: 1 << 16})
		c, problems := cluster.New(objects, cluster.Options{})
		pods := 0
		for _, w := range c.Workloads {
			if len(w.Pods) == 0 {
				t.Errorf("%v has no pod", w.Ref)
			}
			pods += len(w.Pods)
			for _, p := range w.Pods {
				if p.Workload != w || p.Namespace == nil || p.Labels == nil || p.Object == nil {
					t.Errorf("pod %s of %v: %+v", p.Name, w.Ref, p)
				}
			}
		}
		if pods != len(c.Pods) {
			t.Errorf("%d pods, %d of workloads", len(c.Pods), pods)
		}
		for _, s := range c.Services {
			if s.Namespace == nil {
				t.Errorf("%v has no namespace", s.Ref)
			}
			for _, q := range s.Ports {
				if q.Port < 1 || q.Port > 65535 || (q.TargetName == "") == (q.TargetNumber == 0) {
					t.Errorf("%v has port %+v", s.Ref, q)
				}
			}
		}
		if !c.IPv4 && !c.IPv6 {
			t.Error("pods have no address family")
		}
		for _, p := range problems {
			if p.Pos.File == "" || p.Msg == "" {
				t.Errorf("problem %+v", p)
			}
		}
		slices.Reverse(objects)
		d, _ := cluster.New(objects, cluster.Options{})
		if a, b := names(c), names(d); !slices.Equal(a, b) {
			t.Errorf("in another order: %v, then %v", a, b)
		}
	})
}
