package checks

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
)

var den07 = pci.Check{
	ID: "DEN-07", Title: "policies select, name and list what exists", Since: "0.1.0", Severity: pci.Low,
	Requirements: []string{"1.2.7"},
	Why: "A selector with a typing error, a peer that matches nobody or a port that nothing listens on is a rule that does not do " +
		"what it looks like: the pods stay open, or the connection stays closed.",
	Fix: "Correct the label, the namespace or the port, or delete the rule.",
	Evidence: "Each stale selector, peer and port with file and line, and what comes nearest to it in the input. " +
		"It is quiet where pods may be made elsewhere: in namespaces the input holds nothing of, by operators, or for optional peers of charts.",
	Run: runDen07,
}

func runDen07(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	of, holds := 0, 0
	for i := range in.Policies.Policies {
		p := &in.Policies.Policies[i]
		if len(p.Doubts) > 0 {
			continue // not understood: what it names can not be told
		}
		of++
		before := len(found)
		_, subjects := in.Model.SubjectPods(p)
		if len(p.Subjects) == 1 && len(p.Subjects[0].Pods) > 0 {
			whom := policy.Peer{Kind: policy.PodPeer, Term: p.Subjects[0]}
			if why := absent(in, &whom); why != "" {
				found = append(found, stale(p, p.Pos, "subject", "binds no pod: "+why))
			}
		}
		for j := range p.Rules {
			found = append(found, staleRule(in, p, &p.Rules[j], subjects)...)
		}
		if len(found) == before {
			holds++
		}
	}
	return withSummary(found, of, holds, "policies", "name nothing that the input shows to be missing")
}

func stale(p *policy.Policy, pos object.Pos, key, msg string) pci.Finding {
	return pci.Finding{
		Status: pci.Fail, Subject: p.Ref, Pos: pos, Message: msg, Key: key,
		Because: []pci.Because{{Ref: p.Ref, Pos: pos, Msg: "has no effect as written"}},
		Fix:     &pci.Fix{Text: "correct it, or delete it"},
	}
}

func staleRule(in *pci.Input, p *policy.Policy, r *policy.Rule, subjects []*cluster.Pod) []pci.Finding {
	var found []pci.Finding
	var peers []*cluster.Pod
	allKnown := true // every pod that the peers match is in the input
	fromChart := chart(in, p)
	for k := range r.Peers {
		q := &r.Peers[k]
		if q.Kind != policy.PodPeer {
			allKnown = false
			continue
		}
		_, pods := in.Model.PeerPods(q)
		peers = append(peers, pods...)
		allKnown = allKnown && !elsewhere(in, q)
		why := ""
		if len(pods) == 0 {
			why = absent(in, q)
		}
		if and := meantAnd(in, p, r, q); and != "" && len(pods) == 0 {
			why = and
		} else if fromChart && alivePeer(in, r) {
			continue // charts list peers that are not always installed
		}
		if why != "" {
			found = append(found, stale(p, q.Pos, fmt.Sprintf("%s.peer[%d]", r.Path, k), r.Path+" names a peer that matches nobody: "+why))
		}
	}
	targets := subjects
	if r.Direction == policy.Egress {
		if targets = peers; !allKnown {
			return found // what listens there is not in the input
		}
	}
	// A rule of the mesh is made of the ports that a proxy treats alike, not of those the policy lists.
	if len(targets) > 0 && len(r.Doubts) == 0 && p.Layer == policy.Network {
		found = append(found, stalePorts(in, p, r, targets, fromChart)...)
	}
	return found
}

