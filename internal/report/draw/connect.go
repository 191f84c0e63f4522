package draw

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// tie is what one node may open to another, in one verdict.
type tie struct {
	src, dst *Node
	conns    netset.Conns
	verdict  Verdict
	needs    []string // that cover it
	account  bool     // one of them says that account data flows
	missing  bool
	pairs    int
	change   string
}

// key is what ties of one wire have in common. Which needs cover them may differ.
func (t *tie) key() string {
	return fmt.Sprint(t.verdict, t.account, t.missing, t.change, len(t.needs) > 0, t.conns.Key())
}

// connect adds the outside, and all wires and groups.
func (g *Graph) connect(known *traffic) {
	switch g.opt.View {
	case Exposure:
		g.waysIn()
	case Network, Dataflow, Path, Zones:
		g.wire(g.ties(known))
	}
	g.structure()
	g.prune()
}

// ties are the connections between what is drawn, in the model's order.
func (g *Graph) ties(known *traffic) []*tie {
	now, order := g.flows(known.now, true)
	before, more := g.flows(known.before, false)
	for _, k := range more {
		if now[k] == nil {
			order = append(order, k)
		}
	}
	var out []*tie
	for _, k := range order {
		f, was := now[k], before[k]
		if f == nil {
			f = &flow{}
		}
		if g.opt.Before == nil {
			was = f
		} else if was == nil {
			was = &flow{}
		}
		out = append(out, changed(k.src, k.dst, f, was)...)
	}
	return g.gather(out)
}

// end is the node that a peer is drawn as, nil when it is not drawn. Addresses are drawn twice where they are
// both sources, above the cluster, and destinations, below it.
func (g *Graph) end(p reach.Peer, as policy.Direction) *Node {
	if p.Workload != nil {
		return g.leaf[p.Workload]
	}
	if !p.IsOutside() {
		return nil
	}
	id, where := "outside:from:", "top"
	if as == policy.Egress {
		id, where = "outside:to:", "bottom"
	}
	id += p.Addrs.String()
	if n := g.byID[id]; n != nil {
		return n
	}
	n := g.cloud(p.Addrs)
	n.ID, n.Edge = id, where
	g.put(n)
	return n
}

// judged splits a tie by the needs that cover it.
func (g *Graph) judged(t *tie) []*tie {
	a, aok := peer(t.src)
	b, bok := peer(t.dst)
	if t.change == "removed" || g.in.Intent == nil || len(g.in.Intent.Needs) == 0 || !aok || !bok || !g.in.Scope.InCDE(a.Workload) && !g.in.Scope.InCDE(b.Workload) {
		return []*tie{t}
	}
	var out []*tie
	parts := map[bool]*tie{} // by whether account data flows
	rest := t.conns
	for !rest.IsEmpty() {
		covered, need := g.in.Covered(a, b, rest)
		if need == nil {
			break
		}
		if only := covered.Intersect(need.Conns); !only.IsEmpty() {
			covered = only
		}
		account := need.DataClass == "account-data"
		c := parts[account]
		if c == nil {
			part := *t
			part.conns, part.account = netset.None(), account
			c = &part
			parts[account] = c
			out = append(out, c)
		}
		c.conns = c.conns.Union(covered)
		if !slices.Contains(c.needs, need.ID) {
			c.needs = append(c.needs, need.ID)
		}
		rest = rest.Subtract(covered)
	}
	if open := declared(g.in, b.Workload).Intersect(rest); t.src.Kind == Outside && !open.IsEmpty() {
		c := *t
		c.conns, c.needs = open, []string{"public entry"}
		out = append(out, &c)
		rest = rest.Subtract(open)
	}
	if !rest.IsEmpty() {
		c := *t
		c.conns, c.missing = rest, true
		out = append(out, &c)
	}
	return out
}

// declared is the ports of a workload that declared public entries lead to.
func declared(in *pci.Input, w *cluster.Workload) netset.Conns {
	var out netset.Conns
	if w == nil {
		return out
	}
	for _, e := range in.Intent.Entries {
		if e.Workload == w.Ref.Namespace+"/"+w.Ref.Name {
			out = out.Union(e.Conns)
		}
		for _, s := range in.Cluster.Services {
			if e.Service != s.Ref.Namespace+"/"+s.Ref.Name {
				continue
			}
			for _, p := range s.Ports {
				for _, pod := range s.Pods {
					if t, ok := p.Target(pod); ok && pod.Workload == w && e.Conns.Contains(p.Protocol, uint16(p.Port)) {
						out = out.Union(netset.Ports(p.Protocol, t, t))
					}
				}
			}
		}
	}
	return out
}

