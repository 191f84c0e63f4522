package pci_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

func TestExitCode(t *testing.T) {
	lost := []object.Problem{{Severity: object.Error}}
	warned := []object.Problem{{Severity: object.Warning}, {Severity: object.Note}}
	for _, tc := range []struct {
		summary  pci.Summary
		problems []object.Problem
		want     int
	}{
		{pci.Summary{}, nil, 0},
		{pci.Summary{Pass: 1, Manual: 2, Accepted: 3, NotApplicable: 4}, warned, 0},
		{pci.Summary{Pass: 1, Unknown: 1}, nil, 3},
		{pci.Summary{Pass: 1}, lost, 3},
		{pci.Summary{Unknown: 1, Fail: 1}, lost, 1},
		{pci.Summary{Error: 1}, nil, 1},
	} {
		if got := (&pci.Assessment{Summary: tc.summary, Problems: tc.problems}).ExitCode(); got != tc.want {
			t.Errorf("%+v with %d problems: got %d, want %d", tc.summary, len(tc.problems), got, tc.want)
		}
	}
}

func TestOld(t *testing.T) {
	for _, tc := range []struct{ now, want string }{
		{"1.3.1", "1.2.1"},
		{"1.3.2", "1.2.1,1.3.4"},
		{"1.2.5,1.2.6", "1.1.6"},
		{"1.4.2", "1.3.1,1.3.2,1.3.5"},
		{"11.4.5", "11.3.4"},
		{"4.2.1", "4.1"},
		{"12.5.2", ""},
		{"", ""},
	} {
		got := pci.Old(strings.Split(tc.now, ","))
		slices.Sort(got)
		if strings.Join(got, ",") != tc.want || got == nil {
			t.Errorf("%s: got %v, want %s", tc.now, got, tc.want)
		}
	}
}

