package draw_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/report/draw"
)

// manifest makes a cluster: namespaces with workloads, Services of all types, claims, routes, policies and zones.
func manifest(r *rand.Rand, workloads int) string {
	var b strings.Builder
	doc := func(format string, args ...any) {
		b.WriteString("---\n")
		fmt.Fprintf(&b, format, args...)
		b.WriteByte('\n')
	}
	namespaces := max(1, min(40, workloads/(2+r.IntN(12))))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	kinds := []string{"Deployment", "StatefulSet", "DaemonSet", "Deployment", "Deployment"}
	for i := range namespaces {
		doc("apiVersion: v1\nkind: Namespace\nmetadata: {name: ns%d, labels: {team: t%d}}", i, i%4)
	}
	for i := range workloads {
		ns := i % namespaces
		name := fmt.Sprintf("%s-%d", pick("api", "web", "db", "queue-worker", "a", "reconciliation-service-of-the-back-office"), i)
		kind := kinds[r.IntN(len(kinds))]
		port := []int{80, 443, 5432, 6379, 8080, 9090}[r.IntN(6)]
		claim, volume := "", ""
		if r.IntN(12) == 0 {
			claim = fmt.Sprintf("\n      volumes: [{name: data, persistentVolumeClaim: {claimName: data-%d}}, {name: cfg, configMap: {name: cfg}}, {name: tmp, emptyDir: {}}]", i)
			volume = ", {name: side, image: x}"
		}
		doc("apiVersion: apps/v1\nkind: %s\nmetadata: {name: %s, namespace: ns%d}\nspec:\n  replicas: %d\n  selector: {matchLabels: {app: %s}}\n  template:\n    metadata: {labels: {app: %s, tier: %s}}\n    spec:\n      containers: [{name: main, image: x, ports: [{containerPort: %d}, {containerPort: 9100, name: metrics}]}%s]%s",
			kind, name, ns, 1+r.IntN(5), name, name, pick("front", "back"), port, volume, claim)
		if r.IntN(3) > 0 {
			doc("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: ns%d}\nspec: {type: %s, selector: {app: %s}, ports: [{port: %d, targetPort: %d}]}",
				name, ns, pick("ClusterIP", "ClusterIP", "ClusterIP", "ClusterIP", "ClusterIP", "LoadBalancer", "NodePort"), name, port, port)
		}
		if r.IntN(15) == 0 {
			doc("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: in-%s, namespace: ns%d}\nspec: {rules: [{host: h%d.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: %s, port: {number: %d}}}}]}}]}", name, ns, i, name, port)
		}
	}
	doc("apiVersion: v1\nkind: Service\nmetadata: {name: legacy, namespace: ns0}\nspec: {type: ExternalName, externalName: db.example.com}")
	for i := range namespaces {
		switch r.IntN(4) {
		case 0:
			continue
		case 1, 2:
			doc("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: ns%d}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}", i)
		}
		for k := range r.IntN(4) {
			from := fmt.Sprintf("namespaceSelector: {matchLabels: {team: t%d}}", r.IntN(4))
			if r.IntN(2) == 0 {
				from += ", podSelector: {matchLabels: {tier: front}}"
			}
			doc("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p%d, namespace: ns%d}\nspec:\n  podSelector: {matchLabels: {tier: %s}}\n  policyTypes: [Ingress, Egress]\n  ingress: [{from: [{%s}], ports: [{port: %d}]}]\n  egress: [{to: [{%s}]}, {to: [{ipBlock: {cidr: %d.0.0.0/8}}], ports: [{port: 443}]}]",
				k, i, pick("front", "back"), from, []int{80, 443, 5432, 8080}[r.IntN(4)], from, 10+r.IntN(3))
		}
	}
	if r.IntN(3) > 0 {
		doc("apiVersion: bulkhead.dev/v1alpha1\nkind: Segmentation\nmetadata: {name: random}\nspec:\n  assume: {enforcer: calico, podCIDRs: [10.0.0.0/8]}\n  zones:")
		for i, scope := range []string{"cde", "cde-store", "connected-to", "out-of-scope"}[:1+r.IntN(4)] {
			fmt.Fprintf(&b, "  - {name: zone-%d, scope: %s, namespaces: [ns%d, ns%d]}\n", i, scope, i, i+7)
		}
		b.WriteString("  needs: [{id: N-1, from: zone-0, to: zone-0, ports: tcp/80, justification: x, owner: x, approver: x, approved: \"2026-01-01\", review: \"2026-06-01\", dataClass: account-data}]\n")
	}
	return b.String()
}

func random(t testing.TB, seed uint64, workloads int) *pci.Input {
	t.Helper()
	objects, problems, _ := load.Parse([]byte(manifest(rand.New(rand.NewPCG(seed, 1)), workloads)), "random.yaml", load.Limits{})
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	return input(t, objects)
}

func TestGeometryOfRandomClusters(t *testing.T) {
	count := 200
	if testing.Short() {
		count = 20
	}
	var names []string
	got := map[string]clutter{}
	for seed := range count {
		size := 5 + 495*seed*seed*seed/(count*count*count)
		in := random(t, uint64(seed), size)
		view := []draw.View{draw.Network, draw.Exposure}[seed%7/6]
		p := picture(t, in, draw.Options{View: view})
		if bad := append(geometry(p), legible(t, p)...); len(bad) > 0 {
			t.Fatalf("seed %d, %d workloads, %s: %d faults, such as\n%s", seed, size, view, len(bad), strings.Join(bad[:min(6, len(bad))], "\n"))
		}
		name := fmt.Sprintf("%d of %d workloads, %s", seed, size, view)
		names = append(names, name)
		got[name] = clutterOf(p)
	}
	if !testing.Short() {
		noRise(t, "clutter-random.txt", names, got)
	}
}
