package pci_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

const excepted = `
apiVersion: bulkhead.dev/v1alpha1
kind: Segmentation
metadata: {name: s}
spec:
  exceptions:
  - {id: E-1, check: A-1, subject: Deployment shop/web, reason: r, owner: o, approver: p, expires: "2026-06-30"}
  - {id: E-2, check: A-1, subject: pay/*, reason: r, owner: o, approver: p, expires: "2026-06-30"}
  - {id: E-3, check: A-1, subject: shop/gone, reason: r, owner: o, approver: p, expires: "2026-06-30"}
  - {id: E-4, check: Z-9, subject: shop/web, reason: r, owner: o, approver: p, expires: "2026-06-30"}
  - {id: E-5, check: A-2, subject: shop/web, reason: r, owner: o, approver: p, expires: "2025-06-30"}
  - {id: E-6, check: A-2, subject: shop/db, reason: r, owner: o, approver: p, expires: soon}
  - {id: E-7, check: A-2, subject: shop/db, reason: r, owner: o, expires: "2026-06-30"}
  - {id: E-1, check: A-2, subject: shop/db, reason: r, owner: o, approver: p, expires: "2026-06-30"}
  - {id: E-8, check: A-2, subject: shop/db, resaon: r, owner: o, approver: p, expires: "2026-06-30"}
`

func excuse(t *testing.T, today string) (map[string]pci.Finding, []object.Problem, []object.Problem, *pci.Assessment) {
	t.Helper()
	objects, problems, _ := load.Parse([]byte(excepted), "s.yaml", load.Limits{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c, _ := cluster.New(objects, cluster.Options{})
	intent, bad := pci.ReadIntent(c)
	find := func(ns, name string) pci.Finding {
		return pci.Finding{Status: pci.Fail, Subject: object.Ref{Kind: "Deployment", Namespace: ns, Name: name}, Message: ns + "/" + name}
	}
	all := []pci.Finding{find("shop", "web"), find("shop", "db"), find("pay", "api"), {Status: pci.Unknown, Subject: object.Ref{Kind: "Deployment", Namespace: "pay", Name: "job"}}}
	run := func(*pci.Input) []pci.Finding { return append([]pci.Finding{}, all...) }
	in := &pci.Input{Model: reach.Compile(c, policy.Set{}, enforcer.Profile{}), Cluster: c, Intent: intent, Today: today}
	a := pci.Assess(in, []pci.Check{{ID: "A-1", Run: run}, {ID: "A-2", Run: run}})
	got := map[string]pci.Finding{}
	for _, f := range a.Findings {
		got[f.Check+" "+f.Subject.Namespace+"/"+f.Subject.Name] = f
	}
	return got, bad, a.Problems, a
}

func TestExceptions(t *testing.T) {
	got, bad, problems, a := excuse(t, "2026-06-30")
	for key, want := range map[string]pci.Status{
		"A-1 shop/web": pci.Accepted, "A-1 shop/db": pci.Fail, "A-1 pay/api": pci.Accepted, "A-1 pay/job": pci.Unknown,
		"A-2 shop/web": pci.Fail, "A-2 shop/db": pci.Fail, "A-2 pay/api": pci.Fail,
	} {
		if got[key].Status != want {
			t.Errorf("%s: got %s, want %s", key, got[key].Status, want)
		}
	}
	if b := got["A-1 shop/web"].Because; len(b) != 1 || b[0].Pos.Line != 7 || !strings.HasPrefix(b[0].Msg, "exception E-1 of o, approved by p, until 2026-06-30") {
		t.Errorf("because %+v", b)
	}
	if b := got["A-2 shop/web"].Because; len(b) != 1 || !strings.Contains(b[0].Msg, "ended on 2025-06-30") {
		t.Errorf("because %+v", b)
	}
	if a.Summary.Accepted != 2 || a.Judged != "2026-06-30" {
		t.Errorf("summary %+v, judged %q", a.Summary, a.Judged)
	}
	var said []string
	for _, p := range append(bad, problems...) {
		said = append(said, p.String())
	}
	for _, want := range []string{
		"s.yaml:12: Segmentation s: exception E-6: expires", "s.yaml:13: Segmentation s: exception E-7 has no approver", "s.yaml:14: Segmentation s: exception E-1 is declared twice", "s.yaml:15: Segmentation s: spec.exceptions[8].resaon",
		"s.yaml:9: Segmentation s: exception E-3: A-1 finds nothing", "s.yaml:10: Segmentation s: exception E-4: there is no check Z-9", "s.yaml:11: Segmentation s: exception E-5: it ended",
	} {
		if !strings.Contains(strings.Join(said, "\n"), want) {
			t.Errorf("%q is not said in:\n%s", want, strings.Join(said, "\n"))
		}
	}
}

// TestExceptionStates: the record has every exception with what became of it.
func TestExceptionStates(t *testing.T) {
	_, _, _, a := excuse(t, "2026-06-30")
	var got []string
	for _, e := range a.Exceptions {
		got = append(got, fmt.Sprintf("%s:%d %s %s %d %s", e.Pos.File, e.Pos.Line, e.ID, e.State, e.Findings, e.Fault))
	}
	want := []string{
		"s.yaml:7 E-1 matched 1 ", "s.yaml:14 E-1 invalid 0 exception E-1 is declared twice; this one accepts nothing", "s.yaml:8 E-2 matched 1 ", "s.yaml:9 E-3 unused 0 ",
		"s.yaml:10 E-4 invalid 0 there is no check Z-9", "s.yaml:11 E-5 expired 1 ", `s.yaml:12 E-6 invalid 0 exception E-6: expires: "soon" is no date, so the exception accepts nothing`,
		"s.yaml:13 E-7 invalid 0 exception E-7 has no approver and accepts nothing", "s.yaml:15 E-8 invalid 0 part of it is not understood",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNeedEnded: a need that ended is told, and the day that it was judged by.
func TestNeedEnded(t *testing.T) {
	c, intent, _ := build(t, head+`  needs:
    - {id: F-1, from: a/web, to: a/pay, ports: tcp/1, justification: j, expires: "2026-06-30"}
`)
	in := &pci.Input{Model: reach.Compile(c, policy.Set{}, enforcer.Profile{}), Cluster: c, Intent: intent}
	for today, want := range map[string]string{"2026-06-30": "", "2026-07-01": "ended on 2026-06-30", "": "the day to judge by is not known"} {
		in.Today = today
		a := pci.Assess(in, nil)
		if got := fmt.Sprint(a.Problems); !strings.Contains(got, want) || (want == "") != (len(a.Problems) == 0) || a.Judged != today {
			t.Errorf("on %q: got %s, judged %q", today, got, a.Judged)
		}
	}
}

// TestExceptionsEnd: the day after, and without a day, nothing is accepted.
func TestExceptionsEnd(t *testing.T) {
	for _, today := range []string{"2026-07-01", ""} {
		got, _, _, a := excuse(t, today)
		if got["A-1 shop/web"].Status != pci.Fail || a.Summary.Accepted != 0 || len(got["A-1 shop/web"].Because) != 1 {
			t.Errorf("on %q: %+v", today, got["A-1 shop/web"])
		}
	}
}
