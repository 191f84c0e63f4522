package exposure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

const gatewayGroup = "gateway.networking.k8s.io"

// gateway is a Gateway of the Gateway API with all its listeners.
type gateway struct {
	object    *object.Object
	class     string
	listeners []*listener // its own, then those of ListenerSets
	flawed    bool        // parts of it are not understood

	// Who serves it, found with the first listener.
	controllers []*cluster.Workload
	services    []*cluster.Service
}

// listener is one listener of a Gateway or of a ListenerSet that is attached to it.
type listener struct {
	gateway  *gateway
	owner    *object.Object // the Gateway or the ListenerSet
	at       *object.Value
	name     string
	host     string // "" is any
	port     int
	protocol string // as written
	passes   bool   // TLS is passed on unopened
	tls      enforcer.Answer
	front    *front
	doubts   []string
	used     bool // a route is, or may be, attached
}

func (l *listener) String() string { return "listener " + l.name + " of " + l.owner.Ref.String() }

// transport is the protocol that clients speak to l.
func (l *listener) transport() netset.Protocol {
	if l.protocol == "UDP" {
		return netset.UDP
	}
	return netset.TCP
}

// gatewayVersions are those of which the fields that matter are the same.
func gatewayVersions() []string { return []string{"v1", "v1beta1", "v1alpha3", "v1alpha2"} }

// readGatewayAPI makes an entry for each listener, host and path of each route, and for each listener that no
// route is attached to.
func (f *finder) readGatewayAPI() {
	f.readGrants()
	gateways := f.gateways()
	for _, kind := range routeKinds() {
		for _, o := range f.cluster.Kind(gatewayGroup, kind.name) {
			if f.readable(o, gatewayVersions()...) {
				f.readRoute(o, f.fits(o, kind.fields), gateways)
			}
		}
	}
	for _, g := range gateways {
		for _, l := range g.listeners {
			if !l.used {
				f.nowhere(l.owner, l.at, l.host, fmt.Sprintf("no route of the input is attached to %s on port %d", l, l.port))
			}
		}
		if g.flawed {
			f.flawed(g.object)
		}
	}
}

// routeKind is a kind of routes, with its fields.
type routeKind struct{ name, fields string }

func routeKinds() []routeKind {
	return []routeKind{
		{"GRPCRoute", grpcRouteFields},
		{"HTTPRoute", httpRouteFields},
		{"TCPRoute", l4RouteFields},
		{"TLSRoute", tlsRouteFields},
		{"UDPRoute", l4RouteFields},
	}
}

// gateways reads Gateways and ListenerSets, in the order of the cluster.
func (f *finder) gateways() []*gateway {
	for _, o := range f.cluster.Kind(gatewayGroup, "GatewayClass") {
		f.fits(o, gatewayClassFields)
	}
	var out []*gateway
	for _, o := range f.cluster.Kind(gatewayGroup, "Gateway") {
		if !f.readable(o, gatewayVersions()...) {
			continue
		}
		g := &gateway{object: o, class: o.Root.Get("spec", "gatewayClassName").Str(), flawed: !f.fits(o, gatewayFields)}
		f.addListeners(g, o, nil)
		out = append(out, g)
	}
	for _, o := range f.cluster.Kind(gatewayGroup, "ListenerSet") {
		if f.readable(o, gatewayVersions()...) {
			f.listenerSet(o, f.fits(o, listenerSetFields), out)
		}
	}
	return out
}

