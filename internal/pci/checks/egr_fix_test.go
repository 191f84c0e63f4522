package checks

import (
	"maps"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// fixOf gives the YAML of the fix of a check's first failed finding.
func fixOf(t *testing.T, a *pci.Assessment, check string) string {
	t.Helper()
	for _, f := range a.Findings {
		if f.Check == check && f.Status == pci.Fail {
			if f.Fix == nil {
				t.Fatalf("%s has no fix", check)
			}
			return f.Fix.YAML
		}
	}
	t.Fatalf("%s does not fail", check)
	return ""
}

func statusOf(a *pci.Assessment, check string) pci.Status {
	for _, c := range a.Checks {
		if c.ID == check {
			return c.Status
		}
	}
	return ""
}

// TestEgressFixes: the policy of each fix, applied, makes the check pass, and the traffic inside the cluster and
// to declared addresses goes on.
func TestEgressFixes(t *testing.T) {
	const needs = `
  needs:
  - {id: F-1, from: cards, to: 198.51.100.0/30, ports: tcp/443 tcp/8000-8010, justification: settlement}
`
	for _, c := range []struct{ name, more string }{{"without needs", ""}, {"with a need", needs}} {
		a, err := txtar.ParseFile("testdata/egr_open.txtar")
		if err != nil {
			t.Fatal(err)
		}
		files, opt, _ := readArchive(t, a)
		files["seg.yaml"] += c.more
		before := assess(t, files, opt)
		for _, check := range []string{"EGR-01", "EGR-02", "EGR-03", "EGR-05", "EGR-06", "EGR-07"} {
			t.Run(c.name+"/"+check, func(t *testing.T) {
				mended := maps.Clone(files)
				mended["fix.yaml"] = fixOf(t, before, check)
				if mended["fix.yaml"] == "" {
					t.Fatal("the fix has no YAML")
				}
				objects, problems := parse(mended)
				if len(problems) > 0 {
					t.Fatalf("the fix is not read: %v\n%s", problems, mended["fix.yaml"])
				}
				in := inputOf(t, objects, opt)
				if got := statusOf(pci.Assess(in, All), check); got != pci.Pass {
					t.Errorf("with the fix applied: got %s, want pass\n%s", got, mended["fix.yaml"])
				}
				w := in.Cluster.Workloads[0]
				declared := leaving(in, w, pci.PublicAddrs(), tcp(443, 8000, 8005, 8010)).declared
				if (len(declared) == 1) != (c.more != "") {
					t.Errorf("with the fix applied: declared traffic %v", declared)
				}
			})
		}
	}
}

// TestEgressFixWithoutYAML: no YAML is offered where a policy could not do it.
func TestEgressFixWithoutYAML(t *testing.T) {
	for _, name := range []string{"egr_01_halves", "egr_02_hostnetwork", "egr_none"} {
		data, err := os.ReadFile("testdata/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		files, opt, _ := readArchive(t, txtar.Parse(data))
		a := assess(t, files, opt)
		if yaml := fixOf(t, a, "EGR-01"); yaml != "" {
			t.Errorf("%s: got YAML %s", name, yaml)
		}
	}
	twins := map[string]string{"a.yaml": `apiVersion: v1
kind: Namespace
metadata: {name: cde}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: cde, labels: {scope: cde}}
spec: {containers: [{name: c, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: cde, labels: {scope: cde}}
spec: {containers: [{name: c, image: x}]}
`}
	if yaml := fixOf(t, assess(t, twins, options{label: pci.ScopeLabel{Key: "scope"}}), "EGR-01"); yaml != "" {
		t.Errorf("labels do not tell the pods apart, got YAML %s", yaml)
	}
}
