package scope

import (
	"fmt"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// hop is one entry of a row: another workload with which some connection is possible.
type hop struct {
	other             int32
	sure              bool // some connection is certain
	allSure, allMaybe bool // all connections are certain, are possible
}

// rows is who may reach whom. All pairs at once cost less than a few workloads one by one, so that is how they
// are read; only where they are too many to keep each workload is asked about by itself.
type rows struct {
	m      *reach.Model
	ws     []*cluster.Workload
	number map[*cluster.Workload]int
	in     [][]hop // by workload, who may connect to it; nil when there are too many
	out    [][]hop
}

// mostKept is how many connections are kept, for 16 bytes each.
const mostKept = 30_000_000

func (r *rows) load() {
	r.in, r.out = make([][]hop, len(r.ws)), make([][]hop, len(r.ws))
	kept := 0
	for e := range r.m.Edges() {
		if e.Src.Workload == nil || e.Dst.Workload == nil { // those with the outside come last
			return
		}
		if kept++; kept > mostKept {
			r.in, r.out = nil, nil
			return
		}
		s, d := r.number[e.Src.Workload], r.number[e.Dst.Workload]
		r.out[s] = append(r.out[s], hopOf(d, e))
		r.in[d] = append(r.in[d], hopOf(s, e))
	}
}

func hopOf(other int, e reach.Edge) hop {
	return hop{int32(other), !e.Must.IsEmpty(), e.Must.IsAll(), e.May.IsAll()} //nolint:gosec // fewer than there are workloads
}

// of gives a row in the order of the workloads.
func (r *rows) of(i int, d policy.Direction) []hop {
	switch {
	case r.in == nil:
	case d == policy.Ingress:
		return r.in[i]
	default:
		return r.out[i]
	}
	edges := r.m.Reaches(r.ws[i], d)
	row := make([]hop, 0, len(edges))
	for _, e := range edges {
		other := e.Src.Workload
		if d == policy.Egress {
			other = e.Dst.Workload
		}
		row = append(row, hopOf(r.number[other], e))
	}
	return row
}

// network finds the cardholder data environment with all that nothing parts from it, and what may exchange
// packets with that.
func (c *computer) network() {
	if len(c.out.Workloads) == 0 {
		return
	}
	c.rows.load()
	s := segments{computer: c, host: make([]bool, len(c.out.Workloads)), done: make([]bool, len(c.out.Workloads))}
	s.sure, s.maybe = make([][2]contact, len(s.host)), make([][2]contact, len(s.host))
	for i := range c.out.Workloads {
		w := &c.out.Workloads[i]
		s.host[i] = onHosts(w.Workload)
		c.sure[i] = w.Declared == Account
		c.may[i] = c.sure[i] || w.Declared == Unsure
		if c.sure[i] {
			c.give(i, Reason{Code: Stated, Class: CDE, Sure: true, Ref: w.Ref, Pos: w.Pos, Msg: "is declared to handle account data"})
		}
	}
	// What is certain first, so that each workload is looked at once.
	s.spread(c.members(c.sure), true)
	s.spread(c.members(c.may), false)
	s.flows()
}

func (c *computer) members(set []bool) []int {
	var out []int
	for i, has := range set {
		if has {
			out = append(out, i)
		}
	}
	return out
}

// segments is a walk from the cardholder data environment to what nothing parts from it, and what it meets.
type segments struct {
	*computer
	host, done []bool
	// By workload and direction, seen from the environment: who certainly and who possibly has a connection.
	sure, maybe [][2]contact
}

// contact is the first workload of the cardholder data environment that another one has a connection with, and
// how many there are.
type contact struct {
	with  int // number + 1
	count int
}

// spread follows what is certain only, or what is possible too.
func (s *segments) spread(queue []int, certain bool) {
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if s.done[i] {
			continue
		}
		s.done[i] = true
		in, out := s.rows.of(i, policy.Ingress), s.rows.of(i, policy.Egress)
		s.touch(i, policy.Ingress, in)
		s.touch(i, policy.Egress, out)
		for _, h := range both(in, out) {
			j, sure := int(h.other), h.allSure && s.computer.sure[i]
			// A node is no segment of its pods; what shares it is judged by itself.
			if s.host[i] || s.host[j] || s.computer.sure[j] || s.may[j] && !sure {
				continue
			}
			s.may[j], s.computer.sure[j] = true, sure
			if sure || !certain {
				queue = append(queue, j)
			}
			w := s.Cluster.Workloads[i]
			s.give(j, Reason{
				Code: Segment, Class: CDE, Sure: sure, With: w, Conns: netset.All(), Ref: w.Ref, Pos: w.Pos,
				Msg: "nothing is between it and " + w.Ref.String() + ": every connection is open both ways",
			})
		}
	}
}

func (s *segments) touch(i int, d policy.Direction, row []hop) {
	for _, h := range row {
		into := &s.maybe[h.other][d]
		if h.sure && s.computer.sure[i] {
			into = &s.sure[h.other][d]
		}
		if into.count++; into.with == 0 || i+1 < into.with {
			into.with = i + 1
		}
	}
}

// flows gives each workload its first connection in each direction.
func (s *segments) flows() {
	for j, other := range s.Cluster.Workloads {
		for _, d := range policy.Directions {
			k, sure := s.sure[j][d], true
			if k.count == 0 {
				k, sure = s.maybe[j][d], false
			}
			if k.count == 0 || s.computer.sure[j] {
				continue
			}
			w := s.Cluster.Workloads[k.with-1]
			src, dst, way := reach.OfWorkload(other), reach.OfWorkload(w), "connect to "
			if d == policy.Egress {
				src, dst, way = dst, src, "be reached from "
			}
			b := s.Model.Between(src, dst)
			conns := b.Must
			if !sure {
				conns = b.May
			}
			more := ""
			if k.count > 1 {
				more = fmt.Sprintf(", and %d more of the cardholder data environment", k.count-1)
			}
			s.give(j, Reason{
				Code: Flow, Class: ConnectedTo, Sure: sure, With: w, Dir: d, Conns: conns, Ref: w.Ref, Pos: w.Pos,
				Msg: "can " + way + w.Ref.String() + " on " + conns.String() + more,
			})
		}
	}
}

// onHosts tells whether all pods of w are on the networks of their nodes.
func onHosts(w *cluster.Workload) bool {
	for _, p := range w.Pods {
		if !p.HostNetwork {
			return false
		}
	}
	return true
}

// both gives the workloads of two rows with which everything is possible both ways.
func both(in, out []hop) []hop {
	var all []hop
	for i, j := 0, 0; i < len(in) && j < len(out); {
		switch a, b := in[i], out[j]; {
		case a.other < b.other:
			i++
		case b.other < a.other:
			j++
		default:
			if a.allMaybe && b.allMaybe {
				all = append(all, hop{other: a.other, allSure: a.allSure && b.allSure})
			}
			i, j = i+1, j+1
		}
	}
	return all
}
