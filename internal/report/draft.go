package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
	"github.com/bulkhead-sec/bulkhead/internal/reach"
)

// systemNamespaces usually hold what can change the security of everything else.
var systemNamespaces = []string{
	"calico-apiserver", "calico-system", "cert-manager", "cilium-secrets", "gatekeeper-system", "ingress-nginx", "istio-system",
	"kube-node-lease", "kube-public", "kube-system", "kyverno", "linkerd", "metallb-system", "monitoring", "tigera-operator", "traefik", "vault",
}

// Draft writes a Segmentation to begin with. It is valid as it is: a zone for each namespace, whose scope a person
// must decide. Ways in and connections between zones that are open now stand in it as comments, so that nothing
// is declared as needed that nobody has approved.
func Draft(w io.Writer, in *pci.Input) error {
	d := draft{b: bufio.NewWriter(w), in: in}
	d.head()
	d.zones()
	d.entries()
	d.needs()
	return d.b.Flush()
}

type draft struct {
	b  *bufio.Writer
	in *pci.Input
}

func (d *draft) line(format string, args ...any) { fmt.Fprintf(d.b, format+"\n", args...) }

func (d *draft) head() {
	d.line("# A draft, made from what is there. What is written here is what you mean: read every line.")
	d.line("# docs/guide/segmentation.md explains each field.")
	d.line("apiVersion: %s/%s\nkind: %s\nmetadata:\n  name: draft\nspec:", v1alpha1.Group, v1alpha1.Version, v1alpha1.Kind)
	d.line("  assume: # facts that manifests do not tell; state only what you can prove")
	p := d.in.Profile
	if p.Enforces == enforcer.Yes {
		d.line("    enforcer: %s", p.Name)
	} else {
		d.line("    # enforcer: calico # what enforces policies; it is not certain from the input")
	}
	for _, f := range []struct {
		name, example string
		addrs         netset.Addrs
	}{
		{"podCIDRs", "10.244.0.0/16", d.in.Cluster.PodCIDRs},
		{"serviceCIDRs", "10.96.0.0/16", d.in.Cluster.ServiceCIDRs},
		{"nodeCIDRs", "192.168.10.0/24", d.in.Cluster.NodeAddrs},
	} {
		if f.addrs.IsEmpty() {
			d.line("    # %s: [%s]", f.name, f.example)
			continue
		}
		d.line("    %s: [%s]", f.name, quoted(CIDRs(f.addrs)))
	}
}

// quoted joins texts as YAML flow items.
func quoted(texts []string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = fmt.Sprintf("%q", t)
	}
	return strings.Join(out, ", ")
}

func (d *draft) zones() {
	d.line("  zones: # scope is cde, cde-store, connected-to, security-impacting or out-of-scope")
	for _, ns := range d.in.Cluster.Namespaces {
		if !slices.ContainsFunc(d.in.Cluster.Pods, func(p *cluster.Pod) bool { return p.Namespace == ns }) {
			continue
		}
		class, why := d.class(ns.Name)
		d.line("    - name: %q", ns.Name)
		d.line("      scope: %s # %s", class, why)
		d.line("      namespaces: [%q]", ns.Name)
		if names := d.reachedFromOutside(ns.Name); len(names) > 0 {
			d.line("      # %s can be reached from outside: give it a zone of its own with role: dmz, above this one", strings.Join(names, ", "))
		}
	}
}

// class proposes the scope class of a namespace: the most sensitive that someone stated of its workloads, else
// a guess that is on the safe side.
func (d *draft) class(ns string) (pci.Class, string) {
	if d.in.Scope != nil {
		best, found := pci.Class(""), false
		for _, w := range d.in.Cluster.Workloads {
			c := d.in.Scope.Class(w)
			if w.Ref.Namespace == ns && c != pci.Unclassified && (!found || slices.Index(pci.Classes(), c) < slices.Index(pci.Classes(), best)) {
				best, found = c, true
			}
		}
		if found {
			return best, "as its workloads say"
		}
	}
	if slices.Contains(systemNamespaces, ns) {
		return pci.SecurityImpacting, "its workloads can change the security of others"
	}
	return pci.ConnectedTo, "decide"
}

func (d *draft) reachedFromOutside(ns string) []string {
	var out []string
	for _, e := range d.in.Exposure.Entries {
		if e.Public == enforcer.No {
			continue
		}
		for _, t := range e.Targets {
			if t.Workload.Ref.Namespace == ns {
				out = append(out, t.Workload.Ref.Kind+" "+t.Workload.Ref.Name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (d *draft) entries() {
	d.line("  entries: [] # ways in from outside; open now, and not declared until you say what for:")
	kinds := map[string][]string{} // of ways in, by line
	for _, e := range d.in.Exposure.Entries {
		if e.Public == enforcer.No || e.Via.Namespace == "" {
			continue
		}
		ports := ""
		for _, t := range e.Targets {
			if t.Port > 0 {
				ports = fmt.Sprintf(", ports: %s/%d", strings.ToLower(e.Protocol.String()), t.Port)
			}
		}
		l := fmt.Sprintf("  # - {service: %q%s, justification: \"\"}", e.Via.Namespace+"/"+e.Via.Name, ports)
		kinds[l] = append(kinds[l], e.Kind)
	}
	for _, l := range slices.Sorted(maps.Keys(kinds)) {
		d.line("%s # %s", l, strings.ReplaceAll(distinct(kinds[l]), " ", ", "))
	}
}

// needs lists what may cross from one zone to another.
func (d *draft) needs() {
	type pair struct{ from, to string }
	open := map[pair]netset.Conns{}
	var pairs []pair
	name := func(p reach.Peer) string {
		if p.Workload != nil {
			return p.Workload.Ref.Namespace
		}
		return "internet"
	}
	for e := range d.in.Model.Edges() {
		k := pair{name(e.Src), name(e.Dst)}
		if k.from == k.to {
			continue
		}
		if _, ok := open[k]; !ok {
			pairs = append(pairs, k)
		}
		open[k] = open[k].Union(e.May)
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to)) })
	d.line("  needs: [] # the flow register (PCI DSS 1.2.5); possible now, and needed only when someone approves it:")
	for i, k := range pairs {
		d.line("  # - {id: F-%d, from: %q, to: %q, ports: %q,", i+1, k.from, k.to, open[k].String())
		d.line("  #    justification: \"\", owner: \"\", approver: \"\", approved: \"\", review: \"\"}")
	}
}
