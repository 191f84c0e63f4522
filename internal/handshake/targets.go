package handshake

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// kubelet is the port that every kubelet serves by default.
const kubelet = 10250

// Targets lists what a cluster's objects say can be dialed: hosts of Ingresses and routes, load balancers, external
// addresses, ports on nodes, the API server and the kubelets. A port that is open on every node is tried on the
// first one. Ports for HTTP in clear text, UDP, and hosts with a wildcard are left out. The order is that of
// addresses, each address and name once.
func Targets(c *cluster.Cluster, set exposure.Set) []Target {
	f := finder{cluster: c, services: map[object.Ref]*cluster.Service{}}
	for _, s := range c.Services {
		f.services[s.Ref] = s
	}
	for _, e := range set.Entries {
		if e.Protocol == netset.TCP && !e.AllPorts && e.Port != 80 && len(e.Via.Kind) > 0 {
			f.entry(e)
		}
	}
	f.apiServer()
	for _, n := range c.Nodes {
		for _, a := range n.Internal {
			f.add(Target{Via: "Node " + n.Name}, a.String(), kubelet)
		}
	}
	slices.SortFunc(f.out, func(a, b Target) int {
		for _, d := range []int{strings.Compare(a.Address, b.Address), strings.Compare(a.Server, b.Server), strings.Compare(a.Via, b.Via)} {
			if d != 0 {
				return d
			}
		}
		return strings.Compare(a.Workload, b.Workload)
	})
	return slices.CompactFunc(f.out, func(a, b Target) bool { return a.Address == b.Address && a.Server == b.Server })
}

type finder struct {
	cluster  *cluster.Cluster
	services map[object.Ref]*cluster.Service
	out      []Target
}

// add takes in one host, which is an address or a name. Names of load balancers are not asked for in the handshake:
// no certificate is theirs.
func (f *finder) add(t Target, host string, port int) {
	if _, err := netip.ParseAddr(host); err != nil && !isName(host) {
		return
	}
	t.Address = net.JoinHostPort(host, strconv.Itoa(port))
	f.out = append(f.out, t)
}

func (f *finder) entry(e exposure.Entry) {
	t := Target{Via: e.Via.String()}
	switch e.Kind {
	case exposure.Ingress, exposure.Route:
		port := e.Port
		if port == 0 && e.TLS != enforcer.No {
			port = 443
		}
		if port != 0 {
			t.Server = e.Host
			f.add(t, e.Host, port)
		}
	case exposure.LoadBalancer:
		if s := f.services[e.Via]; s != nil && e.Port != 0 {
			for _, v := range s.Object.Root.Get("status", "loadBalancer", "ingress").List() {
				f.add(t, v.Get("ip").Str(), e.Port)
				f.add(t, v.Get("hostname").Str(), e.Port)
			}
		}
	case exposure.ExternalIP:
		if s := f.services[e.Via]; s != nil && e.Port != 0 {
			for _, a := range s.ExternalIPs {
				f.add(t, a.String(), e.Port)
			}
		}
	case exposure.NodePort, exposure.HostPort:
		nodes := f.cluster.Nodes
		if e.Kind == exposure.HostPort {
			nodes = f.nodesOf(e)
		}
		t.Workload, t.Port = behind(e)
		for _, n := range nodes {
			if a := slices.Concat(n.External, n.Internal); len(a) > 0 && e.Port != 0 {
				f.add(t, a[0].String(), e.Port)
				return
			}
		}
	}
}

// nodesOf is the nodes that an entry's pods run on.
func (f *finder) nodesOf(e exposure.Entry) []*cluster.Node {
	var out []*cluster.Node
	for _, n := range f.cluster.Nodes {
		if slices.ContainsFunc(e.Targets, func(t exposure.Target) bool { return t.Pod.NodeName == n.Name }) {
			out = append(out, n)
		}
	}
	return out
}

// behind is the one workload and port that a way in leads to, when there is one only: what the way in speaks, that
// port then speaks.
func behind(e exposure.Entry) (string, int) {
	if len(e.Targets) == 0 || !e.Foreign.IsEmpty() {
		return "", 0
	}
	first := e.Targets[0]
	for _, t := range e.Targets {
		if t.Workload != first.Workload || t.Port != first.Port || t.Port == 0 {
			return "", 0
		}
	}
	return first.Workload.Ref.Namespace + "/" + first.Workload.Ref.Name, first.Port
}

// apiServer adds the endpoints of the Service that every cluster has for its API server.
func (f *finder) apiServer() {
	for _, o := range f.cluster.Kind("discovery.k8s.io", "EndpointSlice") {
		if o.Ref.Namespace != "default" || o.Root.Get("metadata", "labels", "kubernetes.io/service-name").Str() != "kubernetes" {
			continue
		}
		for _, p := range o.Root.Get("ports").List() {
			port, ok := p.Get("port").Int()
			for _, e := range o.Root.Get("endpoints").List() {
				for _, a := range e.Get("addresses").List() {
					if ok {
						f.add(Target{Via: o.Ref.String()}, a.Str(), port)
					}
				}
			}
		}
	}
	for _, o := range f.cluster.Kind("", "Endpoints") {
		if o.Ref.Namespace != "default" || o.Ref.Name != "kubernetes" {
			continue
		}
		for _, s := range o.Root.Get("subsets").List() {
			for _, p := range s.Get("ports").List() {
				port, ok := p.Get("port").Int()
				for _, a := range s.Get("addresses").List() {
					if ok {
						f.add(Target{Via: o.Ref.String()}, a.Get("ip").Str(), port)
					}
				}
			}
		}
	}
}

// isName tells whether a text can be the name of one host: labels of letters, digits and hyphens (RFC 1123).
func isName(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 0 || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// Named reads what a person writes: host and port, and the name to ask for before them when it is another
// ("www.example.com@10.0.0.9:443").
func Named(text string) (Target, bool) {
	t := Target{}
	name, address, other := strings.Cut(text, "@")
	if !other {
		name, address = "", text
	}
	host, port, err := net.SplitHostPort(address)
	n, bad := strconv.ParseUint(port, 10, 16)
	_, ip := netip.ParseAddr(host)
	if err != nil || bad != nil || n == 0 || ip != nil && !isName(host) || other && !isName(name) {
		return t, false
	}
	t.Address, t.Server = address, strings.ToLower(name)
	if !other && ip != nil {
		t.Server = strings.ToLower(host)
	}
	return t, true
}
