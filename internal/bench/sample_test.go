package bench

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// profile is the engine that a shape is made for, with all that is open about it settled as the oracle does.
func profile(t testing.TB, s Shape) enforcer.Profile {
	t.Helper()
	name := "kube"
	switch s {
	case Calico, Mixed:
		name = "calico"
	case Cilium:
		name = "cilium"
	case Typical, Plain, Adversarial, Heavy, Cluster, Istio:
	}
	p, err := enforcer.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	p.HostPods, p.BaselineByDirection, p.SCTP, p.OtherProtocols = enforcer.No, enforcer.Yes, enforcer.Yes, enforcer.Yes
	return p
}

// picture is the world as the engine reads it. It fails the test on any error or warning.
func picture(t testing.TB, w *World) *cluster.Cluster {
	t.Helper()
	objects, err := Objects(w.Live())
	if err != nil {
		t.Fatal(err)
	}
	c, problems := cluster.New(objects, cluster.Options{Complete: true})
	refuseProblems(t, problems)
	return c
}

func refuseProblems(t testing.TB, problems []object.Problem) {
	t.Helper()
	for _, p := range problems {
		// An empty rule is how Cilium's documentation writes that nobody may.
		if p.Severity != object.Note && !strings.Contains(p.Msg, "names neither peers nor ports") {
			t.Fatalf("%s: %s", p.Severity, p)
		}
	}
}

func compile(t testing.TB, w *World) *reach.Model {
	t.Helper()
	c := picture(t, w)
	set := kinds.Compile(c)
	refuseProblems(t, set.Problems)
	return reach.Compile(c, set, profile(t, w.Shape))
}

// sampler draws packets that have a chance to be allowed: half of them within a namespace or to where many
// talk, most to a port that somebody listens on.
type sampler struct {
	*rand.Rand
	w    *World
	pods map[string]*cluster.Pod
	byNS map[string][]*Workload
	// number is the place of a pod in the cluster's list.
	number map[*cluster.Pod]int
}

func newSampler(w *World, m *reach.Model, seed uint64) *sampler {
	s := &sampler{Rand: rand.New(rand.NewPCG(seed, 9)), w: w, pods: map[string]*cluster.Pod{}, byNS: map[string][]*Workload{}, number: map[*cluster.Pod]int{}}
	for i, p := range m.Cluster().Pods {
		s.number[p] = i
		s.pods[p.Namespace.Name+"/"+p.Name] = p
	}
	for _, x := range w.Workloads {
		s.byNS[x.Namespace.Name] = append(s.byNS[x.Namespace.Name], x)
	}
	return s
}

func (s *sampler) pod() End {
	x := s.w.Workloads[s.IntN(len(s.w.Workloads))]
	return s.w.PodEnd(x, s.IntN(x.Replicas))
}

// near is a pod whose namespace shares a label with that of e, or any.
func (s *sampler) near(e End) End {
	for range 50 {
		o := s.pod()
		a, b := e.Workload.Namespace.Labels, o.Workload.Namespace.Labels
		if a["tenant"] == b["tenant"] || a["team"] == b["team"] && a["env"] == b["env"] {
			return o
		}
	}
	return s.pod()
}

func (s *sampler) address() End {
	a := netip.AddrFrom4([4]byte{byte(s.pickInt(10, 203, 203, 8, 1, 2)), byte(s.IntN(128)), byte(s.IntN(48)), byte(s.IntN(256))})
	if s.IntN(2) == 0 && a.As4()[0] == 203 {
		a = netip.AddrFrom4([4]byte{203, 0, byte(s.IntN(48)), byte(s.IntN(256))})
	}
	return End{Addr: a}
}

func (s *sampler) pickInt(xs ...int) int { return xs[s.IntN(len(xs))] }

