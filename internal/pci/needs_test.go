package pci_test

import (
	"testing"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

const register = `  zones:
    - {name: card, scope: cde, podSelector: {matchLabels: {app: pay}}}
    - {name: web, scope: connected-to, podSelector: {matchLabels: {app: web}}}
    - {name: office, scope: connected-to, cidrs: [10.50.0.0/16]}
    - {name: hosts, scope: security-impacting, cidrs: [192.168.0.0/24]}
  entries:
    - {service: a/front, ports: tcp/443, justification: j}
    - {workload: a/web, justification: j}
  needs:
    - {id: F-1, from: internet, to: card, ports: "tcp/443", justification: j}
    - {id: F-2, from: office, to: card, ports: "tcp/443,8443", justification: j}
    - {id: F-3, from: web, to: card, ports: "tcp/5432", justification: j}
    - {id: F-4, from: card, to: internet, ports: "tcp/443", justification: j}
    - {id: F-5, from: card, to: 198.51.100.0/25, ports: "tcp/25", justification: j}
    - {id: F-6, from: card, to: 198.51.100.128/25, ports: "tcp/25", justification: j}
    - {id: F-7, from: hosts, to: a/web, ports: "tcp/10256", justification: j}
    - {id: F-8, from: web, to: nowhere, ports: "tcp/1", justification: j}
`

func registered(t *testing.T) (*cluster.Cluster, *pci.Input) {
	t.Helper()
	addrs := func(s string) netset.Addrs { a, _ := netset.ParseAddrs(s); return a }
	c, _ := cluster.New(read(t, map[string]string{"shop.yaml": shop, "s.yaml": head + register}), cluster.Options{
		PodCIDRs: addrs("10.244.0.0/16"), ServiceCIDRs: addrs("10.96.0.0/16"), NodeCIDRs: addrs("192.168.0.0/24"),
	})
	intent, _ := pci.ReadIntent(c)
	scope, _ := pci.ScopeOf(c, intent, pci.ScopeLabel{})
	return c, &pci.Input{Cluster: c, Intent: intent, Scope: scope}
}

func workload(t *testing.T, c *cluster.Cluster, name string) *cluster.Workload {
	t.Helper()
	for _, w := range c.Workloads {
		if w.Ref.Name == name {
			return w
		}
	}
	t.Fatalf("no workload %s", name)
	return nil
}

// TestCovered: a need covers a connection only for every address and every pod of the flow.
func TestCovered(t *testing.T) {
	c, in := registered(t)
	w := func(name string) reach.Peer { return reach.OfWorkload(workload(t, c, name)) }
	a := func(text string) reach.Peer {
		s, err := netset.ParseAddrs(text)
		if err != nil {
			t.Fatal(err)
		}
		return reach.OfAddrs(s)
	}
	nodes := reach.Peer{Entity: reach.Nodes}
	for name, tc := range map[string]struct {
		src, dst            reach.Peer
		conns, want, needID string
	}{
		"internet":                                       {a("203.0.113.0/24"), w("pay"), "tcp/80,443", "tcp/443", "F-1"},
		"everyone, two needs together":                   {reach.OfAddrs(netset.AllAddrs()), w("pay"), "tcp/443,8443", "tcp/443", "F-1"},
		"the office is no internet":                      {a("10.50.1.0/24"), w("pay"), "tcp/443,8443", "tcp/443,8443", "F-2"},
		"part of the sources is not declared":            {a("10.50.0.0/15"), w("pay"), "tcp/8443", "none", ""},
		"as a source the internet has private addresses": {a("172.16.0.0/12"), w("pay"), "tcp/443", "tcp/443", "F-1"},
		"nodes are not the internet":                     {a("192.168.0.0/24"), w("pay"), "tcp/443", "none", ""},
		"zone to zone":                                   {w("web"), w("pay"), "tcp/5432,6379", "tcp/5432", "F-3"},
		"not the other way":                              {w("pay"), w("web"), "tcp/5432", "none", ""},
		"one pod":                                        {reach.OfPod(workload(t, c, "web").Pods[0]), w("pay"), "tcp/5432", "tcp/5432", "F-3"},
		"a stranger":                                     {w("far"), w("pay"), "tcp/443,5432", "none", ""},
		"to the internet":                                {w("pay"), a("8.8.8.0/24"), "tcp/443 udp/53", "tcp/443", "F-4"},
		"to private addresses":                           {w("pay"), a("172.16.0.0/12"), "tcp/443", "none", ""},
		"to metadata":                                    {w("pay"), a("169.254.169.254"), "tcp/443", "none", ""},
		"to all addresses":                               {w("pay"), reach.OfAddrs(netset.AllAddrs()), "tcp/443", "none", ""},
		"two CIDRs make one":                             {w("pay"), a("198.51.100.0/24"), "tcp/25", "tcp/25", "F-5"},
		"one CIDR is half":                               {w("pay"), a("198.51.100.0/23"), "tcp/25", "none", ""},
		"nodes by their zone":                            {nodes, w("web"), "tcp/10256", "tcp/10256", "F-7"},
		"nodes elsewhere":                                {nodes, w("pay"), "tcp/443", "none", ""},
		"an end that is nowhere":                         {w("web"), a("203.0.113.1"), "tcp/1", "none", ""},
	} {
		t.Run(name, func(t *testing.T) {
			conns, err := netset.Parse(tc.conns)
			if err != nil {
				t.Fatal(err)
			}
			got, need := in.Covered(tc.src, tc.dst, conns)
			id := ""
			if need != nil {
				id = need.ID
			}
			if got.String() != tc.want || id != tc.needID {
				t.Errorf("got %s by %q, want %s by %q", got, id, tc.want, tc.needID)
			}
		})
	}
	if got, need := (&pci.Input{Cluster: c}).Covered(w("web"), w("pay"), netset.All()); !got.IsEmpty() || need != nil {
		t.Error("without an intent nothing is covered")
	}
	if !in.NeedsFrom(workload(t, c, "web")) || in.NeedsFrom(workload(t, c, "far")) || (&pci.Input{}).NeedsFrom(workload(t, c, "web")) {
		t.Error("needs begin at web and not at far")
	}
}

func TestEntryFor(t *testing.T) {
	c, in := registered(t)
	web, pay := workload(t, c, "web"), workload(t, c, "pay")
	svc := func(name string) object.Ref { return object.Ref{Kind: "Service", Namespace: "a", Name: name} }
	if e := in.EntryFor(svc("front"), nil); e == nil || e.Conns.String() != "tcp/443" {
		t.Errorf("by name: got %v", e)
	}
	if e := in.EntryFor(svc("other"), []*cluster.Workload{web}); e == nil || !e.Conns.IsAll() {
		t.Errorf("by workload: got %v", e)
	}
	for _, targets := range [][]*cluster.Workload{nil, {pay}, {web, pay}} {
		if e := in.EntryFor(svc("other"), targets); e != nil {
			t.Errorf("targets %v: got %v, want none", targets, e)
		}
	}
	if (&pci.Input{}).EntryFor(svc("front"), nil) != nil {
		t.Error("without an intent nothing is declared")
	}
}

func TestAddresses(t *testing.T) {
	if pci.PublicAddrs().Overlaps(pci.PrivateAddrs()) {
		t.Error("an address is public or private, not both")
	}
}

// TestClearText: the table is sorted, says everything, and has each port once.
func TestClearText(t *testing.T) {
	var last pci.Service
	for i, s := range pci.ClearText() {
		if s.Name == "" || s.Instead == "" || s.Port < 1 || s.Port > 65535 {
			t.Errorf("%+v is not complete", s)
		}
		if i > 0 && (s.Protocol < last.Protocol || s.Protocol == last.Protocol && s.Port <= last.Port) {
			t.Errorf("%d/%s stands after %d/%s", s.Port, s.Protocol, last.Port, last.Protocol)
		}
		last = s
	}
}

// TestCoveredNeeds: what is only proposed covers nothing, and what ended covers nothing any more.
func TestCoveredNeeds(t *testing.T) {
	const needs = `  needs:
    - {id: F-1, from: a/web, to: a/pay, ports: tcp/1, justification: j}
    - {id: F-2, from: a/web, to: a/pay, ports: tcp/2, justification: j, proposed: true}
    - {id: F-3, from: a/web, to: a/pay, ports: tcp/3, justification: j, expires: "2026-06-30"}
`
	for today, want := range map[string]string{"2026-06-30": "tcp/1,3", "2026-07-01": "tcp/1", "": "tcp/1"} {
		c, intent, problems := build(t, head+needs)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		in := &pci.Input{Cluster: c, Intent: intent, Today: today}
		covered, _ := in.Covered(reach.OfWorkload(workload(t, c, "web")), reach.OfWorkload(workload(t, c, "pay")), netset.All())
		if covered.String() != want {
			t.Errorf("on %q: got %s, want %s", today, covered, want)
		}
	}
}
