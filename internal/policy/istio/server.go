package istio

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// server is what decides how the proxy of a pod treats connections to it, apart from AuthorizationPolicies.
type server struct {
	kind string // one of the values of FactMesh
	// unseen goes past the proxy: all that is not TCP, and ports that are not redirected to it. perhaps is
	// TCP ports of which that is not known.
	unseen, perhaps netset.Conns
	// Ports by their mode of mTLS. Of the rest several modes are possible; in unsure STRICT is one of them.
	strict, permissive, disable, unsure netset.Conns
	served                              netset.Conns // Services lead to the port, so client proxies use mTLS
	http, tcp                           netset.Conns // by the declarations of Services; the rest is detected
	patched                             string       // not "": why the proxy may not do what policies say
	waypoint                            string       // not "": why connections may carry another identity and address
	mtls, inbound                       string       // FactMTLS, FactInbound
	past                                string       // FactPast
}

// seen is what the proxy certainly decides about.
func (s *server) seen() netset.Conns {
	return netset.Of(netset.TCP).Subtract(s.unseen).Subtract(s.perhaps)
}

// ownPorts are those of the proxy itself, which no sidecar redirects: health, telemetry, merged telemetry.
var ownPorts = netset.Ports(netset.TCP, 15020, 15021).Union(netset.Ports(netset.TCP, 15090, 15090))

// server reads all that about one pod as if it were in the mesh in the given way.
func (m *mesh) server(p *cluster.Pod, kind string) server {
	s := server{kind: kind, unseen: netset.All().Subtract(netset.Of(netset.TCP))}
	switch kind {
	case Sidecar:
		m.redirection(p, &s)
		s.patched = m.patched(p, "SIDECAR_INBOUND")
	case Ambient:
		s.waypoint = m.waypoint(p)
	default:
		s.unseen = s.unseen.Union(ownPorts)
		s.patched = m.patched(p, "GATEWAY")
	}
	if kind == Sidecar || kind == Ambient {
		m.modes(p, &s)
	} else {
		s.mtls = "by its listeners"
	}
	if kind == Sidecar {
		m.services(p, &s)
	}
	s.describe()
	return s
}

// redirection finds the ports that are not redirected to the sidecar: by the arguments of a container that
// sets up the redirection, else by annotations, else by the injector's defaults. The tunnel port 15008 is
// not redirected either, and whether the proxy listens there is not known.
func (m *mesh) redirection(p *cluster.Pod, s *server) {
	include, exclude := m.includePorts, m.excludePorts
	in := p.Annotations
	if v := in.Get("traffic.sidecar.istio.io/includeInboundPorts"); v.IsSet() {
		include = v.Str()
	}
	if v := in.Get("traffic.sidecar.istio.io/excludeInboundPorts"); v.IsSet() {
		exclude = v.Str()
	}
	own := ownPorts
	for _, c := range p.Spec.Get("initContainers").List() {
		if name := c.Get("name").Str(); name != "istio-init" && name != "istio-validation" {
			continue
		}
		args := c.Get("args").List()
		for i := 0; i+1 < len(args); i++ {
			switch args[i].Str() {
			case "-b":
				include = args[i+1].Str()
			case "-d":
				exclude, own = args[i+1].Str(), netset.None()
			}
		}
	}
	taken, okIn := portList(include)
	left, okOut := portList(exclude)
	if !okIn || !okOut {
		taken, left = netset.Of(netset.TCP), netset.None()
		s.perhaps = netset.Of(netset.TCP)
	}
	if v := in.Get("status.sidecar.istio.io/port"); v.IsSet() {
		if n, ok := port(v.Str()); ok {
			own = own.Union(netset.Ports(netset.TCP, n, n))
		}
		s.perhaps = s.perhaps.Union(netset.Ports(netset.TCP, 15020, 15020))
		own = own.Subtract(netset.Ports(netset.TCP, 15020, 15020))
	}
	if past := left.Union(netset.Of(netset.TCP).Subtract(taken)).Subtract(ownPorts); !past.IsEmpty() {
		s.past = past.String()
	}
	s.unseen = s.unseen.Union(left).Union(own).Union(netset.Of(netset.TCP).Subtract(taken))
	s.perhaps = s.perhaps.Union(netset.Ports(netset.TCP, 15008, 15008)).Subtract(s.unseen)
}

// services reads what Services say of the ports of a pod: that clients find it there and so use mTLS, and
// the protocol (pkg/config/kube ConvertProtocol, networking.ModelProtocolToListenerProtocol).
func (m *mesh) services(p *cluster.Pod, s *server) {
	var detected netset.Conns
	for _, svc := range m.c.Services {
		if svc.Namespace != p.Namespace || !slices.Contains(svc.Pods, p) {
			continue
		}
		plain := !m.autoMTLS || m.plainText(svc) || svc.Annotations["networking.istio.io/exportTo"] != ""
		for _, sp := range svc.Ports {
			n, ok := sp.Target(p)
			if !ok || sp.Protocol != netset.TCP {
				continue
			}
			c := netset.Ports(netset.TCP, n, n)
			if !plain && svc.Type != "ExternalName" {
				s.served = s.served.Union(c)
			}
			switch protocolOf(sp) {
			case http:
				s.http = s.http.Union(c)
			case tcp:
				s.tcp = s.tcp.Union(c)
			case auto:
				detected = detected.Union(c)
			}
		}
	}
	if m.ownListeners(p) {
		detected = netset.Of(netset.TCP)
	}
	both := s.http.Intersect(s.tcp).Union(detected) // Services disagree: which one counts is not specified
	s.http, s.tcp = s.http.Subtract(both), s.tcp.Subtract(both)
}