func (s *sampler) packet() Packet {
	if s.IntN(2) == 0 {
		return s.meant()
	}
	p := Packet{Src: s.pod(), Dst: s.pod()}
	switch s.IntN(8) {
	case 0:
		p.Src = s.address()
	case 1:
		p.Dst = s.address()
	case 2, 3, 4:
		p.Dst = s.near(p.Src)
	case 5:
		p.Src = s.w.PodEnd(s.w.Workloads[s.IntN(min(4, len(s.w.Workloads)))], 0)
	}
	p.Protocol, p.Port = "TCP", s.pickInt(80, 443, 8080, 8000, 3000, 5432, 3306, 9090, 9102, 22, 8079, 8081, 1+s.IntN(65535))
	if d := p.Dst.Workload; d != nil && s.IntN(3) > 0 {
		port := d.Ports[s.IntN(len(d.Ports))]
		p.Protocol, p.Port = port.Protocol, port.Number
	} else if s.IntN(8) == 0 {
		p.Protocol = []string{"UDP", "SCTP"}[s.IntN(2)]
		p.Port = s.pickInt(53, 123, 514, 7946, 2905, 3868, 1+s.IntN(65535))
	}
	return p
}

// meant is a packet that some rule speaks of, or one beside it.
func (s *sampler) meant() Packet {
	q := s.w.Policies[s.IntN(len(s.w.Policies))]
	if len(q.Rules) == 0 {
		return Packet{s.pod(), s.pod(), "TCP", 8080}
	}
	r := q.Rules[s.IntN(len(q.Rules))]
	subject, peer := s.member(q.Subject), s.pod()
	if len(r.Peers) > 0 {
		if x := r.Peers[s.IntN(len(r.Peers))]; x.CIDR == "" {
			peer = s.member(x.Group)
		} else {
			prefix := netip.MustParsePrefix(x.CIDR)
			a := prefix.Addr().As4()
			for i := prefix.Bits() / 8; i < 4; i++ {
				a[i] = byte(s.IntN(256))
			}
			peer = End{Addr: netip.AddrFrom4(a)}
		}
	}
	p := Packet{Src: peer, Dst: subject, Protocol: "TCP", Port: 8080}
	if r.Direction == Egress {
		p.Src, p.Dst = subject, peer
	}
	if len(r.Ports) > 0 {
		x := r.Ports[s.IntN(len(r.Ports))]
		p.Protocol, p.Port = x.Protocol, x.Lo+s.IntN(x.Hi-x.Lo+2)
		if d := p.Dst.Workload; x.Name != "" && d != nil {
			p.Port = d.Ports[s.IntN(len(d.Ports))].Number
		}
	}
	p.Port = min(max(p.Port, 1), 65535)
	return p
}

// member is a pod of g, or any when none is found soon.
func (s *sampler) member(g Group) End {
	o := Oracle{}
	e := s.pod()
	for range 300 {
		x := s.w.Workloads[s.IntN(len(s.w.Workloads))]
		if g.Namespace != "" {
			x = s.byNS[g.Namespace][s.IntN(len(s.byNS[g.Namespace]))]
		}
		if e = s.w.PodEnd(x, s.IntN(x.Replicas)); o.inGroup(g, e) {
			break
		}
	}
	return e
}

func (s *sampler) peer(e End) reach.Peer {
	if e.Workload == nil {
		return reach.OfAddrs(netset.OneAddr(e.Addr))
	}
	return reach.OfPod(s.pods[e.Workload.Namespace.Name+"/"+e.Workload.PodName(e.Index)])
}

// skip leaves out what is no question for policies, or open by intention: a pod to itself, and to its own node.
func (s *sampler) skip(p Packet) bool {
	a, b := p.Src.Workload, p.Dst.Workload
	switch {
	case a == nil || b == nil:
		return a == b
	case a == b && p.Src.Index == p.Dst.Index:
		return true
	}
	return !a.Host && b.Host && a.Node(s.w, p.Src.Index) == b.Node(s.w, p.Dst.Index)
}

