package reach_test

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// upstream is the profile in which everything is settled, so that engine and oracle must agree exactly.
func upstream(t testing.TB, podsByIP bool) enforcer.Profile {
	t.Helper()
	p, err := enforcer.Named("kube")
	if err != nil {
		t.Fatal(err)
	}
	p.HostPods, p.BaselineByDirection = enforcer.No, enforcer.Yes
	if !podsByIP {
		p.PodsByAddr, p.NodesByAddr = enforcer.No, enforcer.No
	}
	return p
}

func compileJSON(t testing.TB, data []byte, prof enforcer.Profile, opt cluster.Options) *reach.Model {
	t.Helper()
	objects, problems, _ := load.Parse(data, "world.json", load.Limits{})
	if len(problems) > 0 {
		t.Fatalf("load: %v\n%s", problems, data)
	}
	c, problems := cluster.New(objects, opt)
	if len(problems) > 0 {
		t.Fatalf("cluster: %v", problems)
	}
	return reach.Compile(c, kinds.Compile(c), prof)
}

// cases reads how many packets to try; the long run sets BULKHEAD_ORACLE_CASES.
func cases(t *testing.T, everyday int) int {
	s := os.Getenv("BULKHEAD_ORACLE_CASES")
	if s == "" {
		return everyday
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func seed(t *testing.T) uint64 {
	if s := os.Getenv("BULKHEAD_ORACLE_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 1
}

// end gives an end of a random packet for both sides: a pod, or an address outside.
func (w *world) end(r *rand.Rand, byName map[string]*cluster.Pod) (reach.Peer, oracleEnd, string) {
	if r.IntN(4) == 0 {
		ip := netip.MustParseAddr(pickOne(r, outsideIPs))
		return reach.OfAddrs(netset.OneAddr(ip)), oracleEnd{ip: ip}, ip.String()
	}
	i := r.IntN(len(w.pods))
	return reach.OfPod(byName[w.names[i]]), oracleEnd{pod: w.pods[i]}, w.names[i]
}

// oracleTruth is the answer over all address families the two ends share.
func (w *world) oracleTruth(src, dst oracleEnd, proto corev1.Protocol, port int32) bool {
	ips := func(e oracleEnd) []netip.Addr {
		if e.pod == nil {
			return []netip.Addr{e.ip}
		}
		return e.pod.ips
	}
	for _, a := range ips(src) {
		for _, b := range ips(dst) {
			// An outside address may be reached through a translating router, so its family is not held
			// against it; two pods talk in one family,
			// and nodes have addresses of their own towards each other and their pods.
			if src.pod != nil && dst.pod != nil && a.Is4() != b.Is4() &&
				(!src.pod.host || (!dst.pod.host && src.pod.node != dst.pod.node)) {
				continue
			}
			s, d := src, dst
			s.ip, d.ip = a, b
			if w.allowed(s, d, proto, port) {
				return true
			}
		}
	}
	return false
}

var netProto = map[corev1.Protocol]netset.Protocol{corev1.ProtocolTCP: netset.TCP, corev1.ProtocolUDP: netset.UDP, corev1.ProtocolSCTP: netset.SCTP}

// TestOracle compares the engine with the oracle on random clusters where everything is known.
func TestOracle(t *testing.T) {
	const perWorld = 100
	total := cases(t, 60_000)
	r := rand.New(rand.NewPCG(seed(t), 0))
	allowed := 0
	for done := 0; done < total; done += perWorld {
		w := newWorld(r)
		m := compileJSON(t, w.json(false), upstream(t, w.podsByIP), cluster.Options{})
		byName := podsByName(m)
		for range perWorld {
			src, osrc, sname := w.end(r, byName)
			dst, odst, dname := w.end(r, byName)
			if (osrc.pod == nil && odst.pod == nil) || (osrc.pod != nil && osrc.pod == odst.pod) {
				continue
			}
			if osrc.pod != nil && odst.pod != nil && !osrc.pod.host && odst.pod.host && osrc.pod.node == odst.pod.node {
				continue // a pod to its own node: left open on purpose, as engines differ
			}
			proto, port := pickOne(r, someProtos), pickOne(r, somePorts)
			want := w.oracleTruth(osrc, odst, proto, port)
			b := m.Between(src, dst)
			must, may := b.Must.Contains(netProto[proto], uint16(port)), b.May.Contains(netProto[proto], uint16(port))
			if must != want || may != want {
				t.Fatalf("%s -> %s %s/%d: oracle %v, engine must=%v may=%v\n%s", sname, dname, proto, port, want, must, may, w.json(false))
			}
			if want {
				allowed++
			}
		}
	}
	if allowed < total/10 || allowed > total*9/10 {
		t.Errorf("%d of %d packets allowed: the random clusters are too one-sided to test anything", allowed, total)
	}
}

func podsByName(m *reach.Model) map[string]*cluster.Pod {
	out := map[string]*cluster.Pod{}
	for _, p := range m.Cluster().Pods {
		out[p.Namespace.Name+"/"+p.Name] = p
	}
	return out
}

// TestOracleBounds hides what files often do not tell (addresses of pods, labels of namespaces, nodes, the
// enforcer) and checks that the truth lies between Must and May.
func TestOracleBounds(t *testing.T) {
	const perWorld = 100
	total := cases(t, 30_000)
	r := rand.New(rand.NewPCG(seed(t), 1))
	undecided := 0
	for done := 0; done < total; done += perWorld {
		w := newWorld(r)
		for _, p := range w.pods { // the engine takes pods of unknown address to be IPv4 only
			p.ips = []netip.Addr{netip.AddrFrom4([4]byte{10, byte(r.IntN(3)), 2, byte(1 + r.IntN(250))})}
		}
		prof := upstream(t, w.podsByIP)
		switch r.IntN(3) {
		case 0:
			prof.PodsByAddr, prof.NodesByAddr = enforcer.Unknown, enforcer.Unknown
		case 1:
			prof = enforcer.Profile{Name: "unknown"}
		}
		off := prof.Enforces == enforcer.Unknown && r.IntN(2) == 0
		var opt cluster.Options
		if r.IntN(2) == 0 {
			opt.PodCIDRs = netset.AddrsOf(netip.MustParsePrefix("10.0.0.0/14"))
		}
		m := compileJSON(t, w.json(true), prof, opt)
		byName := podsByName(m)
		for range perWorld {
			src, osrc, sname := w.end(r, byName)
			dst, odst, dname := w.end(r, byName)
			if (osrc.pod == nil && odst.pod == nil) || (osrc.pod != nil && osrc.pod == odst.pod) {
				continue
			}
			proto, port := pickOne(r, someProtos), pickOne(r, somePorts)
			truth := off || w.oracleTruth(osrc, odst, proto, port)
			b := m.Between(src, dst)
			must, may := b.Must.Contains(netProto[proto], uint16(port)), b.May.Contains(netProto[proto], uint16(port))
			if (must && !truth) || (truth && !may) {
				t.Fatalf("%s -> %s %s/%d: truth %v, engine must=%v may=%v, profile %+v\n%s", sname, dname, proto, port, truth, must, may, prof, w.json(true))
			}
			if must != may {
				undecided++
			}
			if !b.Decided() && len(m.Reasons(src, dst)) == 0 {
				t.Fatalf("%s -> %s is undecided without a reason\n%s", sname, dname, w.json(true))
			}
		}
	}
	if undecided == 0 {
		t.Error("nothing was undecided: the test hides too little")
	}
	t.Logf("%d of %d packets undecided", undecided, total)
}
