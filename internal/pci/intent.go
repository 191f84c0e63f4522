package pci

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bulkhead-sec/bulkhead/api/v1alpha1"
	"github.com/bulkhead-sec/bulkhead/internal/cluster"
	"github.com/bulkhead-sec/bulkhead/internal/netset"
	"github.com/bulkhead-sec/bulkhead/internal/object"
)

// Intent is the declared segmentation: all Segmentation objects of the input, merged.
type Intent struct {
	Objects []*object.Object // sorted by Ref
	Assume  Assumptions
	Zones   []Zone // in the order of the objects; the first that takes a pod has it
	Entries []Entry
	Needs   []Need
	// Exceptions hold only until a day: see Input.Today.
	Exceptions []Exception
}

// Source names the objects: "Segmentation card-shop (segmentation.yaml:2)".
func (in *Intent) Source() string {
	names := make([]string, len(in.Objects))
	for i, o := range in.Objects {
		names[i] = fmt.Sprintf("%s (%s)", o.Ref, o.Pos)
	}
	return strings.Join(names, ", ")
}

// Assumptions are stated facts about the cluster that no object tells. Sets are empty when not stated.
type Assumptions struct {
	Enforcer                          string
	PodCIDRs, ServiceCIDRs, NodeCIDRs netset.Addrs
	Complete                          bool
}

// Zone is a declared zone with its criteria read.
type Zone struct {
	v1alpha1.Zone
	Class           Class
	OfPods          bool             // it has a criterion for pods; otherwise it is addresses and names outside
	NamespaceLabels cluster.Selector // empty when the zone does not go by them
	Pods            cluster.Selector
	Addrs           netset.Addrs // outside the cluster
	Ref             object.Ref   // the Segmentation
	Pos             object.Pos   // its line
}

// Entry is a declared public entry point. Conns is everything when no ports are given.
type Entry struct {
	v1alpha1.Entry
	Conns netset.Conns
	Ref   object.Ref
	Pos   object.Pos
}

// Need is a declared connection, with its ports read.
type Need struct {
	v1alpha1.Need
	Conns netset.Conns
	Ref   object.Ref // the Segmentation
	Pos   object.Pos
}

// internet is the end of a Need that stands for addresses outside; see v1alpha1.Need.
const internet = "internet"

// Hints that stand at several places.
const (
	wantPorts = `write ports as "tcp/443" or "udp/53 tcp/53"`
	wantEntry = "want service: namespace/name, or workload: namespace/name"
)

// ReadAssume reads only the stated facts, which are needed before there is a cluster. What is wrong with
// them is left out here and reported by ReadIntent.
func ReadAssume(objects []*object.Object) Assumptions {
	var r intentReader
	var own []*object.Object
	for _, o := range objects {
		if o.Ref.Group == v1alpha1.Group && o.Ref.Kind == v1alpha1.Kind {
			own = append(own, o)
		}
	}
	slices.SortFunc(own, func(a, b *object.Object) int { return cmp.Or(a.Ref.Compare(b.Ref), a.Pos.Compare(b.Pos)) })
	for _, o := range own {
		if spec, ok := r.open(o); ok {
			r.assume(o, spec.Assume)
		}
	}
	return r.Assume
}

// ReadIntent reads and merges the Segmentation objects of c. It is nil when there are none. What is not
// understood is a problem and declares nothing: a zone takes no pods, a need excuses no connection.
func ReadIntent(c *cluster.Cluster) (*Intent, []object.Problem) {
	objects := c.Kind(v1alpha1.Group, v1alpha1.Kind)
	if len(objects) == 0 {
		return nil, nil
	}
	var r intentReader
	for _, o := range objects {
		r.Objects = append(r.Objects, o)
		spec, ok := r.open(o)
		if !ok {
			continue
		}
		r.assume(o, spec.Assume)
		raw := o.Root.Get("spec")
		for i, z := range spec.Zones {
			r.zone(o, raw.Get("zones").List()[i], z)
		}
		for i, e := range spec.Entries {
			r.entry(o, raw.Get("entries").List()[i], e)
		}
		for i, n := range spec.Needs {
			r.need(o, raw.Get("needs").List()[i], n)
		}
		for i, e := range spec.Exceptions {
			r.exception(o, raw.Get("exceptions").List()[i], e)
		}
	}
	r.ends(c)
	slices.SortStableFunc(r.problems, object.Problem.Compare)
	return &r.Intent, r.problems
}

type intentReader struct {
	Intent
	problems []object.Problem
}

