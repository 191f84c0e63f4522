package exposure

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// traefikProxy is a Traefik with the flags that it is started with, in lower case. stated is false when it
// has none about providers or entry points: then a file that is not read has them.
type traefikProxy struct {
	workload *cluster.Workload
	flags    map[string]string
	stated   bool
}

const crdProvider = "providers.kubernetescrd"

func (f *finder) traefiks() []traefikProxy {
	var out []traefikProxy
	for _, w := range f.proxiesLike("traefik") {
		t := traefikProxy{workload: w, flags: map[string]string{}}
		for _, c := range w.Pods[0].Containers {
			for _, a := range append(slices.Clone(c.Command), c.Args...) {
				name, isFlag := strings.CutPrefix(a, "--")
				name, value, hasValue := strings.Cut(name, "=")
				if !isFlag {
					continue
				}
				if !hasValue {
					value = "true"
				}
				name = strings.ToLower(name)
				t.flags[name] = value
				t.stated = t.stated || strings.HasPrefix(name, "providers.") || strings.HasPrefix(name, "entrypoints.")
			}
		}
		out = append(out, t)
	}
	return out
}

// reads tells whether t takes an object, by its provider, class and namespaces.
func (t traefikProxy) reads(o *object.Object) bool {
	class := o.Root.Get("metadata", "annotations", "kubernetes.io/ingress.class").Str()
	on := false
	for name := range t.flags {
		on = on || name == crdProvider || strings.HasPrefix(name, crdProvider+".")
	}
	wanted, hasClass := t.flags[crdProvider+".ingressclass"]
	namespaces := t.flags[crdProvider+".namespaces"]
	switch {
	case !t.stated:
		return true
	case !on || hasClass && class != wanted:
		return false
	case !hasClass && class != "" && class != "traefik":
		return false
	}
	return namespaces == "" || slices.Contains(strings.Split(namespaces, ","), o.Ref.Namespace)
}

// readTraefik makes an entry for each entry point, host and path of each IngressRoute.
func (f *finder) readTraefik() {
	proxies := f.traefiks()
	for _, group := range []string{"traefik.io", "traefik.containo.us"} {
		services := map[string]*object.Object{}
		for _, o := range f.cluster.Kind(group, "TraefikService") {
			if !f.fits(o, traefikServiceFields) {
				f.flawed(o)
			}
			services[o.Ref.Namespace+"/"+o.Ref.Name] = o
		}
		for _, kind := range []struct{ name, fields string }{
			{"IngressRoute", ingressRouteFields}, {"IngressRouteTCP", ingressRouteTCPFields}, {"IngressRouteUDP", ingressRouteUDPFields},
		} {
			for _, o := range f.cluster.Kind(group, kind.name) {
				if f.readable(o, "v1alpha1") {
					r := ingressRoute{f, o, proxies, services, nil}
					r.read(f.fits(o, kind.fields))
				}
			}
		}
	}
}

// ingressRoute is the reading of one IngressRoute, IngressRouteTCP or IngressRouteUDP.
type ingressRoute struct {
	f        *finder
	object   *object.Object
	proxies  []traefikProxy            // all, then those that take it
	services map[string]*object.Object // TraefikServices by namespace and name
	doubts   []string
}

func (r *ingressRoute) read(understood bool) {
	o := r.object
	if !understood {
		r.f.flawed(o)
		r.doubts = append(r.doubts, notUnderstood)
	}
	if o.Root.Get("spec", "parentRefs").IsSet() {
		r.doubts = append(r.doubts, "it is a child of other IngressRoutes, which is not followed")
	}
	some := len(r.proxies) > 0
	r.proxies = slices.DeleteFunc(slices.Clone(r.proxies), func(t traefikProxy) bool { return !t.reads(o) })
	if some && len(r.proxies) == 0 {
		r.f.nowhere(o, nil, "", "no Traefik of the input takes it, by provider, class or namespace")
		return
	}
	doors := r.entryPoints()
	routes := o.Root.Get("spec", "routes").List()
	for _, v := range routes {
		rule, doubts := r.rule(v)
		for _, m := range rule {
			h := hall{at: v, doubts: slices.Clone(doubts)}
			if o.Ref.Kind == "IngressRoute" {
				h.paths = []string{m.path}
				if m.path == "" {
					h.paths = []string{"/"}
				}
			}
			b := traefikBackends{backends{r.f, &h, o}, r, map[*object.Object]bool{}}
			b.services(v.Get("services"), o.Ref.Namespace)
			b.middlewares(v.Get("middlewares"), o.Ref.Namespace)
			here := slices.Clone(doors)
			for i := range here {
				here[i].host = m.host
			}
			r.f.ways(o, here, []hall{h})
		}
	}
	if len(routes) == 0 {
		r.f.nowhere(o, nil, "", "it has no routes, so it exposes nothing")
	}
}

