package exposure_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

func objects(t *testing.T, yaml string) []*object.Object {
	t.Helper()
	objs, problems, skipped := load.Parse([]byte(yaml), "in.yaml", load.Limits{})
	for _, p := range problems {
		t.Fatalf("the input of the test is wrong: %s", p)
	}
	if len(skipped) > 0 {
		t.Fatalf("the input of the test is skipped: %v", skipped)
	}
	return objs
}

func find(t *testing.T, yaml string, opt cluster.Options) exposure.Set {
	t.Helper()
	c, _ := cluster.New(objects(t, yaml), opt)
	set := exposure.Find(c)
	for _, e := range set.Entries {
		if len(e.Because) == 0 || slices.Contains(e.Because, "") {
			t.Errorf("%s %s does not say why: %q", e.Kind, e.Via, e.Because)
		}
		for _, target := range e.Targets {
			if target.Pod == nil || target.Workload != target.Pod.Workload {
				t.Errorf("%s %s: a target without its pod", e.Kind, e.Via)
			}
		}
	}
	return set
}

// line is the short form of an entry that tests compare. What is at its default is left out: sources that
// are everyone, and the rest when empty or unknown.
func line(e exposure.Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Kind, e.Via.Name)
	if e.Port != 0 {
		fmt.Fprintf(&b, " %s/%d", strings.ToLower(e.Protocol.String()), e.Port)
	}
	if e.AllPorts {
		b.WriteString(" all ports")
	}
	if e.Kind == exposure.Ingress || e.Kind == exposure.Route {
		fmt.Fprintf(&b, " %q%s tls=%s", e.Host, e.Path, e.TLS)
	}
	fmt.Fprintf(&b, " public=%s kept=%s", e.Public, e.SourcesKept)
	if !e.Sources.IsAll() {
		fmt.Fprintf(&b, " from=%s", e.Sources)
	}
	for _, c := range e.Controllers {
		fmt.Fprintf(&b, " by=%s", c.Ref.Name)
	}
	for _, t := range e.Targets {
		fmt.Fprintf(&b, " to=%s:%d", t.Pod.Name, t.Port)
	}
	if !e.Foreign.IsEmpty() {
		fmt.Fprintf(&b, " foreign=%s", e.Foreign)
	}
	if e.Dangling() {
		b.WriteString(" dangling")
	}
	return b.String()
}

func lines(set exposure.Set) string {
	var out []string
	for _, e := range set.Entries {
		out = append(out, line(e))
	}
	return strings.Join(out, "\n")
}

// web is a pod that most tests put behind a way in.
const web = `
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 8080}]}]}
`

type findCase struct {
	name string
	yaml string
	opt  cluster.Options
	want string
}

func runFind(t *testing.T, cases []findCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			set := find(t, c.yaml, c.opt)
			if d := cmp.Diff(strings.TrimSpace(c.want), lines(set)); d != "" {
				t.Errorf("entries (-want +got):\n%s", d)
				for _, e := range set.Entries {
					t.Logf("%s: %q", line(e), e.Because)
				}
			}
			for _, p := range set.Problems {
				t.Errorf("problem: %s", p)
			}
		})
	}
}