// application is what a proxy takes the traffic of a port for.
type application uint8

const (
	auto application = iota // it looks at the first bytes
	http
	tcp
)

func protocolOf(sp cluster.ServicePort) application {
	name := sp.Name
	if sp.AppProtocol != "" {
		switch name = sp.AppProtocol; name {
		case "kubernetes.io/h2c", "kubernetes.io/ws":
			return http
		case "kubernetes.io/wss":
			return tcp
		}
	}
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "grpc-web") {
		return http
	}
	name, _, _ = strings.Cut(name, "-")
	switch name {
	case "http", "http2", "grpc", "http_proxy":
		return http
	case "tcp", "https", "tls", "mongo", "mysql", "redis":
		return tcp
	}
	if slices.Contains([]int{25, 53, 3306, 27017}, sp.Port) {
		return tcp
	}
	return auto
}

// plainText tells whether a DestinationRule may make clients talk to a Service without mTLS.
func (m *mesh) plainText(svc *cluster.Service) bool {
	for _, o := range m.c.Kind(networkingGroup, "DestinationRule") {
		host := o.Root.Get("spec", "host").Str()
		first, _, _ := strings.Cut(host, ".")
		if (first == svc.Ref.Name || strings.Contains(first, "*")) && setsTLS(o.Root.Get("spec")) {
			return true
		}
	}
	return false
}

// setsTLS looks anywhere below v for a tls setting other than that of the mesh.
func setsTLS(v *object.Value) bool {
	for _, f := range v.Map() {
		if f.Name == "tls" && f.Value.IsSet() && f.Value.Get("mode").Str() != "ISTIO_MUTUAL" || setsTLS(f.Value) {
			return true
		}
	}
	return slices.ContainsFunc(v.List(), setsTLS)
}

// ownListeners tells whether a Sidecar object may give the pod listeners of its own.
func (m *mesh) ownListeners(p *cluster.Pod) bool {
	return slices.ContainsFunc(m.c.Kind(networkingGroup, "Sidecar"), func(o *object.Object) bool {
		spec := o.Root.Get("spec")
		return spec.Get("ingress").IsSet() && m.reaches(o, spec.Get("workloadSelector", "labels"), p)
	})
}

// patchedProxy says of an object what it does to a proxy.
const patchedProxy = " changes the configuration of the proxy, which is not modelled"

// patched looks for EnvoyFilters that may change what the proxy of a pod does with connections to it.
func (m *mesh) patched(p *cluster.Pod, context string) string {
	for _, o := range m.c.Kind(networkingGroup, "EnvoyFilter") {
		spec := o.Root.Get("spec")
		if !m.reaches(o, spec.Get("workloadSelector", "labels"), p) {
			continue
		}
		for _, patch := range spec.Get("configPatches").List() {
			switch where := patch.Get("match", "context").Str(); {
			case where != "" && where != "ANY" && where != context:
			case patch.Get("applyTo").Str() == "CLUSTER":
			default:
				return o.Ref.String() + patchedProxy
			}
		}
	}
	return ""
}

// reaches tells whether an object of the mesh may select a pod by labels: in its namespace, or anywhere when
// it is in the root namespace.
func (m *mesh) reaches(o *object.Object, labels *object.Value, p *cluster.Pod) bool {
	if o.Ref.Namespace != p.Namespace.Name && m.isRoot(o.Ref.Namespace) == no {
		return false
	}
	if targets := o.Root.Get("spec", "targetRefs"); len(targets.List()) > 0 {
		return p.Labels[gatewayLabel] != ""
	}
	return selectsPod(cluster.MatchLabels(labels.Strings()), p) != no
}

// waypoint says why connections to an ambient pod may come through a waypoint, which puts its own identity
// and address in the place of the client's.
func (m *mesh) waypoint(p *cluster.Pod) string {
	const key = "istio.io/use-waypoint"
	ns := p.Namespace
	switch v, has := p.Labels[key]; {
	case has && v != "none":
		return fmt.Sprintf("%s uses waypoint %s", p.Workload.Ref, v)
	case !ns.Declared:
		return fmt.Sprintf("the labels of namespace %s are not in the input, so it is not known whether its pods use a waypoint", ns.Name)
	case !has && ns.Labels[key] != "" && ns.Labels[key] != "none":
		return fmt.Sprintf("namespace %s uses waypoint %s", ns.Name, ns.Labels[key])
	}
	for _, svc := range m.c.Services {
		if v := svc.Object.Root.Get("metadata", "labels").Get(key).Str(); v != "" && v != "none" && slices.Contains(svc.Pods, p) {
			return fmt.Sprintf("%s uses waypoint %s", svc.Ref, v)
		}
	}
	return ""
}

// describe writes FactInbound. Equal texts stand for equal servers, apart from FactMTLS.
func (s *server) describe() {
	var parts []string
	add := func(what string, c netset.Conns) {
		if !c.IsEmpty() {
			parts = append(parts, what+" "+c.String())
		}
	}
	add("http", s.http)
	add("not http", s.tcp)
	add("without a proxy", s.unseen.Only(netset.TCP))
	add("perhaps without a proxy", s.perhaps)
	add("by a Service", s.served)
	for _, text := range []string{s.patched, s.waypoint} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	s.inbound = strings.Join(parts, "; ")
}
