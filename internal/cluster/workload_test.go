package cluster_test

import (
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// TestWorkloads: what users name, for every way in which pods come to be.
func TestWorkloads(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // "ref replicas: pods", a pod of a template in brackets
	}{
		{"every kind with a template", `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: ns}, spec: {replicas: 3, template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: b, namespace: ns}, spec: {replicas: 0, template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: c, namespace: ns}, spec: {template: {spec: {containers: [{name: c}]}}}, status: {desiredNumberScheduled: 7}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: d, namespace: ns}, spec: {replicas: 0, template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: v1, kind: ReplicationController, metadata: {name: e, namespace: ns}, spec: {template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: f, namespace: ns}, spec: {parallelism: 4, template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: batch/v1, kind: CronJob, metadata: {name: g, namespace: ns}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c}]}}}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: h, namespace: ns}, spec: {containers: [{name: c}]}}
---
{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: i, namespace: ns}, spec: {template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: v1, kind: PodTemplate, metadata: {name: j, namespace: ns}, spec: {template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: example.com/v1, kind: Empty, metadata: {name: k, namespace: ns}, spec: {template: {spec: {containers: []}}}}
`, []string{
			"CronJob ns/g 1: [g]", "DaemonSet ns/c 7: [c]", "Deployment ns/a 3: [a]", "Job ns/f 4: [f]", "Pod ns/h 1: h", "ReplicaSet ns/d 0: [d]",
			"ReplicationController ns/e 1: [e]", "Rollout ns/i 1: [i]", "StatefulSet ns/b 0: [b]",
		}},
		{"live pods stand for the template; an old revision is nobody's", `
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: ns}, spec: {replicas: 2, template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-1, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}, spec: {replicas: 0, template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-2, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}, spec: {replicas: 2, template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-2-y, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-2, controller: true}]}, spec: {containers: [{name: c}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web-2-x, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-2, controller: true}]}, spec: {containers: [{name: c}]}}
`, []string{"Deployment ns/web 2: web-2-x web-2-y"}},
		{"pods without their owners in the input", `
{apiVersion: v1, kind: Pod, metadata: {name: web-5d-x, namespace: ns, labels: {pod-template-hash: 5d}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d, controller: true}]}, spec: {containers: [{name: c}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db-0, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: db, controller: true}]}, spec: {containers: [{name: c}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: old-x, namespace: ns, ownerReferences: [{apiVersion: v1, kind: ReplicationController, name: old, controller: true}]}, spec: {containers: [{name: c}]}}
`, []string{"Deployment ns/web 1: web-5d-x", "ReplicationController ns/old 1: old-x", "StatefulSet ns/db 1: db-0"}},
		{"a ReplicaSet whose Deployment is not in the input", `
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-5d, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}, spec: {replicas: 2, template: {metadata: {labels: {v: new}}, spec: {containers: [{name: c}]}}}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-4c, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}, spec: {replicas: 1, template: {metadata: {labels: {v: old}}, spec: {containers: [{name: c}]}}}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-3b, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}, spec: {replicas: 0, template: {spec: {containers: [{name: c}]}}}}
`, []string{"Deployment ns/web 1: [web-4c] [web-5d]"}},
		{"an operator's resource owns the workload, and the workload is named", `
{apiVersion: example.com/v1, kind: Database, metadata: {name: db, namespace: ns}, spec: {size: 3}}
---
{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: ns, ownerReferences: [{apiVersion: example.com/v1, kind: Database, name: db, controller: true}]}, spec: {template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db-0, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: db, controller: true}]}, spec: {containers: [{name: c}]}}
`, []string{"StatefulSet ns/db 1: db-0"}},
		{"an operator's resource owns the pods itself", `
{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: pg, namespace: ns}, spec: {instances: 2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: pg-1, namespace: ns, ownerReferences: [{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: pg, controller: true}]}, spec: {containers: [{name: c}]}}
`, []string{"Cluster ns/pg 1: pg-1"}},
		{"one Deployment in two groups", `
{apiVersion: extensions/v1beta1, kind: Deployment, metadata: {name: web, namespace: ns}, spec: {template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-1, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}, spec: {replicas: 1, template: {spec: {containers: [{name: c}]}}}}
`, []string{"Deployment ns/web 1: [web]"}},
		{"same name in two groups are two owners", `
{apiVersion: example.com/v1, kind: Deployment, metadata: {name: web, namespace: ns}, spec: {}}
---
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web-1, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, controller: true}]}, spec: {template: {spec: {containers: [{name: c}]}}}}
`, []string{"Deployment ns/web 1: [web-1]"}},
		{"only the controlling owner counts, and static pods are their own", `
{apiVersion: v1, kind: Pod, metadata: {name: api, namespace: ns, ownerReferences: [{apiVersion: v1, kind: Node, name: n1, controller: true}]}, spec: {containers: [{name: c}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: shared, namespace: ns, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: x}]}, spec: {containers: [{name: c}]}}
`, []string{"Pod ns/api 1: api", "Pod ns/shared 1: shared"}},
		{"finished pods own no address", `
{apiVersion: v1, kind: Pod, metadata: {name: done, namespace: ns}, spec: {containers: [{name: c}]}, status: {phase: Succeeded, podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: broken, namespace: ns}, spec: {containers: [{name: c}]}, status: {phase: Failed}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: ns}, spec: {template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: j-x, namespace: ns, ownerReferences: [{apiVersion: batch/v1, kind: Job, name: j, controller: true}]}, spec: {containers: [{name: c}]}, status: {phase: Succeeded}}
`, []string{"Job ns/j 1: [j]"}},
		{"owners in a circle end somewhere", `
{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a, namespace: ns, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: a, controller: true}]}, spec: {template: {spec: {containers: [{name: c}]}}}}
`, []string{"ReplicaSet ns/a 1: [a]"}},
		{"a CronJob speaks for its Jobs", `
{apiVersion: batch/v1, kind: CronJob, metadata: {name: n1, namespace: ns}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c}]}}}}}}
---
{apiVersion: batch/v1, kind: Job, metadata: {name: n1-28, namespace: ns, ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: n1, controller: true}]}, spec: {template: {spec: {containers: [{name: c}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: n1-28-x, namespace: ns, ownerReferences: [{apiVersion: batch/v1, kind: Job, name: n1-28, controller: true}]}, spec: {containers: [{name: c}]}, status: {phase: Running}}
`, []string{"CronJob ns/n1 1: n1-28-x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := clean(t, c.text)
			var lines []string
			for _, w := range got.Workloads {
				line := w.Ref.String() + " " + string(rune('0'+w.Replicas)) + ":"
				for _, p := range w.Pods {
					if p.Workload != w {
						t.Errorf("pod %s does not know its workload", p.Name)
					}
					if p.Template {
						line += " [" + p.Name + "]"
					} else {
						line += " " + p.Name
					}
				}
				lines = append(lines, line)
			}
			same(t, "workloads", lines, c.want)
		})
	}
}

