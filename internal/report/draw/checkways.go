package draw

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// wayIn is a way in to a node, by the object that makes it; without an object, one that the picture shows from the
// clients straight to the workload: a port of a node, or one within a box of many.
type wayIn struct {
	via     *Node
	dst     *Node
	verdict Verdict
}

// checkWays holds the picture of the ways in against those that were found, both ways: who gets to which object or
// workload, how public that is, and what policies let pass from there. Like Check it shares nothing with the code that
// made the wires.
func checkWays(g *Graph) []string {
	want, public, out := g.waysFound()
	got, labels := g.waysDrawn()
	all := map[wayIn]bool{}
	for k := range want {
		all[k] = true
	}
	for k := range got {
		all[k] = true
	}
	for k := range all {
		w, isWanted := want[k]
		d, isDrawn := got[k]
		name := fmt.Sprintf("%s to %s: %s", g.Name(k.via.ID), g.Name(k.dst.ID), k.verdict)
		switch {
		case !isDrawn:
			out = append(out, fmt.Sprintf("not drawn: way in by %s %s", name, w))
		case !isWanted:
			out = append(out, fmt.Sprintf("drawn and not found: way in by %s %s", name, d))
		case !w.Equal(d):
			out = append(out, fmt.Sprintf("drawn as %s: way in by %s %s", d, name, w))
		}
	}
	for n, said := range labels {
		if _, ok := public[n]; !ok {
			out = append(out, fmt.Sprintf("drawn and not found: clients of %s, %s", g.Name(n.ID), said))
		}
	}
	for n, is := range public {
		if want := map[enforcer.Answer]string{enforcer.Yes: "public", enforcer.Unknown: "perhaps public", enforcer.No: "not public"}[is]; labels[n] != want {
			out = append(out, fmt.Sprintf("drawn as %q: clients of %s, %s", labels[n], g.Name(n.ID), want))
		}
	}
	return out
}

// waysFound is what the exposure says: what passes, and how public the most open way to a node is. Ways whose
// workloads are all left out by the reader's wish are not looked at.
func (g *Graph) waysFound() (passes map[wayIn]netset.Conns, public map[*Node]enforcer.Answer, lost []string) {
	passes, public = map[wayIn]netset.Conns{}, map[*Node]enforcer.Answer{}
	more := map[enforcer.Answer]int{enforcer.No: 1, enforcer.Unknown: 2, enforcer.Yes: 3}
	for i := range g.in.Exposure.Entries {
		e := &g.in.Exposure.Entries[i]
		type bounds struct{ must, may netset.Conns }
		behind := map[*Node]*bounds{}
		for _, t := range e.Targets {
			n := g.leaf[t.Workload]
			if n == nil {
				if !g.lost(t.Workload) {
					lost = append(lost, fmt.Sprintf("not drawn: %s behind %s", t.Workload.Ref, e.Via))
				}
				continue
			}
			if behind[n] == nil {
				behind[n] = &bounds{}
			}
			if g.opt.LetIn != nil {
				b := g.opt.LetIn(*e, t)
				behind[n].must, behind[n].may = behind[n].must.Union(b.Must), behind[n].may.Union(b.May)
			}
		}
		via := g.standing(e.Via)
		at := []*Node{via}
		if via == nil { // nothing stands for the object: clients are drawn at its workloads
			at = at[:0]
			for n := range behind {
				at = append(at, n)
			}
		}
		for _, n := range at {
			if known, ok := public[n]; !ok || more[e.Public] > more[known] {
				public[n] = e.Public
			}
		}
		if via == nil || g.opt.LetIn == nil {
			continue
		}
		for n, b := range behind {
			for v, c := range map[Verdict]netset.Conns{Allowed: b.must, Undecided: b.may.Subtract(b.must)} {
				if !c.IsEmpty() {
					k := wayIn{via, n, v}
					passes[k] = passes[k].Union(c)
				}
			}
			if b.may.IsEmpty() {
				passes[wayIn{via, n, Denied}] = netset.Conns{}
			}
		}
	}
	return passes, public, lost
}

// standing is the drawn node of an object, alone or among others; nil when there is none.
func (g *Graph) standing(ref object.Ref) *Node {
	is := func(n *Node) bool { return (n.Kind == Service || n.Kind == Entry) && n.Object == ref.String() }
	for _, n := range g.Nodes {
		if is(n) || slices.ContainsFunc(n.merged, is) {
			return n
		}
	}
	return nil
}

// waysDrawn is what a reader sees: what passes from the nodes of ways in, and what stands at the wires of clients.
func (g *Graph) waysDrawn() (passes map[wayIn]netset.Conns, labels map[*Node]string) {
	passes, labels = map[wayIn]netset.Conns{}, map[*Node]string{}
	for _, w := range g.Wires {
		for _, from := range w.From {
			for _, to := range w.To {
				src, dst := g.byID[from], g.byID[to]
				switch {
				case w.Verdict != Structure:
					k := wayIn{src, dst, w.Verdict}
					passes[k] = passes[k].Union(w.conns)
				case src.Kind == Outside:
					labels[dst] = w.Label
				}
			}
		}
	}
	return passes, labels
}