func (r *intentReader) problem(o *object.Object, v *object.Value, hint, format string, args ...any) {
	r.problems = append(r.problems, object.Problem{Severity: object.Error, Pos: o.At(v), Ref: o.Ref, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// open decodes the spec strictly. A field that is not understood is reported, and the part of the intent it
// stands in is dropped by emptying it, because it may change the meaning of that part.
func (r *intentReader) open(o *object.Object) (v1alpha1.Spec, bool) {
	var spec v1alpha1.Spec
	if o.Version != v1alpha1.Version {
		r.problem(o, nil, "write apiVersion: "+v1alpha1.Group+"/"+v1alpha1.Version, "version %s is not known; the object declares nothing", o.Version)
		return spec, false
	}
	for _, f := range o.Root.Map() {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "spec", "status"}, f.Name) {
			r.problem(o, &object.Value{Line: f.Line}, "a Segmentation has metadata and spec", "%s: unknown field", f.Name)
		}
	}
	for _, u := range object.Decode(o.Root.Get("spec"), &spec) {
		r.problem(o, &object.Value{Line: u.Line}, "the entry it stands in declares nothing", "spec.%s: %s", u.Path, u.Msg)
		spoil(&spec, u.Path)
	}
	return spec, true
}

// spoil empties the list entry that path leads into.
func spoil(spec *v1alpha1.Spec, path string) {
	var i int
	switch {
	case scan(path, "zones[%d]", &i) && i < len(spec.Zones):
		spec.Zones[i] = v1alpha1.Zone{}
	case scan(path, "entries[%d]", &i) && i < len(spec.Entries):
		spec.Entries[i] = v1alpha1.Entry{}
	case scan(path, "needs[%d]", &i) && i < len(spec.Needs):
		spec.Needs[i] = v1alpha1.Need{}
	case scan(path, "exceptions[%d]", &i) && i < len(spec.Exceptions):
		spec.Exceptions[i] = v1alpha1.Exception{}
	}
}

func scan(path, format string, i *int) bool {
	n, err := fmt.Sscanf(path, format, i)
	return n == 1 && err == nil
}

func (r *intentReader) assume(o *object.Object, a v1alpha1.Assume) {
	raw := o.Root.Get("spec", "assume")
	switch {
	case r.Assume.Enforcer == "":
		r.Assume.Enforcer = a.Enforcer
	case a.Enforcer != "" && a.Enforcer != r.Assume.Enforcer:
		r.problem(o, raw.Get("enforcer"), "keep one of the two", "enforcer %s: another Segmentation says %s", a.Enforcer, r.Assume.Enforcer)
	}
	r.Assume.Complete = r.Assume.Complete || a.Complete
	for _, s := range []struct {
		name  string
		texts []string
		into  *netset.Addrs
	}{
		{"podCIDRs", a.PodCIDRs, &r.Assume.PodCIDRs},
		{"serviceCIDRs", a.ServiceCIDRs, &r.Assume.ServiceCIDRs},
		{"nodeCIDRs", a.NodeCIDRs, &r.Assume.NodeCIDRs},
	} {
		*s.into = s.into.Union(r.cidrs(o, raw.Get(s.name), "assume."+s.name, s.texts))
	}
}

// cidrs reads a list of CIDRs; list is the raw value for the places.
func (r *intentReader) cidrs(o *object.Object, list *object.Value, path string, texts []string) netset.Addrs {
	var out netset.Addrs
	for i, t := range texts {
		p, hostBits, err := netset.PrefixFrom(t)
		switch {
		case err != nil:
			r.problem(o, list.List()[i], "write it as 10.0.0.0/8 or fd00::/8", "%s: %v", path, err)
		case hostBits:
			r.problem(o, list.List()[i], "write "+p.String(), "%s: %s has bits behind its mask", path, t)
		default:
			out = out.Union(netset.AddrsOf(p))
		}
	}
	return out
}

func (r *intentReader) zone(o *object.Object, v *object.Value, z v1alpha1.Zone) {
	if z.Name == "" && z.Scope == "" {
		if len(v.Map()) == 0 {
			r.problem(o, v, "give it a name, a scope and what is in it", "a zone without name and scope")
		}
		return // spoiled, and already reported
	}
	out := Zone{
		Zone:   z,
		OfPods: len(z.Namespaces)+len(z.ServiceAccounts) > 0 || z.NamespaceSelector != nil || z.PodSelector != nil,
		Ref:    o.Ref, Pos: o.At(v),
	}
	before := len(r.problems)
	switch {
	case z.Name == "":
		r.problem(o, v, "needs speak of zones by their names", "a zone without a name takes nothing")
	case z.Name == internet || strings.Contains(z.Name, "/"):
		r.problem(o, v.Get("name"), "choose another name", "zone name %q: %q and names with a slash mean something else in needs", z.Name, internet)
	case slices.ContainsFunc(r.Zones, func(y Zone) bool { return y.Name == z.Name }):
		r.problem(o, v.Get("name"), "give each zone a name of its own", "zone %s is declared twice; this one takes nothing", z.Name)
	}
	var err error
	if out.Class, err = ParseClass(z.Scope); err != nil {
		r.problem(o, cmp.Or(v.Get("scope"), v), "until then the zone takes nothing", "zone %s: %v", z.Name, err)
	}
	out.NamespaceLabels = r.selector(o, v.Get("namespaceSelector"), "namespaceSelector")
	out.Pods = r.selector(o, v.Get("podSelector"), "podSelector")
	out.Addrs = r.cidrs(o, v.Get("cidrs"), "zone "+z.Name+": cidrs", z.CIDRs)
	if !out.OfPods && out.Addrs.IsEmpty() && len(z.FQDNs) == 0 && len(r.problems) == before {
		r.problem(o, v, "give namespaces, namespaceSelector, podSelector, serviceAccounts, cidrs or fqdns", "zone %s selects nothing", z.Name)
	}
	if len(r.problems) == before {
		r.Zones = append(r.Zones, out)
	}
}

func (r *intentReader) selector(o *object.Object, v *object.Value, path string) cluster.Selector {
	s, bad := cluster.ParseSelector(v)
	for _, u := range bad {
		r.problem(o, &object.Value{Line: u.Line}, "see metav1.LabelSelector; until then the zone takes nothing", "%s.%s: %s", path, u.Path, u.Msg)
	}
	return s
}

func (r *intentReader) entry(o *object.Object, v *object.Value, e v1alpha1.Entry) {
	out := Entry{Entry: e, Conns: netset.All(), Ref: o.Ref, Pos: o.At(v)}
	name := e.Service + e.Workload
	var err error
	switch {
	case e == v1alpha1.Entry{}:
		if len(v.Map()) == 0 {
			r.problem(o, v, wantEntry, "an entry without a service")
		}
		return
	case e.Service != "" && e.Workload != "", strings.Count(name, "/") != 1, strings.HasPrefix(name, "/"), strings.HasSuffix(name, "/"):
		r.problem(o, v, wantEntry, "an entry of service %q and workload %q declares nothing", e.Service, e.Workload)
		return
	case e.Justification == "":
		r.problem(o, v, "say what the entry point is for (PCI DSS 1.2.5)", "entry %s has no justification and declares nothing", name)
		return
	}
	if e.Ports != "" {
		if out.Conns, err = netset.Parse(e.Ports); err != nil {
			r.problem(o, v.Get("ports"), wantPorts, "entry %s: ports: %v", name, err)
			return
		}
	}
	r.Entries = append(r.Entries, out)
}

func (r *intentReader) need(o *object.Object, v *object.Value, n v1alpha1.Need) {
	if n == (v1alpha1.Need{}) {
		if len(v.Map()) == 0 {
			r.problem(o, v, "a need has id, from, to, ports and justification", "a need without anything")
		}
		return
	}
	for _, f := range [...][2]string{{"id", n.ID}, {"from", n.From}, {"to", n.To}, {"ports", n.Ports}, {"justification", n.Justification}} {
		if f[1] == "" {
			r.problem(o, v, "a need has id, from, to, ports and justification", "need %s has no %s and declares nothing", cmp.Or(n.ID, "without an id"), f[0])
			return
		}
	}
	for _, f := range [...][2]string{{"approved", n.Approved}, {"review", n.Review}} {
		if _, err := time.Parse(time.DateOnly, f[1]); err != nil && f[1] != "" {
			r.problem(o, v.Get(f[0]), `write the day as "2026-01-31"`, "need %s: %s: %q is no date, so the need declares nothing", n.ID, f[0], f[1])
			return
		}
	}
	if slices.ContainsFunc(r.Needs, func(m Need) bool { return m.ID == n.ID }) {
		r.problem(o, v.Get("id"), "give each need an id of its own", "need %s is declared twice; this one declares nothing", n.ID)
		return
	}
	conns, err := netset.Parse(n.Ports)
	if err != nil {
		r.problem(o, v.Get("ports"), wantPorts, "need %s: ports: %v", n.ID, err)
		return
	}
	r.Needs = append(r.Needs, Need{Need: n, Conns: conns, Ref: o.Ref, Pos: o.At(v)})
}

// ends looks for what needs and entries speak of, when all zones are read. A need with an end that is nowhere
// stays: it covers nothing.
func (r *intentReader) ends(c *cluster.Cluster) {
	known := map[string]bool{internet: true}
	for _, z := range r.Zones {
		known[z.Name] = true
	}
	for _, w := range c.Workloads {
		known[w.Ref.Namespace+"/"+w.Ref.Name] = true
	}
	for _, n := range r.Needs {
		for _, end := range [...]string{n.From, n.To} {
			if _, isCIDR := cidr(end); !known[end] && !isCIDR {
				r.problems = append(r.problems, object.Problem{
					Severity: object.Error, Pos: n.Pos, Ref: n.Ref,
					Msg:  fmt.Sprintf("need %s: %s is no zone and no workload of the input, so the need covers nothing", n.ID, end),
					Hint: "want a zone's name, namespace/workload, a CIDR, or " + internet,
				})
			}
		}
	}
	for _, e := range r.Entries {
		if e.Workload != "" && !known[e.Workload] {
			r.problems = append(r.problems, object.Problem{
				Severity: object.Warning, Pos: e.Pos, Ref: e.Ref,
				Msg: fmt.Sprintf("entry: there is no workload %s in the input", e.Workload), Hint: wantEntry,
			})
		}
	}
}

// cidr reads the end of a need that is written as addresses.
func cidr(end string) (netset.Addrs, bool) {
	p, hostBits, err := netset.PrefixFrom(end)
	return netset.AddrsOf(p), err == nil && !hostBits
}
