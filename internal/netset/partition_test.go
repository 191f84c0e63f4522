package netset_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

func TestPartition(t *testing.T) {
	for _, tc := range []struct {
		sets, want []string
	}{
		{nil, []string{"0.0.0.0/0,::/0"}},
		{[]string{"none"}, []string{"0.0.0.0/0,::/0"}},
		{[]string{"0.0.0.0/0,::/0"}, []string{"0.0.0.0/0,::/0"}},
		{[]string{"0.0.0.0/0"}, []string{"0.0.0.0/0", "::/0"}},
		{[]string{"::/0", "::/0"}, []string{"0.0.0.0/0", "::/0"}},
		{[]string{"0.0.0.0/1"}, []string{"0.0.0.0/1", "128.0.0.0/1,::/0"}},
		// Two sets that swap at one address.
		{[]string{"0.0.0.0/1", "128.0.0.0/1"}, []string{"0.0.0.0/1", "128.0.0.0/1", "::/0"}},
		// One piece from both families, and one on both sides of another.
		{[]string{"64.0.0.0/2,::/1"}, []string{"0.0.0.0/2,128.0.0.0/1,8000::/1", "64.0.0.0/2,::/1"}},
		{[]string{"0.0.0.0/1", "0.0.0.0/2"}, []string{"0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/1,::/0"}},
	} {
		var sets []netset.Addrs
		for _, s := range tc.sets {
			sets = append(sets, addrs(t, s))
		}
		var got []string
		for _, p := range netset.Partition(sets...) {
			got = append(got, p.String())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("Partition(%v) (-want +got):\n%s", tc.sets, diff)
		}
	}
}

func TestPartitionAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sets []netset.Addrs
		var models []addrModel
		for i := range rapid.IntRange(0, 9).Draw(t, "sets") {
			s, m := drawAddrs(t, fmt.Sprint(i))
			sets, models = append(sets, s), append(models, m)
		}
		pieces := netset.Partition(sets...)
		pieceOf := map[string]int{}
		used := map[int]bool{}
		for _, a := range samples(models...) {
			var sign strings.Builder
			for _, m := range models {
				fmt.Fprint(&sign, m.holds(a), " ")
			}
			in := -1
			for i, p := range pieces {
				if p.Contains(a) {
					if in >= 0 {
						t.Fatalf("%v is in pieces %d and %d of %v", a, in, i, pieces)
					}
					in = i
				}
			}
			if in < 0 {
				t.Fatalf("%v is in no piece of %v", a, pieces)
			}
			if want, ok := pieceOf[sign.String()]; ok && want != in {
				t.Fatalf("%v is in piece %d, others like it in %d of %v", a, in, want, pieces)
			}
			pieceOf[sign.String()] = in
			used[in] = true
		}
		if len(pieceOf) != len(pieces) || len(used) != len(pieces) {
			t.Fatalf("%d memberships in %d pieces: %v", len(pieceOf), len(pieces), pieces)
		}
		var together netset.Addrs
		last := netip.Addr{}
		for i, p := range pieces {
			together = together.Union(p)
			first, ok := p.First()
			if !ok || i > 0 && !last.Less(first) {
				t.Fatalf("piece %d of %v is empty or out of order", i, pieces)
			}
			last = first
			if again := netset.AddrsOf(p.Prefixes()...); again.Key() != p.Key() {
				t.Fatalf("piece %v is not canonical", p)
			}
			for _, s := range sets {
				if s.Overlaps(p) && !s.Covers(p) {
					t.Fatalf("set %v holds part of piece %v", s, p)
				}
			}
		}
		if !together.IsAll() {
			t.Fatalf("pieces hold %v together", together)
		}
	})
}

// nested gives n sets, each within the one before, so that memberships are as large as they get.
func nested(n int) []netset.Addrs {
	sets := make([]netset.Addrs, n)
	for i := range sets {
		lo, hi := [4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}, [4]byte{200, 255 - byte(i>>16), 255 - byte(i>>8), 255 - byte(i)}
		sets[i] = netset.AddrRange(netip.AddrFrom4(lo), netip.AddrFrom4(hi))
	}
	return sets
}

func TestPartitionMany(t *testing.T) {
	const n = 20_000
	pieces := netset.Partition(nested(n)...)
	if got, want := len(pieces), n+1; got != want {
		t.Fatalf("got %d pieces, want %d", got, want)
	}
	if got, want := pieces[1].String(), "10.0.0.0/32,200.255.255.255/32"; got != want {
		t.Errorf("second piece: got %s, want %s", got, want)
	}
}

func BenchmarkPartition(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			sets := nested(n)
			b.ReportAllocs()
			for b.Loop() {
				if got := len(netset.Partition(sets...)); got != n+1 {
					b.Fatalf("got %d pieces", got)
				}
			}
		})
	}
}
