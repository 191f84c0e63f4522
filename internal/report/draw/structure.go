package draw

import (
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

// ends lets a wire end at a Service instead of at all workloads behind it, where the Service leads to just these
// ports on each of them. From outside only Services on the edge of the cluster can be meant, from inside the others.
func (g *Graph) ends(to []string, conns netset.Conns, outside bool) []string {
	for _, n := range g.Nodes {
		if n.Kind != Service || (n.Edge == "top") != outside || !g.leads(n, conns) {
			continue
		}
		ids := g.leavesBehind(n)
		if slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(to, id) }) {
			continue
		}
		to = append(slices.DeleteFunc(slices.Clone(to), func(id string) bool { return slices.Contains(ids, id) }), n.ID)
	}
	slices.Sort(to)
	return to
}

func (g *Graph) leavesBehind(n *Node) []string {
	var out []string
	for _, w := range n.workloads {
		if l := g.leaf[w]; l != nil && !slices.Contains(out, l.ID) {
			out = append(out, l.ID)
		}
	}
	return out
}

// leads tells whether some ports of a Service lead to exactly these ports on each pod behind it.
func (g *Graph) leads(n *Node, conns netset.Conns) bool {
	for _, pod := range n.service.Pods {
		var got netset.Conns
		for _, p := range n.service.Ports {
			t, ok := p.Target(pod)
			if c := netset.Ports(p.Protocol, t, t); ok && conns.Covers(c) {
				got = got.Union(c)
			}
		}
		if !got.Equal(conns) {
			return false
		}
	}
	return len(n.service.Pods) > 0
}

// structure adds the wires that are no connections: Services to their workloads, entries to Services, workloads to
// their claims.
func (g *Graph) structure() {
	for _, n := range slices.Clone(g.Nodes) {
		switch n.Kind {
		case Service:
			g.hang(n.ID, g.leavesBehind(n), "")
		case Entry:
			g.hang(n.ID, g.behindEntry(n), "")
			if public := n.public(); g.opt.View == Network && public != enforcer.No {
				label := "ways in"
				if n.entry != nil {
					label = n.entry.Kind
				}
				if public == enforcer.Unknown {
					label += ", if public"
				}
				g.hang(g.internet().ID, []string{n.ID}, label)
			}
		case Storage:
			for _, id := range g.leavesBehind(n) {
				g.hang(id, []string{n.ID}, "")
			}
		case Workload, Alias, Outside, Bundle:
		}
	}
}

func (g *Graph) hang(from string, to []string, label string) {
	if len(to) > 0 {
		g.Wires = append(g.Wires, &Wire{From: []string{from}, To: to, Verdict: Structure, Label: label})
	}
}

// behindEntry is the Service behind an entry when there is just one with the same workloads, else the workloads.
func (g *Graph) behindEntry(n *Node) []string {
	want := g.leavesBehind(n)
	for _, s := range g.Nodes {
		if s.Kind == Service && s.Edge == "" && s.Namespace == n.Namespace && slices.Equal(g.leavesBehind(s), want) {
			return []string{s.ID}
		}
	}
	return want
}

// internet is the cloud that entries are reached from, before any policy.
func (g *Graph) internet() *Node {
	const id = "outside:clients"
	if g.byID[id] == nil {
		for _, n := range g.Nodes {
			if n.Kind == Outside && n.Edge == "top" && strings.HasPrefix(n.Title, "Internet") {
				return n
			}
		}
		g.put(&Node{ID: id, Kind: Outside, Title: "Clients outside", Sub: "before any policy", Edge: "top"})
	}
	return g.byID[id]
}

// waysIn adds the wires of the exposure view: who is outside, the way in, and what policies let pass from there.
func (g *Graph) waysIn() {
	for i := range g.in.Exposure.Entries {
		e := &g.in.Exposure.Entries[i]
		var at *Node
		switch {
		case e.Via.Kind == "Service" && e.Via.Group == "":
			at = g.way("service:" + e.Via.Namespace + "/" + e.Via.Name)
		default:
			at = g.way("entry:" + e.Via.Group + "/" + e.Via.Kind + "/" + e.Via.Namespace + "/" + e.Via.Name)
		}
		if at == nil { // a port of a node, or within a bundle
			for _, id := range g.idsOf(g.behind(e)) {
				g.clients(id, e.Public)
			}
			continue
		}
		g.clients(at.ID, e.Public)
		passed := map[*Node]*flow{}
		var order []*Node
		for _, t := range e.Targets {
			l := g.leaf[t.Workload]
			if l == nil || g.opt.LetIn == nil {
				continue
			}
			if passed[l] == nil {
				passed[l] = &flow{}
				order = append(order, l)
			}
			passed[l].add(g.opt.LetIn(*e, t))
		}
		for _, l := range order {
			g.passes(at, l, passed[l])
		}
	}
}

