package main

import (
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"web", "web", 0}, {"wbe", "web", 2}, {"db", "dv", 1}, {"frontend", "backend", 5}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

// Nothing private may count as internet, and a family that the cluster does not have is not asked about.
func TestInternetHoldsNoPrivateAddress(t *testing.T) {
	private, err := netset.ParseAddrs("10.1.2.3,169.254.169.254,192.168.0.1,172.16.0.1,100.64.0.1,127.0.0.1,fd00::1,fe80::1,::1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		c    *cluster.Cluster
		want netset.Addrs
	}{
		{&cluster.Cluster{IPv4: true}, netset.AllIPv4()},
		{&cluster.Cluster{IPv6: true}, netset.AllIPv6()},
		{&cluster.Cluster{IPv4: true, IPv6: true}, netset.AllAddrs()},
	} {
		got := namer{c: c.c}.internet()
		if got.IsEmpty() || !c.want.Covers(got) || got.Overlaps(private) {
			t.Errorf("got %s", got)
		}
	}
	if got := (namer{c: &cluster.Cluster{IPv4: true, PodCIDRs: netset.AllIPv4()}}).internet(); !got.IsEmpty() {
		t.Errorf("the cluster's own addresses count as internet: %s", got)
	}
}

func TestSplitPort(t *testing.T) {
	for _, c := range []struct {
		args    []string
		port    string
		sources int
		err     bool
	}{
		{args: nil},
		{args: []string{"443", "x"}, port: "443", sources: 1},
		{args: []string{"tcp/80,443 udp/53", "x", "y"}, port: "tcp/80,443 udp/53", sources: 2},
		{args: []string{"http", "x"}, port: "http", sources: 1},
		{args: []string{"-"}, sources: 1},
		{args: []string{"./443"}, sources: 1},
		{args: []string{"testdata", "x"}, sources: 2},
		{args: []string{"*.yaml"}, sources: 1},
		{args: []string{"tcp/0", "x"}, err: true},
		{args: []string{"99999", "x"}, err: true},
		{args: []string{"no_such_thing", "x"}, err: true},
	} {
		port, sources, err := splitPort(c.args)
		if (err != nil) != c.err {
			t.Errorf("splitPort(%q): error %v, want one: %v", c.args, err, c.err)
			continue
		}
		if port != c.port || len(sources) != c.sources {
			t.Errorf("splitPort(%q) = %q, %d sources; want %q, %d", c.args, port, len(sources), c.port, c.sources)
		}
	}
}
