package checks

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// question is a line of testdata/catalogue.txt.
type question struct {
	id    string
	marks []string
}

func catalogue(t *testing.T) []question {
	t.Helper()
	data, err := os.ReadFile("testdata/catalogue.txt")
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^([A-Z]{2,3}-\d{2}) (?:\[([a-z -]+)\] (.+ - .+)|[^\[].*)$`)
	var out []question
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		m := form.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("catalogue.txt: %q is no line of it; marks want a reason after a dash", line)
			continue
		}
		q := question{m[1], strings.Fields(m[2])}
		for _, mark := range q.marks {
			if !slices.Contains([]string{"never-fail", "never-pass", "never-open", "absent"}, mark) {
				t.Errorf("%s: mark %s", q.id, mark)
			}
		}
		if slices.ContainsFunc(out, func(o question) bool { return o.id == q.id }) {
			t.Errorf("%s is there twice", q.id)
		}
		out = append(out, q)
	}
	return out
}

// TestCatalogue: every question of the catalogue has a check, or a reason why it has none; and each check of it is
// shown to fail, to pass and to leave something open by fixtures.
func TestCatalogue(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]map[pci.Status]bool{}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, _, lines := readArchive(t, a)
		for line := range strings.Lines(lines) {
			if w, ok := readWant(strings.TrimSpace(line)); ok && !w.no {
				if shown[w.check] == nil {
					shown[w.check] = map[pci.Status]bool{}
				}
				shown[w.check][w.status] = true
			}
		}
	}
	asked := map[string]bool{}
	for _, q := range catalogue(t) {
		asked[q.id] = true
		is := slices.ContainsFunc(All, func(k pci.Check) bool { return k.ID == q.id })
		if absent := slices.Contains(q.marks, "absent"); is == absent {
			t.Errorf("%s: there is a check: %v; it is marked absent: %v", q.id, is, absent)
			continue
		}
		if !is {
			continue
		}
		for mark, has := range map[string]bool{
			"never-fail": shown[q.id][pci.Fail], "never-pass": shown[q.id][pci.Pass], "never-open": shown[q.id][pci.Unknown] || shown[q.id][pci.Manual],
		} {
			if has == slices.Contains(q.marks, mark) {
				t.Errorf("%s: %s is marked, or no fixture shows that result; a fixture does: %v", q.id, mark, has)
			}
		}
	}
	for _, k := range All {
		if !asked[k.ID] && !strings.HasPrefix(k.ID, "FLO-") { // flows between workloads came on top of the catalogue
			t.Errorf("%s is not in the catalogue", k.ID)
		}
	}
}
