package exposure

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// readServices makes the entries of Services. ExternalName is a name and headless Services are lists of pod
// addresses: neither opens a way in (Kubernetes "Service", "Type ExternalName" and "Headless Services").
func (f *finder) readServices() {
	for _, s := range f.cluster.Services {
		if s.Type == "ExternalName" {
			name := s.Object.Root.Get("spec", "externalName")
			f.Aliases = append(f.Aliases, Alias{Ref: s.Ref, Pos: s.Object.At(name), Host: name.Str()})
			continue
		}
		if s.Headless {
			continue
		}
		for _, p := range s.Ports {
			base := f.servicePort(s, p)
			if s.Type == "LoadBalancer" {
				f.add(f.loadBalancer(s, base))
			}
			if opensNodePort(s, p) {
				f.add(f.nodePort(s, p, base))
			}
			if len(s.ExternalIPs) > 0 {
				f.add(f.externalIP(s, base))
			}
		}
	}
}

// servicePort is what all entries of a port share.
func (f *finder) servicePort(s *cluster.Service, p cluster.ServicePort) Entry {
	e := Entry{
		Via: s.Ref, Pos: object.Pos{File: s.Object.Pos.File, Line: p.Line}, Line: p.Line, Port: p.Port, Protocol: p.Protocol,
		AppProtocol: p.AppProtocol, Sources: netset.AllAddrs(),
	}
	if t := s.Object.Root.Get("spec", "type"); t.IsSet() {
		e.Pos = s.Object.At(t)
	}
	e.SourcesKept, e.Because = f.kept(s)
	f.behind(s, p, &e)
	return e
}

// behind fills in the pods behind a port of a Service.
func (f *finder) behind(s *cluster.Service, p cluster.ServicePort, e *Entry) {
	var because []string
	e.Targets, because = f.targets(s, p)
	e.Foreign = s.Foreign
	e.Because = append(e.Because, because...)
	if e.Dangling() && len(because) == 0 {
		e.Because = append(e.Because, "no pod is behind "+s.Ref.String())
	}
}

// targets resolves the target port on each pod behind s. A pod that declares no port of the wanted name gets
// no endpoint (Kubernetes "Service", "Port definitions").
func (f *finder) targets(s *cluster.Service, p cluster.ServicePort) (out []Target, because []string) {
	byHand := []int{0}
	if s.Selector == nil {
		byHand = f.endpointPorts(s, p)
	}
	missing := 0
	for _, pod := range s.Pods {
		if s.Selector == nil {
			for _, n := range byHand {
				out = append(out, Target{pod.Workload, pod, n})
			}
			continue
		}
		n, ok := p.Target(pod)
		if !ok {
			missing++
			continue
		}
		out = append(out, Target{pod.Workload, pod, n})
	}
	if missing > 0 {
		because = append(because, fmt.Sprintf("%d of %d pods behind %s declare no %s port named %s", missing, len(s.Pods), s.Ref, p.Protocol, p.TargetName))
	}
	return out, because
}

// endpointPorts is the pod ports of a port of a Service without a selector: whoever keeps the endpoints
// decides on them, not targetPort. 0 when no endpoint tells.
func (f *finder) endpointPorts(s *cluster.Service, p cluster.ServicePort) []int {
	var ports []int
	see := func(list *object.Value) {
		for _, v := range list.List() {
			if n, ok := v.Get("port").Int(); ok && v.Get("name").Str() == p.Name {
				ports = append(ports, n)
			}
		}
	}
	for _, o := range f.cluster.Kind("discovery.k8s.io", "EndpointSlice") {
		if o.Ref.Namespace == s.Ref.Namespace && o.Root.Get("metadata", "labels", "kubernetes.io/service-name").Str() == s.Ref.Name {
			see(o.Root.Get("ports"))
		}
	}
	for _, o := range f.cluster.Kind("", "Endpoints") {
		if o.Ref.Namespace == s.Ref.Namespace && o.Ref.Name == s.Ref.Name {
			for _, sub := range o.Root.Get("subsets").List() {
				see(sub.Get("ports"))
			}
		}
	}
	slices.Sort(ports)
	if ports = slices.Compact(ports); len(ports) == 0 {
		return []int{0}
	}
	return ports
}

// kept tells whether client addresses survive: with externalTrafficPolicy Cluster, the default, the node
// takes the place of the client (Kubernetes "Using Source IP").
func (f *finder) kept(s *cluster.Service) (enforcer.Answer, []string) {
	if s.Object.Root.Get("spec", "externalTrafficPolicy").Str() == "Local" {
		return enforcer.Yes, []string{"externalTrafficPolicy Local keeps client addresses"}
	}
	if f.keeper != "" {
		return enforcer.Unknown, []string{f.keeper + " may keep client addresses although externalTrafficPolicy is Cluster"}
	}
	return enforcer.No, []string{"externalTrafficPolicy Cluster: pods see the address of a node instead of the client's"}
}

