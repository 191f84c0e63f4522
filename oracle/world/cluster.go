package world

import (
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
)

// namespaces and nodes is how many of them a world has; accounts is how many a namespace has.
const (
	namespaces = 3
	nodes      = 2
	accounts   = 2
)

// Limits leaves out what an engine does not read.
type Limits struct {
	NoHostNetwork bool
	NoIPv6        bool
	OneNode       bool // pods run on the first node, and host-network pods on the second
}

// Cluster draws nodes, namespaces, service accounts and pods. Pods have one or two address families.
func (d *Draw) Cluster(lim Limits) {
	w := d.World
	for i := range nodes {
		n := &corev1.Node{}
		n.TypeMeta, n.ObjectMeta = named("v1", "Node", "", fmt.Sprintf("n%d", i))
		n.Labels = d.Labels()
		n.Labels[corev1.LabelHostname] = n.Name
		n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("172.18.0.%d", 2+i)}}
		if !lim.NoIPv6 {
			n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: fmt.Sprintf("fd00:18::%d", 2+i)})
		}
		w.Nodes = append(w.Nodes, n)
	}
	for i := range namespaces {
		ns := &corev1.Namespace{}
		ns.TypeMeta, ns.ObjectMeta = named("v1", "Namespace", "", fmt.Sprintf("ns%d", i))
		ns.Labels = d.Labels()
		ns.Labels[corev1.LabelMetadataName] = ns.Name
		w.Namespaces = append(w.Namespaces, ns)
		for j := range accounts {
			sa := &corev1.ServiceAccount{}
			sa.TypeMeta, sa.ObjectMeta = named("v1", "ServiceAccount", ns.Name, fmt.Sprintf("sa%d", j))
			sa.Labels = d.Labels()
			w.Accounts = append(w.Accounts, sa)
		}
	}
	stack := d.IntN(3) // 0: IPv4, 1: IPv6, 2: both, pod by pod
	for i := range 4 + d.IntN(5) {
		families := stack
		if stack == 2 {
			families = d.IntN(3)
		}
		if lim.NoIPv6 {
			families = 0
		}
		d.pod(i, families, lim)
	}
	d.finishedPod()
}

func (d *Draw) pod(i, families int, lim Limits) {
	p := &corev1.Pod{}
	p.TypeMeta, p.ObjectMeta = named("v1", "Pod", d.Namespace(), fmt.Sprintf("pod%d", i))
	p.Labels = d.Labels()
	p.Status.Phase = corev1.PodRunning
	p.Spec.ServiceAccountName = fmt.Sprintf("sa%d", d.IntN(accounts))
	node := d.World.Nodes[d.IntN(nodes)]
	host := !lim.NoHostNetwork && d.Often(1, 6)
	if lim.OneNode {
		node = d.World.Nodes[0]
		if host {
			node = d.World.Nodes[1]
		}
	}
	p.Spec.NodeName = node.Name
	subnet := d.IntN(4)
	ips := []string{fmt.Sprintf("10.%d.2.%d", 1+subnet%2, 3+i), fmt.Sprintf("fd00:%d::%d", 1+subnet/2, 3+i)}
	if host {
		p.Spec.HostNetwork = true
		ips, families = nil, 2 // a node has every family
		for _, a := range node.Status.Addresses {
			ips = append(ips, a.Address)
		}
	}
	switch {
	case families == 0 || lim.NoIPv6:
		ips = ips[:1]
	case families == 1:
		ips = ips[1:]
	}
	for _, ip := range ips {
		p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: ip})
	}
	p.Status.PodIP = ips[0]
	d.containers(p)
	d.World.Pods = append(d.World.Pods, p)
}

// containers draws one or two of them. A port's name is there once in a pod, as the API server asks; its number differs from pod to pod.
func (d *Draw) containers(p *corev1.Pod) {
	p.Spec.Containers = make([]corev1.Container, 1+d.IntN(2))
	used := map[string]bool{}
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		c.Name, c.Image = fmt.Sprintf("c%d", i), "image"
		for range d.IntN(3) {
			port := corev1.ContainerPort{ContainerPort: d.Port(), Name: d.PortName()}
			if used[port.Name] {
				continue
			}
			used[port.Name] = true
			switch d.IntN(5) {
			case 0: // TCP by default
			case 1:
				port.Protocol = corev1.ProtocolUDP
			case 2:
				port.Protocol = corev1.ProtocolSCTP
			default:
				port.Protocol = corev1.ProtocolTCP
			}
			if p.Spec.HostNetwork {
				port.HostPort = port.ContainerPort // the API server sets it
			}
			c.Ports = append(c.Ports, port)
		}
	}
}

// finishedPod leaves a pod behind that ended, and whose address a running pod has now.
func (d *Draw) finishedPod() {
	heir := d.World.Pods[d.IntN(len(d.World.Pods))]
	if heir.Spec.HostNetwork || !d.Often(1, 2) {
		return
	}
	p := heir.DeepCopy()
	p.Name, p.Namespace = "finished", d.Namespace()
	p.Labels = d.Labels()
	p.Status.Phase = Pick(d, corev1.PodSucceeded, corev1.PodFailed)
	d.World.Pods = append(d.World.Pods, p)
}

// Addrs are the addresses of a pod.
func Addrs(p *corev1.Pod) []netip.Addr {
	var out []netip.Addr
	for _, ip := range p.Status.PodIPs {
		out = append(out, netip.MustParseAddr(ip.IP))
	}
	return out
}