// peer is the one peer that a node stands for.
func peer(n *Node) (reach.Peer, bool) {
	switch {
	case n.Kind == Workload:
		return reach.OfWorkload(n.workloads[0]), true
	case n.Kind == Outside && len(n.merged) == 0:
		return reach.OfAddrs(n.addrs), true
	}
	return reach.Peer{}, false
}

// wire makes ties into groups and wires. Groups come first: in them the needs of single pairs are not told.
func (g *Graph) wire(ties []*tie) {
	var rest []*tie
	for _, list := range byKey(ties) {
		s := newSheet(list)
		in := map[*tie]bool{}
		for _, members := range s.meshes() {
			g.group(list[0], members)
			inside := map[*Node]bool{}
			for _, n := range members {
				inside[n] = true
			}
			for _, t := range list {
				in[t] = in[t] || inside[t.src] && inside[t.dst]
			}
		}
		for _, t := range list {
			if !in[t] {
				rest = append(rest, g.judged(t)...)
			}
		}
	}
	for _, list := range byKey(rest) {
		for _, b := range newSheet(list).blocks() {
			g.block(list, b)
		}
	}
	slices.SortStableFunc(g.Groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Ports, b.Ports), cmp.Compare(strings.Join(a.Members, " "), strings.Join(b.Members, " ")))
	})
	for i, gr := range g.Groups {
		gr.Name = letters(i)
	}
}

// byKey groups ties, in the order of the first of each.
func byKey(ties []*tie) [][]*tie {
	at := map[string]int{}
	var out [][]*tie
	for _, t := range ties {
		k := t.key()
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], t)
	}
	return out
}

// letters names groups A, B, ... Z, AA.
func letters(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return letters(i/26-1) + string(rune('A'+i%26))
}

func (g *Graph) group(t *tie, members []*Node) {
	gr := &Group{Ports: t.conns.String(), Verdict: t.verdict, Change: t.change, conns: t.conns, Members: g.lift(members)}
	cde := 0
	for _, n := range members {
		gr.Count += len(n.workloads)
		if g.cde(n) {
			cde++
		}
		gr.Some = gr.Some || n.Kind == Bundle
	}
	gr.Crosses = cde > 0 && cde < len(members)
	g.Groups = append(g.Groups, gr)
}

// block adds the wire of a block of ties with one key.
func (g *Graph) block(ties []*tie, b block) {
	t := ties[0]
	w := &Wire{Ports: t.conns.String(), Verdict: t.verdict, Missing: t.missing, Pairs: b.pairs, Change: t.change, conns: t.conns}
	w.Account = t.account
	for _, o := range ties {
		if slices.Contains(b.src, o.src) && slices.Contains(b.dst, o.dst) {
			w.Needs = append(w.Needs, o.needs...)
		}
	}
	slices.Sort(w.Needs)
	w.Needs = slices.Compact(w.Needs)
	for _, s := range b.src {
		for _, d := range b.dst {
			w.Crosses = w.Crosses || g.cde(s) != g.cde(d)
		}
	}
	outside := !slices.ContainsFunc(b.src, func(n *Node) bool { return n.Kind != Outside })
	w.From, w.To = g.lift(b.src), g.ends(g.lift(b.dst), t.conns, outside)
	g.Wires = append(g.Wires, w)
}

// cde tells whether everything that a node stands for handles account data.
func (g *Graph) cde(n *Node) bool {
	return len(n.workloads) > 0 && !slices.ContainsFunc(n.workloads, func(w *cluster.Workload) bool { return !g.in.Scope.InCDE(w) })
}

// lift takes a frame or a band for its workloads where all of them are there.
func (g *Graph) lift(nodes []*Node) []string {
	has := map[string]bool{}
	for _, n := range nodes {
		has[n.ID] = true
	}
	for _, b := range g.Bands {
		every := true
		var in []string
		for _, f := range b.Frames {
			leaves := g.leavesOf(f)
			if slices.ContainsFunc(leaves, func(id string) bool { return !has[id] }) {
				every = false
				continue
			}
			id := leaves[0]
			if len(leaves) > 1 {
				id = f.ID
				for _, l := range leaves {
					delete(has, l)
				}
				has[id] = true
			}
			in = append(in, id)
		}
		if every && len(in) > 1 && b.Title != "" {
			for _, id := range in {
				delete(has, id)
			}
			has[b.ID] = true
		}
	}
	out := make([]string, 0, len(has))
	for id := range has {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// leavesOf is the nodes of a frame that stand for workloads. There is at least one.
func (g *Graph) leavesOf(f *Frame) []string {
	var out []string
	for _, id := range f.Nodes {
		if k := g.byID[id].Kind; k == Workload || k == Bundle {
			out = append(out, id)
		}
	}
	return out
}
