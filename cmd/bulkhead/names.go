package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// found is what a name on the command line stands for.
type found struct {
	peers   []reach.Peer
	service *cluster.Service // the name is a Service: peers are its pods' workloads
	// namesake is a Service with the name of the workload that was found.
	namesake *cluster.Service
	notes    []string
	called   string // what to call the peers, "" for their own names
}

// namesHelp documents the forms of find.
const namesHelp = `SRC and DST are one of
  shop/web, web                  a workload, pod or Service, by namespace and name (or -n, or a unique name)
  deployment/web                 the same with its kind: deploy, sts, ds, job, cronjob, pod, svc ...
  shop/deployment/web            with both
  10.1.2.3, 10.0.0.0/8           addresses; those of pods, Services and nodes are recognised
  internet                       all public addresses
  node                           any node, and what runs on its network
`

// kindNames are kubectl's short and plural names of the kinds one may ask about.
var kindNames = map[string]string{
	"deploy": "Deployment", "deployment": "Deployment", "deployments": "Deployment",
	"sts": "StatefulSet", "statefulset": "StatefulSet", "statefulsets": "StatefulSet",
	"ds": "DaemonSet", "daemonset": "DaemonSet", "daemonsets": "DaemonSet",
	"rs": "ReplicaSet", "replicaset": "ReplicaSet", "replicasets": "ReplicaSet",
	"rc": "ReplicationController", "replicationcontroller": "ReplicationController",
	"job": "Job", "jobs": "Job", "cj": "CronJob", "cronjob": "CronJob", "cronjobs": "CronJob",
	"po": "Pod", "pod": "Pod", "pods": "Pod",
	"svc": "Service", "service": "Service", "services": "Service",
}

// namer finds what names stand for. ns is the namespace of names without one; "" searches all.
type namer struct {
	c  *cluster.Cluster
	ns string
}

func (n namer) find(text string) (found, error) {
	switch strings.ToLower(text) {
	case "internet":
		return found{peers: []reach.Peer{reach.OfAddrs(n.internet())}, called: "internet"}, nil
	case reach.OwnNode:
		return found{peers: []reach.Peer{{Entity: reach.OwnNode}}, called: "its own node"}, nil
	case "node", "nodes":
		return found{peers: []reach.Peer{{Entity: reach.Nodes}}, called: "a node"}, nil
	}
	if f, ok, err := n.addresses(text); ok || err != nil {
		return f, err
	}
	w, err := n.wanted(text)
	if err != nil {
		return found{}, err
	}
	return n.object(w, text)
}

// wanted is a parsed name: kind and namespace may be empty.
type wanted struct{ kind, ns, name string }

func (n namer) wanted(text string) (wanted, error) {
	parts := strings.Split(text, "/")
	if slices.Contains(parts, "") || len(parts) > 3 {
		return wanted{}, hint(fmt.Errorf("%q is no name", text), "write namespace/name, kind/name or namespace/kind/name")
	}
	w := wanted{ns: n.ns, name: parts[len(parts)-1]}
	switch len(parts) {
	case 3:
		w.ns = parts[0]
		if w.kind = n.kind(parts[1]); w.kind == "" {
			return wanted{}, hint(fmt.Errorf("%q: no kind %q", text, parts[1]), "write namespace/kind/name, such as shop/deployment/web")
		}
	case 2:
		// A namespace of that name wins: it is in the input, and kinds have a third form to say it.
		if k := n.kind(parts[0]); k != "" && n.c.Namespace(parts[0]) == nil {
			w.kind = k
		} else {
			w.ns = parts[0]
		}
	}
	return w, nil
}

// kind gives the kind that word means: one of kubectl's names, or a kind of the input.
func (n namer) kind(word string) string {
	if k := kindNames[strings.ToLower(word)]; k != "" {
		return k
	}
	for _, w := range n.c.Workloads {
		if strings.EqualFold(w.Ref.Kind, word) {
			return w.Ref.Kind
		}
	}
	return ""
}