func TestSeverity(t *testing.T) {
	got := map[pci.Severity]pci.Severity{}
	for _, s := range pci.Severities() {
		got[s] = s.Up()
	}
	want := map[pci.Severity]pci.Severity{pci.Critical: pci.Critical, pci.High: pci.Critical, pci.Medium: pci.High, pci.Low: pci.Medium, pci.Info: pci.Info}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// inputOf is the way of the command on the small shop, with the objects in a given order.
func inputOf(t *testing.T, label pci.ScopeLabel, turn func([]*object.Object)) *pci.Input {
	t.Helper()
	objects := read(t, map[string]string{"shop.yaml": shop})
	turn(objects)
	c, problems := cluster.New(objects, cluster.Options{})
	prof, err := enforcer.Named("calico")
	if err != nil {
		t.Fatal(err)
	}
	set := kinds.Compile(c)
	scope, more := pci.ScopeOf(c, nil, label)
	return &pci.Input{Model: reach.Compile(c, set, prof), Cluster: c, Policies: set, Profile: prof, Scope: scope, LoadProblems: append(problems, more...)}
}

// ask is a check that says something about every workload.
func ask(id string, s pci.Status, needsScope bool) pci.Check {
	return pci.Check{
		ID: id, Title: "title of " + id, Severity: pci.Medium, Requirements: []string{"1.3.1", "1.2.6"}, Guidance: []string{"4.1"}, NeedsScope: needsScope,
		Run: func(in *pci.Input) []pci.Finding {
			var out []pci.Finding
			for _, w := range in.Cluster.Workloads {
				f := pci.Finding{Subject: w.Ref, Status: s, Message: "m", Population: pci.Population{Of: 3, Holds: 1, What: "pods"}, Severity: in.SeverityFor(pci.Medium, w)}
				if w.Ref.Name == "far" {
					f.Requirements = []string{"1.2.6"}
				}
				for e := range in.Model.Edges() {
					f.Witness = pci.WitnessOf(in.Model.Witness(e.Src, e.Dst, e.May))
					break
				}
				out = append(out, f)
			}
			return out
		},
	}
}

func catalogue() []pci.Check {
	return []pci.Check{
		ask("A-01", pci.Pass, false), ask("A-02", pci.Fail, true), ask("A-03", pci.Unknown, false), ask("A-04", pci.Accepted, false),
		{ID: "A-05", Title: "nothing", Severity: pci.Low, Run: func(*pci.Input) []pci.Finding { return nil }},
		ask("A-06", pci.Error, false), ask("A-07", pci.NotApplicable, false), ask("A-08", pci.Manual, false),
	}
}

func TestAssess(t *testing.T) {
	keep := func([]*object.Object) {}
	a := pci.Assess(inputOf(t, pci.ScopeLabel{Key: "app", Value: "pay"}, keep), catalogue())
	if want := (pci.Summary{Fail: 3, Unknown: 3, Error: 3, Manual: 3, Accepted: 3, NotApplicable: 3, Pass: 3}); a.Summary != want {
		t.Errorf("summary: got %+v, want %+v", a.Summary, want)
	}
	if want := (pci.Counts{Namespaces: 2, Workloads: 3, Pods: 3}); a.Population != want {
		t.Errorf("population: got %+v, want %+v", a.Population, want)
	}
	var order []string
	for _, f := range a.Findings {
		order = append(order, f.Check+" "+f.Subject.Name+" "+string(f.Severity))
	}
	if want := []string{"A-02 pay high", "A-02 web medium", "A-02 far medium"}; !cmp.Equal(want, order[:3]) {
		t.Errorf("worst first: got %v, want %v", order[:3], want)
	}
	if got := order[len(order)-1]; got != "A-01 far medium" {
		t.Errorf("what passed comes last: got %s", got)
	}
	f := a.Findings[2]
	if !cmp.Equal(f.Requirements, []string{"1.2.6"}) || !cmp.Equal(f.Requirements321, []string{"1.1.6"}) {
		t.Errorf("a finding may concern fewer requirements than its check: got %v, %v", f.Requirements, f.Requirements321)
	}
	if f.Title != "title of A-02" || len(f.Fingerprint) != 16 || f.Because == nil || f.Witness == nil || f.Witness.Protocol == "" {
		t.Errorf("not filled in: %+v", f)
	}
	var statuses []pci.Status
	for _, k := range a.Checks {
		statuses = append(statuses, k.Status)
	}
	if want := []pci.Status{"pass", "fail", "unknown", "accepted", "not-applicable", "error", "not-applicable", "manual"}; !cmp.Equal(want, statuses) {
		t.Errorf("checks: got %v, want %v", statuses, want)
	}
	if a.Checks[0].Population.Of != 3 || a.ExitCode() != 1 {
		t.Errorf("got population %v, exit code %d", a.Checks[0].Population, a.ExitCode())
	}
	sum := 0
	for _, k := range a.Scope.Classes {
		sum += k.Workloads
	}
	if a.Scope.Source != "label app=pay" || sum != 3 {
		t.Errorf("scope: got %+v", a.Scope)
	}
}

// TestAssessWithoutScope: a check that needs one asks for it, once.
func TestAssessWithoutScope(t *testing.T) {
	a := pci.Assess(inputOf(t, pci.ScopeLabel{}, func([]*object.Object) {}), []pci.Check{ask("A-02", pci.Fail, true)})
	if len(a.Findings) != 1 || a.Findings[0].Status != pci.Manual || !strings.Contains(a.Findings[0].Message, "--scope-label") || a.ExitCode() != 0 {
		t.Errorf("got %+v", a.Findings)
	}
	if a.Scope.Source != "" || len(a.Scope.Classes) != 0 {
		t.Errorf("nobody stated a scope: got %+v", a.Scope)
	}
}

// TestAssessIsDeterministic: the order of the input does not show in the record, and no array is null.
func TestAssessIsDeterministic(t *testing.T) {
	write := func(turn func([]*object.Object)) string {
		b, err := json.MarshalIndent(pci.Assess(inputOf(t, pci.ScopeLabel{Key: "app", Value: "pay"}, turn), catalogue()), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	want := write(func([]*object.Object) {})
	if diff := cmp.Diff(want, write(slices.Reverse[[]*object.Object])); diff != "" {
		t.Errorf("objects in reverse order (-want +got):\n%s", diff)
	}
	if strings.Contains(want, "null") {
		t.Errorf("an array is null:\n%s", want)
	}
}

// TestFingerprint: it is the same wherever the finding stands, and differs by subject, status and key.
func TestFingerprint(t *testing.T) {
	in := inputOf(t, pci.ScopeLabel{}, func([]*object.Object) {})
	mark := func(f pci.Finding) string {
		k := pci.Check{ID: "A-01", Run: func(*pci.Input) []pci.Finding { return []pci.Finding{f} }}
		return pci.Assess(in, []pci.Check{k}).Findings[0].Fingerprint
	}
	base := pci.Finding{Status: pci.Fail, Subject: object.Ref{Kind: "Pod", Namespace: "a", Name: "b"}, Key: "k"}
	moved := base
	moved.Pos, moved.Message = object.Pos{File: "x", Line: 9}, "other words"
	if mark(base) != mark(moved) {
		t.Error("lines and words must not go into the fingerprint")
	}
	for _, change := range []func(*pci.Finding){
		func(f *pci.Finding) { f.Status = pci.Unknown },
		func(f *pci.Finding) { f.Subject.Name = "c" },
		func(f *pci.Finding) { f.Subject.Group = "apps" },
		func(f *pci.Finding) { f.Key = "l" },
	} {
		other := base
		change(&other)
		if mark(base) == mark(other) {
			t.Errorf("%+v has the fingerprint of %+v", other, base)
		}
	}
}

func TestConversions(t *testing.T) {
	pos, ref := object.Pos{File: "f", Line: 3}, object.Ref{Kind: "Pod", Name: "p"}
	if diff := cmp.Diff([]pci.Because{{Ref: ref, Pos: pos, Msg: "m"}}, pci.ReasonsOf([]reach.Reason{{Code: "c", Msg: "m", Pos: pos, Ref: ref}})); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	w := pci.WitnessOf(reach.Witness{Src: "a", Dst: "b", SrcAddr: "10.0.0.1", DstAddr: "10.0.0.2", Protocol: netset.UDP, Port: 53})
	if diff := cmp.Diff(&pci.Witness{Src: "a", Dst: "b", SrcAddress: "10.0.0.1", DstAddress: "10.0.0.2", Protocol: "UDP", Port: 53, Text: w.Text}, w); diff != "" || w.Text == "" {
		t.Errorf("witness (-want +got):\n%s", diff)
	}
}
