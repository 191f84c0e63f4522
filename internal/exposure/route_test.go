package exposure_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// routeCase is one picture of a cluster and the ways in of its routing objects.
type routeCase struct {
	name    string
	yaml    string
	opt     cluster.Options
	want    string // the entries of routes and of what is not understood
	because string // part of a reason of one of them
	problem string // part of a problem; "" wants none
}

func runRoutes(t *testing.T, base string, cases []routeCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			set := find(t, base+c.yaml, c.opt)
			var got, why, problems []string
			for _, e := range set.Entries {
				if e.Kind == exposure.Route || e.Kind == exposure.NotModelled {
					got = append(got, line(e))
					why = append(why, e.Because...)
				}
			}
			if d := cmp.Diff(strings.TrimSpace(c.want), strings.Join(got, "\n")); d != "" {
				t.Errorf("entries (-want +got):\n%s\nbecause:\n%s", d, strings.Join(why, "\n"))
			}
			if !strings.Contains(strings.Join(why, "\n"), c.because) {
				t.Errorf("nothing says %q:\n%s", c.because, strings.Join(why, "\n"))
			}
			for _, p := range set.Problems {
				problems = append(problems, p.String())
				if p.Pos.Line == 0 {
					t.Errorf("no line: %s", p)
				}
			}
			if text := strings.Join(problems, "\n"); c.problem == "" && text != "" || !strings.Contains(text, c.problem) {
				t.Errorf("problems: got %q, want %q", text, c.problem)
			}
		})
	}
}

// shop is two Services of the namespace shop with their pods.
const shop = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {tier: front}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web, version: v1}}
spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: pay, namespace: shop, labels: {app: pay}}
spec: {containers: [{name: c, image: x, ports: [{containerPort: 9000}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: pay, namespace: shop}
spec: {selector: {app: pay}, ports: [{name: a, port: 80, targetPort: 9000}, {name: b, port: 90, targetPort: 9001}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec: {type: ExternalName, externalName: db.example.com, ports: [{port: 80}]}
---
`

// TestFieldsOfCRDs fails when a field of the CRDs of the versions named in fields.go is not known. Then what
// it means for who is reached has to be decided.
func TestFieldsOfCRDs(t *testing.T) {
	data, err := os.ReadFile("testdata/crd_fields.txt")
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{"gateway.networking.k8s.io": "v1", "networking.istio.io": "v1", "traefik.io": "v1alpha1", "route.openshift.io": "v1", "projectcontour.io": "v1"}
	n := 0
	for text := range strings.Lines(string(data)) {
		kind, path, ok := strings.Cut(strings.TrimSpace(text), " ")
		if !ok || kind == "#" {
			continue
		}
		n++
		name, group, _ := strings.Cut(kind, ".")
		o := &object.Object{Ref: object.Ref{Group: group, Kind: name, Namespace: "a", Name: "b"}, Version: versions[group], Pos: object.Pos{File: "in.yaml", Line: 1}}
		o.Root = valueAt(strings.Split(path, "."))
		c, _ := cluster.New([]*object.Object{o}, cluster.Options{})
		for _, p := range exposure.Find(c).Problems {
			if strings.Contains(p.Msg, "unknown field") {
				t.Errorf("%s %s: %s", kind, path, p.Msg)
			}
		}
	}
	if n < 900 {
		t.Errorf("%d fields, want all of them", n)
	}
}

// valueAt is the tree that holds a text at a path.
func valueAt(path []string) *object.Value {
	if len(path) == 0 {
		return &object.Value{Kind: object.String, Line: 1, Text: "x"}
	}
	name, list := strings.CutSuffix(path[0], "[]")
	name, keyed := strings.CutSuffix(name, "{}")
	inner := valueAt(path[1:])
	if keyed {
		inner = &object.Value{Kind: object.Map, Line: 1, Fields: []object.Field{{Name: "k", Line: 1, Value: inner}}}
	}
	if list {
		inner = &object.Value{Kind: object.List, Line: 1, Items: []*object.Value{inner}}
	}
	return &object.Value{Kind: object.Map, Line: 1, Fields: []object.Field{{Name: name, Line: 1, Value: inner}}}
}

// A route to the controller of another route is a way to it.
func TestRouteToAController(t *testing.T) {
	const chain = shop + `
apiVersion: apps/v1
kind: Deployment
metadata: {name: nginx, namespace: edge}
spec: {template: {metadata: {labels: {app: nginx}}, spec: {containers: [{name: c, image: registry.k8s.io/ingress-nginx/controller:v1}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: nginx, namespace: edge}
spec: {type: NodePort, selector: {app: nginx}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: v1
kind: Node
metadata: {name: node}
spec: {providerID: aws:///eu-west-1a/i-1}
status: {addresses: [{type: InternalIP, address: 10.0.0.4}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec: {ingressClassName: nginx, rules: [{host: a.example.com, http: {paths: [{path: /, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
`
	const alb = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: alb, namespace: edge, annotations: {alb.ingress.kubernetes.io/scheme: SCHEME}}
spec: {ingressClassName: alb, defaultBackend: {service: {name: nginx, port: {number: 80}}}}
---
`
	gke := `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gke, namespace: edge}
spec: {gatewayClassName: gke-l7-global-external-managed, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: all, namespace: edge}
spec: {parentRefs: [{name: gke}], rules: [{backendRefs: [{name: nginx, port: 80}]}]}
`
	for _, c := range []struct{ name, yaml, want string }{
		{"private nodes alone", "", "no"},
		{"an internal ALB in front", strings.Replace(alb, "SCHEME", "internal", 1), "no"},
		{"a public ALB in front", strings.Replace(alb, "SCHEME", "internet-facing", 1), "yes"},
		{"a gateway of a cloud in front", gke, "yes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := find(t, chain+c.yaml, cluster.Options{})
			for _, e := range set.Entries {
				if e.Via.Name == "web" && e.Via.Kind == "Ingress" && e.Public.String() != c.want {
					t.Errorf("got public=%s, want %s: %q", e.Public, c.want, e.Because)
				}
			}
		})
	}
}

// Two controllers that lead to each other are not called internal, and neither loops.
func TestControllersInACircle(t *testing.T) {
	var b strings.Builder
	for i, name := range []string{"nginx", "traefik"} {
		other := []string{"traefik", "nginx"}[i]
		fmt.Fprintf(&b, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: edge}
spec: {template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [{name: c, image: %[1]s-ingress, args: [--ingress-class=%[1]s]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: edge, annotations: {networking.gke.io/load-balancer-type: Internal}}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {app: %[1]s}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: to-%[2]s, namespace: edge}
spec: {ingressClassName: %[1]s, defaultBackend: {service: {name: %[2]s, port: {number: 80}}}}
---
`, name, other)
	}
	set := find(t, b.String(), cluster.Options{})
	n := 0
	for _, e := range set.Entries {
		if e.Kind != exposure.Ingress {
			continue
		}
		n++
		if e.Public.String() != "unknown" || !strings.Contains(strings.Join(e.Because, "\n"), "in a circle") {
			t.Errorf("got %s because %q", line(e), e.Because)
		}
	}
	if n != 2 {
		t.Errorf("%d Ingresses, want 2", n)
	}
}
