package calico

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// otherNames finds what names of ports may or may not mean besides ordinary containers: ports of init containers,
// which Calico reads from some version on, and ports that host endpoints declare, as far as a rule leaves
// them out. Names to be left out that are in doubt are taken from r, so that it possibly matches them.
func (c *compiler) otherNames(d policy.Direction, r *policy.Rule) []policy.Doubt {
	var limits []policy.Doubt
	say := func(n policy.NamedPort, format string, args ...any) {
		limits = append(limits, policy.Doubt{Pos: n.Pos, Ref: c.Object.Ref, Msg: fmt.Sprintf(format, args...)})
	}
	inDoubt := func(n policy.NamedPort) bool {
		p := c.pods.initPorts[portName{n.Protocol, n.Name}]
		if p != nil {
			say(n, "port %s of %s is declared by an init container, which not every version of Calico reads", n.Name, p.Workload.Ref)
		}
		return p != nil
	}
	for _, n := range r.Named {
		inDoubt(n)
	}
	var notNamed []policy.NamedPort
	for _, n := range r.NotNamed {
		if !inDoubt(n) {
			notNamed = append(notNamed, n)
		}
		if d == policy.Egress {
			for _, h := range c.hostPorts(n) {
				say(n, "%s also has a port named %s", h.ref, n.Name)
			}
		}
	}
	r.NotNamed = notNamed
	return limits
}

type hostPort struct {
	ref    object.Ref
	addrs  netset.Addrs
	number int
}

// hostPorts are the ports of that name that host endpoints declare.
func (c *compiler) hostPorts(n policy.NamedPort) []hostPort {
	var out []hostPort
	for _, g := range groups {
		for _, o := range c.cluster.Kind(g, "HostEndpoint") {
			for _, p := range o.Root.Get("spec", "ports").List() {
				number, _ := p.Get("port").Int()
				if p.Get("name").Str() == n.Name && number > 0 {
					out = append(out, hostPort{o.Ref, readHostEndpoint(policy.NewReader(o)), number})
				}
			}
		}
	}
	return out
}

// hostNames are rules for what the port names of an egress rule r mean on nodes.
func (c *compiler) hostNames(r *policy.Rule, conns netset.Conns) []policy.Rule {
	var out []policy.Rule
	for _, n := range r.Named {
		for _, h := range c.hostPorts(n) {
			more := *r
			more.Named, more.NotNamed = nil, nil
			more.Conns = netset.Ports(n.Protocol, h.number, h.number).Intersect(conns)
			more.Peers = []policy.Peer{{
				Kind: policy.AddrPeer, Addrs: h.addrs, Reach: policy.Everywhere, Pos: n.Pos,
				Doubt: &policy.Doubt{Pos: n.Pos, Ref: c.Object.Ref, Msg: fmt.Sprintf("%s has a port named %s, and ports of nodes are not resolved by name", h.ref, n.Name)},
			}}
			out = append(out, more)
		}
	}
	return out
}

// unnamed are rules for the network sets that the selectors of an egress rule r mean; their peers are taken from r.
// Felix resolves names of ports only on endpoints that the selectors mean (namedPortsToIPSets in felix/calc), and not
// on what merely has an address that is in a set.
func (c *compiler) unnamed(r *policy.Rule, e *entity) []policy.Rule {
	if e.sel == nil || len(r.Named)+len(r.NotNamed) == 0 {
		return nil
	}
	whole := *r
	var sets, rest []policy.Peer
	whole.Peers = nil
	for _, p := range r.Peers {
		switch p.Kind {
		case policy.AddrPeer:
			sets = append(sets, p)
			rest = append(rest, c.podsAt(&p, e)...)
		case policy.DoubtPeer: // maybe a set
			whole.Peers = append(whole.Peers, p)
			rest = append(rest, p)
		case policy.AnyPeer, policy.PodPeer, policy.NodePeer:
			whole.Peers = append(whole.Peers, p)
		}
	}
	bySet, byOther := whole, whole
	bySet.Peers, bySet.Named = sets, nil
	byOther.Peers, byOther.Named, byOther.NotNamed = rest, nil, nil
	*r = whole
	switch {
	case r.Conns.IsEmpty() || len(sets)+len(rest) == 0:
		return nil
	case len(r.NotNamed) == 0 || len(rest) == 0:
		return []policy.Rule{bySet}
	}
	return []policy.Rule{bySet, byOther}
}

// podsAt is the pods with an address of p that the selectors of e do not mean.
func (c *compiler) podsAt(p *policy.Peer, e *entity) []policy.Peer {
	ts, err := terms(not(e.meant()), c.pods)
	if err != nil {
		q := *p
		q.Reach = policy.PodsOnly
		q.Doubt = &policy.Doubt{Pos: p.Pos, Ref: c.Object.Ref, Msg: err.Error()}
		return []policy.Peer{q}
	}
	out := make([]policy.Peer, 0, len(ts))
	for _, t := range ts {
		out = append(out, policy.Peer{Kind: policy.PodPeer, Term: t, Within: &p.Addrs, Pos: p.Pos, Doubt: p.Doubt})
	}
	return out
}
