package exposure_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "172.32.0.1": true, "2001:db8::1": true, "::ffff:8.8.8.8": true, "100.128.0.1": true,
		"10.1.2.3": false, "172.31.0.1": false, "192.168.0.1": false, "100.64.0.1": false, "127.0.0.1": false, "169.254.1.1": false,
		"fd00::1": false, "fe80::1": false, "::1": false, "::ffff:10.0.0.1": false, "0.0.0.0": false, "224.0.0.1": false,
	} {
		if got := exposure.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s): got %t, want %t", text, got, want)
		}
	}
}

// A name for a host outside is no way in, and kept as a way out.
func TestAliases(t *testing.T) {
	set := find(t, `
apiVersion: v1
kind: Service
metadata: {name: pay, namespace: b}
spec:
  type: ExternalName
  externalName: pay.example.com
---
{apiVersion: v1, kind: Service, metadata: {name: db, namespace: a}, spec: {type: ExternalName, externalName: db.b.svc.cluster.local, ports: [{port: 5432}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: plain, namespace: a}, spec: {externalName: ignored.example.com, ports: [{port: 1}]}}
`, cluster.Options{})
	var got []string
	for _, a := range set.Aliases {
		got = append(got, fmt.Sprintf("%s %s %s", a.Pos, a.Ref, a.Host))
	}
	want := []string{"in.yaml:9 Service a/db db.b.svc.cluster.local", "in.yaml:7 Service b/pay pay.example.com"}
	if d := cmp.Diff(want, got); d != "" || len(set.Entries) > 0 {
		t.Errorf("aliases (-want +got):\n%s%s", d, lines(set))
	}
}

// routesOfAll is a routing object of each kind with who serves it, all of one cluster.
func routesOfAll() string {
	parts := []string{
		edge, gatewayOf(httpAll + ", {name: b, port: 443, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector}}}"),
		routeOf("HTTPRoute", toGW+"hostnames: [a, b], "+toWeb), routeOf("TCPRoute", toGW+toWeb),
		strings.TrimPrefix(mesh, shop), istioGateway(http80), virtualService(bound + httpWeb),
		strings.TrimPrefix(openshift, shop), openshiftRoute("to: {kind: Service, name: web}") + "---\n",
		strings.TrimPrefix(traefik(traefikArgs), shop), ingressRoute("IngressRoute", "routes: [{match: 'Host(`a`)', services: [{name: web, port: 80}]}]"),
		strings.TrimPrefix(contourWith(""), shop), httpProxy("p", "virtualhost: {fqdn: a}, includes: [{name: q}], routes: [{services: [{name: web, port: 80}]}]"), httpProxy("q", "routes: [{services: [{name: pay, port: 80}]}]"),
	}
	return "\n---\n" + strings.TrimSuffix(strings.TrimSpace(strings.Join(parts, "\n")), "---")
}

// The order of the input must not show in the result.
func TestOrder(t *testing.T) {
	objs := objects(t, controllers+ingressRules+web+routesOfAll()+`
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: LoadBalancer, externalIPs: [203.0.113.9, 10.0.0.9], selector: {app: web}, loadBalancerSourceRanges: [nonsense], ports: [{port: 443, name: a}, {port: 80, name: b}]}
`)
	render := func(objs []*object.Object) string {
		c, _ := cluster.New(objs, cluster.Options{})
		set := exposure.Find(c)
		var b strings.Builder
		for _, e := range set.Entries {
			fmt.Fprintf(&b, "%s %s %q\n", e.Pos, line(e), e.Because)
		}
		return b.String() + fmt.Sprint(set.Problems)
	}
	want := render(objs)
	for range len(objs) {
		objs = append(objs[1:len(objs):len(objs)], objs[0])
		if d := cmp.Diff(want, render(objs)); d != "" {
			t.Fatalf("the order of the input shows (-want +got):\n%s", d)
		}
	}
	slices.Reverse(objs)
	if d := cmp.Diff(want, render(objs)); d != "" {
		t.Fatalf("the order of the input shows (-want +got):\n%s", d)
	}
}