// listenerSet hangs the listeners of a set on its Gateway. A Gateway takes none unless it says so
// (Gateway API, AllowedListeners).
func (f *finder) listenerSet(o *object.Object, understood bool, gateways []*gateway) {
	parent := o.Root.Get("spec", "parentRef")
	if !understood {
		f.flawed(o)
	}
	if cmp.Or(parent.Get("group").Str(), gatewayGroup) != gatewayGroup || cmp.Or(parent.Get("kind").Str(), "Gateway") != "Gateway" {
		f.unread(o, parent, "", "its parent is a "+parent.Get("kind").Str()+", which is not modelled")
		return
	}
	ns, name := cmp.Or(parent.Get("namespace").Str(), o.Ref.Namespace), parent.Get("name").Str()
	found, taken := false, false
	for _, g := range gateways {
		if g.object.Ref.Namespace != ns || g.object.Ref.Name != name {
			continue
		}
		found = true
		allowed := g.object.Root.Get("spec", "allowedListeners", "namespaces")
		ok, why := f.fromNamespace(g.object, allowed, "None", o.Ref.Namespace)
		if g.flawed && ok == enforcer.No {
			ok, why = enforcer.Unknown, g.object.Ref.String()+" is not understood in full"
		}
		taken = taken || ok != enforcer.No
		switch ok {
		case enforcer.Yes:
			f.addListeners(g, o, nil)
		case enforcer.Unknown:
			f.addListeners(g, o, []string{"whether " + g.object.Ref.String() + " takes the listeners of " + o.Ref.String() + " is not certain: " + why})
		case enforcer.No:
			f.nowhere(o, parent, "", g.object.Ref.String()+" does not take its listeners: "+why)
		}
	}
	if found && !taken {
		f.idleSets = append(f.idleSets, o.Ref)
	}
	if !found {
		f.unread(o, parent, "", "Gateway "+ns+"/"+name+" is not in the input")
	}
}

func (f *finder) addListeners(g *gateway, owner *object.Object, doubts []string) {
	for _, v := range owner.Root.Get("spec", "listeners").List() {
		l := &listener{
			gateway: g, owner: owner, at: v, name: v.Get("name").Str(), host: plainHost(v.Get("hostname").Str()),
			protocol: v.Get("protocol").Str(), doubts: slices.Clone(doubts),
		}
		port, ok := v.Get("port").Int()
		if l.port = port; !ok || port < 0 || port > 65535 {
			f.problem(owner, v, "port "+v.Get("port").Str()+" of "+l.String()+": want a number from 1 to 65535", "it is taken for a port that is not known")
			l.port = 0
		}
		if g.flawed {
			l.doubts = append(l.doubts, g.object.Ref.String()+" is not understood in full")
		}
		f.listenerTLS(l)
		l.front = f.gatewayFront(l)
		g.listeners = append(g.listeners, l)
		f.listenerFilters(l)
	}
}

// listenerTLS reads who ends TLS. A certificate of another namespace that no grant opens leaves the listener
// without one, and what a controller does then is up to it (ListenerTLSConfig.certificateRefs).
func (f *finder) listenerTLS(l *listener) {
	tls := l.at.Get("tls")
	switch l.protocol {
	case "HTTP":
		l.tls = enforcer.No
		return
	case "HTTPS", "TLS":
	case "TCP", "UDP":
		return // whatever is inside
	default:
		l.doubts = append(l.doubts, "what protocol "+l.protocol+" of "+l.String()+" means is up to its controller")
		return
	}
	l.passes = tls.Get("mode").Str() == "Passthrough"
	if l.passes || len(tls.Get("certificateRefs").List()) > 0 {
		l.tls = enforcer.Yes
	}
	if l.passes {
		return
	}
	for _, c := range tls.Get("certificateRefs").List() {
		ns := cmp.Or(c.Get("namespace").Str(), l.owner.Ref.Namespace)
		to := object.Ref{Group: c.Get("group").Str(), Kind: cmp.Or(c.Get("kind").Str(), "Secret"), Namespace: ns, Name: c.Get("name").Str()}
		if ok, why := f.granted(l.owner.Ref, to); ok != enforcer.Yes {
			l.doubts = append(l.doubts, l.String()+" may have no certificate: "+why)
		}
	}
}

