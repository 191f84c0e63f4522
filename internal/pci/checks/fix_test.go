package checks

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// TestFixesClose applies the policies that SCO-03 and FLO-02 offer: the check must find nothing more, and the
// policies must be read without a problem.
func TestFixesClose(t *testing.T) {
	for _, tc := range []struct{ fixture, check string }{
		{"sco_03_fail", "SCO-03"},
		{"flo_02_fail", "FLO-02"},
		{"flo_02_need", "FLO-02"},
		{"flo_02_no_dns_pods_fail", "FLO-02"},
		{"flo_01_ingress_only", "FLO-01"},
		{"flo_01_egress_only", "FLO-01"},
	} {
		t.Run(tc.fixture, func(t *testing.T) {
			a, err := txtar.ParseFile("testdata/" + tc.fixture + ".txtar")
			if err != nil {
				t.Fatal(err)
			}
			files, opt, _ := readArchive(t, a)
			applied := fixesOf(assess(t, files, opt), tc.check)
			if len(applied) == 0 {
				t.Fatal("no fix offers a policy")
			}
			files = maps.Clone(files)
			files["fix.yaml"] = strings.Join(applied, "---\n")
			for _, f := range assess(t, files, opt).Findings {
				if f.Check == tc.check && (f.Status == pci.Fail || f.Status == pci.Unknown) {
					t.Errorf("with the fix applied: %s %s: %s", f.Status, f.Subject, f.Message)
				}
			}
		})
	}
}

func fixesOf(a *pci.Assessment, check string) []string {
	var out []string
	for _, f := range a.Findings {
		if f.Check == check && f.Fix != nil && f.Fix.YAML != "" {
			out = append(out, f.Fix.YAML)
		}
	}
	return out
}