// object finds workloads first, because policies bind pods; then single pods; then Services.
func (n namer) object(w wanted, text string) (found, error) {
	match := func(ref object.Ref) bool {
		return ref.Name == w.name && (w.ns == "" || ref.Namespace == w.ns) && (w.kind == "" || ref.Kind == w.kind)
	}
	var peers []reach.Peer
	for _, x := range n.c.Workloads {
		if match(x.Ref) {
			peers = append(peers, reach.OfWorkload(x))
		}
	}
	if len(peers) == 0 && (w.kind == "" || w.kind == "Pod") {
		for _, p := range n.c.Pods {
			if !p.Template && match(p.Object.Ref) {
				peers = append(peers, reach.OfPod(p))
			}
		}
	}
	var services []*cluster.Service
	for _, s := range n.c.Services {
		if match(s.Ref) {
			services = append(services, s)
		}
	}
	switch {
	case len(peers) == 1:
		f := found{peers: peers}
		if len(services) == 1 {
			f.namesake = services[0]
		}
		return f, nil
	case len(peers) > 1:
		return found{}, ambiguous(text, peers, services)
	case len(services) == 1:
		return behind(services[0])
	case len(services) > 1:
		return found{}, ambiguous(text, nil, services)
	}
	return found{}, n.notFound(text, w)
}

// behind is the workloads behind a Service.
func behind(s *cluster.Service) (found, error) {
	f := found{service: s}
	for _, p := range s.Pods {
		if peer := reach.OfWorkload(p.Workload); !slices.ContainsFunc(f.peers, func(q reach.Peer) bool { return q.Workload == p.Workload }) {
			f.peers = append(f.peers, peer)
		}
	}
	if !s.Foreign.IsEmpty() {
		f.peers = append(f.peers, reach.OfAddrs(s.Foreign))
	}
	if len(f.peers) == 0 {
		return f, hint(fmt.Errorf("%s at %s has no pods behind it", s.Ref, s.Object.Pos), "its selector matches no pod of the input")
	}
	return f, nil
}

// shadowed warns when the ports asked about are those of a Service with the workload's name that forwards to
// others: the number a client writes is then not the one policies see.
func shadowed(s *cluster.Service, p reach.Peer, asked netset.Conns) []string {
	if s == nil || asked.Covers(netset.Of(netset.TCP)) {
		return nil
	}
	for _, sp := range s.Ports {
		for _, pod := range podsOf(p) {
			n, ok := sp.Target(pod)
			if ok && asked.Contains(sp.Protocol, uint16(sp.Port)) && !asked.Contains(sp.Protocol, uint16(n)) {
				return []string{fmt.Sprintf("port %d is a port of %s, which leads to port %d of %s; policies see the port of the pods; ask for service/%s to start from the Service",
					sp.Port, s.Ref, n, p, s.Ref.Name)}
			}
		}
	}
	return nil
}

func podsOf(p reach.Peer) []*cluster.Pod {
	switch {
	case p.Pod != nil:
		return []*cluster.Pod{p.Pod}
	case p.Workload != nil:
		return p.Workload.Pods
	}
	return nil
}

