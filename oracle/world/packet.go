package world

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
)

// End is one end of a packet: a pod with all its addresses, or an address outside.
type End struct {
	Pod  *corev1.Pod
	Addr netip.Addr // zero with a pod
}

// String is the pod's namespace and name, or the address.
func (e End) String() string {
	if e.Pod != nil {
		return e.Pod.Namespace + "/" + e.Pod.Name
	}
	return e.Addr.String()
}

func (e End) addrs() []netip.Addr {
	if e.Pod != nil {
		return Addrs(e.Pod)
	}
	return []netip.Addr{e.Addr}
}

// Packet is the first packet of a connection, whatever address family it takes.
type Packet struct {
	Src, Dst End
	Proto    corev1.Protocol
	Port     int32
}

// String is how a person would ask for it.
func (p Packet) String() string {
	return fmt.Sprintf("%s -> %s %s/%d", p.Src, p.Dst, p.Proto, p.Port)
}

// Protocols that packets may have besides those of corev1. Their port is 0.
const (
	ICMP corev1.Protocol = "ICMP" // an echo request, of either family
	GRE  corev1.Protocol = "GRE"  // one that no API has a name for
)

// Flow is a packet with its addresses. SrcPort is one that no policy names.
type Flow struct {
	Packet
	SrcAddr, DstAddr netip.Addr
	SrcPort          int
}

// Flows is the packet in each address family that both ends have.
func (p Packet) Flows() []Flow {
	var out []Flow
	for _, s := range p.Src.addrs() {
		for _, d := range p.Dst.addrs() {
			if s.Is4() == d.Is4() {
				out = append(out, Flow{p, s, d, 40123})
			}
		}
	}
	return out
}

// Packet draws one. Half of the ports are those that the destination declares.
func (d *Draw) Packet() Packet {
	p := Packet{Src: d.end(), Dst: d.end(), Proto: Pick(d, corev1.ProtocolTCP, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP), Port: d.Port()}
	if d.AnyProtocol && d.Often(1, 8) {
		p.Proto, p.Port = Pick(d, ICMP, GRE), 0
		return p
	}
	if p.Dst.Pod == nil || d.Often(1, 2) {
		return p
	}
	for _, c := range p.Dst.Pod.Spec.Containers {
		for _, port := range c.Ports {
			if d.Often(1, 2) {
				p.Port, p.Proto = port.ContainerPort, port.Protocol
				if p.Proto == "" {
					p.Proto = corev1.ProtocolTCP
				}
			}
		}
	}
	return p
}

func (d *Draw) end() End {
	if d.Often(1, 4) {
		return End{Addr: netip.MustParseAddr(Pick(d, outside...))}
	}
	for {
		if p := Pick(d, d.World.Pods...); p.Status.Phase == corev1.PodRunning {
			return End{Pod: p}
		}
	}
}
