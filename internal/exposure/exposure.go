// Package exposure is how the outside reaches in: every Service, Ingress, host port and host network of a
// cluster, resolved to the pods behind it. It says nothing of policies; what a policy stops on the way is
// the model's business.
package exposure

import (
	"cmp"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// The kinds of entries.
const (
	LoadBalancer = "LoadBalancer"
	NodePort     = "NodePort"
	ExternalIP   = "externalIP"
	Ingress      = "Ingress"
	HostPort     = "hostPort"
	HostNetwork  = "hostNetwork"
	NotModelled  = "not modelled" // an entry of a kind that is recognised but not read yet
)

// Entry is one way in.
type Entry struct {
	Via    object.Ref
	Pos    object.Pos
	Kind   string
	Public enforcer.Answer // can the internet send packets to it? Unknown when the input does not tell
	// Sources is the client addresses the entry itself lets in, before any policy.
	Sources netset.Addrs
	// SourcesKept tells whether a policy on the pod sees the client's address; No means it sees a node's.
	SourcesKept enforcer.Answer
	Port        int // 0: every port (host network), or not known
	Protocol    netset.Protocol
	Host, Path  string          // Ingress: "" is any host
	TLS         enforcer.Answer // Ingress: is the host covered by a tls entry? Others: Unknown
	Targets     []Target
	Controllers []*cluster.Workload // Ingress: the workloads that look like its controller
	Because     []string            // how Public and Sources were decided, in sentences
	Line        int                 // of the port or rule inside the object
	AppProtocol string
}

// Target is a pod behind an entry, with the port on it; 0 is every port.
type Target struct {
	Workload *cluster.Workload
	Pod      *cluster.Pod
	Port     int
}

// Dangling tells whether the entry leads to nothing in the input.
func (e *Entry) Dangling() bool { return len(e.Targets) == 0 && e.Kind != NotModelled }

// Set is all entries of a cluster, sorted by object, kind, port, host and path.
type Set struct {
	Entries  []Entry
	Problems []object.Problem
}

// Find lists every entry. The cost is one step for each Service port and each pod behind it.
func Find(c *cluster.Cluster) Set {
	var s Set
	for _, svc := range c.Services {
		s.service(c, svc)
	}
	s.ingresses(c)
	s.hosts(c)
	s.unread(c)
	slices.SortStableFunc(s.Entries, func(a, b Entry) int {
		return cmp.Or(a.Via.Compare(b.Via), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol),
			cmp.Compare(a.Host, b.Host), cmp.Compare(a.Path, b.Path))
	})
	slices.SortFunc(s.Problems, object.Problem.Compare)
	return s
}

// notModelled is the entry kinds of other APIs, by group.
var notModelled = map[string][]string{
	"gateway.networking.k8s.io": {"Gateway", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"},
	"networking.istio.io":       {"Gateway", "VirtualService"},
	"route.openshift.io":        {"Route"},
	"traefik.io":                {"IngressRoute", "IngressRouteTCP", "IngressRouteUDP"},
	"traefik.containo.us":       {"IngressRoute", "IngressRouteTCP", "IngressRouteUDP"},
	"projectcontour.io":         {"HTTPProxy"},
	"extensions":                {"Ingress"},
}

// unread names the entries that are not resolved, so that nothing is silently missing.
func (s *Set) unread(c *cluster.Cluster) {
	for group, kinds := range notModelled {
		for _, kind := range kinds {
			for _, o := range c.Kind(group, kind) {
				s.Entries = append(s.Entries, Entry{
					Via: o.Ref, Pos: o.Pos, Kind: NotModelled, Sources: netset.AllAddrs(),
					Because: []string{kind + " of group " + group + " is not modelled yet: what it opens is not known"},
				})
			}
		}
	}
}

// hosts lists host ports and pods on their node's network.
func (s *Set) hosts(c *cluster.Cluster) {
	public, why := nodesPublic(c)
	for _, w := range c.Workloads {
		for _, p := range w.Pods {
			at := Entry{Via: w.Ref, Pos: p.Pos(), Public: public, Sources: netset.AllAddrs(), SourcesKept: enforcer.Yes, Because: []string{why}}
			if p.HostNetwork {
				e := at
				e.Kind, e.Targets = HostNetwork, []Target{{w, p, 0}}
				e.Because = []string{why, "a pod on its node's network listens on the node's addresses, on every port it opens, declared or not"}
				s.add(e)
				continue
			}
			for _, q := range p.Ports {
				if q.HostPort == 0 {
					continue
				}
				e := at
				e.Kind, e.Port, e.Protocol, e.Line = HostPort, q.HostPort, q.Protocol, q.Line
				e.Targets = []Target{{w, p, q.Number}}
				e.Pos = object.Pos{File: p.Pos().File, Line: q.Line}
				if q.HostIP == "127.0.0.1" || q.HostIP == "::1" {
					e.Public, e.Because = enforcer.No, []string{"hostIP " + q.HostIP + " is the node's own loopback"}
					e.Sources = netset.Addrs{}
				}
				s.add(e)
			}
		}
	}
}

// add keeps one entry for all pods of a workload that share it.
func (s *Set) add(e Entry) {
	for i := range s.Entries {
		f := &s.Entries[i]
		if f.Via == e.Via && f.Kind == e.Kind && f.Port == e.Port && f.Protocol == e.Protocol && f.Public == e.Public {
			f.Targets = append(f.Targets, e.Targets...)
			return
		}
	}
	s.Entries = append(s.Entries, e)
}

// nodesPublic tells whether nodes can be reached from the internet, by the addresses their status states.
func nodesPublic(c *cluster.Cluster) (enforcer.Answer, string) {
	for _, n := range c.Nodes {
		if len(n.External) > 0 {
			return enforcer.Yes, "node " + n.Name + " has the external address " + n.External[0].String()
		}
		for _, a := range n.Internal {
			if Public(a) {
				return enforcer.Yes, "node " + n.Name + " has the public address " + a.String()
			}
		}
	}
	if c.NodeAddrs.Overlaps(publicAddrs()) {
		return enforcer.Unknown, "the stated addresses of nodes include public ones"
	}
	if c.NodesKnown {
		return enforcer.No, "no node in the input has a public address; hosts of the node network still reach it"
	}
	return enforcer.Unknown, "the addresses of the nodes are not in the input"
}
