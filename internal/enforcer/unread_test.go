package enforcer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
)

// The parts of policies that engines do not read, with the line of the first in each policy.
func TestUnread(t *testing.T) {
	const docs = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: ns, annotations: {endPort: "no field"}}
spec:
  podSelector: {}
  ingress:
    - ports: [{port: 1, protocol: TCP}]
    - ports:
        - {port: 1, endPort: 5}
        - {port: 1, endPort: 6}
        - {port: 1, protocol: SCTP}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: b, namespace: ns}
spec: {podSelector: {}, egress: [{ports: [{port: 1, endPort: null}]}]}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: c, namespace: ns}
specs: [{ingress: [{toPorts: [{ports: [{port: "1", endPort: 5, protocol: TCP}]}]}]}]
---
apiVersion: v1
kind: Service
metadata: {name: s, namespace: ns}
spec: {ports: [{port: 1, protocol: SCTP}]}
`
	c, _ := cluster.New(parse(t, strings.Split(docs, "\n---\n")...), cluster.Options{})
	old, _ := enforcer.Named("cilium")
	old.EndPort = enforcer.No
	for _, tt := range []struct {
		name    string
		profile func() enforcer.Profile
		want    []string
	}{
		{"all is read", named(t, "calico"), nil},
		{"weave", named(t, "weave"), []string{"a endPort no, line 9", "a SCTP unknown, line 11"}},
		{"azure", named(t, "azure"), []string{"a endPort unknown, line 9", "a SCTP unknown, line 11"}},
		{"an old cilium", func() enforcer.Profile { return old }, []string{"c endPort no, line 21", "a endPort no, line 9", "a SCTP unknown, line 11"}},
		{"nothing enforces", named(t, "none"), nil},
		{"not known", named(t, "unknown"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, u := range tt.profile().Unread(c) {
				got = append(got, fmt.Sprintf("%s %s %s, line %d", u.Ref.Name, u.Feature, u.Honour, u.Pos.Line))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func named(t *testing.T, name string) func() enforcer.Profile {
	t.Helper()
	p, err := enforcer.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return func() enforcer.Profile { return p }
}