// TestNoPolicyBelowTier: where a tier before NetworkPolicies denies, none is offered, and the tier is named.
func TestNoPolicyBelowTier(t *testing.T) {
	for fixture, check := range map[string]string{"flo_01_fail_tier": "FLO-01", "flo_02_fail_tier": "FLO-02"} {
		a, err := txtar.ParseFile("testdata/" + fixture + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		files, opt, _ := readArchive(t, a)
		named := 0
		for _, f := range assess(t, files, opt).Findings {
			if f.Check != check || f.Fix == nil {
				continue
			}
			if f.Fix.YAML != "" {
				t.Errorf("%s: a NetworkPolicy changes nothing here:\n%s", fixture, f.Fix.YAML)
			}
			if strings.Contains(f.Fix.Text, "in tier security, where GlobalNetworkPolicy security.web") {
				named++
			}
		}
		if named != 1 {
			t.Errorf("%s: %d fixes name the tier, want 1", fixture, named)
		}
	}
}

// TestMeshEvidence: the evidence of a connection names the rules that allow it in every layer.
func TestMeshEvidence(t *testing.T) {
	a, err := txtar.ParseFile("testdata/sco_03_fail_mesh.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files, opt, _ := readArchive(t, a)
	var from []string
	for _, f := range assess(t, files, opt).Findings {
		if f.Check == "SCO-03" && f.Status == pci.Fail && strings.Contains(f.Message, "can connect to it") {
			for _, b := range f.Because {
				from = append(from, b.Ref.Kind)
			}
		}
	}
	if diff := cmp.Diff([]string{"AuthorizationPolicy", "NetworkPolicy", "Pod"}, slices.Compact(slices.Sorted(slices.Values(from)))); diff != "" {
		t.Errorf("kinds of the evidence (-want +got):\n%s", diff)
	}
}

// TestFixNeverOverwrites: a policy that is offered has a name of its own.
func TestFixNeverOverwrites(t *testing.T) {
	files := map[string]string{"in.yaml": `
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: v1
kind: Pod
metadata: {name: pay, namespace: a, labels: {app: pay, "on": "yes", pod-template-hash: abc}}
spec: {containers: [{name: c, image: i, ports: [{containerPort: 8443}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: shop, namespace: a, labels: {app: shop}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: pay-ingress, namespace: a}
spec: {podSelector: {matchLabels: {app: other}}, policyTypes: [Ingress]}
---
apiVersion: bulkhead.dev/v1alpha1
kind: Segmentation
metadata: {name: s}
spec:
  zones:
    - {name: card, scope: cde, podSelector: {matchLabels: {app: pay}}}
    - {name: rest, scope: out-of-scope, podSelector: {matchLabels: {app: shop}}}
`}
	all := strings.Join(fixesOf(assess(t, files, options{}), "SCO-03"), "---\n")
	for _, want := range []string{"name: pay-ingress-2\n", "name: pay-egress\n", `"on": "yes"`} {
		if !strings.Contains(all, want) {
			t.Errorf("want %q in\n%s", want, all)
		}
	}
	if strings.Contains(all, "abc") {
		t.Errorf("a label that changes with each rollout must not be selected by:\n%s", all)
	}
}

// TestCardShop pins what the walk-through of examples/card-shop is about, step by step.
func TestCardShop(t *testing.T) {
	steps := map[string]string{
		"1-open": `SCO-03 fail Deployment shop/pci-backend "can connect to it"
			SCO-04 fail Deployment shop/other-frontend
			FLO-03 fail Deployment shop/pci-frontend "the internet"`,
		"2-deny-all": `SCO-03 pass
			FLO-02 fail Deployment shop/pci-frontend "cannot resolve names"`,
		"3-frontend-to-backend": `FLO-01 fail NetworkPolicy shop/pci-backend-from-frontend "egress of Deployment shop/pci-frontend is closed by NetworkPolicy shop/deny-all"
			FLO-02 fail Deployment shop/pci-frontend`,
		"4-public-http": `DEN-10 manual "let nodes that do not run them into Deployment shop/pci-frontend"
			FLO-03 fail Deployment shop/pci-frontend "HTTP (tcp/80) is clear text"`,
		"5-works": `SCO-01 pass
			SCO-03 pass
			SCO-04 pass
			SCO-05 pass
			DEN-13 pass
			FLO-01 pass
			FLO-02 pass
			FLO-03 accepted Deployment shop/pci-frontend "F-1"
			FLO-03 accepted Deployment shop/pci-backend "F-2"
			no FLO-03 fail
			no DEN-10 manual "do not run them"`,
	}
	for _, step := range slices.Sorted(maps.Keys(steps)) {
		t.Run(step, func(t *testing.T) {
			files := example(t, "card-shop/"+step)
			got := assess(t, files, options{})
			for _, line := range judge(got, nil, steps[step]) {
				t.Error(line)
			}
			objects, _ := parse(files)
			slices.SortFunc(objects, func(a, b *object.Object) int { return b.Ref.Compare(a.Ref) })
			if again := assessObjects(t, objects, options{}); again.Summary != got.Summary {
				t.Errorf("in another order: got %+v, want %+v", again.Summary, got.Summary)
			}
		})
	}
}

// TestMeshBank pins what the walk-through of examples/mesh-bank is about: each mistake is found, and nothing is
// undecided.
func TestMeshBank(t *testing.T) {
	for step, want := range map[string]string{
		"1-mistakes": `EXP-01 fail HTTPRoute cards/vault-test "opens Deployment cards/card-vault tcp/8080 to the internet"
			EXP-08 fail Deployment cards/card-vault "Deployment edge/public-istio on tcp/8080"
			SCO-03 fail StatefulSet cards/card-store "on tcp/5432: Deployment marketing/reports"
			SCO-04 fail Deployment marketing/reports
			FLO-01 fail NetworkPolicy cards/card-vault "egress of Deployment services/payments is closed by GlobalNetworkPolicy security.payments"
			FLO-02 fail Deployment services/payments
			FLO-02 fail Deployment web/web
			FLO-03 pass Deployment cards/card-vault "is encrypted by the mesh"
			TEL-06 fail StatefulSet cards/card-store
			DEN-01 pass
			DEN-07 pass`,
		"2-works": `EXP-01 pass
			EXP-08 pass
			SCO-03 pass
			SCO-04 pass
			FLO-01 pass
			FLO-02 pass
			DEN-07 pass
			TEL-06 pass
			FLO-03 pass StatefulSet cards/card-store "is encrypted by the mesh"`,
	} {
		got := assess(t, example(t, "mesh-bank/"+step), options{today: "2026-03-01"})
		for _, line := range judge(got, nil, want) {
			t.Errorf("%s: %s", step, line)
		}
		for _, f := range got.Findings {
			if f.Status == pci.Unknown || f.Status == pci.Fail && step == "2-works" {
				t.Errorf("%s: %s %s %s: %s", step, f.Check, f.Status, f.Subject, f.Message)
			}
		}
	}
}

func example(t *testing.T, step string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../../../examples/" + step + "/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no example %s: %v", step, err)
	}
	files := map[string]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(p)] = string(b)
	}
	return files
}

