package netset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

func parse(t testing.TB, text string) netset.Conns {
	t.Helper()
	c, err := netset.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestProtocol(t *testing.T) {
	for p, want := range map[netset.Protocol]string{
		netset.TCP: "TCP", netset.UDP: "UDP", netset.SCTP: "SCTP", netset.ICMP: "ICMP", netset.Other: "other",
	} {
		if got := p.String(); got != want {
			t.Errorf("String of %d: got %q, want %q", uint8(p), got, want)
		}
		for _, name := range []string{want, strings.ToLower(want), strings.ToUpper(want)} {
			if got, err := netset.ParseProtocol(name); err != nil || got != p {
				t.Errorf("ParseProtocol(%q): got %v, %v, want %v", name, got, err, p)
			}
		}
	}
	for _, name := range []string{"", "http", " tcp", "6", "protocol(9)"} {
		if got, err := netset.ParseProtocol(name); err == nil {
			t.Errorf("ParseProtocol(%q): got %v, want an error", name, got)
		}
	}
	bogus := netset.Protocol(9)
	if got := bogus.String(); got != "protocol(9)" {
		t.Errorf("got %q, want protocol(9)", got)
	}
	if !netset.Of(bogus).IsEmpty() || !netset.Ports(bogus, 1, 2).IsEmpty() || netset.All().Contains(bogus, 1) {
		t.Error("a protocol that does not exist is held")
	}
}

func TestPorts(t *testing.T) {
	for _, tc := range []struct {
		p      netset.Protocol
		lo, hi int
		want   string
	}{
		{netset.TCP, 80, 80, "tcp/80"},
		{netset.TCP, 0, 0, "none"},
		{netset.TCP, 0, 1, "tcp/1"},
		{netset.TCP, -5, 70000, "tcp"},
		{netset.UDP, 1, 65535, "udp"},
		{netset.UDP, 2, 65535, "udp/2-65535"},
		{netset.SCTP, 1, 65534, "sctp/1-65534"},
		{netset.SCTP, 65535, 65536, "sctp/65535"},
		{netset.SCTP, 65536, 65540, "none"},
		{netset.TCP, 9, 8, "none"},
		{netset.ICMP, 1, 65535, "none"},
		{netset.Other, 8, 8, "none"},
	} {
		if got := netset.Ports(tc.p, tc.lo, tc.hi).String(); got != tc.want {
			t.Errorf("Ports(%v, %d, %d): got %q, want %q", tc.p, tc.lo, tc.hi, got, tc.want)
		}
	}
}

func TestConnsWhole(t *testing.T) {
	all, transport := netset.All(), netset.Transport()
	if got, want := all.Count(), 3*65535+2; got != want {
		t.Errorf("Count of all: got %d, want %d", got, want)
	}
	if got, want := transport.Count(), 3*65535; got != want {
		t.Errorf("Count of transport: got %d, want %d", got, want)
	}
	if !all.IsAll() || transport.IsAll() || all.IsEmpty() || !netset.None().IsEmpty() {
		t.Error("IsAll or IsEmpty is wrong about All, Transport or None")
	}
	rest := all.Subtract(transport)
	if got := rest.String(); got != "icmp other" {
		t.Errorf("all without transport: got %q, want %q", got, "icmp other")
	}
	if !rest.Contains(netset.ICMP, 0) || !rest.Contains(netset.Other, 77) || rest.Contains(netset.TCP, 80) {
		t.Errorf("Contains is wrong about %v", rest)
	}
	if all.Contains(netset.TCP, 0) || all.Contains(netset.UDP, 0) || all.Contains(netset.SCTP, 0) {
		t.Error("port 0 is held")
	}
	var zero netset.Conns
	if !zero.Equal(netset.None()) || zero.Key() != "" || zero.String() != "none" {
		t.Error("the zero value is not None")
	}
}

func TestConnsParts(t *testing.T) {
	c := parse(t, "tcp/80,443,8000-8100 sctp icmp")
	if diff := cmp.Diff([]netset.Protocol{netset.TCP, netset.SCTP, netset.ICMP}, c.Protocols()); diff != "" {
		t.Errorf("Protocols (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]netset.PortRange{{Lo: 80, Hi: 80}, {Lo: 443, Hi: 443}, {Lo: 8000, Hi: 8100}}, c.Ranges(netset.TCP)); diff != "" {
		t.Errorf("Ranges (-want +got):\n%s", diff)
	}
	for p, want := range map[netset.Protocol]string{
		netset.TCP: "80,443,8000-8100", netset.UDP: "", netset.SCTP: "1-65535", netset.ICMP: "", netset.Other: "",
	} {
		if got := c.PortsText(p); got != want {
			t.Errorf("PortsText(%v): got %q, want %q", p, got, want)
		}
	}
	for p, want := range map[netset.Protocol]string{
		netset.TCP: "tcp/80,443,8000-8100", netset.UDP: "none", netset.SCTP: "sctp", netset.ICMP: "icmp", netset.Other: "none",
	} {
		if got := c.Only(p).String(); got != want {
			t.Errorf("Only(%v): got %q, want %q", p, got, want)
		}
	}
	if c.Ranges(netset.ICMP) != nil || c.Ranges(netset.UDP) != nil {
		t.Error("Ranges of ICMP or UDP is not nil")
	}
}

func TestConnsFirst(t *testing.T) {
	for text, want := range map[string]string{
		"none": "TCP 0 false", "udp/53 tcp/443,80": "TCP 80 true", "udp": "UDP 1 true", "icmp": "ICMP 0 true", "other": "other 0 true",
	} {
		p, port, ok := parse(t, text).First()
		if got := fmt.Sprint(p, port, ok); got != want {
			t.Errorf("First of %s: got %s, want %s", text, got, want)
		}
	}
}

// No operation may write to memory that another set shares.
func TestConnsImmutable(t *testing.T) {
	all := netset.All()
	key := all.Key()
	tcp := all.Only(netset.TCP)
	for _, c := range []netset.Conns{
		tcp.Union(netset.Ports(netset.UDP, 5, 6)), tcp.Subtract(netset.Ports(netset.TCP, 5, 6)),
		netset.Transport().Union(netset.Of(netset.Other)), all.Intersect(netset.Ports(netset.TCP, 9, 10).Union(netset.Of(netset.ICMP))),
	} {
		if c.IsEmpty() {
			t.Errorf("got nothing")
		}
	}
	if netset.All().Key() != key || !tcp.Equal(netset.Of(netset.TCP)) {
		t.Error("an operation changed its operand")
	}
}

func TestConnsNoAllocation(t *testing.T) {
	a, b, none := parse(t, "tcp/80,443,8000-8100 udp/53"), parse(t, "tcp/80 udp/53"), netset.None()
	other, all := parse(t, "sctp/1"), netset.All()
	sink := 0
	got := testing.AllocsPerRun(100, func() {
		for _, c := range []netset.Conns{
			a.Union(b), b.Union(a), a.Union(none), none.Union(a), a.Union(all), a.Union(a),
			a.Intersect(b), b.Intersect(a), a.Intersect(none), a.Intersect(all), all.Intersect(a), a.Intersect(other),
			a.Subtract(none), a.Subtract(all), a.Subtract(a), a.Subtract(other), a.Only(netset.TCP), netset.Of(netset.UDP),
		} {
			sink += c.Count()
		}
	})
	if got != 0 || sink == 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

// The points at which the drawn sets may change, and one in each gap: sets that agree here agree everywhere.
var samplePorts = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 30000, 65527, 65528, 65529, 65530, 65531, 65532, 65533, 65534, 65535}

type conn struct {
	p    netset.Protocol
	port int
}

type connModel map[conn]bool

// drawConns draws a set and what it must hold, each made in its own way.
func drawConns(t *rapid.T, label string) (netset.Conns, connModel) {
	var c netset.Conns
	m := connModel{}
	for range rapid.IntRange(0, 6).Draw(t, label+" terms") {
		p := netset.Protocol(rapid.IntRange(0, 4).Draw(t, label+" protocol"))
		lo := rapid.SampledFrom([]int{0, 1, 2, 3, 4, 6, 8, 65528, 65530, 65533, 65535}).Draw(t, label+" lo")
		hi := rapid.SampledFrom([]int{1, 2, 3, 5, 8, 65528, 65530, 65532, 65535, 70000}).Draw(t, label+" hi")
		part := netset.Ports(p, lo, hi)
		if whole := rapid.IntRange(0, 5).Draw(t, label+" whole") == 0; whole || !p.HasPorts() {
			part, lo, hi = netset.Of(p), 1, 65535
		}
		remove := rapid.IntRange(0, 3).Draw(t, label+" remove") == 0
		if remove {
			c = c.Subtract(part)
		} else {
			c = c.Union(part)
		}
		for _, port := range samplePorts {
			if lo <= port && port <= hi {
				m[conn{p, port}] = !remove
			}
		}
	}
	return c, m
}

func checkConns(t *rapid.T, what string, got netset.Conns, want func(conn) bool) {
	t.Helper()
	rebuilt, some := netset.None(), false
	for p := netset.TCP; p <= netset.Other; p++ {
		held := false
		for _, port := range samplePorts {
			w := want(conn{p, port})
			held = held || w
			if g := got.Contains(p, uint16(port)); g != w {
				t.Fatalf("%s = %v: contains %v/%d: got %v, want %v", what, got, p, port, g, w)
			}
		}
		some = some || held
		if g := !got.Only(p).IsEmpty(); g != held {
			t.Fatalf("%s = %v: holds any %v: got %v, want %v", what, got, p, g, held)
		}
		last := 0
		for i, r := range got.Ranges(p) {
			if int(r.Lo) <= last || i > 0 && int(r.Lo) == last+1 || r.Lo > r.Hi {
				t.Fatalf("%s = %v: ranges of %v not canonical: %v", what, got, p, got.Ranges(p))
			}
			last = int(r.Hi)
			rebuilt = rebuilt.Union(netset.Ports(p, int(r.Lo), int(r.Hi)))
		}
		if held && !p.HasPorts() {
			rebuilt = rebuilt.Union(netset.Of(p))
		}
	}
	if got.IsEmpty() == some {
		t.Fatalf("%s = %v: IsEmpty is %v", what, got, got.IsEmpty())
	}
	if !rebuilt.Equal(got) || rebuilt.Key() != got.Key() || rebuilt.String() != got.String() || rebuilt.Count() != got.Count() {
		t.Fatalf("%s: %v, but %v when rebuilt from its ranges", what, got, rebuilt)
	}
	back, err := netset.Parse(got.String())
	if err != nil || !back.Equal(got) {
		t.Fatalf("%s: Parse(%q): %v, %v", what, got, back, err)
	}
	if p, port, ok := got.First(); ok != some || ok && !got.Contains(p, port) {
		t.Fatalf("%s = %v: First: %v %d %v", what, got, p, port, ok)
	}
}

func TestConnsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, ma := drawConns(t, "a")
		b, mb := drawConns(t, "b")
		checkConns(t, "a", a, func(x conn) bool { return ma[x] })
		checkConns(t, "a+b", a.Union(b), func(x conn) bool { return ma[x] || mb[x] })
		checkConns(t, "a*b", a.Intersect(b), func(x conn) bool { return ma[x] && mb[x] })
		checkConns(t, "a-b", a.Subtract(b), func(x conn) bool { return ma[x] && !mb[x] })

		covers, coveredBy, overlaps := true, true, false
		for p := netset.TCP; p <= netset.Other; p++ {
			for _, port := range samplePorts {
				ina, inb := ma[conn{p, port}], mb[conn{p, port}]
				covers = covers && (ina || !inb)
				coveredBy = coveredBy && (inb || !ina)
				overlaps = overlaps || ina && inb
			}
		}
		equal := covers && coveredBy
		got := []bool{a.Covers(b), b.Covers(a), a.Overlaps(b), a.Equal(b), a.Key() == b.Key(), a.String() == b.String()}
		if diff := cmp.Diff([]bool{covers, coveredBy, overlaps, equal, equal, equal}, got); diff != "" {
			t.Fatalf("a = %v, b = %v: covers, covered, overlaps, equal, key, text (-want +got):\n%s", a, b, diff)
		}
	})
}

func TestConnsLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, _ := drawConns(t, "a")
		b, _ := drawConns(t, "b")
		c, _ := drawConns(t, "c")
		all := netset.All()
		for law, sides := range map[string][2]netset.Conns{
			"union commutes":       {a.Union(b), b.Union(a)},
			"intersect commutes":   {a.Intersect(b), b.Intersect(a)},
			"union associates":     {a.Union(b).Union(c), a.Union(b.Union(c))},
			"intersect associates": {a.Intersect(b).Intersect(c), a.Intersect(b.Intersect(c))},
			"distributes":          {a.Intersect(b.Union(c)), a.Intersect(b).Union(a.Intersect(c))},
			"de Morgan":            {all.Subtract(a.Union(b)), all.Subtract(a).Intersect(all.Subtract(b))},
			"complement twice":     {all.Subtract(all.Subtract(a)), a},
			"split":                {a.Subtract(b).Union(a.Intersect(b)), a},
		} {
			if !sides[0].Equal(sides[1]) {
				t.Fatalf("%s: a = %v, b = %v, c = %v: %v and %v", law, a, b, c, sides[0], sides[1])
			}
		}
		if got, want := a.Union(b).Count(), a.Count()+b.Count()-a.Intersect(b).Count(); got != want {
			t.Fatalf("a = %v, b = %v: count of union %d, want %d", a, b, got, want)
		}
	})
}

func BenchmarkConns(b *testing.B) {
	x, y := parse(b, "tcp/80,443,8000-8100 udp/53"), parse(b, "tcp/22,443,8050-9000 sctp")
	small := parse(b, "tcp/443")
	for _, bench := range []struct {
		name string
		run  func() netset.Conns
	}{
		{"Union", func() netset.Conns { return x.Union(y) }},
		{"UnionCovered", func() netset.Conns { return x.Union(small) }},
		{"Intersect", func() netset.Conns { return x.Intersect(y) }},
		{"IntersectCovered", func() netset.Conns { return x.Intersect(small) }},
		{"Subtract", func() netset.Conns { return x.Subtract(y) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if bench.run().IsEmpty() {
					b.Fatal("empty")
				}
			}
		})
	}
}
