package cluster_test

import (
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

// somePods is pods to stand behind Services.
const somePods = `
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ns, labels: {app: web, tier: x}}, spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: ns, labels: {app: web}}, spec: {containers: [{name: c, ports: [{name: http, containerPort: 80}, {name: dns, containerPort: 53, protocol: UDP}]}]}, status: {podIP: 10.0.0.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: host, namespace: ns, labels: {app: node}}, spec: {hostNetwork: true, containers: [{name: c}]}, status: {podIP: 192.168.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: other, labels: {app: web}}, spec: {containers: [{name: c}]}, status: {podIP: 10.0.0.3}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: planned, namespace: ns}, spec: {template: {metadata: {labels: {app: later}}, spec: {containers: [{name: c}]}}}}
---
`

// TestServicePods: which pods stand behind a Service, and which addresses are nobody's.
func TestServicePods(t *testing.T) {
	for _, c := range []struct {
		name, text string
		pods       []string
		foreign    string
	}{
		{"by selector, in its namespace only", `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {selector: {app: web}}}`, []string{"ns/a", "ns/b"}, "none"},
		{"all labels must match", `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {selector: {app: web, tier: x}}}`, []string{"ns/a"}, "none"},
		{"a template counts", `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {selector: {app: later}}}`, []string{"ns/planned"}, "none"},
		{"host-network pods count", `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {selector: {app: node}}}`, []string{"ns/host"}, "none"},
		{"nobody", `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {selector: {app: wbe}}}`, nil, "none"},
		{"an empty selector selects nobody", `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {selector: {}}}`, nil, "none"},
		{"no selector, no endpoints", `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {}}`, nil, "none"},
		{"ExternalName has no pods even with a selector", `{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {type: ExternalName, externalName: example.com, selector: {app: web}}}`, nil, "none"},
		{"EndpointSlices, also of other namespaces' pods and of pods not ready", `
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s-1, namespace: ns, labels: {kubernetes.io/service-name: s}}, endpoints: [{addresses: [10.0.0.2], conditions: {ready: false}}, {addresses: [203.0.113.7, not-an-address]}]}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s-2, namespace: ns, labels: {kubernetes.io/service-name: s}}, endpoints: [{addresses: [10.0.0.3, 10.0.0.2]}]}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s-3, namespace: other, labels: {kubernetes.io/service-name: s}}, endpoints: [{addresses: [10.0.0.1]}]}
`, []string{"ns/b", "other/a"}, "203.0.113.7/32"},
		{"Endpoints, not ready ones too", `
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {}}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: s, namespace: ns}, subsets: [{addresses: [{ip: 10.0.0.1}, {ip: '::ffff:203.0.113.8'}], notReadyAddresses: [{ip: 10.0.0.2}]}]}
`, []string{"ns/a", "ns/b"}, "203.0.113.8/32"},
		{"the address of a host-network pod is its node's", `
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {}}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: s, namespace: ns}, subsets: [{addresses: [{ip: 192.168.0.1}]}]}
`, nil, "192.168.0.1/32"},
		{"endpoints beside a selector are the controller's own", `
{apiVersion: v1, kind: Service, metadata: {name: s, namespace: ns}, spec: {selector: {tier: x}}}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: s, namespace: ns}, subsets: [{addresses: [{ip: 203.0.113.8}]}]}
`, []string{"ns/a"}, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := clean(t, somePods+c.text).Services[0]
			same(t, "pods", podNames(s.Pods), c.pods)
			same(t, "foreign addresses", s.Foreign.String(), c.foreign)
		})
	}
}

func TestServicePorts(t *testing.T) {
	c := clean(t, somePods+`
apiVersion: v1
kind: Service
metadata: {name: s, namespace: ns}
spec:
  type: NodePort
  selector: {app: web}
  ports:
  - {name: a, port: 80, targetPort: http, nodePort: 30080, appProtocol: http}
  - {name: b, port: 53, targetPort: dns, protocol: UDP}
  - {name: c, port: 5353, targetPort: dns}
  - {name: d, port: 443, targetPort: 8443, protocol: SCTP}
  - {name: e, port: 444}
  - {name: f, port: 445, targetPort: 0}
  - {name: g, port: 446, targetPort: ""}
  - {name: h, port: 447, protocol: tcp}
`)
	s := c.Services[0]
	same(t, "ports", s.Ports, []cluster.ServicePort{
		{Name: "a", Port: 80, TargetName: "http", NodePort: 30080, AppProtocol: "http", Line: 20},
		{Name: "b", Port: 53, Protocol: netset.UDP, TargetName: "dns", Line: 21},
		{Name: "c", Port: 5353, TargetName: "dns", Line: 22},
		{Name: "d", Port: 443, Protocol: netset.SCTP, TargetNumber: 8443, Line: 23},
		{Name: "e", Port: 444, TargetNumber: 444, Line: 24},
		{Name: "f", Port: 445, TargetNumber: 445, Line: 25},
		{Name: "g", Port: 446, TargetNumber: 446, Line: 26},
		{Name: "h", Port: 447, TargetNumber: 447, Line: 27},
	})
	// What each port leads to on a and b: 0 is nothing.
	want := [][2]int{{8080, 80}, {0, 53}, {0, 0}, {8443, 8443}, {444, 444}, {445, 445}, {446, 446}, {447, 447}}
	for i, p := range s.Ports {
		for j, pod := range s.Pods {
			if n, ok := p.Target(pod); n != want[i][j] || ok != (n != 0) {
				t.Errorf("port %s leads to %d (%v) on pod %s, want %d", p.Name, n, ok, pod.Name, want[i][j])
			}
		}
	}
}

