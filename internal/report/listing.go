package report

import (
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// ListingProtocol is the version of the record of connections.
const ListingProtocol = "bulkhead.dev/connections/v1"

// Listing is the record of "list": every allowed connection. Lists are never null. It is a versioned promise;
// fields are added, never changed.
type Listing struct {
	Protocol    string           `json:"protocol"`
	Connections []Connection     `json:"connections"`
	Exposure    []Exposed        `json:"exposure,omitempty"` // only when asked for
	Problems    []object.Problem `json:"problems"`
	Coverage    any              `json:"coverage"`

	// Source, if any, takes the place of Connections. What is written is the same.
	Source *Source `json:"-"`
}

// Connection is what one peer may open to another. Must is certain, May possible, Must a part of May.
// Because says why they differ and is empty when they do not.
type Connection struct {
	Src     Peer           `json:"src"`
	Dst     Peer           `json:"dst"`
	Must    []Ports        `json:"must"`
	May     []Ports        `json:"may"`
	Because []reach.Reason `json:"because"`

	exact *reach.Bounds // Must and May as sets, when the record was made here
}

// Peer is one end: a workload, addresses, an entity such as "own-node", or a DNS name; exactly one of them.
type Peer struct {
	Kind      string   `json:"kind,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
	Name      string   `json:"name,omitempty"`
	CIDRs     []string `json:"cidrs,omitempty"`
	Entity    string   `json:"entity,omitempty"`
	FQDN      string   `json:"fqdn,omitempty"`
}

// Ports is the ports of one protocol: "80,443,8000-8100", "1-65535" for all, "" for protocols without ports.
type Ports struct {
	Protocol string `json:"protocol"`
	Ports    string `json:"ports"`
}

// Exposed is one way in from outside the cluster.
type Exposed struct {
	Via         object.Ref `json:"via"`
	Pos         object.Pos `json:"pos"`
	Kind        string     `json:"kind"`   // "LoadBalancer", "NodePort", "Ingress", ...
	Public      string     `json:"public"` // "yes", "no", "unknown"
	Port        string     `json:"port"`   // "tcp/443", "all", "" when not known
	Host        string     `json:"host,omitempty"`
	Path        string     `json:"path,omitempty"`
	TLS         string     `json:"tls"`
	SourcesKept string     `json:"sourcesKept"` // does the pod see the client's address?
	Sources     []string   `json:"sources"`
	Targets     []Target   `json:"targets"`
	Because     []string   `json:"because"`
}

// Target is a workload behind an exposure. Must and May are what policies let pass from what the workload
// sees as the sender: the client, a node, or an ingress controller.
type Target struct {
	Workload Peer    `json:"workload"`
	Port     int     `json:"port"` // on the pod, 0 when not known
	Must     []Ports `json:"must"`
	May      []Ports `json:"may"`
}

// ConnectionOf makes the record of an edge. because is empty, and may be nil, when the edge is decided.
func ConnectionOf(e reach.Edge, because []reach.Reason) Connection {
	if because == nil {
		because = []reach.Reason{}
	}
	return Connection{Src: PeerOf(e.Src), Dst: PeerOf(e.Dst), Must: PortsOf(e.Must), May: PortsOf(e.May), Because: because, exact: &e.Bounds}
}

// PeerOf makes the record of a peer. Pods made by an owner go by their owner.
func PeerOf(p reach.Peer) Peer {
	ref := object.Ref{}
	switch {
	case p.Workload != nil:
		ref = p.Workload.Ref
	case p.Pod != nil:
		ref = p.Pod.Workload.Ref
	case p.Entity != "":
		return Peer{Entity: p.Entity}
	default:
		return Peer{CIDRs: CIDRs(p.Addrs)}
	}
	return Peer{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
}

// CIDRs lists the fewest prefixes that make up a; never nil.
func CIDRs(a netset.Addrs) []string {
	out := []string{}
	for _, p := range a.Prefixes() {
		out = append(out, p.String())
	}
	return out
}

// PortsOf lists c by protocol; never nil.
func PortsOf(c netset.Conns) []Ports {
	out := []Ports{}
	for _, p := range c.Protocols() {
		out = append(out, Ports{Protocol: p.String(), Ports: c.PortsText(p)})
	}
	return out
}

// conns is the inverse of PortsOf. What it can not read, of a record made elsewhere, is left out.
func conns(list []Ports) netset.Conns {
	var c netset.Conns
	for _, p := range list {
		text := p.Protocol
		if p.Ports != "" {
			text += "/" + p.Ports
		}
		if part, err := netset.Parse(text); err == nil {
			c = c.Union(part)
		}
	}
	return c
}

// String names the peer in few words: workloads by "Kind namespace/name", addresses shortened where they
// are many. The record holds them all.
func (p Peer) String() string {
	switch {
	case p.Entity != "":
		return p.Entity
	case p.FQDN != "":
		return p.FQDN
	case p.Kind != "":
		return object.Ref{Kind: p.Kind, Namespace: p.Namespace, Name: p.Name}.String()
	}
	a, err := netset.ParseAddrs(strings.Join(p.CIDRs, ","))
	if err != nil {
		return strings.Join(p.CIDRs, ",")
	}
	return Addrs(a)
}

// fewCIDRs is how many prefixes of a family are spelled out in text.
const fewCIDRs = 3

// Addrs is addresses in few words: "all addresses", "0.0.0.0/0 except 10.0.0.0/8".
func Addrs(a netset.Addrs) string {
	if a.IsAll() {
		return "all addresses"
	}
	var parts []string
	for _, f := range []struct {
		name     string
		all, has netset.Addrs
	}{{"0.0.0.0/0", netset.AllIPv4(), a.V4()}, {"::/0", netset.AllIPv6(), a.V6()}} {
		if f.has.IsEmpty() {
			continue
		}
		has, rest := CIDRs(f.has), CIDRs(f.all.Subtract(f.has))
		switch {
		case len(has) <= fewCIDRs:
			parts = append(parts, strings.Join(has, ","))
		case len(rest) < len(has):
			parts = append(parts, f.name+" except "+few(rest))
		default:
			parts = append(parts, few(has))
		}
	}
	return strings.Join(parts, " and ")
}

func few(cidrs []string) string {
	if len(cidrs) <= 2*fewCIDRs {
		return strings.Join(cidrs, ",")
	}
	return strings.Join(cidrs[:fewCIDRs], ",") + " and " + plural(len(cidrs)-fewCIDRs, "more range")
}
