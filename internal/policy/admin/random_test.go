package admin_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
)

func one[T any](r *rand.Rand, xs ...T) T { return xs[r.IntN(len(xs))] }

func requirements(r *rand.Rand) []string {
	var out []string
	for range one(r, 0, 0, 0, 1, 1, 2) {
		k := one(r, "app", "tier")
		out = append(out, one(r, k, "!"+k, k+"=a", k+"=b", k+"=a|b", k+"!=a", k+"!=a|c"))
	}
	return out
}

func randomPorts(r *rand.Rand) []oPort {
	if r.IntN(3) == 0 {
		return nil
	}
	out := []oPort{}
	for range 1 + r.IntN(2) {
		p := oPort{proto: one(r, "TCP", "TCP", "UDP", "SCTP"), lo: one(r, 1, 80, 443)}
		p.hi = p.lo
		switch r.IntN(4) {
		case 0:
			p = oPort{name: one(r, "http", "dns")}
		case 1:
			p.hi = p.lo + one(r, 1, 400, 8000)
		}
		out = append(out, p)
	}
	return out
}

func randomRule(r *rand.Rand, kind string, dir int) oRule {
	rule := oRule{action: one(r, "Allow", "Deny", "Pass"), ports: randomPorts(r)}
	if kind == "banp" {
		rule.action = one(r, "Allow", "Deny")
	}
	if kind == "np" {
		rule.action = "Allow"
	}
	for i := range rule.ports {
		if kind == "np" && rule.ports[i].name != "" {
			rule.ports[i].proto = "TCP" // a NetworkPolicy's named port has a protocol
		}
	}
	named := slices.ContainsFunc(rule.ports, func(p oPort) bool { return p.name != "" })
	for range 1 + r.IntN(2) {
		q := oPeer{form: one(r, "namespaces", "pods"), namespaces: requirements(r)}
		if q.form == "pods" {
			q.pods = requirements(r)
		}
		if dir == 1 && kind != "np" && !named && r.IntN(2) == 0 {
			q = oPeer{form: one(r, "networks", "nodes")}
			if q.form == "nodes" {
				q.nodes = requirements(r)
			} else {
				q.networks = []string{one(r, "0.0.0.0/0", "10.0.0.0/8", "10.0.1.0/24", "192.0.2.0/24", "203.0.113.0/24", "::/0")}
			}
		}
		rule.peers = append(rule.peers, q)
	}
	return rule
}

// randomWorld draws a cluster. apis tells which of the two versions there are.
func randomWorld(r *rand.Rand, apis ...string) *oWorld {
	w := &oWorld{namespaces: map[string]map[string]string{}, nodes: map[string]map[string]string{}}
	labels := func() map[string]string {
		m := map[string]string{}
		for _, k := range []string{"app", "tier"} {
			if r.IntN(3) > 0 {
				m[k] = one(r, "a", "b", "c")
			}
		}
		return m
	}
	for i := range 3 {
		w.namespaces[fmt.Sprintf("ns%d", i)] = labels()
	}
	for i := range 2 {
		w.nodes[fmt.Sprintf("n%d", i)] = labels()
	}
	for i := range 6 {
		p := &oPod{namespace: fmt.Sprintf("ns%d", r.IntN(3)), name: fmt.Sprintf("p%d", i), labels: labels()}
		p.ip = netip.AddrFrom4([4]byte{10, 0, byte(i % 3), byte(10 + i)})
		p.node = "far" // no pod shares a node with a host-network pod: engines differ about a pod's own node
		if i < 2 {
			p.host, p.node = true, fmt.Sprintf("n%d", i)
			p.ip = netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)})
		}
		for _, name := range []string{"http", "dns"} {
			if r.IntN(2) == 0 {
				p.ports = append(p.ports, oPort{name: name, proto: one(r, "TCP", "UDP"), lo: one(r, 80, 443, 8080) + len(p.ports)})
			}
		}
		w.pods = append(w.pods, p)
	}
	for i := range 3 + r.IntN(6) {
		p := oPolicy{kind: one(r, append(apis, "np")...), name: fmt.Sprintf("p%d", i), priority: r.IntN(3), namespaces: requirements(r)}
		switch p.kind {
		case "anp":
			p.tier = "Admin"
		case "banp":
			p.tier, p.priority, p.name = "Baseline", 0, "default"
			if slices.ContainsFunc(w.policies, func(q oPolicy) bool { return q.kind == "banp" }) {
				continue // there is one
			}
		case "cnp":
			p.tier = one(r, "Admin", "Baseline")
		case "np":
			p.tier = "np"
			p.namespaces = []string{"kubernetes.io/metadata.name=ns" + strconv.Itoa(r.IntN(3))}
			p.isolates = one(r, [2]bool{true, false}, [2]bool{false, true}, [2]bool{true, true})
		}
		if r.IntN(2) == 0 {
			p.pods = requirements(r)
		}
		for dir := range 2 {
			if p.kind == "np" && !p.isolates[dir] {
				continue
			}
			for range r.IntN(3) {
				p.rules[dir] = append(p.rules[dir], randomRule(r, p.kind, dir))
			}
		}
		w.policies = append(w.policies, p)
	}
	for name, l := range w.namespaces {
		l["kubernetes.io/metadata.name"] = name
	}
	return w
}

// order gives the policies in one of the orders an implementation may take: by priority, equal ones and the
// two versions of the API in any.
func (w *oWorld) order(r *rand.Rand) []oPolicy {
	out := slices.Clone(w.policies)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	rank := map[string]int{"anp": r.IntN(2), "banp": r.IntN(2), "cnp": 0}
	if r.IntN(2) == 0 {
		rank["anp"], rank["banp"] = -rank["anp"], -rank["banp"]
	}
	slices.SortStableFunc(out, func(p, q oPolicy) int {
		return cmp.Or(cmp.Compare(rank[p.kind], rank[q.kind]), cmp.Compare(p.priority, q.priority))
	})
	return out
}

// ties tells whether more than one order is allowed by the API.
func (w *oWorld) ties() bool {
	for i, p := range w.policies {
		for _, q := range w.policies[:i] {
			if p.tier != "np" && p.tier == q.tier && (p.priority == q.priority || p.kind != q.kind) {
				return true
			}
		}
	}
	return false
}
