package admin_test

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/load"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/policy/kinds"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// number is a setting of the long run.
func number(t *testing.T, name string, usual int) int {
	s := os.Getenv(name)
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOracle compares the model with the oracle on random clusters in which everything is known. Without
// ties they must agree. With ties, and with both versions of the API at once, the truth of every order must
// lie between Must and May.
func TestOracle(t *testing.T) {
	const perWorld = 60
	protocols := map[string]netset.Protocol{"TCP": netset.TCP, "UDP": netset.UDP, "SCTP": netset.SCTP}
	prof, err := enforcer.Named("kube")
	prof.BaselineByDirection, prof.HostPods = enforcer.Yes, enforcer.No
	if err != nil {
		t.Fatal(err)
	}
	total := number(t, "BULKHEAD_ORACLE_CASES", 40_000)
	r := rand.New(rand.NewPCG(uint64(number(t, "BULKHEAD_ORACLE_SEED", 1)), 3))
	var exact, allowed, open int
	for done := 0; done < total; done += perWorld {
		w := randomWorld(r, one(r, []string{"anp", "banp"}, []string{"cnp"}, []string{"cnp"}, []string{"anp", "banp", "cnp"})...)
		data := w.json(t)
		objects, problems, _ := load.Parse(data, "world.json", load.Limits{})
		if len(problems) > 0 {
			t.Fatalf("load: %v\n%s", problems, data)
		}
		c, _ := cluster.New(objects, cluster.Options{})
		m := reach.Compile(c, kinds.Compile(c), prof)
		byName := map[string]*cluster.Pod{}
		for _, p := range c.Pods {
			byName[p.Name] = p
		}
		ends := func() (reach.Peer, oEnd) {
			if r.IntN(4) == 0 {
				ip := one(r, netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8::1"))
				return reach.OfAddrs(netset.OneAddr(ip)), oEnd{ip: ip}
			}
			p := one(r, w.pods...)
			return reach.OfPod(byName[p.name]), oEnd{pod: p}
		}
		for range perWorld {
			src, oSrc := ends()
			dst, oDst := ends()
			if oSrc.pod == oDst.pod {
				continue
			}
			proto, port := one(r, "TCP", "TCP", "UDP", "SCTP"), one(r, 1, 80, 81, 443, 480, 8080, 9000)
			b := m.Between(src, dst)
			must, may := b.Must.Contains(protocols[proto], uint16(port)), b.May.Contains(protocols[proto], uint16(port))
			truth := w.allowed(w.order(r), oSrc, oDst, proto, port)
			if must && !truth || truth && !may || must != may && !w.ties() {
				t.Fatalf("%s -> %s %s/%d: truth %v, must %v, may %v\n%v\n%s", src, dst, proto, port, truth, must, may, m.Reasons(src, dst), data)
			}
			switch {
			case must != may:
				open++
			case truth:
				allowed++
			}
			if must == may {
				exact++
			}
		}
	}
	t.Logf("%d decided, of which %d allowed, and %d left open by ties", exact, allowed, open)
	if open == 0 || allowed < exact/10 || allowed > exact*9/10 {
		t.Error("the random clusters are too one-sided to test anything")
	}
}
