package exposure_test

import (
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// FuzzFind reads any input without panic, gives a reason for every entry, and never calls an entry internal
// because of a value it could not read.
func FuzzFind(f *testing.F) {
	f.Add([]byte(controllers + ingressRules + web))
	f.Add([]byte(onAzure + "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: LoadBalancer, loadBalancerSourceRanges: [[], {}, 7], externalIPs: {}, ports: [{port: 80}]}\n"))
	f.Add([]byte(onAWS + one("alb.ingress.kubernetes.io/scheme: [], alb.ingress.kubernetes.io/group.name: 1", "ingressClassName: alb, ")[5:]))
	f.Add([]byte(routesOfAll()[5:]))
	f.Add([]byte(edge + gatewayOf("{name: [], port: {}, protocol: 7, allowedRoutes: {namespaces: {from: Selector, selector: []}}}") + routeOf("HTTPRoute", "parentRefs: [{}], rules: [{filters: [{type: RequestMirror}], backendRefs: [{}]}]")))
	f.Add([]byte(traefik(traefikArgs) + ingressRoute("IngressRoute", "routes: [{match: '!(Host(`a`) || Path(\"/b\")) && (', services: [{kind: TraefikService, name: a}]}], tls: []")))
	f.Add([]byte(contourWith("") + httpProxy("p", "virtualhost: {fqdn: []}, includes: [{name: p}], tcpproxy: {include: {name: p}}")))
	f.Add([]byte(mesh + istioGateway("{port: {number: x}, hosts: [/, a/b/c]}") + virtualService("gateways: [/, ., '', istio-system/gw], hosts: ['*'], http: [{delegate: {}}], tls: [{}], tcp: [{route: [{}]}]")))
	f.Fuzz(func(t *testing.T, data []byte) {
		objs, _, _ := load.Parse(data, "in.yaml", load.Limits{DocBytes: 1 << 16, Depth: 30, AliasNodes: 1000})
		c, _ := cluster.New(objs, cluster.Options{})
		unread, problems := map[string]bool{}, map[string]string{}
		set := exposure.Find(c)
		for _, p := range set.Problems {
			unread[p.Ref.String()] = true
			problems[p.Ref.String()] += p.Msg + "\n"
		}
		for _, e := range set.Entries {
			if len(e.Because) == 0 {
				t.Errorf("%s %s does not say why", e.Kind, e.Via)
			}
			if e.Kind == exposure.LoadBalancer && unread[e.Via.String()] && !e.Sources.IsAll() {
				t.Errorf("%s narrows its sources by a range that was not understood: %s", e.Via, line(e))
			}
			if e.Kind == exposure.Route && unread[e.Via.String()] && e.Public == enforcer.Yes && strings.Contains(problems[e.Via.String()], "unknown field") {
				t.Errorf("%s is certain, although a field was not understood: %s", e.Via, line(e))
			}
			if e.Kind == exposure.NotModelled && e.Public != enforcer.Unknown {
				t.Errorf("%s is not modelled and public=%s", e.Via, e.Public)
			}
		}
	})
}

// FuzzTraefikRule never panics, and what it cannot read asks for nothing.
func FuzzTraefikRule(f *testing.F) {
	for _, seed := range []string{"Host(`a`)", "Host(`a`,`b`) && (PathPrefix(`/x`) || !Method(`GET`))", "((", "Host(`", "!", "&&", "HostSNI(`*`)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, match string) {
		o := &object.Object{Ref: object.Ref{Group: "traefik.io", Kind: "IngressRoute", Namespace: "a", Name: "b"}, Version: "v1alpha1", Pos: object.Pos{File: "in.yaml", Line: 1}}
		route := &object.Value{Kind: object.Map, Line: 1, Fields: []object.Field{{Name: "match", Line: 1, Value: &object.Value{Kind: object.String, Line: 1, Text: match}}}}
		routes := &object.Value{Kind: object.List, Line: 1, Items: []*object.Value{route}}
		spec := &object.Value{Kind: object.Map, Line: 1, Fields: []object.Field{{Name: "routes", Line: 1, Value: routes}}}
		o.Root = &object.Value{Kind: object.Map, Line: 1, Fields: []object.Field{{Name: "spec", Line: 1, Value: spec}}}
		c, _ := cluster.New([]*object.Object{o}, cluster.Options{})
		set := exposure.Find(c)
		for _, e := range set.Entries {
			if len(set.Problems) > 0 && e.Kind == exposure.Route && e.Host != "" {
				t.Errorf("%q is not understood, and yet for host %q", match, e.Host)
			}
		}
	})
}
