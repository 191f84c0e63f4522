package pci_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// state is everything that a review needs of objects.
func state(t *testing.T, objects []*object.Object, today string) pci.ReviewInput {
	t.Helper()
	c, _ := cluster.New(objects, cluster.Options{})
	prof, err := enforcer.Named("calico")
	if err != nil {
		t.Fatal(err)
	}
	set := kinds.Compile(c)
	in := &pci.Input{Model: reach.Compile(c, set, prof), Cluster: c, Policies: set, Profile: prof, Exposure: exposure.Find(c), Today: today}
	in.Intent, _ = pci.ReadIntent(c)
	in.Scope, _ = pci.ScopeOf(c, in.Intent, pci.ScopeLabel{})
	return pci.ReviewInput{Input: in, Objects: c.Objects}
}

const closed = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: a, resourceVersion: "1"}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
`

const opened = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: a, resourceVersion: "2"}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: pay, namespace: a}
spec: {podSelector: {matchLabels: {app: pay}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 443}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: a}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: pay}}}], ports: [{port: 443}]}]}
`

const meant = head + `  zones: [{name: card, scope: cde, podSelector: {matchLabels: {app: pay}}}]
  needs:
    - {id: F-1, from: a/web, to: card, ports: PORTS, justification: j, owner: o, approved: "2026-01-01"}
`

// TestRenew: a new connection is to be acted on unless a need covers all of it; what an API server writes into an
// object is no change; the order of the input plays no part.
func TestRenew(t *testing.T) {
	name := func(p reach.Peer) string { return p.String() }
	for ports, act := range map[string]bool{"tcp/443": false, "tcp/80": true, "all": false} {
		then := read(t, map[string]string{"shop.yaml": shop, "p.yaml": closed, "s.yaml": strings.Replace(meant, "PORTS", ports, 1)})
		now := read(t, map[string]string{"shop.yaml": shop, "p.yaml": opened, "s.yaml": strings.Replace(meant, "PORTS", ports, 1)})
		r := pci.Renew(state(t, then, ""), state(t, now, "2026-03-01"), name)
		var got []string
		for _, i := range r.Items {
			if i.Section != pci.DueItems {
				got = append(got, string(i.Section)+" "+i.State+" "+i.What+" "+i.Now+i.Before+" "+i.Need)
			}
			if i.Section == pci.Allows && i.Act != act {
				t.Errorf("need of %s: %+v", ports, i)
			}
		}
		need := "F-1"
		if act {
			need = ""
		}
		want := []string{"allows added Pod a/web -> Pod a/pay tcp/443 " + need, "controls added NetworkPolicy a/pay  ", "controls added NetworkPolicy a/web  "}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		slices.Reverse(then)
		slices.Reverse(now)
		again := pci.Renew(state(t, then, ""), state(t, now, "2026-03-01"), name)
		a, _ := json.Marshal(r)
		b, _ := json.Marshal(again)
		if string(a) != string(b) {
			t.Errorf("in another order:\n%s\n%s", a, b)
		}
		if back := pci.Renew(state(t, now, ""), state(t, then, "2026-03-01"), name); back.ExitCode() != 1 { // nothing was ever reviewed
			t.Errorf("exit code %d", back.ExitCode())
		}
	}
}

// TestRenewalExitCode: to act on, then undecided or lost, then nothing.
func TestRenewalExitCode(t *testing.T) {
	for _, tc := range []struct {
		r    pci.Renewal
		want int
	}{
		{pci.Renewal{}, 0},
		{pci.Renewal{Items: []pci.RenewalItem{{State: "soon"}, {State: "removed"}}}, 0},
		{pci.Renewal{Items: []pci.RenewalItem{{State: "undecided"}}}, 3},
		{pci.Renewal{Problems: []object.Problem{{Severity: object.Error}}}, 3},
		{pci.Renewal{Problems: []object.Problem{{Severity: object.Warning}}}, 0},
		{pci.Renewal{Items: []pci.RenewalItem{{State: "undecided"}, {State: "overdue", Act: true}}}, 1},
	} {
		if got := tc.r.ExitCode(); got != tc.want {
			t.Errorf("%+v: got %d, want %d", tc.r, got, tc.want)
		}
	}
}