func TestServices(t *testing.T) {
	runFind(t, []findCase{
		{name: "ClusterIP opens nothing", yaml: web + `
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {selector: {app: web}, ports: [{port: 80}]}
`},
		{name: "ExternalName leads out", yaml: `
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: ExternalName, externalName: db.example.com, externalIPs: [203.0.113.9], ports: [{port: 80}]}
`},
		{name: "headless opens nothing, and its externalIPs are ignored", yaml: web + `
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {clusterIP: None, externalIPs: [203.0.113.9], selector: {app: web}, ports: [{port: 80}]}
`},
		{name: "a load balancer also opens node ports", yaml: web + `
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 443, targetPort: http, nodePort: 30443}]}
`, want: `
LoadBalancer s tcp/443 public=yes kept=no to=web:8080
NodePort s tcp/30443 public=unknown kept=no to=web:8080`},
		{name: "without node ports", yaml: web + `
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, externalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 443, targetPort: 8080}]}
`, want: `LoadBalancer s tcp/443 public=yes kept=yes to=web:8080`},
		{name: "a node port that was allocated before stays open", yaml: web + `
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {app: web}, ports: [{port: 443, nodePort: 30443}]}
`, want: `
LoadBalancer s tcp/443 public=yes kept=no to=web:443
NodePort s tcp/30443 public=unknown kept=no to=web:443`},
		{name: "externalIPs on ClusterIP, public and private", yaml: web + `
---
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {externalIPs: [10.0.0.9, 203.0.113.9], selector: {app: web}, ports: [{port: 80}, {port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: b}
spec: {externalIPs: [10.0.0.9], selector: {app: web}, ports: [{port: 80}]}
`, want: `
externalIP a udp/53 public=yes kept=no to=web:53
externalIP a tcp/80 public=yes kept=no to=web:80
externalIP b tcp/80 public=unknown kept=no to=web:80`},
		{name: "a named port differs per pod and may be missing", yaml: web + `
---
apiVersion: v1
kind: Pod
metadata: {name: web2, labels: {app: web}}
spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 9090}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web3, labels: {app: web}}
spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 9090, protocol: UDP}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http, nodePort: 30080}]}
`, want: `NodePort s tcp/30080 public=unknown kept=no to=web:8080 to=web2:9090`},
		{name: "nothing behind it", yaml: `
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80}]}
`, want: `NodePort s public=unknown kept=no dangling`},
		{name: "without a selector the endpoints tell the port", yaml: `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: c, image: x}]}
status: {podIP: 10.1.0.5}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: s-1, labels: {kubernetes.io/service-name: s}}
addressType: IPv4
ports: [{name: http, port: 8081}, {name: other, port: 1}]
endpoints: [{addresses: [10.1.0.5]}, {addresses: [192.0.2.7]}]
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: NodePort, ports: [{name: http, port: 80, nodePort: 30080}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: old}
subsets: [{addresses: [{ip: 10.1.0.5}], ports: [{port: 8082}]}]
---
apiVersion: v1
kind: Service
metadata: {name: old}
spec: {type: NodePort, ports: [{port: 80, nodePort: 30081}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: bare-1, labels: {kubernetes.io/service-name: bare}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.5]}]
---
apiVersion: v1
kind: Service
metadata: {name: bare}
spec: {type: NodePort, ports: [{port: 80, nodePort: 30082}]}
`, want: `
NodePort bare tcp/30082 public=unknown kept=no to=web:0
NodePort old tcp/30081 public=unknown kept=no to=web:8082
NodePort s tcp/30080 public=unknown kept=no to=web:8081 foreign=192.0.2.7/32`},
	})
}

func TestKeptByDataplane(t *testing.T) {
	service := web + `
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
`
	for _, c := range []struct {
		name, yaml string
		want       enforcer.Answer
	}{
		{"Cilium SNAT", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config}\ndata: {bpf-lb-mode: snat}\n", enforcer.No},
		{"Cilium DSR", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config}\ndata: {bpf-lb-mode: dsr}\n", enforcer.Unknown},
		{"another ConfigMap", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {bpf-lb-mode: dsr}\n", enforcer.No},
		{"Calico eBPF", "apiVersion: crd.projectcalico.org/v1\nkind: FelixConfiguration\nmetadata: {name: default}\nspec: {bpfEnabled: true}\n", enforcer.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := find(t, c.yaml+service, cluster.Options{})
			if got := set.Entries[0].SourcesKept; got != c.want {
				t.Errorf("kept: got %s, want %s", got, c.want)
			}
		})
	}
}

func TestNodes(t *testing.T) {
	node := func(name, provider string, addresses ...string) string {
		s := "---\napiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\nspec: {providerID: \"" + provider + "\"}\nstatus:\n  addresses:\n"
		for i := 0; i < len(addresses); i += 2 {
			s += fmt.Sprintf("    - {type: %s, address: %q}\n", addresses[i], addresses[i+1])
		}
		return s
	}
	for _, c := range []struct {
		name, yaml string
		opt        cluster.Options
		want       enforcer.Answer
	}{
		{name: "no nodes", want: enforcer.Unknown},
		{name: "external address", yaml: node("a", "aws:///x", "InternalIP", "10.0.0.1", "ExternalIP", "203.0.113.4"), want: enforcer.Yes},
		{name: "one of two", yaml: node("a", "aws:///x", "InternalIP", "10.0.0.1") + node("b", "aws:///y", "InternalIP", "10.0.0.2", "ExternalIP", "2001:db8::1"), want: enforcer.Yes},
		{name: "a public internal address", yaml: node("a", "", "InternalIP", "203.0.113.4"), want: enforcer.Yes},
		{name: "private, as the cloud says", yaml: node("a", "aws:///x", "InternalIP", "10.0.0.1"), want: enforcer.No},
		{name: "private, but no cloud vouches", yaml: node("a", "", "InternalIP", "10.0.0.1"), want: enforcer.Unknown},
		{name: "private, k3s knows no public addresses", yaml: node("a", "k3s://a", "InternalIP", "10.0.0.1"), want: enforcer.Unknown},
		{name: "a node without addresses", yaml: node("a", "aws:///x", "InternalIP", "10.0.0.1") + node("b", "aws:///y"), want: enforcer.Unknown},
		{name: "stated private", opt: cluster.Options{NodeCIDRs: addrs(t, "10.0.0.0/16")}, want: enforcer.No},
		{name: "stated with public ones", opt: cluster.Options{NodeCIDRs: addrs(t, "203.0.113.0/24")}, want: enforcer.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := find(t, web+`
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
`+c.yaml, c.opt)
			if len(set.Entries) != 1 || set.Entries[0].Public != c.want {
				t.Errorf("got %s %q, want public=%s", lines(set), set.Entries[0].Because, c.want)
			}
		})
	}
}

