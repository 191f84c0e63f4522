package cilium

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/cilium/cilium/pkg/u8proto"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/oracle/sketch"
)

// packet is one question. An end is a pod ("namespace/name"), an address, or the node of the pod at the other
// end ("own-node") or the node that no pod runs on ("n2").
type packet struct {
	src, dst string
	proto    u8proto.U8proto
	port     uint16
}

func (p packet) String() string { return fmt.Sprintf("%s -> %s %s/%d", p.src, p.dst, p.proto, p.port) }

var ourProtocol = map[u8proto.U8proto]netset.Protocol{
	u8proto.TCP: netset.TCP, u8proto.UDP: netset.UDP, u8proto.SCTP: netset.SCTP, u8proto.ICMP: netset.ICMP,
}

// bothSides is one cluster as Cilium and as we see it.
type bothSides struct {
	engine *Engine
	model  *reach.Model
	pods   map[string]*cluster.Pod
}

func ours(docs [][]byte) (*reach.Model, error) {
	objects, problems, _ := load.Parse(bytes.Join(docs, []byte("\n")), "world.json", load.Limits{})
	if len(problems) > 0 {
		return nil, fmt.Errorf("load: %v", problems)
	}
	c, problems := cluster.New(objects, cluster.Options{})
	if len(problems) > 0 {
		return nil, fmt.Errorf("cluster: %v", problems)
	}
	prof, err := enforcer.Named("cilium")
	if err != nil {
		return nil, err
	}
	prof.SCTP = enforcer.Yes // Config of the engine
	return reach.Compile(c, kinds.Compile(c), prof), nil
}

func (w *world) sides() (*bothSides, error) {
	docs := w.JSON()
	e, err := New(docs, w.config, w.apiNode)
	if err != nil {
		return nil, err
	}
	m, err := ours(docs)
	if err != nil {
		return nil, err
	}
	b := &bothSides{e, m, map[string]*cluster.Pod{}}
	for _, p := range m.Cluster().Pods {
		b.pods[p.Namespace.Name+"/"+p.Name] = p
	}
	return b, nil
}

// end is one end for both sides; ok is false when it is no longer there.
func (b *bothSides) end(name, other string) (end End, peer reach.Peer, ok bool) {
	switch ip, err := netip.ParseAddr(name); {
	case err == nil:
		return End{Addr: ip}, reach.OfAddrs(netset.OneAddr(ip)), true
	case name == "own-node":
		p := b.engine.Pods[other]
		if p == nil {
			return End{}, reach.Peer{}, false
		}
		return End{Node: p.Node}, reach.Peer{Entity: reach.OwnNode}, true
	case name == "n2":
		return End{Node: name}, reach.Peer{Entity: reach.Nodes}, true
	}
	p := b.engine.Pods[name]
	return End{Pod: p}, reach.OfPod(b.pods[name]), p != nil && b.pods[name] != nil
}

// verdict is the truth and our bounds; ok is false when an end is not there.
func (b *bothSides) verdict(p packet) (truth bool, answer reach.Bounds, ok bool, err error) {
	src, ourSrc, ok := b.end(p.src, p.dst)
	if !ok {
		return false, reach.Bounds{}, false, nil
	}
	dst, ourDst, ok := b.end(p.dst, p.src)
	if !ok {
		return false, reach.Bounds{}, false, nil
	}
	truth, err = b.engine.Allowed(src, dst, p.proto, p.port)
	return truth, b.model.Between(ourSrc, ourDst), true, err
}

func (p packet) bounds(b reach.Bounds) (must, may bool) {
	return b.Must.Contains(ourProtocol[p.proto], p.port), b.May.Contains(ourProtocol[p.proto], p.port)
}

func (w *world) packet() packet {
	var p packet
	for {
		p.src, p.dst = w.end(), w.end()
		inside := func(s string) bool { return bytes.ContainsRune([]byte(s), '/') }
		if p.src != p.dst && (inside(p.src) || inside(p.dst)) {
			break
		}
	}
	p.proto = sketch.Pick(w.Draw, u8proto.TCP, u8proto.TCP, u8proto.TCP, u8proto.UDP, u8proto.SCTP, u8proto.ICMP)
	p.port = uint16(sketch.Pick(w.Draw, portNumbers...))
	if named := w.named[p.dst]; len(named) > 0 && w.Often(1, 3) {
		port := sketch.Pick(w.Draw, named...)
		p.proto, p.port = u8proto.TCP, uint16(port["containerPort"].(int))
		if name, ok := port["protocol"].(string); ok {
			p.proto, _ = u8proto.ParseProtocol(name)
		}
	}
	if p.proto == u8proto.ICMP {
		p.port = sketch.Pick[uint16](w.Draw, 8, 3)
	}
	return p
}

