package exposure

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// readIngresses lists one entry for each host and path of networking.k8s.io Ingresses, and one for each
// default backend.
func (f *finder) readIngresses() {
	groups := f.albGroups()
	for _, o := range f.cluster.Kind("networking.k8s.io", "Ingress") {
		if o.Version != "v1" {
			f.addUnmodelled(o, "version "+o.Version+" of Ingress is not modelled: what it exposes is not known")
			continue
		}
		base := Entry{Via: o.Ref, Kind: Ingress, Protocol: netset.TCP, Sources: netset.AllAddrs(), SourcesKept: enforcer.No}
		f.readRules(o, base, f.front(o, &base, f.proxies, groups))
	}
}

func (f *finder) readRules(o *object.Object, base Entry, fr *front) {
	fallback := o.Root.Get("spec", "defaultBackend")
	add := func(host, path string, backend, at *object.Value) {
		e := base
		e.Because = append([]string{}, base.Because...) // entries share nothing
		e.Host, e.Path, e.Pos, e.Line = host, path, o.At(at), o.At(at).Line
		var why string
		e.TLS, why = hostTLS(o, host)
		e.Because = append(e.Because, why)
		switch e.TLS {
		case enforcer.Yes:
			e.Port = 443
		case enforcer.No:
			e.Port = 80
		case enforcer.Unknown: // one of the two
		}
		f.backend(o, backend, &e)
		if fr == nil {
			f.add(e)
			return
		}
		f.pass(e, fr, nil, func(e *Entry, kept bool) { f.allowList(o, e, kept) })
	}
	if fallback.IsSet() {
		add("", "", fallback, fallback)
	}
	for _, r := range o.Root.Get("spec", "rules").List() {
		host := strings.ToLower(r.Get("host").Str())
		paths := r.Get("http", "paths").List()
		for _, p := range paths {
			add(host, p.Get("path").Str(), p.Get("backend"), r)
		}
		if len(paths) == 0 { // all of the host goes to the default backend
			add(host, "", fallback, r)
		}
	}
}

// backend resolves an Ingress backend to pods.
func (f *finder) backend(o *object.Object, b *object.Value, e *Entry) {
	svc := b.Get("service")
	name := svc.Get("name").Str()
	if name == "" {
		e.Because = append(e.Because, "its backend is no Service")
		return
	}
	s := f.services[object.Ref{Kind: "Service", Namespace: o.Ref.Namespace, Name: name}]
	if s == nil {
		e.Because = append(e.Because, "Service "+o.Ref.Namespace+"/"+name+" is not in the input")
		return
	}
	if s.Type == "ExternalName" {
		e.Because = append(e.Because, s.Ref.String()+" is the name "+s.Object.Root.Get("spec", "externalName").Str()+", which may be outside")
		return
	}
	number, byNumber := svc.Get("port", "number").Int()
	named := svc.Get("port", "name").Str()
	for _, p := range s.Ports {
		if (byNumber && p.Port == number) || (named != "" && p.Name == named) {
			e.AppProtocol = p.AppProtocol
			f.behind(s, p, e)
			return
		}
	}
	e.Because = append(e.Because, s.Ref.String()+" has no port "+svc.Get("port", "number").Str()+named)
}

// hostTLS tells whether a tls entry covers the host: by name, by a wildcard for one label, or by a tls entry
// without hosts, which stands for the controller's wildcard (Ingress v1, spec.tls.hosts). A certificate given
// by annotation may cover it too.
func hostTLS(o *object.Object, host string) (enforcer.Answer, string) {
	for _, t := range o.Root.Get("spec", "tls").List() {
		hosts := t.Get("hosts").List()
		if len(hosts) == 0 {
			return enforcer.Yes, "a tls entry names no hosts, which stands for all hosts of the controller"
		}
		for _, h := range hosts {
			name := strings.ToLower(h.Str())
			if host != "" && name == host {
				return enforcer.Yes, "a tls entry covers the host"
			}
			if rest, ok := strings.CutPrefix(name, "*."); ok {
				if first, parent, ok := strings.Cut(host, "."); ok && first != "" && first != "*" && parent == rest {
					return enforcer.Yes, "tls entry " + name + " covers the host"
				}
			}
		}
	}
	annotations := o.Root.Get("metadata", "annotations").Strings()
	for _, k := range []string{
		"alb.ingress.kubernetes.io/certificate-arn", "ingress.gcp.kubernetes.io/pre-shared-cert", "networking.gke.io/managed-certificates",
		"networking.gke.io/certmap", "appgw.ingress.kubernetes.io/appgw-ssl-certificate", "nginx.ingress.kubernetes.io/ssl-passthrough",
		"haproxy.org/ssl-passthrough", "traefik.ingress.kubernetes.io/router.tls",
	} {
		if v := annotations[k]; v != "" && v != "false" {
			return enforcer.Unknown, "no tls entry covers the host; annotation " + k + " may"
		}
	}
	return enforcer.No, "no tls entry covers the host"
}

