package exposure

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// readRoute makes the entries of a route of the Gateway API.
func (f *finder) readRoute(o *object.Object, understood bool, gateways []*gateway) {
	doors, why := f.attach(o, gateways)
	if !understood {
		f.flawed(o)
		for i := range doors {
			doors[i].doubts = append(doors[i].doubts, notUnderstood)
		}
	}
	parents := f.parentsOf(o, gateways)
	if len(doors) == 0 && len(parents) > 0 && !slices.ContainsFunc(parents, func(p parent) bool { return !inMesh(p) }) {
		return // nobody outside has a way to it
	}
	if len(doors) == 0 {
		host := ""
		if names := o.Root.Get("spec", "hostnames").List(); len(names) == 1 {
			host = plainHost(names[0].Str())
		}
		if len(why) == 0 {
			why = []string{"it names no parent"}
		}
		f.nowhere(o, nil, host, append([]string{"it is attached to no listener, so it exposes nothing"}, why...)...)
		return
	}
	f.ways(o, doors, f.halls(o))
}

// halls reads the rules of a route. A route of requests without rules answers every path with an error
// (HTTPRouteSpec.rules).
func (f *finder) halls(o *object.Object) []hall {
	requests := o.Ref.Kind == "HTTPRoute" || o.Ref.Kind == "GRPCRoute"
	var out []hall
	for _, r := range o.Root.Get("spec", "rules").List() {
		h := hall{at: r}
		if requests {
			h.paths = rulePaths(o.Ref.Kind, r)
		}
		b := gatewayBackends{backends{f, &h, o}}
		redirected := b.filters(r.Get("filters"))
		refs := r.Get("backendRefs").List()
		for _, ref := range refs {
			redirected = b.filters(ref.Get("filters")) || redirected
			if b.weight(ref.Get("weight"), 1) == 0 {
				b.say("backend " + ref.Get("name").Str() + " has weight 0 and gets nothing")
				continue
			}
			b.ref(ref)
		}
		switch {
		case redirected && len(refs) == 0:
			b.say("it answers with a redirect and has no backend")
		case len(refs) == 0:
			b.say("it names no backend")
		}
		out = append(out, h)
	}
	if len(out) == 0 {
		h := hall{at: o.Root.Get("spec")}
		if requests {
			h.paths = []string{"/"}
		}
		h.back.Because = []string{"it has no rules, and no backend"}
		out = append(out, h)
	}
	return out
}

// rulePaths is the paths of a rule: "/" where a match names none, and for gRPC "/service/method".
func rulePaths(kind string, rule *object.Value) []string {
	var out []string
	for _, m := range rule.Get("matches").List() {
		path := m.Get("path", "value").Str()
		if kind == "GRPCRoute" {
			if service := m.Get("method", "service").Str(); service != "" {
				path = "/" + service
				if method := m.Get("method", "method").Str(); method != "" {
					path += "/" + method
				}
			}
		}
		if path == "" {
			path = "/"
		}
		out = append(out, path)
	}
	if len(out) == 0 {
		return []string{"/"}
	}
	return out
}

// gatewayBackends gathers the backends of a rule of the Gateway API.
type gatewayBackends struct{ backends }

// filters adds the backends that filters send requests to besides: mirrors and external authorization. It
// tells whether one of them answers with a redirect.
func (b gatewayBackends) filters(list *object.Value) (redirected bool) {
	for _, v := range list.List() {
		switch kind := v.Get("type").Str(); kind {
		case "RequestRedirect":
			redirected = true
		case "RequestMirror":
			m := v.Get("requestMirror")
			percent, isPercent := m.Get("percent").Int()
			numerator, isFraction := m.Get("fraction", "numerator").Int()
			if isPercent && percent == 0 || isFraction && numerator == 0 {
				b.say("mirror " + m.Get("backendRef", "name").Str() + " gets nothing")
				continue
			}
			b.say("requests are mirrored to " + m.Get("backendRef", "name").Str())
			b.ref(m.Get("backendRef"))
		case "ExternalAuth":
			b.say("requests are shown to " + v.Get("externalAuth", "backendRef", "name").Str() + " for authorization")
			b.ref(v.Get("externalAuth", "backendRef"))
		case "RequestHeaderModifier", "ResponseHeaderModifier", "URLRewrite", "CORS":
		case "ExtensionRef":
			ref := v.Get("extensionRef")
			b.unknown("filter " + ref.Get("kind").Str() + " " + ref.Get("name").Str() + " is not read, and may send requests elsewhere")
		default:
			b.f.problem(b.object, v, "filter of type "+kind+" is not known", "what it does to requests is not certain")
			b.unknown("a filter of type " + kind + " is not known, and may send requests elsewhere")
		}
	}
	return redirected
}

// ref adds what a backendRef names, when it may.
func (b gatewayBackends) ref(v *object.Value) {
	to := object.Ref{Group: v.Get("group").Str(), Kind: "Service", Namespace: b.object.Ref.Namespace, Name: v.Get("name").Str()}
	if k := v.Get("kind").Str(); k != "" {
		to.Kind = k
	}
	if ns := v.Get("namespace").Str(); ns != "" {
		to.Namespace = ns
	}
	switch ok, why := b.f.granted(b.object.Ref, to); ok {
	case enforcer.No:
		b.say(why)
		return
	case enforcer.Unknown:
		b.hall.doubts = append(b.hall.doubts, why)
	case enforcer.Yes:
	}
	if to.Group != "" || to.Kind != "Service" {
		b.unknown("backend " + to.String() + " of group " + to.Group + " is not modelled: where it leads is not known")
		return
	}
	port := v.Get("port")
	n, ok := port.Int()
	if !ok {
		b.f.problem(b.object, v, "backend "+to.Name+" names no port", "the API server refuses this; every port of the Service is taken to be meant")
		b.hall.doubts = append(b.hall.doubts, "which port of "+to.String()+" is meant is not said")
	}
	b.service(to.Namespace, to.Name, port.Str(), func(p cluster.ServicePort) bool { return !ok || p.Port == n })
}

// listenerFilters makes an entry of what the filters of a listener show every request to.
func (f *finder) listenerFilters(l *listener) {
	h := hall{at: l.at.Get("filters"), paths: []string{"/"}}
	b := gatewayBackends{backends{f, &h, l.owner}}
	b.filters(l.at.Get("filters", "requests"))
	if len(h.back.Because) == 0 && len(h.unread) == 0 {
		return
	}
	d := door{front: l.front, host: l.host, port: l.port, protocol: l.transport(), tls: l.tls, doubts: slices.Clone(l.doubts)}
	f.ways(l.owner, []door{d}, []hall{h})
}
