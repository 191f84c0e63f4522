package exposure

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// ingresses lists one entry for each host and path of networking.k8s.io Ingresses, and one for each default
// backend.
func (s *Set) ingresses(c *cluster.Cluster) {
	services := map[string]*cluster.Service{}
	for _, svc := range c.Services {
		services[svc.Ref.Namespace+"/"+svc.Ref.Name] = svc
	}
	controllers := ingressControllers(c)
	for _, o := range c.Kind("networking.k8s.io", "Ingress") {
		base := Entry{
			Via: o.Ref, Pos: o.Pos, Kind: Ingress, Protocol: netset.TCP, Sources: netset.AllAddrs(),
			SourcesKept: enforcer.No, // the pod sees the controller
			Controllers: controllers,
		}
		var why string
		base.Public, why = ingressPublic(o)
		base.Because = []string{why}
		add := func(host, path string, backend *object.Value, at *object.Value) {
			e := base
			e.Host, e.Path, e.Pos, e.Line = host, path, o.At(at), o.At(at).Line
			e.TLS = hostTLS(o, host)
			e.Port = 80
			if e.TLS == enforcer.Yes {
				e.Port = 443
			}
			svc := backend.Get("service")
			e.Targets = backendTargets(services[o.Ref.Namespace+"/"+svc.Get("name").Str()], svc.Get("port"))
			s.Entries = append(s.Entries, e)
		}
		if b := o.Root.Get("spec", "defaultBackend"); b.IsSet() {
			add("", "", b, b)
		}
		for _, r := range o.Root.Get("spec", "rules").List() {
			host := r.Get("host").Str()
			for _, p := range r.Get("http", "paths").List() {
				add(host, p.Get("path").Str(), p.Get("backend"), r)
			}
			if !r.Get("http").IsSet() {
				add(host, "", o.Root.Get("spec", "defaultBackend"), r)
			}
		}
	}
}

// backendTargets resolves an Ingress backend; nil when its Service or port is not in the input.
func backendTargets(svc *cluster.Service, port *object.Value) []Target {
	if svc == nil {
		return nil
	}
	number, byNumber := port.Get("number").Int()
	name := port.Get("name").Str()
	for _, p := range svc.Ports {
		if (byNumber && p.Port == number) || (name != "" && p.Name == name) {
			return targets(svc, p)
		}
	}
	return nil
}

// hostTLS tells whether a tls entry covers the host: by name, by wildcard of one label, or by a tls entry
// without hosts, which stands for the controller's default (Ingress v1, spec.tls.hosts).
func hostTLS(o *object.Object, host string) enforcer.Answer {
	for _, t := range o.Root.Get("spec", "tls").List() {
		hosts := t.Get("hosts").List()
		if len(hosts) == 0 {
			return enforcer.Yes
		}
		for _, h := range hosts {
			if h.Str() == host && host != "" {
				return enforcer.Yes
			}
			if rest, ok := strings.CutPrefix(h.Str(), "*."); ok {
				if _, parent, ok := strings.Cut(host, "."); ok && parent == rest {
					return enforcer.Yes
				}
			}
		}
	}
	return enforcer.No
}

// ingressPublic tells where an Ingress stands, by class, annotation and status address.
func ingressPublic(o *object.Object) (enforcer.Answer, string) {
	ann := o.Root.Get("metadata", "annotations").Strings()
	class := o.Root.Get("spec", "ingressClassName").Str()
	if class == "" {
		class = ann["kubernetes.io/ingress.class"]
	}
	switch scheme := ann["alb.ingress.kubernetes.io/scheme"]; {
	case scheme == "internet-facing":
		return enforcer.Yes, "annotation alb.ingress.kubernetes.io/scheme: internet-facing"
	case scheme == "internal" || class == "alb":
		return enforcer.No, "an ALB is internal unless alb.ingress.kubernetes.io/scheme says internet-facing"
	case class == "gce-internal":
		return enforcer.No, "ingress class gce-internal"
	case class == "gce":
		return enforcer.Yes, "ingress class gce makes external load balancers"
	}
	for _, in := range o.Root.Get("status", "loadBalancer", "ingress").List() {
		if p, _, err := netset.PrefixFrom(in.Get("ip").Str() + "/32"); err == nil {
			if Public(p.Addr()) {
				return enforcer.Yes, "its address " + p.Addr().String() + " is public"
			}
			return enforcer.No, "its address " + p.Addr().String() + " is private"
		}
	}
	return enforcer.Unknown, "where its controller can be reached from is not in the Ingress; look at the controller's Service"
}

// controllerImages are parts of image names by which ingress controllers are known.
var controllerImages = []string{"ingress-nginx", "nginx-ingress", "traefik", "haproxy-ingress", "kubernetes-ingress", "contour", "kong", "ambassador", "aws-load-balancer-controller", "apisix"}

// ingressControllers finds the workloads that look like an ingress controller.
func ingressControllers(c *cluster.Cluster) []*cluster.Workload {
	var out []*cluster.Workload
	for _, w := range c.Workloads {
		if isController(w.Pods[0]) {
			out = append(out, w)
		}
	}
	return out
}

func isController(p *cluster.Pod) bool {
	for _, k := range p.Containers {
		for _, part := range controllerImages {
			if strings.Contains(k.Image, part) {
				return true
			}
		}
		for _, a := range k.Args {
			if strings.HasPrefix(a, "--ingress-class") || strings.HasPrefix(a, "--controller-class") {
				return true
			}
		}
	}
	return false
}
