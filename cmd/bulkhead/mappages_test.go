package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// teams is a number of namespaces with three workloads each, of which those of the last two are the CDE.
func teams(t *testing.T, number int) string {
	t.Helper()
	var b strings.Builder
	for i := range number {
		class := ""
		if i >= number-2 {
			class = ", pci: cde"
		}
		for j := range 3 {
			fmt.Fprintf(&b, `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app-%[1]d-%[2]d, namespace: team-%02[1]d}
spec:
  selector: {matchLabels: {app: a%[2]d}}
  template:
    metadata: {labels: {app: a%[2]d%[3]s}}
    spec: {containers: [{name: c, image: "x/y:1", ports: [{containerPort: 8080}]}]}
`, i, j, class)
		}
		fmt.Fprintf(&b, `---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: own, namespace: team-%02d}
spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{podSelector: {}}]}], egress: [{to: [{podSelector: {}}]}]}
`, i)
	}
	file := filepath.Join(t.TempDir(), "in.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// reportOf is the PDF of a package, with what the pages of a view are titled.
func reportOf(t *testing.T, args ...string) (text string, pages []string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "p")
	if code, _, errs := program(t, append([]string{"evidence", "create", "--out", dir, "--at", "2026-03-04T12:00:00Z"}, args...)...); code == 2 {
		t.Fatal(errs)
	}
	data, err := os.ReadFile(filepath.Join(dir, "report.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`/Title \((Network diagram[^)]*)\)`).FindAllStringSubmatch(string(data), -1) {
		pages = append(pages, m[1])
	}
	return string(data), pages
}

// The diagrams of a report stand in its PDF as texts and lines, on one sheet where that can be read.
func TestDiagramsOnPaper(t *testing.T) {
	text, pages := reportOf(t, "../../examples/mesh-bank/2-works")
	if len(pages) != 1 || strings.Contains(text, "/Subtype /Image") {
		t.Errorf("pages %q", pages)
	}
	for _, want := range []string{"(CDE boundary)", "(card-vault)", "(Data-flow diagram)", "(Ways in from outside)", "(Zone matrix)", "(tcp/8080 - B-6)"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

// Where the whole is too large for that, each namespace has a page, those of the CDE first, and the report says when
// they are too many.
func TestPagesOfNamespaces(t *testing.T) {
	_, pages := reportOf(t, "--enforcer", "calico", "--scope-label", "pci=cde", teams(t, 35))
	if len(pages) != 36 || pages[1] != "Network diagram, namespace team-33" || pages[3] != "Network diagram, namespace team-00" {
		t.Errorf("%d pages: %q", len(pages), pages)
	}
	text, pages := reportOf(t, "--enforcer", "calico", "--scope-label", "pci=cde", teams(t, mostPages+2))
	if len(pages) != mostPages+1 || !strings.Contains(text, fmt.Sprintf("(%d of %d namespaces", mostPages, mostPages+2)) {
		t.Errorf("%d pages: %q", len(pages), pages)
	}
}