// clients adds the wire from outside to a way in, once. It tells the most open of its ports.
func (g *Graph) clients(to string, public enforcer.Answer) {
	words := []string{"not public", "perhaps public", "public"}
	label := words[0]
	switch public {
	case enforcer.Unknown:
		label = words[1]
	case enforcer.Yes:
		label = words[2]
	case enforcer.No:
	}
	from := g.internet().ID
	for _, w := range g.Wires {
		if w.Verdict == Structure && slices.Equal(w.From, []string{from}) && slices.Equal(w.To, []string{to}) {
			if slices.Index(words, label) > slices.Index(words, w.Label) {
				w.Label = label
			}
			return
		}
	}
	g.hang(from, []string{to}, label)
}

// passes adds what policies let pass from a way in to a workload: nothing is a wire too.
func (g *Graph) passes(at, to *Node, f *flow) {
	if f.may.IsEmpty() {
		g.once(&Wire{From: []string{at.ID}, To: []string{to.ID}, Verdict: Denied, Ports: "nothing", Label: "stopped"})
		return
	}
	for _, part := range []struct {
		conns   netset.Conns
		verdict Verdict
	}{{f.must, Allowed}, {f.open(), Undecided}} {
		if !part.conns.IsEmpty() {
			g.once(&Wire{From: []string{at.ID}, To: []string{to.ID}, Verdict: part.verdict, Ports: part.conns.String(), conns: part.conns})
		}
	}
}

// once adds a wire that is not there yet: two ports of a way in may lead to the same port of a pod.
func (g *Graph) once(w *Wire) {
	for _, o := range g.Wires {
		if slices.Equal(o.From, w.From) && slices.Equal(o.To, w.To) && o.Verdict == w.Verdict && o.Ports == w.Ports {
			return
		}
	}
	g.Wires = append(g.Wires, w)
}

// uncover drops the wires that only show where a way in leads, where there are others that tell what passes.
func (g *Graph) uncover() {
	type ends struct{ from, to string }
	told := map[ends]bool{}
	for _, w := range g.Wires {
		if w.Verdict != Structure {
			told[ends{w.From[0], w.To[0]}] = true
		}
	}
	for _, w := range g.Wires {
		if w.Verdict == Structure {
			w.To = slices.DeleteFunc(slices.Clone(w.To), func(id string) bool { return told[ends{w.From[0], id}] })
		}
	}
	g.Wires = slices.DeleteFunc(g.Wires, func(w *Wire) bool { return len(w.To) == 0 })
}

// onlyMet drops the Services and entries that no wire with a verdict comes to.
func (g *Graph) onlyMet() {
	met := map[string]bool{}
	for _, w := range g.Wires {
		if w.Verdict != Structure {
			for _, id := range w.To {
				met[id] = true
			}
		}
	}
	g.Wires = slices.DeleteFunc(g.Wires, func(w *Wire) bool { return w.Verdict == Structure && !met[w.From[0]] })
}

func (g *Graph) idsOf(ws []*cluster.Workload) []string {
	var out []string
	for _, w := range ws {
		if l := g.leaf[w]; l != nil && !slices.Contains(out, l.ID) {
			out = append(out, l.ID)
		}
	}
	return out
}

// prune drops what has no part in the view.
func (g *Graph) prune() {
	switch g.opt.View {
	case Exposure:
		g.uncover()
	case Path:
		g.onlyMet()
	case Network, Dataflow, Zones:
	}
	used := map[string]bool{}
	for _, w := range g.Wires {
		for _, id := range slices.Concat(w.From, w.To) {
			used[id] = true
		}
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *Node) bool {
		gone := !used[n.ID] && n.Kind != Workload && n.Kind != Bundle && (n.Kind == Outside || g.opt.View != Network)
		if gone {
			delete(g.byID, n.ID)
			for _, b := range g.Bands {
				for _, f := range b.Frames {
					f.Nodes = slices.DeleteFunc(f.Nodes, func(id string) bool { return id == n.ID })
				}
			}
		}
		return gone
	})
}
