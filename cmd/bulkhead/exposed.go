package main

import (
	"fmt"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/internal/report"
)

// exposed lists every way in from outside, with what policies let pass on it.
func (a *analysis) exposed() []report.Exposed {
	out := []report.Exposed{}
	for _, e := range a.exposure.Entries {
		x := report.Exposed{
			Via: e.Via, Pos: e.Pos, Kind: e.Kind, Public: e.Public.String(), Host: e.Host, Path: e.Path, TLS: e.TLS.String(),
			SourcesKept: e.SourcesKept.String(), Sources: report.CIDRs(e.Sources), Targets: []report.Target{}, Because: append([]string{}, e.Because...),
		}
		switch {
		case e.AllPorts:
			x.Port = "all"
		case e.Port != 0:
			x.Port = fmt.Sprintf("%s/%d", strings.ToLower(e.Protocol.String()), e.Port)
		}
		seen := map[string]bool{}
		for _, t := range e.Targets {
			r := report.Target{Workload: report.PeerOf(reach.OfWorkload(t.Workload)), Port: t.Port}
			key := fmt.Sprint(r.Workload, r.Port)
			if seen[key] {
				continue // another pod of the same workload
			}
			seen[key] = true
			b := a.letIn(e, t)
			r.Must, r.May = report.PortsOf(b.Must), report.PortsOf(b.May)
			x.Targets = append(x.Targets, r)
		}
		out = append(out, x)
	}
	return out
}

// letIn is what policies let pass from whom the target sees as the sender: controllers, else the client where
// its address is kept, else a node.
func (a *analysis) letIn(e exposure.Entry, t exposure.Target) reach.Bounds {
	to := reach.OfWorkload(t.Workload)
	ports := netset.All()
	switch {
	case t.Port != 0:
		ports = netset.Ports(e.Protocol, t.Port, t.Port)
	case !e.AllPorts:
		ports = netset.Of(e.Protocol)
	}
	var b reach.Bounds
	for _, c := range e.Controllers {
		via := a.model.Between(reach.OfWorkload(c), to)
		b = reach.Bounds{Must: b.Must.Union(via.Must), May: b.May.Union(via.May)}
	}
	if len(e.Controllers) == 0 {
		clients, node := a.anyOf(e.Sources, t), a.model.Between(reach.Peer{Entity: reach.Nodes}, to)
		switch e.SourcesKept {
		case enforcer.Yes:
			b = clients
		case enforcer.No:
			b = node
		case enforcer.Unknown:
			b = reach.Bounds{Must: clients.Must.Intersect(node.Must), May: clients.May.Union(node.May)}
		}
	}
	return reach.Bounds{Must: b.Must.Intersect(ports), May: b.May.Intersect(ports)}
}

// anyOf is what at least one of the addresses can open, where Between speaks of every one.
func (a *analysis) anyOf(sources netset.Addrs, t exposure.Target) (b reach.Bounds) {
	for _, e := range a.model.Outside(t.Workload, policy.Ingress) {
		if e.Src.Addrs.Overlaps(sources) {
			b = reach.Bounds{Must: b.Must.Union(e.Must), May: b.May.Union(e.May)}
		}
	}
	return b
}
