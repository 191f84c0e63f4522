package reach_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// inTurn follows events in the order given and checks after each that the live model answers as a fresh one. An event
// is an object, or "gone" and its place among those that came. All are followed in place but those that full names.
func inTurn(t *testing.T, base string, events []string, full ...int) {
	t.Helper()
	read := func(text string) []*object.Object {
		objects, problems, _ := load.Parse([]byte(text), "in.yaml", load.Limits{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return objects
	}
	prof := must(enforcer.Named("calico"))
	pool := newPool(read(base))
	now := map[object.Ref]*object.Object{}
	for _, ref := range pool.refs {
		now[ref] = pool.versions[ref][0]
	}
	fresh := func() *reach.Model {
		var list []*object.Object
		for _, o := range now {
			list = append(list, o)
		}
		c, _ := cluster.New(list, cluster.Options{})
		return reach.Compile(c, kinds.Compile(c), prof)
	}
	l := reach.NewLive(fresh().Cluster(), cluster.Options{}, prof)
	came := make([]object.Ref, len(events))
	for i, text := range events {
		var e reach.Event
		if which, gone := strings.CutPrefix(text, "gone "); gone {
			var n int
			if _, err := fmt.Sscan(which, &n); err != nil {
				t.Fatal(err)
			}
			e.Ref = came[n]
			delete(now, e.Ref)
		} else {
			o := newPool(read(text)).versions
			for ref, list := range o {
				e, came[i], now[ref] = reach.Event{Ref: ref, Object: list[0]}, ref, list[0]
			}
		}
		u := l.Apply(e)
		if diff := firstDifference(answers(fresh()), answers(l.Model())); diff != "" {
			t.Fatalf("event %d, %s, followed %s:\n%s", i, e.Ref, u.How, diff)
		}
		want := reach.InPlace
		for _, n := range full {
			if n == i {
				want = reach.Full
			}
		}
		if u.How != want {
			t.Errorf("event %d, %s, was followed %s", i, e.Ref, u.How)
		}
	}
}

const twoPods = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c}]}
status: {podIP: 10.1.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: db-1, namespace: shop, labels: {app: db}}
spec: {containers: [{name: c}]}
status: {podIP: 10.1.0.2}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: labels, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{namespaceSelector: {matchLabels: {team: a}}, podSelector: {matchLabels: {app: web}}}]}]
`

func calicoPolicy(kind, name, spec string) string {
	meta := "{name: " + name + ", namespace: shop}"
	if kind == "GlobalNetworkPolicy" {
		meta = "{name: " + name + "}"
	}
	return "apiVersion: projectcalico.org/v3\nkind: " + kind + "\nmetadata: " + meta + "\nspec: {" + spec + "}\n"
}

// TestLiveTies: two policies of one place in a tier have no order where the name of one begins with that of the tier and
// the other's does not. Each means something else while the other is there.
func TestLiveTies(t *testing.T) {
	deny := "order: 5, selector: app == 'db', types: [Ingress], ingress: [{action: Deny, source: {selector: app == 'web'}}]"
	allow := "order: 5, selector: app == 'db', types: [Ingress], ingress: [{action: Allow, source: {selector: app == 'web'}}]"
	later := strings.Replace(allow, "order: 5", "order: 6", 1)
	for _, kind := range []string{"NetworkPolicy", "GlobalNetworkPolicy"} {
		t.Run(kind, func(t *testing.T) {
			bare, stored := calicoPolicy(kind, "b", deny), calicoPolicy(kind, "default.a", allow)
			inTurn(t, twoPods, []string{bare, stored, "gone 0", bare, "gone 1", stored, calicoPolicy(kind, "default.a", later), stored})
			inTurn(t, twoPods, []string{calicoPolicy(kind, "c", allow), calicoPolicy(kind, "default.d", deny), "gone 0", calicoPolicy(kind, "default.c", allow), "gone 1"})
			inTurn(t, twoPods, []string{calicoPolicy("NetworkPolicy", "c", allow), calicoPolicy("GlobalNetworkPolicy", "d", deny), "gone 0", "gone 1"})
		})
	}
}

// TestLivePodsOfKind: what Calico policies ask of all pods is asked again after changes that nobody looked at because
// there was no such policy.
func TestLivePodsOfKind(t *testing.T) {
	byTeam := calicoPolicy("NetworkPolicy", "team", "selector: app == 'db', types: [Ingress], ingress: [{action: Allow, source: {namespaceSelector: team == 'a', selector: app == 'web'}}]")
	special := `
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web, pcns.team: c}}
spec: {containers: [{name: c}]}
status: {podIP: 10.1.0.1}
`
	inTurn(t, twoPods, []string{byTeam, "gone 0", special, byTeam}, 3)
	inTurn(t, twoPods, []string{byTeam, special}, 1)
}
