package reach

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
)

// Witness is one concrete packet. Addresses are empty when not known.
type Witness struct {
	Src, Dst         string
	SrcAddr, DstAddr string
	Protocol         netset.Protocol
	Port             uint16
}

// String gives "Deployment a/web -> Deployment b/db tcp/5432".
func (w Witness) String() string {
	end := func(name, addr string) string {
		if addr == "" || addr == name {
			return name
		}
		return name + " (" + addr + ")"
	}
	port := strings.ToLower(w.Protocol.String())
	if w.Port != 0 {
		port = fmt.Sprintf("%s/%d", port, w.Port)
	}
	return end(w.Src, w.SrcAddr) + " -> " + end(w.Dst, w.DstAddr) + " " + port
}

// Witness picks one packet out of conns, preferring a port that the destination listens on.
func (m *Model) Witness(src, dst Peer, conns netset.Conns) Witness {
	w := Witness{Src: name(src), Dst: name(dst), SrcAddr: address(src), DstAddr: address(dst)}
	w.Protocol, w.Port, _ = conns.First()
	var pods []*cluster.Pod
	switch {
	case dst.Workload != nil:
		pods = dst.Workload.Pods
	case dst.Pod != nil:
		pods = []*cluster.Pod{dst.Pod}
	}
	for _, p := range pods {
		for _, q := range p.Ports {
			if conns.Contains(q.Protocol, uint16(q.Number)) {
				w.Protocol, w.Port = q.Protocol, uint16(q.Number)
				return w
			}
		}
	}
	return w
}

func name(p Peer) string {
	if p.IsOutside() {
		return address(p)
	}
	return p.String()
}

// exampleAddrs is preferred for outside addresses: TEST-NET-3 and the IPv6 documentation range.
var exampleAddrs = [2]netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, 10}), netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 0x10})}

func address(p Peer) string {
	var ips []netip.Addr
	switch {
	case p.Pod != nil:
		ips = p.Pod.IPs
	case p.Workload != nil:
		ips = p.Workload.Pods[0].IPs
	case p.IsOutside():
		for _, a := range exampleAddrs {
			if p.Addrs.Contains(a) {
				return a.String()
			}
		}
		if a, ok := p.Addrs.First(); ok {
			return a.String()
		}
	}
	if len(ips) > 0 {
		return ips[0].String()
	}
	return ""
}
