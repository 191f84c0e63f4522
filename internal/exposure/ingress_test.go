package exposure_test

import (
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
)

// controllers is two ingress-nginx, a public and an internal one, with their classes.
const controllers = `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: nginx, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: inner}
spec: {controller: k8s.io/inner-nginx}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: outer, namespace: ingress}
spec: {template: {metadata: {labels: {app: outer}}, spec: {containers: [{name: controller, image: registry.k8s.io/ingress-nginx/controller:v1.12, args: [/nginx-ingress-controller, --controller-class=k8s.io/ingress-nginx, --ingress-class=nginx]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: inner, namespace: ingress}
spec: {template: {metadata: {labels: {app: inner}}, spec: {containers: [{name: controller, image: registry.k8s.io/ingress-nginx/controller:v1.12, args: [--controller-class, k8s.io/inner-nginx, --ingress-class, inner]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: outer, namespace: ingress}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, externalTrafficPolicy: Local, selector: {app: outer}, ports: [{port: 443}]}
---
apiVersion: v1
kind: Service
metadata: {name: inner, namespace: ingress, annotations: {networking.gke.io/load-balancer-type: Internal}}
spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: false, selector: {app: inner}, ports: [{port: 443}]}
`

const ingressRules = `
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  ingressClassName: nginx
  tls:
    - {hosts: [a.example.com, "*.w.example.com"], secretName: x}
  defaultBackend: {service: {name: web, port: {number: 80}}}
  rules:
    - {host: a.example.com, http: {paths: [{path: /, backend: {service: {name: web, port: {name: http}}}}, {path: /x, backend: {service: {name: web, port: {number: 81}}}}]}}
    - {host: b.example.com, http: {paths: [{path: /, backend: {service: {name: none, port: {number: 80}}}}]}}
    - {host: c.w.example.com, http: {paths: [{path: /, backend: {service: {name: web, port: {number: 80}}}}]}}
    - {host: d.c.w.example.com, http: {paths: [{path: /, backend: {resource: {kind: Bucket, name: b}}}]}}
    - {host: "*.w.example.com"}
    - {host: "*.example.com", http: {paths: [{path: /, backend: {service: {name: web, port: {number: 80}}}}]}}
`

