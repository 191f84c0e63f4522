package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/exposure"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// way is the ways in of one object that a finding speaks of together.
type way struct {
	via     object.Ref
	pos     object.Pos
	entries []exposure.Entry // never empty
}

// ways gathers the ways in by their object, only those of some kinds when kinds are given.
func ways(in *pci.Input, kinds ...string) []way {
	var out []way
	for _, e := range in.Exposure.Entries {
		if len(kinds) > 0 && !slices.Contains(kinds, e.Kind) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].via == e.Via {
			out[n-1].entries = append(out[n-1].entries, e)
			continue
		}
		out = append(out, way{e.Via, e.Pos, []exposure.Entry{e}})
	}
	return out
}

// public is Yes when one of the entries is public, No when none is.
func (w way) public() enforcer.Answer {
	out := enforcer.No
	for _, e := range w.entries {
		switch e.Public {
		case enforcer.Yes:
			return enforcer.Yes
		case enforcer.Unknown:
			out = enforcer.Unknown
		case enforcer.No:
		}
	}
	return out
}

// workloads is what stands behind the way in, sorted.
func (w way) workloads() []*cluster.Workload {
	var out []*cluster.Workload
	for _, e := range w.entries {
		for _, t := range e.Targets {
			if !slices.Contains(out, t.Workload) {
				out = append(out, t.Workload)
			}
		}
	}
	slices.SortFunc(out, func(a, b *cluster.Workload) int { return a.Ref.Compare(b.Ref) })
	return out
}

// conns is the pod ports it leads to on a workload; on any when the workload is nil.
func (w way) conns(of *cluster.Workload) netset.Conns {
	var out netset.Conns
	for _, e := range w.entries {
		for _, t := range e.Targets {
			if of == nil || t.Workload == of {
				out = out.Union(targetConns(e, t))
			}
		}
	}
	return out
}

// targetConns is the pod ports of one target; all when the port is not known.
func targetConns(e exposure.Entry, t exposure.Target) netset.Conns {
	if t.Port == 0 {
		return netset.Transport()
	}
	return netset.Ports(e.Protocol, t.Port, t.Port)
}

// to narrows a way in to one workload.
func (w way) to(of *cluster.Workload) way {
	out := way{via: w.via, pos: w.pos}
	for _, e := range w.entries {
		e.Targets = slices.DeleteFunc(slices.Clone(e.Targets), func(t exposure.Target) bool { return t.Workload != of })
		if len(e.Targets) > 0 {
			out.entries = append(out.entries, e)
		}
	}
	return out
}

// text names what is open: "LoadBalancer tcp/80, NodePort tcp/30080".
func (w way) text() string {
	var parts []string
	for _, e := range w.entries {
		t := e.Kind
		switch {
		case e.Host != "":
			t += " " + e.Host + e.Path
		case e.Port != 0:
			t += fmt.Sprintf(" %s/%d", strings.ToLower(e.Protocol.String()), e.Port)
		}
		if !slices.Contains(parts, t) {
			parts = append(parts, t)
		}
	}
	return listed(parts)
}

// behind names the workloads with their ports: "Deployment shop/web tcp/80".
func (w way) behind() string {
	var parts []string
	for _, t := range w.workloads() {
		parts = append(parts, t.Ref.String()+" "+w.conns(t).String())
	}
	if len(parts) == 0 {
		return "nothing that is in the input"
	}
	return listed(parts)
}

// because is how the way in was judged.
func (w way) because() []pci.Because {
	var out []pci.Because
	for _, e := range w.entries {
		for _, b := range e.Because {
			out = append(out, pci.Because{Ref: e.Via, Pos: e.Pos, Msg: b})
		}
	}
	return tidy(out)
}

// severity is one step up when a workload of the cardholder data environment is behind it.
func (w way) severity(in *pci.Input, base pci.Severity) pci.Severity {
	if slices.ContainsFunc(w.workloads(), in.Scope.InCDE) {
		return base.Up()
	}
	return base
}

func (w way) finding(in *pci.Input, status pci.Status, base pci.Severity, format string, args ...any) pci.Finding {
	return pci.Finding{
		Subject: w.via, Pos: w.pos, Status: status, Severity: w.severity(in, base),
		Message: fmt.Sprintf(format, args...), Because: w.because(),
	}
}

// isDeclared tells whether the intent declares all of the way in: as an entry, or each workload behind it by
// a need for clients of the internet.
func (w way) isDeclared(in *pci.Input) bool {
	ws := w.workloads()
	conns := w.conns(nil)
	if e := in.EntryFor(w.via, ws); e != nil {
		conns = conns.Subtract(e.Conns)
		if conns.IsEmpty() {
			return true
		}
	}
	for _, t := range ws {
		open := w.conns(t).Intersect(conns)
		covered, _ := in.Covered(reach.OfAddrs(w.clients()), reach.OfWorkload(t), open)
		if !covered.Covers(open) {
			return false
		}
	}
	return len(ws) > 0
}