// TestDeterministic shuffles the objects of the examples: the record must be the same, byte for byte.
func TestDeterministic(t *testing.T) {
	for _, step := range []string{"card-shop/1-open", "card-shop/4-public-http", "card-shop/5-works", "mesh-bank/1-mistakes", "mesh-bank/2-works"} {
		objects, _ := parse(example(t, step))
		want := record(t, objects)
		for seed := range uint64(5) {
			r := rand.New(rand.NewPCG(seed, 1))
			r.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
			if diff := cmp.Diff(want, record(t, objects)); diff != "" {
				t.Fatalf("%s, seed %d (-want +got):\n%s", step, seed, diff)
			}
		}
		if strings.Contains(want, "null") {
			t.Errorf("%s: an array is null", step)
		}
	}
}

func record(t *testing.T, objects []*object.Object) string {
	t.Helper()
	b, err := json.MarshalIndent(assessObjects(t, objects, options{}), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPolicyYAML: what cannot be named by labels gets no policy instead of one for others.
func TestPolicyYAML(t *testing.T) {
	in := inputOf(t, mustParse(t, `apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: a}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: one, namespace: a, labels: {app: same}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: two, namespace: a, labels: {app: same, more: "1"}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: host, namespace: a, labels: {app: host}}
spec: {hostNetwork: true, containers: [{name: c, image: i}]}
`), options{})
	w := map[string]*cluster.Workload{}
	for _, o := range in.Cluster.Workloads {
		w[o.Ref.Name] = o
	}
	some := netset.Ports(netset.TCP, 80, 90).Union(netset.Ports(netset.SCTP, 7, 7))
	for _, tc := range []struct {
		subject, peer string
		conns         netset.Conns
		want          string
	}{
		{"bare", "two", some, ""},
		{"one", "two", some, ""}, // its label selects two as well
		{"two", "host", some, ""},
		{"two", "bare", some, ""},
		{"two", "one", some, "          endPort: 90\n        - protocol: SCTP\n          port: 7\n"},
		{"two", "one", netset.All(), "              app: same\n"},
	} {
		got := policyYAML(in.Cluster, "n", w[tc.subject], policy.Egress, []allowed{{w[tc.peer], tc.conns}})
		if (got == "") != (tc.want == "") || !strings.HasSuffix(got, tc.want) {
			t.Errorf("%s to %s: got\n%s\nwant an end of %q", tc.subject, tc.peer, got, tc.want)
		}
	}
}

func mustParse(t *testing.T, text string) []*object.Object {
	t.Helper()
	objects, problems := parse(map[string]string{"in.yaml": text})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return objects
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{"web": "web", "on": `"on"`, "No": `"No"`, "10": `"10"`, "": `""`, "1-a": `"1-a"`, "app.kubernetes.io/name": "app.kubernetes.io/name"} {
		if got := scalar(in); got != want {
			t.Errorf("scalar(%q): got %s, want %s", in, got, want)
		}
	}
	if got, want := listed([]string{"a", "b", "c", "d", "e", "f", "g"}), "a, b, c, d, e and 2 more"+pci.Rest([]string{"f", "g"}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
