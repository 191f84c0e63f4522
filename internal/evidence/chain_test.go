package evidence_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/evidence"
)

// linkOf is a package with the statuses of the checks, ...
func linkOf(t *testing.T, m evidence.Manifest, statuses ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "p")
	var list []string
	for i, s := range statuses {
		list = append(list, fmt.Sprintf(`{"id":"A-%d","status":%q}`, i+1, s))
	}
	m.Sources = []string{}
	if m.Tool == (evidence.Tool{}) {
		m.Tool = tool
	}
	record := []byte(`{"checks":[` + strings.Join(list, ",") + `]}`)
	if err := evidence.Write(dir, []evidence.File{{Path: evidence.ResultsFile, Data: record, Derived: true}}, &m); err != nil {
		t.Fatal(err)
	}
	return dir
}

func sumOf(t *testing.T, dir string) string {
	t.Helper()
	sum, err := evidence.ManifestDigest(dir)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func chainOf(t *testing.T, every time.Duration, dirs ...string) *evidence.Chain {
	t.Helper()
	c, err := evidence.ReadChain(dirs, every)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestChain: what held throughout is what passed in every package; a check that one of them does not have did not.
func TestChain(t *testing.T) {
	one := linkOf(t, evidence.Manifest{Created: "2026-01-01T00:00:00Z"}, "pass", "fail", "pass", "unknown")
	two := linkOf(t, evidence.Manifest{Created: "2026-02-01T00:00:00Z", Previous: sumOf(t, one)}, "pass", "pass", "pass", "unknown", "pass")
	three := linkOf(t, evidence.Manifest{Created: "2026-03-01T12:00:00Z", Previous: sumOf(t, two)}, "pass", "pass", "fail", "unknown", "pass")
	c := chainOf(t, 0, one, two, three)
	want := &evidence.Chain{
		Links: []evidence.Link{
			{Dir: one, Created: "2026-01-01T00:00:00Z", State: "first"},
			{Dir: two, Created: "2026-02-01T00:00:00Z", Days: 31, State: "follows"},
			{Dir: three, Created: "2026-03-01T12:00:00Z", Days: 28, State: "follows"},
		},
		Held: []string{"A-1"},
		Changed: []evidence.Change{
			{Check: "A-2", Statuses: []string{"fail", "pass", "pass"}}, {Check: "A-3", Statuses: []string{"pass", "pass", "fail"}}, {Check: "A-5", Statuses: []string{"-", "pass", "pass"}},
		},
		Notes: []string{},
	}
	if got := c.Links[1].Statuses["A-5"]; got != "pass" {
		t.Errorf("the status of a check is %q", got)
	}
	for i := range c.Links {
		c.Links[i].Statuses = nil
	}
	if diff := cmp.Diff(want, c); diff != "" || c.ExitCode() != 0 {
		t.Errorf("exit code %d (-want +got):\n%s", c.ExitCode(), diff)
	}
	if c := chainOf(t, 30*24*time.Hour, one, two, three); c.Links[1].State != "gap" || c.Links[1].Why != "31 days in which nobody looked" || c.Links[2].State != "follows" || c.ExitCode() != 3 {
		t.Errorf("got %+v", c.Links)
	}
}

// TestChainLinks is how a package may stand to the one before it.
func TestChainLinks(t *testing.T) {
	one := linkOf(t, evidence.Manifest{Created: "2026-02-01T00:00:00Z", Subject: "shop"}, "pass")
	sum := sumOf(t, one)
	for _, c := range []struct {
		name, state, why string
		m                evidence.Manifest
		note             string
	}{
		{"in order", "follows", "", evidence.Manifest{Created: "2026-03-01T00:00:00Z", Subject: "shop", Previous: sum}, ""},
		{"other zone of time", "follows", "", evidence.Manifest{Created: "2026-02-01T01:30:00+01:00", Subject: "shop", Previous: sum}, ""},
		{"no name", "gap", "names no package", evidence.Manifest{Created: "2026-03-01T00:00:00Z", Subject: "shop"}, ""},
		{"another name", "broken", "names another", evidence.Manifest{Created: "2026-03-01T00:00:00Z", Subject: "shop", Previous: "00"}, ""},
		{"older", "broken", "older", evidence.Manifest{Created: "2026-01-01T00:00:00Z", Subject: "shop", Previous: sum}, ""},
		{"another cluster", "broken", `about "bank"`, evidence.Manifest{Created: "2026-03-01T00:00:00Z", Subject: "bank", Previous: sum}, ""},
		{"no subject", "follows", "", evidence.Manifest{Created: "2026-03-01T00:00:00Z", Previous: sum}, "says what it is about"},
		{"another version", "follows", "", evidence.Manifest{Created: "2026-03-01T00:00:00Z", Subject: "shop", Previous: sum, Tool: evidence.Tool{Name: "bulkhead", Version: "2.0", Rules: "d"}}, "by bulkhead 2.0"},
		{"other facts", "follows", "", evidence.Manifest{Created: "2026-03-01T00:00:00Z", Subject: "shop", Previous: sum, Assume: evidence.Assume{Enforcer: "cilium"}}, "do not assume the same"},
	} {
		got := chainOf(t, 0, one, linkOf(t, c.m, "pass"))
		l := got.Links[1]
		if l.State != c.state || !strings.Contains(l.Why, c.why) || (c.why == "") != (l.Why == "") {
			t.Errorf("%s: %+v", c.name, l)
		}
		if notes := strings.Join(got.Notes, "\n"); !strings.Contains(notes, c.note) || (c.note == "") != (notes == "") {
			t.Errorf("%s: notes %q", c.name, notes)
		}
		if broken := c.state == "broken"; broken != (len(got.Held) == 0) {
			t.Errorf("%s: held %v", c.name, got.Held)
		}
	}
}

// TestChainForged: results that are not those of the manifest break the chain.
func TestChainForged(t *testing.T) {
	one := linkOf(t, evidence.Manifest{Created: "2026-01-01T00:00:00Z"}, "fail")
	two := linkOf(t, evidence.Manifest{Created: "2026-02-01T00:00:00Z", Previous: sumOf(t, one)}, "pass")
	if err := os.WriteFile(filepath.Join(one, evidence.ResultsFile), []byte(`{"checks":[{"id":"A-1","status":"pass"}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if c := chainOf(t, 0, one, two); c.Links[0].State != "broken" || c.ExitCode() != 1 || len(c.Held) > 0 {
		t.Errorf("got %+v", c)
	}
	if _, err := evidence.ReadChain([]string{t.TempDir()}, 0); err == nil {
		t.Error("an empty folder is a chain")
	}
}