// transparent names the proxy that may keep client addresses in spite of externalTrafficPolicy Cluster.
func (f *finder) transparent() string {
	for _, o := range f.cluster.Kind("", "ConfigMap") {
		if mode := o.Root.Get("data", "bpf-lb-mode").Str(); o.Ref.Name == "cilium-config" && (mode == "dsr" || mode == "hybrid") {
			return "Cilium with bpf-lb-mode " + mode
		}
	}
	for _, group := range []string{"crd.projectcalico.org", "projectcalico.org"} {
		for _, o := range f.cluster.Kind(group, "FelixConfiguration") {
			if o.Root.Get("spec", "bpfEnabled").True() {
				return "Calico with its eBPF dataplane"
			}
		}
	}
	return ""
}

// opensNodePort tells whether a node port is or will be allocated. A stated one stays open even when
// allocateLoadBalancerNodePorts was switched off later.
func opensNodePort(s *cluster.Service, p cluster.ServicePort) bool {
	switch s.Type {
	case "NodePort":
		return true
	case "LoadBalancer":
		return p.NodePort != 0 || !isFalse(s.Object.Root.Get("spec", "allocateLoadBalancerNodePorts"))
	}
	return false
}

func isFalse(v *object.Value) bool { return v.IsSet() && v.Kind == object.Bool && !v.True() }

func (f *finder) nodePort(s *cluster.Service, p cluster.ServicePort, e Entry) Entry {
	e.Kind, e.Port = NodePort, p.NodePort
	var why []string
	if p.NodePort == 0 {
		why = append(why, "the node port is chosen by the API server")
	}
	if s.Type == "LoadBalancer" {
		why = append(why, "the load balancer also opens a port on every node, and its source ranges do not apply there")
	}
	e.Public = f.nodesPublic
	e.Because = slices.Concat(why, []string{f.nodesWhy}, e.Because)
	return e
}

// externalIP: cluster nodes answer for these addresses if the network leads them there. A private address
// may be the far end of a public one.
func (f *finder) externalIP(s *cluster.Service, e Entry) Entry {
	e.Kind, e.Pos = ExternalIP, s.Object.At(s.Object.Root.Get("spec", "externalIPs"))
	var texts []string
	for _, a := range s.ExternalIPs {
		texts = append(texts, a.String())
		if Public(a) {
			e.Public = enforcer.Yes
		}
	}
	slices.Sort(texts)
	why := "externalIPs " + strings.Join(texts, ", ")
	if e.Public != enforcer.Yes {
		why += ": private, but who leads traffic there is not in the input"
	}
	e.Because = slices.Concat([]string{why}, e.Because)
	return e
}

// onNodes tells whether a port open on every node is open to the internet.
func (f *finder) onNodes() (enforcer.Answer, string) {
	c := f.cluster
	for _, n := range c.Nodes {
		for _, a := range slices.Concat(n.External, n.Internal) {
			if Public(a) {
				return enforcer.Yes, "node " + n.Name + " has the public address " + a.String()
			}
		}
	}
	if hasPublic(c.NodeAddrs) {
		return enforcer.Unknown, "the ranges stated for nodes hold public addresses; whether a node has one is not known"
	}
	if !c.NodesKnown {
		return enforcer.Unknown, "the addresses of the nodes are not known"
	}
	var listed netset.Addrs
	every := len(c.Nodes) > 0
	for _, n := range c.Nodes {
		listed = listed.Union(n.Addrs())
		scheme, _, ok := strings.Cut(n.Object.Root.Get("spec", "providerID").Str(), "://")
		every = every && ok && scheme != "k3s"
	}
	if !listed.Equal(c.NodeAddrs) {
		return enforcer.No, "nodes are stated to have private addresses only"
	}
	if every {
		return enforcer.No, "nodes have private addresses only; hosts of their network still get there"
	}
	// Without a cloud controller nobody writes the public address of a node into its status.
	return enforcer.Unknown, "nodes list private addresses only, but no cloud provider vouches that these are all"
}

// statusAddresses tells whether the addresses in status.loadBalancer are public: Yes when one is, No when all
// are private, Unknown when none is there.
func statusAddresses(o *object.Object) (enforcer.Answer, string) {
	answer, why := enforcer.Unknown, ""
	for _, v := range o.Root.Get("status", "loadBalancer", "ingress").List() {
		if a, err := netip.ParseAddr(v.Get("ip").Str()); err == nil {
			if Public(a) {
				return enforcer.Yes, "its address " + a.String() + " is public"
			}
			answer, why = enforcer.No, "its address "+a.String()+" is private"
			continue
		}
		// ELB and ALB put this before the name of an internal load balancer.
		host := strings.ToLower(v.Get("hostname").Str())
		if strings.HasPrefix(host, "internal-") && strings.HasSuffix(host, ".amazonaws.com") {
			answer, why = enforcer.No, "its name "+host+" is that of an internal load balancer"
		}
	}
	return answer, why
}
