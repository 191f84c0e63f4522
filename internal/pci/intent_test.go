package pci_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// head begins every Segmentation of these tests; zones start on line 5.
const head = `apiVersion: bulkhead.dev/v1alpha1
kind: Segmentation
metadata: {name: s}
spec:
`

// shop is a small cluster: two namespaces, one of them not declared.
const shop = `apiVersion: v1
kind: Namespace
metadata: {name: a, labels: {team: pay}}
---
apiVersion: v1
kind: Pod
metadata: {name: pay, namespace: a, labels: {app: pay}}
spec: {serviceAccountName: payer, containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, namespace: b, labels: {app: far}}
spec: {containers: [{name: c, image: i}]}
`

func read(t *testing.T, files map[string]string) []*object.Object {
	t.Helper()
	var out []*object.Object
	for name, text := range files {
		objects, problems, err := load.Parse([]byte(text), name, load.Limits{})
		if err != nil || len(problems) > 0 {
			t.Fatalf("%s: %v %v", name, err, problems)
		}
		out = append(out, objects...)
	}
	return out
}

func build(t *testing.T, segmentation string) (*cluster.Cluster, *pci.Intent, []object.Problem) {
	t.Helper()
	c, _ := cluster.New(read(t, map[string]string{"shop.yaml": shop, "s.yaml": segmentation}), cluster.Options{})
	in, problems := pci.ReadIntent(c)
	return c, in, problems
}

func texts(problems []object.Problem) []string {
	var out []string
	for _, p := range problems {
		if p.Severity == object.Error && p.Hint == "" {
			out = append(out, "without a hint: "+p.Msg)
		}
		out = append(out, fmt.Sprintf("%s %s %s", p.Pos, p.Severity, p.Msg))
	}
	return out
}

// TestIntentProblems: whatever is not understood is told with its line, and declares nothing.
func TestIntentProblems(t *testing.T) {
	need := func(fields string) string {
		return "  zones: [{name: z, scope: cde, namespaces: [a]}]\n  needs:\n    - {" + fields + "}\n"
	}
	const whole = "id: F-1, from: z, to: a/web, ports: tcp/80, justification: j"
	for name, tc := range map[string]struct {
		spec                  string
		want                  string // begins after "s.yaml:", "" for no problem
		zones, entries, needs int
	}{
		"good":                    {need(whole + `, approved: "2026-01-31", review: "2026-07-31"`), "", 1, 0, 1},
		"good ends":               {need("id: F-1, from: internet, to: 10.0.0.0/8, ports: tcp/80, justification: j"), "", 1, 0, 1},
		"unknown field of a need": {need(whole + ", mitigated: yes it is"), "7 error spec.needs[0].mitigated: unknown field", 1, 0, 0},
		"bad ports":               {need("id: F-1, from: z, to: a/web, ports: tcp/99999, justification: j"), "7 error need F-1: ports: ", 1, 0, 0},
		"bad date":                {need(whole + `, approved: "31.1.2026"`), `7 error need F-1: approved: "31.1.2026" is no date`, 1, 0, 0},
		"bad review":              {need(whole + `, review: soon`), `7 error need F-1: review: "soon" is no date`, 1, 0, 0},
		"no justification":        {need("id: F-1, from: z, to: a/web, ports: tcp/80"), "7 error need F-1 has no justification", 1, 0, 0},
		"no id":                   {need("from: z, to: a/web, ports: tcp/80, justification: j"), "7 error need without an id has no id", 1, 0, 0},
		"empty need":              {need(""), "7 error a need without anything", 1, 0, 0},
		"two of one id":           {need(whole) + "    - {" + whole + "}\n", "8 error need F-1 is declared twice", 1, 0, 1},
		"unknown zone":            {need("id: F-1, from: zz, to: a/web, ports: tcp/80, justification: j"), "7 error need F-1: zz is no zone and no workload", 1, 0, 1},
		"host bits in an end":     {need("id: F-1, from: 10.0.0.1/8, to: z, ports: tcp/80, justification: j"), "7 error need F-1: 10.0.0.1/8 is no zone", 1, 0, 1},
		"unknown field of a zone": {"  zones:\n    - {name: z, scope: cde, namespace: a}\n", "6 error spec.zones[0].namespace: unknown field", 0, 0, 0},
		"bad scope":               {"  zones:\n    - {name: z, scope: pci, namespaces: [a]}\n", `6 error zone z: scope "pci": want cde`, 0, 0, 0},
		"unclassified":            {"  zones:\n    - {name: z, scope: unclassified, namespaces: [a]}\n", `6 error zone z: scope "unclassified": want cde`, 0, 0, 0},
		"no scope":                {"  zones:\n    - {name: z, namespaces: [a]}\n", `6 error zone z: scope ""`, 0, 0, 0},
		"no name":                 {"  zones:\n    - {scope: cde, namespaces: [a]}\n", "6 error a zone without a name", 0, 0, 0},
		"empty zone":              {"  zones:\n    - {}\n", "6 error a zone without name and scope", 0, 0, 0},
		"name of the internet":    {"  zones:\n    - {name: internet, scope: cde, namespaces: [a]}\n", `6 error zone name "internet"`, 0, 0, 0},
		"name like a workload":    {"  zones:\n    - {name: a/web, scope: cde, namespaces: [a]}\n", `6 error zone name "a/web"`, 0, 0, 0},
		"two of one name":         {"  zones:\n    - {name: z, scope: cde, namespaces: [a]}\n    - {name: z, scope: cde, namespaces: [b]}\n", "7 error zone z is declared twice", 1, 0, 0},
		"selects nothing":         {"  zones:\n    - {name: z, scope: cde}\n", "6 error zone z selects nothing", 0, 0, 0},
		"bad CIDR":                {"  zones:\n    - {name: z, scope: cde, cidrs: [10.0.0.0/33]}\n", "6 error zone z: cidrs: ", 0, 0, 0},
		"host bits":               {"  zones:\n    - {name: z, scope: cde, cidrs: [10.0.0.1/8]}\n", "6 error zone z: cidrs: 10.0.0.1/8 has bits behind its mask", 0, 0, 0},
		"bad operator":            {"  zones:\n    - {name: z, scope: cde, podSelector: {matchExpressions: [{key: a, operator: Is}]}}\n", "6 error podSelector.matchExpressions[0]", 0, 0, 0},
		"zones are a map":         {"  zones: {a: b}\n", "5 error spec.zones: want a list, got a map", 0, 0, 0},
		"entry":                   {"  entries:\n    - {service: a/web, ports: tcp/80, justification: j}\n    - {workload: a/pay, justification: j}\n", "", 0, 2, 0},
		"entry of nobody":         {"  entries:\n    - {workload: a/gone, justification: j}\n", "6 warning entry: there is no workload a/gone", 0, 1, 0},
		"entry without a name":    {"  entries:\n    - {service: web, justification: j}\n", `6 error an entry of service "web"`, 0, 0, 0},
		"entry of two":            {"  entries:\n    - {service: a/web, workload: a/web, justification: j}\n", "6 error an entry of service", 0, 0, 0},
		"entry unjustified":       {"  entries:\n    - {service: a/web}\n", "6 error entry a/web has no justification", 0, 0, 0},
		"entry ports":             {"  entries:\n    - {service: a/web, ports: http, justification: j}\n", "6 error entry a/web: ports: ", 0, 0, 0},
		"empty entry":             {"  entries:\n    - {}\n", "6 error an entry without a service", 0, 0, 0},
		"unknown entry field":     {"  entries:\n    - {service: a/web, port: 80, justification: j}\n", "6 error spec.entries[0].port: unknown field", 0, 0, 0},
		"unknown assumption":      {"  assume: {podCidrs: [10.0.0.0/8]}\n", "5 error spec.assume.podCidrs: unknown field", 0, 0, 0},
		"bad assumption":          {"  assume: {podCIDRs: [ten]}\n", "5 error assume.podCIDRs: ", 0, 0, 0},
		"top field":               {"  zones: []\nstatusses: {}\n", "6 error statusses: unknown field", 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, in, problems := build(t, head+tc.spec)
			got := texts(problems)
			switch {
			case tc.want == "" && len(got) > 0:
				t.Errorf("got %q, want no problem", got)
			case tc.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], "s.yaml:"+tc.want)):
				t.Errorf("got %q, want one that begins with %q", got, "s.yaml:"+tc.want)
			}
			if counts := [3]int{len(in.Zones), len(in.Entries), len(in.Needs)}; counts != [3]int{tc.zones, tc.entries, tc.needs} {
				t.Errorf("zones, entries, needs: got %v, want %v", counts, [3]int{tc.zones, tc.entries, tc.needs})
			}
		})
	}
}

