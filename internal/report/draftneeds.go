package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

const (
	// fewPairs is how many connections between two zones are written one by one.
	fewPairs = 8
	// mostNeeds is how many needs a draft has; nobody approves more of them line by line.
	mostNeeds = 500
)

// crossing is connections that go from one end of a need to another.
type crossing struct {
	from, to string
	conns    netset.Conns
	dst      []*cluster.Workload // what listens, when that is known
}

// crossings is what certainly passes between two zones, or between a zone and addresses outside.
type crossings struct {
	from, to string
	all      int // pairs of workloads there are
	pairs    []crossing
}

// needs proposes the connections that are certainly open and that no need covers. What is undecided is not
// proposed: it may not be open at all.
func (d *draft) needs() {
	list, undecided := d.crossings()
	if len(list) == 0 {
		d.noNeeds(undecided)
		return
	}
	d.line("  # The flow register (PCI DSS 1.2.5). Below is what is open now, as proposals: they cover nothing. Approve one by")
	d.line("  # taking its line proposed away and giving justification, owner, approver, approved and review (days are")
	d.line("  # written \"2026-01-31\"); dataClass, protection and mitigation say what flows and how it is kept safe.")
	if undecided > 0 {
		d.line("  # Connections that are not decided, and so not proposed: %d. bulkhead list names the reasons.", undecided)
	}
	if len(d.private) > 0 {
		slices.Sort(d.private)
		d.line("  # Private networks outside of the cluster are open too, with no need proposed, from %s:", line(someOf(d.private)))
		d.line("  # close them, and give those that are needed a zone with cidrs.")
	}
	d.line("  needs:")
	for i, c := range list {
		if i == mostNeeds {
			d.line("    # and %d more: close what nobody needs, and run init again", len(list)-i)
			break
		}
		ports, note := d.ports(c)
		d.line("    - id: %q", d.freeID())
		d.line("      from: %q\n      to: %q\n      ports: %q%s", c.from, c.to, ports, note)
		d.line("      proposed: true")
	}
}

func (d *draft) noNeeds(undecided int) {
	switch {
	case undecided == 0:
		d.line("  needs: [] # the flow register (PCI DSS 1.2.5): nothing crosses that is not declared")
	case d.in.Profile.Enforces == enforcer.Unknown:
		d.line("  # The flow register (PCI DSS 1.2.5). What enforces policies is not known, so nothing is certain: state it above as")
		d.line("  # enforcer, or with --enforcer, and run init again. Then the connections that are open stand here as proposals.")
		d.line("  needs: []")
	default:
		d.line("  # The flow register (PCI DSS 1.2.5). Connections that are not decided: %d. bulkhead list names the reasons.", undecided)
		d.line("  needs: []")
	}
}

// ports is the ports of a need. Where more is open than what listens, it is what listens: nobody needs the rest.
func (d *draft) ports(c crossing) (text, note string) {
	declared := netset.None()
	for _, w := range c.dst {
		for _, p := range w.Pods {
			for _, q := range p.Ports {
				declared = declared.Union(netset.Ports(q.Protocol, q.Number, q.Number))
			}
		}
	}
	if meant := declared.Intersect(c.conns); !meant.IsEmpty() && c.conns.Count() > declared.Count() {
		return meant.String(), " # " + c.conns.String() + " is open; this is what it declares to listen on"
	}
	return c.conns.String(), ""
}

// freeID is the next identifier that no need has.
func (d *draft) freeID() string {
	for {
		d.id++
		id := fmt.Sprintf("F-%d", d.id)
		taken := func(n pci.Need) bool { return n.ID == id }
		if d.in.Intent == nil || !slices.ContainsFunc(d.in.Intent.Needs, taken) && !slices.ContainsFunc(d.in.Intent.Proposed, taken) {
			return id
		}
	}
}

