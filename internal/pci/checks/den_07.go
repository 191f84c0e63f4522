package checks

import (
	"fmt"
	"strings"

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
	Fix:      "Correct the label, the namespace or the port, or delete the rule.",
	Evidence: "Each stale selector, peer and port with file and line, and what comes nearest to it in the input.",
	Run:      runDen07,
}

func runDen07(in *pci.Input) []pci.Finding {
	var found []pci.Finding
	holds := 0
	for i := range in.Policies.Policies {
		p := &in.Policies.Policies[i]
		before := len(found)
		_, possible := in.Model.SubjectPods(p)
		if len(possible) == 0 && len(p.Subject.Pods) > 0 {
			found = append(found, stale(p, p.Pos, "subject", fmt.Sprintf("selects no pod: nothing here is labelled %s%s", p.Subject.Pods, nearest(in, p.Subject.Namespace, p.Subject.Pods))))
		}
		for j := range p.Rules {
			found = append(found, staleRule(in, p, &p.Rules[j], possible)...)
		}
		if len(found) == before {
			holds++
		}
	}
	return withSummary(found, len(in.Policies.Policies), holds, "policies", "select pods, peers and ports that exist")
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
	everyone := false
	for k := range r.Peers {
		q := &r.Peers[k]
		_, pods := in.Model.PeerPods(q)
		peers = append(peers, pods...)
		if q.Kind != policy.PodPeer {
			everyone = true
			continue
		}
		if len(pods) == 0 && !elsewhere(in, q) {
			found = append(found, stale(p, q.Pos, fmt.Sprintf("%s.peer[%d]", r.Path, k), fmt.Sprintf("%s names a peer that matches nobody: %s%s", r.Path, peerText(q), nearest(in, q.Namespace, q.Pods))))
		}
	}
	targets := subjects
	if r.Direction == policy.Egress {
		if targets = peers; everyone {
			return found // addresses: what listens there is not in the input
		}
	}
	if len(targets) == 0 {
		return found
	}
	for _, n := range r.Named {
		if !declares(targets, n) {
			found = append(found, stale(p, n.Pos, r.Path+".port."+n.Name, fmt.Sprintf("%s lists port %q, which none of the %d pods it would be on declares for %s", r.Path, n.Name, len(targets), n.Protocol)))
		}
	}
	if len(r.Named) == 0 && !r.Conns.Covers(netset.Of(netset.TCP)) && !r.Conns.Covers(netset.Of(netset.UDP)) && !listens(targets, r.Conns) {
		found = append(found, stale(p, r.Pos, r.Path+".ports", fmt.Sprintf("%s lists %s, and none of the %d pods it would be on declares such a port%s", r.Path, r.Conns, len(targets), servicePort(in, targets, r.Conns))))
	}
	return found
}

// elsewhere tells whether a peer may well live outside the input: it names a namespace that the input does
// not hold, and the input does not claim to be everything.
func elsewhere(in *pci.Input, q *policy.Peer) bool {
	if in.Cluster.Complete {
		return false
	}
	if q.Namespace != "" {
		ns := in.Cluster.Namespace(q.Namespace)
		return ns == nil || !hasPods(in, ns.Name)
	}
	for _, ns := range in.Cluster.Namespaces {
		if q.NamespaceSelector.Matches(ns.Labels) && hasPods(in, ns.Name) {
			return false // the namespace is here, its pods are here, and none matches
		}
	}
	return true
}

func peerText(q *policy.Peer) string {
	where := "any namespace labelled " + q.NamespaceSelector.String()
	if q.Namespace != "" {
		where = "namespace " + q.Namespace
	}
	return "pods labelled " + q.Pods.String() + " in " + where
}

// nearest says which label comes closest to a selector that matches nobody: the same key with another
// value, or the same value under another key.
func nearest(in *pci.Input, namespace string, sel cluster.Selector) string {
	for _, r := range sel {
		if r.Op != cluster.In {
			continue
		}
		for _, p := range in.Cluster.Pods {
			if namespace != "" && p.Namespace.Name != namespace {
				continue
			}
			if v, ok := p.Labels[r.Key]; ok && len(r.Values) > 0 && near(v, r.Values[0]) && v != r.Values[0] {
				return fmt.Sprintf(" (%s has %s=%s)", p.Workload.Ref, r.Key, v)
			}
		}
	}
	return ""
}

// near tells whether two names look like one mistyped: one holds the other, or they differ in one letter.
func near(a, b string) bool {
	if strings.Contains(a, b) || strings.Contains(b, a) {
		return true
	}
	if len(a) != len(b) {
		return false
	}
	diff := 0
	for i := range len(a) {
		if a[i] != b[i] {
			diff++
		}
	}
	return diff == 1 || (diff == 2 && len(a) > 3) // two: neighbours swapped
}

func declares(pods []*cluster.Pod, n policy.NamedPort) bool {
	for _, p := range pods {
		for _, q := range p.Ports {
			if q.Name == n.Name && q.Protocol == n.Protocol {
				return true
			}
		}
	}
	return false
}

// listens tells whether some pod declares a port of conns, or a pod declares no ports at all (declaring
// them is optional, so nothing can be said then).
func listens(pods []*cluster.Pod, conns netset.Conns) bool {
	for _, p := range pods {
		if len(p.Ports) == 0 {
			return true
		}
		for _, q := range p.Ports {
			if conns.Contains(q.Protocol, uint16(q.Number)) {
				return true
			}
		}
	}
	return false
}

// servicePort says when the port is that of a Service in front of the pods: policies see the pod's port.
func servicePort(in *pci.Input, pods []*cluster.Pod, conns netset.Conns) string {
	for _, s := range in.Cluster.Services {
		for _, sp := range s.Ports {
			if !conns.Contains(sp.Protocol, uint16(sp.Port)) {
				continue
			}
			for _, p := range s.Pods {
				for _, q := range pods {
					if to, ok := sp.Target(p); p == q && ok && to != sp.Port {
						return fmt.Sprintf("; it is the port of %s, and policies see the pod's port, %d", s.Ref, to)
					}
				}
			}
		}
	}
	return ""
}