// sizes are those that BULKHEAD_BENCH_SIZES names, separated by commas.
func sizes(t testing.TB, everyday string) []Size {
	t.Helper()
	names := os.Getenv("BULKHEAD_BENCH_SIZES")
	if names == "" {
		names = everyday
	}
	var out []Size
	for name := range strings.SplitSeq(names, ",") {
		s, err := Named(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// shapes are those that BULKHEAD_BENCH_SHAPES names, separated by commas.
func shapes(t testing.TB, everyday ...Shape) []Shape {
	t.Helper()
	names := os.Getenv("BULKHEAD_BENCH_SHAPES")
	if names == "" {
		return everyday
	}
	var out []Shape
	for name := range strings.SplitSeq(names, ",") {
		if !slices.Contains(Shapes(), Shape(name)) {
			t.Fatalf("no shape %q", name)
		}
		out = append(out, Shape(name))
	}
	return out
}

var protocols = map[string]netset.Protocol{"TCP": netset.TCP, "UDP": netset.UDP, "SCTP": netset.SCTP}

// TestSamplesAreTrue compares the engine with the oracle on every shape: all answers must be decided and right.
// BULKHEAD_BENCH_SHAPES and BULKHEAD_BENCH_SIZES choose others, BULKHEAD_ORACLE_CASES how many packets are tried of each.
func TestSamplesAreTrue(t *testing.T) {
	total := 2_000
	if s := os.Getenv("BULKHEAD_ORACLE_CASES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		total = n
	}
	for _, shape := range shapes(t, Shapes()...) {
		for _, size := range sizes(t, "XS") {
			t.Run(string(shape)+"/"+size.Name, func(t *testing.T) { sample(t, Draw(shape, size, 2), total) })
		}
	}
}

// mayBeOpen tells whether a right answer may be undecided: within a mesh the port must be one of a Service, as
// otherwise a sidecar may send plain text, which the oracle takes for mTLS; and Cilium's denials may or may not
// bind a pod's own node.
func mayBeOpen(w *World, p Packet) bool {
	s, d := p.Src.Workload, p.Dst.Workload
	if w.Shape == Cilium && s != nil && d != nil && s.Host && s.Node(w, p.Src.Index) == d.Node(w, p.Dst.Index) {
		return true
	}
	if s == nil || d == nil || !s.Namespace.Mesh || !d.Namespace.Mesh || p.Protocol != "TCP" {
		return false
	}
	return !slices.ContainsFunc(d.Ports, func(x Port) bool { return x.Number == p.Port && x.Protocol == p.Protocol })
}

func sample(t *testing.T, w *World, total int) {
	m := compile(t, w)
	o := NewOracle(w)
	s := newSampler(w, m, 1)
	packets := m.Packets()
	allowed, open, tried, wrong := 0, 0, 0, 0
	for range total {
		p := s.packet()
		if s.skip(p) {
			continue
		}
		tried++
		truth := o.Allowed(p)
		src, dst := s.peer(p.Src), s.peer(p.Dst)
		b := m.Between(src, dst)
		must, may := b.Must.Contains(protocols[p.Protocol], uint16(p.Port)), b.May.Contains(protocols[p.Protocol], uint16(p.Port))
		if a, b := p.Src.Workload, p.Dst.Workload; a != nil && b != nil {
			if x, y := packets.Allowed(s.number[src.Pod], s.number[dst.Pod], protocols[p.Protocol], uint16(p.Port)); x != must || y != may {
				t.Errorf("%s -> %s %s/%d: a packet alone is must=%v may=%v, in Between %v %v", src, dst, p.Protocol, p.Port, x, y, must, may)
			}
		}
		if truth {
			allowed++
		}
		if must != may {
			open++
		}
		if must && !truth || truth && !may || must != may && !mayBeOpen(w, p) {
			t.Errorf("%s (%s) -> %s (%s) %s/%d: oracle %v, engine must=%v may=%v %v", src, p.Src.Addr, dst, p.Dst.Addr, p.Protocol, p.Port, truth, must, may, m.Reasons(src, dst))
			if wrong++; wrong > 5 {
				t.FailNow()
			}
		}
	}
	if allowed < tried/20 || allowed > tried*19/20 {
		t.Errorf("%d of %d packets allowed: too one-sided to test anything", allowed, tried)
	}
	if open > tried/5 {
		t.Errorf("%d of %d answers are open: too many to test anything", open, tried)
	}
	t.Logf("%d packets, %d allowed, %d open, %d wrong", tried, allowed, open, wrong)
}
