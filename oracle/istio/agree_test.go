package istio

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
	"github.com/bulkhead-sec/bulkhead/oracle/sketch"
)

// packet is one question: a TCP connection from a pod ("namespace/name") or an address to a pod.
type packet struct {
	src, dst string
	port     int
}

func (p packet) String() string { return fmt.Sprintf("%s -> %s TCP/%d", p.src, p.dst, p.port) }

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
	c, problems := cluster.New(objects, cluster.Options{Complete: true})
	if len(problems) > 0 {
		return nil, fmt.Errorf("cluster: %v", problems)
	}
	prof, err := enforcer.Named("kube")
	if err != nil {
		return nil, err
	}
	prof.Mesh = enforcer.Yes
	return reach.Compile(c, kinds.Compile(c), prof), nil
}

func (w *world) sides() (*bothSides, error) {
	docs := w.JSON()
	e, err := New(docs)
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

// truth is what Istio does; ok is false when an end is no longer there.
func (e *Engine) truth(p packet) (v Verdict, ok bool, err error) {
	dst := e.Pods[p.dst]
	if dst == nil || len(dst.Addrs) == 0 {
		return Verdict{}, false, nil
	}
	src := Client{Pod: e.Pods[p.src]}
	switch ip, err := netip.ParseAddr(p.src); {
	case err == nil:
		src.Addr = ip
	case src.Pod == nil || len(src.Pod.Addrs) == 0:
		return Verdict{}, false, nil
	default:
		src.Addr = src.Pod.Addrs[0]
	}
	v, err = e.Allowed(src, dst, dst.Addrs[0], uint32(p.port))
	return v, true, err
}

func (b *bothSides) peers(p packet) (src, dst reach.Peer, ok bool) {
	if b.pods[p.dst] == nil {
		return src, dst, false
	}
	dst = reach.OfPod(b.pods[p.dst])
	if ip, err := netip.ParseAddr(p.src); err == nil {
		return reach.OfAddrs(netset.OneAddr(ip)), dst, true
	}
	return reach.OfPod(b.pods[p.src]), dst, b.pods[p.src] != nil
}

// answer is our bounds.
func (b *bothSides) answer(p packet) (must, may, ok bool) {
	src, dst, ok := b.peers(p)
	if !ok {
		return false, false, false
	}
	got := b.model.Between(src, dst)
	return got.Must.Contains(netset.TCP, uint16(p.port)), got.May.Contains(netset.TCP, uint16(p.port)), true
}

func contradicts(v Verdict, must, may bool) bool {
	return !v.Unknown && (must && !v.Any || v.Any && !may) || v.Unknown && !may
}

func (w *world) wrong(p packet) bool {
	b, err := w.sides()
	if err != nil {
		return false
	}
	v, ok, err := b.engine.truth(p)
	must, may, there := b.answer(p)
	return ok && there && err == nil && contradicts(v, must, may)
}

func (w *world) packet() packet {
	p := packet{port: sketch.Pick(w.Draw, ports...)}
	for p.src == p.dst {
		p.src, p.dst = sketch.Pick(w.Draw, w.pods...), sketch.Pick(w.Draw, w.pods...)
	}
	if w.Often(1, 4) {
		p.src = sketch.Pick(w.Draw, outside...)
	}
	return p
}

// TestIstio holds our verdicts against what Istio's configuration of sidecars does, on random meshes.
func TestIstio(t *testing.T) {
	const perWorld = 40
	total := sketch.Cases(t, 6_000)
	seed := sketch.Seed(t)
	tally := sketch.NewTally()
	wrong, decided, allowed, metadata, rejected, open := 0, 0, 0, 0, 0, map[string]int{}
	for done, n := 0, uint64(0); done < total; n++ {
		w := newWorld(&sketch.Draw{Rand: rand.New(rand.NewPCG(seed, n))})
		b, err := w.sides()
		if err != nil {
			t.Fatalf("seed %d, mesh %d: %v\n%s", seed, n, err, w.YAML())
		}
		tally.Count(w.Draw)
		rejected += len(b.engine.Rejected)
		var packets, sure []judged
		for range perWorld {
			p := w.packet()
			v, _, err := b.engine.truth(p)
			if err != nil {
				t.Fatalf("seed %d, mesh %d: %v\n%s", seed, n, err, w.YAML())
			}
			packets = append(packets, judged{p, v})
			must, may, _ := b.answer(p)
			if contradicts(v, must, may) {
				w.Shrink(func() bool { return w.wrong(p) })
				t.Errorf("seed %d, mesh %d: %s: Istio says %+v, ours must=%v may=%v\n%s", seed, n, p, v, must, may, w.YAML())
				if wrong++; wrong == 5 {
					t.FailNow()
				}
				break
			}
			done++
			switch {
			case must != may:
				src, dst, _ := b.peers(p)
				reasons := b.model.Reasons(src, dst)
				if len(reasons) == 0 {
					t.Fatalf("seed %d, mesh %d: %s is undecided without a reason\n%s", seed, n, p, w.YAML())
				}
				open[reasons[0].Code]++
			case v.Unknown:
			default:
				decided++
				sure = append(sure, judged{p, v})
			}
			if v.Unknown {
				metadata++
			}
			if v.Any {
				allowed++
			}
		}
		for _, s := range tally.Next(w.Draw, 3) {
			restore := s.Replace()
			if e, err := New(w.JSON()); err == nil {
				tally.Tell(s, e.differs(packets), e.differs(sure))
			}
			restore()
		}
	}
	t.Logf("seed %d: %d packets, %d decided by us, %d allowed, %d hang on metadata, %d objects rejected by Istio; undecided: %v",
		seed, total, decided, allowed, metadata, rejected, open)
	if allowed < total/10 || allowed > total*9/10 {
		t.Errorf("%d of %d packets allowed: the random meshes are too one-sided to test anything", allowed, total)
	}
	if decided < total*6/10 {
		t.Errorf("%d of %d packets decided: too little is compared", decided, total)
	}
	tally.Report(t, constructs, inert, total >= 100_000)
}

// judged is a packet with Istio's verdict.
type judged struct {
	packet
	Verdict
}

// differs tells whether some packet has another verdict than before.
func (e *Engine) differs(packets []judged) bool {
	for _, p := range packets {
		if v, ok, err := e.truth(p.packet); !ok || err != nil || v != p.Verdict {
			return true
		}
	}
	return false
}
