// Package exposure is how the outside reaches in: every Service, Ingress, host port and host network of a
// cluster, resolved to the pods behind it. It says nothing of policies; what a policy stops on the way is
// the model's business.
//
// What cannot be told is Unknown and said in words. A kind that opens a way in and is not read yet still has
// an entry, so that nothing is passed over in silence.
package exposure

import (
	"cmp"
	"net/netip"
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
	Route        = "route"        // a routing object of a gateway or a proxy, other than an Ingress
	Tunnel       = "tunnel"       // a workload that fetches traffic from outside by itself
	NotModelled  = "not modelled" // an object, or a part of one, that may lead in and is not understood
)

// Entry is one way in: one port of an object. Each host and path of an Ingress or a Route is an entry of its
// own, and so is each listener that a Route is attached to. A Route that is attached to none has one entry,
// which is not public and leads to nothing.
type Entry struct {
	Via  object.Ref
	Pos  object.Pos
	Kind string // one of the constants
	// Public tells whether the internet can get packets through it, before any policy. An internal way in is
	// No, whatever Sources holds. Unknown when the input does not tell.
	Public enforcer.Answer
	// Sources is the client addresses the entry itself lets in, before any policy: all when nothing limits
	// them.
	Sources netset.Addrs
	// SourcesKept tells whether a policy on the pod sees the client's address; No means it sees that of a
	// node, a controller or a load balancer.
	SourcesKept enforcer.Answer
	Port        int // what clients connect to; 0 with AllPorts, or when not known
	Protocol    netset.Protocol
	AllPorts    bool // every port and protocol that the pods listen on, declared or not
	// Host "" is any host. Path is "" for a Route of connections, as it is never for one of requests. Only an
	// Ingress and a Route have them.
	Host, Path string
	// TLS tells whether an Ingress has a certificate for the host; Yes does not say that plain HTTP is refused.
	// For a Route it tells whether its listener takes TLS and nothing else. Unknown for all other kinds.
	TLS         enforcer.Answer
	Targets     []Target            // one for each pod and port, sorted
	Foreign     netset.Addrs        // endpoints that are no known pods
	Controllers []*cluster.Workload // Ingress, Route: the workloads in the cluster that may pass its traffic on
	Because     []string            // how all this was decided, in sentences; never empty
	Line        int                 // of the port or rule inside the object
	AppProtocol string
}

// Target is a pod behind an entry, with the port on it; 0 is every port, or a port that is not known.
type Target struct {
	Workload *cluster.Workload
	Pod      *cluster.Pod // never nil
	Port     int
}

// Dangling tells whether the entry leads to nothing in the input: no Service, no such port, or no pods.
func (e *Entry) Dangling() bool {
	return len(e.Targets) == 0 && e.Foreign.IsEmpty() && e.Kind != NotModelled
}

// Alias is a Service of type ExternalName: a name inside the cluster for a host that may be outside. It lets
// nobody in, and is a way out.
type Alias struct {
	Ref  object.Ref
	Pos  object.Pos // of the name
	Host string     // as written; may be a name of the cluster's own
}

// Set is all entries of a cluster, sorted by object, kind, port, host and path.
type Set struct {
	Entries  []Entry
	Aliases  []Alias // sorted by Ref
	Problems []object.Problem
}

// Find lists every entry. The cost is one step for each Service port and each pod behind it. Problems are
// values that were not understood; each is counted as if it let everyone in.
func Find(c *cluster.Cluster) Set {
	f := finder{cluster: c, cloud: cloudOf(c), proxies: findProxies(c), shapes: map[string]*shape{}, services: map[object.Ref]*cluster.Service{}}
	for _, s := range c.Services {
		f.services[s.Ref] = s
	}
	f.nodesPublic, f.nodesWhy = f.onNodes()
	f.keeper = f.transparent()
	f.readServices()
	f.readPods()
	f.readOthers()
	f.readIngresses()
	f.readRoutes()
	f.settle() // after all ways to the controllers
	slices.SortStableFunc(f.Entries, func(a, b Entry) int {
		return cmp.Or(a.Via.Compare(b.Via), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol),
			cmp.Compare(a.Host, b.Host), cmp.Compare(a.Path, b.Path), a.Pos.Compare(b.Pos))
	})
	slices.SortFunc(f.Problems, object.Problem.Compare)
	f.Problems = slices.Compact(f.Problems) // the ports of a Service share its ranges
	return f.Set
}

type finder struct {
	Set
	cluster  *cluster.Cluster
	services map[object.Ref]*cluster.Service
	cloud    cloud
	proxies  []proxy // the workloads that look like ingress controllers

	nodesPublic enforcer.Answer // is a port open on every node open to the internet?
	nodesWhy    string
	passages    []passage
	shapes      map[string]*shape  // of schemas, as far as they were needed
	idleSets    []object.Ref       // ListenerSets that no Gateway takes
	grants      map[string][]grant // by namespace
	keeper      string             // the proxy that may keep client addresses everywhere, "" when there is none
}

func (f *finder) problem(o *object.Object, v *object.Value, msg, hint string) {
	f.Problems = append(f.Problems, object.Problem{Severity: object.Error, Pos: o.At(v), Ref: o.Ref, Msg: msg, Hint: hint})
}

// add keeps targets in order and once each.
func (f *finder) add(e Entry) {
	slices.SortStableFunc(e.Targets, compareTargets)
	e.Targets = slices.Compact(e.Targets)
	f.Entries = append(f.Entries, e)
}

// notPublic is what the internet does not route: RFC 1918, 6598 (shared), 3927 and 4291 (link local),
// 4193 (unique local), loopback, multicast, this network.
const notPublic = "0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.168.0.0/16,224.0.0.0/4,240.0.0.0/4," +
	"::/127,fc00::/7,fe80::/10,ff00::/8"

func publicAddrs() netset.Addrs {
	private, err := netset.ParseAddrs(notPublic)
	if err != nil {
		return netset.AllAddrs() // a constant; its test reads it
	}
	return netset.AllAddrs().Subtract(private)
}

// Public tells whether the internet routes an address.
func Public(a netip.Addr) bool { return publicAddrs().Contains(a.Unmap()) }

// hasPublic tells whether a holds an address that the internet routes.
func hasPublic(a netset.Addrs) bool { return a.Overlaps(publicAddrs()) }
