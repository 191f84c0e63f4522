package cluster_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

// pod is a pod of namespace shop with a controlling owner "group/version Kind name", or none.
func pod(name, owner, more string) string {
	meta := "{name: " + name + ", namespace: shop"
	if f := strings.Fields(owner); len(f) == 3 {
		meta += ", ownerReferences: [{apiVersion: other/v1, kind: Other, name: o}, {apiVersion: " + f[0] + ", kind: " + f[1] + ", name: " + f[2] + ", controller: true}]"
	}
	return "---\napiVersion: v1\nkind: Pod\nmetadata: " + meta + ", labels: {pod-template-hash: 5d4f}}\nspec: {containers: [{name: c}]}\n" + more
}

// made is an object with a pod template.
func made(api, kind, name, owner, spec string) string {
	meta := "{name: " + name + ", namespace: shop"
	if f := strings.Fields(owner); len(f) == 3 {
		meta += ", ownerReferences: [{apiVersion: " + f[0] + ", kind: " + f[1] + ", name: " + f[2] + ", controller: true}]"
	}
	return "---\napiVersion: " + api + "\nkind: " + kind + "\nmetadata: " + meta + "}\nspec: {" + spec + "template: {metadata: {labels: {from: " + name + "}}, spec: {containers: [{name: c}]}}}\n"
}

func TestOwners(t *testing.T) {
	const web = "apps/v1 Deployment web"
	for _, tt := range []struct {
		name string
		text string
		want []string
	}{
		{"a pod of its own", pod("p", "", ""), []string{"Pod shop/p"}},
		{"the whole chain", pod("web-5d4f-a", "apps/v1 ReplicaSet web-5d4f", "") + pod("web-5d4f-b", "apps/v1 ReplicaSet web-5d4f", "") +
			made("apps/v1", "ReplicaSet", "web-5d4f", web, "replicas: 2, ") + made("apps/v1", "Deployment", "web", "", ""),
			[]string{"Deployment shop/web: web-5d4f-a web-5d4f-b"}},
		{"no ReplicaSet, by its hash", pod("web-5d4f-a", "apps/v1 ReplicaSet web-5d4f", "") + made("apps/v1", "Deployment", "web", "", ""), []string{"Deployment shop/web: web-5d4f-a"}},
		{"no owner at all, by its hash", pod("web-5d4f-a", "apps/v1 ReplicaSet web-5d4f", ""), []string{"Deployment shop/web: web-5d4f-a"}},
		{"another hash", pod("web-77-a", "apps/v1 ReplicaSet web-77", ""), []string{"ReplicaSet shop/web-77: web-77-a"}},
		{"no hash", strings.Replace(pod("web-5d4f-a", "apps/v1 ReplicaSet web-5d4f", ""), "pod-template-hash", "other", 1), []string{"ReplicaSet shop/web-5d4f: web-5d4f-a"}},
		{"a ReplicaSet of its own", made("apps/v1", "ReplicaSet", "solo", "", ""), []string{"ReplicaSet shop/solo"}},
		{"an old revision", made("apps/v1", "ReplicaSet", "web-1", web, "replicas: 0, "), nil},
		{"old revisions under their Deployment", made("apps/v1", "ReplicaSet", "web-1", web, "replicas: 0, ") + made("apps/v1", "Deployment", "web", "", ""), []string{"Deployment shop/web"}},
		{"a ReplicaSet without its Deployment", made("apps/v1", "ReplicaSet", "web-1", web, ""), []string{"Deployment shop/web"}},
		{"a Deployment of an old API", made("extensions/v1beta1", "Deployment", "web", "", "") + made("apps/v1", "ReplicaSet", "web-1", web, ""), []string{"Deployment shop/web"}},
		{"the same kind in another group", made("example.com/v1", "Deployment", "web", "", "") + pod("web-a", web, ""), []string{"Deployment shop/web: web-a", "Deployment shop/web"}},
		{"a CronJob", "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, namespace: shop}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c}]}}}}}\n", []string{"CronJob shop/nightly"}},
		{"a CronJob's pod", pod("nightly-1-a", "batch/v1 Job nightly-1", "") + made("batch/v1", "Job", "nightly-1", "batch/v1 CronJob nightly", "") +
			"---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, namespace: shop}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c}]}}}}}\n",
			[]string{"CronJob shop/nightly: nightly-1-a"}},
		{"a Job", made("batch/v1", "Job", "once", "", ""), []string{"Job shop/once"}},
		{"a StatefulSet", made("apps/v1", "StatefulSet", "db", "", "") + pod("db-0", "apps/v1 StatefulSet db", "") + pod("db-1", "apps/v1 StatefulSet db", ""), []string{"StatefulSet shop/db: db-0 db-1"}},
		{"a Rollout, by its shape", made("argoproj.io/v1alpha1", "Rollout", "canary", "", "") + made("apps/v1", "ReplicaSet", "canary-9", "argoproj.io/v1alpha1 Rollout canary", "") + pod("canary-9-x", "apps/v1 ReplicaSet canary-9", ""), []string{"Rollout shop/canary: canary-9-x"}},
		{"a PodTemplate runs nothing", "---\napiVersion: v1\nkind: PodTemplate\nmetadata: {name: t, namespace: shop}\nspec: {template: {spec: {containers: [{name: c}]}}}\n", nil},
		{"a template without containers", "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: t, namespace: shop}\nspec: {template: {spec: {containers: []}}}\n", nil},
		{"static pods", pod("kube-apiserver-n", "v1 Node n", ""), []string{"Pod shop/kube-apiserver-n"}},
		{"terminated pods", pod("a", "", "status: {phase: Succeeded}\n") + pod("b", "", "status: {phase: Failed}\n") + pod("c", "", "status: {phase: Running}\n") + pod("d", "", "status: {phase: Pending}\n"), []string{"Pod shop/c", "Pod shop/d"}},
		{"an operator's StatefulSet", "---\napiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: pg, namespace: shop}\nspec: {instances: 2}\n" + made("apps/v1", "StatefulSet", "pg", "postgresql.cnpg.io/v1 Cluster pg", "") + pod("pg-0", "apps/v1 StatefulSet pg", ""), []string{"StatefulSet shop/pg: pg-0"}},
		{"an operator's pods", "---\napiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: pg, namespace: shop}\nspec: {instances: 2}\n" + pod("pg-1", "postgresql.cnpg.io/v1 Cluster pg", "") + pod("pg-2", "postgresql.cnpg.io/v1 Cluster pg", ""), []string{"Cluster shop/pg: pg-1 pg-2"}},
		{"an operator that is not in the input", made("apps/v1", "StatefulSet", "pg", "postgresql.cnpg.io/v1 Cluster pg", "") + pod("pg-0", "apps/v1 StatefulSet pg", ""), []string{"Cluster shop/pg: pg-0"}},
		{"a pod that owns a pod", pod("a", "", "") + pod("b", "v1 Pod a", ""), []string{"Pod shop/a: b"}},
		{"owners in a circle", made("apps/v1", "ReplicaSet", "a", "apps/v1 ReplicaSet b", "") + made("apps/v1", "ReplicaSet", "b", "apps/v1 ReplicaSet a", "") + pod("p", "apps/v1 ReplicaSet a", ""), []string{"ReplicaSet shop/a", "ReplicaSet shop/b: p"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want(t, "workloads", tt.want, names(picture(t, tt.text, cluster.Options{})))
		})
	}
}

