package reach

import (
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

// Packets answers for single packets between pods. It reads the model only, so that any number of goroutines
// may share it while nobody asks the model anything else, and allocates nothing.
type Packets struct {
	m     *Model
	lines *lines
	sides [2][2][2][]line // by layer, direction and family: of each class
	ports []portBounds    // by boundsID
	class []uint32        // by number of the pod
	node  []uint32        // likewise: a number for its node, 0 when that is not known

	// With one family, one layer and no tunnels: that family's bit, and the lines of all classes.
	simple  bool
	bit     uint8
	in, out []line
}

// Packet is a packet between two pods, by their place in Cluster.Pods. The port is ignored where the protocol has
// none.
type Packet struct {
	Src, Dst int
	Proto    netset.Protocol
	Port     uint16
}

// Packets prepares the model for single packets: it computes every row, and writes all of them down once more in a
// form that is quick to read.
func (m *Model) Packets() *Packets {
	m.Warm()
	n := len(m.cluster.Pods)
	p := &Packets{m: m, lines: m.allLines(), class: make([]uint32, n), node: make([]uint32, n)}
	nodes := map[string]uint32{"": 0}
	for i, pod := range m.cluster.Pods {
		p.class[i] = m.classes[pod.Number]
		number, seen := nodes[pod.NodeName]
		if !seen {
			number = uint32(len(nodes))
			nodes[pod.NodeName] = number
		}
		p.node[i] = number
	}
	for _, l := range policy.Layers {
		for _, d := range policy.Directions {
			for _, f := range m.families {
				p.sides[l][d][f] = make([]line, len(m.byClass[l][d]))
				for c := range p.sides[l][d][f] {
					p.sides[l][d][f][c] = *p.lines.class(l, d, f, c)
				}
			}
		}
	}
	p.ports = make([]portBounds, len(m.conns.pairs))
	for i := range p.ports {
		p.ports[i] = m.portBounds(boundsID(i))
	}
	if len(m.families) == 1 && !m.layered[policy.Mesh] && !m.tunnels {
		f := m.families[0]
		p.simple, p.bit = true, 1<<f
		p.in, p.out = p.sides[policy.Network][policy.Ingress][f], p.sides[policy.Network][policy.Egress][f]
	}
	return p
}

// Allowed tells whether a packet from one pod to another is certainly and possibly allowed: what Between says
// of the two pods, for one port.
func (p *Packets) Allowed(src, dst int, proto netset.Protocol, port uint16) (must, may bool) {
	m := p.m
	s, d := p.class[src], p.class[dst]
	if p.simple && src != dst && int(s) < len(p.out) && int(d) < len(p.in) && (p.lines.none[s]|p.lines.none[d])&p.bit == 0 {
		in, out := &p.in[d], &p.out[s]
		if in.n > 0 && out.n > 0 {
			at := placeOf(proto, port)
			if must, may = p.lets(in, s, at); !may {
				return false, false
			}
			a, b := p.lets(out, d, at)
			return must && a, b
		}
	}
	if port == 0 && proto.HasPorts() {
		return false, false
	}
	at := placeOf(proto, port)
	if hosts := uint32(m.hosts); s >= hosts || d >= hosts {
		must, may = p.host(src, dst, at)
	} else {
		must, may = p.pods(s, d, at)
	}
	if src == dst && !m.cluster.Pods[src].Template { // a pod may always talk to itself without leaving it
		may = true
	}
	return must, may
}

// pods is a packet from class s to class d.
func (p *Packets) pods(s, d, at uint32) (must, may bool) {
	m := p.m
	tunnel := at>>16 == uint32(netset.TCP) && m.inTunnel(int(s), int(d))
	for _, f := range m.families {
		if (p.lines.none[s]|p.lines.none[d])>>f&1 != 0 {
			continue
		}
		a, b := p.layer(policy.Network, s, d, f, at)
		if tunnel { // as in tunnelled
			x, y := p.layer(policy.Network, s, d, f, placeOf(netset.TCP, tunnelPort))
			a, b = a && x, b || y
		}
		if b && m.layered[policy.Mesh] {
			x, y := p.layer(policy.Mesh, s, d, f, at)
			a, b = a && x, b && y
		}
		must, may = must || a, may || b
	}
	return must, may
}

// layer is what a layer lets through from class s to class d.
func (p *Packets) layer(l policy.Layer, s, d uint32, f family, at uint32) (must, may bool) {
	if must, may = p.side(l, policy.Ingress, d, s, f, at); !may {
		return false, false
	}
	a, b := p.side(l, policy.Egress, s, d, f, at)
	return must && a, b
}

// side is what the policies of a class let through with point i as the other end.
func (p *Packets) side(l policy.Layer, dir policy.Direction, class, i uint32, f family, at uint32) (must, may bool) {
	line := &p.sides[l][dir][f][class]
	if line.n > 0 {
		return p.lets(line, i, at)
	}
	return p.m.lets(p.m.profileAt(l, dir, int(class)), f, int(i), netset.Protocol(at>>16), uint16(at))
}

// host is a packet of which an end is a host-network pod.
func (p *Packets) host(src, dst int, at uint32) (must, may bool) {
	m := p.m
	s, d := p.class[src], p.class[dst]
	hosts := uint32(m.hosts)
	anything := m.conns.sets[allConns].Contains(netset.Protocol(at>>16), uint16(at))
	if s >= hosts && d >= hosts && len(m.hosted) == 0 {
		return anything, anything // as in pointPair
	}
	for _, f := range m.families {
		if (p.lines.none[s]|p.lines.none[d])>>f&1 != 0 {
			continue
		}
		a, b := anything, anything
		for l := range m.layered {
			if !m.layered[l] {
				continue
			}
			for _, end := range [2]struct {
				dir        policy.Direction
				own, other uint32
			}{{policy.Egress, s, d}, {policy.Ingress, d, s}} {
				x, y := anything, anything
				if end.own < hosts {
					x, y = p.side(policy.Layer(l), end.dir, end.own, end.other, f, at)
				} else if policy.Layer(l) == policy.Network && len(m.hosted) > 0 {
					x = false
				}
				a, b = a && x, b && y
			}
		}
		must, may = must || a, may || b
	}
	if s >= hosts && d >= hosts {
		return must, may
	}
	share := enforcer.No
	switch x, y := p.node[src], p.node[dst]; {
	case x == 0 || y == 0:
		share = enforcer.Unknown
	case x == y:
		share = enforcer.Yes
	}
	if s >= hosts { // as in sameNode
		switch both(share, m.fromOwnNode) {
		case enforcer.Yes:
			return anything, anything
		case enforcer.Unknown:
			may = anything
		case enforcer.No:
		}
		return must, may
	}
	if share == enforcer.No {
		return must, may
	}
	ids := m.toOwnNode(ids2{bitConns(must), bitConns(may)}, share)
	return ids.must == allConns && anything, ids.may == allConns && anything
}

// bitConns stands for one packet that is held or not.
func bitConns(held bool) connID {
	if held {
		return allConns
	}
	return noConns
}

// Batch answers for many packets: must[i] and may[i] for ps[i]. Look-ups of several packets run side by side, so
// that waiting for memory is shared.
func (p *Packets) Batch(ps []Packet, must, may []bool) {
	if !p.simple {
		for i := range ps {
			must[i], may[i] = p.Allowed(ps[i].Src, ps[i].Dst, ps[i].Proto, ps[i].Port)
		}
		return
	}
	const width = 16
	var s, d [width]uint32
	var in, out [width]*line
	var none line
	for len(ps) > 0 {
		n := min(len(ps), width)
		for i := range n {
			s[i], d[i] = p.class[ps[i].Src], p.class[ps[i].Dst]
		}
		for i := range n {
			in[i], out[i] = &none, &none
			if int(s[i]) < len(p.out) && int(d[i]) < len(p.in) && (p.lines.none[s[i]]|p.lines.none[d[i]])&p.bit == 0 {
				in[i], out[i] = &p.in[d[i]], &p.out[s[i]]
			}
		}
		for i := range n {
			q := &ps[i]
			if in[i].n == 0 || out[i].n == 0 || q.Src == q.Dst {
				must[i], may[i] = p.Allowed(q.Src, q.Dst, q.Proto, q.Port)
				continue
			}
			at := placeOf(q.Proto, q.Port)
			a, b := p.lets(in[i], s[i], at)
			if b {
				x, y := p.lets(out[i], d[i], at)
				a, b = a && x, y
			}
			must[i], may[i] = a, b
		}
		ps, must, may = ps[n:], must[n:], may[n:]
	}
}

// lets tells whether a profile lets a packet through, with point i as the other end.
func (m *Model) lets(p *profile, f family, i int, proto netset.Protocol, port uint16) (must, may bool) {
	must, may = m.tiersLet(p.tiers, f, i, proto, port)
	if p.alt != nil {
		_, may = m.tiersLet(p.alt, f, i, proto, port)
	}
	return must && !p.lost, may || p.open
}

// tiersLet is effect composition for one packet: live is what still waits for a decision.
func (m *Model) tiersLet(tiers []*tier, f family, i int, proto netset.Protocol, port uint16) (must, may bool) {
	liveMust, liveMay := true, true
	for _, t := range tiers {
		r := t.rows[f]
		if !r.adds {
			e := m.conns.effects[r.at(i)]
			a, b := m.holds(e.allowed, proto, port)
			must, may = must || liveMust && a, may || liveMay && b
			a, b = m.holds(e.next, proto, port)
			liveMust, liveMay = liveMust && a, liveMay && b
			continue
		}
		a, b := m.holds(r.at(i), proto, port)
		for k := range r.wide {
			if w := &r.wide[k]; (!a || !b) && m.setAt(w.set).has(i) {
				x, y := m.holds(w.add, proto, port)
				a, b = a || x, b || y
			}
		}
		for k := range r.named {
			n := &r.named[k]
			if peer := m.peer(n.peer); (!a || !b) && peer.possible.has(i) && m.ruleConns(t.binding, n.rule, i).Contains(proto, port) {
				a, b = a || peer.certain.has(i), true
			}
		}
		must, may = must || liveMust && a, may || liveMay && b
		liveMust, liveMay = false, false
	}
	return must || liveMust, may || liveMay
}

// holds tells whether bounds hold a packet.
func (m *Model) holds(b boundsID, proto netset.Protocol, port uint16) (must, may bool) {
	switch b {
	case noneID:
		return false, false
	case allID:
		return true, true
	}
	p := m.conns.pairs[b]
	may = m.conns.sets[p.may].Contains(proto, port)
	if p.must == p.may {
		return may, may
	}
	return m.conns.sets[p.must].Contains(proto, port), may
}
