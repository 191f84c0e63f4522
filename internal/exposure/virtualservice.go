package exposure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// virtualService is a VirtualService of Istio, and whether all of it is understood.
type virtualService struct {
	object     *object.Object
	understood bool
}

// meshGateway is the name that stands for all sidecars, and the default.
const meshGateway = "mesh"

// gatewayName is a Gateway as a VirtualService names it: "namespace/name", "./name", a name of the same
// namespace, or the older form of a host name (Istio, VirtualService.gateways).
func gatewayName(text, namespace string) string {
	ns, name, ok := strings.Cut(text, "/")
	switch {
	case ok && ns == ".":
		return namespace + "/" + name
	case ok:
		return text
	case text == meshGateway:
		return text
	}
	if parts := strings.Split(text, "."); len(parts) > 1 {
		return parts[1] + "/" + parts[0]
	}
	return namespace + "/" + text
}

// boundTo is the Gateways that a VirtualService names, without the sidecars.
func boundTo(o *object.Object) []string {
	var out []string
	for _, g := range o.Root.Get("spec", "gateways").List() {
		if name := gatewayName(g.Str(), o.Ref.Namespace); name != meshGateway {
			out = append(out, name)
		}
	}
	return out
}

// isDelegate tells whether a VirtualService serves others only: one without hosts.
func isDelegate(o *object.Object) bool { return len(o.Root.Get("spec", "hosts").List()) == 0 }

// readVirtualService binds a VirtualService to the servers of its Gateways by their hosts.
func (f *finder) readVirtualService(v virtualService, servers []*istioServer, all []virtualService) {
	o := v.object
	hosts := hostsOf(o.Root.Get("spec", "hosts"))
	for i, h := range hosts {
		hosts[i] = istioName(h, o.Ref.Namespace)
	}
	var why []string
	bound := false
	for _, name := range boundTo(o) {
		found := false
		for _, s := range servers {
			if s.gateway.Ref.Namespace+"/"+s.gateway.Ref.Name != name || s.protocol == autoPassthrough {
				continue
			}
			found = true
			doors := s.doors(o, hosts)
			if len(doors) == 0 {
				why = append(why, s.String()+" has none of its hosts")
				continue
			}
			if f.exportedTo(o, s.front.controllers) {
				s.used, bound = true, true
				f.bind(v, doors, s, name, all)
				continue
			}
			why = append(why, "it is not exported to the namespace of the pods of "+s.gateway.Ref.String())
		}
		switch {
		case found:
		case f.cluster.Complete:
			why = append(why, "Gateway "+name+" is not in the cluster, or has no servers")
		default:
			bound = true
			f.bind(v, f.somewhere(o, hosts, "Gateway "+name+" is not in the input, so who reaches it is not known"), nil, name, all)
		}
	}
	if !bound {
		host := ""
		if len(hosts) == 1 {
			host = hosts[0]
		}
		f.nowhere(o, nil, host, append([]string{"no server of a Gateway takes it, so it exposes nothing"}, why...)...)
	}
}

// doors is the hosts that a server and a VirtualService share.
func (s *istioServer) doors(o *object.Object, hosts []string) []door {
	var met []string
	for _, mine := range s.hosts {
		if mine.namespace != "" && mine.namespace != o.Ref.Namespace {
			continue
		}
		for _, h := range hosts {
			if both, ok := hostsMeet(mine.host, h); ok && !slices.Contains(met, both) {
				met = append(met, both)
			}
		}
	}
	var out []door
	for _, h := range met {
		out = append(out, door{front: s.front, host: h, port: s.port, protocol: netset.TCP, tls: s.tls, doubts: s.doubts, because: s.because})
	}
	return out
}

// exportedTo tells whether o is visible in a namespace of the pods; so when the pods are not known.
func (f *finder) exportedTo(o *object.Object, pods []*cluster.Workload) bool {
	list := o.Root.Get("spec", "exportTo").List()
	if len(list) == 0 || len(pods) == 0 {
		return true
	}
	for _, v := range list {
		for _, w := range pods {
			if ns := v.Str(); ns == "*" || ns == w.Ref.Namespace || ns == "." && o.Ref.Namespace == w.Ref.Namespace {
				return true
			}
		}
	}
	return false
}

// bind makes the entries of what a server routes: http where it opens requests, tls where it passes TLS on,
// tcp for other connections. s is nil for a Gateway that is not known: then all of them.
func (f *finder) bind(v virtualService, doors []door, s *istioServer, gateway string, all []virtualService) {
	o := v.object
	if !v.understood {
		for i := range doors {
			doors[i].doubts = append(slices.Clone(doors[i].doubts), notUnderstood)
		}
	}
	var halls []hall
	if s == nil || s.requests() {
		halls = append(halls, f.httpHalls(o, s, gateway, all)...)
	}
	if s == nil || s.passes {
		halls = append(halls, f.connectionHalls(o, "tls", s, gateway)...)
	}
	if s == nil || !s.passes && !s.requests() {
		halls = append(halls, f.connectionHalls(o, "tcp", s, gateway)...)
	}
	if len(halls) == 0 {
		h := hall{at: o.Root.Get("spec")}
		h.back.Because = []string{"no rule of it is for traffic of this server"}
		if s != nil && s.requests() {
			h.paths = []string{"/"}
		}
		halls = append(halls, h)
	}
	f.ways(o, doors, halls)
}