func TestIntentVersion(t *testing.T) {
	_, in, problems := build(t, strings.Replace(head, "v1alpha1", "v9", 1)+"  zones: [{name: z, scope: cde, namespaces: [a]}]\n")
	if len(in.Zones) != 0 || len(problems) != 1 || !strings.Contains(problems[0].Msg, "version v9 is not known") {
		t.Errorf("got %v and %d zones", problems, len(in.Zones))
	}
}

func TestNoIntent(t *testing.T) {
	c, _ := cluster.New(read(t, map[string]string{"shop.yaml": shop}), cluster.Options{})
	if in, problems := pci.ReadIntent(c); in != nil || problems != nil {
		t.Errorf("got %v %v, want nothing", in, problems)
	}
}

// TestAssume: facts of several objects are joined, and only a clash is a problem.
func TestAssume(t *testing.T) {
	two := head + "  assume: {enforcer: calico, podCIDRs: [10.0.0.0/16], complete: true}\n---\n" +
		strings.Replace(head, "name: s", "name: t", 1) + "  assume: {enforcer: cilium, podCIDRs: [10.1.0.0/16], serviceCIDRs: [10.2.0.0/16], nodeCIDRs: [10.3.0.0/16]}\n"
	objects := read(t, map[string]string{"shop.yaml": shop, "s.yaml": two})
	said := pci.ReadAssume(objects)
	slices.Reverse(objects)
	if diff := cmp.Diff(said, pci.ReadAssume(objects), cmp.Comparer(netset.Addrs.Equal)); diff != "" {
		t.Errorf("in another order (-want +got):\n%s", diff)
	}
	if said.Enforcer != "calico" || !said.Complete || said.PodCIDRs.String() != "10.0.0.0/15" ||
		said.ServiceCIDRs.String() != "10.2.0.0/16" || said.NodeCIDRs.String() != "10.3.0.0/16" {
		t.Errorf("got %+v", said)
	}
	c, in, problems := build(t, two)
	if len(problems) != 1 || !strings.Contains(problems[0].Msg, "another Segmentation says calico") {
		t.Errorf("got %v, want the clash", problems)
	}
	if got, want := in.Source(), "Segmentation s (s.yaml:1), Segmentation t (s.yaml:7)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if s, _ := pci.ScopeOf(c, in, pci.ScopeLabel{}); s != nil {
		t.Error("a Segmentation without zones states no scope")
	}
}
