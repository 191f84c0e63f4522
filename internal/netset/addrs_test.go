package netset_test

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

func addrs(t testing.TB, text string) netset.Addrs {
	t.Helper()
	a, err := netset.ParseAddrs(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestParseAddrs(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8":                        "10.0.0.0/8",
		"10.0.0.1":                          "10.0.0.1/32",
		"fd00::1":                           "fd00::1/128",
		"::/0 0.0.0.0/0":                    "0.0.0.0/0,::/0",
		"10.0.0.5-10.0.0.9":                 "10.0.0.5/32,10.0.0.6/31,10.0.0.8/31",
		"10.0.0.0/9, 10.128.0.0/9":          "10.0.0.0/8",
		"10.0.0.2,10.0.0.1\n10.0.0.2":       "10.0.0.1/32,10.0.0.2/32",
		"0.0.0.0-255.255.255.255":           "0.0.0.0/0",
		"0.0.0.1-255.255.255.255":           "0.0.0.1/32,0.0.0.2/31,0.0.0.4/30,0.0.0.8/29,0.0.0.16/28,0.0.0.32/27,0.0.0.64/26,0.0.0.128/25,0.0.1.0/24,0.0.2.0/23,0.0.4.0/22,0.0.8.0/21,0.0.16.0/20,0.0.32.0/19,0.0.64.0/18,0.0.128.0/17,0.1.0.0/16,0.2.0.0/15,0.4.0.0/14,0.8.0.0/13,0.16.0.0/12,0.32.0.0/11,0.64.0.0/10,0.128.0.0/9,1.0.0.0/8,2.0.0.0/7,4.0.0.0/6,8.0.0.0/5,16.0.0.0/4,32.0.0.0/3,64.0.0.0/2,128.0.0.0/1",
		"::ffff:ffff:ffff:ffff-::1:0:0:0:0": "::ffff:ffff:ffff:ffff/128,0:0:0:1::/128",
		"::ffff:10.0.0.1":                   "10.0.0.1/32",
		"::ffff:10.0.0.0/104":               "10.0.0.0/8",
		"::ffff:0:0/96":                     "0.0.0.0/0",
		"::fffe:0:0/95":                     "::fffe:0:0/96", // the other half is IPv4, not asked for by name
		"::fffe:ffff:ffff":                  "::fffe:ffff:ffff/128",
		"::fffe:ffff:ffff ::1:0:0:0":        "::fffe:ffff:ffff/128,::1:0:0:0/128",
		"::fffe:ffff:ffff-::1:0:0:0":        "::fffe:ffff:ffff/128,::1:0:0:0/128",
		"::1:0:0:0":                         "::1:0:0:0/128",
		"None":                              "none",
		"":                                  "",
		" , ":                               "",
		"none,10.0.0.0/8":                   "",
		"10.0.0.5/24":                       "",
		"10.0.0.0/33":                       "",
		"10.0.0.0/08":                       "",
		"010.0.0.0/8":                       "",
		"10.0.0":                            "",
		"10.0.0.9-10.0.0.5":                 "",
		"10.0.0.1-::1":                      "",
		"::1-::ffff:10.0.0.1":               "",
		"10.0.0.1-":                         "",
		"-10.0.0.1":                         "",
		"10.0.0.1-10.0.0.2-10.0.0.3":        "",
		"fe80::1%eth0":                      "",
		"fe80::%eth0/64":                    "",
		"10.0.0.1-fe80::1%eth0":             "",
		"example.com":                       "",
		"\xff":                              "",
		strings.Repeat("1", 1<<20+1):        "",
	} {
		got, err := netset.ParseAddrs(text)
		if want == "" {
			if err == nil {
				t.Errorf("ParseAddrs(%.50q): got %v, want an error", text, got)
			} else if len(err.Error()) > 400 || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("ParseAddrs(%.50q): error is long or not ASCII: %q", text, err)
			}
			if !got.IsEmpty() {
				t.Errorf("ParseAddrs(%.50q): %v beside an error", text, got)
			}
		} else if err != nil || got.String() != want {
			t.Errorf("ParseAddrs(%.50q): got %v, %v, want %s", text, got, err, want)
		}
	}
	_, err := netset.ParseAddrs("10.0.0.5/24")
	want := `"10.0.0.5/24" has bits set behind its prefix length: write 10.0.0.0/24, or 10.0.0.5 for the one address`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestPrefixFrom(t *testing.T) {
	for text, want := range map[string]struct {
		p        string
		hostBits bool
	}{
		"10.0.0.0/8":          {"10.0.0.0/8", false},
		"10.0.0.5/24":         {"10.0.0.0/24", true},
		"10.0.0.5/32":         {"10.0.0.5/32", false},
		"1.2.3.4/0":           {"0.0.0.0/0", true},
		"fd00::1/8":           {"fd00::/8", true},
		"::ffff:10.0.0.1/104": {"10.0.0.0/8", true},
		"::ffff:0.0.0.0/95":   {"::fffe:0:0/95", true},
	} {
		p, hostBits, err := netset.PrefixFrom(text)
		if err != nil || p.String() != want.p || hostBits != want.hostBits {
			t.Errorf("PrefixFrom(%q): got %v, %v, %v, want %v", text, p, hostBits, err, want)
		}
	}
	for _, text := range []string{"", "10.0.0.1", "10.0.0.0/", "10.0.0.0/-1", "010.0.0.0/8", "fe80::%e/64", "x/8"} {
		if p, _, err := netset.PrefixFrom(text); err == nil || p.IsValid() {
			t.Errorf("PrefixFrom(%q): got %v, %v, want an error", text, p, err)
		}
	}
}

func TestAddrsMade(t *testing.T) {
	ip := netip.MustParseAddr
	for what, tc := range map[string]struct {
		got  netset.Addrs
		want string
	}{
		"zero":          {netset.Addrs{}, "none"},
		"all":           {netset.AllAddrs(), "0.0.0.0/0,::/0"},
		"IPv4":          {netset.AllIPv4(), "0.0.0.0/0"},
		"IPv6":          {netset.AllIPv6(), "::/0"},
		"no prefix":     {netset.AddrsOf(), "none"},
		"bad prefix":    {netset.AddrsOf(netip.Prefix{}, netip.MustParsePrefix("10.0.0.0/8")), "10.0.0.0/8"},
		"host bits":     {netset.AddrsOf(netip.MustParsePrefix("10.0.0.5/8")), "10.0.0.0/8"},
		"one":           {netset.OneAddr(ip("10.0.0.1")), "10.0.0.1/32"},
		"mapped":        {netset.OneAddr(ip("::ffff:10.0.0.1")), "10.0.0.1/32"},
		"invalid":       {netset.OneAddr(netip.Addr{}), "none"},
		"zone":          {netset.OneAddr(ip("fe80::1%e")), "none"},
		"zone at end":   {netset.AddrRange(ip("fe80::1"), ip("fe80::2%e")), "none"},
		"backwards":     {netset.AddrRange(ip("10.0.0.2"), ip("10.0.0.1")), "none"},
		"two families":  {netset.AddrRange(ip("10.0.0.2"), ip("::1")), "none"},
		"open end":      {netset.AddrRange(ip("10.0.0.2"), netip.Addr{}), "none"},
		"V4":            {netset.AllAddrs().V4(), "0.0.0.0/0"},
		"V6":            {netset.AllAddrs().V6(), "::/0"},
		"V4 of V6":      {netset.AllIPv6().V4(), "none"},
		"V6 of V4":      {netset.AllIPv4().V6(), "none"},
		"ends of lines": {addrs(t, "255.255.255.255,::"), "255.255.255.255/32,::/128"},
	} {
		if got := tc.got.String(); got != tc.want {
			t.Errorf("%s: got %s, want %s", what, got, tc.want)
		}
	}
	all := netset.AllAddrs()
	if !all.IsAll() || netset.AllIPv4().IsAll() || !netset.AllIPv4().Union(netset.AllIPv6()).IsAll() {
		t.Error("IsAll is wrong")
	}
	if all.Contains(netip.Addr{}) || all.Contains(ip("fe80::1%e")) {
		t.Error("an invalid address or one with a zone is held")
	}
	if m := ip("::ffff:10.0.0.1"); !netset.AllIPv4().Contains(m) || netset.AllIPv6().Contains(m) {
		t.Error("an IPv4-mapped address is not IPv4")
	}
	if _, ok := (netset.Addrs{}).First(); ok {
		t.Error("First of nothing")
	}
	if got, ok := addrs(t, "fd00::/8 10.0.0.0/8").First(); !ok || got != ip("10.0.0.0") {
		t.Errorf("First: got %v", got)
	}
	want := []netset.AddrSpan{{Lo: ip("10.0.0.0"), Hi: ip("10.0.0.3")}, {Lo: ip("::fffe:0:0"), Hi: ip("::fffe:ffff:ffff")}}
	got := addrs(t, "10.0.0.0/31 10.0.0.2/31 ::fffe:0:0/96").Ranges()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("Ranges (-want +got):\n%s", diff)
	}
}