// During a rollout the ReplicaSets of a Deployment that is not in the input make different pods.
func TestTwoReplicaSets(t *testing.T) {
	const web = "apps/v1 Deployment web"
	c := picture(t, made("apps/v1", "ReplicaSet", "web-1", web, "")+made("apps/v1", "ReplicaSet", "web-2", web, ""), cluster.Options{})
	if len(c.Workloads) != 1 || len(c.Pods) != 2 || c.Pods[0].Labels["from"] != "web-1" || c.Pods[1].Labels["from"] != "web-2" {
		t.Errorf("workloads %v, pods %d", names(c), len(c.Pods))
	}
}

func TestReplicas(t *testing.T) {
	for spec, n := range map[string]int{"": 1, "replicas: 0, ": 0, "replicas: 5, ": 5, "parallelism: 3, ": 3, "replicas: '2', ": 2, "replicas: many, ": 1} {
		w := picture(t, made("apps/v1", "Deployment", "d", "", spec), cluster.Options{}).Workloads[0]
		if w.Replicas != n || !w.Declared {
			t.Errorf("%q: %d, want %d", spec, w.Replicas, n)
		}
	}
	w := picture(t, made("apps/v1", "DaemonSet", "d", "", "")+"status: {desiredNumberScheduled: 7}\n", cluster.Options{}).Workloads[0]
	if w.Replicas != 7 {
		t.Errorf("DaemonSet: %d, want 7", w.Replicas)
	}
	if w := picture(t, pod("web-5d4f-a", "apps/v1 ReplicaSet web-5d4f", ""), cluster.Options{}).Workloads[0]; w.Declared || w.Pos.Line != 2 {
		t.Errorf("a workload known from its pod alone: %+v", w)
	}
}

