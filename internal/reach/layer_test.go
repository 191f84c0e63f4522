package reach_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// orders gives every order in which policies may be evaluated that have no order among equals.
func orders(ps []policy.Policy) [][]policy.Policy {
	for i := range ps {
		end, unordered := i, false
		for end < len(ps) && ps[end].Tier == ps[i].Tier && ps[end].Order == ps[i].Order {
			unordered = unordered || ps[end].Unordered
			end++
		}
		if end-i < 2 || !unordered {
			continue
		}
		var out [][]policy.Policy
		for first := i; first < end; first++ {
			order := slices.Concat(ps[:i], ps[first:first+1], ps[i:first], ps[first+1:])
			order[i].Order -= 0.5 // settled: it comes before the rest of the run
			out = append(out, orders(order)...)
		}
		return out
	}
	return [][]policy.Policy{ps}
}

// TestTies: policies without an order among them are decided only where every order agrees.
func TestTies(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	c := pods(t, threePods)
	differ := 0
	for range cases(t, 60_000) / 30 {
		ps := settle(r, tierPolicies(r))
		for i := range ps {
			ps[i].Order = float64(r.IntN(2))
			ps[i].Unordered = r.IntN(2) == 0
		}
		slices.SortStableFunc(ps, func(a, b policy.Policy) int {
			return int(2*(a.Tier.Rank-b.Tier.Rank)) + int(a.Order-b.Order)
		})
		m := reach.Compile(c, policy.Set{Policies: ps}, upstream(t, true))
		all := orders(ps)
		for _, src := range c.Pods {
			for _, dst := range c.Pods {
				if src == dst {
					continue
				}
				b := m.Between(reach.OfPod(src), reach.OfPod(dst))
				for port := uint16(1); port <= 9; port++ {
					every, some := true, false
					for _, order := range all {
						truth := runTiers(order, src, dst, port)
						every, some = every && truth, some || truth
					}
					must, may := b.Must.Contains(netset.TCP, port), b.May.Contains(netset.TCP, port)
					if must && !every || some && !may {
						t.Fatalf("%s -> %s tcp/%d: in every order %v, in some %v, engine must=%v may=%v\n%+v", src.Name, dst.Name, port, every, some, must, may, ps)
					}
					if every == some && must != may {
						t.Fatalf("%s -> %s tcp/%d: %v in every order, and undecided\n%+v", src.Name, dst.Name, port, every, ps)
					}
				}
				if !b.Decided() {
					differ++
					if !slices.ContainsFunc(m.Reasons(reach.OfPod(src), reach.OfPod(dst)), func(r reach.Reason) bool { return r.Code == "tie" }) {
						t.Fatalf("no tie among the reasons %v", m.Reasons(reach.OfPod(src), reach.OfPod(dst)))
					}
				}
			}
		}
	}
	if differ == 0 {
		t.Error("no tie mattered")
	}
}

// one makes a policy that binds all pods of namespace x.
func one(name string, change func(*policy.Policy)) policy.Policy {
	p := policy.Policy{
		Ref:      object.Ref{Group: "networking.k8s.io", Kind: "P", Namespace: "x", Name: name},
		Tier:     policy.NetworkPolicyTier,
		Subjects: []policy.Term{{Namespace: "x"}},
	}
	change(&p)
	return p
}

func rule(a policy.Action, conns netset.Conns, peers ...policy.Peer) policy.Rule {
	return policy.Rule{Direction: policy.Ingress, Action: a, Conns: conns, Peers: peers}
}

func appPeer(app string) policy.Peer {
	return policy.Peer{Kind: policy.PodPeer, Term: policy.Term{Namespace: "x", Pods: cluster.MatchLabels(map[string]string{"app": app})}}
}

