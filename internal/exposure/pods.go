package exposure

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// readPods makes the entries of pods that listen on their node. Pods of a workload that do so alike share one
// entry.
func (f *finder) readPods() {
	public, why := f.nodesPublic, f.nodesWhy
	for _, w := range f.cluster.Workloads {
		var host []*cluster.Pod
		for _, p := range w.Pods {
			if p.HostNetwork {
				host = append(host, p)
			}
		}
		if len(host) > 0 {
			e := f.podEntry(w, host[0].Pos(), HostNetwork)
			e.Public, e.AllPorts = public, true
			e.Targets = targetsOf(host, 0)
			e.Because = []string{why, "a pod on its node's network listens on the node's addresses, on every port it opens, declared or not", declares(host)}
			f.add(e)
		}
		for _, g := range hostPorts(w) {
			e := f.podEntry(w, g.pos, HostPort)
			e.Line, e.Port, e.Protocol = g.port.Line, g.port.HostPort, g.port.Protocol
			e.Targets = targetsOf(g.pods, g.port.Number)
			e.Public, e.Because = public, []string{why}
			f.bound(&e, g.port.HostIP)
			f.add(e)
		}
	}
}

// declares lists the ports that pods declare, in the form of all reports.
func declares(pods []*cluster.Pod) string {
	var ports netset.Conns
	for _, p := range pods {
		for _, q := range p.Ports {
			ports = ports.Union(netset.Ports(q.Protocol, q.Number, q.Number))
		}
	}
	return "it declares " + ports.String()
}

func (f *finder) podEntry(w *cluster.Workload, pos object.Pos, kind string) Entry {
	return Entry{
		Via: w.Ref, Pos: pos, Kind: kind, Sources: netset.AllAddrs(),
		SourcesKept: enforcer.Yes, // host ports rewrite the destination only
	}
}

// bound takes in the address that a host port is bound to.
func (f *finder) bound(e *Entry, hostIP string) {
	a, err := netip.ParseAddr(hostIP)
	switch {
	case hostIP == "":
	case err != nil:
		e.Public = enforcer.Unknown
		e.Because = append(e.Because, "hostIP "+hostIP+" is no IP address")
	case a.IsLoopback():
		e.Public, e.Sources = enforcer.No, netset.Addrs{}
		e.Because = []string{"hostIP " + hostIP + ": only the node itself gets there"}
	case !a.IsUnspecified() && Public(a):
		e.Public = enforcer.Yes
		e.Because = []string{"hostIP " + hostIP + " is public"}
	}
}

// portGroup is the pods of a workload that open the same host port.
type portGroup struct {
	port cluster.Port
	pos  object.Pos
	pods []*cluster.Pod
}

func hostPorts(w *cluster.Workload) []portGroup {
	var groups []portGroup
	for _, p := range w.Pods {
		for _, port := range p.Ports {
			if port.HostPort == 0 || p.HostNetwork {
				continue
			}
			i := slices.IndexFunc(groups, func(g portGroup) bool {
				q := g.port
				return q.HostPort == port.HostPort && q.Protocol == port.Protocol && q.HostIP == port.HostIP && q.Number == port.Number
			})
			if i < 0 {
				groups = append(groups, portGroup{port: port, pos: object.Pos{File: p.Pos().File, Line: port.Line}})
				i = len(groups) - 1
			}
			if !slices.Contains(groups[i].pods, p) {
				groups[i].pods = append(groups[i].pods, p)
			}
		}
	}
	return groups
}

func targetsOf(pods []*cluster.Pod, port int) []Target {
	var out []Target
	for _, p := range pods {
		out = append(out, Target{p.Workload, p, port})
	}
	return out
}

// hasImage tells whether a container of w runs an image whose name holds one of the parts.
func hasImage(w *cluster.Workload, parts ...string) bool {
	for _, p := range w.Pods {
		for _, c := range p.Containers {
			for _, part := range parts {
				if !c.Init && strings.Contains(strings.ToLower(c.Image), part) {
					return true
				}
			}
		}
	}
	return false
}
