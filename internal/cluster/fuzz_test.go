package cluster_test

import (
	"slices"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

// FuzzNew: whatever can be parsed makes a picture that holds together, the same in any order of the input.
func FuzzNew(f *testing.F) {
	f.Add([]byte(shop))
	f.Add([]byte(somePods + `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {selector: {app: web}, externalIPs: [1.2.3.4], ports: [{port: 80, targetPort: http}]}}`))
	f.Add([]byte(`{apiVersion: example.com/v1, kind: Fleet, metadata: {name: f, ownerReferences: [{controller: true, apiVersion: example.com/v1, kind: Fleet, name: f}]}, spec: {template: {spec: {containers: [{ports: [{}]}]}}}}`))
	f.Add([]byte(`{apiVersion: v1, kind: Node, metadata: {name: a, namespace: b}, spec: {podCIDR: 1, podCIDRs: {}}, status: {addresses: [1, {type: InternalIP, address: "::%x"}]}}`))
	f.Add([]byte(`{apiVersion: v1, kind: Pod, metadata: null, spec: {containers: {}, initContainers: [null]}, status: []}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		objects, _, _ := load.Parse(text, "in.yaml", load.Limits{FileBytes: 1 << 16, DocBytes: 1 << 16, Objects: 100, AliasNodes: 1000})
		c, problems := cluster.New(objects, cluster.Options{})
		if len(c.Objects) != len(objects) {
			t.Errorf("%d objects became %d", len(objects), len(c.Objects))
		}
		n := 0
		for _, w := range c.Workloads {
			if len(w.Pods) == 0 {
				t.Errorf("%s has no pod", w.Ref)
			}
			n += len(w.Pods)
			for _, p := range w.Pods {
				if p.Workload != w || p.Namespace == nil || p.Namespace != c.Namespace(w.Ref.Namespace) || p.Object == nil || p.Labels == nil {
					t.Errorf("pod %s of %s: %+v", p.Name, w.Ref, p)
				}
				for _, q := range p.Ports {
					if q.Number < 1 || q.Number > 65535 || q.HostPort < 0 || q.HostPort > 65535 || !q.Protocol.HasPorts() {
						t.Errorf("pod %s has the port %+v", p.Name, q)
					}
				}
			}
		}
		if n != len(c.Pods) {
			t.Errorf("%d pods of workloads, %d in all", n, len(c.Pods))
		}
		for _, s := range c.Services {
			if s.Namespace == nil {
				t.Errorf("%s has no namespace", s.Ref)
			}
			for _, p := range s.Ports {
				if p.Port < 1 || p.Port > 65535 || p.NodePort < 0 || p.NodePort > 65535 || (p.TargetName == "") != (p.TargetNumber > 0) || p.Protocol > netset.SCTP {
					t.Errorf("%s has the port %+v", s.Ref, p)
				}
			}
		}
		if !c.IPv4 && !c.IPv6 {
			t.Error("pods have no address family")
		}
		want := drawing(c, problems)
		slices.Reverse(objects)
		if !twins(objects) {
			same(t, "picture of reversed input", drawing(cluster.New(objects, cluster.Options{})), want)
		}
	})
}