// applies tells whether a match lets traffic of a gateway and port through.
func applies(m *object.Value, o *object.Object, s *istioServer, gateway string) bool {
	list := m.Get("gateways").List()
	if len(list) > 0 && !slices.ContainsFunc(list, func(g *object.Value) bool { return gatewayName(g.Str(), o.Ref.Namespace) == gateway }) {
		return false
	}
	n, ok := m.Get("port").Int()
	return !ok || n == 0 || s == nil || n == s.port
}

// matches gives the matches of a rule that apply; ok is false when it has some and none applies.
func matches(rule *object.Value, o *object.Object, s *istioServer, gateway string) (out []*object.Value, ok bool) {
	list := rule.Get("match").List()
	for _, m := range list {
		if applies(m, o, s, gateway) {
			out = append(out, m)
		}
	}
	return out, len(list) == 0 || len(out) > 0
}

func (f *finder) httpHalls(o *object.Object, s *istioServer, gateway string, all []virtualService) []hall {
	var out []hall
	for _, r := range o.Root.Get("spec", "http").List() {
		found, ok := matches(r, o, s, gateway)
		if !ok {
			continue
		}
		paths := uriPaths(found)
		d := r.Get("delegate")
		if !d.IsSet() {
			out = append(out, f.httpHall(o, r, paths, s))
			continue
		}
		ns := cmp.Or(d.Get("namespace").Str(), o.Ref.Namespace)
		h := hall{at: r, paths: paths}
		h.back.Because = []string{"it delegates to VirtualService " + ns + "/" + d.Get("name").Str() + ", which is not in the input"}
		for _, v := range all {
			if v.object.Ref.Namespace != ns || v.object.Ref.Name != d.Get("name").Str() {
				continue
			}
			h.back.Because = nil
			out = append(out, f.delegated(v, r, paths, s, gateway)...)
		}
		if h.back.Because != nil {
			out = append(out, h)
		}
	}
	return out
}

// delegated is the rules of a VirtualService to which a rule of another delegates. Delegation goes one step
// (Istio, HTTPRoute.delegate).
func (f *finder) delegated(v virtualService, rule *object.Value, paths []string, s *istioServer, gateway string) []hall {
	var out []hall
	for _, r := range v.object.Root.Get("spec", "http").List() {
		found, ok := matches(r, v.object, s, gateway)
		if !ok {
			continue
		}
		inner := paths
		if len(r.Get("match").List()) > 0 {
			inner = uriPaths(found)
		}
		h := f.httpHall(v.object, r, inner, s)
		h.at = rule
		h.because = append(h.because, "it is delegated to "+v.object.Ref.String())
		if !v.understood {
			h.doubts = append(h.doubts, v.object.Ref.String()+" is not understood in full")
		}
		if r.Get("delegate").IsSet() {
			h.back.Because = append(h.back.Because, "a delegate cannot delegate on")
		}
		out = append(out, h)
	}
	return out
}

// uriPaths is the paths that matches name; "/" for one that names none.
func uriPaths(found []*object.Value) []string {
	var out []string
	for _, m := range found {
		uri := m.Get("uri")
		out = append(out, cmp.Or(uri.Get("exact").Str(), uri.Get("prefix").Str(), uri.Get("regex").Str(), "/"))
	}
	if len(out) == 0 {
		return []string{"/"}
	}
	return out
}

// httpHall is one rule for requests; owner is the VirtualService it stands in.
func (f *finder) httpHall(owner *object.Object, r *object.Value, paths []string, s *istioServer) hall {
	h := hall{at: r, paths: paths}
	b := destinations{backends{f, &h, owner}, s}
	b.routes(r.Get("route"))
	mirrors := []*object.Value{r.Get("mirror")}
	for _, m := range r.Get("mirrors").List() {
		if share := m.Get("percentage", "value").Str(); share != "0" && share != "0.0" {
			mirrors = append(mirrors, m.Get("destination"))
		}
	}
	for _, m := range mirrors {
		if m.IsSet() {
			b.say("requests are mirrored to " + m.Get("host").Str())
			b.to(m)
		}
	}
	if len(r.Get("route").List()) == 0 {
		switch {
		case r.Get("redirect").IsSet():
			b.say("it answers with a redirect and has no backend")
		case r.Get("directResponse").IsSet():
			b.say("it answers by itself and has no backend")
		default:
			b.say("it names no backend")
		}
	}
	return h
}

func (f *finder) connectionHalls(o *object.Object, field string, s *istioServer, gateway string) []hall {
	var out []hall
	for _, r := range o.Root.Get("spec", field).List() {
		found, ok := matches(r, o, s, gateway)
		if !ok {
			continue
		}
		h := hall{at: r}
		var names []string
		for _, m := range found {
			for _, sni := range m.Get("sniHosts").List() {
				names = append(names, sni.Str())
			}
		}
		if len(names) > 0 {
			slices.Sort(names)
			h.because = append(h.because, fmt.Sprintf("for TLS to %s", strings.Join(slices.Compact(names), ", ")))
		}
		destinations{backends{f, &h, o}, s}.routes(r.Get("route"))
		out = append(out, h)
	}
	return out
}