func addrs(t *testing.T, text string) netset.Addrs {
	t.Helper()
	a, err := netset.ParseAddrs(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPods(t *testing.T) {
	runFind(t, []findCase{
		{name: "host ports", yaml: `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers:
        - name: c
          image: x
          ports:
            - {containerPort: 80, hostPort: 8080}
            - {containerPort: 81, hostPort: 8081, hostIP: 127.0.0.1}
            - {containerPort: 82, hostPort: 8082, hostIP: 203.0.113.4}
            - {containerPort: 83, hostPort: 8083, hostIP: 0.0.0.0, protocol: UDP}
            - {containerPort: 84, hostPort: 8084, hostIP: 10.0.0.4}
            - {containerPort: 85, hostPort: 8085, hostIP: nonsense}
            - {containerPort: 86}
`, want: `
hostPort agent tcp/8080 public=unknown kept=yes to=agent:80
hostPort agent tcp/8081 public=no kept=yes from=none to=agent:81
hostPort agent tcp/8082 public=yes kept=yes to=agent:82
hostPort agent udp/8083 public=unknown kept=yes to=agent:83
hostPort agent tcp/8084 public=unknown kept=yes to=agent:84
hostPort agent tcp/8085 public=unknown kept=yes to=agent:85`},
		{name: "host network is every port, once", yaml: `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  template:
    spec: {hostNetwork: true, containers: [{name: c, image: x, ports: [{containerPort: 9100}, {containerPort: 53, protocol: UDP}]}]}
`, want: `hostNetwork agent all ports public=unknown kept=yes to=agent:0`},
		{name: "pods of one workload are one entry", yaml: `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: rs}
spec: {template: {spec: {containers: [{name: c, image: x}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: rs-b, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: rs, controller: true}]}
spec: {containers: [{name: c, image: x, ports: [{containerPort: 80, hostPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: rs-a, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: rs, controller: true}]}
spec: {containers: [{name: c, image: x, ports: [{containerPort: 80, hostPort: 80}]}]}
`, want: `hostPort rs tcp/80 public=unknown kept=yes to=rs-a:80 to=rs-b:80`},
		{name: "a tunnel", yaml: `
apiVersion: apps/v1
kind: Deployment
metadata: {name: tunnel}
spec: {template: {spec: {containers: [{name: c, image: "docker.io/cloudflare/cloudflared:2025.1.0"}]}}}
`, want: `tunnel tunnel all ports public=unknown kept=unknown to=tunnel:0`},
	})
}

func TestHostNetworkNamesItsPorts(t *testing.T) {
	set := find(t, `
apiVersion: v1
kind: Pod
metadata: {name: p}
spec: {hostNetwork: true, containers: [{name: c, image: x, ports: [{containerPort: 9100}, {containerPort: 53, protocol: UDP}]}]}
`, cluster.Options{})
	if want := "it declares tcp/9100 udp/53"; !slices.Contains(set.Entries[0].Because, want) {
		t.Errorf("got %q, want %q among them", set.Entries[0].Because, want)
	}
}

func TestNotModelled(t *testing.T) {
	set := find(t, `
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XListenerSet
metadata: {name: more}
spec: {parentRef: {name: gw}}
---
apiVersion: gateway.networking.k8s.io/v9
kind: HTTPRoute
metadata: {name: later}
spec: {parentRefs: [{name: gw}], hostnames: [shop.example.com]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: inside}
spec: {parentRefs: [{kind: Service, name: web}]}
---
apiVersion: k8s.nginx.org/v1
kind: VirtualServer
metadata: {name: vs}
spec: {host: vs.example.com}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: mesh}
spec: {hosts: [a], gateways: [mesh]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: plain}
spec: {hosts: [a]}
---
apiVersion: networking.k8s.io/v1beta1
kind: Ingress
metadata: {name: beta}
spec: {backend: {serviceName: a, servicePort: 80}}
---
apiVersion: extensions/v1beta1
kind: Ingress
metadata: {name: older}
spec: {backend: {serviceName: a, servicePort: 80}}
`, cluster.Options{})
	var got []string
	for _, e := range set.Entries {
		if e.Kind != exposure.NotModelled || e.Public != enforcer.Unknown || !e.Sources.IsAll() || e.Dangling() {
			t.Errorf("%s is more than not modelled: %s", e.Via, line(e))
		}
		if !strings.Contains(e.Because[0], "not modelled") {
			t.Errorf("%s: %q does not say so", e.Via, e.Because)
		}
		got = append(got, e.Via.Kind+" "+e.Via.Name+" "+e.Host)
	}
	slices.Sort(got)
	want := []string{
		"HTTPRoute later shop.example.com", "Ingress beta ", "Ingress older ", "VirtualServer vs vs.example.com", "XListenerSet more ",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("entries (-want +got):\n%s", d)
	}
}
