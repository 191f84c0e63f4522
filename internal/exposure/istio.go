package exposure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

const istioGroup = "networking.istio.io"

func istioVersions() []string { return []string{"v1", "v1beta1", "v1alpha3"} }

// istioServer is one server of an Istio Gateway.
type istioServer struct {
	gateway  *object.Object
	at       *object.Value
	hosts    []istioHost
	port     int
	protocol string // upper case
	passes   bool   // TLS is passed on unopened
	tls      enforcer.Answer
	front    *front
	doubts   []string
	because  []string
	used     bool // a VirtualService is, or may be, bound to it
}

// istioHost is a host of a server; namespace "" takes VirtualServices of every namespace.
type istioHost struct{ namespace, host string }

func (s *istioServer) String() string { return fmt.Sprintf("port %d of %s", s.port, s.gateway.Ref) }

// readIstio makes an entry for each server, host and path of each VirtualService that is bound to a Gateway.
func (f *finder) readIstio() {
	var servers []*istioServer
	for _, o := range f.cluster.Kind(istioGroup, "Gateway") {
		if !f.readable(o, istioVersions()...) {
			continue
		}
		understood := f.fits(o, istioGatewayFields)
		if !understood {
			f.flawed(o)
		}
		servers = append(servers, f.istioServers(o, understood)...)
	}
	var services []virtualService
	for _, o := range f.cluster.Kind(istioGroup, "VirtualService") {
		if !f.readable(o, istioVersions()...) {
			continue
		}
		v := virtualService{o, f.fits(o, virtualServiceFields)}
		if !v.understood {
			f.flawed(o)
		}
		services = append(services, v)
	}
	for _, v := range services {
		// Without a Gateway it is for traffic between pods.
		if !isDelegate(v.object) && len(boundTo(v.object)) > 0 {
			f.readVirtualService(v, servers, services)
		}
	}
	for _, s := range servers {
		if !s.used && s.protocol != autoPassthrough {
			f.nowhere(s.gateway, s.at, "", "no VirtualService of the input is bound to "+s.String())
		}
	}
}

// autoPassthrough stands for the protocol of servers that lead to every Service of the mesh by its name,
// without any VirtualService.
const autoPassthrough = "AUTO_PASSTHROUGH"

func (f *finder) istioServers(o *object.Object, understood bool) []*istioServer {
	var out []*istioServer
	var doubts []string
	if !understood {
		doubts = []string{o.Ref.String() + " is not understood in full"}
	}
	controllers := f.istioGatewayPods(o)
	for _, v := range o.Root.Get("spec", "servers").List() {
		s := &istioServer{gateway: o, at: v, protocol: strings.ToUpper(v.Get("port", "protocol").Str()), doubts: doubts}
		s.port, _ = v.Get("port", "number").Int()
		for _, h := range v.Get("hosts").List() {
			s.hosts = append(s.hosts, serverHost(h.Str(), o.Ref.Namespace))
		}
		if len(s.hosts) > maxHosts {
			s.hosts = []istioHost{{}}
		}
		f.istioTLS(s, v.Get("tls"))
		s.front = f.istioFront(s, controllers)
		if s.protocol == autoPassthrough {
			f.unread(o, v, "", "AUTO_PASSTHROUGH leads to every Service of the mesh that a client names, which is not modelled")
		}
		out = append(out, s)
	}
	return out
}

// serverHost reads "namespace/host"; "." is the Gateway's own namespace, and "*" or none is every one
// (Istio, Server.hosts).
func serverHost(text, namespace string) istioHost {
	ns, host, ok := strings.Cut(text, "/")
	switch {
	case !ok:
		return istioHost{"", plainHost(text)}
	case ns == ".":
		ns = namespace
	case ns == "*":
		ns = ""
	}
	return istioHost{ns, plainHost(host)}
}

// istioTLS reads what a server takes. With httpsRedirect requests in clear text are sent away, but Envoy
// believes a load balancer in front that says it has ended TLS.
func (f *finder) istioTLS(s *istioServer, tls *object.Value) {
	clear := false
	switch s.protocol {
	case "HTTP", "HTTP2", "GRPC", "GRPC-WEB": // whatever the mode
		s.tls, clear = enforcer.No, true
	case "HTTPS", "TLS", "TCP", "MONGO", "MYSQL", "REDIS":
	default:
		f.problem(s.gateway, s.at, "protocol "+s.protocol+" of "+s.String()+" is not known", "it is taken for one of connections")
	}
	switch mode := tls.Get("mode").Str(); mode {
	case "PASSTHROUGH":
		if clear {
			return
		}
		s.tls, s.passes = enforcer.Yes, true
		s.because = append(s.because, "TLS is passed on unopened")
	case autoPassthrough:
		s.tls, s.passes, s.protocol = enforcer.Yes, true, autoPassthrough
	case "SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL":
		if !clear {
			s.tls = enforcer.Yes
		}
	case "":
		if tls.Get("httpsRedirect").True() {
			s.tls = enforcer.Unknown
			s.because = append(s.because, "requests in clear text are redirected, unless a load balancer in front says that it has ended TLS")
		}
	default:
		f.problem(s.gateway, tls, "tls mode "+mode+" is not known", "what the server does with TLS is not certain")
		s.tls = enforcer.Unknown
	}
}

// requests tells whether a server routes requests, and not connections.
func (s *istioServer) requests() bool {
	switch s.protocol {
	case "HTTP", "HTTP2", "GRPC", "GRPC-WEB":
		return true
	case "HTTPS":
		return !s.passes
	}
	return false
}

// istioGatewayPods is the workloads that the selector of a Gateway picks, in any namespace: what its
// documentation says of the Gateway's own namespace is off by default (PILOT_SCOPE_GATEWAY_TO_NAMESPACE).
// Without a selector every gateway of the mesh serves it.
func (f *finder) istioGatewayPods(o *object.Object) []*cluster.Workload {
	labels := o.Root.Get("spec", "selector").Strings()
	if len(labels) == 0 {
		return slices.DeleteFunc(f.proxiesLike("proxyv2"), sidecarOnly)
	}
	selector := cluster.MatchLabels(labels)
	var out []*cluster.Workload
	for _, p := range f.cluster.Pods {
		if selector.Matches(p.Labels) && !slices.Contains(out, p.Workload) {
			out = append(out, p.Workload)
		}
	}
	return out
}

func (f *finder) istioFront(s *istioServer, controllers []*cluster.Workload) *front {
	fr := &front{controllers: controllers, entry: Entry{Sources: netset.AllAddrs(), Because: []string{s.String() + " takes it"}}}
	bind := s.at.Get("bind").Str()
	switch {
	case bind == "127.0.0.1" || bind == "::1" || strings.HasPrefix(bind, "unix:"):
		fr.decided, fr.entry.Public, fr.entry.Sources = true, enforcer.No, netset.Addrs{}
		fr.entry.Because = append(fr.entry.Because, "it is bound to "+bind+": only the gateway's pod itself gets there")
	case len(controllers) == 0:
		fr.decided = true
		fr.entry.Because = append(fr.entry.Because, "no pod of the input has the labels that "+s.gateway.Ref.String()+" selects")
	default:
		fr.entry.Because = append(fr.entry.Because, "its pods are those of "+namesOf(controllers))
		f.listening(fr, s.port, netset.TCP)
	}
	return fr
}
