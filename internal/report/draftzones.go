package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/enforcer"
	"github.com/bulkhead-sec/bulkhead/internal/object"
	"github.com/bulkhead-sec/bulkhead/internal/pci"
)

// systemNamespaces usually hold what can change the security of everything else.
var systemNamespaces = []string{
	"calico-apiserver", "calico-system", "cert-manager", "cilium-secrets", "gatekeeper-system", "ingress-nginx", "istio-system",
	"kube-node-lease", "kube-public", "kube-system", "kyverno", "linkerd", "metallb-system", "monitoring", "tigera-operator", "traefik", "vault",
}

// draftZone is a zone of the draft, or one that is declared already.
type draftZone struct {
	name, namespace string
	class           pci.Class
	why             string
	key             string   // of the label that tells its pods from others of the namespace, "" for all of them
	values          []string // sorted
	outside         []string // its workloads that can be reached from outside, sorted
	workloads       []*cluster.Workload
	declared        bool
}

// divide gives every workload its zone: the one it is in, else one for its namespace. Where the workloads of a
// namespace have different classes, or only some can be reached from outside, and a label tells them apart, the
// namespace is split.
func (d *draft) divide() {
	d.of = map[*cluster.Workload]*draftZone{}
	open := d.reachedFromOutside()
	names := map[string]*draftZone{}
	if d.in.Intent != nil {
		for i := range d.in.Intent.Zones {
			z := &d.in.Intent.Zones[i]
			names[z.Name] = &draftZone{name: z.Name, class: z.Class, declared: true}
			d.zones = append(d.zones, names[z.Name])
		}
	}
	left := map[string][]*cluster.Workload{}
	for _, w := range d.in.Cluster.Workloads {
		if len(w.Pods) == 0 {
			continue
		}
		if d.in.Scope != nil {
			if z := d.in.Scope.Zone(w); z != nil {
				names[z.Name].workloads = append(names[z.Name].workloads, w)
				d.of[w] = names[z.Name]
				continue
			}
		}
		left[w.Ref.Namespace] = append(left[w.Ref.Namespace], w)
	}
	for _, ns := range slices.Sorted(maps.Keys(left)) {
		for _, z := range d.split(ns, left[ns], open) {
			for base, n := z.name, 2; names[z.name] != nil; n++ {
				z.name = fmt.Sprintf("%s-%d", base, n)
			}
			names[z.name] = z
			d.zones = append(d.zones, z)
			for _, w := range z.workloads {
				d.of[w] = z
			}
		}
	}
}

// part is what workloads of one namespace have in common.
type part struct {
	class pci.Class
	open  bool
}

func (d *draft) split(ns string, ws []*cluster.Workload, open map[object.Ref]bool) []*draftZone {
	groups := map[part][]*cluster.Workload{}
	for _, w := range ws {
		k := part{pci.Unclassified, open[w.Ref]}
		if d.in.Scope != nil {
			k.class = d.in.Scope.Class(w)
		}
		groups[k] = append(groups[k], w)
	}
	parts := slices.SortedFunc(maps.Keys(groups), func(a, b part) int {
		return cmp.Or(cmp.Compare(slices.Index(pci.Classes(), a.class), slices.Index(pci.Classes(), b.class)), cmp.Compare(fmt.Sprint(b.open), fmt.Sprint(a.open)))
	})
	key := ""
	if len(parts) > 1 {
		key = telling(groups)
	}
	if key == "" {
		z := &draftZone{name: ns, namespace: ns, workloads: ws}
		z.class, z.why = classOf(ns, parts[0].class)
		z.note(open)
		return []*draftZone{z}
	}
	var out []*draftZone
	for _, p := range parts {
		z := &draftZone{namespace: ns, key: key, workloads: groups[p]}
		z.class, z.why = classOf(ns, p.class)
		for _, w := range z.workloads {
			for _, pod := range w.Pods {
				z.values = append(z.values, pod.Labels[key])
			}
		}
		slices.Sort(z.values)
		z.values = slices.Compact(z.values)
		z.name = ns + "-" + strings.Join(z.values, "-")
		if len(z.values) > 3 || len(z.name) > 60 {
			z.name = ns + "-" + string(z.class)
		}
		z.note(open)
		out = append(out, z)
	}
	return out
}

