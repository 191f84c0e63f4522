package pci_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// found is the record of one check A-1 that finds these.
func found(findings ...pci.Finding) *pci.Assessment {
	c, _ := cluster.New(nil, cluster.Options{})
	in := &pci.Input{Model: reach.Compile(c, policy.Set{}, enforcer.Profile{}), Cluster: c}
	return pci.Assess(in, []pci.Check{{ID: "A-1", Severity: pci.Medium, Run: func(*pci.Input) []pci.Finding { return append([]pci.Finding{}, findings...) }}})
}

func of(name string, s pci.Status, msg string) pci.Finding {
	return pci.Finding{Status: s, Subject: object.Ref{Kind: "Deployment", Namespace: "a", Name: name}, Message: msg}
}

// TestAgainst: what is new, what says something else, what is known, what is gone; only the first two count.
func TestAgainst(t *testing.T) {
	high := of("web", pci.Fail, "open")
	high.Severity = pci.High
	for name, tc := range map[string]struct {
		was, is []pci.Finding
		since   []pci.Since
		gone    []string
		code    int
	}{
		"the same":                    {[]pci.Finding{of("web", pci.Fail, "open")}, []pci.Finding{of("web", pci.Fail, "open")}, []pci.Since{pci.Known}, nil, 0},
		"other lines":                 {[]pci.Finding{of("web", pci.Fail, "open (old/a.yaml:7)")}, []pci.Finding{of("web", pci.Fail, "open (new/dir/a.yaml:99)")}, []pci.Since{pci.Known}, nil, 0},
		"other ports":                 {[]pci.Finding{of("web", pci.Fail, "open on tcp/80")}, []pci.Finding{of("web", pci.Fail, "open on all")}, []pci.Since{pci.Changed}, nil, 1},
		"another port of a host":      {[]pci.Finding{of("web", pci.Fail, "a.example.com:443 is open")}, []pci.Finding{of("web", pci.Fail, "a.example.com:22 is open")}, []pci.Since{pci.Changed}, nil, 1},
		"the same more":               {[]pci.Finding{of("web", pci.Fail, "a and 2 more"+pci.Rest([]string{"b", "c"}))}, []pci.Finding{of("web", pci.Fail, "a and 2 more"+pci.Rest([]string{"b", "c"}))}, []pci.Since{pci.Known}, nil, 0},
		"others among more":           {[]pci.Finding{of("web", pci.Fail, "a and 2 more"+pci.Rest([]string{"b", "c"}))}, []pci.Finding{of("web", pci.Fail, "a and 2 more"+pci.Rest([]string{"b", "d"}))}, []pci.Since{pci.Changed}, nil, 1},
		"worse":                       {[]pci.Finding{of("web", pci.Fail, "open")}, []pci.Finding{high}, []pci.Since{pci.Changed}, nil, 1},
		"milder":                      {[]pci.Finding{high}, []pci.Finding{of("web", pci.Fail, "open")}, []pci.Since{pci.Known}, nil, 0},
		"new":                         {nil, []pci.Finding{of("web", pci.Fail, "open")}, []pci.Since{pci.New}, nil, 1},
		"new, undecided":              {nil, []pci.Finding{of("web", pci.Unknown, "open?")}, []pci.Since{pci.New}, nil, 3},
		"a question":                  {nil, []pci.Finding{of("web", pci.Manual, "who?")}, []pci.Since{pci.New}, nil, 0},
		"gone":                        {[]pci.Finding{of("web", pci.Fail, "open")}, nil, nil, []string{"fail Deployment a/web open "}, 0},
		"passed then":                 {[]pci.Finding{of("web", pci.Pass, "")}, []pci.Finding{of("web", pci.Fail, "open")}, []pci.Since{pci.New}, nil, 1},
		"accepted then":               {[]pci.Finding{of("web", pci.Accepted, "open")}, []pci.Finding{of("web", pci.Fail, "open")}, []pci.Since{pci.New}, nil, 1},
		"undecided then, failed now":  {[]pci.Finding{of("web", pci.Unknown, "open?")}, []pci.Finding{of("web", pci.Fail, "open")}, []pci.Since{pci.New}, []string{"unknown Deployment a/web open? "}, 1},
		"failed then, undecided now":  {[]pci.Finding{of("web", pci.Fail, "open")}, []pci.Finding{of("web", pci.Unknown, "open?")}, []pci.Since{pci.Known}, nil, 0},
		"one more of the same":        {[]pci.Finding{of("web", pci.Fail, "b")}, []pci.Finding{of("web", pci.Fail, "a"), of("web", pci.Fail, "b")}, []pci.Since{pci.New, pci.Known}, nil, 1},
		"one less of the same":        {[]pci.Finding{of("web", pci.Fail, "a"), of("web", pci.Fail, "b")}, []pci.Finding{of("web", pci.Fail, "b")}, []pci.Since{pci.Known}, []string{"fail Deployment a/web a "}, 0},
		"another subject":             {[]pci.Finding{of("web", pci.Fail, "open")}, []pci.Finding{of("db", pci.Fail, "open")}, []pci.Since{pci.New}, []string{"fail Deployment a/web open "}, 1},
		"a broken check stays broken": {[]pci.Finding{of("web", pci.Error, "broke")}, []pci.Finding{of("web", pci.Error, "broke")}, []pci.Since{pci.Known}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := found(tc.is...)
			a.Against(found(tc.was...), "old")
			var since []pci.Since
			for _, f := range a.Findings {
				since = append(since, f.Since)
			}
			if diff := cmp.Diff(tc.since, since); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var gone []string
			for _, g := range a.Baseline.Gone {
				gone = append(gone, fmt.Sprintf("%s %s %s %s", g.Status, g.Subject, g.Message, g.Now))
			}
			if diff := cmp.Diff(tc.gone, gone); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if code := a.ExitCode(); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			if b := a.Baseline; b.New+b.Changed+b.Known != len(a.Findings) {
				t.Errorf("%+v of %d findings", b, len(a.Findings))
			}
		})
	}
}