func TestAddrsCount(t *testing.T) {
	for text, want := range map[string]string{
		"none":                       "0",
		"10.0.0.1":                   "1",
		"0.0.0.0/0":                  "4294967296",
		"::/0":                       "340282366920938463463374607427473244160", // 2^128 - 2^32
		"0.0.0.0/0 ::/0":             "340282366920938463463374607431768211456", // 2^128
		"fd00::/64 10.0.0.0/8":       "18446744073726328832",
		"::fffe:ffff:ffff":           "1",
		"::fffe:ffff:ffff ::1:0:0:0": "2",
		"::fffe:0:0/95":              "4294967296",
	} {
		if got := addrs(t, text).Count().String(); got != want {
			t.Errorf("Count of %s: got %s, want %s", text, got, want)
		}
	}
}

func TestAddrsJSON(t *testing.T) {
	type record struct{ CIDRs netset.Addrs }
	data, err := json.Marshal(record{addrs(t, "fd00::/8 10.0.0.0/8")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(data), `{"CIDRs":"10.0.0.0/8,fd00::/8"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var back record
	if err := json.Unmarshal(data, &back); err != nil || back.CIDRs.String() != "10.0.0.0/8,fd00::/8" {
		t.Errorf("got %v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"CIDRs":""}`), &back); err == nil || back.CIDRs.IsEmpty() {
		t.Errorf("got %v, %v, want an error and the old value", back, err)
	}
}

