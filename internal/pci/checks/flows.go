package checks

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// listener is a port on which a workload answers, as its containers or its Services declare it.
type listener struct {
	protocol netset.Protocol
	port     int
	app      string // appProtocol of a Service port that leads to it, "" when none is stated
	pos      object.Pos
}

func (l listener) conns() netset.Conns { return netset.Ports(l.protocol, l.port, l.port) }

// listeners gives the declared ports of a workload, each once, by protocol and port. Containers may listen on
// more than they declare.
func listeners(in *pci.Input, w *cluster.Workload) []listener {
	var out []listener
	for _, p := range w.Pods {
		for _, port := range p.Ports {
			out = append(out, listener{port.Protocol, port.Number, "", object.Pos{File: p.Pos().File, Line: port.Line}})
		}
	}
	for _, s := range in.ServicesOf(w) {
		for _, p := range s.Pods {
			if p.Workload != w {
				continue
			}
			for _, port := range s.Ports {
				if n, ok := port.Target(p); ok {
					out = append(out, listener{port.Protocol, n, port.AppProtocol, object.Pos{File: s.Object.Pos.File, Line: port.Line}})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b listener) int {
		return cmp.Or(cmp.Compare(a.protocol, b.protocol), cmp.Compare(a.port, b.port), unstated(a)-unstated(b), cmp.Compare(a.app, b.app), a.pos.Compare(b.pos))
	})
	return slices.CompactFunc(out, func(a, b listener) bool { return a.protocol == b.protocol && a.port == b.port })
}

// unstated puts what a Service says of a port before what nobody says.
func unstated(l listener) int {
	if l.app == "" {
		return 1
	}
	return 0
}

// declaredPorts is all declared ports of a workload; empty when it declares none.
func declaredPorts(in *pci.Input, w *cluster.Workload) netset.Conns {
	var out netset.Conns
	for _, l := range listeners(in, w) {
		out = out.Union(l.conns())
	}
	return out
}

// deniedAbove is the policy that denies some of q on one side before a NetworkPolicy is asked: by a rule, or because it
// isolates in a tier that passes nothing of the kind on. It is nil when there is none.
func deniedAbove(side reach.Side, q netset.Conns) *policy.Policy {
	left, passed := q, netset.None()
	var closes *policy.Policy // isolates in the tier at hand
	tier := policy.NetworkPolicyTier
	for i := range side.Policies {
		p := side.Policies[i].Policy
		if p.Tier != tier {
			if closes != nil && !left.IsEmpty() {
				return closes
			}
			tier, closes, left, passed = p.Tier, nil, left.Union(passed), netset.None()
		}
		if tier.Rank >= policy.NetworkPolicyTier.Rank {
			return nil
		}
		if closes == nil && side.Policies[i].Isolates {
			closes = p
		}
		for _, r := range side.Policies[i].Rules {
			hit := r.Certain.Intersect(left)
			left = left.Subtract(hit)
			switch {
			case r.Rule.Action == policy.Deny && !hit.IsEmpty():
				return p
			case r.Rule.Action == policy.Pass:
				passed = passed.Union(hit)
			}
		}
	}
	if left.IsEmpty() {
		return nil
	}
	return closes
}

// aboveFix is for a connection that a policy denies in a tier before NetworkPolicies: no NetworkPolicy opens it.
func aboveFix(p *policy.Policy) *pci.Fix {
	return &pci.Fix{Text: fmt.Sprintf("let it through, or pass it on, in tier %s, where %s (%s) denies it; it comes before any NetworkPolicy",
		p.Tier.Name, p.Ref, p.Pos)}
}

// tidy sorts evidence and leaves out what stands there twice.
func tidy(because []pci.Because) []pci.Because {
	slices.SortFunc(because, func(a, b pci.Because) int {
		return cmp.Or(a.Ref.Compare(b.Ref), a.Pos.Compare(b.Pos), cmp.Compare(a.Msg, b.Msg))
	})
	return slices.Compact(because)
}

// listed joins names; of more than five it gives the number of the rest.
func listed(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most) + pci.Rest(names[most:])
	}
	return strings.Join(names, ", ")
}

// refs writes the names of workloads.
func refs(ws []*cluster.Workload) []string {
	out := make([]string, len(ws))
	for i, w := range ws {
		out[i] = w.Ref.String()
	}
	return out
}

// generated is labels that controllers put on pods; they change with every rollout.
var generated = []string{
	"pod-template-hash", "controller-revision-hash", "pod-template-generation", "statefulset.kubernetes.io/pod-name",
	"apps.kubernetes.io/pod-index", "controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name",
}

