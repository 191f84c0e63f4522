package cluster_test

import (
	"net/netip"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

// shop has two pods with addresses, one on its node's network, one elsewhere.
const shop = `apiVersion: v1
kind: Pod
metadata: {name: web-a, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, ports: [{containerPort: 8080, name: http}, {containerPort: 53, name: dns, protocol: UDP}]}]}
status: {podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: web-b, namespace: shop, labels: {app: web, tier: old}}
spec: {containers: [{name: c, ports: [{containerPort: 9090, name: http}]}]}
status: {podIP: 10.0.0.2}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop, labels: {app: agent}}
spec: {hostNetwork: true, containers: [{name: c}]}
status: {podIP: 192.168.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: other, labels: {app: web}}
spec: {containers: [{name: c}]}
status: {podIP: 10.0.0.3}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: c}]}}}
`

func slice(service, addresses string) string {
	return "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " + service + "-x, namespace: shop, labels: {kubernetes.io/service-name: " + service + "}}\nendpoints: [{addresses: [" + addresses + "]}]\n"
}

func service(spec string) string {
	return "---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: shop, annotations: {a: b}}\nspec: {" + spec + "}\n"
}

func TestServicePods(t *testing.T) {
	const headless = "---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: s, namespace: shop}\nsubsets: [{addresses: [{ip: 10.0.0.1}], notReadyAddresses: [{ip: 10.0.0.2}, {ip: 203.0.113.1}]}]\n"
	for _, tt := range []struct {
		name    string
		text    string
		pods    []string
		foreign netset.Addrs
	}{
		{"by selector", service("selector: {app: web}"), []string{"web-a", "web-b"}, netset.Addrs{}},
		{"by two labels", service("selector: {app: web, tier: old}"), []string{"web-b"}, netset.Addrs{}},
		{"a template", service("selector: {app: api}"), []string{"api"}, netset.Addrs{}},
		{"none", service("selector: {app: nope}"), nil, netset.Addrs{}},
		{"a selector is not asked for endpoints", service("selector: {app: nope}") + slice("s", "10.0.0.1"), nil, netset.Addrs{}},
		{"an empty selector is none", service("selector: {}"), nil, netset.Addrs{}},
		{"by EndpointSlice", service("") + slice("s", "10.0.0.2, 10.0.0.2, 198.51.100.7, host.example"), []string{"web-b"}, set(t, "198.51.100.7/32")},
		{"an EndpointSlice of another Service", service("") + slice("t", "10.0.0.2"), nil, netset.Addrs{}},
		{"by Endpoints, ready or not", service("") + headless, []string{"web-a", "web-b"}, set(t, "203.0.113.1/32")},
		{"by both", service("") + headless + slice("s", "10.0.0.1"), []string{"web-a", "web-b"}, set(t, "203.0.113.1/32")},
		{"a node's address is not its pod", service("") + slice("s", "192.168.0.1"), nil, set(t, "192.168.0.1/32")},
		{"ExternalName", service("type: ExternalName, selector: {app: web}"), nil, netset.Addrs{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := picture(t, shop+tt.text, cluster.Options{}).Services[0]
			var got []string
			for _, p := range s.Pods {
				if p.Namespace.Name != "shop" {
					t.Errorf("a pod of namespace %s", p.Namespace.Name)
				}
				got = append(got, p.Name)
			}
			want(t, "pods", len(tt.pods), len(got))
			for _, n := range tt.pods {
				found := false
				for _, m := range got {
					found = found || m == n
				}
				if !found {
					t.Errorf("%s is not behind it: %v", n, got)
				}
			}
			if !s.Foreign.Equal(tt.foreign) {
				t.Errorf("foreign addresses %v, want %v", s.Foreign, tt.foreign)
			}
		})
	}
}

func TestService(t *testing.T) {
	s := picture(t, service(`type: LoadBalancer, clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, "fd00::1"], ipFamilies: [IPv4, IPv6], externalIPs: [203.0.113.5]`), cluster.Options{}).Services[0]
	ips := []netip.Addr{netip.MustParseAddr("10.96.0.1"), netip.MustParseAddr("fd00::1")}
	if s.Type != "LoadBalancer" || s.Headless || len(s.ClusterIPs) != 2 || s.ClusterIPs[0] != ips[0] || s.ClusterIPs[1] != ips[1] ||
		len(s.ExternalIPs) != 1 || len(s.IPFamilies) != 2 || s.Annotations["a"] != "b" || s.Selector != nil || s.Object.Ref != s.Ref {
		t.Errorf("%+v", s)
	}
	s = picture(t, service("clusterIP: None"), cluster.Options{}).Services[0]
	if s.Type != "ClusterIP" || !s.Headless || s.ClusterIPs != nil || s.Namespace.Name != "shop" {
		t.Errorf("%+v", s)
	}
}

func TestServicePorts(t *testing.T) {
	c := picture(t, shop+service(`selector: {app: web}, ports: [
  {port: 80},
  {port: 80, targetPort: 8080, nodePort: 30080, name: web, appProtocol: http},
  {port: 81, targetPort: http},
  {port: 53, targetPort: dns, protocol: UDP},
  {port: 54, targetPort: dns, protocol: TCP},
  {port: 55, targetPort: null}]`), cluster.Options{})
	s := c.Services[0]
	want(t, "ports", []cluster.ServicePort{
		{Port: 80, TargetNumber: 80, Protocol: netset.TCP, Line: 34},
		{Port: 80, TargetNumber: 8080, NodePort: 30080, Name: "web", AppProtocol: "http", Protocol: netset.TCP, Line: 35},
		{Port: 81, TargetName: "http", Protocol: netset.TCP, Line: 36},
		{Port: 53, TargetName: "dns", Protocol: netset.UDP, Line: 37},
		{Port: 54, TargetName: "dns", Protocol: netset.TCP, Line: 38},
		{Port: 55, TargetNumber: 55, Protocol: netset.TCP, Line: 39},
	}, s.Ports)
	type target struct {
		Number int
		OK     bool
	}
	for i, byPod := range []map[string]target{
		{"web-a": {80, true}, "web-b": {80, true}},
		{"web-a": {8080, true}, "web-b": {8080, true}},
		{"web-a": {8080, true}, "web-b": {9090, true}},
		{"web-a": {53, true}, "web-b": {0, false}},
		{"web-a": {0, false}, "web-b": {0, false}},
	} {
		for _, p := range s.Pods {
			var got target
			got.Number, got.OK = s.Ports[i].Target(p)
			if got != byPod[p.Name] {
				t.Errorf("port %d leads to %v on %s, want %v", i, got, p.Name, byPod[p.Name])
			}
		}
	}
}

func TestBadServices(t *testing.T) {
	want(t, "problems", []string{
		"error in.yaml:6: Service shop/s: port 0: want a number from 1 to 65535",
		"error in.yaml:7: Service shop/s: port http: want a number from 1 to 65535",
		"error in.yaml:8: Service shop/s: protocol ICMP: want TCP, UDP or SCTP",
		"error in.yaml:9: Service shop/s: protocol x: want TCP, UDP or SCTP",
		"warning in.yaml:10: Service shop/s: targetPort is the text 8080, which names a port; the number was probably meant",
		"error in.yaml:11: Service shop/s: targetPort -1: want a number from 1 to 65535 or the name of a port",
		"error in.yaml:12: Service shop/s: targetPort 65536: want a number from 1 to 65535 or the name of a port",
		"error in.yaml:13: Service shop/s: targetPort : want a number from 1 to 65535 or the name of a port",
		"error in.yaml:14: Service shop/s: externalIPs: ten is no IP address",
	}, problems(t, `apiVersion: v1
kind: Service
metadata: {name: s, namespace: shop}
spec:
  ports:
  - {port: 0}
  - {port: http}
  - {port: 80, protocol: ICMP}
  - {port: 80, protocol: x}
  - {port: 80, targetPort: "8080"}
  - {port: 80, targetPort: -1}
  - {port: 80, targetPort: 65536}
  - {port: 80, targetPort: [http]}
  externalIPs: [ten]
`))
	c, _ := cluster.New(parse(t, service(`ports: [{port: 80, targetPort: "8080"}, {port: 0}, {port: 81, targetPort: 0}, {port: 82, targetPort: ""}]`)), cluster.Options{})
	want(t, "ports", []cluster.ServicePort{
		{Port: 80, TargetNumber: 8080, Protocol: netset.TCP, Line: 5},
		{Port: 81, TargetNumber: 81, Protocol: netset.TCP, Line: 5},
		{Port: 82, TargetNumber: 82, Protocol: netset.TCP, Line: 5},
	}, c.Services[0].Ports)
}
