package cluster

import (
	"net/netip"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Service is a Service with the pods behind it. Type is "ClusterIP" when not stated.
type Service struct {
	Object      *object.Object
	Ref         object.Ref
	Namespace   *Namespace
	Type        string
	Headless    bool
	ClusterIPs  []netip.Addr
	IPFamilies  []string
	ExternalIPs []netip.Addr
	Ports       []ServicePort
	Selector    map[string]string // nil: endpoints are kept by hand or by a controller
	Annotations map[string]string
	Pods        []*Pod // behind the Service: by selector, or by the addresses of its endpoints
	// Foreign is endpoint addresses that belong to no known pod.
	Foreign netset.Addrs
}

// ServicePort is one port of a Service. Exactly one of TargetNumber and TargetName is set.
type ServicePort struct {
	Name         string
	Port         int
	Protocol     netset.Protocol
	TargetNumber int
	TargetName   string
	NodePort     int // 0 when none is stated
	AppProtocol  string
	Line         int
}

// Target is the port on p that the Service port leads to; ok is false when p declares no port of that name
// and protocol (Service.spec.ports.targetPort).
func (s ServicePort) Target(p *Pod) (number int, ok bool) {
	if s.TargetName == "" {
		return s.TargetNumber, true
	}
	for _, q := range p.Ports {
		if q.Name == s.TargetName && q.Protocol == s.Protocol {
			return q.Number, true
		}
	}
	return 0, false
}

func (b *builder) readServices() {
	byNamespace := map[*Namespace][]*Pod{} // nearly always one stretch of Pods
	for from := 0; from < len(b.Pods); {
		to, ns := from+1, b.Pods[from].Namespace
		for to < len(b.Pods) && b.Pods[to].Namespace == ns {
			to++
		}
		if list := byNamespace[ns]; list == nil {
			byNamespace[ns] = b.Pods[from:to:to]
		} else {
			byNamespace[ns] = append(list, b.Pods[from:to]...)
		}
		from = to
	}
	var byAddr map[netip.Addr]*Pod
	endpoints := map[string][]netip.Addr{} // by namespace/name of the Service
	for _, o := range b.Kind("discovery.k8s.io", "EndpointSlice") {
		key := o.Ref.Namespace + "/" + o.Root.Get("metadata", "labels", "kubernetes.io/service-name").Str()
		for _, e := range o.Root.Get("endpoints").List() {
			for _, v := range e.Get("addresses").List() {
				if a := addr(v); a.IsValid() {
					endpoints[key] = append(endpoints[key], a)
				}
			}
		}
	}
	for _, o := range b.Kind("", "Endpoints") {
		key := o.Ref.Namespace + "/" + o.Ref.Name
		for _, sub := range o.Root.Get("subsets").List() {
			for _, list := range []string{"addresses", "notReadyAddresses"} { // what is not ready may be so soon
				endpoints[key] = append(endpoints[key], addrs(sub.Get(list), "ip")...)
			}
		}
	}
	for _, o := range b.Kind("", "Service") {
		s := b.service(o)
		if s.Type != "ExternalName" {
			if s.Selector != nil {
				s.Pods = selected(MatchLabels(s.Selector), byNamespace[s.Namespace])
			} else {
				if byAddr == nil {
					byAddr = b.podsByAddr()
				}
				for _, a := range endpoints[o.Ref.Namespace+"/"+o.Ref.Name] {
					if p := byAddr[a]; p == nil {
						s.Foreign = s.Foreign.Union(netset.OneAddr(a))
					} else if !slices.Contains(s.Pods, p) {
						s.Pods = append(s.Pods, p)
					}
				}
			}
		}
		b.Services = append(b.Services, s)
	}
}

func (b *builder) podsByAddr() map[netip.Addr]*Pod {
	out := map[netip.Addr]*Pod{}
	for _, p := range b.Pods {
		if !p.HostNetwork {
			for _, a := range p.IPs {
				out[a] = p
			}
		}
	}
	return out
}

// selected is those of the pods that s matches.
func selected(s Selector, pods []*Pod) []*Pod {
	var out []*Pod
	matches := false
	for i, p := range pods {
		if i == 0 || !p.SharesLabels(pods[i-1]) {
			matches = s.Matches(p.Labels)
		}
		if matches {
			out = append(out, p)
		}
	}
	return out
}

func (b *builder) service(o *object.Object) *Service {
	spec := o.Root.Get("spec")
	s := &Service{
		Object: o, Ref: o.Ref, Namespace: b.namespaces[o.Ref.Namespace], Type: spec.Get("type").Str(),
		Selector: spec.Get("selector").Strings(), Annotations: o.Root.Get("metadata", "annotations").Strings(),
		IPFamilies: texts(spec.Get("ipFamilies")),
	}
	if len(s.Selector) == 0 {
		s.Selector = nil
	}
	switch s.Type {
	case "":
		s.Type = "ClusterIP"
	case "ClusterIP", "NodePort", "LoadBalancer", "ExternalName":
	default:
		b.problem(o, spec.Get("type"), object.Error, "type "+s.Type+": want ClusterIP, NodePort, LoadBalancer or ExternalName", "the API server refuses it")
	}
	for _, v := range append([]*object.Value{spec.Get("clusterIP")}, spec.Get("clusterIPs").List()...) {
		if v.Str() == "None" {
			s.Headless = true
		} else if a := addr(v); a.IsValid() && !slices.Contains(s.ClusterIPs, a) {
			s.ClusterIPs = append(s.ClusterIPs, a)
		}
	}
	for _, v := range spec.Get("externalIPs").List() {
		if a := addr(v); a.IsValid() {
			s.ExternalIPs = append(s.ExternalIPs, a)
		} else {
			b.problem(o, v, object.Error, "externalIPs: "+v.Str()+" is no IP address", "")
		}
	}
	for _, v := range spec.Get("ports").List() {
		n, ok := v.Get("port").Int()
		if !ok || n < 1 || n > 65535 {
			b.problem(o, v, object.Error, "port "+v.Get("port").Str()+": want a number from 1 to 65535", "the port is left out")
			continue
		}
		p := ServicePort{Name: v.Get("name").Str(), Port: n, Protocol: netset.TCP, AppProtocol: v.Get("appProtocol").Str(), Line: v.Line}
		if q := v.Get("protocol").Str(); q != "" {
			var err error
			if p.Protocol, err = netset.ParseProtocol(q); err != nil || p.Protocol > netset.SCTP {
				b.problem(o, v, object.Error, "protocol "+q+": want TCP, UDP or SCTP", "the port is left out")
				continue
			}
		}
		if k := v.Get("nodePort"); k.IsSet() {
			if p.NodePort, ok = k.Int(); !ok || p.NodePort < 0 || p.NodePort > 65535 {
				b.problem(o, k, object.Error, "nodePort "+k.Str()+": want a number from 1 to 65535", "")
				p.NodePort = 0
			}
		}
		if !b.target(o, v.Get("targetPort"), &p) {
			continue
		}
		s.Ports = append(s.Ports, p)
	}
	return s
}

// target reads targetPort. Not set, 0 and "" all mean the port itself (core/v1 SetDefaults_Service).
func (b *builder) target(o *object.Object, t *object.Value, p *ServicePort) bool {
	n, isNumber := t.Int()
	switch {
	case t.IsSet() && (t.Kind == object.List || t.Kind == object.Map):
		b.problem(o, t, object.Error, "targetPort: want a number or a name, got a "+t.Kind.String(), "the port is left out")
		return false
	case t.Str() == "" || t.Kind == object.Number && isNumber && n == 0:
		p.TargetNumber = p.Port
	case t.Kind == object.Number && (!isNumber || n < 1 || n > 65535):
		b.problem(o, t, object.Error, "targetPort "+t.Str()+": want a number from 1 to 65535", "the port is left out")
		return false
	case t.Kind == object.Number:
		p.TargetNumber = n
	case isNumber && n >= 1 && n <= 65535: // "8080" in quotes: the API reads it as a name that no port can have
		b.problem(o, t, object.Warning, "targetPort is the text "+t.Str()+", which names a port; the number was probably meant", "write it without quotes")
		p.TargetNumber = n
	default:
		p.TargetName = t.Str()
	}
	return true
}
