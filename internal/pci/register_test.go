package pci_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// TestRegisterProblems: the register and what stands around it, one mistake each, with its line.
func TestRegisterProblems(t *testing.T) {
	const zones = "  zones: [{name: z, scope: cde, namespaces: [a]}, {name: bank, scope: connected-to, cidrs: [203.0.113.0/24]}]\n"
	const whole = "id: F-1, from: z, to: a/web, ports: tcp/80, justification: j"
	in := func(list, fields string) string { return zones + "  " + list + ":\n    - {" + fields + "}\n" }
	for name, tc := range map[string]struct {
		spec string
		want string // begins after "s.yaml:", "" for no problem
		// what is declared in the end: needs, proposed, labels, reviews, parties
		counts [5]int
	}{
		"full need":               {in("needs", whole+`, owner: o, author: u, approver: p, approved: "2026-01-31", reviewed: "2026-02-01", reviewer: r, review: "2026-07-31", expires: "2027-01-01", dataClass: none, protection: tls, mitigation: m, ticket: T-1`), "", [5]int{1}},
		"proposed":                {in("needs", "id: F-1, from: z, to: a/web, ports: tcp/80, proposed: true"), "", [5]int{0, 1}},
		"proposed with reasons":   {in("needs", whole+", owner: o, proposed: true"), "", [5]int{0, 1}},
		"proposed, yet approved":  {in("needs", whole+", approver: p, proposed: true"), "7 error need F-1 is proposed and approved", [5]int{0, 1}},
		"proposed twice":          {in("needs", whole+"}\n    - {"+whole+", proposed: true"), "8 error need F-1 is declared twice", [5]int{1}},
		"proposed from nowhere":   {in("needs", "id: F-1, from: zz, to: z, ports: all, proposed: true"), "7 error need F-1: zz is no zone", [5]int{0, 1}},
		"a word for true":         {in("needs", whole+`, proposed: "true"`), "7 error spec.needs[0].proposed: want true or false, got a string", [5]int{}},
		"blank justification":     {in("needs", `id: F-1, from: z, to: a/web, ports: tcp/80, justification: " "`), "7 error need F-1 has no justification", [5]int{}},
		"only an empty id":        {in("needs", `id: ""`), "7 error a need without anything", [5]int{}},
		"bad expiry":              {in("needs", whole+", expires: never"), `7 error need F-1: expires: "never" is no date`, [5]int{}},
		"no such day":             {in("needs", whole+`, reviewed: "2026-02-30"`), `7 error need F-1: reviewed: "2026-02-30" is no date`, [5]int{}},
		"unknown protection":      {in("needs", whole+", protection: TLS"), `7 error need F-1: protection: "TLS" is not known`, [5]int{}},
		"entry with a bad day":    {in("entries", "service: a/web, justification: j, review: soon"), `7 error entry a/web: review: "soon" is no date`, [5]int{}},
		"label":                   {in("protectedLabels", `key: tier, values: [db], writers: [Group platform, "User a b", ServiceAccount a/deployer], reason: r`), "", [5]int{2: 1}},
		"label without a key":     {in("protectedLabels", "values: [db]"), "7 error a protected label without a key", [5]int{}},
		"label of nobody":         {in("protectedLabels", "key: tier, writers: [platform]"), `7 error protected label tier: writer "platform" is nobody`, [5]int{}},
		"account without a place": {in("protectedLabels", "key: tier, writers: [ServiceAccount deployer]"), `7 error protected label tier: writer "ServiceAccount deployer" is nobody`, [5]int{}},
		"review":                  {in("reviews", `of: rules, done: "2026-05-01", by: someone, reference: R-1`), "", [5]int{3: 1}},
		"review of what":          {in("reviews", `of: everything, done: "2026-05-01", by: someone`), `7 error a review: of: "everything" is not known`, [5]int{}},
		"review of a day":         {in("reviews", "of: rules, done: May, by: someone"), `7 error review of rules: done: "May" is no date`, [5]int{}},
		"review by nobody":        {in("reviews", `of: rules, done: "2026-05-01"`), "7 error a review without by does not count", [5]int{}},
		"party":                   {in("externalParties", `name: The Bank, zones: [bank], service: pays out, owner: o, attestedUntil: "2027-01-31", reference: R-2`), "", [5]int{4: 1}},
		"party nowhere":           {in("externalParties", "name: The Bank, zones: [moon], service: pays out"), "7 error external party The Bank: there is no zone moon", [5]int{4: 1}},
		"party inside":            {in("externalParties", "name: The Bank, zones: [z], service: pays out"), "7 error external party The Bank: zone z is inside of the cluster", [5]int{4: 1}},
		"party for nothing":       {in("externalParties", "name: The Bank, zones: [bank]"), "7 error external party The Bank has no service", [5]int{}},
		"party twice":             {in("externalParties", "name: B, zones: [bank], service: s}\n    - {name: B, zones: [bank], service: s"), "8 error external party B is declared twice", [5]int{4: 1}},
		"periods":                 {zones + "  periods: {rules: 3, scope: 12, segmentationTest: 6, access: 6}\n", "", [5]int{}},
		"too long a period":       {zones + "  periods: {rules: 12}\n", "6 error periods.rules: 12 months are longer than the 6 of PCI DSS 1.2.7", [5]int{}},
		"too long for a provider": {zones + "  periods: {serviceProvider: true, scope: 12}\n", "6 error periods.scope: 12 months are longer than the 6 of PCI DSS 12.5.2.1", [5]int{}},
		"no period":               {zones + "  periods: {scope: 0}\n", "6 error periods.scope: 0 is no period", [5]int{}},
		"a word for a period":     {zones + "  periods: {rules: six}\n", "6 error spec.periods.rules: want a number, got a string", [5]int{}},
		"unknown period":          {zones + "  periods: {rule: 6}\n", "6 error spec.periods.rule: unknown field", [5]int{}},
		"nothing in a list":       {zones + "  reviews: [null]\n", "6 error a review without of", [5]int{}},
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
			if counts := [5]int{len(in.Needs), len(in.Proposed), len(in.ProtectedLabels), len(in.Reviews), len(in.ExternalParties)}; counts != tc.counts {
				t.Errorf("needs, proposed, labels, reviews, parties: got %v, want %v", counts, tc.counts)
			}
		})
	}
}

