package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

func parseConns(t *testing.T, s string) netset.Conns {
	t.Helper()
	c, err := netset.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parseAddrs(t *testing.T, s string) netset.Addrs {
	t.Helper()
	a, err := netset.ParseAddrs(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// The shape of the record is a promise, to the letter.
func TestListingRecord(t *testing.T) {
	e := reach.Edge{
		Src: reach.OfAddrs(parseAddrs(t, "10.0.0.0/8,fd00::/8")), Dst: reach.Peer{Entity: reach.OwnNode},
		Bounds: reach.Bounds{Must: parseConns(t, "tcp/80,443,8000-8100 icmp"), May: parseConns(t, "tcp udp/53 icmp")},
	}
	why := reach.Reason{Code: "pod-address", Msg: "the pod's address is not known", Pos: object.Pos{File: "a.yaml", Line: 3}}
	l := &Listing{Protocol: ListingProtocol, Connections: []Connection{
		ConnectionOf(e, []reach.Reason{why}),
		ConnectionOf(reach.Edge{Src: e.Dst, Dst: e.Src, Bounds: reach.Bounds{Must: e.Must, May: e.Must}}, nil),
	}, Problems: []object.Problem{}, Coverage: map[string]int{"files": 1}}
	var b bytes.Buffer
	if err := ListFormats[1].Write(&b, l, Options{}); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := json.Compact(&got, b.Bytes()); err != nil {
		t.Fatal(err)
	}
	want := `{"protocol":"bulkhead.dev/connections/v1","connections":[` +
		`{"src":{"cidrs":["10.0.0.0/8","fd00::/8"]},"dst":{"entity":"own-node"},` +
		`"must":[{"protocol":"TCP","ports":"80,443,8000-8100"},{"protocol":"ICMP","ports":""}],` +
		`"may":[{"protocol":"TCP","ports":"1-65535"},{"protocol":"UDP","ports":"53"},{"protocol":"ICMP","ports":""}],` +
		`"because":[{"code":"pod-address","message":"the pod's address is not known","pos":{"file":"a.yaml","line":3}}]},` +
		`{"src":{"entity":"own-node"},"dst":{"cidrs":["10.0.0.0/8","fd00::/8"]},` +
		`"must":[{"protocol":"TCP","ports":"80,443,8000-8100"},{"protocol":"ICMP","ports":""}],` +
		`"may":[{"protocol":"TCP","ports":"80,443,8000-8100"},{"protocol":"ICMP","ports":""}],"because":[]}],` +
		`"problems":[],"coverage":{"files":1}}`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPortsRoundTrip(t *testing.T) {
	for _, s := range []string{"none", "all", "tcp", "tcp/80", "tcp/1-79,81-65535 udp/53 sctp", "icmp", "other", "udp icmp other"} {
		c := parseConns(t, s)
		if got := conns(PortsOf(c)); !got.Equal(c) {
			t.Errorf("%s became %s", c, got)
		}
	}
}

func TestAddrs(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"0.0.0.0/0,::/0", "all addresses"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"10.0.0.0/8,fd00::/8", "10.0.0.0/8 and fd00::/8"},
		{"10.0.0.0/8,172.16.0.0/12,192.168.0.0/16", "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"},
		{"10.0.0.0/32,10.0.0.2/32,10.0.0.4/32,10.0.0.6/32,10.0.0.8/32,10.0.0.10/32,10.0.0.12/32,10.0.0.14/32", "10.0.0.0/32,10.0.0.2/32,10.0.0.4/32 and 5 more ranges"},
	} {
		if got := Addrs(parseAddrs(t, c.in)); got != c.want {
			t.Errorf("Addrs(%s) = %q, want %q", c.in, got, c.want)
		}
	}
	except := netset.AllIPv4().Subtract(parseAddrs(t, "10.0.0.0/8"))
	if got, want := Addrs(except), "0.0.0.0/0 except 10.0.0.0/8"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestVerdictOf(t *testing.T) {
	q := parseConns(t, "tcp/80,443")
	for _, c := range []struct {
		must, may string
		want      Verdict
	}{
		{"none", "none", Denied},
		{"none", "udp", Denied},
		{"tcp", "tcp", Allowed},
		{"tcp/80,443", "all", Allowed},
		{"tcp/80", "tcp/80", Partly},
		{"tcp/80", "tcp", Undecided},
		{"none", "tcp/443", Undecided},
	} {
		b := reach.Bounds{Must: parseConns(t, c.must), May: parseConns(t, c.may)}
		if got := VerdictOf(q, b); got != c.want {
			t.Errorf("must %s, may %s: got %s, want %s", c.must, c.may, got, c.want)
		}
	}
}

// Above manyPeers workloads the matrix joins them by namespace.
func TestMatrixOfManyWorkloads(t *testing.T) {
	l := &Listing{}
	for i := range 40 {
		name := "w" + strings.Repeat("x", i)
		l.Connections = append(l.Connections, Connection{
			Src: Peer{Kind: "Deployment", Namespace: "a", Name: name}, Dst: Peer{Kind: "Deployment", Namespace: "b", Name: name},
			May: PortsOf(netset.All()),
		})
	}
	var b bytes.Buffer
	if err := listMatrix(&b, l, Options{}); err != nil {
		t.Fatal(err)
	}
	want := "   FROM / TO    1  2\n1  namespace a  .  ?\n2  namespace b  .  .\n\nx some connection is allowed   ? undecided   . nothing is allowed\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "web": "web", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "\t=1": "' =1", "  =1": "'  =1", "a=b": "a=b", "\uff1dx": "'\uff1dx", "\r=1": "' =1",
	} {
		if got := cell(in); got != want {
			t.Errorf("cell(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\x1b[31mb": "a<U+001B>[31mb", "a\nb": "a b", "a\x00b": "a<U+0000>b", "a\u202eb": "a<U+202E>b", "a\u200bb": "a<U+200B>b",
		"\u009b2J": "<U+009B>2J", "a\xffb": `a\xffb`, "grün": "grün", "a\u2028b": "a<U+2028>b",
	} {
		if got := line(in); got != want {
			t.Errorf("line(%q) = %q, want %q", in, got, want)
		}
	}
}
