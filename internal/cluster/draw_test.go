package cluster_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// drawing is all of a picture as text.
func drawing(c *cluster.Cluster, problems []object.Problem) string {
	var b strings.Builder
	for _, n := range c.Namespaces {
		fmt.Fprintf(&b, "namespace %s %v %v %s\n", n.Name, n.Labels, n.Declared, n.Pos)
	}
	for _, n := range c.Nodes {
		fmt.Fprintf(&b, "node %s %s %s %s\n", n.Name, n.Addrs(), n.PodCIDRs, n.OS)
	}
	for _, w := range c.Workloads {
		fmt.Fprintf(&b, "workload %s %d %v %s\n", w.Ref, w.Replicas, w.Declared, w.Pos)
	}
	for _, p := range c.Pods {
		fmt.Fprintf(&b, "pod %s of %s %v %v %v %v %s\n", p.Name, p.Workload.Ref, p.Labels, p.Ports, p.IPs, p.HostNetwork, p.Pos())
	}
	for _, s := range c.Services {
		fmt.Fprintf(&b, "service %s %s %v %v %s", s.Ref, s.Type, s.Ports, s.Selector, s.Foreign)
		for _, p := range s.Pods {
			fmt.Fprintf(&b, " %s/%s", p.Workload.Ref, p.Name)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "addresses %s %s %s %v %v %v\n", c.PodCIDRs, c.NodeAddrs, c.ServiceCIDRs, c.NodesKnown, c.IPv4, c.IPv6)
	for _, p := range problems {
		fmt.Fprintf(&b, "problem %s %s\n", p.Severity, p)
	}
	return b.String()
}

// podNames is "namespace/name" of pods, sorted.
func podNames(pods []*cluster.Pod) []string {
	var out []string
	for _, p := range pods {
		out = append(out, p.Namespace.Name+"/"+p.Name)
	}
	slices.Sort(out)
	return out
}

// shop is a cluster with one of everything, read live: owners, their pods, and things that are wrong.
const shop = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: web-5d
  namespace: shop
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web, pod-template-hash: 5d}}
    spec: {containers: [{name: web, image: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-5d-b
  namespace: shop
  labels: {app: web, pod-template-hash: 5d}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d, controller: true}]
spec: {nodeName: n1, containers: [{name: web, image: web, ports: [{name: http, containerPort: 8080}]}]}
status: {phase: Running, podIP: 10.1.0.5, podIPs: [{ip: 10.1.0.5}, {ip: 'fd00::5'}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: web-5d-a
  namespace: shop
  labels: {app: web, pod-template-hash: 5d}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d, controller: true}]
spec: {nodeName: n1, containers: [{name: web, image: web, ports: [{name: http, containerPort: 8080}]}]}
status: {phase: Running, podIP: 10.1.0.6}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDR: 10.1.0.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}, {port: 0}]}
---
apiVersion: v1
kind: Service
metadata: {name: hand, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: hand-1, namespace: shop, labels: {kubernetes.io/service-name: hand}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.5, 203.0.113.9]}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: jobs}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a, ports: [{containerPort: 70000}]}]}}}}}
`

// twins tells whether two objects have one name: then their order in the input decides, as the last one given
// counts (package load removes the others).
func twins(objects []*object.Object) bool {
	seen := map[object.Ref]bool{}
	for _, o := range objects {
		r := o.Ref
		r.Group, r.Namespace = "", ""
		if seen[r] {
			return true
		}
		seen[r] = true
	}
	return false
}