// telling finds the label whose values tell the groups apart, "" when there is none. Pods of the namespace that are
// in a declared zone may have any: that zone comes first.
func telling(groups map[part][]*cluster.Workload) string {
	owner := map[string]map[string]part{} // by key and value
	count, pods := map[string]int{}, 0
	bad := map[string]bool{}
	for p, ws := range groups {
		for _, w := range ws {
			for _, pod := range w.Pods {
				pods++
				for k, v := range pod.Labels {
					if owner[k] == nil {
						owner[k] = map[string]part{}
					}
					if o, taken := owner[k][v]; taken && o != p {
						bad[k] = true
					}
					owner[k][v] = p
					count[k]++
				}
			}
		}
	}
	var keys []string
	for k := range owner {
		if !bad[k] && count[k] == pods && !strings.Contains(k, "hash") && !strings.HasSuffix(k, "pod-name") {
			keys = append(keys, k)
		}
	}
	preferred := []string{"tier", "app.kubernetes.io/name", "app", "k8s-app", "name"}
	slices.SortFunc(keys, func(a, b string) int {
		x, y := slices.Index(preferred, a), slices.Index(preferred, b)
		return cmp.Or(cmp.Compare(uint(x), uint(y)), cmp.Compare(a, b)) // none of them is -1, which is last as uint
	})
	if len(keys) == 0 {
		return ""
	}
	return keys[0]
}

// classOf proposes the scope class of a zone: what someone stated of its workloads, else a guess that is on the
// safe side.
func classOf(ns string, stated pci.Class) (pci.Class, string) {
	switch {
	case stated != pci.Unclassified:
		return stated, "as its workloads say"
	case slices.Contains(systemNamespaces, ns):
		return pci.SecurityImpacting, "its workloads can change the security of others"
	}
	return pci.ConnectedTo, "decide"
}

func (d *draft) reachedFromOutside() map[object.Ref]bool {
	out := map[object.Ref]bool{}
	for _, e := range d.in.Exposure.Entries {
		if e.Public == enforcer.No {
			continue
		}
		for _, t := range e.Targets {
			out[t.Workload.Ref] = true
		}
	}
	return out
}

func (z *draftZone) note(open map[object.Ref]bool) {
	for _, w := range z.workloads {
		if open[w.Ref] {
			z.outside = append(z.outside, w.Ref.Kind+" "+w.Ref.Name)
		}
	}
	slices.Sort(z.outside)
}

func (d *draft) writeZones() {
	var fresh []*draftZone
	for _, z := range d.zones {
		if !z.declared {
			fresh = append(fresh, z)
		}
	}
	if len(fresh) == 0 {
		d.line("  zones: [] # every workload is in a declared zone")
		return
	}
	d.line("  zones: # scope is cde, cde-store, connected-to, security-impacting or out-of-scope")
	for _, z := range fresh {
		d.line("    - name: %q", z.name)
		d.line("      scope: %s # %s", z.class, z.why)
		if len(z.outside) > 0 {
			if len(z.outside) == len(z.workloads) {
				d.line("      # role: dmz # %s can be reached from outside: is that meant?", line(someOf(z.outside)))
			} else {
				d.line("      # %s can be reached from outside: give it a zone of its own with role: dmz, above this one", line(someOf(z.outside)))
			}
		}
		d.line("      namespaces: [%q]", z.namespace)
		if z.key != "" {
			d.line("      podSelector: {matchExpressions: [{key: %q, operator: In, values: [%s]}]}", z.key, quoted(z.values))
		}
	}
}

// someOf lists names; of more than five it gives the number of the rest.
func someOf(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