// TestAgainstAccepted: what somebody accepted since then is gone from the open ones, and says so.
func TestAgainstAccepted(t *testing.T) {
	was := found(of("web", pci.Fail, "open"))
	is := found(of("web", pci.Fail, "open"))
	is.Findings[0].Status = pci.Accepted // as an exception does, behind the fingerprint
	is.Against(was, "old")
	if g := is.Baseline.Gone; len(g) != 1 || g[0].Now != pci.Accepted {
		t.Errorf("got %+v", g)
	}
}

// TestAgainstChecks: checks that did not run then are named.
func TestAgainstChecks(t *testing.T) {
	a := found(of("web", pci.Fail, "open"))
	a.Against(&pci.Assessment{}, "old")
	if diff := cmp.Diff([]string{"A-1"}, a.Baseline.NewChecks); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRest: digests are nowhere in the texts of a record.
func TestRest(t *testing.T) {
	f := of("web", pci.Fail, "a and 2 more"+pci.Rest([]string{"b", "c"})+", b and 1 more"+pci.Rest([]string{"d"}))
	f.Because = []pci.Because{{Msg: "x and 1 more" + pci.Rest([]string{"y"})}}
	f.Fix = &pci.Fix{Text: "close x and 1 more" + pci.Rest([]string{"y"})}
	got := found(f).Findings[0]
	if got.Message != "a and 2 more, b and 1 more" || got.Because[0].Msg != "x and 1 more" || got.Fix.Text != "close x and 1 more" {
		t.Errorf("%q, %q, %q", got.Message, got.Because[0].Msg, got.Fix.Text)
	}
	if len(got.Rest) != 33 {
		t.Errorf("the digests of two lists are %q", got.Rest)
	}
	if hostile := of("web", pci.Fail, "open to \x00a\x00, b"); found(hostile).Findings[0].Message != hostile.Message {
		t.Errorf("a name with marks hides: %q", found(hostile).Findings[0].Message)
	}
}
