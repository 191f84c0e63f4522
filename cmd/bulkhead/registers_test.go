package main

import (
	"encoding/csv"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// columnsOf takes columns out of a CSV file by their names, each row as one line, sorted.
func columnsOf(t *testing.T, data string, names ...string) []string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(data)).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	var out []string
	for _, row := range rows[1:] {
		var cells []string
		for _, name := range names {
			i := slices.Index(rows[0], name)
			if i < 0 {
				t.Fatalf("no column %s in %v", name, rows[0])
			}
			cells = append(cells, row[i])
		}
		out = append(out, strings.Join(cells, " "))
	}
	slices.Sort(out)
	return out
}

// The registers of a package hold the computed class of each workload beside the stated one, as the command scope has
// them.
func TestComputedClassesInRegisters(t *testing.T) {
	for _, source := range []string{"../../examples/card-shop/1-open", "../../examples/mesh-bank/2-works"} {
		dir := filepath.Join(t.TempDir(), "p")
		if code, _, errs := program(t, "evidence", "create", "--out", dir, "--at", "2026-03-04T12:00:00Z", source); code > 1 {
			t.Fatal(errs)
		}
		files := filesOf(t, dir)
		_, said, _ := program(t, "scope", "-o", "csv", source)
		want := columnsOf(t, said, "kind", "namespace", "name", "declared", "computed", "agrees")
		for i, row := range want { // the registers name both classes where it is not decided
			if strings.Contains(row, "undecided") {
				t.Fatalf("example %s has an undecided workload: %s", source, want[i])
			}
		}
		if diff := cmp.Diff(want, columnsOf(t, files["registers/scope.csv"], "kind", "namespace", "name", "class", "computed_class", "agrees")); diff != "" {
			t.Errorf("%s: scope.csv (-want +got):\n%s", source, diff)
		}
		want = columnsOf(t, said, "kind", "namespace", "name", "declared", "computed")
		if diff := cmp.Diff(want, columnsOf(t, files["registers/inventory.csv"], "kind", "namespace", "name", "class", "computed_class")); diff != "" {
			t.Errorf("%s: inventory.csv (-want +got):\n%s", source, diff)
		}
		if !strings.Contains(files["report.html"], "computed class") || !strings.Contains(files["report.xlsx"], "computed_class") {
			t.Errorf("%s: the reports do not hold the computed classes", source)
		}
	}
}

// Without a scope nothing is computed, and a class that is not decided names what is left.
func TestUndecidedClassesInRegisters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "p")
	source := teams(t, 3)
	if code, _, errs := program(t, "evidence", "create", "--out", dir, "--enforcer", "unknown", "--scope-label", "pci=cde", source); code == 2 {
		t.Fatal(errs)
	}
	got := strings.Join(columnsOf(t, filesOf(t, dir)["registers/scope.csv"], "namespace", "class", "computed_class"), "\n")
	if !strings.Contains(got, "undecided: ") || !strings.Contains(got, " or ") {
		t.Errorf("with an unknown engine: %s", got)
	}
	dir = filepath.Join(t.TempDir(), "p")
	if code, _, errs := program(t, "evidence", "create", "--out", dir, "--enforcer", "unknown", source); code == 2 {
		t.Fatal(errs)
	}
	for _, row := range columnsOf(t, filesOf(t, dir)["registers/inventory.csv"], "class", "computed_class") {
		if row != " " {
			t.Errorf("without a scope there is a class: %q", row)
		}
	}
}