// TestMonths: the shorter of what is declared and what the standard asks for, whatever the order of the objects.
func TestMonths(t *testing.T) {
	for name, tc := range map[string]struct {
		spec string
		want string
	}{
		"default":       {"  zones: []\n", "6 1.2.7, 12 12.5.2, 12 11.4.5, 6 7.2.4"},
		"provider":      {"  periods: {serviceProvider: true}\n", "6 1.2.7, 6 12.5.2.1, 6 11.4.6, 6 7.2.4"},
		"shorter":       {"  periods: {scope: 3, access: 1}\n", "6 1.2.7, 3 12.5.2, 12 11.4.5, 1 7.2.4"},
		"longer":        {"  periods: {rules: 99}\n", "6 1.2.7, 12 12.5.2, 12 11.4.5, 6 7.2.4"},
		"two objects":   {"  periods: {scope: 10}\n---\n" + strings.Replace(head, "name: s", "name: t", 1) + "  periods: {scope: 9}\n", "6 1.2.7, 9 12.5.2, 12 11.4.5, 6 7.2.4"},
		"the other way": {"  periods: {scope: 9}\n---\n" + strings.Replace(head, "name: s", "name: t", 1) + "  periods: {scope: 10}\n", "6 1.2.7, 9 12.5.2, 12 11.4.5, 6 7.2.4"},
	} {
		_, in, _ := build(t, head+tc.spec)
		var got []string
		for _, d := range in.Dues() {
			got = append(got, fmt.Sprint(d.Months, " ", d.Requirement))
		}
		if s := strings.Join(got, ", "); s != tc.want {
			t.Errorf("%s: got %s, want %s", name, s, tc.want)
		}
	}
}

// TestDues: the last review counts, wherever it stands; months end where there is no such day.
func TestDues(t *testing.T) {
	_, in, problems := build(t, head+`  reviews:
    - {of: rules, done: "2025-08-31", by: a}
    - {of: rules, done: "2025-02-28", by: b}
    - {of: scope, done: "2024-02-29", by: c}
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got := map[string]string{}
	for _, d := range in.Dues() {
		by := "nobody"
		if d.Last != nil {
			by = d.Last.By
		}
		got[d.Of] = by + " " + d.Until
	}
	for of, want := range map[string]string{"rules": "a 2026-02-28", "scope": "c 2025-02-28", "segmentation-test": "nobody ", "access": "nobody "} {
		if got[of] != want {
			t.Errorf("%s: got %q, want %q", of, got[of], want)
		}
	}
}

func TestReviewDue(t *testing.T) {
	for dates, want := range map[string]string{
		``:                       "",
		`, review: "2026-07-31"`: "2026-07-31",
		`, approved: "2026-01-31", review: "2030-01-01"`:                         "2026-07-31", // a later day is not what the standard asks for
		`, approved: "2026-01-31", review: "2026-03-01"`:                         "2026-03-01",
		`, approved: "2025-01-31", reviewed: "2026-01-31"`:                       "2026-07-31",
		`, approved: "2026-08-31", reviewed: "2020-01-31", review: "2027-03-01"`: "2027-02-28",
	} {
		_, in, problems := build(t, head+"  needs:\n    - {id: F-1, from: a/pay, to: a/web, ports: tcp/80, justification: j"+dates+"}\n")
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if got := in.ReviewDue(&in.Needs[0]); got != want {
			t.Errorf("%s: got %q, want %q", dates, got, want)
		}
	}
}

// TestNeedHolds: to its last day, and without a day to judge by a need that ends does not hold.
func TestNeedHolds(t *testing.T) {
	n := pci.Need{}
	n.Expires = "2026-06-30"
	for day, want := range map[string]bool{"2026-06-30": true, "2026-07-01": false, "": false} {
		if n.HoldsOn(day) != want {
			t.Errorf("on %q: got %v", day, !want)
		}
	}
	if forever := (pci.Need{}); !forever.HoldsOn("") || !forever.HoldsOn("2099-01-01") {
		t.Error("a need without an end always holds")
	}
}
