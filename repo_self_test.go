package bulkhead_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestRules runs each rule over small trees that break it (testdata/repo, one file a rule, its file "want" being
// what the rule must say), and all rules over one tree that breaks none. A rule without such a file fails.
func TestRules(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			bad, want := archive(t, strings.ReplaceAll(r.name, " ", "_"))
			if diff := cmp.Diff(want, r.check(bad)); want == nil || diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			good, _ := archive(t, "good")
			if got := r.check(good); got != nil {
				t.Errorf("the good tree is said to be bad: %q", got)
			}
		})
	}
}

func archive(t *testing.T, name string) (*tree, []string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "repo", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	var want []string
	for _, f := range txtar.Parse(data).Files {
		if f.Name == "want" {
			want = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
			continue
		}
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	tr, err := parseTree(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tr, want
}