func TestWorkloadPlace(t *testing.T) {
	c := clean(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: here, namespace: ns}
spec: {template: {spec: {containers: [{name: c}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: away-x, namespace: ns, ownerReferences: [{apiVersion: example.com/v1, kind: Fleet, name: away, controller: true}]}
spec: {containers: [{name: c}]}
`)
	away, here := c.Workloads[1], c.Workloads[0]
	if !here.Declared || here.Pos.Line != 2 || away.Declared || away.Pos.Line != 7 {
		t.Errorf("declared %v at %s and %v at %s", here.Declared, here.Pos, away.Declared, away.Pos)
	}
	same(t, "ref of the owner nobody showed", away.Ref, object.Ref{Group: "example.com", Kind: "Fleet", Namespace: "ns", Name: "away"})
}

func TestPod(t *testing.T) {
	c := clean(t, `
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: ns, labels: {app: web}}
spec:
  serviceAccountName: robot
  automountServiceAccountToken: false
  nodeName: n1
  nodeSelector: {disk: ssd}
  initContainers:
  - {name: setup, image: setup, ports: [{containerPort: 1}]}
  - {name: mesh, image: mesh, restartPolicy: Always, ports: [{name: http, containerPort: 15001}]}
  containers:
  - name: web
    image: web:1
    command: [web]
    args: [--port, "8080"]
    securityContext: {privileged: true, capabilities: {add: [net_admin, CAP_SYS_TIME], drop: [ALL]}}
    ports:
    - {name: http, containerPort: 8080}
    - {containerPort: 53, protocol: UDP, hostPort: 5353, hostIP: 127.0.0.1}
    - {containerPort: 53}
status: {podIP: 10.0.0.2, podIPs: [{ip: 10.0.0.2}, {ip: 'fe80::1%eth0'}, {ip: nonsense}, {ip: '::ffff:10.0.0.1'}]}
`)
	p := c.Pods[0]
	same(t, "ports", p.Ports, []cluster.Port{
		{Name: "http", Number: 8080, Protocol: netset.TCP, Container: "web", Line: 20},
		{Number: 53, Protocol: netset.UDP, HostPort: 5353, HostIP: "127.0.0.1", Container: "web", Line: 21},
		{Number: 53, Protocol: netset.TCP, Container: "web", Line: 22},
		{Name: "http", Number: 15001, Protocol: netset.TCP, Container: "mesh", Line: 12},
	})
	same(t, "containers", p.Containers, []cluster.Container{
		{Name: "setup", Image: "setup", Init: true, Line: 11},
		{Name: "mesh", Image: "mesh", Line: 12},
		{
			Name: "web", Image: "web:1", Command: []string{"web"}, Args: []string{"--port", "8080"}, Privileged: true,
			Added: []string{"NET_ADMIN", "SYS_TIME"}, Dropped: []string{"ALL"}, Line: 14,
		},
	})
	var ips []string
	for _, a := range p.IPs {
		ips = append(ips, a.String())
	}
	same(t, "addresses", ips, []string{"10.0.0.1", "10.0.0.2", "fe80::1"})
	if p.ServiceAccount != "robot" || p.AutomountToken == nil || *p.AutomountToken || p.NodeName != "n1" || p.NodeSelector["disk"] != "ssd" {
		t.Errorf("the pod is read as %+v", p)
	}
	if p.Template || p.HostNetwork || p.Pos().Line != 2 {
		t.Errorf("template %v host network %v at %s", p.Template, p.HostNetwork, p.Pos())
	}
}

func TestPodDefaults(t *testing.T) {
	c := clean(t, `
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: ns}
spec:
  hostNetwork: true
  containers: [{name: c, ports: [{containerPort: 9100}, {containerPort: 9101, hostPort: 9101}]}]
`)
	p := c.Pods[0]
	if p.ServiceAccount != "default" || p.AutomountToken != nil || p.Labels == nil || !p.HostNetwork {
		t.Errorf("the pod is read as %+v", p)
	}
	// The API server sets hostPort of every port of such a pod.
	for _, q := range p.Ports {
		if q.HostPort != q.Number {
			t.Errorf("port %d has host port %d", q.Number, q.HostPort)
		}
	}
}

// TestJobLabels: a Job's controller labels its pods, and policies select by these labels.
func TestJobLabels(t *testing.T) {
	c := clean(t, `
{apiVersion: batch/v1, kind: Job, metadata: {name: load, namespace: ns}, spec: {template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}}}
`)
	same(t, "labels", c.Pods[0].Labels, map[string]string{"a": "b", "job-name": "load", "batch.kubernetes.io/job-name": "load"})
	if c.Objects[0].Root.Get("spec", "template", "metadata", "labels", "job-name") != nil {
		t.Error("the object was changed")
	}
}

func TestPodProblems(t *testing.T) {
	c, problems := newCluster(t, `
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: ns}
spec:
  containers:
  - name: c
    ports:
    - {containerPort: 0}
    - {containerPort: http}
    - {containerPort: 80, protocol: ICMP}
    - {containerPort: 80, protocol: tpc}
    - {containerPort: 80, protocol: tcp}
    - {containerPort: 81, hostPort: 70000}
    - {name: none}