// The Job controller labels its pods, so that policies can select them.
func TestJobLabels(t *testing.T) {
	p := picture(t, made("batch/v1", "Job", "once", "", ""), cluster.Options{}).Pods[0]
	want(t, "labels", map[string]string{"from": "once", "job-name": "once", "batch.kubernetes.io/job-name": "once"}, p.Labels)
}

func TestPod(t *testing.T) {
	c := picture(t, `
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop, labels: {app: web}}
spec:
  serviceAccountName: web
  automountServiceAccountToken: false
  hostNetwork: true
  nodeName: n1
  nodeSelector: {disk: ssd}
  initContainers:
  - {name: setup, ports: [{containerPort: 1}]}
  - {name: mesh, restartPolicy: Always, ports: [{containerPort: 15090, name: stats}]}
  containers:
  - name: main
    image: web:1
    command: [web]
    args: [--port, "80"]
    ports:
    - {containerPort: 80, name: http}
    - {containerPort: 53, protocol: UDP, name: dns, hostPort: 5353, hostIP: 127.0.0.1}
    securityContext: {privileged: true, capabilities: {add: [net_admin, CAP_NET_RAW], drop: [ALL]}}
status:
  podIP: 10.0.0.9
  podIPs: [{ip: 10.0.0.9}, {ip: "fd00::9"}, {ip: 10.0.0.1}, {ip: nonsense}]
`, cluster.Options{})
	p := c.Pods[0]
	if p.ServiceAccount != "web" || p.AutomountToken == nil || *p.AutomountToken || !p.HostNetwork || p.NodeName != "n1" || p.NodeSelector["disk"] != "ssd" ||
		p.Template || p.Pos().Line != 2 || p.Spec.Get("nodeName").Str() != "n1" || p.Namespace != c.Namespace("shop") {
		t.Errorf("pod: %+v", p)
	}
	want(t, "ports", []cluster.Port{
		{Name: "stats", Number: 15090, HostPort: 15090, Protocol: netset.TCP, Container: "mesh", Line: 13},
		{Name: "http", Number: 80, HostPort: 80, Protocol: netset.TCP, Container: "main", Line: 20},
		{Name: "dns", Number: 53, HostPort: 5353, HostIP: "127.0.0.1", Protocol: netset.UDP, Container: "main", Line: 21},
	}, p.Ports)
	want(t, "containers", []cluster.Container{
		{Name: "setup", Init: true, Line: 12},
		{Name: "mesh", Line: 13},
		{
			Name: "main", Image: "web:1", Command: []string{"web"}, Args: []string{"--port", "80"}, Privileged: true,
			Added: []string{"NET_ADMIN", "NET_RAW"}, Dropped: []string{"ALL"}, Line: 15,
		},
	}, p.Containers)
	ips := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("fd00::9")}
	if len(p.IPs) != 3 || p.IPs[0] != ips[0] || p.IPs[1] != ips[1] || p.IPs[2] != ips[2] {
		t.Errorf("addresses %v, want %v", p.IPs, ips)
	}

	p = picture(t, made("apps/v1", "Deployment", "d", "", ""), cluster.Options{}).Pods[0]
	if p.ServiceAccount != "default" || p.AutomountToken != nil || !p.Template || p.Name != "d" || p.IPs != nil || p.Labels["from"] != "d" {
		t.Errorf("template: %+v", p)
	}
	p = picture(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c}]}\n", cluster.Options{}).Pods[0]
	if p.Labels == nil {
		t.Error("a pod without labels has nil labels")
	}
}

func TestBadPorts(t *testing.T) {
	want(t, "problems", []string{
		"error in.yaml:7: Pod shop/p: containerPort 0: want a number from 1 to 65535",
		"error in.yaml:8: Pod shop/p: containerPort 65536: want a number from 1 to 65535",
		"error in.yaml:9: Pod shop/p: containerPort : want a number from 1 to 65535",
		"error in.yaml:10: Pod shop/p: protocol ICMP: want TCP, UDP or SCTP",
		"error in.yaml:11: Pod shop/p: protocol nope: want TCP, UDP or SCTP",
	}, problems(t, `apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec:
  containers:
  - ports:
    - {containerPort: 0}
    - {containerPort: 65536}
    - {name: x}
    - {containerPort: 1, protocol: ICMP}
    - {containerPort: 1, protocol: nope}
    - {containerPort: 1, protocol: SCTP}
`))
}