func ingressOnly(entries string) string {
	var out []string
	for l := range strings.SplitSeq(entries, "\n") {
		if strings.HasPrefix(l, "Ingress ") {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

func TestIngressRules(t *testing.T) {
	set := find(t, controllers+ingressRules+web, cluster.Options{})
	want := `
Ingress shop tcp/80 "" tls=no public=yes kept=no by=outer to=web:8080
Ingress shop tcp/80 "*.example.com"/ tls=no public=yes kept=no by=outer to=web:8080
Ingress shop tcp/80 "b.example.com"/ tls=no public=yes kept=no by=outer dangling
Ingress shop tcp/80 "d.c.w.example.com"/ tls=no public=yes kept=no by=outer dangling
Ingress shop tcp/443 "*.w.example.com" tls=yes public=yes kept=no by=outer to=web:8080
Ingress shop tcp/443 "a.example.com"/ tls=yes public=yes kept=no by=outer to=web:8080
Ingress shop tcp/443 "a.example.com"/x tls=yes public=yes kept=no by=outer dangling
Ingress shop tcp/443 "c.w.example.com"/ tls=yes public=yes kept=no by=outer to=web:8080`
	if got := ingressOnly(lines(set)); got != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant%s", got, want)
	}
	why := ""
	for _, e := range set.Entries {
		why += strings.Join(e.Because, "\n") + "\n"
	}
	for _, part := range []string{"Service default/none is not in the input", "Service default/web has no port 81", "its backend is no Service", "tls entry *.w.example.com covers the host"} {
		if !strings.Contains(why, part) {
			t.Errorf("nothing says %q", part)
		}
	}
}

// one makes an Ingress of one host; the arguments are entries of flow maps.
func one(annotations, spec string) string {
	return "\n---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: shop, annotations: {" + annotations + "}}\nspec: {" + spec + "rules: [{host: a.example.com, http: {paths: [{path: /, backend: {service: {name: web, port: {number: 80}}}}]}}]}\n"
}

func TestIngressFront(t *testing.T) {
	const alb = "alb.ingress.kubernetes.io/"
	albClass := "\n---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: lb}\nspec: {controller: ingress.k8s.aws/alb, parameters: {apiGroup: elbv2.k8s.aws, kind: IngressClassParams, name: p}}\n"
	params := func(spec string) string {
		return albClass + "---\napiVersion: elbv2.k8s.aws/v1beta1\nkind: IngressClassParams\nmetadata: {name: p}\nspec: {" + spec + "}\n"
	}
	traefik := "\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: traefik}\nspec: {template: {metadata: {labels: {app: traefik}}, spec: {containers: [{name: c, image: \"docker.io/traefik:v3\"}]}}}\n"
	awsOperator := "\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: operator}\nspec: {template: {spec: {hostNetwork: true, containers: [{name: c, image: public.ecr.aws/eks/aws-load-balancer-controller:v2, args: [--ingress-class=alb]}]}}}\n"
	certJob := "\n---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: patch}\nspec: {template: {spec: {containers: [{name: c, image: registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1}]}}}\n"
	mesh := "\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: app}\nspec: {containers: [{name: app, image: shop/app}, {name: istio-proxy, image: docker.io/istio/proxyv2:1.25}]}\n"
	gateway := "\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: gw}\nspec: {hostNetwork: true, containers: [{name: istio-proxy, image: docker.io/istio/proxyv2:1.25}]}\n"
	for _, c := range []struct {
		name, yaml string
		want       enforcer.Answer
		from, by   string
		because    string
	}{
		{name: "nothing is known of it", yaml: one("", ""), want: enforcer.Unknown, because: "is not in the input"},
		{name: "public status address", yaml: one("", "") + "status: {loadBalancer: {ingress: [{ip: 203.0.113.5}]}}", want: enforcer.Yes},
		{name: "private status address", yaml: one("", "") + "status: {loadBalancer: {ingress: [{ip: 10.0.0.5}]}}", want: enforcer.No},

		{name: "the default class", yaml: controllers + one("", ""), want: enforcer.Yes, by: "outer", because: "LoadBalancer of Service ingress/outer: public yes"},
		{name: "another class", yaml: controllers + one("", "ingressClassName: inner, "), want: enforcer.No, by: "inner"},
		{name: "the class by annotation", yaml: controllers + one("kubernetes.io/ingress.class: inner", ""), want: enforcer.No, by: "inner"},
		{name: "a class whose object is not in the input", yaml: strings.Replace(controllers, "metadata: {name: inner}\nspec: {controller", "metadata: {name: other}\nspec: {controller", 1) + one("", "ingressClassName: inner, "), want: enforcer.No, by: "inner"},
		{name: "a private status address says less than the way to the controller", yaml: controllers + one("", "") + "status: {loadBalancer: {ingress: [{ip: 10.0.0.5}]}}", want: enforcer.Yes, by: "outer"},
		{name: "a controller nothing leads to", yaml: traefik + one("", ""), want: enforcer.Unknown, by: "traefik", because: "nothing in the input leads to the controller"},
		{name: "a way that is not decided", yaml: traefik + "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: t}\nspec: {type: NodePort, selector: {app: traefik}, ports: [{port: 80}]}\n" + one("", ""), want: enforcer.Unknown, by: "traefik"},
		{name: "traefik does not serve the class of nginx", yaml: traefik + controllers0() + one("", "ingressClassName: nginx, "), want: enforcer.Unknown},
		{name: "jobs, sidecars and operators pass nothing on", yaml: certJob + awsOperator + mesh + one("", ""), want: enforcer.Unknown},
		{name: "a gateway of a mesh", yaml: gateway + one("", ""), want: enforcer.Unknown, by: "gw", because: "hostNetwork of Pod default/gw"},

		{name: "an allow list", yaml: controllers + one("nginx.ingress.kubernetes.io/whitelist-source-range: \"203.0.113.0/24,10.0.0.0/8\"", ""), want: enforcer.Yes, from: "10.0.0.0/8,203.0.113.0/24", by: "outer"},
		{name: "a private allow list", yaml: controllers + one("nginx.ingress.kubernetes.io/allowlist-source-range: 10.0.0.0/8", ""), want: enforcer.No, from: "10.0.0.0/8", by: "outer"},
		{name: "an allow list of a controller that sees nodes", yaml: strings.Replace(controllers, "externalTrafficPolicy: Local, ", "", 1) + one("nginx.ingress.kubernetes.io/allowlist-source-range: 10.0.0.0/8", ""), want: enforcer.Yes, by: "outer", because: "is not counted"},
		{name: "an allow list that traefik does not read", yaml: traefik + "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: t}\nspec: {type: LoadBalancer, selector: {app: traefik}, ports: [{port: 80}]}\n" + one("nginx.ingress.kubernetes.io/allowlist-source-range: 10.0.0.0/8", ""), want: enforcer.Yes, by: "traefik", because: "ingress-nginx only"},

		{name: "GCE", yaml: one("", "ingressClassName: gce, "), want: enforcer.Yes},
		{name: "GCE, internal", yaml: one("kubernetes.io/ingress.class: gce-internal", ""), want: enforcer.No},
		{name: "GKE without a class", yaml: onGCP + one("", ""), want: enforcer.Yes},

		{name: "ALB", yaml: one("", "ingressClassName: alb, "), want: enforcer.No},
		{name: "ALB, its operator is no proxy", yaml: awsOperator + one("", "ingressClassName: alb, "), want: enforcer.No},
		{name: "ALB, internal", yaml: one(alb+"scheme: internal", "ingressClassName: alb, "), want: enforcer.No},
		{name: "ALB, internet-facing", yaml: one(alb+"scheme: internet-facing", "ingressClassName: alb, "), want: enforcer.Yes},
		{name: "ALB, no class", yaml: one(alb+"scheme: internet-facing", ""), want: enforcer.Yes},
		{name: "the scheme means nothing to nginx", yaml: controllers + one(alb+"scheme: internal", ""), want: enforcer.Yes, by: "outer"},
		{name: "ALB, limited", yaml: one(alb+"scheme: internet-facing, "+alb+"inbound-cidrs: 203.0.113.0/24", "ingressClassName: alb, "), want: enforcer.Yes, from: "203.0.113.0/24"},
		{name: "ALB, limited to private", yaml: one(alb+"scheme: internet-facing, "+alb+"inbound-cidrs: 10.0.0.0/8", "ingressClassName: alb, "), want: enforcer.No, from: "10.0.0.0/8"},
		{name: "ALB, limits are moot", yaml: one(alb+"scheme: internet-facing, "+alb+"inbound-cidrs: 10.0.0.0/8, "+alb+"security-groups: sg-1", "ingressClassName: alb, "), want: enforcer.Yes},
		{name: "ALB that is still internal", yaml: one(alb+"scheme: internet-facing", "ingressClassName: alb, ") + "status: {loadBalancer: {ingress: [{hostname: internal-k8s-x.eu-west-1.elb.amazonaws.com}]}}", want: enforcer.Unknown},
		{name: "ALB of a group", yaml: one(alb+"group.name: g", "ingressClassName: alb, ") + strings.Replace(one(alb+"group.name: g, "+alb+"scheme: internet-facing", "ingressClassName: alb, "), "name: shop", "name: zz", 1), want: enforcer.Yes},
		{name: "ALB by class", yaml: params("scheme: internet-facing") + one(alb+"scheme: internal", "ingressClassName: lb, "), want: enforcer.Yes},
		{name: "ALB by class, internal", yaml: params("scheme: internal, inboundCIDRs: [10.0.0.0/8]") + one(alb+"scheme: internet-facing", "ingressClassName: lb, "), want: enforcer.No, because: "are not counted"},
		{name: "ALB by class, parameters not in the input", yaml: albClass + one("", "ingressClassName: lb, "), want: enforcer.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := find(t, strings.TrimPrefix(c.yaml, "\n---\n"), cluster.Options{})
			got := false
			for _, e := range set.Entries {
				if e.Via.Name != "shop" {
					continue
				}
				got = true
				from, by := e.Sources.String(), ""
				if e.Sources.IsAll() {
					from = ""
				}
				for _, w := range e.Controllers {
					by += w.Ref.Name
				}
				if e.Public != c.want || from != c.from || by != c.by || !strings.Contains(strings.Join(e.Because, "; "), c.because) {
					t.Errorf("got %s because %q; want public=%s from=%q by=%q because %q", line(e), e.Because, c.want, c.from, c.by, c.because)
				}
			}
			if !got {
				t.Error("the Ingress has no entry")
			}
			for _, p := range set.Problems {
				t.Errorf("problem: %s", p)
			}
		})
	}
}

// controllers0 is the classes alone.
func controllers0() string {
	return "\n---\n" + strings.TrimSpace(controllers[:strings.Index(controllers, "---\napiVersion: apps/v1")])
}

func TestIngressTLS(t *testing.T) {
	for _, c := range []struct {
		name, annotations, spec string
		want                    enforcer.Answer
		port                    int
	}{
		{name: "none", want: enforcer.No, port: 80},
		{name: "by name", spec: "tls: [{hosts: [A.example.com]}], ", want: enforcer.Yes, port: 443},
		{name: "by wildcard", spec: "tls: [{hosts: [\"*.example.com\"]}], ", want: enforcer.Yes, port: 443},
		{name: "a wildcard is one label", spec: "tls: [{hosts: [\"*.com\"]}], ", want: enforcer.No, port: 80},
		{name: "another host", spec: "tls: [{hosts: [b.example.com]}], ", want: enforcer.No, port: 80},
		{name: "no hosts", spec: "tls: [{secretName: x}], ", want: enforcer.Yes, port: 443},
		{name: "by annotation", annotations: "alb.ingress.kubernetes.io/certificate-arn: arn", want: enforcer.Unknown},
		{name: "an annotation that says no", annotations: "nginx.ingress.kubernetes.io/ssl-passthrough: \"false\"", want: enforcer.No, port: 80},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := find(t, strings.TrimPrefix(one(c.annotations, c.spec), "\n---\n"), cluster.Options{})
			if e := set.Entries[0]; e.TLS != c.want || e.Port != c.port {
				t.Errorf("got tls=%s port %d, want tls=%s port %d", e.TLS, e.Port, c.want, c.port)
			}
		})
	}
}

func TestIngressToAName(t *testing.T) {
	set := find(t, "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: ExternalName, externalName: db.example.com}\n"+one("", ""), cluster.Options{})
	if e := set.Entries[0]; !e.Dangling() || !strings.Contains(strings.Join(e.Because, "; "), "db.example.com, which may be outside") {
		t.Errorf("got %s because %q", line(e), e.Because)
	}
}

func TestUnreadableLists(t *testing.T) {
	for _, yaml := range []string{
		controllers + one("nginx.ingress.kubernetes.io/allowlist-source-range: 10.0.0/8", ""),
		strings.TrimPrefix(one("alb.ingress.kubernetes.io/scheme: internet-facing, alb.ingress.kubernetes.io/inbound-cidrs: 10.0.0/8", ""), "\n---\n"),
	} {
		set := find(t, yaml, cluster.Options{})
		if len(set.Problems) != 1 {
			t.Errorf("got %v, want one problem", set.Problems)
		}
		for _, e := range set.Entries {
			if e.Via.Name == "shop" && (e.Public != enforcer.Yes || !e.Sources.IsAll()) {
				t.Errorf("a list that was not understood narrows: %s", line(e))
			}
		}
	}
}
