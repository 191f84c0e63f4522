package pci

import (
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// notPublic is the ranges that the internet does not route (IANA special-purpose address registries), and
// one public address that a cloud answers inside its networks (Azure's wire server).
const notPublic = "0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.168.0.0/16," +
	"224.0.0.0/3,168.63.129.16/32,::/128,::1/128,fc00::/7,fe80::/10,ff00::/8"

// PublicAddrs is every address of the internet, of both families.
func PublicAddrs() netset.Addrs { return publicAddrs }

var publicAddrs = netset.AllAddrs().Subtract(mustAddrs(notPublic))

// PrivateAddrs is the addresses that organisations give out themselves (RFC 1918, RFC 6598, RFC 4193).
func PrivateAddrs() netset.Addrs {
	return mustAddrs("10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fc00::/7")
}

// mustAddrs reads a constant.
func mustAddrs(text string) netset.Addrs {
	a, err := netset.ParseAddrs(text)
	if err != nil {
		panic(err)
	}
	return a
}

// side is the end of a flow that a need's end is held against.
type side uint8

const (
	source side = iota
	destination
)

// Covered splits the connections of a flow: covered is what the declared needs cover together, need the first
// of them. Each connection must be covered for every address of an outside peer and for every pod of a
// workload. Addresses of pods and Services are left out of an outside peer, because pods are peers of their
// own; so are the nodes' among the sources of a wider peer, because policies can not be relied on to keep
// nodes out and DEN-10 lists them. A need that ended covers nothing, and without an intent nothing is covered.
func (in *Input) Covered(src, dst reach.Peer, conns netset.Conns) (covered netset.Conns, need *Need) {
	if in.Intent == nil {
		return netset.None(), nil
	}
	type part struct {
		conns netset.Conns
		left  netset.Addrs // not yet covered for conns
		need  int          // the first that covers some of it, else the number of needs
	}
	outside, at := dst, destination
	if src.IsOutside() {
		outside, at = src, source
	}
	none := len(in.Intent.Needs)
	first := none
	parts := []part{{conns, in.foreign(outside.Addrs, at), none}}
	for i := range in.Intent.Needs {
		n := &in.Intent.Needs[i]
		if !n.HoldsOn(in.Today) || !n.Conns.Overlaps(conns) || !in.isEnd(n.From, source, src) || !in.isEnd(n.To, destination, dst) {
			continue
		}
		if !outside.IsOutside() {
			covered, first = covered.Union(conns.Intersect(n.Conns)), min(first, i)
			continue
		}
		addrs := in.endAddrs(endOf(n, at), at)
		var next []part
		for _, p := range parts {
			if rest := p.conns.Subtract(n.Conns); !rest.IsEmpty() {
				next = append(next, part{rest, p.left, p.need})
			}
			both := p.conns.Intersect(n.Conns)
			if both.IsEmpty() {
				continue
			}
			if !p.left.Overlaps(addrs) {
				next = append(next, part{both, p.left, p.need})
				continue
			}
			p.need = min(p.need, i)
			if left := p.left.Subtract(addrs); left.IsEmpty() {
				covered, first = covered.Union(both), min(first, p.need)
			} else {
				next = append(next, part{both, left, p.need})
			}
		}
		parts = next
	}
	if first == none {
		return covered, nil
	}
	return covered, &in.Intent.Needs[first]
}

// foreign leaves out of outside addresses those that stand for pods, Services and (among wider sources) nodes.
func (in *Input) foreign(a netset.Addrs, at side) netset.Addrs {
	a = a.Subtract(in.Cluster.PodCIDRs).Subtract(in.Cluster.ServiceCIDRs)
	if at == source && !in.Cluster.NodeAddrs.Covers(a) {
		a = a.Subtract(in.Cluster.NodeAddrs)
	}
	return a
}

func endOf(n *Need, at side) string {
	if at == source {
		return n.From
	}
	return n.To
}

// isEnd tells whether an end of a need is the peer. Of addresses it is enough that it has some of them, as
// Covered goes on to count them.
func (in *Input) isEnd(end string, at side, p reach.Peer) bool {
	switch {
	case p.Workload != nil:
		return in.podsIn(p.Workload, p.Workload.Pods, end)
	case p.Pod != nil:
		return in.podsIn(p.Pod.Workload, []*cluster.Pod{p.Pod}, end)
	case p.Entity != "":
		nodes := in.Cluster.NodeAddrs
		return in.Cluster.NodesKnown && !nodes.IsEmpty() && in.endAddrs(end, at).Covers(nodes)
	}
	return in.endAddrs(end, at).Overlaps(p.Addrs)
}

// podsIn tells whether the end is the workload, or a zone that has all these pods.
func (in *Input) podsIn(w *cluster.Workload, pods []*cluster.Pod, end string) bool {
	if w.Ref.Namespace+"/"+w.Ref.Name == end {
		return true
	}
	return in.Scope != nil && !slices.ContainsFunc(pods, func(p *cluster.Pod) bool {
		z := in.Scope.pods[p]
		return z == nil || z.Name != end
	})
}

// endAddrs is the addresses outside that one end of a need stands for.
func (in *Input) endAddrs(end string, at side) netset.Addrs {
	if a, ok := cidr(end); ok {
		return a
	}
	var zones netset.Addrs
	for _, z := range in.Intent.Zones {
		if z.Name == end {
			return z.Addrs
		}
		zones = zones.Union(z.Addrs)
	}
	if end != internet {
		return netset.Addrs{}
	}
	all := netset.AllAddrs()
	if at == destination {
		all = PublicAddrs()
	}
	return all.Subtract(zones).Subtract(in.Cluster.NodeAddrs).Subtract(in.Cluster.PodCIDRs)
}

// EntryFor gives the first declared public entry that names the object which opens it, or that names the one
// workload all of targets are; nil when there is none. Its Conns may be narrower than what is open.
func (in *Input) EntryFor(via object.Ref, targets []*cluster.Workload) *Entry {
	if in.Intent == nil {
		return nil
	}
	for i := range in.Intent.Entries {
		e := &in.Intent.Entries[i]
		if e.Service != "" && e.Service == via.Namespace+"/"+via.Name {
			return e
		}
		other := func(w *cluster.Workload) bool { return w.Ref.Namespace+"/"+w.Ref.Name != e.Workload }
		if e.Workload != "" && len(targets) > 0 && !slices.ContainsFunc(targets, other) {
			return e
		}
	}
	return nil
}

// Ends gives what the two ends of a need stand for in the input: its workloads, sorted, and addresses outside. Both
// are empty for an end that is nowhere.
func (in *Input) Ends(n *Need) (from, to End) {
	return in.end(n.From, source), in.end(n.To, destination)
}

// End is one end of a need.
type End struct {
	Workloads []*cluster.Workload
	Addrs     netset.Addrs
}

// IsEmpty tells whether the input holds nothing of it.
func (e End) IsEmpty() bool { return len(e.Workloads) == 0 && e.Addrs.IsEmpty() }

func (in *Input) end(name string, at side) End {
	e := End{Addrs: in.endAddrs(name, at)}
	for _, w := range in.Cluster.Workloads {
		if in.podsIn(w, w.Pods, name) {
			e.Workloads = append(e.Workloads, w)
		}
	}
	return e
}

// NeedsFrom tells whether some declared need that holds begins at w.
func (in *Input) NeedsFrom(w *cluster.Workload) bool {
	return in.Intent != nil && slices.ContainsFunc(in.Intent.Needs, func(n Need) bool { return n.HoldsOn(in.Today) && in.podsIn(w, w.Pods, n.From) })
}
