package exposure

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// traefikBackends gathers the backends of a route of Traefik. seen is the TraefikServices gone through.
type traefikBackends struct {
	backends
	route *ingressRoute
	seen  map[*object.Object]bool
}

// services adds a list of which each gets its weight; a single one gets everything.
func (b traefikBackends) services(list *object.Value, namespace string) {
	for _, v := range list.List() {
		if len(list.List()) > 1 && b.weight(v.Get("weight"), 1) == 0 {
			b.say("backend " + v.Get("name").Str() + " has weight 0 and gets nothing")
			continue
		}
		b.to(v, namespace)
	}
	if len(list.List()) == 0 {
		b.say("it names no backend")
	}
}

func (b traefikBackends) to(v *object.Value, namespace string) {
	name := v.Get("name").Str()
	base, provider, foreign := strings.Cut(name, "@")
	switch {
	case foreign && provider == "internal":
		b.say(name + " is Traefik itself")
		return
	case foreign && provider != "kubernetescrd":
		b.unknown("backend " + name + " is of another provider, which is not read")
		return
	}
	ns := namespace
	if other := v.Get("namespace").Str(); other != "" && other != namespace {
		ns = other
		switch b.route.across() {
		case enforcer.No:
			b.say("backend " + ns + "/" + base + " is in another namespace, which allowCrossNamespace does not open")
			return
		case enforcer.Unknown:
			b.hall.doubts = append(b.hall.doubts, "backend "+ns+"/"+base+" is in another namespace, and whether allowCrossNamespace is on is not known")
		case enforcer.Yes:
		}
	}
	switch kind := v.Get("kind").Str(); kind {
	case "", "Service":
	case "TraefikService":
		b.traefikService(ns, base)
		return
	default:
		b.unknown("backend " + kind + " " + name + " is not modelled")
		return
	}
	port := v.Get("port")
	n, isNumber := port.Int()
	b.service(ns, base, port.Str(), func(p cluster.ServicePort) bool {
		return !port.IsSet() || isNumber && p.Port == n || port.Kind == object.String && p.Name == port.Str()
	})
}

// across tells whether routes may name backends of other namespaces: off unless a flag says so.
func (r *ingressRoute) across() enforcer.Answer {
	out := enforcer.No
	for _, t := range r.proxies {
		switch {
		case strings.EqualFold(t.flags[crdProvider+".allowcrossnamespace"], "true"):
			return enforcer.Yes
		case !t.stated:
			out = enforcer.Unknown
		}
	}
	if len(r.proxies) == 0 {
		return enforcer.Unknown
	}
	return out
}

// traefikService adds what a TraefikService spreads or mirrors requests to.
func (b traefikBackends) traefikService(namespace, name string) {
	o := b.route.services[namespace+"/"+name]
	switch {
	case o == nil:
		b.unknown("TraefikService " + namespace + "/" + name + " is not in the input")
		return
	case b.seen[o]: // what it leads to is in already
		return
	}
	b.seen[o] = true
	spec := o.Root.Get("spec")
	if w := spec.Get("weighted"); w.IsSet() {
		for _, v := range w.Get("services").List() {
			if b.weight(v.Get("weight"), 1) == 0 {
				b.say("backend " + v.Get("name").Str() + " has weight 0 and gets nothing")
				continue
			}
			b.to(v, namespace)
		}
		return
	}
	m := spec.Get("mirroring")
	if !m.IsSet() {
		b.unknown(o.Ref.String() + " is of a form that is not modelled")
		return
	}
	b.to(m, namespace)
	for _, v := range m.Get("mirrors").List() {
		if n, ok := v.Get("percent").Int(); ok && n == 0 {
			b.say("mirror " + v.Get("name").Str() + " gets nothing")
			continue
		}
		b.say("requests are mirrored to " + v.Get("name").Str())
		b.to(v, namespace)
	}
}

// middlewares adds the Service that answers in place of errors. The others send nothing to pods, or are not
// in the input.
func (b traefikBackends) middlewares(list *object.Value, namespace string) {
	for _, v := range list.List() {
		ns, name := namespace, v.Get("name").Str()
		if other := v.Get("namespace").Str(); other != "" {
			ns = other
		}
		found := false
		for _, o := range b.f.cluster.Kind(b.object.Ref.Group, "Middleware") {
			if o.Ref.Namespace != ns || o.Ref.Name != name {
				continue
			}
			found = true
			spec := o.Root.Get("spec")
			if s := spec.Get("errors", "service"); s.IsSet() {
				b.say("errors are answered by " + s.Get("name").Str())
				b.to(s, ns)
			}
			for _, part := range []string{"forwardAuth", "chain", "plugin"} {
				if spec.Get(part).IsSet() {
					b.unknown(o.Ref.String() + " has " + part + ", which may send requests elsewhere and is not read")
				}
			}
		}
		if !found {
			b.unknown("Middleware " + ns + "/" + name + " is not in the input, and may send requests elsewhere")
		}
	}
}
