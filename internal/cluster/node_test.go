package cluster_test

import (
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

func TestNodes(t *testing.T) {
	c := clean(t, `
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {zone: a}, annotations: {k: v}}
spec: {podCIDR: 10.1.0.0/24, podCIDRs: [10.1.0.0/24, 'fd00:1::/64']}
status:
  nodeInfo: {operatingSystem: linux}
  addresses:
  - {type: InternalIP, address: 192.168.0.1}
  - {type: ExternalIP, address: 203.0.113.1}
  - {type: Hostname, address: 192.168.0.77}
  - {type: InternalDNS, address: n1.internal}
---
apiVersion: v1
kind: Node
metadata: {name: n0}
spec: {podCIDRs: [10.1.1.5/24]}
status: {addresses: [{type: InternalIP, address: 'fd00:f::1'}]}
`)
	if len(c.Nodes) != 2 || c.Nodes[0].Name != "n0" {
		t.Fatalf("nodes are not sorted: %v", c.Nodes)
	}
	n := c.Nodes[1]
	if n.Labels["zone"] != "a" || n.Annotations["k"] != "v" || n.OS != "linux" || n.Object.Ref.Name != "n1" {
		t.Errorf("n1 is read as %+v", n)
	}
	same(t, "addresses of n1", n.Addrs().String(), addrs(t, "192.168.0.1,203.0.113.1").String())
	same(t, "pods of n1", n.PodCIDRs.String(), addrs(t, "10.1.0.0/24,fd00:1::/64").String())
	same(t, "pods", c.PodCIDRs.String(), addrs(t, "10.1.0.0/23,fd00:1::/64").String())
	same(t, "nodes", c.NodeAddrs.String(), addrs(t, "192.168.0.1,203.0.113.1,fd00:f::1").String())
	if !c.NodesKnown {
		t.Error("every node has an address and the nodes are not known")
	}
}

func TestNodesKnown(t *testing.T) {
	const (
		with    = "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}}\n"
		without = `{apiVersion: v1, kind: Node, metadata: {name: "0"}, status: {addresses: [{type: ExternalIP, address: 203.0.113.1}]}}` + "\n"
	)
	stated := cluster.Options{NodeCIDRs: addrs(t, "192.168.0.0/24")}
	for _, c := range []struct {
		name, text string
		opt        cluster.Options
		known      bool
		addrs      string
	}{
		{"no node", "{apiVersion: v1, kind: Service, metadata: {name: s}}", cluster.Options{}, false, "none"},
		{"all have addresses", with, cluster.Options{}, true, "192.168.0.1/32"},
		{"one has no internal address", with + "---\n" + without, cluster.Options{}, false, "192.168.0.1/32,203.0.113.1/32"},
		{"the last has none", strings.Replace(without, `"0"`, "z", 1) + "---\n" + with, cluster.Options{}, false, "192.168.0.1/32,203.0.113.1/32"},
		{"stated", without, stated, true, "192.168.0.0/24,203.0.113.1/32"},
	} {
		got, _ := cluster.New(parse(t, c.text), c.opt)
		if got.NodesKnown != c.known || got.NodeAddrs.String() != c.addrs {
			t.Errorf("%s: %v %s, want %v %s", c.name, got.NodesKnown, got.NodeAddrs, c.known, c.addrs)
		}
	}
}

func TestNodeProblems(t *testing.T) {
	c, problems := newCluster(t, `
apiVersion: v1
kind: Node
metadata: {name: a}
spec:
  podCIDR: 10.0.0.0
  podCIDRs:
  - "10.0.0.0/33"
  - 10.2.0.0/16
`)
	same(t, "problems", problems, []string{
		"error in.yaml:6: Node a: podCIDR 10.0.0.0 is no CIDR",
		"error in.yaml:8: Node a: podCIDR 10.0.0.0/33 is no CIDR",
	})
	same(t, "pods", c.PodCIDRs.String(), "10.2.0.0/16")
}
