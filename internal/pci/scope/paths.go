package scope

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// Paths is the ways of two and three connections into the cardholder data environment, from workloads that are
// not declared to be in scope and have no connection with it, over others.
type Paths struct {
	Found []Path // one for each workload of the environment that such a way leads to, sorted by it
	// Cut closes all of them. It is nil when there are none, or when it was not computed.
	Cut *Cut
	// Limit says what was left out because it would take too long; "" when nothing was.
	Limit string
}

// Path is a shortest way to one workload: a certain one where there is one, else a possible one.
type Path struct {
	Hops    []reach.Edge
	Certain bool
	Cut     *Cut // closes every way to the workload; nil when it was not computed
}

// To is the workload that the path leads to.
func (p *Path) To() *cluster.Workload { return p.Hops[len(p.Hops)-1].Dst.Workload }

// Cut is the fewest gates to close so that no way is left. Where it can it leaves needed connections open. Of
// several cuts it is the one farthest from the environment.
type Cut struct{ Gates []Gate }

// Gate is what some workloads of a namespace may open to one destination: a peer in a rule. All of them are out
// of scope as far as is known, or none is.
type Gate struct {
	From   []*cluster.Workload // sorted
	To     *cluster.Workload
	Conns  netset.Conns // possible ones, of all together
	Needed bool         // some of it is declared to be needed
}

// String is "namespace shop (2 workloads) -> Deployment pay/gateway".
func (g *Gate) String() string {
	if len(g.From) == 1 {
		return g.From[0].Ref.String() + " -> " + g.To.Ref.String()
	}
	return fmt.Sprintf("%d workloads of namespace %s -> %s", len(g.From), g.From[0].Ref.Namespace, g.To.Ref)
}

// Limits of the search for cuts: arcs of one network, and of all of them together.
const (
	mostArcs    = 4_000_000
	mostArcsAll = 20_000_000
)

// ways is the state of the search.
type ways struct {
	*computer
	graph
	// By vertex in the middle: the first source that leads to it in one connection, and the first vertex in the
	// middle that has one; number + 1. Index 0 is for what is certain, 1 for what is possible.
	direct, over [2][]int
	arcs         int
}

func (c *computer) paths() Paths {
	n := len(c.out.Workloads)
	w := ways{computer: c, graph: graph{in: c.rows.in, roles: make([]role, n), groups: make([]int32, n)}}
	for k := range 2 {
		w.direct[k], w.over[k] = make([]int, n), make([]int, n)
	}
	if c.Needed != nil {
		w.needed = func(src, dst int) bool {
			return c.Needed(c.Cluster.Workloads[src], c.Cluster.Workloads[dst], c.between(src, dst).May)
		}
	}
	targets := c.members(c.may)
	out := Paths{}
	if c.rows.in == nil && len(targets) > 0 {
		out.Limit = fmt.Sprintf("there are more than %d connections: paths of two and three into the cardholder data environment were not searched", mostKept)
		return out
	}
	w.assign(targets)
	w.gather()
	var led []int
	for _, t := range targets {
		if p, ok := w.shortest(t); ok {
			led = append(led, t)
			out.Found = append(out.Found, p)
		}
	}
	if len(led) == 0 {
		return out
	}
	out.Cut = w.close(led)
	for i, t := range led {
		if len(led) == 1 {
			out.Found[i].Cut = out.Cut
		} else {
			out.Found[i].Cut = w.close([]int{t})
		}
		if out.Found[i].Cut == nil {
			out.Limit = "the connections on the ways in are too many to find the fewest to close for each workload of the cardholder data environment"
		}
	}
	return out
}

// between is what one workload may open to another, by number.
func (c *computer) between(src, dst int) reach.Bounds {
	return c.Model.Between(reach.OfWorkload(c.Cluster.Workloads[src]), reach.OfWorkload(c.Cluster.Workloads[dst]))
}

