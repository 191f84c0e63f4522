package calico

import (
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// peers is whom an entity means among the addresses of within. Felix turns selectors into sets of addresses, so a
// pod is also meant when a network set holds its address, and a negated selector lets through whatever is no
// endpoint (semantics of notSelector, EntityRule.Selector). Beside a positive selector the negated one only says
// which endpoints and sets that one means (combineMatchesIfPossible in felix/calc).
func (c *compiler) peers(e *entity, within netset.Addrs) []policy.Peer {
	if len(e.doubts) > 0 {
		return []policy.Peer{{Kind: policy.DoubtPeer, Pos: e.pos, Doubt: &e.doubts[0]}}
	}
	allowed := e.allowed(within)
	b := peerBuilder{cluster: c.cluster, index: c.pods, pos: e.pos, ref: c.Object.Ref, sure: allowed}
	if len(e.notDoubts) > 0 {
		b.doubt = &e.notDoubts[0]
	}
	switch {
	case e.sel != nil:
		meant := e.meant()
		b.pods(meant)
		for _, s := range selected(meant, c.cluster) {
			b.set(s)
		}
	case e.notSel != nil:
		b.exclude(selected(e.notSel, c.cluster))
		b.pods(not(e.notSel))
		b.each(b.elsewhere)
	default:
		b.each(func(addrs netset.Addrs, d *policy.Doubt) {
			if addrs.IsAll() {
				b.add(policy.Peer{Kind: policy.AnyPeer}, d)
			} else {
				b.add(policy.Peer{Kind: policy.AddrPeer, Addrs: addrs, Reach: policy.Everywhere}, d)
			}
		})
	}
	return b.peers
}

type peerBuilder struct {
	cluster *cluster.Cluster
	index   *podIndex
	pos     object.Pos
	ref     object.Ref
	// sure is the addresses that the entity lets through, maybe those that it possibly does, because of
	// maybeDoubt. They do not overlap.
	sure, maybe netset.Addrs
	maybeDoubt  *policy.Doubt
	doubt       *policy.Doubt // of all peers
	peers       []policy.Peer
}

// exclude takes away the addresses of sets that a negated selector means.
func (b *peerBuilder) exclude(sets []addrSet) {
	var must, may netset.Addrs
	for i := range sets {
		switch s := &sets[i]; {
		case s.doubt != nil:
			b.maybeDoubt, may = s.doubt, netset.AllAddrs()
		case s.maybe != nil:
			b.maybeDoubt, may = s.maybe, may.Union(s.addrs)
		default:
			must = must.Union(s.addrs)
		}
	}
	b.maybe = b.sure.Intersect(may).Subtract(must)
	b.sure = b.sure.Subtract(must).Subtract(may)
}

// each calls f for the addresses that are certainly and possibly let through.
func (b *peerBuilder) each(f func(addrs netset.Addrs, d *policy.Doubt)) {
	if !b.sure.IsEmpty() {
		f(b.sure, b.doubt)
	}
	if !b.maybe.IsEmpty() {
		f(b.maybe, b.maybeDoubt)
	}
}

func (b *peerBuilder) add(p policy.Peer, d *policy.Doubt) {
	if p.Pos = b.pos; d != nil {
		copied := *d
		p.Doubt = &copied
	}
	b.peers = append(b.peers, p)
}

// pods adds the pods that x means.
func (b *peerBuilder) pods(x *expr) {
	ts, err := terms(x, b.index)
	b.each(func(addrs netset.Addrs, d *policy.Doubt) {
		if err != nil {
			b.add(policy.Peer{Kind: policy.DoubtPeer}, &policy.Doubt{Pos: b.pos, Ref: b.ref, Msg: err.Error()})
			return
		}
		for _, t := range ts {
			p := policy.Peer{Kind: policy.PodPeer, Term: t}
			if !addrs.IsAll() {
				p.Within = &addrs
			}
			b.add(p, d)
		}
	})
}

// set adds the addresses of a network set or host endpoint.
func (b *peerBuilder) set(s addrSet) {
	if s.doubt != nil {
		b.add(policy.Peer{Kind: policy.DoubtPeer}, s.doubt)
		return
	}
	b.each(func(addrs netset.Addrs, d *policy.Doubt) {
		if addrs = addrs.Intersect(s.addrs); addrs.IsEmpty() {
			return
		}
		if s.maybe != nil {
			d = s.maybe
		}
		b.add(policy.Peer{Kind: policy.AddrPeer, Addrs: addrs, Reach: policy.Everywhere}, d)
	})
}

// elsewhere adds addresses of nodes and outside, but not those of pods: there the negated selector decides.
func (b *peerBuilder) elsewhere(addrs netset.Addrs, d *policy.Doubt) {
	b.add(policy.Peer{Kind: policy.AddrPeer, Addrs: addrs, Reach: policy.OutsideOnly}, d)
	nodes := b.cluster.NodeAddrs
	switch {
	case addrs.IsAll(), b.cluster.NodesKnown && addrs.Covers(nodes):
		b.add(policy.Peer{Kind: policy.NodePeer}, d)
	case b.cluster.NodesKnown && !addrs.Overlaps(nodes):
	case d != nil:
		b.add(policy.Peer{Kind: policy.NodePeer}, d)
	default:
		msg := "whether addresses of nodes are among " + addrs.String() + " is not known"
		b.add(policy.Peer{Kind: policy.NodePeer}, &policy.Doubt{Pos: b.pos, Ref: b.ref, Msg: msg})
	}
}
