package pci

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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
	Needs   []Need // that someone answers for: see Proposed
	// Proposed needs are what was found and nobody approved. They cover nothing.
	Proposed []Need
	// Exceptions hold only until a day: see Input.Today.
	Exceptions []Exception
	// Refused exceptions accept nothing, because something in them is wrong; Fault says what.
	Refused         []Exception
	ProtectedLabels []ProtectedLabel
	Periods         Periods
	Reviews         []Review
	ExternalParties []ExternalParty
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

// internet is the end of a Need that stands for addresses outside; see v1alpha1.Need.
const internet = "internet"

// Hints that stand at several places.
const (
	wantPorts = `write ports as "tcp/443" or "udp/53 tcp/53"`
	wantEntry = "want service: namespace/name, or workload: namespace/name"
	wantNeed  = "a need has id, from, to, ports and justification"
	wantDay   = `write the day as "2026-01-31"`
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
		if spec, _, ok := r.open(o); ok {
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
		spec, bad, ok := r.open(o)
		if !ok {
			continue
		}
		r.assume(o, spec.Assume)
		raw := o.Root.Get("spec")
		each(r.zone, o, raw, "zones", spec.Zones, bad)
		each(r.entry, o, raw, "entries", spec.Entries, bad)
		each(r.need, o, raw, "needs", spec.Needs, bad)
		each(r.exception, o, raw, "exceptions", spec.Exceptions, bad)
		for i, e := range spec.Exceptions {
			if bad[fmt.Sprintf("exceptions[%d]", i)] {
				r.Refused = append(r.Refused, Exception{e, "part of it is not understood", o.Ref, o.At(raw.Get("exceptions").List()[i])})
			}
		}
		each(r.protectedLabel, o, raw, "protectedLabels", spec.ProtectedLabels, bad)
		each(r.review, o, raw, "reviews", spec.Reviews, bad)
		each(r.party, o, raw, "externalParties", spec.ExternalParties, bad)
		r.periods(o, raw.Get("periods"), spec.Periods)
	}
	r.strict()
	r.ends(c)
	r.zonesOfParties()
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

// each reads the entries of one list, but for those that are not understood.
func each[T any](read func(*object.Object, *object.Value, T), o *object.Object, spec *object.Value, name string, list []T, bad map[string]bool) {
	raw := spec.Get(name).List()
	for i, x := range list {
		if !bad[fmt.Sprintf("%s[%d]", name, i)] {
			read(o, raw[i], x)
		}
	}
}

// open decodes the spec strictly. A field that is not understood is reported, and the entry of a list it stands
// in is bad, because it may change the meaning of that entry.
func (r *intentReader) open(o *object.Object) (spec v1alpha1.Spec, bad map[string]bool, ok bool) {
	if o.Version != v1alpha1.Version {
		r.problem(o, nil, "write apiVersion: "+v1alpha1.Group+"/"+v1alpha1.Version, "version %s is not known; the object declares nothing", o.Version)
		return spec, nil, false
	}
	for _, f := range o.Root.Map() {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "spec", "status"}, f.Name) {
			r.problem(o, &object.Value{Line: f.Line}, "a Segmentation has metadata and spec", "%s: unknown field", f.Name)
		}
	}
	bad = map[string]bool{}
	for _, u := range object.Decode(o.Root.Get("spec"), &spec) {
		r.problem(o, &object.Value{Line: u.Line}, "the entry it stands in declares nothing", "spec.%s: %s", u.Path, u.Msg)
		if entry, _, in := strings.Cut(u.Path, "]"); in {
			bad[entry+"]"] = true
		}
	}
	return spec, bad, true
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
		r.problem(o, v, "give it a name, a scope and what is in it", "a zone without name and scope")
		return
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
	for _, n := range slices.Concat(r.Needs, r.Proposed) {
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