// clients is the public addresses that the ways in themselves let pass.
func (w way) clients() netset.Addrs {
	var out netset.Addrs
	for _, e := range w.entries {
		out = out.Union(e.Sources)
	}
	return out.Intersect(pci.PublicAddrs())
}

// passage is what policies make of a way in.
type passage struct {
	open    enforcer.Answer // Yes: somebody certainly gets in; No: certainly nobody
	because []pci.Because   // rules that let in, doubts, or the policies that close
	witness *pci.Witness
}

// source is a peer that policies may see in place of the clients. It is not sure when only some load balancers
// would send from there.
type source struct {
	reach.Peer
	sure bool
}

// through asks the policies of the pods behind a way in whether they let any of the clients in. Where the way
// in hides the client, policies see another node. A packet that lands on the pod's own node is not hidden.
func through(in *pci.Input, w way, clients netset.Addrs) passage {
	out := passage{open: enforcer.No}
	var maybe, closed []pci.Because
	for _, e := range w.entries {
		for _, t := range e.Targets {
			for _, src := range seen(in, e, t.Workload, clients) {
				dst := reach.OfPod(t.Pod)
				b := within(in.Model.Between(src.Peer, dst), targetConns(e, t))
				switch {
				case b.May.IsEmpty():
				case !src.sure:
					maybe = append(maybe, pci.Because{Ref: e.Via, Pos: e.Pos, Msg: "clients may be handed on from a private address, and policies let " + someAddrs(src.Addrs) + " in"})
				case !b.Must.IsEmpty():
					out.open = enforcer.Yes
					out.because = append(out.because, letThrough(in.Model, src.Peer, reach.OfWorkload(t.Workload), b.Must)...)
					if out.witness == nil {
						out.witness = pci.WitnessOf(in.Model.Witness(src.Peer, dst, b.Must))
					}
				default:
					maybe = append(maybe, pci.ReasonsOf(in.Model.Reasons(src.Peer, dst))...)
				}
			}
			closed = append(closed, policiesBecause(in.Model.Isolation(t.Pod, policy.Ingress).Policies, "isolates the pods and lets none of these clients in")...)
		}
	}
	switch {
	case out.open == enforcer.Yes:
	case len(maybe) > 0:
		out.open, out.because = enforcer.Unknown, maybe
	default:
		out.because = closed
	}
	out.because = tidy(out.because)
	return out
}

// seen is the sources that policies may see for traffic of clients to w.
func seen(in *pci.Input, e exposure.Entry, w *cluster.Workload, clients netset.Addrs) []source {
	var out []source
	if passers := passedOn(in.Cluster, e); len(passers) > 0 {
		for _, c := range passers {
			out = append(out, source{reach.OfWorkload(c), true})
		}
		return out
	}
	hidden := e.SourcesKept != enforcer.Yes && e.Sources.Overlaps(clients)
	for _, g := range in.Model.Outside(w, policy.Ingress) {
		if a := g.Src.Addrs.Intersect(clients).Intersect(e.Sources); !a.IsEmpty() {
			out = append(out, source{reach.OfAddrs(a), true})
		}
		// A load balancer that is a proxy sends from an address of its own in the private network.
		if a := g.Src.Addrs.Intersect(abroad(in)).Subtract(pci.PublicAddrs()).Subtract(clients).Subtract(in.Cluster.NodeAddrs); hidden && !a.IsEmpty() {
			out = append(out, source{reach.OfAddrs(a), false})
		}
	}
	if hidden {
		out = append(out, source{reach.Peer{Entity: reach.Nodes}, true})
	}
	return out
}

// passedOn is the workloads that take the traffic of an Ingress or a route in the cluster and pass it on. There are none
// for classes that clouds serve with load balancers of their own (AWS, GKE, Azure Application Gateway).
func passedOn(c *cluster.Cluster, e exposure.Entry) []*cluster.Workload {
	if e.Kind == exposure.Route {
		return e.Controllers
	}
	if e.Kind != exposure.Ingress {
		return nil
	}
	o := objectOf(c, e.Via)
	class := o.Root.Get("spec", "ingressClassName").Str()
	if class == "" {
		class = o.Root.Get("metadata", "annotations", "kubernetes.io/ingress.class").Str()
	}
	if slices.Contains([]string{"alb", "gce", "gce-internal", "azure-application-gateway", "azure/application-gateway"}, class) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(e.Controllers), func(w *cluster.Workload) bool {
		return slices.ContainsFunc(w.Pods[0].Containers, func(c cluster.Container) bool { return strings.Contains(c.Image, "aws-load-balancer-controller") })
	})
}

// abroad is every address that is not known to be a pod's.
func abroad(in *pci.Input) netset.Addrs { return netset.AllAddrs().Subtract(in.Cluster.PodCIDRs) }

// isRegister tells whether the intent says which entries there should be: an entry that it does not declare
// is then undeclared, and not only not yet written down.
func isRegister(in *pci.Input) bool {
	return in.Intent != nil && len(in.Intent.Entries)+len(in.Intent.Zones) > 0
}