// TestSidecarPort: of two ports of one name the container's counts, not the sidecar's that is listed first.
func TestSidecarPort(t *testing.T) {
	c := clean(t, `
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: ns}, spec: {initContainers: [{name: i, restartPolicy: Always, ports: [{name: http, containerPort: 1}, {name: admin, containerPort: 2}]}], containers: [{name: c, restartPolicy: Always, ports: [{name: http, containerPort: 3}]}]}}
`)
	if len(c.Pods[0].Ports) != 3 {
		t.Errorf("ports %v, want three", c.Pods[0].Ports)
	}
	for name, want := range map[string]int{"http": 3, "admin": 2} {
		if n, _ := (cluster.ServicePort{TargetName: name}).Target(c.Pods[0]); n != want {
			t.Errorf("port %s is %d, want %d", name, n, want)
		}
	}
}

func TestServiceAddresses(t *testing.T) {
	c := clean(t, `
apiVersion: v1
kind: Service
metadata: {name: s, namespace: ns, annotations: {k: v}}
spec:
  clusterIP: 10.96.0.1
  clusterIPs: [10.96.0.1, 'fd00::1']
  ipFamilies: [IPv4, IPv6]
  externalIPs: [203.0.113.1]
  ports: [{port: 1}]
---
{apiVersion: v1, kind: Service, metadata: {name: headless, namespace: ns}, spec: {clusterIP: None}}
---
{apiVersion: v1, kind: Service, metadata: {name: headless6, namespace: ns}, spec: {clusterIPs: [None]}}
`)
	h, h6, s := c.Services[0], c.Services[1], c.Services[2]
	if !h.Headless || !h6.Headless || s.Headless || h.Type != "ClusterIP" || s.Annotations["k"] != "v" {
		t.Errorf("read as %+v, %+v and %+v", h, h6, s)
	}
	var got []string
	for _, a := range append(s.ClusterIPs, s.ExternalIPs...) {
		got = append(got, a.String())
	}
	same(t, "addresses", got, []string{"10.96.0.1", "fd00::1", "203.0.113.1"})
	same(t, "families", s.IPFamilies, []string{"IPv4", "IPv6"})
}

func TestServiceProblems(t *testing.T) {
	c, problems := newCluster(t, `
apiVersion: v1
kind: Service
metadata: {name: s, namespace: ns}
spec:
  type: Loadbalancer
  externalIPs: [10.0.0.0/8]
  ports:
  - {port: 0}
  - {port: http}
  - {port: 1, protocol: ICMP}
  - {port: 2, nodePort: 99999}
  - {port: 3, targetPort: 70000}
  - {port: 4, targetPort: "8080"}
  - {port: 5, targetPort: [80]}
  - {targetPort: 80}
  - {port: 6, targetPort: "70000"}
`)
	same(t, "problems", problems, []string{
		"error in.yaml:6: Service ns/s: type Loadbalancer: want ClusterIP, NodePort, LoadBalancer or ExternalName",
		"error in.yaml:7: Service ns/s: externalIPs: 10.0.0.0/8 is no IP address",
		"error in.yaml:9: Service ns/s: port 0: want a number from 1 to 65535",
		"error in.yaml:10: Service ns/s: port http: want a number from 1 to 65535",
		"error in.yaml:11: Service ns/s: protocol ICMP: want TCP, UDP or SCTP",
		"error in.yaml:12: Service ns/s: nodePort 99999: want a number from 1 to 65535",
		"error in.yaml:13: Service ns/s: targetPort 70000: want a number from 1 to 65535",
		"warning in.yaml:14: Service ns/s: targetPort is the text 8080, which names a port; the number was probably meant",
		"error in.yaml:15: Service ns/s: targetPort: want a number or a name, got a list",
		"error in.yaml:16: Service ns/s: port : want a number from 1 to 65535",
	})
	same(t, "ports", c.Services[0].Ports, []cluster.ServicePort{
		{Port: 2, TargetNumber: 2, Line: 12}, {Port: 4, TargetNumber: 8080, Line: 14}, {Port: 6, TargetName: "70000", Line: 17},
	})
}