// class is the name of an Ingress's class, with its IngressClass; nil when that is not in the input. Without
// a class it is the default one (Kubernetes "Ingress", "Default IngressClass").
func (f *finder) class(o *object.Object) (name string, class *object.Object) {
	name = o.Root.Get("spec", "ingressClassName").Str()
	if name == "" {
		name = o.Root.Get("metadata", "annotations", "kubernetes.io/ingress.class").Str()
	}
	for _, c := range f.cluster.Kind("networking.k8s.io", "IngressClass") {
		byDefault := c.Root.Get("metadata", "annotations", "ingressclass.kubernetes.io/is-default-class").Str() == "true"
		if c.Ref.Name == name || name == "" && byDefault {
			return c.Ref.Name, c
		}
	}
	return name, nil
}

// proxy is a workload that looks like an ingress controller through which traffic passes.
type proxy struct {
	workload *cluster.Workload
	class    string // of its arguments; "" when not stated
	value    string // controller value of its arguments; "" when not stated
}

// findProxies finds controllers by image or by arguments that name an ingress class. Controllers that only
// configure a cloud's load balancer are left out: no traffic passes them.
func findProxies(c *cluster.Cluster) []proxy {
	var out []proxy
	for _, w := range c.Workloads {
		pod := w.Pods[0]
		p := proxy{w, flag(pod, "ingress-class"), flag(pod, "controller-class")}
		byImage := hasImage(w, "ingress-nginx", "nginx-ingress", "nginx/nginx-plus-ingress", "traefik", "haproxy-ingress", "kubernetes-ingress", "contour", "envoyproxy/envoy",
			"kong", "ambassador", "emissary", "apisix", "skipper", "voyager", "easegress", "istio/proxyv2", "openshift/origin-haproxy-router")
		onlyConfigures := hasImage(w, "aws-load-balancer-controller", "aws-alb-ingress-controller", "ingress-gce", "glbc", "application-gateway-kubernetes-ingress",
			"kube-webhook-certgen", "cert-manager", "external-dns")
		if (byImage || p.class != "" || p.value != "") && !onlyConfigures && !batch(w) && !sidecarOnly(w) {
			out = append(out, p)
		}
	}
	return out
}

// batch tells whether w runs to an end, as the jobs do that come with a controller.
func batch(w *cluster.Workload) bool { return w.Ref.Group == "batch" }

// sidecarOnly tells whether w is an application with a mesh proxy beside it: Istio's and Envoy's images are
// gateways only when they are alone.
func sidecarOnly(w *cluster.Workload) bool {
	mesh, other := false, false
	for _, c := range w.Pods[0].Containers {
		image := strings.ToLower(c.Image)
		switch isMesh := strings.Contains(image, "proxyv2") || strings.Contains(image, "envoyproxy/envoy"); {
		case c.Init:
		case isMesh:
			mesh = true
		case !strings.Contains(image, "contour"):
			other = true
		}
	}
	return mesh && other
}

// flag is the value of "--name=value" or "--name value" among the arguments of p; "" when it is not there.
func flag(p *cluster.Pod, name string) string {
	for _, c := range p.Containers {
		words := append(append([]string{}, c.Command...), c.Args...)
		for i, a := range words {
			a, isFlag := strings.CutPrefix(a, "-")
			a = strings.TrimPrefix(a, "-")
			if !isFlag {
				continue
			}
			if v, ok := strings.CutPrefix(a, name+"="); ok {
				return v
			}
			if a == name && i+1 < len(words) {
				return words[i+1]
			}
		}
	}
	return ""
}