func TestAddrsNoAllocation(t *testing.T) {
	a, b, none, all := addrs(t, "10.0.0.0/8 fd00::/8"), addrs(t, "10.1.0.0/16"), netset.Addrs{}, netset.AllAddrs()
	held := 0
	got := testing.AllocsPerRun(100, func() {
		for _, s := range []netset.Addrs{
			a.Union(b), b.Union(a), a.Union(none), a.Union(all), a.Intersect(b), all.Intersect(a), none.Intersect(a),
			a.Subtract(none), a.Subtract(all), b.Subtract(netset.AllIPv6()), a.V4(), a.V6(),
		} {
			if !s.IsEmpty() {
				held++
			}
		}
	})
	if got != 0 || held == 0 {
		t.Errorf("got %v allocations, want 0", got)
	}
}

// corners are addresses near the ends of the families and of the IPv4-mapped block.
var corners = []string{
	"0.0.0.0", "0.0.0.1", "0.0.0.7", "9.255.255.255", "10.0.0.0", "10.0.0.6", "10.255.255.255", "255.255.255.254", "255.255.255.255",
	"::", "::1", "::fffd:ffff:ffff", "::fffe:0:0", "::fffe:ffff:fffe", "::fffe:ffff:ffff", "::1:0:0:0", "::1:0:0:1", "fd00::",
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
}

// A term is one range of a drawn set. It holds an address if lo <= address <= hi.
type term struct {
	lo, hi netip.Addr
	remove bool
}

type addrModel []term

func (m addrModel) holds(a netip.Addr) bool {
	held := false
	for _, t := range m {
		if t.lo.BitLen() == a.BitLen() && t.hi.BitLen() == a.BitLen() && !a.Less(t.lo) && !t.hi.Less(a) {
			held = !t.remove
		}
	}
	return held
}

// samples are all places where sets of these models may begin or end, with their neighbours.
func samples(models ...addrModel) []netip.Addr {
	var out []netip.Addr
	add := func(a netip.Addr) {
		for _, x := range []netip.Addr{a.Prev(), a, a.Next()} {
			if x.IsValid() && !x.Is4In6() {
				out = append(out, x)
			}
		}
	}
	for _, c := range corners {
		add(netip.MustParseAddr(c))
	}
	for _, m := range models {
		for _, t := range m {
			add(t.lo)
			add(t.hi)
		}
	}
	return out
}

