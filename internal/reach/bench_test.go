package reach_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// benchYAML is n workloads in namespaces of ten, with n policies: a default deny in most namespaces, DNS,
// same-namespace, monitoring by named port, cross-namespace peers, address ranges with except.
func benchYAML(n int) []byte {
	var b bytes.Buffer
	for ns := range n / 10 {
		fmt.Fprintf(&b, "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns%d, labels: {team: t%d, env: e%d}}\n---\n", ns, ns%20, ns%3)
		for w := range 10 {
			fmt.Fprintf(&b, "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app%d\n  namespace: ns%d\nspec:\n  replicas: 3\n  selector:\n    matchLabels: {app: app%d}\n"+
				"  template:\n    metadata:\n      labels:\n        app: app%d\n        tier: tier%d\n    spec:\n      containers:\n        - name: main\n          image: registry.example/app:%d\n"+
				"          ports:\n            - name: http\n              containerPort: 8080\n            - name: metrics\n              containerPort: %d\n---\n", w, ns, w, w, w%3, w, 9100+w%2)
			fmt.Fprintf(&b, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p%d\n  namespace: ns%d\nspec:\n", w, ns)
			switch w {
			case 0:
				fmt.Fprint(&b, "  podSelector: {}\n  policyTypes: [Ingress]\n---\n")
			case 1:
				fmt.Fprint(&b, "  podSelector: {}\n  policyTypes: [Egress]\n  egress:\n    - to:\n        - namespaceSelector:\n            matchLabels: {kubernetes.io/metadata.name: kube-system}\n      ports:\n        - {protocol: UDP, port: 53}\n        - {port: 53}\n    - to:\n        - podSelector: {}\n---\n")
			case 2:
				fmt.Fprintf(&b, "  podSelector: {}\n  ingress:\n    - from:\n        - namespaceSelector:\n            matchLabels: {team: t%d}\n      ports:\n        - port: metrics\n---\n", (ns+1)%20)
			case 3:
				fmt.Fprint(&b, "  podSelector:\n    matchLabels: {tier: tier0}\n  ingress:\n    - from:\n        - ipBlock:\n            cidr: 0.0.0.0/0\n            except: [10.0.0.0/8, 192.168.0.0/16]\n      ports:\n        - {port: 8000, endPort: 8443}\n---\n")
			default:
				fmt.Fprintf(&b, "  podSelector:\n    matchLabels: {app: app%d}\n  ingress:\n    - from:\n        - podSelector:\n            matchExpressions:\n              - {key: app, operator: In, values: [app%d, app%d]}\n        - namespaceSelector:\n            matchLabels: {team: t%d, env: e%d}\n          podSelector:\n            matchLabels: {tier: tier1}\n      ports:\n        - port: http\n---\n", w, (w+1)%10, (w+2)%10, (ns+w)%20, w%3)
			}
		}
	}
	return b.Bytes()
}

// BenchmarkList1000 is everything behind `list` but printing: YAML bytes to every edge, for 1,000 workloads
// with 1,000 policies.
func BenchmarkList1000(b *testing.B) {
	data := benchYAML(1000)
	b.SetBytes(int64(len(data)))
	edges := 0
	for b.Loop() {
		objects, _, _ := load.Parse(data, "bench.yaml", load.Limits{})
		c, _ := cluster.New(objects, cluster.Options{})
		m := reach.Compile(c, kinds.Compile(c), upstream(b, true))
		edges = 0
		for range m.Edges() {
			edges++
		}
	}
	b.ReportMetric(float64(edges), "edges")
}

// BenchmarkCompile1000 is the model alone, from the picture of the cluster to every row.
func BenchmarkCompile1000(b *testing.B) {
	objects, _, _ := load.Parse(benchYAML(1000), "bench.yaml", load.Limits{})
	c, _ := cluster.New(objects, cluster.Options{})
	set := kinds.Compile(c)
	for b.Loop() {
		reach.Compile(c, set, upstream(b, true)).Warm()
	}
}

// BenchmarkEdges1000 is every pair of a compiled model.
func BenchmarkEdges1000(b *testing.B) {
	objects, _, _ := load.Parse(benchYAML(1000), "bench.yaml", load.Limits{})
	c, _ := cluster.New(objects, cluster.Options{})
	m := reach.Compile(c, kinds.Compile(c), upstream(b, true))
	m.Warm()
	for b.Loop() {
		for range m.Edges() {
		}
	}
}