func (w *world) end() string {
	switch w.IntN(10) {
	case 0, 1:
		for {
			if ip := sketch.Pick(w.Draw, outside...); ip.Is4() || w.config.IPv6 {
				return ip.String()
			}
		}
	case 2:
		return sketch.Pick(w.Draw, "own-node", "n2")
	}
	return sketch.Pick(w.Draw, w.pods...)
}

// wrong tells whether our answer to a packet contradicts the engine.
func (w *world) wrong(p packet) bool {
	b, err := w.sides()
	if err != nil {
		return false
	}
	truth, answer, ok, err := b.verdict(p)
	must, may := p.bounds(answer)
	return ok && err == nil && (must && !truth || truth && !may)
}

// TestCilium holds our verdicts against those of Cilium's own policy code, on random clusters.
func TestCilium(t *testing.T) {
	const perWorld = 60
	total := sketch.Cases(t, 12_000)
	seed := sketch.Seed(t)
	tally := sketch.NewTally()
	wrong, decided, allowed, rejected, open := 0, 0, 0, 0, map[string]int{}
	for done, n := 0, uint64(0); done < total; n++ {
		w := newWorld(&sketch.Draw{Rand: rand.New(rand.NewPCG(seed, n))})
		b, err := w.sides()
		if err != nil {
			t.Fatalf("seed %d, cluster %d: %v\n%s", seed, n, err, w.YAML())
		}
		tally.Count(w.Draw)
		rejected += len(b.engine.Rejected)
		var packets, sure []judged
		for range perWorld {
			p := w.packet()
			truth, answer, _, err := b.verdict(p)
			if err != nil {
				t.Fatalf("seed %d, cluster %d: %v\n%s", seed, n, err, w.YAML())
			}
			packets = append(packets, judged{p, truth})
			must, may := p.bounds(answer)
			if must && !truth || truth && !may {
				w.Shrink(func() bool { return w.wrong(p) })
				t.Errorf("seed %d, cluster %d: %s: Cilium says %v, ours must=%v may=%v, settings %+v, API server on %q\n%s",
					seed, n, p, truth, must, may, w.config, w.apiNode, w.YAML())
				if wrong++; wrong == 5 {
					t.FailNow()
				}
				break
			}
			done++
			switch {
			case must != may:
				_, src, _ := b.end(p.src, p.dst)
				_, dst, _ := b.end(p.dst, p.src)
				reasons := b.model.Reasons(src, dst)
				if len(reasons) == 0 {
					t.Fatalf("seed %d, cluster %d: %s is undecided without a reason\n%s", seed, n, p, w.YAML())
				}
				open[reasons[0].Code]++
			default:
				decided++
				sure = append(sure, judged{p, truth})
			}
			if truth {
				allowed++
			}
		}
		for _, s := range tally.Next(w.Draw, 3) {
			restore := s.Replace()
			if e, err := New(w.JSON(), w.config, w.apiNode); err == nil {
				other := &bothSides{engine: e, pods: b.pods}
				tally.Tell(s, other.differs(packets), other.differs(sure))
			}
			restore()
		}
	}
	t.Logf("seed %d: %d packets, %d decided by us, %d allowed, %d policies rejected by Cilium; undecided: %v", seed, total, decided, allowed, rejected, open)
	if allowed < total/10 || allowed > total*9/10 {
		t.Errorf("%d of %d packets allowed: the random clusters are too one-sided to test anything", allowed, total)
	}
	if decided < total*6/10 {
		t.Errorf("%d of %d packets decided: too little is compared", decided, total)
	}
	tally.Report(t, constructs, inert, total >= 100_000)
}

// judged is a packet with Cilium's verdict.
type judged struct {
	packet
	truth bool
}

// differs tells whether some packet has another verdict than before.
func (b *bothSides) differs(packets []judged) bool {
	for _, p := range packets {
		src, _, ok1 := b.end(p.src, p.dst)
		dst, _, ok2 := b.end(p.dst, p.src)
		if !ok1 || !ok2 {
			return true
		}
		if truth, err := b.engine.Allowed(src, dst, p.proto, p.port); err != nil || truth != p.truth {
			return true
		}
	}
	return false
}