// rule is the hosts and paths that a route asks for; UDP has none.
func (r *ingressRoute) rule(v *object.Value) (out []matched, doubts []string) {
	if r.object.Ref.Kind == "IngressRouteUDP" {
		return []matched{{}}, nil
	}
	out, err := traefikRule(v.Get("match").Str())
	if err != nil {
		r.f.problem(r.object, v, "match: "+err.Error(), "Traefik refuses the route; until it is mended it is taken for a rule that everything meets")
		doubts = []string{"its rule is not understood"}
	}
	return out, doubts
}

// entryPoints gives a door for each entry point, of any host. Without names it is all of them.
func (r *ingressRoute) entryPoints() []door {
	var names []string
	for _, v := range r.object.Root.Get("spec", "entryPoints").List() {
		if !slices.Contains(names, v.Str()) {
			names = append(names, v.Str())
		}
	}
	if len(names) == 0 {
		names = []string{""}
	}
	var out []door
	for _, name := range names {
		out = append(out, r.door(name))
	}
	return out
}

func (r *ingressRoute) door(name string) door {
	d := door{protocol: netset.TCP, doubts: r.doubts}
	if r.object.Ref.Kind == "IngressRouteUDP" {
		d.protocol = netset.UDP
	}
	if len(r.proxies) == 0 {
		d.front = unknownFront("no Traefik is in the input, so who reaches it is not known")
		d.tls = r.tls(&d, name)
		return d
	}
	fr := &front{entry: Entry{Sources: netset.AllAddrs()}}
	known := true
	for _, t := range r.proxies {
		fr.controllers = append(fr.controllers, t.workload)
		if n, ok := t.port(name); ok {
			fr.open = append(fr.open, n)
		} else {
			known = false
		}
	}
	fr.entry.Because = []string{"its controller looks to be " + namesOf(fr.controllers)}
	slices.Sort(fr.open)
	fr.open = slices.Compact(fr.open)
	if !known || name == "" {
		fr.open = nil
		if name != "" {
			fr.lost = "on which port entry point " + name + " listens is not known"
		}
	}
	if name != "" {
		d.because = []string{"it comes in at entry point " + name}
	}
	d.front, d.port = fr, r.f.portTo(fr, d.protocol)
	d.tls = r.tls(&d, name)
	return d
}

// port is the pod port of an entry point, from a flag such as --entryPoints.web.address=:8000/tcp.
func (t traefikProxy) port(name string) (int, bool) {
	address, _, _ := strings.Cut(t.flags["entrypoints."+strings.ToLower(name)+".address"], "/")
	n, err := strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
	return n, err == nil
}

// tls tells whether an entry point takes TLS only for this object.
func (r *ingressRoute) tls(d *door, name string) enforcer.Answer {
	tls := r.object.Root.Get("spec", "tls")
	switch {
	case r.object.Ref.Kind == "IngressRouteUDP":
		return enforcer.Unknown
	case tls.IsSet():
		if tls.Get("passthrough").True() {
			d.because = append(d.because, "TLS is passed on unopened")
		}
		return enforcer.Yes
	case r.object.Ref.Kind == "IngressRouteTCP" || name == "" || len(r.proxies) == 0:
		return enforcer.Unknown
	}
	for _, t := range r.proxies {
		prefix := "entrypoints." + strings.ToLower(name) + ".http."
		if !t.stated {
			return enforcer.Unknown
		}
		for flag := range t.flags {
			if strings.HasPrefix(flag, prefix+"tls") || strings.HasPrefix(flag, prefix+"redirections") {
				return enforcer.Unknown // the entry point takes TLS, or redirects to one that does
			}
		}
	}
	return enforcer.No
}

// portTo is the port that clients connect to: the only one from which Services lead to the open ports of the
// controllers, 0 when there is not just one.
func (f *finder) portTo(fr *front, protocol netset.Protocol) int {
	found := 0
	for _, s := range f.cluster.Services {
		for _, p := range s.Ports {
			for _, pod := range s.Pods {
				n, ok := p.Target(pod)
				if !ok || p.Protocol != protocol || !slices.Contains(fr.open, n) || !slices.Contains(fr.controllers, pod.Workload) {
					continue
				}
				if found != 0 && found != p.Port {
					return 0
				}
				found = p.Port
			}
		}
	}
	return found
}