// TestLayers: a connection needs the network and the mesh, and each layer is evaluated for itself.
func TestLayers(t *testing.T) {
	c := pods(t, threePods)
	port := func(n int) netset.Conns { return netset.Ports(netset.TCP, n, n) }
	network := one("network", func(p *policy.Policy) {
		p.Isolates[policy.Ingress] = true
		p.Rules = []policy.Rule{rule(policy.Allow, port(80).Union(port(81)), appPeer("a"))}
	})
	mesh := one("mesh", func(p *policy.Policy) {
		p.Layer, p.Isolates[policy.Ingress] = policy.Mesh, true
		p.Ref.Group = "security.istio.io"
		p.Rules = []policy.Rule{rule(policy.Allow, port(81).Union(port(82)), policy.Peer{Kind: policy.AnyPeer})}
	})
	for _, test := range []struct {
		name string
		set  []policy.Policy
		prof string
		want string // must, then may
	}{
		{"network", []policy.Policy{network}, "kube", "tcp/80-81 tcp/80-81"},
		{"mesh", []policy.Policy{mesh}, "kube", "tcp/81-82 tcp/81-82"},
		{"both", []policy.Policy{network, mesh}, "kube", "tcp/81 tcp/81"},
		{"no engine, and a mesh all the same", []policy.Policy{network, mesh}, "none", "tcp/81-82 tcp/81-82"},
		{"unknown engine", []policy.Policy{network, mesh}, "unknown", "tcp/81 tcp/81-82"},
	} {
		prof, err := enforcer.Named(test.prof)
		if err != nil {
			t.Fatal(err)
		}
		m := reach.Compile(c, policy.Set{Policies: test.set}, prof)
		b := m.Between(reach.OfPod(c.Pods[0]), reach.OfPod(c.Pods[1]))
		if got := fmt.Sprintf("%s %s", b.Must, b.May); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		tr := m.Explain(reach.OfPod(c.Pods[0]), reach.OfPod(c.Pods[1]), netset.Transport())
		if hasMesh := len(tr.Mesh) == 2; hasMesh != slices.ContainsFunc(test.set, func(p policy.Policy) bool { return p.Layer == policy.Mesh }) {
			t.Errorf("%s: the trace has %d sides of the mesh", test.name, len(tr.Mesh))
		} else if hasMesh && (tr.Mesh[1].Isolated != enforcer.Yes || len(tr.Mesh[1].Policies) != 1 || tr.Mesh[0].Isolated != enforcer.No) {
			t.Errorf("%s: mesh side %+v", test.name, tr.Mesh[1])
		}
	}
}

