package report

import (
	"iter"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// Source makes the connections of a Listing while they are written. A fleet has more of them than memory.
type Source struct {
	Model *reach.Model
	// Keep narrows a connection down to what is asked for, or refuses it. Workloads must stay what they are. nil
	// keeps everything.
	Keep func(*reach.Edge) bool
}

// links is the connections of a listing by numbers, so that what many of them share is put into words once.
type links struct {
	peers  []Peer
	bounds []bound
	each   func(extent, func(*link) bool) // in order; it can be used again and gives the same numbers
	why    func(reach.Why) []reach.Reason // never nil
}

// extent says how much of a link is asked for.
type extent uint8

const (
	whole   extent = iota
	newWhys        // its reasons may be left out when links before it had them all
	noWhys         // without its reasons, which take longer than all the rest
)

// link is one connection. It is valid until the next one.
type link struct {
	src, dst, bounds int // into links.peers and links.bounds
	why              reach.Why
}

type bound struct {
	must, may     []Ports
	certain, open netset.Conns
	exact         *reach.Bounds // nil when the listing was made elsewhere
}

func (l *Listing) links() *links {
	if l.Source != nil {
		return l.Source.links()
	}
	return recorded(l.Connections)
}

// all makes the record of one connection after the other.
func (l *Listing) all() iter.Seq[Connection] {
	return func(yield func(Connection) bool) {
		x := l.links()
		x.each(whole, func(k *link) bool {
			b := &x.bounds[k.bounds]
			c := Connection{Src: x.peers[k.src], Dst: x.peers[k.dst], Must: b.must, May: b.may, Because: x.why(k.why), exact: b.exact}
			return yield(c)
		})
	}
}

// recorded is the links of connections that are there already.
func recorded(list []Connection) *links {
	x := &links{
		why: func(w reach.Why) []reach.Reason {
			if w[0] == 0 {
				return []reach.Reason{}
			}
			return list[w[0]-1].Because
		},
	}
	for _, c := range list {
		certain, open := c.certainAndOpen()
		x.peers = append(x.peers, c.Src, c.Dst)
		x.bounds = append(x.bounds, bound{c.Must, c.May, certain, open, c.exact})
	}
	x.each = func(_ extent, yield func(*link) bool) {
		for i, c := range list {
			k := link{src: 2 * i, dst: 2*i + 1, bounds: i}
			if len(c.Because) > 0 {
				k.why[0] = uint32(i + 1)
			}
			if !yield(&k) {
				return
			}
		}
	}
	return x
}

// sourceLinks is the state of Source.links.
type sourceLinks struct {
	links
	*Source
	pairs     *reach.Pairs
	known     []int          // by number of the model's bounds: one more than the number in links.bounds, 0 for none yet
	keys      map[string]int // numbers of bounds that the model has none for
	others    map[string]int // numbers of peers that are no workloads
	workloads map[*cluster.Workload]int
	outside   []link // found when they are asked for first
	found     bool
}

func (s *Source) links() *links {
	x := &sourceLinks{Source: s, pairs: s.Model.Pairs(), keys: map[string]int{}, others: map[string]int{}, workloads: map[*cluster.Workload]int{}}
	for i, w := range s.Model.Cluster().Workloads {
		x.peers = append(x.peers, PeerOf(reach.OfWorkload(w)))
		x.workloads[w] = i
	}
	x.why = func(w reach.Why) []reach.Reason {
		if list := x.pairs.Reasons(w); len(list) > 0 {
			return list
		}
		return []reach.Reason{}
	}
	x.each = func(how extent, yield func(*link) bool) {
		if !x.inside(how, yield) {
			return
		}
		if !x.found {
			x.findOutside()
		}
		for i := range x.outside {
			if !yield(&x.outside[i]) {
				return
			}
		}
	}
	return &x.links
}

// inside goes over the connections between workloads; false when yield says so.
func (x *sourceLinks) inside(how extent, yield func(*link) bool) bool {
	ws := x.Model.Cluster().Workloads
	var k link
	for p := range x.pairs.All() {
		k.src, k.dst = p.Src, p.Dst
		if x.Keep == nil {
			k.bounds = x.ofModel(p.Bounds)
		} else {
			e := reach.Edge{Src: reach.OfWorkload(ws[p.Src]), Dst: reach.OfWorkload(ws[p.Dst]), Bounds: x.pairs.Bounds(p.Bounds)}
			if !x.Keep(&e) {
				continue
			}
			k.bounds = x.number(e.Bounds)
		}
		k.why = reach.Why{}
		if b := &x.bounds[k.bounds]; how != noWhys && !b.open.IsEmpty() && (how == whole || !x.pairs.Said(p)) {
			k.why = x.pairs.Why(p)
		}
		if !yield(&k) {
			return false
		}
	}
	return true
}

func (x *sourceLinks) findOutside() {
	x.found = true
	for _, w := range x.Model.Cluster().Workloads {
		for _, d := range policy.Directions {
			for _, e := range x.Model.Outside(w, d) {
				if x.Keep != nil && !x.Keep(&e) {
					continue
				}
				k := link{src: x.peer(e.Src), dst: x.peer(e.Dst), bounds: x.number(e.Bounds)}
				if !e.Decided() {
					k.why = x.pairs.WhyPeers(e.Src, e.Dst)
				}
				x.outside = append(x.outside, k)
			}
		}
	}
}

// ofModel is the number of bounds that the model has a number for.
func (x *sourceLinks) ofModel(n uint32) int {
	if int(n) >= len(x.known) {
		x.known = append(x.known, make([]int, int(n)+1-len(x.known))...)
	}
	if x.known[n] == 0 {
		x.known[n] = x.number(x.pairs.Bounds(n)) + 1
	}
	return x.known[n] - 1
}

func (x *sourceLinks) number(b reach.Bounds) int {
	key := b.Must.Key() + "|" + b.May.Key()
	n, ok := x.keys[key]
	if !ok {
		n = len(x.bounds)
		x.keys[key] = n
		x.bounds = append(x.bounds, bound{PortsOf(b.Must), PortsOf(b.May), b.Must, b.May.Subtract(b.Must), &b})
	}
	return n
}

// peer is the number of a workload, of addresses or of an entity.
func (x *sourceLinks) peer(p reach.Peer) int {
	if p.Workload != nil {
		return x.workloads[p.Workload]
	}
	key := p.Entity + "|" + p.Addrs.Key()
	n, ok := x.others[key]
	if !ok {
		n = len(x.peers)
		x.others[key] = n
		x.peers = append(x.peers, PeerOf(p))
	}
	return n
}

// linkLog keeps connections in the order they came, so that they need not be made twice.
type linkLog struct {
	blocks [][][2]uint32 // destination and bounds
	from   [][2]int      // sources, each with the number of its connections
	n      int
	full   bool
}

const (
	logBlock = 1 << 16
	logSize  = 1 << 24 // connections in 128 MiB; more are made again
)

func (l *linkLog) add(k *link) {
	if l.full = l.full || l.n == logSize; l.full {
		l.blocks, l.from = nil, nil
		return
	}
	if l.n%logBlock == 0 {
		l.blocks = append(l.blocks, make([][2]uint32, 0, logBlock))
	}
	b := &l.blocks[len(l.blocks)-1]
	*b = append(*b, [2]uint32{uint32(k.dst), uint32(k.bounds)})
	if len(l.from) == 0 || l.from[len(l.from)-1][0] != k.src {
		l.from = append(l.from, [2]int{k.src, 0})
	}
	l.from[len(l.from)-1][1]++
	l.n++
}

// each gives the connections again, without their reasons; not when the log is full.
func (l *linkLog) each(yield func(*link) bool) {
	var k link
	n := 0
	for _, f := range l.from {
		k.src = f[0]
		for range f[1] {
			at := &l.blocks[n/logBlock][n%logBlock]
			k.dst, k.bounds = int(at[0]), int(at[1])
			if n++; !yield(&k) {
				return
			}
		}
	}
}

// reasons collects what undecided connections rest on, each sentence once, in the order of first use.
type reasons struct {
	x     *links
	list  []reach.Reason
	seen  map[reach.Reason]bool
	parts []bool // by number: its reasons are in the list
}

func (r *reasons) add(w reach.Why) {
	fresh := false
	for _, n := range w {
		if n == 0 {
			continue
		}
		for int(n) >= len(r.parts) {
			r.parts = append(r.parts, false)
		}
		fresh = fresh || !r.parts[n]
		r.parts[n] = true
	}
	if !fresh {
		return
	}
	r.addAll(r.x.why(w))
}

func (r *reasons) addAll(list []reach.Reason) {
	for _, why := range list {
		if !r.seen[why] {
			r.seen[why] = true
			r.list = append(r.list, why)
		}
	}
}