func stalePorts(in *pci.Input, p *policy.Policy, r *policy.Rule, targets []*cluster.Pod, fromChart bool) []pci.Finding {
	var found []pci.Finding
	numbers := !r.Conns.IsEmpty() && listens(in, targets, r.Conns)
	alive := numbers || slices.ContainsFunc(r.Named, func(n policy.NamedPort) bool { return declares(targets, n) })
	for _, n := range r.Named {
		if !declares(targets, n) && (!fromChart || !alive) {
			found = append(found, stale(p, n.Pos, r.Path+".port."+n.Name, fmt.Sprintf("%s lists port %q for %s, which none of the %d pods it would be on declares%s",
				r.Path, n.Name, n.Protocol, len(targets), declaredElsewhere(in, targets, n))))
		}
	}
	if len(r.Named) == 0 && !numbers && wholeProtocols(r.Conns).IsEmpty() && !r.Conns.IsEmpty() {
		found = append(found, stale(p, r.Pos, r.Path+".ports", fmt.Sprintf("%s lists %s, and none of the %d pods it would be on declares such a port%s", r.Path, r.Conns, len(targets), portHint(in, targets, r.Conns))))
	}
	return found
}

func declares(pods []*cluster.Pod, n policy.NamedPort) bool {
	return slices.ContainsFunc(pods, func(p *cluster.Pod) bool {
		return slices.ContainsFunc(p.Ports, func(q cluster.Port) bool { return q.Name == n.Name && q.Protocol == n.Protocol })
	})
}

// declaredElsewhere says where a port of that name is: on these pods for another protocol, or on others.
func declaredElsewhere(in *pci.Input, targets []*cluster.Pod, n policy.NamedPort) string {
	for _, p := range slices.Concat(targets, in.Cluster.Pods) {
		for _, q := range p.Ports {
			if q.Name == n.Name {
				return fmt.Sprintf("; %s declares it for %s", p.Workload.Ref, q.Protocol)
			}
		}
	}
	return ""
}

// listens tells whether some pod is known to listen on a port of conns: by a port it declares, or by a
// Service that leads there. Declaring ports is optional, so it is also true for a pod that declares none,
// unless conns is the port of a Service that leads elsewhere.
func listens(in *pci.Input, pods []*cluster.Pod, conns netset.Conns) bool {
	for _, p := range pods {
		for _, q := range p.Ports {
			if conns.Contains(q.Protocol, uint16(q.Number)) {
				return true
			}
		}
		for _, s := range in.ServicesOf(p.Workload) {
			if !slices.Contains(s.Pods, p) {
				continue
			}
			for _, sp := range s.Ports {
				if to, ok := sp.Target(p); ok && conns.Contains(sp.Protocol, uint16(to)) {
					return true
				}
			}
		}
	}
	undeclared := slices.ContainsFunc(pods, func(p *cluster.Pod) bool { return len(p.Ports) == 0 })
	return undeclared && servicePort(in, pods, conns) == ""
}

func portHint(in *pci.Input, pods []*cluster.Pod, conns netset.Conns) string {
	if s := servicePort(in, pods, conns); s != "" {
		return s
	}
	for _, p := range pods {
		for _, q := range p.Ports {
			for _, other := range conns.Protocols() {
				if conns.Contains(other, uint16(q.Number)) {
					return fmt.Sprintf("; %s declares %d for %s, and a port without protocol means TCP", p.Workload.Ref, q.Number, q.Protocol)
				}
			}
		}
	}
	return ""
}

// servicePort says when the port is that of a Service in front of the pods: policies see the pod's port.
func servicePort(in *pci.Input, pods []*cluster.Pod, conns netset.Conns) string {
	var services []*cluster.Service
	for i, p := range pods {
		if i == 0 || p.Workload != pods[i-1].Workload {
			services = append(services, in.ServicesOf(p.Workload)...)
		}
	}
	slices.SortFunc(services, func(a, b *cluster.Service) int {
		return cmp.Or(a.Ref.Compare(b.Ref), a.Object.Pos.Compare(b.Object.Pos))
	})
	for _, s := range slices.Compact(services) {
		for _, sp := range s.Ports {
			if !conns.Contains(sp.Protocol, uint16(sp.Port)) {
				continue
			}
			for _, p := range s.Pods {
				if to, ok := sp.Target(p); ok && to != sp.Port && slices.Contains(pods, p) {
					return fmt.Sprintf("; it is the port of %s, and policies see the pod's port, %d", s.Ref, to)
				}
			}
		}
	}
	return ""
}