// assign says what each workload may be on a way. What has a connection into the environment itself is a
// connected system, whatever it is declared to be.
func (w *ways) assign(targets []int) {
	group := map[string]int32{}
	for i := range w.out.Workloads {
		x := &w.out.Workloads[i]
		if _, has := group[x.Ref.Namespace]; !has {
			group[x.Ref.Namespace] = int32(len(group)) //nolint:gosec // fewer than there are workloads
		}
		w.groups[i] = group[x.Ref.Namespace]
		if x.Declared == Outside || x.Declared == Nothing {
			w.roles[i] = source
		}
	}
	for _, t := range targets {
		w.roles[t] = target
	}
	for _, t := range targets {
		for _, h := range w.in[t] {
			if w.roles[h.other] == source {
				w.roles[h.other] = middle
			}
		}
	}
}

// gather finds what sources lead to, over one connection and over two.
func (w *ways) gather() {
	for v, row := range w.in {
		if w.roles[v] == middle {
			w.lead(v, row, &w.direct, func(u int, _ int) bool { return w.roles[u] == source })
		}
	}
	for v, row := range w.in {
		if w.roles[v] == middle {
			w.lead(v, row, &w.over, func(u, k int) bool { return w.roles[u] == middle && w.direct[k][u] > 0 })
		}
	}
	w.feed()
}

// lead finds the first vertex of a row, by certain and by possible connections, that holds.
func (w *ways) lead(v int, row []hop, into *[2][]int, holds func(u, k int) bool) {
	for _, h := range row {
		for k := range 2 {
			if u := int(h.other); (h.sure || k == 1) && into[k][v] == 0 && holds(u, k) {
				into[k][v] = u + 1
			}
		}
	}
}

// shortest gives the path to a target. Among those of the same kind and length it is the first one.
func (w *ways) shortest(t int) (Path, bool) {
	for k := range 2 {
		if k == 0 && !w.sure[t] {
			continue
		}
		for hops := 2; hops <= 3; hops++ {
			for _, h := range w.in[t] {
				v := int(h.other)
				if w.roles[v] != middle || k == 0 && !h.sure {
					continue
				}
				if u := w.direct[k][v]; hops == 2 && u > 0 {
					return w.path(k == 0, u-1, v, t), true
				}
				if u := w.over[k][v]; hops == 3 && u > 0 {
					return w.path(k == 0, w.direct[k][u-1]-1, u-1, v, t), true
				}
			}
		}
	}
	return Path{}, false
}

func (w *ways) path(certain bool, vertices ...int) Path {
	p := Path{Certain: certain}
	for i := range len(vertices) - 1 {
		src, dst := vertices[i], vertices[i+1]
		p.Hops = append(p.Hops, reach.Edge{Src: reach.OfWorkload(w.Cluster.Workloads[src]), Dst: reach.OfWorkload(w.Cluster.Workloads[dst]), Bounds: w.between(src, dst)})
	}
	return p
}

// close computes a cut, or nil when that would take too long.
func (w *ways) close(targets []int) *Cut {
	for _, t := range targets {
		w.arcs += len(w.in[t])
		for _, h := range w.in[t] {
			w.arcs += len(w.in[h.other])
		}
	}
	if w.arcs > mostArcsAll {
		return nil
	}
	gates, ok := w.cut(targets, mostArcs)
	if !ok {
		return nil
	}
	out := &Cut{Gates: []Gate{}}
	for _, k := range gates {
		g := Gate{To: w.Cluster.Workloads[k.to]}
		for _, h := range w.in[k.to] {
			u := int(h.other)
			if w.groups[u] != k.group || (w.roles[u] == source) != k.fromSource || w.roles[u] == target || !w.passes(u, k.to) {
				continue
			}
			g.From = append(g.From, w.Cluster.Workloads[u])
			g.Conns = g.Conns.Union(w.between(u, k.to).May)
			g.Needed = g.Needed || w.needed != nil && w.needed(u, k.to)
		}
		slices.SortFunc(g.From, func(a, b *cluster.Workload) int { return a.Ref.Compare(b.Ref) })
		out.Gates = append(out.Gates, g)
	}
	return out
}

// passes tells whether some way uses the connection of u to a vertex.
func (w *ways) passes(u, to int) bool {
	return w.roles[u] == source || w.fed[0][u] || w.roles[to] == target && w.fed[1][u]
}
