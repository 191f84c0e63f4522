package checks

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

var cp06 = pci.Check{
	ID: "CP-06", Title: "the firewall of the nodes keeps strangers from what nodes listen on", Since: "0.1.0", Severity: pci.High,
	Requirements: []string{"1.2.5", "1.3.1", "2.2.4"}, Guidance: []string{"4.2"},
	Why: "Pod policies do not bind what nodes listen on: kubelet, etcd, the control plane, node ports, SSH. The firewall of the nodes is the only " +
		"thing in front of them.",
	Fix: "Let nodes and the control plane alone reach the ports of Kubernetes, administrators alone SSH, and load balancers alone the node ports.",
	Evidence: "The rules of the security groups (AWS), firewall rules (Google Cloud) and network security groups (Azure) in the input that let " +
		"something in, against the ports of Kubernetes; and what the packet filters of nodes let in to the node itself (iptables-save, nft -j list " +
		"ruleset). Node ports do not come to these chains of a node. Beside a cloud's firewall an open filter of a node is left to a person. " +
		"Sources: Kubernetes documentation, ports and protocols, set up Konnectivity service; Calico, Cilium, system requirements; Antrea, " +
		"pkg/apis/ports.go; OpenShift, network connectivity requirements; RKE2, requirements, inbound network rules; iptables(8); libnftables-json(5).",
	Run: runCp06,
}

// nodePorts is what nodes listen on, and for whom.
type nodePorts struct {
	what   string
	conns  netset.Conns
	nobody bool // not even nodes need it
	passed bool // nodes pass it on to pods, so it does not come to their filter for themselves
}

// portTable follows Kubernetes' documentation of its ports, and that of engines and distributions of theirs; SSH and
// RDP are what machines are managed with. Whoever can send to an overlay network is in it. WireGuard's ports are left
// out: they answer nobody without a key.
func portTable() []nodePorts {
	return []nodePorts{
		{"the kubelet's read-only port (tcp/10255)", tcp(10255), true, false},
		{"etcd (tcp/2379-2380)", netset.Ports(netset.TCP, 2379, 2380), false, false},
		{"the kubelet (tcp/10250)", tcp(10250), false, false},
		{"controller-manager and scheduler (tcp/10257, tcp/10259)", tcp(10257, 10259), false, false},
		{"kube-proxy's metrics (tcp/10249)", tcp(10249), false, false},
		{"the ways between nodes that engines lay (tcp/179, udp/4789, udp/6081, udp/8472)", tcp(179).Union(udp(4789, 6081, 8472)), false, false},
		{"the agents of engines (tcp/4240, tcp/4244, tcp/5473, tcp/10349-10351, udp/10351)", tcp(4240, 4244, 5473, 10349, 10350, 10351).Union(udp(10351)), false, false},
		{"what new nodes join by (tcp/9345, tcp/22623-22624)", tcp(9345, 22623, 22624), false, false},
		{"konnectivity (tcp/8132-8134)", tcp(8132, 8133, 8134), false, false},
		{"node ports (30000-32767)", netset.Ports(netset.TCP, 30000, 32767).Union(netset.Ports(netset.UDP, 30000, 32767)), false, true},
		{"SSH and RDP (tcp/22, tcp/3389)", tcp(22, 3389), false, false},
	}
}

func runCp06(in *pci.Input) []pci.Finding {
	rules, of := openings(in)
	if of == 0 {
		return []pci.Finding{{Status: pci.Manual, Key: "absent", Message: "What does the firewall of the nodes let in? Add it to the input: aws ec2 describe-security-groups, gcloud compute firewall-rules list --format json, az network nsg show, or of each node iptables-save > NODE.iptables or nft -j list ruleset > NODE.json."}}
	}
	var found []pci.Finding
	cloud := slices.ContainsFunc(rules, func(r opening) bool { return !r.node }) || of > len(nodeFirewalls(in))
	for i, r := range rules {
		for _, f := range judgeOpening(in, r) {
			if f.Status == pci.Fail && r.node && cloud {
				f.Status, f.Fix = pci.Manual, nil
				f.Message += ". Does the cloud's firewall in front of the node close it?"
			}
			f.Subject, f.Pos = r.object.Ref, r.pos
			f.Key = fmt.Sprintf("%s %s", r.name, f.Key)
			if slices.ContainsFunc(rules[:i], func(q opening) bool { return q.object == r.object && q.name == r.name }) {
				f.Key += fmt.Sprint(" ", i)
			}
			found = append(found, f)
		}
	}
	bad := map[string]bool{}
	for _, f := range found {
		bad[f.Pos.String()] = true
	}
	if len(rules) == 0 {
		return []pci.Finding{{Status: pci.Pass, Key: "summary", Message: fmt.Sprintf("%d firewalls let nothing in", of)}}
	}
	return withSummary(found, len(rules), max(0, len(rules)-len(bad)), "rules of firewalls", "let no stranger to the ports of Kubernetes")
}

func judgeOpening(in *pci.Input, r opening) []pci.Finding {
	if r.err != "" {
		return []pci.Finding{{Status: pci.Unknown, Key: "ports", Message: r.name + ": " + r.err}}
	}
	var wide, none, unsure, named []string
	public := r.addrs.Intersect(pci.PublicAddrs())
	strange := r.addrs.Subtract(in.Cluster.NodeAddrs)
	for _, p := range portTable() {
		if !r.conns.Overlaps(p.conns) || r.node && p.passed {
			continue
		}
		switch {
		case p.nobody && (!r.addrs.IsEmpty() || len(r.others) > 0 || r.own):
			none = append(none, p.what)
		case tooMany(r.addrs), !public.Subtract(in.Cluster.NodeAddrs).IsEmpty() && !p.conns.Contains(netset.TCP, 22):
			wide = append(wide, p.what)
		case !strange.IsEmpty():
			unsure = append(unsure, p.what)
		case len(r.others) > 0:
			named = append(named, p.what)
		}
	}
	var out []pci.Finding
	add := func(status pci.Status, key, format string, args ...any) {
		f := pci.Finding{Status: status, Key: key, Message: r.name + " " + fmt.Sprintf(format, args...)}
		if status == pci.Fail && r.after {
			f.Status = pci.Unknown
			f.Message += "; a rule that denies comes before it, and how much that takes back is not computed"
		}
		if f.Status == pci.Fail {
			f.Fix = &pci.Fix{Text: "name the group of the nodes or the networks of administrators as the source, or take the port out"}
		}
		out = append(out, f)
	}
	if len(none) > 0 {
		add(pci.Fail, "none", "opens %s, which nobody needs", listed(none))
	}
	if len(wide) > 0 {
		add(pci.Fail, "wide", "opens %s to %s", listed(wide), publicClients(r.addrs))
	}
	if len(unsure) > 0 {
		add(pci.Manual, "sources", "opens %s to %s. Are these nodes, load balancers or administrators, as the port asks for, and nobody else?", listed(unsure), someAddrs(strange))
	}
	if len(named) > 0 {
		add(pci.Manual, "named", "opens %s to %s. Are only nodes, the control plane or administrators in it?", listed(named), listed(r.others))
	}
	return out
}
