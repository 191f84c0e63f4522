package cluster_test

import (
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
)

// names is the workloads with the pods behind them, where those are not the workload itself.
func names(c *cluster.Cluster) []string {
	var out []string
	for _, w := range c.Workloads {
		s := w.Ref.String()
		var pods []string
		for _, p := range w.Pods {
			if p.Workload != w {
				s += " (a pod of another workload)"
			}
			if !p.Template && p.Name != w.Ref.Name {
				pods = append(pods, p.Name)
			}
		}
		if len(pods) > 0 {
			s += ": " + strings.Join(pods, " ")
		}
		out = append(out, s)
	}
	return out
}

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
		{
			"the whole chain", pod("web-5d4f-a", "apps/v1 ReplicaSet web-5d4f", "") + pod("web-5d4f-b", "apps/v1 ReplicaSet web-5d4f", "") +
				made("apps/v1", "ReplicaSet", "web-5d4f", web, "replicas: 2, ") + made("apps/v1", "Deployment", "web", "", ""),
			[]string{"Deployment shop/web: web-5d4f-a web-5d4f-b"},
		},
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
		{
			"a CronJob's pod", pod("nightly-1-a", "batch/v1 Job nightly-1", "") + made("batch/v1", "Job", "nightly-1", "batch/v1 CronJob nightly", "") +
				"---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, namespace: shop}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: c}]}}}}}\n",
			[]string{"CronJob shop/nightly: nightly-1-a"},
		},
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
			same(t, "workloads", names(clean(t, tt.text)), tt.want)
		})
	}
}

func TestReplicas(t *testing.T) {
	for spec, n := range map[string]int{"": 1, "replicas: 0, ": 0, "replicas: 5, ": 5, "parallelism: 3, ": 3, "replicas: '2', ": 2, "replicas: many, ": 1} {
		w := clean(t, made("apps/v1", "Deployment", "d", "", spec)).Workloads[0]
		if w.Replicas != n || !w.Declared {
			t.Errorf("%q: %d, want %d", spec, w.Replicas, n)
		}
	}
	w := clean(t, made("apps/v1", "DaemonSet", "d", "", "")+"status: {desiredNumberScheduled: 7}\n").Workloads[0]
	if w.Replicas != 7 {
		t.Errorf("DaemonSet: %d, want 7", w.Replicas)
	}
	if w := clean(t, pod("web-5d4f-a", "apps/v1 ReplicaSet web-5d4f", "")).Workloads[0]; w.Declared || w.Pos.Line != 2 {
		t.Errorf("a workload known from its pod alone: %+v", w)
	}
}