// gatewayFront finds who takes the traffic of a listener: a load balancer that the class stands for, or pods
// that its controller runs.
func (f *finder) gatewayFront(l *listener) *front {
	g := l.gateway
	fr := &front{entry: Entry{Sources: netset.AllAddrs(), Because: []string{l.String() + " takes it"}}}
	var class *object.Object
	for _, c := range f.cluster.Kind(gatewayGroup, "GatewayClass") {
		if c.Ref.Name == g.class {
			class = c
		}
	}
	controller := rootOf(class).Get("spec", "controllerName").Str()
	seen, why := gatewayAddresses(g.object)
	if public, because := f.cloudGateway(g, class, controller); because != "" {
		fr.decided = true
		fr.entry.Public, fr.entry.Because = public, append(fr.entry.Because, because)
		switch {
		case seen == enforcer.Unknown || seen == public:
		case public == enforcer.Yes: // what was asked for may come later
			fr.entry.Public, fr.entry.Because = enforcer.Unknown, append(fr.entry.Because, why)
		default:
			fr.entry.Public, fr.entry.Because = seen, append(fr.entry.Because, why)
		}
		return fr
	}
	if len(g.listeners) == 0 {
		g.controllers, g.services = f.gatewayProxies(g, controller)
	}
	fr.controllers, fr.services = g.controllers, g.services
	f.listening(fr, l.port, l.transport())
	switch {
	case seen == enforcer.Yes:
		fr.decided, fr.entry.Public = true, enforcer.Yes
		fr.entry.Because = append(fr.entry.Because, why)
	case len(fr.controllers) > 0:
		fr.entry.Because = append(fr.entry.Because, "its pods are those of "+namesOf(fr.controllers))
	case len(fr.services) > 0:
		fr.entry.Because = append(fr.entry.Because, "its address is that of "+fr.services[0].Ref.String())
	case seen == enforcer.No:
		fr.decided, fr.entry.Public = true, enforcer.No
		fr.entry.Because = append(fr.entry.Because, why)
	default:
		fr.decided = true
		fr.entry.Because = append(fr.entry.Because, "the pods and the Service that its controller makes for "+g.object.Ref.String()+" are not in the input")
	}
	return fr
}

// gatewayProxies finds the workloads that serve g by the labels that controllers put on what they make for a
// Gateway (GEP-1762, Envoy Gateway, Contour, Cilium), else by the images of a controller whose proxies all
// Gateways share.
func (f *finder) gatewayProxies(g *gateway, controller string) ([]*cluster.Workload, []*cluster.Service) {
	name, ns := g.object.Ref.Name, g.object.Ref.Namespace
	own := func(labels map[string]string, namespace string) bool {
		if labels["gateway.envoyproxy.io/owning-gateway-name"] == name && labels["gateway.envoyproxy.io/owning-gateway-namespace"] == ns {
			return true
		}
		if labels["gateway.envoyproxy.io/owning-gatewayclass"] != "" && labels["gateway.envoyproxy.io/owning-gatewayclass"] == g.class {
			return true
		}
		for _, k := range []string{gatewayGroup + "/gateway-name", "istio.io/gateway-name", "projectcontour.io/owning-gateway-name", "io.cilium.gateway/owning-gateway"} {
			if namespace == ns && labels[k] == name && name != "" {
				return true
			}
		}
		return false
	}
	var found []*cluster.Workload
	var services []*cluster.Service
	add := func(w *cluster.Workload) {
		if !slices.Contains(found, w) && !batch(w) {
			found = append(found, w)
		}
	}
	for _, p := range f.cluster.Pods {
		if own(p.Labels, p.Namespace.Name) {
			add(p.Workload)
		}
	}
	asked := addressHosts(g.object)
	for _, s := range f.cluster.Services {
		full := s.Ref.Name + "." + s.Ref.Namespace + ".svc"
		if !own(s.Object.Root.Get("metadata", "labels").Strings(), s.Ref.Namespace) &&
			!slices.ContainsFunc(asked, func(h string) bool { return h == full || strings.HasPrefix(h, full+".") }) {
			continue
		}
		for _, p := range s.Pods {
			add(p.Workload)
		}
		if len(s.Pods) == 0 {
			services = append(services, s)
		}
	}
	if len(found) == 0 && len(services) == 0 {
		if images := sharedProxies(controller); images != nil {
			found = f.proxiesLike(images...)
		}
	}
	slices.SortFunc(found, func(a, b *cluster.Workload) int { return a.Ref.Compare(b.Ref) })
	return found, services
}

// sharedProxies is the images of the proxies of a controller that runs one set for all Gateways.
func sharedProxies(controller string) []string {
	switch {
	case strings.HasPrefix(controller, "traefik.io/"):
		return []string{"traefik"}
	case strings.HasPrefix(controller, "projectcontour.io/"):
		return []string{"envoyproxy/envoy"}
	case strings.HasPrefix(controller, "konghq.com/"):
		return []string{"kong"}
	case strings.HasPrefix(controller, "gateway.nginx.org/"):
		return []string{"nginx-gateway-fabric"}
	case strings.HasPrefix(controller, "haproxy"):
		return []string{"haproxy"}
	case strings.HasPrefix(controller, "apisix.apache.org/"):
		return []string{"apisix"}
	}
	return nil
}