// TestPeers: what each form of peer and rule matches, certainly and possibly, from pod a at 10.0.0.1 and an
// address outside.
func TestPeers(t *testing.T) {
	const world = `
apiVersion: v1
kind: Namespace
metadata: {name: x}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: x, labels: {team: blue}}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {app: a}}
spec: {serviceAccountName: robot, nodeName: n1, containers: [{name: c, image: i}]}
status: {podIP: 10.0.0.1, phase: Running}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: x, labels: {app: b}}
spec: {nodeName: n2, containers: [{name: c, image: i, ports: [{name: web, containerPort: 80}, {name: web, containerPort: 53, protocol: UDP}]}]}
status: {podIP: 10.0.0.2, phase: Running}
---
apiVersion: v1
kind: Pod
metadata: {name: h, namespace: x, labels: {app: h}}
spec: {hostNetwork: true, nodeName: n1, containers: [{name: c, image: i}]}
status: {podIP: 192.168.0.1, phase: Running}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {role: edge}}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2, labels: {role: core}}
status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}
`
	c := pods(t, world)
	net := func(s string) netset.Addrs { return netset.AddrsOf(netip.MustParsePrefix(s)) }
	within := net("10.0.0.0/31")
	elsewhere := net("10.9.0.0/16")
	account := func(key, value string) policy.Term {
		return policy.Term{ServiceAccounts: cluster.MatchLabels(map[string]string{key: value})}
	}
	fact := func(value string) policy.Term {
		return policy.Term{Facts: cluster.MatchLabels(map[string]string{"mesh": value})}
	}
	doubt := &policy.Doubt{Msg: "perhaps"}
	pod := func(t policy.Term) policy.Peer { return policy.Peer{Kind: policy.PodPeer, Term: t} }
	facts := map[*cluster.Pod]policy.Facts{}
	byName := map[string]*cluster.Pod{}
	for _, p := range c.Pods {
		byName[p.Name] = p
	}
	facts[byName["a"]] = policy.Facts{"mesh": {Value: "sidecar"}}
	out := reach.OfAddrs(netset.OneAddr(netip.MustParseAddr("203.0.113.9")))
	for _, test := range []struct {
		name string
		peer policy.Peer
		want string // for pod a, host pod h, the address outside: yes, no or maybe
	}{
		{"any", policy.Peer{Kind: policy.AnyPeer}, "yes yes yes"},
		{"any, doubtful", policy.Peer{Kind: policy.AnyPeer, Doubt: doubt}, "maybe maybe maybe"},
		{"pods by account name", pod(account(cluster.AccountName, "robot")), "yes no no"},
		{"pods by other account", pod(account(cluster.AccountName, "other")), "no no no"},
		{"pods by account label", pod(account("team", "blue")), "yes no no"},
		{"pods by other account label", pod(account("team", "red")), "no no no"},
		{"pods by fact", pod(fact("sidecar")), "yes no no"},
		{"pods by other fact", pod(fact("ambient")), "no no no"},
		{"pods by lack of a fact", pod(policy.Term{Facts: cluster.NewSelector(cluster.Requirement{Key: "mesh", Op: cluster.DoesNotExist})}), "no no no"},
		{"pods within", policy.Peer{Kind: policy.PodPeer, Within: &within}, "yes no no"},
		{"pods elsewhere", policy.Peer{Kind: policy.PodPeer, Within: &elsewhere}, "no no no"},
		{"pods, doubtful", policy.Peer{Kind: policy.PodPeer, Doubt: doubt}, "maybe no no"},
		{"every node", policy.Peer{Kind: policy.NodePeer}, "no yes no"},
		{"node by label", policy.Peer{Kind: policy.NodePeer, Nodes: cluster.MatchLabels(map[string]string{"role": "edge"})}, "no yes no"},
		{"node by other label", policy.Peer{Kind: policy.NodePeer, Nodes: cluster.MatchLabels(map[string]string{"role": "core"})}, "no no no"},
		{"addresses by profile", policy.Peer{Kind: policy.AddrPeer, Addrs: netset.AllAddrs()}, "yes yes yes"},
		{"addresses outside", policy.Peer{Kind: policy.AddrPeer, Addrs: netset.AllAddrs(), Reach: policy.OutsideOnly}, "no no yes"},
		{"addresses of pods", policy.Peer{Kind: policy.AddrPeer, Addrs: net("10.0.0.0/24"), Reach: policy.PodsOnly}, "yes no no"},
		{"addresses everywhere", policy.Peer{Kind: policy.AddrPeer, Addrs: net("192.168.0.0/24"), Reach: policy.Everywhere}, "no yes no"},
		{"addresses, doubtful", policy.Peer{Kind: policy.AddrPeer, Addrs: netset.AllAddrs(), Reach: policy.OutsideOnly, Doubt: doubt}, "no no maybe"},
	} {
		p := one("p", func(p *policy.Policy) {
			p.Subjects = []policy.Term{{Namespace: "x", Pods: cluster.MatchLabels(map[string]string{"app": "b"})}}
			p.Isolates[policy.Ingress] = true
			p.Rules = []policy.Rule{rule(policy.Allow, netset.Transport(), test.peer)}
		})
		m := reach.Compile(c, policy.Set{Policies: []policy.Policy{p}, Facts: facts}, upstream(t, true))
		got := ""
		for _, src := range []reach.Peer{reach.OfPod(byName["a"]), reach.OfPod(byName["h"]), out} {
			b := m.Between(src, reach.OfPod(byName["b"]))
			switch {
			case !b.Must.IsEmpty():
				got += "yes "
			case !b.May.IsEmpty():
				got += "maybe "
				if len(m.Reasons(src, reach.OfPod(byName["b"]))) == 0 {
					t.Errorf("%s: undecided without a reason", test.name)
				}
			default:
				got += "no "
			}
		}
		if got != test.want+" " {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		certain, possible := m.PeerPods(&test.peer)
		a := byName["a"]
		if slices.Contains(certain, a) != (test.want[:2] == "ye") || slices.Contains(possible, a) != (test.want[:2] != "no") {
			t.Errorf("%s: PeerPods certainly %v, possibly %v", test.name, len(certain), len(possible))
		}
	}

	// Forms of ports, from a to b.
	web := policy.NamedPort{Protocol: netset.TCP, Name: "web"}
	anyWeb := policy.NamedPort{AnyProtocol: true, Name: "web"}
	for _, test := range []struct {
		name string
		rule policy.Rule
		want string
	}{
		{"named", policy.Rule{Named: []policy.NamedPort{web}}, "tcp/80 tcp/80"},
		{"named, any protocol", policy.Rule{Named: []policy.NamedPort{anyWeb}}, "tcp/80 udp/53 tcp/80 udp/53"},
		{"all but named", policy.Rule{Conns: netset.Ports(netset.TCP, 79, 82), NotNamed: []policy.NamedPort{web}}, "tcp/79,81-82 tcp/79,81-82"},
		{"named, less a number", policy.Rule{Named: []policy.NamedPort{anyWeb}, Never: netset.Ports(netset.TCP, 80, 80)}, "udp/53 udp/53"},
		{"numbers and named, less a number", policy.Rule{Conns: netset.Ports(netset.TCP, 79, 82), Named: []policy.NamedPort{web}, Never: netset.Ports(netset.TCP, 80, 81)}, "tcp/79,82 tcp/79,82"},
		{"numbers less numbers", policy.Rule{Conns: netset.Ports(netset.TCP, 79, 82), Never: netset.Ports(netset.TCP, 80, 81)}, "tcp/79,82 tcp/79,82"},
		{"limited", policy.Rule{Conns: netset.Ports(netset.TCP, 80, 80), Limits: []policy.Doubt{*doubt}}, "none tcp/80"},
		{"only some requests", policy.Rule{Conns: netset.Ports(netset.TCP, 80, 80), Only: []string{"GET /"}}, "tcp/80 tcp/80"},
		{"doubtful", policy.Rule{Conns: netset.Ports(netset.TCP, 80, 80), Doubts: []policy.Doubt{*doubt}}, "none " + netset.All().String()},
	} {
		test.rule.Peers = []policy.Peer{{Kind: policy.AnyPeer}}
		for _, d := range policy.Directions {
			test.rule.Direction = d
			p := one("p", func(p *policy.Policy) { p.Isolates[d], p.Rules = true, []policy.Rule{test.rule} })
			m := reach.Compile(c, policy.Set{Policies: []policy.Policy{p}}, upstream(t, true))
			b := m.Between(reach.OfPod(byName["a"]), reach.OfPod(byName["b"]))
			if got := fmt.Sprintf("%s %s", b.Must, b.May); got != test.want {
				t.Errorf("%s, %s: got %s, want %s", test.name, d, got, test.want)
			}
			if !b.Decided() && len(m.Reasons(reach.OfPod(byName["a"]), reach.OfPod(byName["b"]))) == 0 {
				t.Errorf("%s, %s: undecided without a reason", test.name, d)
			}
		}
	}
}

// TestTunnel: what network policies say of the port of the tunnel counts for everything inside it.
func TestTunnel(t *testing.T) {
	c := pods(t, threePods)
	facts := map[*cluster.Pod]policy.Facts{}
	for _, p := range c.Pods[:2] {
		facts[p] = policy.Facts{"mesh": {Value: "ambient"}}
	}
	port := func(n int) netset.Conns { return netset.Ports(netset.TCP, n, n) }
	for _, test := range []struct {
		name  string
		conns netset.Conns
		want  string
	}{
		{"the port alone", port(8080), "none tcp/8080"},
		{"the tunnel alone", port(15008), "tcp/15008 tcp"},
		{"both", port(8080).Union(port(15008)), "tcp/8080,15008 tcp"},
		{"udp goes by itself", netset.Ports(netset.UDP, 53, 53), "udp/53 udp/53"},
	} {
		p := one("p", func(p *policy.Policy) {
			p.Isolates[policy.Ingress] = true
			p.Rules = []policy.Rule{rule(policy.Allow, test.conns, policy.Peer{Kind: policy.AnyPeer})}
		})
		m := reach.Compile(c, policy.Set{Policies: []policy.Policy{p}, Facts: facts}, upstream(t, true))
		b := m.Between(reach.OfPod(c.Pods[0]), reach.OfPod(c.Pods[1]))
		if got := fmt.Sprintf("%s %s", b.Must, b.May); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if rs := m.Reasons(reach.OfPod(c.Pods[0]), reach.OfPod(c.Pods[1])); !b.Decided() && (len(rs) == 0 || rs[0].Code != "tunnel") {
			t.Errorf("%s: reasons %v", test.name, rs)
		}
		if b := m.Between(reach.OfPod(c.Pods[0]), reach.OfPod(c.Pods[2])); !b.Must.Equal(test.conns) || !b.Decided() {
			t.Errorf("%s: outside the tunnel %+v", test.name, b)
		}
	}
}

// TestHostedOpaque: what decides about nodes and is not modelled leaves traffic with nodes open, and no
// other.
func TestHostedOpaque(t *testing.T) {
	c := pods(t, threePods)
	set := policy.Set{Opaque: []policy.Opaque{{Ref: object.Ref{Group: "projectcalico.org", Kind: "HostEndpoint", Name: "h"}, Restricts: true, Hosts: true, Msg: "guards nodes"}}}
	prof, err := enforcer.Named("calico")
	if err != nil {
		t.Fatal(err)
	}
	m := reach.Compile(c, set, prof)
	nodes, pod := reach.Peer{Entity: reach.Nodes}, reach.OfPod(c.Pods[0])
	for _, pair := range [][2]reach.Peer{{pod, nodes}, {nodes, pod}} {
		b := m.Between(pair[0], pair[1])
		if rs := m.Reasons(pair[0], pair[1]); !b.Must.IsEmpty() || b.May.IsEmpty() || len(rs) != 1 || rs[0].Msg != "HostEndpoint h guards nodes" {
			t.Errorf("%s -> %s: %+v, reasons %v", pair[0], pair[1], b, rs)
		}
	}
	if b := m.Between(pod, reach.OfPod(c.Pods[1])); !b.Decided() || b.Must.IsEmpty() {
		t.Errorf("between pods: %+v", b)
	}
}

// TestBaselineOverIsolation: the three answers of the profile, for a port that only the baseline accepts.
func TestBaselineOverIsolation(t *testing.T) {
	c := pods(t, threePods)
	conns := netset.Ports(netset.TCP, 80, 80)
	set := policy.Set{Policies: []policy.Policy{
		one("isolate", func(p *policy.Policy) { p.Isolates[policy.Ingress] = true }),
		one("baseline", func(p *policy.Policy) {
			p.Tier = policy.BaselineTier
			p.Rules = []policy.Rule{rule(policy.Allow, conns, policy.Peer{Kind: policy.AnyPeer})}
		}),
	}}
	for answer, want := range map[enforcer.Answer]string{enforcer.No: "none none", enforcer.Yes: "tcp/80 tcp/80", enforcer.Unknown: "none tcp/80"} {
		prof := upstream(t, true)
		prof.BaselineOverIsolation = answer
		b := reach.Compile(c, set, prof).Between(reach.OfPod(c.Pods[0]), reach.OfPod(c.Pods[1]))
		if got := fmt.Sprintf("%s %s", b.Must, b.May); got != want {
			t.Errorf("%s: got %s, want %s", answer, got, want)
		}
	}
}

// TestEdgesOfEveryShape: the walk over all pairs gives just what each pair gives alone, whatever shapes the
// policies have: tiers, ties, doubts, two layers, several classes to a workload, host-network pods.
func TestEdgesOfEveryShape(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 0))
	for range cases(t, 60_000) / 300 {
		w := newWorld(r)
		base := compileJSON(t, w.json(r.IntN(2) == 0), upstream(t, w.podsByIP), cluster.Options{})
		set := base.Policies()
		set.Policies = slices.Clone(set.Policies)
		for _, p := range tierPolicies(r) {
			p.Subjects = []policy.Term{{Pods: cluster.MatchLabels(map[string]string{"app": pickOne(r, []string{"a", "b", "c"})})}, {NamespaceSelector: cluster.MatchLabels(map[string]string{"team": "a"})}}
			p.Tier.Rank *= 700_000
			p.Unordered = r.IntN(2) == 0
			p.Layer = policy.Layer(r.IntN(2))
			set.Policies = append(set.Policies, p)
		}
		slices.SortStableFunc(set.Policies, func(a, b policy.Policy) int {
			return int(a.Layer)*10_000_000 - int(b.Layer)*10_000_000 + int(a.Tier.Rank) - int(b.Tier.Rank)
		})
		m := reach.Compile(base.Cluster(), set, base.Profile())
		got := map[[2]string]reach.Bounds{}
		for e := range m.Edges() {
			if !e.Src.IsOutside() && !e.Dst.IsOutside() {
				got[[2]string{e.Src.String(), e.Dst.String()}] = e.Bounds
			}
		}
		for _, src := range m.Cluster().Workloads {
			for _, dst := range m.Cluster().Workloads {
				if src == dst {
					continue
				}
				s, d := reach.OfWorkload(src), reach.OfWorkload(dst)
				want, have := m.Between(s, d), got[[2]string{s.String(), d.String()}]
				if !want.Must.Equal(have.Must) || !want.May.Equal(have.May) {
					t.Fatalf("%s -> %s: Between %v, Edges %v\n%s", s, d, want, have, w.json(false))
				}
			}
		}
	}
}