`)
	same(t, "problems", problems, []string{
		"error in.yaml:9: Pod ns/p: containerPort 0: want a number from 1 to 65535",
		"error in.yaml:10: Pod ns/p: containerPort http: want a number from 1 to 65535",
		"error in.yaml:11: Pod ns/p: protocol ICMP: want TCP, UDP or SCTP",
		"error in.yaml:12: Pod ns/p: protocol tpc: want TCP, UDP or SCTP",
		"error in.yaml:14: Pod ns/p: hostPort 70000: want a number from 1 to 65535",
		"error in.yaml:15: Pod ns/p: containerPort : want a number from 1 to 65535",
	})
	same(t, "ports", c.Pods[0].Ports, []cluster.Port{
		{Number: 80, Protocol: netset.TCP, Container: "c", Line: 13}, {Number: 81, Protocol: netset.TCP, Container: "c", Line: 14},
	})
}

func TestSortedPods(t *testing.T) {
	c := clean(t, `
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: yy}, spec: {containers: [{name: c}]}, status: {podIP: 10.0.0.9}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: yy}, spec: {containers: [{name: c}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: xx}, spec: {containers: [{name: c}]}}
`)
	var names []string
	for _, p := range c.Pods {
		names = append(names, p.Name)
	}
	same(t, "order", names, []string{"c", "a", "b"})
}