// ownLabels is the labels that all pods of w share and that select no other pod of its namespace; ok is false
// when there are none such.
func ownLabels(w *cluster.Workload) (labels map[string]string, ok bool) {
	labels = map[string]string{}
	for k, v := range w.Pods[0].Labels {
		everywhere := !slices.ContainsFunc(w.Pods, func(p *cluster.Pod) bool { got, has := p.Labels[k]; return !has || got != v })
		if everywhere && !slices.Contains(generated, k) {
			labels[k] = v
		}
	}
	return labels, len(labels) > 0
}

// selectsOnly tells whether labels select the pods of w and no others of the namespace.
func selectsOnly(c *cluster.Cluster, w *cluster.Workload, labels map[string]string) bool {
	s := cluster.MatchLabels(labels)
	return !slices.ContainsFunc(c.WorkloadsIn(w.Ref.Namespace), func(o *cluster.Workload) bool {
		return o != w && slices.ContainsFunc(o.Pods, func(p *cluster.Pod) bool { return s.Matches(p.Labels) })
	})
}

// allowed is one peer with its ports in a policy to be written.
type allowed struct {
	peer  *cluster.Workload
	conns netset.Conns
}

// freeName is name, or name with a number when the namespace has such a policy already or it is taken: a fix
// must not overwrite a policy.
func freeName(c *cluster.Cluster, namespace, name string, taken []string) string {
	used := func(n string) bool {
		return slices.Contains(taken, namespace+"/"+n) || c.Object(object.Ref{Group: "networking.k8s.io", Kind: "NetworkPolicy", Namespace: namespace, Name: n}) != nil
	}
	for i, free := 2, name; ; i++ {
		if !used(free) {
			return free
		}
		free = fmt.Sprintf("%s-%d", name, i)
	}
}

// scalar writes a name so that YAML reads it as text: 1.1 takes "on" for true and "10" for a number.
func scalar(s string) string {
	words := []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
	letter := s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
	if !letter || len(s) <= len("false") && slices.Contains(words, strings.ToLower(s)) {
		return strconv.Quote(s)
	}
	return s
}

// policyYAML writes a NetworkPolicy that isolates w in a direction and allows the given peers. It is "" when
// labels cannot name w or one of the peers.
func policyYAML(c *cluster.Cluster, name string, w *cluster.Workload, d policy.Direction, peers []allowed) string {
	labels, ok := ownLabels(w)
	if !ok || !selectsOnly(c, w, labels) {
		return ""
	}
	field, who, kind := "ingress", "from", "Ingress"
	if d == policy.Egress {
		field, who, kind = "egress", "to", "Egress"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: %s\n  namespace: %s\nspec:\n  podSelector:\n", scalar(name), scalar(w.Ref.Namespace))
	writeLabels(&b, "    ", labels)
	fmt.Fprintf(&b, "  policyTypes: [%s]\n", kind)
	if len(peers) > 0 {
		fmt.Fprintf(&b, "  %s:\n", field)
	}
	for _, a := range peers {
		labels, ok := ownLabels(a.peer)
		if !ok || slices.ContainsFunc(a.peer.Pods, func(p *cluster.Pod) bool { return p.HostNetwork }) {
			return ""
		}
		fmt.Fprintf(&b, "    - %s:\n        - ", who)
		if a.peer.Ref.Namespace != w.Ref.Namespace {
			fmt.Fprintf(&b, "namespaceSelector:\n            matchLabels:\n              %s: %s\n          ", cluster.NameLabel, scalar(a.peer.Ref.Namespace))
		}
		b.WriteString("podSelector:\n")
		writeLabels(&b, "            ", labels)
		writePorts(&b, a.conns)
	}
	return b.String()
}

func writeLabels(b *strings.Builder, indent string, labels map[string]string) {
	keys := make([]string, 0, len(labels))
	for k := range labels {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b.WriteString(indent + "matchLabels:\n")
	for _, k := range keys {
		for _, part := range [...]string{indent, "  ", scalar(k), ": ", scalar(labels[k]), "\n"} {
			b.WriteString(part)
		}
	}
}

func writePorts(b *strings.Builder, conns netset.Conns) {
	if conns.Covers(netset.Transport()) {
		return
	}
	b.WriteString("      ports:\n")
	for _, p := range []netset.Protocol{netset.TCP, netset.UDP, netset.SCTP} {
		for _, r := range conns.Ranges(p) {
			fmt.Fprintf(b, "        - protocol: %s\n          port: %d\n", p, r.Lo)
			if r.Hi > r.Lo {
				fmt.Fprintf(b, "          endPort: %d\n", r.Hi)
			}
		}
	}
}

// letThrough names the rules that allow a connection: see pci.LetThrough.
func letThrough(m *reach.Model, src, dst reach.Peer, conns netset.Conns) []pci.Because {
	return pci.LetThrough(m, src, dst, conns)
}

func deciding(side reach.Side) []pci.Because { return pci.Deciding(side) }
