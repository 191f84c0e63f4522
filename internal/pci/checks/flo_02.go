package checks

import (
	"fmt"
	"slices"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/policy"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

var flo02 = pci.Check{
	ID: "FLO-02", Title: "pods with closed egress can still resolve names", Since: "0.1.0", Severity: pci.Medium,
	Requirements: []string{"1.2.5"}, Guidance: []string{"4.1"},
	Why: "A deny-all for egress cuts off the cluster's DNS as well. The pod may then connect to a backend and yet never learns its address, " +
		"so the policies do not allow what they are meant to, and the quick repair is often a rule for everyone.",
	Fix: "Allow port 53, UDP and TCP, to the pods of the cluster's DNS. Name the pods: policies see the pod behind the Service's address.",
	Evidence: "For each pod that is isolated for egress and has something to connect to, whether port 53 of the DNS pods is open to it; without " +
		"DNS pods in the input, whether some rule allows port 53 at all.",
	Run: runFlo02,
}

// resolver is the pods that answer the cluster's DNS queries and the ports they do it on.
type resolver struct {
	workloads []*cluster.Workload
	conns     netset.Conns
}

// findDNS looks for kube-dns and CoreDNS by the label that all installers give them, for OpenShift's DNS and
// for the cache on nodes.
func findDNS(c *cluster.Cluster) resolver {
	out := resolver{conns: dnsConns()}
	for _, p := range c.Pods {
		ns, app := p.Namespace.Name, p.Labels["k8s-app"]
		is := ns == "kube-system" && (app == "kube-dns" || app == "coredns" || app == "node-local-dns") ||
			ns == "openshift-dns" && p.Labels["dns.operator.openshift.io/daemonset-dns"] != ""
		if !is || slices.Contains(out.workloads, p.Workload) {
			continue
		}
		out.workloads = append(out.workloads, p.Workload)
		for _, s := range c.Services {
			if !slices.Contains(s.Pods, p) {
				continue
			}
			for _, port := range s.Ports {
				if n, ok := port.Target(p); ok && port.Port == 53 {
					out.conns = out.conns.Union(netset.Ports(port.Protocol, n, n))
				}
			}
		}
	}
	return out
}

func dnsConns() netset.Conns {
	return netset.Ports(netset.UDP, 53, 53).Union(netset.Ports(netset.TCP, 53, 53))
}

func runFlo02(in *pci.Input) []pci.Finding {
	dns, clients := findDNS(in.Cluster), connecting(in)
	var found []pci.Finding
	var sealed []*cluster.Workload
	of, holds := 0, 0
	for _, w := range in.Cluster.Workloads {
		pods := boundPods(w)
		if len(pods) == 0 || slices.Contains(dns.workloads, w) {
			continue
		}
		var worst *pci.Finding
		closed, asks := false, false
		for _, p := range pods {
			iso := in.Model.Isolation(p, policy.Egress)
			if !iso.May {
				continue
			}
			closed = true
			if !clients[p] && !in.NeedsFrom(w) {
				continue
			}
			asks = true
			if f := resolves(in, dns, p, iso); f != nil && (worst == nil || f.Status == pci.Fail && worst.Status != pci.Fail) {
				worst = f
			}
		}
		switch {
		case !closed:
			continue
		case !asks:
			sealed = append(sealed, w)
			continue
		}
		of++
		if worst == nil {
			holds++
			continue
		}
		worst.Subject, worst.Pos, worst.Severity = w.Ref, w.Pos, pci.Medium
		found = append(found, *worst)
	}
	if len(sealed) > 0 && (in.Intent == nil || len(in.Intent.Needs) == 0) {
		found = append(found, pci.Finding{
			Status: pci.Manual, Severity: pci.Info, Key: "sealed",
			Message: fmt.Sprintf("all egress is closed for %s, so they cannot resolve names either. Is there nothing they have to connect to?", listed(refs(sealed))),
		})
	}
	return withSummary(found, of, holds, "workloads", "with closed egress and something to connect to can ask for names")
}

// connecting is the pods that egress rules of the network allow something. A rule counts also when its policy isolates
// nobody, as in a tier that passes on what it does not decide.
func connecting(in *pci.Input) map[*cluster.Pod]bool {
	out := map[*cluster.Pod]bool{}
	for i := range in.Policies.Policies {
		p := &in.Policies.Policies[i]
		allows := func(r policy.Rule) bool { return r.Direction == policy.Egress && r.Action == policy.Allow }
		if p.Layer != policy.Network || !slices.ContainsFunc(p.Rules, allows) {
			continue
		}
		_, pods := in.Model.SubjectPods(p)
		for _, pod := range pods {
			out[pod] = true
		}
	}
	return out
}

// resolves gives the finding for a pod that certainly or possibly cannot ask DNS. Queries go by UDP; TCP is
// for long answers.
func resolves(in *pci.Input, dns resolver, p *cluster.Pod, iso reach.Isolation) *pci.Finding {
	var must, may netset.Conns
	var reasons []pci.Because
	f := &pci.Finding{}
	src := reach.OfPod(p)
	switch p.Spec.Get("dnsPolicy").Str() {
	case "None": // it asks the servers it states, and no others
		dns.workloads = nil
	case "Default": // it asks the servers of its node, which no manifest tells
		if dns.workloads = nil; someRule(iso) {
			return nil
		}
	}
	servers := otherServers(p)
	for _, w := range dns.workloads {
		b := in.Model.Between(src, reach.OfWorkload(w))
		must, may = must.Union(b.Must.Intersect(dns.conns)), may.Union(b.May.Intersect(dns.conns))
		if b.May.Overlaps(dns.conns) && !b.Decided() {
			reasons = append(reasons, pci.ReasonsOf(in.Model.Reasons(src, reach.OfWorkload(w)))...)
		}
	}
	for _, a := range servers {
		b := in.Model.Between(src, reach.OfAddrs(a))
		must, may = must.Union(b.Must.Intersect(dnsConns())), may.Union(b.May.Intersect(dnsConns()))
	}
	if len(dns.workloads)+len(servers) == 0 && someRule(iso) {
		return nil
	}
	switch {
	case !must.Only(netset.UDP).IsEmpty():
		return nil
	case !may.Only(netset.UDP).IsEmpty(), !iso.Must:
		f.Status, f.Message = pci.Unknown, "whether it can ask DNS is not decided"
		f.Because = tidy(append(reasons, pci.ReasonsOf(iso.Reasons)...))
		return f
	}
	f.Status, f.Message = pci.Fail, fmt.Sprintf("%s cannot resolve names: its egress is closed and port 53 of the cluster's DNS is not open to it", p.Workload.Ref)
	if !must.IsEmpty() {
		f.Message = fmt.Sprintf("%s cannot resolve names: DNS is open to it on TCP only, and queries go by UDP", p.Workload.Ref)
	}
	f.Because = policiesBecause(iso.Policies, "isolates it for egress and allows no DNS")
	if len(dns.workloads) > 0 {
		f.Witness = pci.WitnessOf(in.Model.Witness(src, reach.OfWorkload(dns.workloads[0]), netset.Ports(netset.UDP, 53, 53)))
	}
	f.Fix = dnsFix(in.Cluster, dns, p.Workload)
	if len(dns.workloads) > 0 {
		asks := netset.Ports(netset.UDP, 53, 53)
		if above := deniedAbove(in.Model.Explain(src, reach.OfWorkload(dns.workloads[0]), asks).Egress, asks); above != nil {
			f.Because, f.Fix = policiesBecause([]*policy.Policy{above}, "denies it before any NetworkPolicy is asked"), aboveFix(above)
		}
	}
	return f
}

// otherServers is the DNS servers that a pod states itself.
func otherServers(p *cluster.Pod) []netset.Addrs {
	var out []netset.Addrs
	for _, v := range p.Spec.Get("dnsConfig", "nameservers").List() {
		if a, err := netset.ParseAddrs(v.Str()); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// someRule tells whether some egress rule possibly allows port 53 to anything.
func someRule(iso reach.Isolation) bool {
	for _, p := range iso.Policies {
		for i := range p.Rules {
			r := &p.Rules[i]
			if r.Direction == policy.Egress && r.Action == policy.Allow &&
				(r.Conns.Overlaps(dnsConns()) || len(r.Named)+len(r.Doubts) > 0) {
				return true
			}
		}
	}
	return false
}

func dnsFix(c *cluster.Cluster, dns resolver, w *cluster.Workload) *pci.Fix {
	name := freeName(c, w.Ref.Namespace, w.Ref.Name+"-to-dns", nil)
	fix := &pci.Fix{Text: "allow port 53, UDP and TCP, to the DNS pods; DNS needs the same as ingress when it is isolated"}
	for _, d := range dns.workloads {
		if len(boundPods(d)) == len(d.Pods) {
			fix.YAML = policyYAML(c, name, w, policy.Egress, []allowed{{d, dns.conns}})
			return fix
		}
	}
	if len(dns.workloads) > 0 {
		return fix
	}
	// Where the input has no DNS pods, the label and namespace of almost all clusters stand for them.
	stand := &cluster.Workload{Ref: object.Ref{Kind: "Deployment", Namespace: "kube-system", Name: "dns"}}
	stand.Pods = []*cluster.Pod{{Workload: stand, Labels: map[string]string{"k8s-app": "kube-dns"}}}
	fix.YAML = policyYAML(c, name, w, policy.Egress, []allowed{{stand, dns.conns}})
	return fix
}
