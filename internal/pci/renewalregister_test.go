package pci_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

const earlierIntent = head + `  zones:
    - {name: card, scope: cde, podSelector: {matchLabels: {app: pay}}}
    - {name: bank, scope: connected-to, cidrs: [203.0.113.0/24]}
  entries:
    - {service: a/front, justification: j}
  needs:
    - {id: F-1, from: a/web, to: card, ports: tcp/80, justification: j, approved: "2026-01-01", protection: none}
    - {id: F-2, from: a/web, to: bank, ports: tcp/80, justification: j, approved: "2026-01-01"}
  exceptions:
    - {id: E-1, check: DEN-01, subject: a/web, reason: r, owner: o, approver: p, expires: "2026-06-30"}
  protectedLabels: [{key: app, values: [pay]}]
  externalParties: [{name: B, zones: [bank], service: s, attestedUntil: "2026-03-05"}]
`

const laterIntent = head + `  zones:
    - {name: card, scope: cde, podSelector: {matchLabels: {app: pay}}, owner: o}
    - {name: bank, scope: connected-to, cidrs: [203.0.113.0/24, 198.51.100.0/24]}
  entries:
    - {workload: a/web, justification: j, owner: o, review: "2026-02-28"}
  needs:
    - {id: F-1, from: a/web, to: card, ports: tcp/443, justification: j, owner: o, approved: "2026-01-01", protection: tls}
    - {id: F-2, from: a/web, to: bank, ports: tcp/80, justification: j}
    - {id: F-3, from: a/web, to: bank, ports: tcp/81, proposed: true}
    - {id: F-4, from: a/web, to: bank, ports: tcp/82, justification: j, expires: "2026-02-01"}
  exceptions:
    - {id: E-1, check: DEN-01, subject: a/web, reason: r, owner: o, approver: p, expires: "2026-03-20"}
  protectedLabels: [{key: app, values: [pay, web]}]
  reviews: [{of: rules, done: "2025-09-01", by: net team}, {of: scope, done: "2026-01-01", by: q}]
`

const ways = `apiVersion: v1
kind: Service
metadata: {name: front, namespace: a}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 443}]}
`

// TestRenewDeclared: what is declared is compared field by field, and every day is told once it is near.
func TestRenewDeclared(t *testing.T) {
	then := state(t, read(t, map[string]string{"shop.yaml": shop, "s.yaml": earlierIntent}), "")
	now := state(t, read(t, map[string]string{"shop.yaml": shop, "s.yaml": laterIntent, "w.yaml": ways}), "2026-03-01")
	name := func(p reach.Peer) string { return p.String() }
	show := func(r *pci.Renewal) []string {
		var out []string
		for _, i := range r.Items {
			if i.Section == pci.Allows || i.Section == pci.Controls {
				continue
			}
			act := " "
			if i.Act {
				act = "!"
			}
			out = append(out, fmt.Sprintf("%s%s %s %s|%s|%s|%s|%s", act, i.Section, i.State, i.What, i.Before, i.Now, i.Need, i.Day))
		}
		return out
	}
	want := []string{
		"!due proposed approval of need F-3||||",
		"!due ended end of need F-4||||2026-02-01",
		"!due overdue review of entry a/web||||2026-02-28",
		"!due undated review of need F-2||||",
		"!due never review of who may do what||||",
		"!due never test of the segmentation||||",
		" due soon end of exception E-1 (DEN-01 for a/web)||||2026-03-20",
		" due soon review of the rules||||2026-03-01",
		" ways in added LoadBalancer Service a/front tcp/443|||a/web|",
		" ways in added NodePort Service a/front tcp|||a/web|",
		" register removed entry a/front||||",
		" register added entry a/web||||",
		" register changed exception E-1|expires: 2026-06-30|expires: 2026-03-20||",
		" register removed external party B||||",
		" register changed need F-1|ports: tcp/80; owner: -; protection: none|ports: tcp/443; owner: o; protection: tls||",
		" register changed need F-2|approved: 2026-01-01|approved: -||",
		" register added need F-3||||",
		" register added need F-4||||",
		` register changed protected label app|values: ["pay"]|values: ["pay","web"]||`,
		` register changed zone bank|cidrs: ["203.0.113.0/24"]|cidrs: ["203.0.113.0/24","198.51.100.0/24"]||`,
		" register changed zone card|owner: -|owner: o||",
	}
	if diff := cmp.Diff(want, show(pci.Renew(then, now, name))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The other way round, on a day when an attestation is about to end.
	then.Today = "2026-03-01"
	back := show(pci.Renew(now, then, name))
	for _, want := range []string{" due soon attestation of B||||2026-03-05", " ways in removed LoadBalancer Service a/front tcp/443||||", " register removed need F-3||||"} {
		if !slices.Contains(back, want) {
			t.Errorf("%q is not in %q", want, back)
		}
	}
	now.Intent = nil
	if none := show(pci.Renew(then, now, name)); !slices.Contains(none, "!due never a flow register: no Segmentation is in the input||||") || !slices.Contains(none, "!ways in added LoadBalancer Service a/front tcp/443||||") {
		t.Errorf("without an intent: %q", none)
	}
}
