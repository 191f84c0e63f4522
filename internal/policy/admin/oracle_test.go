package admin_test

import (
	"net/netip"
	"slices"
	"strings"
)

// The oracle decides one packet at a time, from the words of the API (sigs.k8s.io/network-policy-api v0.2.0,
// comments of the types). It shares no code with the engine: it compares strings and addresses one by one.

// oPolicy is a policy of any of the kinds. NetworkPolicies have the tier "np".
type oPolicy struct {
	kind, name string // kind is "anp", "banp", "cnp" or "np"
	tier       string // "Admin", "np" or "Baseline"
	priority   int
	namespaces []string // requirements on the labels of the subject's namespace
	pods       []string // and of the subject
	isolates   [2]bool  // np: by direction
	rules      [2][]oRule
}

type oRule struct {
	action string // "Allow", "Deny" or "Pass"
	peers  []oPeer
	ports  []oPort // nil: any traffic
}

// oPeer is pods of namespaces, or networks, or nodes.
type oPeer struct {
	form             string // "namespaces", "pods", "networks", "nodes"
	namespaces, pods []string
	networks         []string
	nodes            []string
}

type oPort struct {
	name   string // when set, a named port
	proto  string // "" for that of the container port
	lo, hi int
}

type oPod struct {
	namespace, name string
	labels          map[string]string
	ip              netip.Addr
	node            string
	host            bool
	ports           []oPort // lo is the number
}

// oEnd is a pod, or an address outside.
type oEnd struct {
	pod *oPod
	ip  netip.Addr
}

type oWorld struct {
	namespaces map[string]map[string]string
	nodes      map[string]map[string]string
	pods       []*oPod
	policies   []oPolicy
}

// allowed asks the source's egress and the destination's ingress, for policies in one of the orders in which
// an implementation may take them.
func (w *oWorld) allowed(policies []oPolicy, src, dst oEnd, proto string, port int) bool {
	return w.side(policies, 1, src, dst, dst, proto, port) && w.side(policies, 0, dst, src, dst, proto, port)
}

// side: "Policy tiers are evaluated in the following order: Admin tier, NetworkPolicy tier, Baseline tier. If
// a given connection wasn't allowed or denied by any of the tiers, the default kubernetes policy is applied".
func (w *oWorld) side(policies []oPolicy, dir int, subject, peer, dst oEnd, proto string, port int) bool {
	if subject.pod == nil || subject.pod.host { // "host-networked pods are not included in subject selection"
		return true
	}
	for _, tier := range []string{"Admin", "np", "Baseline"} {
		isolated := false
		verdict := ""
		for _, p := range policies {
			if p.tier != tier || !meets(p.namespaces, w.namespaces[subject.pod.namespace]) || !meets(p.pods, subject.pod.labels) {
				continue
			}
			isolated = isolated || p.isolates[dir]
			for _, r := range p.rules[dir] {
				if verdict == "" && w.peers(r.peers, peer) && portMatches(r.ports, dst, proto, port) {
					verdict = r.action // "a rule that appears at the top would take the highest precedence"
				}
			}
		}
		switch {
		case verdict == "Allow":
			return true
		case verdict == "Deny":
			return false
		case verdict == "" && isolated:
			return false
		}
		// Pass: "Skips all further ClusterNetworkPolicy rules in the current tier".
	}
	return true
}

func (w *oWorld) peers(peers []oPeer, end oEnd) bool {
	for _, q := range peers {
		switch q.form {
		case "namespaces", "pods": // "host-networked pods are not included in this type of peer"
			if end.pod != nil && !end.pod.host && meets(q.namespaces, w.namespaces[end.pod.namespace]) && meets(q.pods, end.pod.labels) {
				return true
			}
		case "networks": // "cluster-internal traffic will be checked against the rule as well"
			ip := end.ip
			if end.pod != nil {
				ip = end.pod.ip
			}
			for _, n := range q.networks {
				if netip.MustParsePrefix(n).Contains(ip) {
					return true
				}
			}
		case "nodes": // "It selects the nodeIPs"; a host-network pod has the address of its node
			if end.pod != nil && end.pod.host && meets(q.nodes, w.nodes[end.pod.node]) {
				return true
			}
		}
	}
	return false
}

// portMatches: "If Ports is not set then the rule does not filter traffic via port"; a named port is one of
// the destination pod.
func portMatches(ports []oPort, dst oEnd, proto string, port int) bool {
	if ports == nil {
		return true
	}
	for _, p := range ports {
		if p.name == "" && p.proto == proto && p.lo <= port && port <= p.hi {
			return true
		}
		if p.name != "" && dst.pod != nil && !dst.pod.host && slices.ContainsFunc(dst.pod.ports, func(q oPort) bool {
			return q.name == p.name && q.proto == proto && q.lo == port && (p.proto == "" || p.proto == proto)
		}) {
			return true
		}
	}
	return false
}

// meets reads "key=a|b", "key!=a|b", "key" and "!key". NotIn and DoesNotExist hold without the key.
func meets(requirements []string, labels map[string]string) bool {
	for _, r := range requirements {
		key, values, isNot := strings.Cut(r, "!=")
		isIn := false
		if !isNot {
			key, values, isIn = strings.Cut(r, "=")
		}
		value, has := labels[strings.TrimPrefix(key, "!")]
		listed := has && slices.Contains(strings.Split(values, "|"), value)
		switch {
		case isNot && key != "" && listed, isIn && !listed:
			return false
		case !isNot && !isIn && has == strings.HasPrefix(key, "!"):
			return false
		}
	}
	return true
}