// TestEveryNumberOfPoints: sets that reach to the end of the line of points, at every size of the last word.
func TestEveryNumberOfPoints(t *testing.T) {
	p := one("p", func(p *policy.Policy) {
		p.Rules = []policy.Rule{rule(policy.Deny, netset.All(), policy.Peer{Kind: policy.AnyPeer}), rule(policy.Allow, netset.All(), policy.Peer{Kind: policy.AnyPeer})}
	})
	yaml := "apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n"
	set := policy.Set{Policies: []policy.Policy{p}}
	for n := range 70 {
		yaml += fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: x, labels: {n: \"%d\"}}\nspec: {containers: [{name: c, image: i}]}\n", n, n)
		// Each pod is a class of its own.
		set.Policies = append(set.Policies, one(fmt.Sprintf("q%d", n), func(q *policy.Policy) {
			q.Subjects = []policy.Term{{Namespace: "x", Pods: cluster.MatchLabels(map[string]string{"n": fmt.Sprint(n)})}}
			q.Rules = []policy.Rule{rule(policy.Deny, netset.All(), policy.Peer{Kind: policy.DoubtPeer})}
		}))
		m := reach.Compile(pods(t, yaml), set, upstream(t, true))
		for e := range m.Edges() {
			if !e.Dst.IsOutside() { // the policies are about ingress
				t.Fatalf("%d pods: %s -> %s", n+1, e.Src, e.Dst)
			}
		}
	}
}