// crossings gives the ends and connections of the needs to propose, sorted, and how many edges are undecided.
func (d *draft) crossings() (out []crossing, undecided int) {
	between := map[[2]string]*crossings{}
	add := func(from, to string, all int, c crossing) {
		k := [2]string{from, to}
		if between[k] == nil {
			between[k] = &crossings{from: from, to: to, all: all}
		}
		between[k].pairs = append(between[k].pairs, c)
	}
	for e := range d.in.Model.Edges() {
		src, dst := d.of[e.Src.Workload], d.of[e.Dst.Workload]
		if src != nil && src == dst && !src.class.InCDE() {
			continue
		}
		covered, _ := d.in.Covered(e.Src, e.Dst, e.May)
		must := e.Must.Subtract(covered)
		if !e.May.Subtract(covered).Subtract(must).IsEmpty() {
			undecided++
		}
		switch {
		case must.IsEmpty():
		case src != nil && dst != nil:
			add(src.name, dst.name, len(src.workloads)*len(dst.workloads), crossing{endOf(e.Src), endOf(e.Dst), must, []*cluster.Workload{e.Dst.Workload}})
		case dst != nil:
			for _, end := range d.ends(e.Src.Addrs, true) {
				add(end, dst.name, len(dst.workloads), crossing{end, endOf(e.Dst), must, []*cluster.Workload{e.Dst.Workload}})
			}
		case src != nil:
			d.alsoPrivate(src, e.Dst.Addrs)
			for _, end := range d.ends(e.Dst.Addrs, false) {
				add(src.name, end, len(src.workloads), crossing{endOf(e.Src), end, must, nil})
			}
		}
	}
	for _, c := range between {
		out = append(out, c.needs()...)
	}
	slices.SortFunc(out, func(a, b crossing) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.conns.String(), b.conns.String()))
	})
	return out, undecided
}

func endOf(p reach.Peer) string { return p.Workload.Ref.Namespace + "/" + p.Workload.Ref.Name }

// needs is one need for the two zones where all their workloads are alike or the pairs are many, else one a pair.
func (c *crossings) needs() []crossing {
	whole := crossing{from: c.from, to: c.to}
	byPair := map[[2]string]crossing{}
	var order [][2]string
	for _, p := range c.pairs {
		whole.conns, whole.dst = whole.conns.Union(p.conns), append(whole.dst, p.dst...)
		k := [2]string{p.from, p.to}
		if q, ok := byPair[k]; ok {
			p.conns = p.conns.Union(q.conns)
		} else {
			order = append(order, k)
		}
		byPair[k] = p
	}
	alike := len(byPair) == c.all
	for _, p := range byPair {
		alike = alike && p.conns.Equal(whole.conns)
	}
	if alike || len(byPair) > fewPairs {
		return []crossing{whole}
	}
	var out []crossing
	for _, k := range order {
		out = append(out, byPair[k])
	}
	return out
}

// ends names addresses outside as needs do: zones that have them, internet where they are as good as all of it, else
// their prefixes. Addresses of pods, Services and (of wider senders) nodes stand for others.
func (d *draft) ends(a netset.Addrs, sender bool) []string {
	c := d.in.Cluster
	a = a.Subtract(c.PodCIDRs).Subtract(c.ServiceCIDRs)
	if sender && !c.NodeAddrs.Covers(a) {
		a = a.Subtract(c.NodeAddrs)
	}
	var out []string
	if d.in.Intent != nil {
		for i := range d.in.Intent.Zones {
			if z := &d.in.Intent.Zones[i]; z.Addrs.Overlaps(a) {
				out = append(out, z.Name)
				a = a.Subtract(z.Addrs)
			}
		}
	}
	const fewPrefixes = 6
	switch prefixes := CIDRs(a); {
	case a.IsEmpty():
	case !wide(a) && len(prefixes) <= fewPrefixes:
		out = append(out, prefixes...)
	default:
		out = append(out, "internet")
	}
	return out
}

// alsoPrivate remembers zones that reach the internet and private networks alike: a need to internet does not cover
// those, and one to all of them is nobody's.
func (d *draft) alsoPrivate(z *draftZone, a netset.Addrs) {
	if wide(a) && a.Subtract(d.in.Cluster.PodCIDRs).Subtract(d.in.Cluster.ServiceCIDRs).Overlaps(pci.PrivateAddrs()) && !slices.Contains(d.private, z.name) {
		d.private = append(d.private, z.name)
	}
}

// wide tells whether addresses are most of the public ones of a family.
func wide(a netset.Addrs) bool {
	for _, all := range []netset.Addrs{pci.PublicAddrs().V4(), pci.PublicAddrs().V6()} {
		has := a.Intersect(all).Count()
		if has.Lsh(has, 1).Cmp(all.Count()) > 0 {
			return true
		}
	}
	return false
}
