package exposure

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// contour is a Contour with the Envoys that it configures.
type contour struct {
	envoys []*cluster.Workload
	class  string // the classes that it is told to take, "" when not stated
	roots  string // the namespaces of root proxies that it takes, "" for all
}

// contours finds Envoys that run beside Contour's own image, or in the namespace of a Contour.
func (f *finder) contours() []contour {
	var out []contour
	var named []*cluster.Workload
	for _, w := range f.cluster.Workloads {
		if hasImage(w, "contour") && !batch(w) {
			named = append(named, w)
		}
	}
	for _, ns := range f.cluster.Namespaces {
		c := contour{}
		for _, w := range named {
			if w.Ref.Namespace == ns.Name {
				c.class = cmp.Or(c.class, flag(w.Pods[0], "ingress-class-name"))
				c.roots = cmp.Or(c.roots, flag(w.Pods[0], "root-namespaces"))
			}
		}
		has := slices.ContainsFunc(named, func(w *cluster.Workload) bool { return w.Ref.Namespace == ns.Name })
		for _, p := range f.proxies {
			if w := p.workload; has && w.Ref.Namespace == ns.Name && hasImage(w, "envoy") {
				c.envoys = append(c.envoys, w)
			}
		}
		if len(c.envoys) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// httpProxies is the HTTPProxies of a cluster.
type httpProxies struct {
	f        *finder
	contours []contour
	byName   map[string]*object.Object
	misread  map[*object.Object]bool
	included map[*object.Object]bool
	claimed  map[string]int // how many roots have a host
	steps    int            // includes followed for the root at hand
}

// contourRoute is a route with whether requests in clear text are let in besides TLS.
type contourRoute struct {
	hall
	insecure bool
}

// maxIncludes limits the includes that are followed for one root.
const maxIncludes = 5000

// readContour makes an entry for each port, host and path of each root HTTPProxy. Proxies that are included
// are entries of the root.
func (f *finder) readContour() {
	h := httpProxies{f, f.contours(), map[string]*object.Object{}, map[*object.Object]bool{}, map[*object.Object]bool{}, map[string]int{}, 0}
	var all []*object.Object
	for _, o := range f.cluster.Kind("projectcontour.io", "HTTPProxy") {
		if !f.readable(o, "v1") {
			continue
		}
		if !f.fits(o, httpProxyFields) {
			f.flawed(o)
			h.misread[o] = true
		}
		all = append(all, o)
		h.byName[o.Ref.Namespace+"/"+o.Ref.Name] = o
		if isRoot(o) {
			h.claimed[fqdn(o)]++
		}
	}
	for _, o := range all {
		if isRoot(o) {
			h.root(o)
		}
	}
	for _, o := range all {
		if !isRoot(o) && !h.included[o] {
			f.nowhere(o, nil, "", "it has no virtualhost, and no root HTTPProxy includes it, so it exposes nothing")
		}
	}
}

func isRoot(o *object.Object) bool { return o.Root.Get("spec", "virtualhost").IsSet() }

func fqdn(o *object.Object) string {
	return plainHost(o.Root.Get("spec", "virtualhost", "fqdn").Str())
}

// fronts finds who serves a root, on port 80 and on 443. refused is why nobody does.
func (h *httpProxies) fronts(o *object.Object) (plain, secure *front, doubts, refused []string) {
	annotations := o.Root.Get("metadata", "annotations")
	class := cmp.Or(o.Root.Get("spec", "ingressClassName").Str(), annotations.Get("projectcontour.io/ingress.class").Str(), annotations.Get("kubernetes.io/ingress.class").Str())
	var envoys []*cluster.Workload
	for _, c := range h.contours {
		switch {
		case c.class != "" && !slices.Contains(strings.Split(c.class, ","), class):
			refused = append(refused, "the Contour of "+namesOf(c.envoys)+" takes class "+c.class+" only")
			continue
		case c.roots != "" && !slices.Contains(strings.Split(c.roots, ","), o.Ref.Namespace):
			refused = append(refused, "the Contour of "+namesOf(c.envoys)+" takes roots of namespaces "+c.roots+" only")
			continue
		case c.class == "" && class != "" && class != "contour":
			doubts = append(doubts, "whether the Contour of "+namesOf(c.envoys)+" takes class "+class+" is not known")
		}
		envoys = append(envoys, c.envoys...)
	}
	if len(envoys) == 0 {
		unknown := unknownFront("no Envoy of a Contour is in the input, so who reaches it is not known")
		return unknown, unknown, doubts, refused
	}
	return h.port(envoys, 80, 8080), h.port(envoys, 443, 8443), doubts, nil
}

// port is the front of Envoys on one port of clients; inner is the pod port of Contour's own manifests.
func (h *httpProxies) port(envoys []*cluster.Workload, port, inner int) *front {
	fr := &front{controllers: envoys, entry: Entry{Sources: netset.AllAddrs(), Because: []string{"its controller looks to be " + namesOf(envoys)}}}
	h.f.listening(fr, port, netset.TCP)
	declared := false
	for _, w := range envoys {
		declared = declared || slices.ContainsFunc(w.Pods[0].Ports, func(p cluster.Port) bool { return p.Number == inner })
	}
	if fr.open == nil && declared {
		fr.open, fr.lost = []int{port}, ""
	}
	if fr.open != nil {
		fr.open = append(fr.open, inner)
		slices.Sort(fr.open)
		fr.open = slices.Compact(fr.open)
	}
	return fr
}

// root makes the entries of a root HTTPProxy. With TLS requests in clear text are redirected, unless a route
// permits them; a tcpproxy takes the place of the routes for TLS (Contour, HTTPProxy).
func (h *httpProxies) root(o *object.Object) {
	plainFront, secureFront, doubts, refused := h.fronts(o)
	host := fqdn(o)
	if len(refused) > 0 {
		h.f.nowhere(o, nil, host, append([]string{"no Contour of the input takes it"}, refused...)...)
		return
	}
	if h.claimed[host] > 1 {
		doubts = append(doubts, "another root HTTPProxy has the same fqdn, and a Contour that sees both serves none of them")
	}
	tls, tcp := o.Root.Get("spec", "virtualhost", "tls"), o.Root.Get("spec", "tcpproxy")
	plain := door{front: plainFront, host: host, port: 80, protocol: netset.TCP, tls: enforcer.No}
	secure := door{front: secureFront, host: host, port: 443, protocol: netset.TCP, tls: enforcer.Yes}
	var misread bool
	h.steps = 0
	routes := h.routes(o, o, nil, nil, nil, &misread)
	if h.misread[o] || misread {
		doubts = append(doubts, notUnderstood)
	}
	plain.doubts, secure.doubts = doubts, doubts
	switch {
	case !tls.IsSet():
		if tcp.IsSet() {
			h.f.problem(o, tcp, "tcpproxy needs tls.passthrough or tls.secretName", "Contour refuses the HTTPProxy")
			plain.doubts = append(slices.Clone(doubts), "tcpproxy without tls: Contour refuses it")
		}
		h.emit(o, plain, allOf(routes, false))
	case tcp.IsSet():
		t := hall{at: tcp}
		if tls.Get("passthrough").True() {
			secure.because = []string{"TLS is passed on unopened"}
		}
		h.tcp(o, tcp, &t, nil)
		h.f.ways(o, []door{secure}, []hall{t})
	default:
		h.emit(o, secure, allOf(routes, false))
	}
	if tls.IsSet() {
		plain.because = []string{"permitInsecure is true"}
		h.f.ways(o, []door{plain}, allOf(routes, true))
	}
	if misread {
		h.f.unread(o, nil, host, "what it includes is not understood in full")
	}
}

func allOf(routes []contourRoute, insecure bool) []hall {
	var out []hall
	for _, r := range routes {
		if r.insecure || !insecure {
			out = append(out, r.hall)
		}
	}
	return out
}

func (h *httpProxies) emit(o *object.Object, d door, halls []hall) {
	if len(halls) == 0 {
		h.f.nowhere(o, nil, d.host, "it has no routes of its own or of proxies that it includes, so it exposes nothing")
		return
	}
	h.f.ways(o, []door{d}, halls)
}

// routes gathers the routes of o and of the proxies that it includes. at is the include of the root by which o
// is reached, nil for the root itself, and path all proxies on the way.
func (h *httpProxies) routes(root, o *object.Object, at *object.Value, conditions []*object.Value, path []*object.Object, misread *bool) []contourRoute {
	circle := slices.Contains(path, o) || len(path) > 20
	*misread = *misread || circle || h.misread[o] && o != root
	if circle {
		return nil
	}
	path = append(slices.Clone(path), o)
	var out []contourRoute
	for _, v := range o.Root.Get("spec", "includes").List() {
		if h.steps++; h.steps > maxIncludes {
			*misread = true
			break
		}
		ns := cmp.Or(v.Get("namespace").Str(), o.Ref.Namespace)
		child := h.byName[ns+"/"+v.Get("name").Str()]
		here := at
		if o == root {
			here = v
		}
		x := hall{at: here, paths: []string{prefixOf(conditions, v.Get("conditions").List())}}
		switch {
		case child == nil:
			x.back.Because = []string{"HTTPProxy " + ns + "/" + v.Get("name").Str() + ", which it includes, is not in the input"}
			out = append(out, contourRoute{x, false})
		case isRoot(child):
			x.back.Because = []string{child.Ref.String() + " is a root, and cannot be included"}
			out = append(out, contourRoute{x, false})
		default:
			h.included[child] = true
			out = append(out, h.routes(root, child, here, slices.Concat(conditions, v.Get("conditions").List()), path, misread)...)
		}
	}
	for _, v := range o.Root.Get("spec", "routes").List() {
		x := hall{at: v, paths: []string{prefixOf(conditions, v.Get("conditions").List())}}
		if o != root {
			x.at, x.because = at, []string{"by way of " + o.Ref.String()}
		}
		h.route(root, o, v, &x)
		out = append(out, contourRoute{x, v.Get("permitInsecure").True()})
	}
	return out
}

// route reads where a route of o leads.
func (h *httpProxies) route(root, o *object.Object, v *object.Value, x *hall) {
	b := backends{h.f, x, o}
	b.contour(v.Get("services"))
	switch {
	case len(v.Get("services").List()) > 0:
	case v.Get("requestRedirectPolicy").IsSet():
		b.say("it answers with a redirect and has no backend")
	case v.Get("directResponsePolicy").IsSet():
		b.say("it answers by itself and has no backend")
	default:
		b.say("it names no backend")
	}
	if root.Root.Get("spec", "virtualhost", "authorization", "extensionRef").IsSet() {
		b.unknown("requests are shown to an ExtensionService for authorization, which is not read")
	}
}

// prefixOf joins the prefixes of conditions, outer ones first.
func prefixOf(outer, inner []*object.Value) string {
	path := ""
	for _, v := range slices.Concat(outer, inner) {
		part := cmp.Or(v.Get("prefix").Str(), v.Get("exact").Str(), v.Get("regex").Str())
		if part != "" {
			path = strings.TrimSuffix(path, "/") + part
		}
	}
	return cmp.Or(path, "/")
}

// contour adds the services of a route, in the namespace of their HTTPProxy. Without any weight all get the
// same; otherwise those without one get nothing. A mirror gets its copy in any case.
func (b backends) contour(list *object.Value) {
	weighted := slices.ContainsFunc(list.List(), func(v *object.Value) bool { return b.weight(v.Get("weight"), 0) > 0 })
	for _, v := range list.List() {
		name := v.Get("name").Str()
		switch {
		case v.Get("mirror").True():
			b.say("requests are mirrored to " + name)
		case weighted && b.weight(v.Get("weight"), 0) == 0:
			b.say("backend " + name + " has weight 0 and gets nothing")
			continue
		}
		n, ok := v.Get("port").Int()
		b.service(b.object.Ref.Namespace, name, v.Get("port").Str(), func(p cluster.ServicePort) bool { return !ok || p.Port == n })
	}
}

// tcp adds the backends of a tcpproxy, or of the one that it includes.
func (h *httpProxies) tcp(o *object.Object, tcp *object.Value, t *hall, path []*object.Object) {
	b := backends{h.f, t, o}
	b.contour(tcp.Get("services"))
	path = append(slices.Clone(path), o)
	include := tcp.Get("include")
	if !include.IsSet() {
		include = tcp.Get("includes")
	}
	if !include.IsSet() {
		if len(tcp.Get("services").List()) == 0 {
			b.say("it names no backend")
		}
		return
	}
	ns := cmp.Or(include.Get("namespace").Str(), o.Ref.Namespace)
	child := h.byName[ns+"/"+include.Get("name").Str()]
	switch {
	case child == nil:
		b.say("HTTPProxy " + ns + "/" + include.Get("name").Str() + ", which it includes, is not in the input")
	case isRoot(child):
		b.say(child.Ref.String() + " is a root, and cannot be included")
	case slices.Contains(path, child) || len(path) > 20:
		b.say("it includes itself in a circle, which Contour refuses")
	default:
		h.included[child] = true
		t.because = append(t.because, "by way of "+child.Ref.String())
		h.tcp(child, child.Root.Get("spec", "tcpproxy"), t, path)
	}
}