// addresses reads an IP or CIDR. ok is false when text is none. Addresses that belong to pods, Services or
// nodes stand for those.
func (n namer) addresses(text string) (f found, ok bool, err error) {
	if !strings.ContainsAny(text, ".:") {
		return f, false, nil // short for names; "10/8" is none either
	}
	head, _, _ := strings.Cut(text, "/")
	if _, err := netip.ParseAddr(head); err != nil {
		return f, false, nil
	}
	set, err := netset.ParseAddrs(text)
	if err != nil {
		return f, true, err
	}
	if one, isOne := single(set); isOne {
		for _, p := range n.c.Pods {
			if !p.HostNetwork && slices.Contains(p.IPs, one) {
				return found{peers: []reach.Peer{reach.OfPod(p)}, notes: []string{text + " is " + p.Object.Ref.String()}}, true, nil
			}
		}
		for _, s := range n.c.Services {
			if slices.Contains(s.ClusterIPs, one) {
				f, err := behind(s)
				f.notes = append(f.notes, text+" is "+s.Ref.String())
				return f, true, err
			}
		}
		if n.c.NodeAddrs.Contains(one) {
			return found{peers: []reach.Peer{{Entity: reach.Nodes}}, notes: []string{text + " is a node"}}, true, nil
		}
		for _, s := range n.c.Services {
			if slices.Contains(s.ExternalIPs, one) || balanced(s, one) {
				f, err := behind(s)
				f.notes = append(f.notes, text+" is an outer address of "+s.Ref.String()+", to which nodes lead it without leaving the cluster")
				return f, true, err
			}
		}
	}
	f.peers = []reach.Peer{reach.OfAddrs(set)}
	if n.c.PodCIDRs.Overlaps(set) {
		f.notes = append(f.notes, text+" holds addresses of pods; the answer is about senders and receivers outside the cluster only")
	}
	return f, true, nil
}

// balanced tells whether an address is one of the Service's load balancer that nodes lead to its pods themselves.
func balanced(s *cluster.Service, one netip.Addr) bool {
	return slices.ContainsFunc(s.Object.Root.Get("status", "loadBalancer", "ingress").List(), func(v *object.Value) bool {
		a, err := netip.ParseAddr(v.Get("ip").Str())
		return err == nil && a.Unmap() == one && v.Get("ipMode").Str() != "Proxy"
	})
}

func single(a netset.Addrs) (netip.Addr, bool) {
	first, ok := a.First()
	return first, ok && a.Equal(netset.OneAddr(first))
}

// internet is every address that is neither private, nor special, nor the cluster's own, of the families that
// the cluster has.
func (n namer) internet() netset.Addrs {
	all := pci.PublicAddrs()
	switch {
	case !n.c.IPv6:
		all = all.V4()
	case !n.c.IPv4:
		all = all.V6()
	}
	return all.Subtract(n.c.PodCIDRs).Subtract(n.c.NodeAddrs).Subtract(n.c.ServiceCIDRs)
}

func ambiguous(text string, peers []reach.Peer, services []*cluster.Service) error {
	var names []string
	for _, p := range peers {
		names = append(names, p.String())
	}
	for _, s := range services {
		names = append(names, s.Ref.String())
	}
	return hint(fmt.Errorf("%q is ambiguous: %s", text, strings.Join(names, ", ")), "write namespace/name or namespace/kind/name")
}

// maxMisses is how many near misses an error names.
const maxMisses = 5

func (n namer) notFound(text string, w wanted) error {
	type near struct {
		name string
		dist int
	}
	var all []near
	add := func(ref object.Ref) {
		name := ref.Namespace + "/" + ref.Name
		d := min(distance(ref.Name, w.name), distance(name, text))
		if ref.Name == w.name {
			d = 0
		}
		if d <= 2+len(w.name)/4 || strings.Contains(ref.Name, w.name) {
			all = append(all, near{name, d})
		}
	}
	for _, x := range n.c.Workloads {
		add(x.Ref)
	}
	for _, s := range n.c.Services {
		add(s.Ref)
	}
	slices.SortFunc(all, func(a, b near) int { return cmp.Or(cmp.Compare(a.dist, b.dist), cmp.Compare(a.name, b.name)) })
	all = slices.Compact(all)
	where := "in the input"
	if w.ns != "" {
		where = "in namespace " + w.ns
	}
	kind := "workload, pod or Service"
	if w.kind != "" {
		kind = w.kind
	}
	err := fmt.Errorf("no %s %q %s", kind, w.name, where)
	if len(all) == 0 {
		return hint(err, "\"bulkhead list\" shows the names there are")
	}
	var names []string
	for _, x := range all[:min(maxMisses, len(all))] {
		names = append(names, x.name)
	}
	return hint(err, "did you mean %s?", strings.Join(names, ", "))
}

// distance is the number of letters to change, add or drop between a and b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			prev, row[j+1] = row[j+1], min(prev+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