func drawAddrs(t *rapid.T, label string) (netset.Addrs, addrModel) {
	var a netset.Addrs
	var m addrModel
	for range rapid.IntRange(0, 6).Draw(t, label+" terms") {
		lo := netip.MustParseAddr(rapid.SampledFrom(corners).Draw(t, label+" lo"))
		var n term
		var part netset.Addrs
		if rapid.Bool().Draw(t, label+" prefix") {
			p := netip.PrefixFrom(lo, rapid.IntRange(0, lo.BitLen()).Draw(t, label+" bits"))
			part = netset.AddrsOf(p)
			hi := p.Masked().Addr().AsSlice()
			for i := p.Bits(); i < lo.BitLen(); i++ {
				hi[i/8] |= 1 << (7 - i%8)
			}
			n.lo = p.Masked().Addr()
			n.hi, _ = netip.AddrFromSlice(hi)
		} else {
			n.lo, n.hi = lo, netip.MustParseAddr(rapid.SampledFrom(corners).Draw(t, label+" hi"))
			part = netset.AddrRange(n.lo, n.hi)
		}
		n.remove = rapid.IntRange(0, 3).Draw(t, label+" remove") == 0
		if n.remove {
			a = a.Subtract(part)
		} else {
			a = a.Union(part)
		}
		m = append(m, n)
	}
	return a, m
}

func checkAddrs(t *rapid.T, what string, got netset.Addrs, at []netip.Addr, want func(netip.Addr) bool) {
	t.Helper()
	some := false
	prefixes := got.Prefixes()
	for _, a := range at {
		w := want(a)
		some = some || w
		if g := got.Contains(a); g != w {
			t.Fatalf("%s = %v: contains %v: got %v, want %v", what, got, a, g, w)
		}
		if g := slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) }); g != w {
			t.Fatalf("%s = %v: prefixes hold %v: got %v, want %v", what, got, a, g, w)
		}
		if g := slices.ContainsFunc(got.Ranges(), func(r netset.AddrSpan) bool {
			return r.Lo.BitLen() == a.BitLen() && !a.Less(r.Lo) && !r.Hi.Less(a)
		}); g != w {
			t.Fatalf("%s = %v: ranges hold %v: got %v, want %v", what, got, a, g, w)
		}
	}
	if got.IsEmpty() == some {
		t.Fatalf("%s = %v: IsEmpty is %v", what, got, got.IsEmpty())
	}
	for i, p := range prefixes {
		if p != p.Masked() || p.Addr().Is4In6() {
			t.Fatalf("%s: bad prefix %v", what, p)
		}
		if i == 0 {
			continue
		}
		q := prefixes[i-1]
		if q.Overlaps(p) || p.Addr().Less(q.Addr()) {
			t.Fatalf("%s: prefixes %v and %v overlap or are out of order", what, q, p)
		}
		// A list of disjoint CIDRs is the shortest one when no two are the halves of one.
		if q.Bits() > 0 && q.Bits() == p.Bits() && netip.PrefixFrom(q.Addr(), q.Bits()-1).Masked() == netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked() {
			t.Fatalf("%s: prefixes %v and %v are one", what, q, p)
		}
	}
	count := new(big.Int)
	for _, p := range prefixes {
		count.Add(count, new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits())))
		// The IPv4-mapped block within is not counted: it is IPv4.
		if mapped := netip.MustParsePrefix("::fffe:0:0/95"); p.Addr().Is6() && p.Bits() <= 95 && p.Overlaps(mapped) {
			count.Sub(count, new(big.Int).Lsh(big.NewInt(1), 32))
		}
	}
	if got.Count().Cmp(count) != 0 {
		t.Fatalf("%s = %v: Count: got %v, want %v", what, got, got.Count(), count)
	}
	rebuilt := netset.AddrsOf(prefixes...)
	back, err := netset.ParseAddrs(got.String())
	if err != nil || !back.Equal(got) || !rebuilt.Equal(got) || rebuilt.Key() != got.Key() || rebuilt.String() != got.String() {
		t.Fatalf("%s: %v, but rebuilt %v, read back %v, %v", what, got, rebuilt, back, err)
	}
	if first, ok := got.First(); ok != some || ok && (!got.Contains(first) || first != prefixes[0].Addr()) {
		t.Fatalf("%s = %v: First: %v %v", what, got, first, ok)
	}
	if !got.V4().Union(got.V6()).Equal(got) || !netset.AllIPv4().Covers(got.V4()) || !netset.AllIPv6().Covers(got.V6()) {
		t.Fatalf("%s = %v: V4 %v, V6 %v", what, got, got.V4(), got.V6())
	}
}

func TestAddrsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, ma := drawAddrs(t, "a")
		b, mb := drawAddrs(t, "b")
		at := samples(ma, mb)
		checkAddrs(t, "a", a, at, ma.holds)
		checkAddrs(t, "a+b", a.Union(b), at, func(x netip.Addr) bool { return ma.holds(x) || mb.holds(x) })
		checkAddrs(t, "a*b", a.Intersect(b), at, func(x netip.Addr) bool { return ma.holds(x) && mb.holds(x) })
		checkAddrs(t, "a-b", a.Subtract(b), at, func(x netip.Addr) bool { return ma.holds(x) && !mb.holds(x) })

		covers, coveredBy, overlaps := true, true, false
		for _, x := range at {
			ina, inb := ma.holds(x), mb.holds(x)
			covers = covers && (ina || !inb)
			coveredBy = coveredBy && (inb || !ina)
			overlaps = overlaps || ina && inb
		}
		equal := covers && coveredBy
		got := []bool{a.Covers(b), b.Covers(a), a.Overlaps(b), a.Equal(b), a.Key() == b.Key(), a.String() == b.String()}
		if diff := cmp.Diff([]bool{covers, coveredBy, overlaps, equal, equal, equal}, got); diff != "" {
			t.Fatalf("a = %v, b = %v: covers, covered, overlaps, equal, key, text (-want +got):\n%s", a, b, diff)
		}
	})
}

func TestAddrsLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, _ := drawAddrs(t, "a")
		b, _ := drawAddrs(t, "b")
		c, _ := drawAddrs(t, "c")
		all := netset.AllAddrs()
		for law, sides := range map[string][2]netset.Addrs{
			"union commutes":     {a.Union(b), b.Union(a)},
			"intersect commutes": {a.Intersect(b), b.Intersect(a)},
			"union associates":   {a.Union(b).Union(c), a.Union(b.Union(c))},
			"distributes":        {a.Intersect(b.Union(c)), a.Intersect(b).Union(a.Intersect(c))},
			"de Morgan":          {all.Subtract(a.Union(b)), all.Subtract(a).Intersect(all.Subtract(b))},
			"complement twice":   {all.Subtract(all.Subtract(a)), a},
			"split":              {a.Subtract(b).Union(a.Intersect(b)), a},
		} {
			if !sides[0].Equal(sides[1]) {
				t.Fatalf("%s: a = %v, b = %v, c = %v: %v and %v", law, a, b, c, sides[0], sides[1])
			}
		}
		both := new(big.Int).Add(a.Union(b).Count(), a.Intersect(b).Count())
		if sum := new(big.Int).Add(a.Count(), b.Count()); both.Cmp(sum) != 0 {
			t.Fatalf("a = %v, b = %v: counts do not add up: %v and %v", a, b, both, sum)
		}
	})
}

func FuzzParseAddrs(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8,fd00::/8", "10.0.0.5-10.0.0.9", "none", "", "::ffff:10.0.0.0/104", "::fffe:ffff:ffff-::1:0:0:0", "fe80::1%e", "1.2.3.4/0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := netset.ParseAddrs(text)
		if err != nil {
			if !a.IsEmpty() {
				t.Fatalf("%v beside error %v", a, err)
			}
			return
		}
		if again := netset.AddrsOf(a.Prefixes()...); !again.Equal(a) || again.Key() != a.Key() {
			t.Fatalf("ParseAddrs(%q) = %v, by prefixes %v", text, a, again)
		}
		if s := a.String(); len(s) <= netset.MaxText {
			back, err := netset.ParseAddrs(s)
			if err != nil || !back.Equal(a) || back.String() != s {
				t.Fatalf("ParseAddrs(%q) = %v, read back as %v, %v", text, a, back, err)
			}
		}
		if rest := netset.AllAddrs().Subtract(a); rest.Overlaps(a) || !rest.Union(a).IsAll() {
			t.Fatalf("ParseAddrs(%q) = %v is not canonical", text, a)
		}
	})
}

func BenchmarkAddrs(b *testing.B) {
	x, y := addrs(b, "10.0.0.0/8 192.168.0.0/16 fd00::/8"), addrs(b, "10.128.0.0-11.0.0.9 172.16.0.0/12 fd00:1::/32")
	for _, bench := range []struct {
		name string
		run  func() netset.Addrs
	}{
		{"Union", func() netset.Addrs { return x.Union(y) }},
		{"Intersect", func() netset.Addrs { return x.Intersect(y) }},
		{"Subtract", func() netset.Addrs { return x.Subtract(y) }},
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
