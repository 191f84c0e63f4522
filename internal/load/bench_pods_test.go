package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
)

// podList is what "kubectl get pods -o json" prints for n pods of a usual Deployment, or the same on one
// line.
func podList(tb testing.TB, n int, indented bool) []byte {
	tb.Helper()
	var b bytes.Buffer
	b.WriteString(`{"apiVersion": "v1", "items": [`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"apiVersion": "v1", "kind": "Pod", "metadata": {
"annotations": {"prometheus.io/port": "9090", "prometheus.io/scrape": "true"}, "creationTimestamp": "2024-05-04T10:%02[2]d:09Z",
"generateName": "app-%[3]d-7d4b9c%02[2]d-", "labels": {"app.kubernetes.io/name": "app-%[3]d", "app.kubernetes.io/part-of": "shop",
"pod-template-hash": "7d4b9c%02[2]d", "tier": "backend"}, "name": "app-%[3]d-7d4b9c%02[2]d-x%[1]d", "namespace": "ns-%[2]d",
"ownerReferences": [{"apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true, "kind": "ReplicaSet", "name": "app-%[3]d-7d4b9c%02[2]d",
"uid": "5ad4bd4d-6dfb-4c2e-b1d4-%012[3]d"}], "resourceVersion": "%[1]d", "uid": "8a4f3ea8-2f2c-4c2e-b1d4-%012[1]d"},
"spec": {"containers": [{"env": [{"name": "MODE", "value": "production"}, {"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}],
"image": "registry.example.com/shop/app:1.%[3]d", "imagePullPolicy": "IfNotPresent",
"livenessProbe": {"failureThreshold": 3, "httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1},
"name": "main", "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}, {"containerPort": 9090, "name": "metrics", "protocol": "TCP"}],
"resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
"securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": true},
"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
"volumeMounts": [{"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "kube-api-access-x%[1]d", "readOnly": true}]}],
"dnsPolicy": "ClusterFirst", "enableServiceLinks": true, "nodeName": "node-%[4]d", "preemptionPolicy": "PreemptLowerPriority", "priority": 0, "restartPolicy": "Always",
"schedulerName": "default-scheduler", "securityContext": {"fsGroup": 1000}, "serviceAccount": "app", "serviceAccountName": "app", "terminationGracePeriodSeconds": 30,
"tolerations": [{"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300},
{"effect": "NoExecute", "key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 300}],
"volumes": [{"name": "kube-api-access-x%[1]d", "projected": {"defaultMode": 420, "sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
{"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
{"downwardAPI": {"items": [{"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}]}}]}}]},
"status": {"conditions": [{"lastProbeTime": null, "lastTransitionTime": "2024-05-04T10:12:09Z", "status": "True", "type": "Initialized"},
{"lastProbeTime": null, "lastTransitionTime": "2024-05-04T10:12:12Z", "status": "True", "type": "Ready"},
{"lastProbeTime": null, "lastTransitionTime": "2024-05-04T10:12:12Z", "status": "True", "type": "ContainersReady"},
{"lastProbeTime": null, "lastTransitionTime": "2024-05-04T10:12:09Z", "status": "True", "type": "PodScheduled"}],
"containerStatuses": [{"containerID": "containerd://0d6b0b9ac8e3b5f7b0d6b0b9ac8e3b5f7b0d6b0b9ac8e3b5f7b0d6b0b%07[1]d", "image": "registry.example.com/shop/app:1.%[3]d",
"imageID": "registry.example.com/shop/app@sha256:0d6b0b9ac8e3b5f7b0d6b0b9ac8e3b5f7b0d6b0b9ac8e3b5f7b0d6b0b%07[3]d", "lastState": {}, "name": "main", "ready": true,
"restartCount": 0, "started": true, "state": {"running": {"startedAt": "2024-05-04T10:12:10Z"}}}],
"hostIP": "10.1.0.%[4]d", "hostIPs": [{"ip": "10.1.0.%[4]d"}], "phase": "Running", "podIP": "10.2.%[5]d.%[6]d", "podIPs": [{"ip": "10.2.%[5]d.%[6]d"}],
"qosClass": "Burstable", "startTime": "2024-05-04T10:12:09Z"}}`, i, i/10%50, i/10, i%250, i>>8&255, i&255)
	}
	b.WriteString(`], "kind": "List", "metadata": {"resourceVersion": ""}}`)
	var out bytes.Buffer
	write := func() error { return json.Compact(&out, b.Bytes()) }
	if indented {
		write = func() error { return json.Indent(&out, b.Bytes(), "", "    ") }
	}
	if err := write(); err != nil {
		tb.Fatal(err)
	}
	return append(out.Bytes(), '\n')
}

func benchmarkPods(b *testing.B, indented bool) {
	const n = 2000
	data := podList(b, n, indented)
	b.SetBytes(int64(len(data)))
	defer perCPU(b, len(data))()
	b.ReportAllocs()
	for b.Loop() {
		if objects, problems, _ := Parse(data, "pods.json", Limits{}); len(objects) != n || len(problems) != 0 {
			b.Fatal(len(objects), problems)
		}
	}
}

func BenchmarkParsePodsJSON(b *testing.B)        { benchmarkPods(b, true) }
func BenchmarkParsePodsJSONCompact(b *testing.B) { benchmarkPods(b, false) }
